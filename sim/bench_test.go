package sim

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// timers is a trivial machine: it keeps n timers going, each set anew when it fires.
func timers(n int) node.Spec {
	return node.Spec{New: func() node.Machine {
		random := node.NewStream(1, "timers")
		return step(func(_ node.Time, ev *node.Event, out *node.Effects) {
			if ev.Kind == node.KindTimer {
				out.SetTimer(ev.Tag, node.Time(random.Below(1<<20)))
			}
			for tag := 0; ev.Kind == node.KindBoot && tag < n; tag++ {
				out.SetTimer(node.Tag(tag), node.Time(random.Below(1<<20)))
			}
		})
	}}
}

// pingPong is a trivial machine: what it gets it sends back, and it begins with n messages.
func pingPong(to node.Addr, n int) node.Spec {
	return node.Spec{New: func() node.Machine {
		var body [64]byte
		return step(func(_ node.Time, ev *node.Event, out *node.Effects) {
			if ev.Kind == node.KindMessage {
				out.Send(ev.From, control, ev.Data, nil, 0)
			}
			for i := 0; ev.Kind == node.KindBoot && i < n; i++ {
				body[0] = byte(i)
				out.Send(to, control, body[:], nil, 0)
			}
		})
	}}
}

func running(tb testing.TB, hosts int, specs func(id node.ID) []node.Spec) *Sim {
	tb.Helper()
	s, err := New(Config{Hosts: hosts, Seed: 1, Specs: specs})
	if err == nil {
		err = s.StartAll()
	}
	if err != nil {
		tb.Fatal(err)
	}
	for range hosts {
		if _, ok := s.Next(node.Second); !ok {
			tb.Fatal("a host is not up")
		}
	}
	return s
}

// advance delivers at least n events.
func (s *Sim) advance(n uint64) {
	for end := s.count + n; s.count < end; {
		s.Next(s.now + 10*node.Microsecond)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, s := range map[string]*Sim{
		"messages": running(t, 2, func(id node.ID) []node.Spec {
			return []node.Spec{pingPong(node.Addr{Host: 3 - id}, 10)}
		}),
		"timers": running(t, 2, func(node.ID) []node.Spec { return []node.Spec{timers(10)} }),
		"disks":  running(t, 2, func(node.ID) []node.Spec { return []node.Spec{writing()} }),
	} {
		s.advance(20_000) // until everything has grown
		before := s.Events()
		if n := testing.AllocsPerRun(10, func() { s.advance(1000) }); n != 0 {
			t.Errorf("%s: %g allocations in a thousand events", name, n)
		}
		if s.Events() < before+10_000 {
			t.Errorf("%s: only %d events", name, s.Events()-before)
		}
	}
}

// writing is a trivial machine: it writes, syncs and reads for ever.
func writing() node.Spec {
	return node.Spec{
		Volumes: []node.Geometry{{Sectors: 64, SectorSize: 4096, Carry: 8}},
		New: func() node.Machine {
			var data [16]byte
			return step(func(_ node.Time, ev *node.Event, out *node.Effects) {
				switch {
				case ev.Kind == node.KindBoot, ev.Op == node.OpRead:
					out.Write(0, ev.Tag, int64(ev.Tag%63), data[:])
				case ev.Op == node.OpWrite:
					out.Sync(0, ev.Tag)
				case ev.Op == node.OpSync:
					out.Read(0, ev.Tag+1, int64(ev.Tag%63), 2)
				}
			})
		}}
}

// BenchmarkQueue holds a thousand events pending and delivers them: once the bare queue with the
// digest, then the whole way of an event through Next, node.Host, a trivial machine and back.
func BenchmarkQueue(b *testing.B) {
	b.Run("heap and digest", func(b *testing.B) {
		s := Sim{}
		h := host{id: 1}
		random := node.NewStream(1, "delays")
		add := func(tag node.Tag) {
			it := s.push(s.now + node.Time(random.Below(1<<20)))
			it.host = &h
			it.ev = node.Event{Kind: node.KindTimer, Tag: tag}
		}
		for i := range node.Tag(1000) {
			add(i)
		}
		b.ReportAllocs()
		for b.Loop() {
			e := s.queue.Pop()
			s.now = e.At
			it := &s.items[e.Slot]
			tag := it.ev.Tag
			s.fold(it)
			s.free = append(s.free, e.Slot)
			add(tag)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	})
	whole := func(name string, s *Sim) {
		b.Run(name, func(b *testing.B) {
			s.advance(100_000)
			b.ReportAllocs()
			before := s.Events()
			for b.Loop() {
				s.Next(s.now + node.Millisecond)
			}
			n := float64(s.Events() - before)
			b.ReportMetric(n/b.Elapsed().Seconds()/1e6, "Mevents/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/event")
			if got := s.queue.Len(); got < 1000 || got > 1010 {
				b.Fatalf("%d events are pending, expected 1000", got)
			}
		})
	}
	whole("timers", running(b, 100, func(node.ID) []node.Spec {
		return []node.Spec{timers(10)}
	}))
	whole("messages", running(b, 100, func(id node.ID) []node.Spec {
		return []node.Spec{pingPong(node.Addr{Host: id%100 + 1}, 10)}
	}))
}
