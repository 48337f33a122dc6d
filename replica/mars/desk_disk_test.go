package mars

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A read that waits for the volume when its replica is demoted is answered once, and its place is
// free again when the volume has answered.
func TestDemotedReplicaEndsItsReads(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 8, 1)
	d.Ticks(3)
	for tag := node.Tag(1); tag <= 3; tag++ {
		d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpRead, Tag: tag, Off: 0, N: 8})
	}
	d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpWrite, Tag: 4, Off: 0, N: 1,
		Data: make([]byte, 8)})
	d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpRead, Tag: 5, Off: 0, N: 1})
	d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpSync, Tag: 6})
	d.hear(2, message{kind: msgHello, ver: version{4, 2}}, nil)
	for tag, want := range map[node.Tag]node.Code{1: node.NotPrimary, 2: node.NotPrimary,
		3: node.NotPrimary, 4: node.Unknown, 5: node.NotPrimary, 6: node.Unknown} {
		if o, ok := d.Answers[tag]; !ok || o.Code != want {
			t.Errorf("request %d: answered %v, %v, expected %v", tag, ok, o.Code, want)
		}
	}
	if n := d.Machine.io.live; n != 3 {
		t.Errorf("%d reads are live while three wait for the volume", n)
	}
	d.Run()
	if n := d.Machine.io.live; n != 0 {
		t.Errorf("%d reads are live in the end", n)
	}
}

// Writeback of an older content must not hide a newer one that is still in the buffer.
func TestNewerContentStaysInTheBuffer(t *testing.T) {
	d := primary(t, pair(small))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite }
	d.write(t, 5, 2, 1) // on its way to the volume
	d.write(t, 5, 1, 2)
	held := d.held
	d.held = nil
	if len(held) != 1 {
		t.Fatalf("%d writes are on their way to the volume", len(held))
	}
	d.queue = append(d.queue, held...)
	d.Run()                                          // and the newer one is on its way now
	copy(d.Volume[5*8:], bytes.Repeat([]byte{1}, 8)) // the disk has not got to it
	o, ok := d.Ask(node.OpRead, 5, 2, nil)
	if !ok || o.Data[0] != 2 || o.Data[8] != 1 {
		t.Fatalf("answered %v: %x", ok, o.Data)
	}
}

// A handover does not wait for writers that have not even been let in.
func TestWaitingWritersAreSentAwayByAHandover(t *testing.T) {
	d := primary(t, pair(wide512))
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpWrite }
	d.write(t, 0, 200, 1) // more than the buffer
	if _, ok := d.Ask(node.OpWrite, 0, 1, make([]byte, 512)); ok {
		t.Fatal("a write was let in though the buffer is full")
	}
	waiting := node.Tag(1000 + len(d.Answers))
	d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpWrite, Tag: 77, N: 1,
		Data: make([]byte, 512)})
	d.hear(2, message{kind: msgAsk, ver: version{2, 1}, nonce: 1}, nil)
	for _, tag := range []node.Tag{waiting, 77} {
		if o, ok := d.Answers[tag]; !ok || o.Code != node.NotPrimary {
			t.Errorf("request %d: answered %v, %v", tag, ok, o.Code)
		}
	}
	d.Run()
	if s := d.Status(); s.Role != replica.RoleClosed {
		t.Errorf("%+v", s)
	}
}

var wide512 = node.Geometry{Sectors: 256, SectorSize: 512, Carry: 512}

// If an append fails before a segment exists, there is nothing to cut. The log must go on.
func TestSegmentThatWasNeverMadeIsNoObstacle(t *testing.T) {
	for fails := range 4 {
		d := NewDesk(t, 1, pair(small))
		n := 0
		d.Fail = func(f *node.Effect) node.Code {
			if f.Dev == devLog && (f.Op == node.OpLogAppend || f.Op == node.OpLogSync) {
				if n++; n <= fails {
					return node.NoSpace
				}
			}
			return node.OK
		}
		d.Boot()
		d.Ticks(20)
		d.write(t, 0, 1, 1)
		if s := d.Status(); s.Role != replica.RolePrimary || s.DurableSeq != 1 || n < fails {
			t.Errorf("after %d failures: %+v", fails, s)
		}
	}
}

// A sync that failed says nothing about what is on disk: all since the last good one is written
// again, and nothing is acknowledged before.
func TestFailedSyncIsWrittenAgain(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 1, 1)
	for _, op := range []node.Op{node.OpLogSync, node.OpLogAppend, node.OpLogTrunc} {
		fails := 3
		d.Fail = func(f *node.Effect) node.Code {
			if f.Dev == devLog && f.Op == op && fails > 0 {
				fails--
				return node.IOError
			}
			if f.Dev == devLog && op == node.OpLogTrunc && fails > 0 && f.Op == node.OpLogSync {
				return node.IOError // it is only cut after something has failed
			}
			return node.OK
		}
		tag := node.Tag(50 + op)
		d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpWrite, Tag: tag, Off: 1, N: 1,
			Data: make([]byte, 8)})
		for i := 0; fails > 0; i++ {
			if _, ok := d.Answers[tag]; ok {
				t.Fatalf("%v: acknowledged before it was durable", op)
			}
			if i > 20 {
				t.Fatalf("%v: not tried again", op)
			}
			d.Ticks(1)
		}
		d.Ticks(3)
		if o, ok := d.Answers[tag]; !ok || o.Code != node.OK {
			t.Fatalf("%v: answered %v, %v", op, ok, o.Code)
		}
		for nr, f := range d.Logs[devLog] {
			if f.Synced != len(f.Data) {
				t.Errorf("%v: segment %d is synced up to %d of %d", op, nr, f.Synced, len(f.Data))
			}
		}
	}
	records, _, err := ScanLog([]node.LogFile{{ID: 1, Data: d.Logs[devLog][1].Data}})
	if err != nil || len(records) != 4 {
		t.Fatalf("%d records, %v", len(records), err)
	}
}

// The state that could not be written is written to a new segment, and a crash in between finds
// the old one.
func TestStateIsWrittenElsewhereAfterAFailure(t *testing.T) {
	d := primary(t, pair(small))
	fails := 0
	d.Fail = func(f *node.Effect) node.Code {
		if f.Dev == devMeta && (f.Op == node.OpLogAppend || f.Op == node.OpLogSync) && fails < 5 {
			fails++
			return node.NoSpace
		}
		return node.OK
	}
	d.Ask(replica.OpPauseReplay, 0, 0, nil)
	d.Ticks(2)
	if d.Machine.meta.saved == d.Machine.meta.want {
		t.Fatal("nothing failed")
	}
	d.Ticks(10)
	if d.Machine.meta.saved != d.Machine.meta.want || len(d.Logs[devMeta]) != 1 {
		t.Fatalf("saved %d of %d, in %d segments", d.Machine.meta.saved, d.Machine.meta.want,
			len(d.Logs[devMeta]))
	}
	d.Boot()
	if s := d.Status(); s.ReplayOn || s.Epoch != 1 {
		t.Fatalf("after a restart: %+v", s)
	}
}

// Many changes of state go round through many segments, and only the newest stays.
func TestStateSegmentsDoNotPileUp(t *testing.T) {
	d := primary(t, pair(small))
	for i := range 3000 {
		d.Ask([]node.Op{replica.OpPauseReplay, replica.OpResumeReplay}[i%2], 0, 0, nil)
		if n := len(d.Logs[devMeta]); n > 2 {
			t.Fatalf("%d segments of state after %d changes", n, i+1)
		}
	}
	d.Ask(replica.OpPauseReplay, 0, 0, nil)
	d.Boot()
	if s := d.Status(); s.ReplayOn || s.Epoch != 1 {
		t.Fatalf("after a restart: %+v", s)
	}
}

// A disk that fails for a while is asked again; nothing is taken for done before.
func TestReplayIsTriedAgainAfterAnyFailure(t *testing.T) {
	for _, op := range []node.Op{node.OpLogRead, node.OpWrite, node.OpSync} {
		d := secondary(t)
		d.Ask(replica.OpPauseReplay, 0, 0, nil)
		at := d.Machine.stream.at
		more := stream{geo: small}
		more.reset(at)
		more.write(1, 50, 3, []byte("lastword"), false)
		d.tell(1, message{kind: msgData, ver: version{2, 1}, mark: mark{pos: at.pos},
			durable: more.at.pos}, more.buf)
		d.Boot() // what is to be replayed is on disk alone
		fails := 3
		d.Fail = func(f *node.Effect) node.Code {
			if f.Op == op && fails > 0 {
				fails--
				return node.IOError
			}
			return node.OK
		}
		d.Ask(replica.OpResumeReplay, 0, 0, nil)
		for i := 0; fails > 0; i++ {
			if s := d.Status(); s.Synced == more.at.pos || i > 20 {
				t.Fatalf("%v fails, %d to come: %+v", op, fails, s)
			}
			d.Ticks(1)
		}
		d.Ticks(3)
		if s := d.Status(); s.Synced != more.at.pos || s.Role != replica.RoleSecondary {
			t.Errorf("%v has failed: %+v", op, s)
		}
		if got := string(d.Volume[3*8 : 4*8]); got != "lastword" {
			t.Errorf("%v has failed: sector 3 holds %q", op, got)
		}
	}
}

func TestUserIsToldThatTheVolumeFailed(t *testing.T) {
	d := primary(t, pair(small))
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpRead {
			return node.IOError
		}
		return node.OK
	}
	if o, ok := d.Ask(node.OpRead, 0, 4, nil); !ok || o.Code != node.IOError || len(o.Data) > 0 {
		t.Errorf("answered %v: %v, %x", ok, o.Code, o.Data)
	}
	d.Fail = nil
	if o, ok := d.Ask(node.OpRead, 0, 4, nil); !ok || o.Code != node.OK || len(o.Data) != 32 {
		t.Errorf("answered %v: %v, %x", ok, o.Code, o.Data)
	}
}
