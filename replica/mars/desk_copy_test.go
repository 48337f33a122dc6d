package mars

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// copySource is what host 1 knows while host 2, on the desk, copies its volume in four requests.
type copySource struct {
	*Desk
	log  stream
	base Segment
	asks map[int64]message // by first sector
}

// copying begins a copy of everything, and asks for all of it. Sectors are as [secondary] has left them.
func copying(t testing.TB) *copySource {
	t.Helper()
	d := secondary(t)
	d.cfg.CopyChunk = 16 * int64(small.SectorSize)
	d.Boot()
	s := &copySource{Desk: d, log: stream{geo: small}, asks: make(map[int64]message)}
	s.log.begin(1, 1, 1, Created)
	for i := range int64(10) {
		s.log.write(1, node.Time(i), i, bytes.Repeat([]byte{byte(i + 1)}, 8), false)
	}
	s.log.begin(1, 20, 1, Rotated)
	s.base = s.log.segments[1]
	ver := version{2, 1}
	d.tell(1, message{kind: msgHello, ver: ver, durable: s.log.at.pos}, nil)
	d.request(1, replica.OpInvalidate, 0, 1, nil)
	d.Run()
	d.tell(1, message{kind: msgHello, ver: ver, durable: s.log.at.pos}, nil)
	d.tell(1, message{kind: msgBase, ver: ver, credit: int64(small.Sectors)},
		encodeSegments([]Segment{s.base}))
	d.Ticks(1)
	maps := d.said(msgMap)
	if len(maps) == 0 {
		t.Fatalf("it does not ask where there is content: %+v", d.Status())
	}
	m := maps[len(maps)-1]
	d.tell(1, message{kind: msgMapped, ver: ver, mark: mark{pos: m.pos}, credit: m.credit, nonce: m.nonce},
		node.AppendRuns(s.head(s.log.at), node.Run{First: 0, N: int64(small.Sectors)}))
	for _, m := range d.said(msgCopy) {
		s.asks[m.pos] = m
	}
	if len(s.asks) != 4 {
		t.Fatalf("it asks for %v", s.asks)
	}
	return s
}

// head begins an answer of a source whose volume holds the log up to a mark.
func (s *copySource) head(at mark) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, uint64(at.pos))
	b = le.AppendUint64(b, uint64(at.pos))
	b = le.AppendUint64(b, at.seq)
	return le.AppendUint64(b, at.chain)
}

// copied answers the request for the sectors from first on: all hold v.
func (s *copySource) copied(first int64, at mark, v byte) {
	m := s.asks[first]
	b := binary.LittleEndian.AppendUint32(s.head(at), 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(m.credit))
	b = append(b, bytes.Repeat([]byte{v}, int(m.credit)*int(small.Carry))...)
	s.tell(1, message{kind: msgCopied, ver: version{2, 1}, mark: mark{pos: first}, credit: m.credit,
		nonce: m.nonce}, b)
}

// ship sends the log from the base on.
func (s *copySource) ship() {
	s.tell(1, message{kind: msgData, ver: version{2, 1}, mark: mark{pos: s.base.Start}, durable: s.log.at.pos},
		s.log.bytes(s.base.Start, s.log.at.pos))
}

// A part of the volume was read at the source before a sector of it was written there, and is still on its way to
// the own volume. Another part that was read later does not let replay pass it.
func TestReplayWaitsForACopyUnderWay(t *testing.T) {
	s := copying(t)
	before := s.log.at
	s.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite && f.Dev == devVolume && f.Off < 16 }
	s.copied(0, before, 50)
	s.log.write(1, 21, 3, eight(99), false)
	s.ship()
	for first := int64(16); first < 64; first += 16 {
		s.copied(first, s.log.at, 60)
	}
	s.Ticks(3)
	if st := s.Status(); !st.Inconsistent || st.ToCopy != 16 {
		t.Fatalf("%+v", st)
	}
	s.release()
	s.Ticks(5)
	if st := s.Status(); st.Inconsistent || st.ToCopy != 0 || st.Copied != 64 || !st.UpToDate {
		t.Fatalf("%+v", st)
	}
	for sector, want := range map[int64]byte{0: 50, 3: 99, 4: 50, 16: 60, 63: 60} {
		if got := s.Volume[sector*8]; got != want {
			t.Errorf("sector %d holds %d, expected %d", sector, got, want)
		}
	}
}

// A primary that has deleted log says how to catch up only to who is known to be on its branch.
func TestOnlyAPrefixCatchesUp(t *testing.T) {
	cfg := pair(small)
	cfg.Segment, cfg.LogLimit = 256, 512
	d := primary(t, cfg)
	for i := range int64(40) {
		d.write(t, i, 1, 1)
	}
	d.Ticks(40)
	oldest := d.Machine.stream.segments[0]
	if oldest.Nr < 3 {
		t.Fatalf("the log begins with segment %d", oldest.Nr)
	}
	for _, story := range []struct {
		origin node.ID
		known  bool
	}{{1, true}, {2, false}} {
		home := oldest
		home.Nr, home.Start, home.Origin = 1, 0, story.origin
		b := encodeSegments([]Segment{home})
		d.Sent = nil
		d.tell(2, message{kind: msgCatchUp, ver: version{2, 1}, mark: mark{pos: 100}, credit: int64(small.Sectors)}, b)
		told := 0
		for _, b := range d.Sent {
			if m, body, err := decodeMessage(b); err == nil && m.kind == msgSince {
				if told++; (len(body) > 0) != story.known {
					t.Errorf("origin %d: a body of %d bytes", story.origin, len(body))
				}
			}
		}
		if told != 1 {
			t.Errorf("origin %d: %d answers", story.origin, told)
		}
	}
}
