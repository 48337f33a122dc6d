package mars

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// sample is a short log of two segments, by segment.
func sample() [][]byte {
	s := stream{geo: small}
	s.begin(1, 5, 1, Created)
	s.write(1, 6, 3, []byte("12345678"), false)
	s.write(1, 7, 4, []byte("abcdefghABCDEFGH"), true)
	s.packer = &packer{codec: squeeze.S2}
	s.write(1, 8, 4, make([]byte, 512), false)
	s.packer.codec = squeeze.Zstd
	s.write(1, 8, 4, make([]byte, 512), true)
	s.packer = nil
	s.zero(1, 8, 2, 60, false)
	cut := s.at.pos
	s.begin(2, 8, 2, Forced)
	s.write(2, 9, 0, make([]byte, 8), false)
	s.resize(2, 10, 1<<40)
	s.zero(2, 11, 1<<40-1<<30, 1<<30, true)
	return [][]byte{bytes.Clone(s.buf[:cut]), bytes.Clone(s.buf[cut:])}
}

func FuzzScanLog(f *testing.F) {
	log := sample()
	f.Add(log[0], log[1])
	f.Add(log[0], []byte(nil))
	f.Add(log[0][:len(log[0])-1], log[1])
	f.Add(log[1], log[0])
	f.Add(append(bytes.Clone(log[0]), log[1]...), []byte(nil))
	f.Add([]byte(nil), log[0])
	f.Add([]byte("PLOG"), make([]byte, headerSize))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		files := []node.LogFile{{ID: 1, Data: first}, {ID: 2, Data: second}}
		records, segs, err := ScanLog(files)
		// What was taken, encoded again, is what was scanned, up to where it ended.
		var again stream
		again.geo = small
		whole := append(bytes.Clone(first), second...)
		for len(records) > 0 || len(segs) > 0 {
			// All but the stamp of a segment's frame is in what ScanLog returns.
			at := again.at.pos
			if len(segs) > 0 && segs[0].Start == at {
				stamp := binary.LittleEndian.Uint64(whole[at+40:])
				again.begin(segs[0].Epoch, node.Time(stamp), segs[0].Origin, segs[0].Reason)
				segs = segs[1:]
				continue
			}
			if len(records) == 0 || records[0].Pos != at {
				t.Fatalf("nothing that was scanned stands at position %d", at)
			}
			r := records[0]
			switch {
			case r.Resize > 0:
				again.resize(r.Epoch, r.Stamp, r.Resize)
			case r.Zero:
				again.zero(r.Epoch, r.Stamp, r.Sector, int64(r.Sectors), r.Continues)
			case r.Packed != squeeze.None:
				again.append(&frame{kind: kindWrite, flags: whole[at+6], codec: r.Packed, sectors: r.Sectors, epoch: r.Epoch,
					seq: r.Seq, sector: r.Sector, stamp: r.Stamp, prev: again.at.chain,
					body: whole[at+headerSize : r.End]})
			default:
				again.geo.Carry = uint32(len(r.Data) / int(r.Sectors))
				again.write(r.Epoch, r.Stamp, r.Sector, r.Data, r.Continues)
			}
			if again.at.pos != r.End || again.at.seq != r.Seq {
				t.Fatalf("record %+v ends at %+v", r, again.at)
			}
			records = records[1:]
		}
		if !bytes.HasPrefix(whole, again.buf) {
			t.Fatalf("encoded again, it is\n%x, of\n%x", again.buf, whole)
		}
		if err == nil && len(again.buf) != len(whole) {
			t.Fatalf("a clean end at %d of %d bytes", len(again.buf), len(whole))
		}
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrBadFrame) &&
			!errors.Is(err, ErrChain) {
			t.Fatalf("an error of no class: %v", err)
		}
	})
}

func FuzzDecodeFrame(f *testing.F) {
	for _, seg := range sample() {
		f.Add(seg)
		f.Add(seg[headerSize+segmentBody:])
	}
	f.Add(sample()[0][headerSize+segmentBody+2*headerSize+24:])
	f.Add(sample()[1][headerSize+segmentBody+headerSize+8:])
	f.Add(make([]byte, headerSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeFrame(b)
		if err != nil {
			return
		}
		crc := got.crc
		if again := appendFrame(nil, &got); !bytes.HasPrefix(b, again) || got.crc != crc {
			t.Fatalf("%x decodes to %+v, which encodes to %x", b, got, again)
		}
		// Whatever bit is turned, it shows.
		for _, bit := range []int{0, 37, 300, 8*int(got.size()) - 1} {
			bad := bytes.Clone(b[:got.size()])
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := decodeFrame(bad); err == nil {
				t.Fatalf("bit %d was turned, and it is a frame still", bit)
			}
		}
	})
}

func FuzzMessage(f *testing.F) {
	var b [messageSize]byte
	for kind := msgHello; kind < msgEnd; kind++ {
		m := message{kind: kind, flags: flagReply, ver: version{5, 2}, mark: mark{80, 1, 99},
			durable: 80, applied: 7, durableSeq: 1, credit: 1 << 20, nonce: 1<<32 + 1}
		m.encode(&b)
		f.Add(bytes.Clone(b[:]))
	}
	m := message{kind: msgSplit}
	m.encode(&b)
	f.Add(append(b[:], encodeSegments([]Segment{{Nr: 1, Epoch: 1, Origin: 1, Reason: Created},
		{Nr: 2, Epoch: 2, Origin: 2, Reason: Forced, Start: 500, Seq: 3}})...))
	m = message{kind: msgHello}
	m.encode(&b)
	g := group{epoch: 3, by: 2, changes: 4, resource: 5, members: []node.Addr{{Host: 1}, {Host: 2}}}
	f.Add(append(bytes.Clone(b[:]), g.encode()...))
	g.limit = 1 << 40
	f.Add(append(bytes.Clone(b[:]), g.encode()...))
	f.Add(append(bytes.Clone(b[:]), g.encode()[:groupHead+7]...))
	g.members = append(g.members, g.members[0]) // twice
	f.Add(append(bytes.Clone(b[:]), g.encode()...))
	f.Add(append(bytes.Clone(b[:]), g.encode()[:groupHead+1]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, body, err := decodeMessage(b)
		if err == nil {
			var again [messageSize]byte
			m.encode(&again)
			same := append(again[:], body...)
			same[2], same[3] = b[2], b[3] // not used
			if !bytes.Equal(same, b) {
				t.Fatalf("%x decodes to %+v, which encodes to %x", b, m, same)
			}
		}
		segs, err := decodeSegments(body)
		if err == nil && !bytes.Equal(encodeSegments(segs), body) {
			t.Fatalf("%x decodes to %+v", body, segs)
		}
		g, err := decodeGroup(body)
		if err == nil && !bytes.Equal(g.encode(), body) {
			t.Fatalf("%x decodes to %+v", body, g)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	s := state{ver: version{7, 3}, applied: mark{100, 2, 77}, granted: 2, fetchOn: true}
	one := s.encode(nil, 1)
	s.still, s.applied.pos = true, 200
	both := append(bytes.Clone(one), s.encode(nil, 2)...)
	f.Add(one)
	f.Add(both)
	f.Add(both[:len(both)-1])
	f.Add(append(bytes.Clone(both), one...))
	f.Add(make([]byte, 2*metaSize))
	long := s
	long.long, long.sectors = true, 1<<40
	long.group = group{epoch: 3, by: 2, changes: 1, members: []node.Addr{{Host: 1}, {Host: 3}}}
	f.Add(append(bytes.Clone(both), long.encode(nil, 3)...))
	f.Add(append(long.encode(nil, 3), s.encode(nil, 4)...))
	f.Add(append(bytes.Clone(both), long.encode(nil, 3)[:metaSize+20]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, gen, ok := decodeState(b)
		if !ok {
			return
		}
		// The newest valid record stands somewhere in front, and encodes to itself but for
		// flags and bytes that have no meaning yet.
		again := s.encode(nil, gen)
		for at := 0; at+len(again) <= len(b); at++ {
			if bytes.Equal(again[8:56], b[at+8:at+56]) && (!s.long ||
				bytes.Equal(again[metaSize:len(again)-4], b[at+metaSize:at+len(again)-4])) {
				return
			}
		}
		t.Fatalf("%+v, generation %d, stands nowhere in %x", s, gen, b)
	})
}

// newRequest is one of those that came later to the script than the others.
func newRequest(ev *node.Event, which int, tag node.Tag, n int) {
	ops := []node.Op{node.OpZero, node.OpMap, replica.OpWatch, replica.OpOpen, replica.OpClose,
		replica.OpAddMember, replica.OpRemoveMember, replica.OpResize}
	ev.Kind, ev.Op, ev.Tag = node.KindRequest, ops[which%len(ops)], tag
	ev.Off, ev.N = int64(n%64), 1+int64(n%7)
	switch ev.Op {
	case replica.OpAddMember, replica.OpRemoveMember:
		ev.Data = replica.AppendAddr(nil, node.Addr{Host: node.ID(n % 6)})
	case replica.OpResize:
		ev.N = int64(60 + n%64)
	}
}

// FuzzStep is a replica among strangers: whatever arrives, and however requests end, it must not
// panic, and must answer for its state. Each byte of the script says what happens next.
func FuzzStep(f *testing.F) {
	log := sample()
	var b [messageSize]byte
	say := func(m message, body []byte) []byte {
		m.encode(&b)
		return append(bytes.Clone(b[:]), body...)
	}
	data := say(message{kind: msgData, ver: version{2, 1}, durable: 300}, log[0])
	split := say(message{kind: msgSplit, ver: version{4, 1}, mark: mark{pos: 80}},
		encodeSegments([]Segment{{Nr: 1, Epoch: 9, Origin: 1, Reason: Created}}))
	fetch := say(message{kind: msgFetch, flags: flagRewind, ver: version{2, 1}, mark: mark{pos: 80},
		credit: 1 << 40}, nil)
	ask := say(message{kind: msgAsk, ver: version{2, 1}, nonce: 1}, nil)
	grant := say(message{kind: msgGrant, ver: version{3, 1}, nonce: 1<<32 + 1}, nil)
	f.Add(uint8(2), data, split, []byte{0, 2, 0, 2, 2, 3, 1, 2, 2, 3, 3, 2})
	f.Add(uint8(1), fetch, ask, []byte{3, 2, 3, 2, 4, 0, 2, 5, 0, 2, 1, 2, 2, 6, 2, 3, 2})
	f.Add(uint8(2), data, grant, []byte{3, 0, 2, 3, 7, 1, 2, 3, 2, 18, 2, 8, 2, 9, 2, 3, 3})
	g := group{epoch: 3, by: 1, changes: 1, members: []node.Addr{{Host: 1}, {Host: 2}, {Host: 4}}}
	hello := say(message{kind: msgHello, flags: flagReply, ver: version{2, 1}}, g.encode())
	f.Add(uint8(2), data, hello, []byte{0, 2, 1, 2, 3, 2, 13, 3, 2, 1, 2})
	f.Add(uint8(0), hello, data, []byte{3, 2, 3, 2, 31, 47, 2, 63, 79, 95, 2, 0, 2, 3, 2, 13, 3, 2})
	f.Add(uint8(2), data[:100], split[:81], []byte{0, 1, 2, 3, 34, 50, 66, 82, 98, 3, 10, 3})
	f.Fuzz(func(t *testing.T, host uint8, first, second, script []byte) {
		if len(script) > 200 {
			return
		}
		self := node.ID(1 + host%3)
		peer := node.Addr{Host: 1 + self%3}
		cfg := pair(small)
		cfg.Members = append(cfg.Members, node.Addr{Host: 3})
		d := NewDesk(t, self, cfg)
		d.Boot()
		fail := node.OK
		d.Fail = func(f *node.Effect) node.Code { return fail }
		for i, c := range script {
			ev := node.Event{Kind: node.KindMessage, From: peer}
			// What ends badly from here on is said by the upper half.
			fail = node.Code(c >> 4 % 8)
			switch c & 15 {
			case 0:
				ev.Data = first
			case 1:
				ev.Data = second
			case 2:
				d.Run()
				continue
			case 3:
				ev.Kind = node.KindTimer
				d.now += cfg.Guard + 100*node.Millisecond
			case 4, 5, 6:
				ev.Kind, ev.Op, ev.Tag = node.KindRequest, node.OpRead+node.Op(c&15-4), node.Tag(i)
				ev.Off, ev.N, ev.Data = int64(len(first)%64), 1, make([]byte, 8)
			case 7, 8, 9, 10, 11, 12:
				ev.Kind, ev.Tag = node.KindRequest, node.Tag(i)
				ev.Op = replica.OpPrimary + node.Op(c&15-7)
			case 13:
				fail = node.OK
				d.Boot()
				continue
			case 14:
				peer.Host = 1 + peer.Host%3
				continue
			default:
				if c>>4 == 0 {
					d.Complete()
					continue
				}
				fail = node.OK
				newRequest(&ev, int(c>>4), node.Tag(i), len(second))
			}
			d.Step(&ev)
		}
		fail = node.OK
		d.Run()
		d.Ticks(1)
		s := d.Status()
		if s.Role == replica.RoleDefective || s.Role == replica.RoleBooting {
			return
		}
		if s.Applied > s.Durable || s.Durable > s.End || s.Synced > s.Applied {
			t.Fatalf("positions out of order: %+v", s)
		}
	})
}
