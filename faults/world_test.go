package faults_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

// world is as little of a world as a layer needs: it writes down what gets through, and when.
// Only the layer's own timer ever fires.
type world struct {
	now   node.Time
	due   node.Time // of the layer's timer; negative: not set
	sent  []string
	asked []string
	given []node.Event // completions that the layer has made up
	class node.Class   // of all messages: the layer leaves it alone
	inner node.Layer
}

// wrap puts the layer of host 1 around a new world.
func wrap() *world {
	w := &world{due: -1, class: node.ClassSync}
	w.inner = faults.Wrap(1, w, func(machine uint32, ev *node.Event) {
		w.given = append(w.given, *ev)
		w.asked = append(w.asked, fmt.Sprintf("%v: machine %d gets %v", w.now, machine, ev.Code))
	})
	return w
}

func (w *world) set(t testing.TB, text string) {
	t.Helper()
	if err := w.inner.Control([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// run lets time pass.
func (w *world) run(until node.Time) {
	for w.due >= 0 && w.due <= until {
		w.now, w.due = w.due, -1
		w.inner.Wake(w.now, 0)
	}
	w.now = until
}

// send sends a message to a host and names it.
func (w *world) send(to node.ID, name string) {
	body := []byte(name)
	w.inner.Send(node.Addr{Host: 1}, node.Addr{Host: to}, w.class, body, 100)
	clear(body) // it was valid during the call only
}

func (w *world) fired() faults.Count { return w.inner.(*faults.Layer).Fired() }

func (w *world) Send(_, to node.Addr, class node.Class, body []byte, _ int64) {
	if class != w.class {
		panic("a message has changed its class")
	}
	w.sent = append(w.sent, fmt.Sprintf("%v: %s to %d", w.now, body, to.Host))
}

func (w *world) Reply(uint32, node.Tag, node.Code, uint64, []byte) {}
func (w *world) Now() node.Time                                    { return w.now }
func (w *world) CancelTimer(uint32, node.Tag)                      {}

func (w *world) SetTimer(machine uint32, _ node.Tag, after node.Time) {
	if machine != node.LayerMachine {
		panic("a timer of a machine")
	}
	w.due = w.now + after
}

func (w *world) Volume(uint32, node.Dev) node.Volume { return (*volume)(w) }
func (w *world) Log(uint32, node.Dev) node.Log       { return (*logDev)(w) }

func (w *world) note(format string, args ...any) {
	w.asked = append(w.asked, fmt.Sprintf("%v: ", w.now)+fmt.Sprintf(format, args...))
}

type volume world

func (v *volume) Read(tag node.Tag, sector, n int64) {
	(*world)(v).note("read %d: %d+%d", tag, sector, n)
}

func (v *volume) Write(tag node.Tag, sector int64, data []byte) {
	(*world)(v).note("write %d: %d %s", tag, sector, data)
}

func (v *volume) Sync(tag node.Tag) { (*world)(v).note("sync %d", tag) }

func (v *volume) Zero(tag node.Tag, sector, n int64) {
	(*world)(v).note("zero %d: %d+%d", tag, sector, n)
}

func (v *volume) Map(tag node.Tag, sector, n int64) {
	(*world)(v).note("map %d: %d+%d", tag, sector, n)
}

func (v *volume) Resize(tag node.Tag, sectors int64) {
	(*world)(v).note("resize %d: %d", tag, sectors)
}

type logDev world

func (l *logDev) List(tag node.Tag) { (*world)(l).note("list %d", tag) }

func (l *logDev) Append(tag node.Tag, seg uint64, off int64, data []byte, cost int64) {
	(*world)(l).note("append %d: %d/%d %s cost %d", tag, seg, off, data, cost)
}

func (l *logDev) Read(tag node.Tag, seg uint64, off, n int64) {
	(*world)(l).note("log-read %d: %d/%d+%d", tag, seg, off, n)
}

func (l *logDev) Sync(tag node.Tag, seg uint64) { (*world)(l).note("log-sync %d: %d", tag, seg) }

func (l *logDev) Truncate(tag node.Tag, seg uint64, size int64) {
	(*world)(l).note("truncate %d: %d/%d", tag, seg, size)
}

func (l *logDev) Note(tag node.Tag, seg uint64, data []byte) {
	(*world)(l).note("note %d: %d %s", tag, seg, data)
}

func (l *logDev) Delete(tag node.Tag, seg uint64) { (*world)(l).note("delete %d: %d", tag, seg) }
