package rare

import (
	"context"
	"math/rand/v2"
	"sort"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// An Outage asks what is hit when many nodes of a fleet fail at once, such as those that do not
// come back after a power outage (Cidon et al., Copysets, USENIX ATC 2013).
type Outage struct {
	Placement *place.Placement
	Failed    int     // so many nodes, uniformly chosen, 0..N; or, where it is 0:
	Each      float64 // every node with this probability, [0, 1], independently
	Method    string  // Auto, MonteCarlo or ImportanceSampling; with Each also Stratified
}

// Hits are what an outage hits.
type Hits struct {
	Any     Result // probability that some LV is hit
	LVs     Result // expected number of LVs hit
	Storage Result // expected share of the storage that is lost
}

// Run estimates until Any is as exact as asked. The error wraps ErrInput, ErrMethod, or is that
// of ctx.
func (u Outage) Run(ctx context.Context, o draw.Options) (Hits, error) {
	s := Snapshot{Placement: u.Placement, Down: u.Each, Method: u.Method}
	if err := s.validate(); err != nil {
		return Hits{}, err
	}
	if n := u.Placement.Nodes(); u.Failed < 0 || u.Failed > n || u.Failed > 0 && u.Each > 0 {
		return Hits{}, badInput("outage of %d of %d nodes, or each with probability %g",
			u.Failed, n, u.Each)
	}
	o = o.WithDefaults()
	method := u.Method
	if method == Auto {
		h, err := u.plain(ctx, pilot(o))
		if err != nil {
			return h, err
		}
		method = ImportanceSampling
		if h.Any.Hits >= pilotHits || u.Failed > 0 && setsOf(u.Placement.Cell) == nil {
			method = MonteCarlo
		}
	}
	switch {
	case method == MonteCarlo:
		return u.plain(ctx, o)
	case u.Failed == 0: // a snapshot of the moment after it
		if method == ImportanceSampling && setsOf(u.Placement.Cell) == nil {
			method = Stratified
		}
		s.Method = method
		in, err := s.Run(ctx, o)
		in.LVs.Estimate = scaled(in.LVs.Estimate, float64(u.Placement.LVs))
		return Hits{in.Any, in.LVs, in.Storage}, err
	case method == ImportanceSampling:
		return u.aroundSets(ctx, o)
	}
	return Hits{}, badMethod(method, "not for an outage of a given number of nodes")
}

// trial draws one outage.
type trial interface {
	run(r *rand.Rand, failed int) outcome
}

func (u *Outage) plain(ctx context.Context, o draw.Options) (Hits, error) {
	failed := u.failures()
	var total sums
	sample := func(r *rand.Rand, n int) *sums {
		t, s, misses := u.trial(), &sums{}, 0
		f := u.Failed
		for range n {
			if failed != nil {
				f = failed(r)
			}
			if out := t.run(r, f); out.any > 0 {
				s.add(out, 1)
			} else {
				misses++
			}
		}
		s.addMisses(misses)
		return s
	}
	return u.estimate(ctx, o, &total, sample, MonteCarlo)
}

func (u *Outage) estimate(ctx context.Context, o draw.Options, total *sums,
	sample func(r *rand.Rand, n int) *sums, method string) (Hits, error) {
	err := draw.Rounds(ctx, o, sample, func(s *sums) { total.merge(s) }, func() draw.Estimate {
		e := total.any.Estimate(o.Level)
		e.Converged = e.Reached(o)
		return e
	})
	if err != nil {
		return Hits{}, err
	}
	in := total.means(o).incidents(1, &Sizes{}, false, method, o)
	in.LVs.Estimate = scaled(in.LVs.Estimate, float64(u.Placement.LVs))
	return Hits{in.Any, in.LVs, in.Storage}, nil
}

// failures draws how many nodes fail; nil: a fixed number.
func (u *Outage) failures() func(r *rand.Rand) int {
	if u.Failed > 0 || u.Each == 0 {
		return nil
	}
	b := prob.Binomial{N: u.Placement.Nodes(), P: u.Each}
	lo, hi := b.Support(1e-15) // what is left out is below the rounding of the uniform numbers
	cum := b.Slice(lo, hi)
	for i := 1; i < len(cum); i++ {
		cum[i] += cum[i-1]
	}
	all := cum[len(cum)-1]
	return func(r *rand.Rand) int {
		x := r.Float64() * all
		return lo + sort.Search(len(cum)-1, func(i int) bool { return cum[i] > x })
	}
}

// trial chooses the fastest way to draw outages.
func (u *Outage) trial() trial {
	general := &anyTrial{f: newFleet(u.Placement), taken: newDistinct(u.Placement.Nodes())}
	switch pool := u.Placement.Cell.(type) {
	case *place.Subsets:
		code := pool.Code()
		if pool.Nodes() == code.Width && code.LRC == nil && code.Width <= 32 {
			return newShardTrial(u.Placement, general)
		}
	case place.Windows:
		if w := pool.Reach(); u.Placement.Cells == 1 && pool.Code().Width > 1 && w < 64 {
			return newWindowTrial(u.Placement, w, general)
		}
	}
	return general
}

// anyTrial is for any placement.
type anyTrial struct {
	f     *fleet
	taken *distinct
	nodes []int32
}

func (t *anyTrial) run(r *rand.Rand, failed int) outcome {
	t.taken.begin()
	t.nodes = t.taken.draw(r, failed, t.nodes[:0])
	t.f.reset()
	for _, i := range t.nodes {
		t.f.fail(int(i))
	}
	return t.f.outcome()
}

// aroundSets is as the method of that name for a snapshot, for the whole fleet, and with an exact
// number of failures, of which a set has a hypergeometric number.
func (u *Outage) aroundSets(ctx context.Context, o draw.Options) (Hits, error) {
	sets := setsOf(u.Placement.Cell)
	if sets == nil {
		return Hits{}, badMethod(ImportanceSampling, "unknown kind of pool")
	}
	code, n := u.Placement.Cell.Code(), u.Placement.Nodes()
	members := prob.Hypergeometric{N: n, K: u.Failed, Draws: code.Width}
	lost := newLostSet(code, members.PMF)
	if lost.total == 0 {
		in := nothing(false, ImportanceSampling, o)
		return Hits{in.Any, in.LVs, in.Storage}, nil
	}
	var total sums
	sample := func(r *rand.Rand, samples int) *sums {
		t := &sums{}
		t.weighted()
		f, taken := newFleet(u.Placement), newDistinct(n)
		set, nodes := make([]int32, code.Width), []int32(nil)
		for range samples {
			first := r.IntN(u.Placement.Cells) * f.n
			sets(r, set)
			taken.begin()
			for i := range set {
				set[i] += int32(first)
				taken.take(set[i])
			}
			f.reset()
			e := lost.draw(r, set)
			for _, m := range set[:e] {
				f.fail(int(m))
			}
			nodes = taken.draw(r, u.Failed-e, nodes[:0])
			for _, m := range nodes {
				f.fail(int(m))
			}
			out := f.outcome()
			t.add(out, lost.total/out.storage)
		}
		return t
	}
	return u.estimate(ctx, o, &total, sample, ImportanceSampling)
}
