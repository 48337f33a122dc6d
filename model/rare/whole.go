package rare

import (
	"context"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
)

// wholeFleet simulates all nodes and domains of all cells, as they are, or with importance
// sampling: around listed sets where that can be done, and otherwise tilted towards losses. It is
// the method for anything, and as they are the reference that all others are held against.
func (s *Snapshot) wholeFleet(ctx context.Context, o draw.Options, method string,
) (Incidents, error) {
	base := newWorldBase(s)
	if method == ImportanceSampling {
		base.listed = newListed(base)
		switch {
		case base.listed == nil:
			base.prepareTilt()
		case base.listed.mean == 0:
			return nothing(s.rates(), method, o), nil
		}
	}
	var total sums
	sample := func(r *rand.Rand, n int) *sums {
		w := newWorld(base)
		t := &sums{}
		if method == ImportanceSampling {
			t.weighted()
		}
		for range n {
			out, weight := w.sample(r)
			t.add(out, weight)
			if out.any > 0 {
				t.sizes.add(w.f.size(r, out.any), out.any*weight)
			}
		}
		return t
	}
	err := draw.Rounds(ctx, o, sample, func(t *sums) { total.merge(t) }, func() draw.Estimate {
		e := total.any.Estimate(o.Level)
		e.Converged = e.Reached(o)
		return e
	})
	if err != nil {
		return Incidents{}, err
	}
	return total.means(o).incidents(1, &total.sizes, s.rates(), method, o), nil
}

// sample draws a state, says what it costs, and its likelihood ratio.
func (w *world) sample(r *rand.Rand) (out outcome, weight float64) {
	switch {
	case w.listed != nil:
		weight = w.around(r)
	case w.worldBase.tilt != nil:
		weight = w.tilted(r)
	default:
		w.plain(r)
		weight = 1
	}
	out = w.f.outcome()
	if w.s.rates() && out.any > 0 {
		out.rate = w.endRate()
	}
	if w.listed != nil {
		weight /= out.storage
	}
	return out, weight
}

// worldBase is what all samples share.
type worldBase struct {
	s       *Snapshot
	nodes   bernoulli
	domains []level
	tilt    *tilts
	listed  *listed
}

// level is one level of failure domains that can be down.
type level struct {
	count   int
	p, rate float64
	nodes   [][]int32 // by domain
	of      []int32   // by node
}

func newWorldBase(s *Snapshot) *worldBase {
	b := &worldBase{s: s, nodes: newBernoulli(s.Down, s.Each)}
	for l, p := range s.DomainDown {
		if p == 0 {
			continue
		}
		v := level{count: s.Topology.Levels[l].Count, p: p}
		if s.DomainRates != nil {
			v.rate = s.DomainRates[l]
		}
		v.nodes, v.of = make([][]int32, v.count), make([]int32, s.Topology.Nodes)
		for i := range s.Topology.Nodes {
			d := s.Topology.Of(l, i)
			v.nodes[d] = append(v.nodes[d], int32(i))
			v.of[i] = int32(d)
		}
		b.domains = append(b.domains, v)
	}
	return b
}

// failRate is that of a node.
func (b *worldBase) failRate(node int) float64 {
	if b.s.FailRates != nil {
		return b.s.FailRates[node]
	}
	return b.s.FailRate
}

// world is the state of a fleet, one sample after the other.
type world struct {
	*worldBase
	f     *fleet
	own   []bool    // nodes that are down by themselves
	alone []int32   // list of those
	over  []uint8   // by node: how many of its domains are down
	out   [][]int32 // by level: domains that are down
	tilt  *tilter

	// Around a set: the nodes, and by level the domains, whose state is decided.
	decided *distinct
	settled []*distinct
}

func newWorld(b *worldBase) *world {
	n := b.s.Placement.Nodes()
	w := &world{worldBase: b, f: newFleet(b.s.Placement), own: make([]bool, n),
		over: make([]uint8, n), out: make([][]int32, len(b.domains))}
	if b.tilt != nil {
		w.tilt = newTilter(b.tilt, n)
	}
	if b.listed != nil {
		w.decided = newDistinct(n)
		for _, v := range b.domains {
			w.settled = append(w.settled, newDistinct(v.count))
		}
	}
	return w
}

// plain draws a state as the model has it.
func (w *world) plain(r *rand.Rand) {
	w.reset()
	n := len(w.own)
	for l := range w.domains {
		w.drawDomains(r, l, w.domains[l].p)
	}
	for i := w.nodes.next(r, 0, n); i < n; i = w.nodes.next(r, i+1, n) {
		w.failNode(i)
	}
}

func (w *world) reset() {
	for _, i := range w.alone {
		w.own[i] = false
	}
	w.alone = w.alone[:0]
	for l, out := range w.out {
		for _, d := range out {
			for _, i := range w.domains[l].nodes[d] {
				w.over[i] = 0
			}
		}
		w.out[l] = out[:0]
	}
	w.f.reset()
}

// drawDomains takes down domains of a level, each with probability p.
func (w *world) drawDomains(r *rand.Rand, l int, p float64) {
	v, skip := &w.domains[l], newSkipper(p)
	for d := skip.next(r, 0, v.count); d < v.count; d = skip.next(r, d+1, v.count) {
		w.failDomain(l, int32(d))
	}
}

// failDomain takes a domain down that is up. Nodes that are down by themselves are known to the
// fleet already.
func (w *world) failDomain(l int, d int32) {
	w.out[l] = append(w.out[l], d)
	for _, i := range w.domains[l].nodes[d] {
		if w.over[i]++; w.over[i] == 1 && !w.own[i] {
			w.f.fail(int(i))
		}
	}
}

// failNode takes a node down by itself, which was not yet.
func (w *world) failNode(i int) {
	w.own[i] = true
	w.alone = append(w.alone, int32(i))
	if w.over[i] == 0 {
		w.f.fail(i)
	}
}

// endRate is as that of fleet, for nodes of different probabilities, and for domains.
func (w *world) endRate() float64 {
	var sum float64
	f := w.f
	for h, c := range f.hurt {
		if f.state[h].hit == 0 {
			continue
		}
		f.load(c)
		for _, m := range f.down[c] {
			i := int(c)*f.n + int(m)
			p := w.nodes.of(i)
			rate := w.failRate(i)
			if w.over[i] > 0 || p == 0 || rate == 0 {
				continue // its repair would change nothing
			}
			f.probe.Repair(int(m))
			sum += rate * (1 - p) / p * f.gain(h, f.look().log)
			f.probe.Fail(int(m))
		}
	}
	for l, out := range w.out {
		v := &w.domains[l]
		for _, d := range out {
			if v.rate > 0 {
				sum += v.rate * (1 - v.p) / v.p * w.gainOf(v, d)
			}
		}
	}
	return sum
}

// gainOf is how much likelier it would be that no LV is hit if a domain came back.
func (w *world) gainOf(v *level, d int32) float64 {
	f := w.f
	before, after := f.logUp, f.logUp
	hits := f.hits
	for h, c := range f.hurt {
		s := f.state[h]
		if s.hit == 0 {
			continue
		}
		f.probe.Reset()
		back := false
		for _, m := range f.down[c] {
			i := int(c)*f.n + int(m)
			if v.of[i] == d && w.over[i] == 1 && !w.own[i] {
				back = true
				continue
			}
			f.probe.Fail(int(m))
		}
		if !back {
			continue
		}
		t := f.look()
		after += finite(t.log) - finite(s.log)
		hits += infinite(t.log) - infinite(s.log)
	}
	return none(after, hits) - none(before, f.hits)
}
