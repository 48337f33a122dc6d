package mars

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// request submits one request and leaves open what it begins.
func (d *Desk) request(tag node.Tag, op node.Op, first, n int64, data []byte) {
	d.Step(&node.Event{Kind: node.KindRequest, Op: op, Tag: tag, Off: first, N: n, Data: data})
}

// release lets all that is held end, and runs until there is nothing more to do.
func (d *Desk) release() {
	d.Hold, d.queue, d.held = nil, append(d.queue, d.held...), nil
	d.Run()
}

func (d *Desk) answered(tag node.Tag) bool {
	_, ok := d.Answers[tag]
	return ok
}

// A resize comes while a window of writeback, or a sync, is under way at the volume. The desk fails
// if it does not wait.
func TestResizeWaitsForTheVolume(t *testing.T) {
	for _, busy := range []node.Op{node.OpWrite, node.OpZero, node.OpSync, node.OpRead, node.OpMap} {
		d := primary(t, pair(small))
		d.write(t, 0, 4, 1)
		d.Hold = func(f *node.Effect) bool { return f.Op == busy }
		switch busy {
		case node.OpWrite:
			d.request(1, node.OpWrite, 0, 1, make([]byte, 8))
		case node.OpSync:
			d.Ticks(1)
		default:
			d.request(1, busy, 10, 4, nil)
		}
		d.Run()
		if len(d.held) != 1 {
			t.Fatalf("%v: %d requests are under way", busy, len(d.held))
		}
		d.request(2, replica.OpResize, 0, 70, nil)
		d.Run()
		if d.answered(2) {
			t.Errorf("%v: a resize did not wait", busy)
		}
		d.release()
		if o, ok := d.Answers[2]; !ok || o.Code != node.OK || d.Status().Sectors != 70 {
			t.Errorf("%v: answered %v, %v %s", busy, ok, o.Code, o.Data)
		}
	}
}

func TestResizeIsAnsweredWhenItIsDurableAndDone(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devLog }
	d.request(1, replica.OpResize, 0, 70, nil)
	d.request(2, node.OpRead, 69, 1, nil)
	d.Run()
	d.request(3, replica.OpResize, 0, 70, nil) // is under way already
	if d.answered(1) || d.answered(3) || d.Status().Sectors != 64 {
		t.Errorf("answered %v, %v: %+v", d.answered(1), d.answered(3), d.Status())
	}
	if o := d.Answers[2]; o.Code != node.Invalid {
		t.Errorf("a read in the new part: %v", o.Code)
	}
	d.release()
	for _, tag := range []node.Tag{1, 3} {
		if o, ok := d.Answers[tag]; !ok || o.Code != node.OK {
			t.Errorf("request %d: answered %v, %v", tag, ok, o.Code)
		}
	}
	if o, ok := d.Ask(node.OpRead, 69, 1, nil); !ok || o.Code != node.OK {
		t.Errorf("a read in the new part: answered %v, %v", ok, o.Code)
	}
}

// A setting of acknowledgement is in force for what waits at once, and promised when it is durable: a crash of
// the primary does not bring the old one back.
func TestSetAckIsAnsweredWhenItIsDurable(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devMeta }
	d.request(1, replica.OpSetAck, 0, 0, []byte("remote"))
	d.request(2, node.OpWrite, 0, 1, make([]byte, 8))
	d.Ticks(2)
	if d.answered(1) || d.answered(2) {
		t.Fatalf("answered: the verb %v, a write %v", d.answered(1), d.answered(2))
	}
	d.release()
	if o := d.Answers[1]; !d.answered(1) || o.Code != node.OK || d.answered(2) {
		t.Fatalf("answered: the verb %v, %v, a write %v", d.answered(1), o.Code, d.answered(2))
	}
	d.Boot()
	if s := d.Status(); s.Ack != "remote" {
		t.Errorf("after a boot: %s", s.Ack)
	}
}

func TestMembershipIsAnsweredWhenItIsDurable(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devMeta }
	three := replica.AppendAddr(nil, node.Addr{Host: 3})
	d.Sent = nil
	d.request(1, replica.OpAddMember, 0, 0, three)
	d.Run()
	d.request(2, replica.OpAddMember, 0, 0, three) // the same again
	if d.answered(1) || d.answered(2) {
		t.Errorf("answered %v, %v before a crash would leave it", d.answered(1), d.answered(2))
	}
	for _, b := range d.Sent {
		if _, body, err := decodeMessage(b); err == nil && len(body) > 0 {
			t.Error("a group was told that is not durable")
		}
	}
	d.release()
	for _, tag := range []node.Tag{1, 2} {
		if o, ok := d.Answers[tag]; !ok || o.Code != node.OK {
			t.Errorf("request %d: answered %v, %v", tag, ok, o.Code)
		}
	}
	d.Boot()
	want := []node.Addr{{Host: 1}, {Host: 2}, {Host: 3}}
	if s := d.Status(); !slices.Equal(s.Members, want) {
		t.Errorf("after a crash: %v", s.Members)
	}
}

// Whoever takes over must not change a group that is older than that of the former primary. So it
// learns the group with the offer itself.
func TestGrantCarriesTheGroup(t *testing.T) {
	d := primary(t, pair(small))
	d.Ask(replica.OpAddMember, 0, 0, replica.AppendAddr(nil, node.Addr{Host: 3}))
	d.Sent = nil
	d.tell(2, message{kind: msgAsk, ver: version{2, 1}, nonce: 1}, nil)
	found := false
	for _, b := range d.Sent {
		m, body, err := decodeMessage(b)
		if err != nil || m.kind != msgGrant {
			continue
		}
		found = true
		next := secondary(t)
		next.tell(1, m, body)
		if got := next.Status().Members; len(got) != 3 {
			t.Errorf("host 2 knows of %v", got)
		}
	}
	if !found {
		t.Error("no grant")
	}
}

// The volume does not know yet of what waits for a window that is under way.
func TestMapShowsWhatTheVolumeDoesNotHaveYet(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite }
	d.write(t, 0, 1, 1) // on its way, for ever
	d.write(t, 10, 2, 1)
	d.write(t, 12, 3, 1)
	d.write(t, 30, 1, 1)
	o, ok := d.Ask(node.OpMap, 1, 30, nil)
	runs, err := node.DecodeRuns(o.Data)
	if want := []node.Run{{First: 10, N: 5}, {First: 30, N: 1}}; !ok || err != nil ||
		!slices.Equal(runs, want) {
		t.Errorf("answered %v: %v, %v, expected %v", ok, runs, err, want)
	}
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpMap {
			return node.IOError
		}
		return node.OK
	}
	if o, ok := d.Ask(node.OpMap, 0, 64, nil); !ok || o.Code != node.IOError {
		t.Errorf("the volume failed: answered %v, %v", ok, o.Code)
	}
}

// A crash could take back a zero that is not durable yet: it is not shown before.
func TestReadWaitsUntilAZeroIsDurable(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 4, 1)
	d.Ticks(2)
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devLog }
	d.request(1, node.OpZero, 1, 2, nil)
	d.request(2, node.OpRead, 0, 4, nil)
	d.request(3, node.OpRead, 1, 2, nil)
	d.request(4, node.OpRead, 0, 1, nil)
	d.Run()
	if d.answered(1) || d.answered(2) || d.answered(3) || !d.answered(4) {
		t.Errorf("answered: zero %v, reads %v %v, elsewhere %v", d.answered(1), d.answered(2),
			d.answered(3), d.answered(4))
	}
	d.release()
	if o, ok := d.Answers[2]; !ok || o.Data[0] != 1 || o.Data[8] != 0 || o.Data[24] != 1 {
		t.Errorf("answered %v: %x", ok, o.Data)
	}
}

// A refusal counts for the attempt to which it was said, and a member that is removed gives its
// attempt up.
func TestHandoverEndsWithARefusalOrARemoval(t *testing.T) {
	d := secondary(t)
	d.request(1, replica.OpPrimary, 0, 0, nil)
	nonce := d.said(msgAsk)[0].nonce
	d.tell(1, message{kind: msgInUse, ver: version{2, 1}, credit: 3, nonce: nonce + 1}, nil)
	if d.answered(1) {
		t.Fatal("it was refused by what was said to another attempt")
	}
	d.tell(1, message{kind: msgInUse, ver: version{2, 1}, credit: 3, nonce: nonce}, nil)
	if o := d.Answers[1]; o.Code != node.Refused ||
		string(o.Data) != "the volume is in use on host 1 by 3 users" {
		t.Errorf("%v %s", o.Code, o.Data)
	}
	d.request(2, replica.OpPrimary, 0, 0, nil)
	d.HearGroup(1, 0, 99, []node.Addr{{Host: 1}})
	if o := d.Answers[2]; o.Code != node.Refused ||
		string(o.Data) != "this replica has been removed from the group" {
		t.Errorf("%v %s", o.Code, o.Data)
	}
	if s := d.Status(); s.Role != replica.RoleLeft {
		t.Errorf("%+v", s)
	}
}

// A read of the log for a member that leaves meanwhile, and perhaps returns, is for nobody.
func TestMemberLeavesWhileItsLogIsRead(t *testing.T) {
	d := primary(t, pair(small))
	for i := range int64(5000) {
		d.write(t, i%60, 4, byte(i))
	}
	d.Ticks(3)
	fetch := func(at mark) {
		d.hear(2, message{kind: msgFetch, flags: flagRewind, ver: version{2, 1}, mark: at,
			credit: 1 << 40}, nil)
	}
	two := replica.AppendAddr(nil, node.Addr{Host: 2})
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogRead }
	fetch(mark{})
	d.Run()
	if len(d.held) != 1 {
		t.Fatalf("%d reads are under way", len(d.held))
	}
	d.Ask(replica.OpRemoveMember, 0, 0, two)
	d.release()
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogRead }
	d.Ask(replica.OpAddMember, 0, 0, two)
	fetch(mark{})
	d.Run()
	d.Ask(replica.OpRemoveMember, 0, 0, two)
	d.Ask(replica.OpAddMember, 0, 0, two)
	d.Sent = nil
	d.release() // the member is back, and has asked for nothing yet
	if n := len(d.said(msgSplit)); n > 0 {
		t.Error("a member was told that its history has left the branch")
	}
	fetch(mark{})
	d.Run()
	if n := len(d.said(msgData)); n == 0 {
		t.Error("the member that has returned gets nothing")
	}
}

// A replica that stops being primary answers everybody: a map that the volume is at, changes of the
// group and of the size that are not durable yet.
func TestDemotedReplicaEndsItsVerbs(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync || f.Op == node.OpMap }
	d.request(1, replica.OpResize, 0, 70, nil)
	d.Run()
	d.request(2, node.OpMap, 0, 64, nil)
	d.request(3, replica.OpAddMember, 0, 0, replica.AppendAddr(nil, node.Addr{Host: 3}))
	d.Run()
	d.hear(2, message{kind: msgHello, ver: version{4, 2}}, nil)
	for tag, want := range map[node.Tag]node.Code{1: node.Unknown, 2: node.NotPrimary,
		3: node.Unknown} {
		if o, ok := d.Answers[tag]; !ok || o.Code != want {
			t.Errorf("request %d: answered %v, %v, expected %v", tag, ok, o.Code, want)
		}
	}
	d.release()
	if s := d.Status(); d.Machine.io.liveMaps != 0 || s.Role != replica.RoleSecondary {
		t.Errorf("%d maps are live: %+v", d.Machine.io.liveMaps, s)
	}
}

// Two changes of size, the second while the first waits for replay: both come true, in order.
func TestSecondResizeWaitsForReplay(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite }
	d.request(1, node.OpWrite, 0, 1, make([]byte, 8))
	d.Run()
	d.release()
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpLogSync && f.Dev == devLog }
	d.request(2, replica.OpResize, 0, 70, nil)
	d.Run()
	d.request(3, replica.OpResize, 0, 80, nil)
	d.Run()
	d.release()
	for _, tag := range []node.Tag{2, 3} {
		if o, ok := d.Answers[tag]; !ok || o.Code != node.OK {
			t.Errorf("request %d: answered %v, %v %s", tag, ok, o.Code, o.Data)
		}
	}
	if s := d.Status(); s.Sectors != 80 || len(d.Volume) != 640 {
		t.Errorf("%d sectors, a volume of %d bytes", s.Sectors, len(d.Volume))
	}
}
