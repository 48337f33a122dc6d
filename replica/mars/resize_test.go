package mars

import (
	"bytes"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// after puts what a crash has left of another replica on a new desk. What was not synced is lost
// with it, or stays.
func after(t testing.TB, old *Desk, lost bool) *Desk {
	t.Helper()
	d := NewDesk(t, old.Self.Host, old.cfg)
	d.starts, d.now = old.starts, old.now
	d.Volume = slices.Clone(old.Volume)
	for i := range old.Logs {
		for id, f := range old.Logs[i] {
			n := len(f.Data)
			if lost {
				n = f.Synced
			}
			d.Logs[i][id] = &DeskFile{Data: slices.Clone(f.Data[:n]), Synced: f.Synced}
		}
	}
	return d
}

// TestGrowthSurvivesACrashAtEveryStep crashes a primary after each completion that a resize takes.
func TestGrowthSurvivesACrashAtEveryStep(t *testing.T) {
	grown, undone := 0, 0
	for steps := 0; ; steps++ {
		d := primary(t, pair(small))
		d.write(t, 60, 4, 7)
		const tag, last = 5, 6
		d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpResize, Tag: tag, N: 100})
		done, ticked := 0, 0
		for done < steps && ticked < 8 {
			if len(d.queue) == 0 {
				d.now += d.cfg.Tick + 50*node.Millisecond
				d.Step(&node.Event{Kind: node.KindTimer, Tag: tagTick})
				ticked++
				if _, ok := d.Answers[tag]; ok && ticked == 1 { // with something in the new part
					d.Step(&node.Event{Kind: node.KindRequest, Op: node.OpWrite, Tag: last, Off: 99, N: 1,
						Data: bytes.Repeat([]byte{9}, 8)})
				}
				continue
			}
			d.Complete()
			done++
		}
		answer, answered := d.Answers[tag]
		if answered && answer.Code != node.OK {
			t.Fatalf("after %d completions: %v %s", steps, answer.Code, answer.Data)
		}
		for _, lost := range []bool{false, true} {
			again := after(t, d, lost)
			again.Boot()
			again.Ticks(20)
			s := again.Status()
			if s.Role != replica.RolePrimary || answered && s.Sectors != 100 {
				t.Fatalf("after %d completions, answered %v: %+v", steps, answered, s)
			}
			if s.Sectors == 100 {
				grown++
			} else {
				undone++
			}
			o, ok := again.Ask(replica.OpResize, 0, 100, nil)
			if !ok || o.Code != node.OK || again.Status().Sectors != 100 || len(again.Volume) != 800 {
				t.Fatalf("after %d completions, again: %v, %v %s", steps, ok, o.Code, o.Data)
			}
			want := bytes.Repeat([]byte{7}, 32)
			if o, _ := again.Ask(node.OpRead, 60, 4, nil); !bytes.Equal(o.Data, want) {
				t.Fatalf("after %d completions, sectors from 60: %x", steps, o.Data)
			}
			if w, ok := d.Answers[last]; ok && w.Code == node.OK {
				if o, _ := again.Ask(node.OpRead, 99, 1, nil); o.Code != node.OK || o.Data[0] != 9 {
					t.Fatalf("after %d completions, sector 99: %v %x", steps, o.Code, o.Data)
				}
			}
		}
		if ticked == 8 {
			break
		}
	}
	if grown < 5 || undone < 3 {
		t.Errorf("%d crashes left the new size, %d the old one", grown, undone)
	}
}

// A volume that cannot grow is no reason to stop all replicas: nothing gets into the log.
func TestGrowthThatThePrimaryHasNoRoomForIsRefused(t *testing.T) {
	d := primary(t, pair(small))
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpResize {
			return node.NoSpace
		}
		return node.OK
	}
	end := d.Machine.stream.at
	o, ok := d.Ask(replica.OpResize, 0, 65, nil)
	if !ok || o.Code != node.Refused ||
		string(o.Data) != "the volume of the primary cannot have 65 sectors: no-space" {
		t.Errorf("answered %v: %v %s", ok, o.Code, o.Data)
	}
	if d.Machine.stream.at != end || d.Status().Sectors != 64 {
		t.Errorf("the log went on: %+v", d.Status())
	}
	d.write(t, 0, 1, 1)
	d.Fail = nil
	if o, _ := d.Ask(replica.OpResize, 0, 65, nil); o.Code != node.OK {
		t.Errorf("when there is room: %v %s", o.Code, o.Data)
	}
}

// On a secondary the frame is in the log, so it tries again until there is room.
func TestReplayWaitsUntilTheVolumeCanGrow(t *testing.T) {
	d := secondary(t)
	at := d.Machine.stream.at
	more := stream{geo: small}
	more.reset(at)
	more.write(1, 50, 3, []byte("beforeit"), false)
	more.resize(1, 51, 80)
	more.write(1, 52, 79, []byte("after it"), false)
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpResize {
			return node.NoSpace
		}
		return node.OK
	}
	d.tell(1, message{kind: msgData, ver: version{2, 1}, mark: mark{pos: at.pos},
		durable: more.at.pos}, more.buf)
	d.Ticks(5)
	if s := d.Status(); s.Sectors != 64 || s.AppliedSeq != 11 || s.EndSeq != 12 {
		t.Errorf("without room: %+v", s)
	}
	if string(d.Volume[24:32]) != "beforeit" {
		t.Errorf("sector 3 holds %q", d.Volume[24:32])
	}
	d.Fail = nil
	d.Boot() // and once more from the log on disk
	if s := d.Status(); s.Sectors != 80 || s.AppliedSeq != 12 {
		t.Errorf("with room: %+v", s)
	}
	if string(d.Volume[79*8:]) != "after it" {
		t.Errorf("sector 79 holds %q", d.Volume[79*8:])
	}
}

// Nothing of the volume is under way while it is resized (the desk sees to that), and what comes
// meanwhile is answered afterwards.
func TestRequestsWaitForAResize(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 8, 1)
	d.Ticks(3)
	request := func(tag node.Tag, op node.Op, first, n int64) {
		ev := node.Event{Kind: node.KindRequest, Op: op, Tag: tag, Off: first, N: n}
		if op == node.OpWrite {
			ev.Data = make([]byte, 8*n)
		}
		d.Step(&ev)
	}
	request(1, node.OpRead, 0, 8) // these are at the volume already
	request(2, node.OpMap, 0, 64)
	request(3, node.OpWrite, 20, 2)
	request(4, replica.OpResize, 0, 90)
	request(5, replica.OpResize, 0, 91)
	request(6, node.OpRead, 0, 8) // these have to wait
	request(7, node.OpMap, 0, 64)
	request(8, node.OpWrite, 30, 2)
	request(9, node.OpZero, 0, 8)
	request(10, node.OpRead, 80, 1)
	d.now += 50 * node.Millisecond
	d.Step(&node.Event{Kind: node.KindTimer, Tag: tagTick})
	d.Run()
	d.Ticks(1)
	for tag := node.Tag(1); tag <= 10; tag++ {
		want := node.OK
		switch tag {
		case 5:
			want = node.Refused
		case 10:
			want = node.Invalid // it was out of range when it came
		}
		if o, ok := d.Answers[tag]; !ok || o.Code != want {
			t.Errorf("request %d: answered %v, %v %s, expected %v", tag, ok, o.Code, o.Data, want)
		}
	}
	if got := d.Answers[6].Data; len(got) != 64 || got[0] != 1 {
		t.Errorf("the read that had to wait: %x", got)
	}
}

// A replica that stops being primary answers everybody, also those who wait for a resize.
func TestDemotedReplicaEndsWhatWaitsForAResize(t *testing.T) {
	d := primary(t, pair(small))
	d.write(t, 0, 1, 1)
	d.Run()
	d.Hold = func(f *node.Effect) bool { return f.Op == node.OpResize }
	request := func(tag node.Tag, op node.Op, n int64) {
		d.Step(&node.Event{Kind: node.KindRequest, Op: op, Tag: tag, N: n})
	}
	request(1, replica.OpResize, 90)
	request(2, node.OpRead, 8)
	request(3, node.OpMap, 8)
	d.hear(2, message{kind: msgHello, ver: version{4, 2}}, nil)
	for tag, want := range map[node.Tag]node.Code{1: node.Unknown, 2: node.NotPrimary,
		3: node.NotPrimary} {
		if o, ok := d.Answers[tag]; !ok || o.Code != want {
			t.Errorf("request %d: answered %v, %v, expected %v", tag, ok, o.Code, want)
		}
	}
	d.Run()
	d.queue, d.held = append(d.queue, d.held...), nil
	d.Run()
	d.Ticks(2)
	if s := d.Status(); s.Sectors != 64 || d.Machine.resizing() || d.Machine.io.live != 0 ||
		d.Machine.io.liveMaps != 0 {
		t.Errorf("%+v", s)
	}
}
