package sim

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// control is the class of all messages here: links of the simulator know no classes.
const control = node.ClassControl

// step is a machine made of one function.
type step func(now node.Time, ev *node.Event, out *node.Effects)

func (s step) Step(now node.Time, ev *node.Event, out *node.Effects) { s(now, ev, out) }

// seen is one event as a machine got it.
type seen struct {
	at  node.Time // of the simulation
	own node.Time // on the host's clock
	ev  node.Event
}

// rig is a cluster with one machine a host, which notes what it sees, and does what the test
// tells it to.
type rig struct {
	*Sim
	t    testing.TB
	seen [][]seen // by host
	do   func(host node.ID, out *node.Effects)
}

// newRig makes a cluster that is up. The machines of each host have the devices of spec.
func newRig(t testing.TB, cfg Config, spec node.Spec) *rig {
	t.Helper()
	r := &rig{t: t, seen: make([][]seen, cfg.Hosts+1)}
	cfg.Specs = func(id node.ID) []node.Spec {
		s := spec
		s.New = func() node.Machine {
			return step(func(now node.Time, ev *node.Event, out *node.Effects) {
				if ev.Kind == node.KindRequest {
					r.do(id, out)
					return
				}
				if ev.Kind == node.KindBoot {
					return
				}
				note := seen{r.Now(), now, *ev}
				note.ev.Data = slices.Clone(ev.Data)
				r.seen[id] = append(r.seen[id], note)
			})
		}
		return []node.Spec{s}
	}
	s, err := New(cfg)
	if err == nil {
		err = s.StartAll()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Sim = s
	for range cfg.Hosts {
		r.await(node.ObsUp)
	}
	return r
}

// await runs until something of this kind is observed, which must come within ten seconds.
func (r *rig) await(kind node.ObsKind) node.Observation {
	r.t.Helper()
	for deadline := r.Now() + 10*node.Second; ; {
		o, ok := r.Next(deadline)
		if !ok {
			r.t.Fatalf("no observation of kind %d by %v", kind, deadline)
		}
		if o.Kind == kind {
			return o
		}
	}
}

// run lets so much time pass.
func (r *rig) run(d node.Time) {
	for end := r.Now() + d; ; {
		if _, ok := r.Next(end); !ok {
			return
		}
	}
}

// on lets the machine of a host have effects, now.
func (r *rig) on(host node.ID, do func(out *node.Effects)) {
	r.do = func(_ node.ID, out *node.Effects) { do(out) }
	r.Submit(node.Request{Host: host})
	r.run(0)
}

// take returns what a host has seen since the last time.
func (r *rig) take(host node.ID) []seen {
	list := r.seen[host]
	r.seen[host] = nil
	return list
}

// crash crashes a host and starts it again.
func (r *rig) crash(host node.ID, mode node.Unsynced) {
	r.t.Helper()
	if err := r.Crash(host, mode); err != nil {
		r.t.Fatal(err)
	}
	r.await(node.ObsDown)
	if err := r.Start(host); err != nil {
		r.t.Fatal(err)
	}
	r.await(node.ObsUp)
}

func (r *rig) dump(host node.ID) node.Dump {
	r.t.Helper()
	d, err := r.Dump(host, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// seeds is how many random runs a test makes against its dumb model.
func seeds(t *testing.T) uint64 {
	t.Helper()
	if testing.Short() {
		return 20
	}
	return 200
}
