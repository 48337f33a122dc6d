package node_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

// scribe is a machine that does what it is told with each event and writes down what it gets.
type scribe struct {
	name string
	log  *[]string
	do   func(ev *node.Event, out *node.Effects)
}

func (s *scribe) Step(now node.Time, ev *node.Event, out *node.Effects) {
	*s.log = append(*s.log, fmt.Sprintf("%v %s: %v from %v tag %d", now, s.name, ev.Kind, ev.From,
		ev.Tag))
	if s.do != nil {
		s.do(ev, out)
	}
}

// paper is a world that writes down what is asked of it. It carries out nothing.
type paper struct{ log []string }

func (p *paper) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *paper) Now() node.Time { return 5 }

func (p *paper) SetTimer(m uint32, tag node.Tag, after node.Time) {
	p.note("timer %d/%d after %v", m, tag, after)
}

func (p *paper) CancelTimer(m uint32, tag node.Tag) { p.note("cancel %d/%d", m, tag) }

func (p *paper) Send(from, to node.Addr, class node.Class, body []byte, cost int64) {
	p.note("send %v to %v, class %d: %s, %d", from, to, class, body, cost)
}

func (p *paper) Reply(m uint32, tag node.Tag, code node.Code, epoch uint64, data []byte) {
	p.note("reply %d/%d: %v, epoch %d, %s", m, tag, code, epoch, data)
}

func (p *paper) Volume(m uint32, dev node.Dev) node.Volume {
	p.note("volume %d/%d", m, dev)
	return &paperDisk{p, fmt.Sprintf("volume %d/%d", m, dev)}
}

func (p *paper) Log(m uint32, dev node.Dev) node.Log {
	p.note("log %d/%d", m, dev)
	return &paperLog{p, fmt.Sprintf("log %d/%d", m, dev)}
}

type paperDisk struct {
	*paper
	name string
}

func (d *paperDisk) Read(tag node.Tag, sector, n int64) {
	d.note("%s read %d: %d+%d", d.name, tag, sector, n)
}

func (d *paperDisk) Write(tag node.Tag, sector int64, data []byte) {
	d.note("%s write %d: %d %s", d.name, tag, sector, data)
}

func (d *paperDisk) Sync(tag node.Tag) { d.note("%s sync %d", d.name, tag) }

func (d *paperDisk) Zero(tag node.Tag, sector, n int64) {
	d.note("%s zero %d: %d+%d", d.name, tag, sector, n)
}

func (d *paperDisk) Map(tag node.Tag, sector, n int64) {
	d.note("%s map %d: %d+%d", d.name, tag, sector, n)
}

func (d *paperDisk) Resize(tag node.Tag, sectors int64) {
	d.note("%s resize %d: %d", d.name, tag, sectors)
}

type paperLog struct {
	*paper
	name string
}

func (l *paperLog) List(tag node.Tag) { l.note("%s list %d", l.name, tag) }

func (l *paperLog) Append(tag node.Tag, seg uint64, off int64, data []byte, cost int64) {
	l.note("%s append %d: %d/%d %s, %d", l.name, tag, seg, off, data, cost)
}

func (l *paperLog) Read(tag node.Tag, seg uint64, off, n int64) {
	l.note("%s read %d: %d/%d+%d", l.name, tag, seg, off, n)
}

func (l *paperLog) Sync(tag node.Tag, seg uint64) { l.note("%s sync %d: %d", l.name, tag, seg) }

func (l *paperLog) Truncate(tag node.Tag, seg uint64, size int64) {
	l.note("%s cut %d: %d/%d", l.name, tag, seg, size)
}

func (l *paperLog) Note(tag node.Tag, seg uint64, data []byte) {
	l.note("%s note %d: %d %s", l.name, tag, seg, data)
}

func (l *paperLog) Delete(tag node.Tag, seg uint64) { l.note("%s delete %d: %d", l.name, tag, seg) }

// specs are two machines: the second has two volumes and two logs.
func specs(p *paper, do func(ev *node.Event, out *node.Effects)) []node.Spec {
	g := node.Geometry{Sectors: 1, SectorSize: 512, Carry: 1}
	return []node.Spec{
		{New: func() node.Machine { return &scribe{name: "first", log: &p.log} }},
		{New: func() node.Machine { return &scribe{"second", &p.log, do} },
			Volumes: []node.Geometry{g, g}, Logs: 2},
	}
}

func lines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nexpected\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestHostCarriesOutEveryEffectInOrder(t *testing.T) {
	p := &paper{}
	h := node.NewHost(4, 0, specs(p, func(_ *node.Event, out *node.Effects) {
		all(out, []byte("he"), []byte("body!"))
	}), p, nil)
	lines(t, p.log, "volume 1/0", "volume 1/1", "log 1/0", "log 1/1")
	p.log = nil
	h.Deliver(1, &node.Event{Kind: node.KindTimer, Tag: 8})
	lines(t, p.log, "5ns second: timer from h0/0 tag 8",
		"send h4/1 to h2/3, class 2: hebody!, 107", "timer 1/1 after 1s", "cancel 1/2",
		"reply 1/3: refused, epoch 9, body!", "volume 1/1 read 4: 10+20",
		"volume 1/1 write 5: 30 body!", "volume 1/1 sync 6", "volume 1/1 zero 13: 40+50",
		"volume 1/1 map 14: 41+51", "volume 1/1 resize 15: 60", "log 1/1 list 7",
		"log 1/1 append 8: 70/80 body!, 55", "log 1/1 read 9: 71/81+91", "log 1/1 sync 10: 72",
		"log 1/1 cut 11: 73/83", "log 1/1 delete 12: 74")
	// What one step has asked for is not asked for again.
	p.log = nil
	h.Deliver(0, &node.Event{Kind: node.KindTimer})
	lines(t, p.log, "5ns first: timer from h0/0 tag 0")
}

func TestBootReachesEveryMachineWithItsOwnSeed(t *testing.T) {
	p := &paper{}
	var seeds []uint64
	var incarnation int64
	h := node.NewHost(4, 0, specs(p, func(ev *node.Event, _ *node.Effects) {
		seeds, incarnation = append(seeds, ev.Seed), ev.N
	}), p, nil)
	p.log = nil
	h.Boot(3, 77)
	lines(t, p.log, "5ns first: boot from h4/0 tag 0", "5ns second: boot from h4/1 tag 0")
	if incarnation != 3 || len(seeds) != 1 || seeds[0] != node.Hash(77, 1) ||
		seeds[0] == node.Hash(77, 0) {
		t.Errorf("incarnation %d, seeds %v", incarnation, seeds)
	}
	if m, ok := h.Machine(1).(*scribe); !ok || m.name != "second" {
		t.Errorf("machine 1 is %v", h.Machine(1))
	}
}

func TestEventForAMachineThatIsNotThereIsLost(t *testing.T) {
	p := &paper{}
	h := node.NewHost(4, 0, specs(p, nil), p, nil)
	p.log = nil
	h.Deliver(2, &node.Event{Kind: node.KindMessage})
	h.Deliver(1<<31, &node.Event{Kind: node.KindMessage}) // negative as a 32-bit int
	h.Deliver(node.LayerMachine, &node.Event{Kind: node.KindMessage})
	h.Deliver(node.LayerMachine, &node.Event{Kind: node.KindTimer}) // there is no layer
	lines(t, p.log)
}

// A host may run machines of a range that does not begin at zero: another process runs the rest.
func TestMachinesAreNumberedFromTheFirstOn(t *testing.T) {
	p := &paper{}
	h := node.NewHost(4, 7, specs(p, func(ev *node.Event, out *node.Effects) {
		if ev.Kind == node.KindTimer {
			out.Send(node.Addr{Host: 1}, node.ClassControl, nil, []byte("m"), 0)
			out.Sync(0, 1)
		}
	}), p, nil)
	lines(t, p.log, "volume 8/0", "volume 8/1", "log 8/0", "log 8/1")
	if m, ok := h.Machine(8).(*scribe); !ok || m.name != "second" {
		t.Errorf("machine 8 is %v", h.Machine(8))
	}
	p.log = nil
	h.Boot(1, 1)
	h.Deliver(8, &node.Event{Kind: node.KindTimer})
	for _, m := range []uint32{0, 1, 6, 9, 1 << 31, node.LayerMachine} {
		h.Deliver(m, &node.Event{Kind: node.KindMessage})
	}
	lines(t, p.log, "5ns first: boot from h4/7 tag 0", "5ns second: boot from h4/8 tag 0",
		"5ns second: timer from h0/0 tag 0", "send h4/8 to h1/0, class 0: m, 1",
		"volume 8/0 sync 1")
}

func panics(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if text := fmt.Sprint(recover()); !strings.Contains(text, what) {
			t.Errorf("panic says %q, expected %q", text, what)
		}
	}()
	f()
}

func TestEventInsideAStepBreaksTheLaw(t *testing.T) {
	p := &paper{}
	var h *node.Host
	h = node.NewHost(4, 0, specs(p, func(ev *node.Event, _ *node.Effects) {
		if ev.Kind == node.KindBoot {
			h.Deliver(0, &node.Event{Kind: node.KindDone})
		}
	}), p, nil)
	panics(t, "host 4: done event for machine 0 inside a step", func() { h.Boot(1, 1) })
}

// filter is a layer that marks what passes through it.
type filter struct {
	*paper
	deliver func(uint32, *node.Event)
	err     error
}

func (f *filter) Send(from, to node.Addr, class node.Class, body []byte, cost int64) {
	f.note("through the layer:")
	f.paper.Send(from, to, class, body, cost)
}

func (f *filter) Wake(now node.Time, tag node.Tag) {
	f.note("wake at %v, tag %d", now, tag)
	f.deliver(0, &node.Event{Kind: node.KindDone, Tag: 9})
}

func (f *filter) Control(cmd []byte) error {
	f.note("control %s", cmd)
	return f.err
}

func TestLayerStandsBetweenHostAndWorld(t *testing.T) {
	p := &paper{}
	bad := errors.New("no such fault")
	h := node.NewHost(4, 0, specs(p, func(_ *node.Event, out *node.Effects) {
		out.Send(node.Addr{Host: 1}, node.ClassMove, nil, []byte("m"), 0)
	}), p, func(id node.ID, w node.World, deliver func(uint32, *node.Event)) node.Layer {
		p.note("layer of host %d", id)
		return &filter{w.(*paper), deliver, bad}
	})
	if p.log[0] != "layer of host 4" {
		t.Errorf("the devices were asked for past the layer: %v", p.log)
	}
	p.log = nil
	h.Deliver(1, &node.Event{Kind: node.KindTimer})
	h.Deliver(node.LayerMachine, &node.Event{Kind: node.KindTimer, Tag: 6})
	if err := h.Control([]byte("x")); err != bad {
		t.Errorf("control says %v", err)
	}
	lines(t, p.log, "5ns second: timer from h0/0 tag 0", "through the layer:",
		"send h4/1 to h1/0, class 3: m, 1", "wake at 5ns, tag 6", "5ns first: done from h0/0 tag 9",
		"control x")
}

func TestHostWithoutALayerRefusesControl(t *testing.T) {
	p := &paper{}
	for _, wrap := range []node.Wrap{nil,
		func(node.ID, node.World, func(uint32, *node.Event)) node.Layer { return nil }} {
		h := node.NewHost(4, 0, specs(p, nil), p, wrap)
		if err := h.Control([]byte("x")); err == nil || err.Error() != "host 4 has no fault layer" {
			t.Errorf("control says %v", err)
		}
	}
}

// idle is a world that does nothing, so that only the host could allocate.
type idle struct{ node.World }

func (idle) Now() node.Time                                       { return 0 }
func (idle) Send(_, _ node.Addr, _ node.Class, _ []byte, _ int64) {}

func TestDeliveryDoesNotAllocate(t *testing.T) {
	body := make([]byte, 100)
	spec := node.Spec{New: func() node.Machine { return quiet{body} }}
	h := node.NewHost(1, 0, []node.Spec{spec}, idle{}, nil)
	ev := &node.Event{Kind: node.KindTimer}
	if n := testing.AllocsPerRun(100, func() { h.Deliver(0, ev) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// quiet is a machine that sends one message with each step.
type quiet struct{ body []byte }

func (q quiet) Step(_ node.Time, _ *node.Event, out *node.Effects) {
	out.Send(node.Addr{Host: 2}, node.ClassLog, q.body, q.body, 0)
}
