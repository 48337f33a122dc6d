package mars

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// tell delivers a message from another host and runs until there is nothing more to do.
func (d *Desk) tell(from node.ID, m message, body []byte) {
	d.hear(from, m, body)
	d.Run()
}

// hear delivers a message and leaves open what it begins.
func (d *Desk) hear(from node.ID, m message, body []byte) {
	var b [messageSize]byte
	m.encode(&b)
	d.Step(&node.Event{Kind: node.KindMessage, From: node.Addr{Host: from},
		Data: append(b[:], body...)})
}

// HearGroup delivers a hello that carries a group.
func (d *Desk) HearGroup(from node.ID, resource, changes uint64, members []node.Addr) {
	g := group{epoch: 5, by: 2, changes: changes, resource: resource, members: members}
	d.tell(from, message{kind: msgHello}, g.encode())
}

// Break makes the replica defective.
func (d *Desk) Break(why string) {
	m := d.Machine
	d.out.Reset()
	m.now, m.out = d.now, &d.out
	m.defect("%s", why)
	m.noteChange()
	for i := range d.out.Len() {
		d.carryOut(d.out.At(i))
	}
}

// said returns the messages of one kind since the last call, and forgets all.
func (d *Desk) said(kind msgKind) (list []message) {
	for _, b := range d.Sent {
		if m, _, err := decodeMessage(b); err == nil && m.kind == kind {
			list = append(list, m)
		}
	}
	d.Sent = nil
	return list
}

// pair is a group of two, for a replica on a desk.
func pair(g node.Geometry) Config {
	return Config{Geometry: g, Members: []node.Addr{{Host: 1}, {Host: 2}},
		HandoverLag: 1 << 40, Buffer: 64 << 10}
}

var small = node.Geometry{Sectors: 64, SectorSize: 4096, Carry: 8}

// primary is host 1, which serves in epoch 1.
func primary(t testing.TB, cfg Config) *Desk {
	t.Helper()
	d := NewDesk(t, 1, cfg)
	d.Boot()
	d.Ticks(20)
	if s := d.Status(); s.Role != replica.RolePrimary || s.Epoch != 1 {
		t.Fatalf("%+v", s)
	}
	return d
}

func (d *Desk) write(t testing.TB, sector, n int64, v byte) {
	t.Helper()
	data := bytes.Repeat([]byte{v}, int(n)*int(d.cfg.Geometry.Carry))
	if o, ok := d.Ask(node.OpWrite, sector, n, data); !ok || o.Code != node.OK {
		t.Fatalf("write of %d sectors from %d: answered %v, %v", n, sector, ok, o.Code)
	}
}

// secondary is host 2, which has fetched and applied ten records of epoch 1.
func secondary(t testing.TB) *Desk {
	t.Helper()
	d := NewDesk(t, 2, pair(small))
	d.Boot()
	log := stream{geo: small}
	log.begin(1, 1, 1, Created)
	for i := range int64(10) {
		log.write(1, node.Time(i), i, bytes.Repeat([]byte{byte(i + 1)}, 8), false)
	}
	d.tell(1, message{kind: msgHello, ver: version{2, 1}, durable: log.at.pos}, nil)
	d.tell(1, message{kind: msgData, ver: version{2, 1}, durable: log.at.pos}, log.buf)
	d.Ticks(2)
	if s := d.Status(); s.Role != replica.RoleSecondary || s.AppliedSeq != 10 || !s.UpToDate {
		t.Fatalf("%+v", s)
	}
	return d
}

// A large write may put more into the log than the buffer has room for. A primary that closes
// then, writes back, and opens again must not look for it in memory.
func TestReopenedPrimaryReadsWhatItWroteBackWhileClosed(t *testing.T) {
	d := primary(t, pair(node.Geometry{Sectors: 32768, SectorSize: 512, Carry: 512}))
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpWrite {
			return node.IOError // the volume, for a while
		}
		return node.OK
	}
	d.write(t, 0, 32768, 7)
	d.tell(2, message{kind: msgAsk, ver: version{2, 1}, nonce: 1}, nil)
	if s := d.Status(); s.Role != replica.RoleClosed || s.AppliedSeq != 0 {
		t.Fatalf("%+v", s)
	}
	d.Fail = nil
	d.Ticks(20)
	tag := node.Tag(1)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimary, Tag: tag})
	revokes := d.said(msgRevoke)
	if len(revokes) == 0 {
		t.Fatal("host 2 is not asked whether it still wants to take over")
	}
	d.tell(2, message{kind: msgRevoked, ver: version{3, 1}, nonce: revokes[0].nonce}, nil)
	if o := d.Answers[tag]; o.Code != node.OK || d.Status().Role != replica.RolePrimary {
		t.Fatalf("primary: %v %s, %v", o.Code, o.Data, d.Machine)
	}
	for s := int64(0); s < 32768; s += 1000 {
		o, ok := d.Ask(node.OpRead, s, 1, nil)
		if !ok || o.Code != node.OK || o.Data[0] != 7 {
			t.Fatalf("sector %d: answered %v, %v", s, ok, o.Code)
		}
	}
}

func TestOnlyTheAnswerToThisAttemptCounts(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 4, 1)
	d.tell(2, message{kind: msgAsk, ver: version{2, 1}, nonce: 1}, nil)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimary, Tag: 1})
	nonce := d.said(msgRevoke)[0].nonce
	for _, other := range []uint64{0, 1, nonce - 1, nonce + 1, nonce + 1<<32, nonce - 1<<32} {
		d.tell(2, message{kind: msgRevoked, ver: version{3, 1}, nonce: other}, nil)
		if s := d.Status(); s.Role != replica.RoleClosed {
			t.Fatalf("an answer to attempt %#x made it %v; it asked with %#x", other, s.Role, nonce)
		}
	}
	// While the offer is being taken back, it is not made again.
	d.said(msgGrant)
	d.tell(2, message{kind: msgAsk, ver: version{3, 1}, nonce: 2}, nil)
	if n := len(d.said(msgGrant)); n > 0 {
		t.Fatal("it grants what it is about to take back")
	}
	d.tell(2, message{kind: msgRevoked, ver: version{3, 1}, nonce: nonce}, nil)
	if s := d.Status(); s.Role != replica.RolePrimary || s.Epoch != 2 {
		t.Fatalf("%+v", s)
	}
}

func TestLateGrantOfAFormerAttemptIsIgnored(t *testing.T) {
	d := secondary(t)
	end := d.Machine.stream.at
	closed := version{3, 1}
	ask := func(tag node.Tag) uint64 {
		d.said(msgAsk)
		d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimary, Tag: tag})
		asks := d.said(msgAsk)
		if len(asks) != 1 {
			t.Fatalf("%d messages ask for the handover", len(asks))
		}
		return asks[0].nonce
	}
	first := ask(1)
	d.tell(1, message{kind: msgRevoke, ver: closed, nonce: 9}, nil)
	if o := d.Answers[1]; o.Code != node.Refused {
		t.Fatalf("after the offer was taken back: %v", o.Code)
	}
	if n := len(d.said(msgRevoked)); n != 1 {
		t.Fatalf("%d answers to the revoke", n)
	}
	second := ask(2)
	d.tell(1, message{kind: msgGrant, ver: closed, mark: end, nonce: first}, nil)
	d.Ticks(3)
	if s := d.Status(); s.Role != replica.RoleSecondary {
		t.Fatalf("a grant for attempt %#x made it %v; it asks with %#x", first, s.Role, second)
	}
	// A restart begins a new row of attempts. It looks as if it had forgotten the old ones.
	d.Boot()
	third := ask(3)
	if third == first || third == second {
		t.Fatalf("attempt %#x is counted again after a restart", third)
	}
	for _, late := range []uint64{first, second} {
		d.tell(1, message{kind: msgGrant, ver: closed, mark: end, nonce: late}, nil)
		d.Ticks(3)
		if s := d.Status(); s.Role != replica.RoleSecondary {
			t.Fatalf("a grant for the former incarnation made it %v", s.Role)
		}
	}
	// Once it has begun to take over, it gives nothing back.
	d.hear(1, message{kind: msgGrant, ver: closed, mark: end, nonce: third}, nil)
	if d.Machine.change.promoting == 0 {
		t.Fatal("it does not take over")
	}
	d.hear(1, message{kind: msgRevoke, ver: closed, nonce: 10}, nil)
	d.Run()
	if s := d.Status(); s.Role != replica.RolePrimary || s.Epoch != 2 {
		t.Fatalf("%+v", s)
	}
	if n := len(d.said(msgRevoked)); n > 0 {
		t.Fatal("a primary says that it does not want to be one")
	}
}

// The offer says where the log ends. Until the new primary has all of it, it waits.
func TestGrantWaitsForTheRestOfTheLog(t *testing.T) {
	d := secondary(t)
	log := d.Machine.stream
	rest := stream{geo: small}
	rest.reset(log.at)
	rest.write(1, 50, 3, []byte("lastword"), false)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimary, Tag: 1})
	nonce := d.said(msgAsk)[0].nonce
	d.tell(1, message{kind: msgGrant, ver: version{3, 1}, mark: rest.at, nonce: nonce}, nil)
	d.Ticks(5)
	if _, ok := d.Answers[1]; ok || d.Status().Role != replica.RoleSecondary {
		t.Fatalf("without the last record: answered %v, %v", ok, d.Machine)
	}
	d.tell(1, message{kind: msgData, ver: version{3, 1}, mark: mark{pos: log.at.pos},
		durable: rest.at.pos}, rest.buf)
	if o, ok := d.Answers[1]; !ok || o.Code != node.OK {
		t.Fatalf("with it: answered %v, %v %s", ok, o.Code, o.Data)
	}
	if o, _ := d.Ask(node.OpRead, 3, 1, nil); string(o.Data) != "lastword" {
		t.Fatalf("sector 3 holds %q", o.Data)
	}
}

// The new primary takes over exactly what the old one ended with.
func TestGrantWithAnotherEndIsASplitBrain(t *testing.T) {
	d := secondary(t)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimary, Tag: 1})
	nonce := d.said(msgAsk)[0].nonce
	end := d.Machine.stream.at
	end.chain++
	d.tell(1, message{kind: msgGrant, ver: version{3, 1}, mark: end, nonce: nonce}, nil)
	o := d.Answers[1]
	if o.Code != node.Refused ||
		string(o.Data) != "split brain: the old primary's log ends elsewhere" {
		t.Fatalf("%v %s", o.Code, o.Data)
	}
}

// Nobody is told that this replica is primary before that would survive a crash.
func TestNobodyHearsOfANewEpochBeforeItIsDurable(t *testing.T) {
	d := secondary(t)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpPrimaryForce, Tag: 1})
	d.OnSend = func(b []byte) {
		m, _, err := decodeMessage(b)
		if err != nil || m.ver.epoch() < 2 {
			return
		}
		var newest state
		for _, f := range d.Logs[devMeta] {
			if s, _, ok := decodeState(f.Data[:f.Synced]); ok && newest.ver.older(s.ver) {
				newest = s
			}
		}
		if newest.ver.epoch() < 2 {
			t.Fatal("epoch 2 is told, but a crash would take it back")
		}
	}
	d.Run()
	if s := d.Status(); s.Role != replica.RolePrimary || len(d.said(msgHello)) == 0 {
		t.Fatalf("%+v", s)
	}
}

// A read of the own log for one fork must not be counted for another one, or for none.
func TestLossOfOneForkIsNotCountedForAnother(t *testing.T) {
	d := secondary(t)
	fork := func(v version, at, seq int64) {
		theirs := []Segment{d.Machine.stream.segments[0],
			{Nr: 2, Epoch: v.epoch(), Origin: v.host, Reason: Forced, Start: at, Seq: uint64(seq)}}
		d.hear(1, message{kind: msgSplit, ver: v, mark: mark{pos: at + 80}}, encodeSegments(theirs))
	}
	const record = 72
	fork(version{4, 1}, 80+2*record, 2)
	// The read is under way, and a newer primary turns up.
	d.hear(1, message{kind: msgHello, ver: version{6, 1}}, nil)
	d.Run()
	if s := d.Status(); s.SplitBrain || s.Lost != (replica.Loss{}) {
		t.Fatalf("under the new primary: %+v", s)
	}
	fork(version{6, 1}, 80+3*record, 3)
	d.hear(1, message{kind: msgHello, ver: version{8, 1}}, nil)
	fork(version{8, 1}, 80+6*record, 6)
	d.Run()
	if s := d.Status(); !s.SplitBrain || s.Lost.Ops != 4 || s.Lost.Bytes != 4*4096 {
		t.Fatalf("four records are beyond the last fork: %+v", s)
	}
}

func TestLossIsCountedInSpiteOfABadRead(t *testing.T) {
	d := secondary(t)
	failed := false
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpLogRead && !failed {
			failed = true
			return node.IOError
		}
		return node.OK
	}
	theirs := []Segment{{Nr: 1, Epoch: 2, Origin: 1, Reason: Forced}}
	d.tell(1, message{kind: msgSplit, ver: version{4, 1}}, encodeSegments(theirs))
	d.Ticks(2)
	if s := d.Status(); !failed || s.Lost.Ops != 10 {
		t.Fatalf("after a read that failed %v: %+v", failed, s.Lost)
	}
}

// Frames that are whole, but not of this volume or not of this place in the log, must not get in.
func TestFrameThatDoesNotBelongHereIsNotTaken(t *testing.T) {
	for _, story := range []struct {
		name  string
		frame func(at mark) frame
	}{
		{"sectors of another size", func(at mark) frame {
			return frame{kind: kindWrite, sectors: 2, seq: at.seq + 1, body: make([]byte, 8)}
		}},
		{"beyond the end", func(at mark) frame {
			return frame{kind: kindWrite, sectors: 1, seq: at.seq + 1, sector: 64, body: make([]byte, 8)}
		}},
		{"far beyond the end", func(at mark) frame {
			return frame{kind: kindWrite, sectors: 2, seq: at.seq + 1, sector: 1<<63 - 1,
				body: make([]byte, 16)}
		}},
		{"larger than the volume", func(at mark) frame {
			return frame{kind: kindWrite, sectors: 65, seq: at.seq + 1, body: make([]byte, 65*8)}
		}},
		{"a record too many", func(at mark) frame {
			return frame{kind: kindWrite, sectors: 1, seq: at.seq + 2, body: make([]byte, 8)}
		}},
		{"a segment from elsewhere", func(at mark) frame {
			s := Segment{Nr: 2, Origin: 1, Reason: Recovery, Start: at.pos + 1}
			return frame{kind: kindSegment, seq: at.seq, sector: 2, body: s.body()}
		}},
		{"a segment too many", func(at mark) frame {
			s := Segment{Nr: 3, Origin: 1, Reason: Recovery, Start: at.pos}
			return frame{kind: kindSegment, seq: at.seq, sector: 3, body: s.body()}
		}},
	} {
		t.Run(story.name, func(t *testing.T) {
			d := secondary(t)
			at := d.Machine.stream.at
			f := story.frame(at)
			f.prev, f.epoch = at.chain, 1
			d.tell(1, message{kind: msgData, ver: version{2, 1}, mark: mark{pos: at.pos},
				durable: at.pos + f.size()}, appendFrame(nil, &f))
			d.Ticks(3)
			if got := d.Machine.stream.at; got != at {
				t.Errorf("the log went on to %+v", got)
			}
			if s := d.Status(); s.Role != replica.RoleSecondary {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestNamesOfSettingsAndReasons(t *testing.T) {
	for i, name := range []string{"durable", "logged", "submitted"} {
		if got, err := ParseAck(name); err != nil || got != Ack(i) {
			t.Errorf("%q is %d, %v", name, got, err)
		}
	}
	want := `ack "never", expected durable, logged, submitted, remote or quorum`
	if _, err := ParseAck("never"); err == nil || err.Error() != want {
		t.Errorf("error %v, expected %s", err, want)
	}
	for r, want := range map[Reason]string{Created: "created", Recovery: "recovery",
		Handover: "handover", Forced: "forced", 0: "?", 9: "reason(9)"} {
		if got := r.String(); got != want {
			t.Errorf("reason %d is called %q", uint32(r), got)
		}
	}
	d := secondary(t)
	if got := d.Machine.String(); got != "mars Secondary epoch 1 primary 1 log 800/800/800" {
		t.Errorf("it is shown as %q", got)
	}
}
