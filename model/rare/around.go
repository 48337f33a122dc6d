package rare

import (
	"context"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/prob"
)

// aroundSets estimates for one cell of nodes that are alike, under the distribution that has
// exactly one look at every lost set: a set is drawn by its share of the storage, members of it
// fail given that it is lost, and all other nodes as they do. A state then appears Lost/E[Lost]
// times as often as in the model, where Lost is the share of the storage that is lost in it, and
// E[Lost] is known: that any set has. So every sample is a loss, and its weight E[Lost]/Lost is
// bounded by what one set alone would weigh. This is the union estimator of Karp and Luby
// (FOCS 1983); for reliability see Owen, Maximov and Chertkov (Electronic J. Statistics 13, 2019).
// The error does not grow as losses become rarer, in any pool.
func (s *Snapshot) aroundSets(ctx context.Context, o draw.Options, sets drawSet,
) (Incidents, error) {
	cell := *s.Placement
	cell.LVs, cell.Cells = cell.LVsPerCell(), 1
	if s.Down == 0 {
		return nothing(s.rates(), ImportanceSampling, o), nil
	}
	var total sums
	sample := func(r *rand.Rand, n int) *sums {
		a := newAround(s, newFleet(&cell), sets)
		t := &sums{}
		t.weighted()
		for range n {
			a.sample(r, t)
		}
		return t
	}
	cells := s.Placement.Cells
	err := draw.Rounds(ctx, o, sample, func(t *sums) { total.merge(t) }, func() draw.Estimate {
		e := ofCells(total.any.Estimate(o.Level), cells)
		e.Converged = e.Reached(o)
		return e
	})
	if err != nil {
		return Incidents{}, err
	}
	return total.means(o).incidents(cells, &total.sizes, s.rates(), ImportanceSampling, o), nil
}

// around draws states of one cell around a lost set.
type around struct {
	s     *Snapshot
	f     *fleet
	sets  drawSet
	lost  *lostSet
	skip  skipper
	taken *distinct // nodes whose state is decided
	set   []int32
}

func newAround(s *Snapshot, f *fleet, sets drawSet) *around {
	code := s.Placement.Cell.Code()
	members := prob.Binomial{N: code.Width, P: s.Down}
	return &around{s: s, f: f, sets: sets, lost: newLostSet(code, members.PMF),
		skip: newSkipper(s.Down), taken: newDistinct(f.n), set: make([]int32, code.Width)}
}

func (a *around) sample(r *rand.Rand, t *sums) {
	a.sets(r, a.set)
	a.taken.begin()
	for _, m := range a.set {
		a.taken.take(m)
	}
	a.f.reset()
	for _, m := range a.set[:a.lost.draw(r, a.set)] {
		a.f.fail(int(m))
	}
	for i := a.skip.next(r, 0, a.f.n); i < a.f.n; i = a.skip.next(r, i+1, a.f.n) {
		if a.taken.take(int32(i)) {
			a.f.fail(i)
		}
	}
	out := a.f.outcome()
	out.rate = a.f.endRate(a.s.FailRate, a.s.Down)
	weight := a.lost.total / out.storage
	t.add(out, weight)
	t.sizes.add(a.f.size(r, out.any), out.any*weight)
}

// endRate is the rate at which repairs of single nodes end an incident, where each of them is down
// with probability p and fails with the rate given. In the mean over states it is the rate at
// which failures begin one: the probability of a state, times the rate of a failure, is that of
// the state after it, times failRate·(1-p)/p. Only lost states count then, of which few are seen
// in vain, and only their failed nodes need be tried. outcome must have been called.
func (f *fleet) endRate(failRate, p float64) float64 {
	if failRate == 0 || p == 0 {
		return 0
	}
	var sum float64
	for i, c := range f.hurt {
		if f.state[i].hit == 0 {
			continue
		}
		f.load(c)
		for _, m := range f.down[c] {
			f.probe.Repair(int(m))
			sum += f.gain(i, f.look().log)
			f.probe.Fail(int(m))
		}
	}
	return failRate * (1 - p) / p * sum
}
