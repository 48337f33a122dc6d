package mars_test

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// fleet is a simulated cluster in which every three hosts share a resource; of 10, 100 or 1,000
// hosts the last one shares nothing. The first of each three is primary.
type fleet struct {
	t      testing.TB
	sim    *sim.Sim
	groups int
	random node.Stream
	acked  int
	block  [8]byte
	// again has whoever has got an answer write again at once.
	again bool
	// clients is how many of them a resource has: tags are resource * clients + client.
	clients int
}

const fleetSectors = 64 << 20 / 4096

func newFleet(t testing.TB, hosts int, trace func(node.Time, node.Addr, *node.Event)) *fleet {
	t.Helper()
	f := &fleet{t: t, groups: hosts / 3, random: node.NewStream(1, "writes"), clients: 1}
	g := node.Geometry{Sectors: fleetSectors, SectorSize: 4096, Carry: 8}
	world := sim.Config{Hosts: hosts, Seed: 1, Wrap: faults.Wrap, Trace: trace,
		Specs: func(id node.ID) []node.Spec {
			group := (id - 1) / 3
			if int(group) >= f.groups {
				return nil
			}
			// A real segment of 1 GiB holds 18 MiB of what the simulator carries.
			cfg := mars.Config{Geometry: g, Resource: uint64(group) + 1, Segment: 1 << 20}
			for k := range node.ID(3) {
				cfg.Members = append(cfg.Members, node.Addr{Host: 3*group + k + 1})
			}
			return []node.Spec{{New: func() node.Machine { return mars.New(cfg) },
				Volumes: []node.Geometry{g}, Logs: 2}}
		}}
	var err error
	if f.sim, err = sim.New(world); err == nil {
		err = f.sim.StartAll()
	}
	if err != nil {
		t.Fatal(err)
	}
	f.pass(2 * node.Second)
	for i := range f.groups {
		if r := f.state(f.primary(i)).Role; r != replica.RolePrimary {
			t.Fatalf("host %d is %v", f.primary(i), r)
		}
	}
	return f
}

func (f *fleet) primary(group int) node.ID { return node.ID(3*group + 1) }

func (f *fleet) state(id node.ID) replica.Status {
	return f.sim.Machine(id, 0).(*mars.Machine).Status()
}

// pass lets time go by.
func (f *fleet) pass(d node.Time) {
	for deadline := f.sim.Now() + d; ; {
		o, ok := f.sim.Next(deadline)
		if !ok {
			return
		}
		switch {
		case o.Kind == node.ObsUp:
			state := faults.State{Seed: 1, Start: 1}
			if err := f.sim.Control(o.Host, []byte(state.String())); err != nil {
				f.t.Fatal(err)
			}
		case o.Code != node.OK:
			f.t.Fatalf("host %d answers %v", o.Host, o.Code)
		default:
			f.acked++
			if f.again {
				f.write(o.Tag)
			}
		}
	}
}

// write asks for a durable write of 4 KiB to any sector of a resource.
func (f *fleet) write(tag node.Tag) {
	f.block[0]++
	f.sim.Submit(node.Request{Host: f.primary(int(tag) / f.clients), Op: node.OpWrite, Tag: tag,
		Sector: int64(f.random.Below(fleetSectors)), N: 1, Flags: node.FlagDurable, Data: f.block[:]})
}

// busy gives each resource so many clients that write without a pause.
func (f *fleet) busy(clients int) {
	f.clients, f.again = clients, true
	for i := range f.groups * clients {
		f.write(node.Tag(i))
	}
}

// steady has each resource take so many writes a second for a while, one resource after another.
func (f *fleet) steady(rate int, d node.Time) {
	n := int(d) * rate * f.groups / int(node.Second)
	for i := range n {
		f.write(node.Tag(i % f.groups))
		f.pass(d / node.Time(n))
	}
}

// talk counts what replicas say to each other besides the content that users write.
type talk struct{ messages, bytes float64 }

func (k *talk) note(_ node.Time, to node.Addr, ev *node.Event) {
	if ev.Kind == node.KindMessage && ev.From.Host != to.Host && !mars.Content(ev.Data) {
		k.messages++
		k.bytes += float64(len(ev.Data))
	}
}

// talking returns what a host with a replica receives in a second of virtual time: with nothing to
// do, and while each resource takes 70 writes a second.
func talking(t testing.TB, hosts int) (idle, loaded talk) {
	var k talk
	f := newFleet(t, hosts, k.note)
	measure := func(seconds int, run func(d node.Time)) talk {
		k = talk{}
		run(node.Time(seconds) * node.Second)
		n := float64(3 * f.groups * seconds)
		return talk{k.messages / n, k.bytes / n}
	}
	f.pass(10 * node.Second)
	idle = measure(60, f.pass)
	f.steady(70, node.Second)
	loaded = measure(5, func(d node.Time) { f.steady(70, d) })
	return idle, loaded
}

// What replicas tell each other follows who shares a resource, not how many hosts there are.
func TestControlMessagesDoNotGrowWithTheCluster(t *testing.T) {
	sizes := []int{10, 100, 1000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	var first [2]talk
	for i, n := range sizes {
		idle, loaded := talking(t, n)
		t.Logf("%d hosts, a host and second: idle %.3f messages, %.1f bytes; loaded %.2f messages, %.0f bytes",
			n, idle.messages, idle.bytes, loaded.messages, loaded.bytes)
		if i == 0 {
			first = [2]talk{idle, loaded}
		}
		for k, now := range []talk{idle, loaded} {
			was := first[k]
			if m, b := now.messages/was.messages, now.bytes/was.bytes; m < 0.98 || m > 1.02 || b < 0.98 || b > 1.02 {
				t.Errorf("%d hosts: %.3f times the messages, %.3f times the bytes (%d)", n, m, b, k)
			}
		}
	}
}

// BenchmarkHosts300 is a hundred resources of three replicas each that take durable writes of
// 4 KiB: 70 a second each, what an average container of a large hoster does, or from so many
// clients each without a pause. What counts is events a second of CPU time; all is one goroutine,
// but the collector uses other cores.
func BenchmarkHosts300(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as `pitch run` does
	for _, clients := range []int{0, 1, 8, 64} {
		name := fmt.Sprintf("clients=%d", clients)
		if clients == 0 {
			name = "average"
		}
		b.Run(name, func(b *testing.B) {
			f := newFleet(b, 300, nil)
			span := 5 * node.Millisecond
			turn := func() { f.pass(span) }
			if clients > 0 {
				f.busy(clients)
			} else {
				span = node.Second / 7
				turn = func() { f.steady(70, span) }
			}
			f.pass(0)
			for range 40 { // until all has grown
				turn()
			}
			before, acked, began := f.sim.Events(), f.acked, cpuTime(b)
			n := 0
			for b.Loop() {
				turn()
				n++
			}
			used := (cpuTime(b) - began).Seconds()
			events := float64(f.sim.Events() - before)
			b.ReportMetric(events/used/1e6, "Mevents/cpu-s")
			b.ReportMetric(events/float64(f.acked-acked), "events/write")
			b.ReportMetric(float64(n)*float64(span)/float64(node.Second)/used, "virtual/cpu")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// cpuTime is what this process has used: the benchmarks' machines are often shared.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
