package faults_test

import (
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

// everything asks for one request of each kind.
func everything(w *world) {
	v, l := w.inner.Volume(0, 0), w.inner.Log(0, 0)
	data := []byte("xy")
	v.Read(1, 10, 2)
	v.Write(2, 12, data)
	v.Sync(3)
	v.Zero(10, 20, 30)
	v.Map(11, 21, 31)
	v.Resize(12, 40)
	l.List(4)
	l.Append(5, 7, 0, data, 9)
	l.Read(6, 7, 1, 2)
	l.Sync(7, 7)
	l.Truncate(8, 7, 1)
	l.Delete(9, 7)
	l.Note(13, 8, data)
	clear(data)
}

var requests = []string{"read 1: 10+2", "write 2: 12 xy", "sync 3",
	"zero 10: 20+30", "map 11: 21+31", "resize 12: 40", "list 4",
	"append 5: 7/0 xy cost 9", "log-read 6: 7/1+2", "log-sync 7: 7", "truncate 8: 7/1",
	"delete 9: 7", "note 13: 8 xy"}

func at(when string, what ...string) (list []string) {
	for _, s := range what {
		list = append(list, when+": "+s)
	}
	return list
}

func TestHealthyDiskIsLeftAlone(t *testing.T) {
	for _, text := range []string{"", "disk slow=1"} {
		w := wrap()
		w.set(t, text)
		everything(w)
		expect(t, w.asked, at("0ns", requests...)...)
		if n := w.fired(); n != (faults.Count{}) {
			t.Errorf("%+v", n)
		}
	}
}

// Disks work before anybody has said what is wrong: only the network waits for that.
func TestDisksWorkBeforeTheFirstControl(t *testing.T) {
	w := wrap()
	everything(w)
	expect(t, w.asked, at("0ns", requests...)...)
}

func TestSlowDiskTakesLongerAndKeepsTheOrder(t *testing.T) {
	w := wrap()
	w.set(t, "disk slow=5")
	everything(w)
	w.run(node.Second)
	expect(t, w.asked, at("2ms", requests...)...) // four times the nominal 500 us more
	if n := w.fired(); n != (faults.Count{Slowed: 13}) {
		t.Errorf("%+v", n)
	}
}

func TestDiskThatRecoversStillKeepsTheOrder(t *testing.T) {
	for _, text := range []string{"", "disk slow=3"} {
		w := wrap()
		w.set(t, "disk slow=21")
		v := w.inner.Volume(0, 0)
		v.Write(1, 0, []byte("a"))
		w.run(node.Millisecond)
		w.set(t, text)
		v.Write(2, 0, []byte("b"))
		v.Sync(3)
		w.run(node.Second)
		expect(t, w.asked, at("10ms", "write 1: 0 a", "write 2: 0 b", "sync 3")...)
		v.Sync(4)
		if text == "" {
			expect(t, w.asked[3:], "1s: sync 4")
		}
	}
}

// A message that is held back is no reason to wait for a disk.
func TestDelayedMessagesDoNotHoldUpTheDisk(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 delay=10s\ndisk slow=3")
	v := w.inner.Volume(0, 0)
	w.send(2, "m")
	v.Sync(1)
	w.set(t, "link 2 delay=10s")
	v.Sync(2)
	w.run(node.Second)
	expect(t, w.asked, at("1ms", "sync 1", "sync 2")...)
	w.run(20 * node.Second)
	expect(t, w.sent, "10s: m to 2")
}

func TestFullDiskRefusesAppendsAndNothingElse(t *testing.T) {
	w := wrap()
	w.set(t, "disk full")
	everything(w)
	want := append([]string(nil), requests[:7]...)
	want = append(want, requests[8:]...)
	expect(t, w.asked, at("0ns", want...)...)
	if len(w.given) > 0 {
		t.Fatal("the completion came inside the call that asked")
	}
	w.run(node.Second)
	if len(w.given) != 1 {
		t.Fatalf("%d completions", len(w.given))
	}
	ev := w.given[0]
	if ev.Kind != node.KindDone || ev.Op != node.OpLogAppend || ev.Code != node.NoSpace ||
		ev.Tag != 5 || ev.Seg != 7 || ev.Off != 0 || ev.Dev != 0 {
		t.Errorf("%+v", ev)
	}
	w.inner.Log(0, 1).Append(14, 1, 0, []byte("s"), 1)
	w.set(t, "")
	w.inner.Log(0, 0).Append(10, 7, 0, []byte("z"), 1)
	expect(t, w.asked[13:], "1s: append 14: 1/0 s cost 1", "1s: append 10: 7/0 z cost 1")
	if n := w.fired(); n != (faults.Count{Full: 1}) {
		t.Errorf("%+v", n)
	}
}
