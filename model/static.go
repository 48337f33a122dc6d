package model

import (
	"context"
	"math"
	"math/bits"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// engine computes the snapshot of a system in one way; ok is false where it does not apply.
type engine struct {
	method Method
	run    func(s *system, sized bool) (snapshot, bool)
}

// arithmetic are the engines without sampling, best first.
var arithmetic = []engine{
	{ClosedForm, (*system).byCount},
	{ClosedForm, (*system).byStripe},
	{Quadrature, (*system).byUncertainP},
	{Exact, (*system).byUnlikeCells},
	{Exact, (*system).byDomains},
	{Enumeration, (*system).byEnumeration},
}

// byCount applies where all servers are alike, and the pool has a law.
func (s *system) byCount(sized bool) (snapshot, bool) {
	if !s.static.alike() || s.static.cv > 0 {
		return snapshot{}, false
	}
	return s.atP(s.static.p, sized)
}

func (s *system) atP(p float64, sized bool) (snapshot, bool) {
	from := s.place.Cell.Code().Tolerate
	if !s.static.rates {
		from++ // below, nothing is lost; with rates, the step from there to a loss counts
	}
	law, ok := s.cellByCount(binomialCounts(s.place.Cell.Nodes(), p, from))
	if !ok {
		return snapshot{}, false
	}
	return combine(law, s.place.Cells, s.place.LVs, sized), true
}

// byStripe applies to a RAID-0 over disjoint sets, of servers that are alike.
func (s *system) byStripe(sized bool) (snapshot, bool) {
	sets, ok := s.place.Cell.(*place.Sets)
	if !ok || !sets.Disjoint() || !math.IsInf(s.place.Objects, 1) || !s.static.alike() ||
		s.static.cv > 0 {
		return snapshot{}, false
	}
	code, w := sets.Code(), float64(sets.Len())
	set := code.LostProbability(s.static.p)
	any := prob.AtLeastOnce(set, w)
	law := cellLaw{any: any, lv: any, share: set}
	if s.static.rates {
		at := prob.Binomial{N: code.Width, P: s.static.p}.PMF(code.Tolerate)
		set := at * float64(code.Width-code.Tolerate) * s.static.lambda
		law.enters = w * set * (1 - prob.AtLeastOnce(code.LostProbability(s.static.p), w-1))
	}
	return combine(law, s.place.Cells, s.place.LVs, sized), true
}

// byUncertainP mixes over a probability that all servers share and that is not known exactly: a
// Beta distribution of the given mean and coefficient of variation. In y = logit p its density is
// p^a·(1-p)^b/B(a,b), analytic and falling exponentially on both sides, for which the trapezoidal
// rule converges faster than any power of its step (Trefethen and Weideman, SIAM Review 2014).
func (s *system) byUncertainP(sized bool) (snapshot, bool) {
	f := s.static
	if f.cv == 0 || !f.alike() {
		return snapshot{}, false
	}
	ps, weights := betaPoints(f.p, f.cv)
	return mix(weights, func(i int) (snapshot, bool) {
		if snap, ok := s.atP(ps[i], sized); ok {
			return snap, true
		}
		at := *s
		at.static.p, at.static.cv = ps[i], 0
		return at.byStripe(sized)
	})
}

// betaPoints are points and weights for the mean over a Beta distribution. They also serve for
// means of p^k·f(p), since they reach far beyond the bulk.
func betaPoints(mean, cv float64) (ps, weights []float64) {
	// Var = mean²cv² = mean(1-mean)/(a+b+1).
	total := (1-mean)/(mean*cv*cv) - 1
	a, b := mean*total, (1-mean)*total
	logDensity := func(y float64) float64 { return a*-math.Log1p(math.Exp(-y)) - b*math.Log1p(math.Exp(y)) }
	mode := math.Log(a / b)
	top := logDensity(mode)
	step := min(1, 1/math.Sqrt(min(a, b))) / 8
	var sum float64
	for _, direction := range []float64{1, -1} {
		for i := 0; ; i++ {
			if i == 0 && direction < 0 {
				continue
			}
			y := mode + direction*float64(i)*step
			w := math.Exp(logDensity(y) - top)
			// To the right p^k grows at most like e^(ky); 1e-40 leaves room for that.
			if w < 1e-40 || i > 200_000 {
				break
			}
			ps, weights = append(ps, 1/(1+math.Exp(-y))), append(weights, w)
			sum += w
		}
	}
	for i := range weights {
		weights[i] /= sum
	}
	return ps, weights
}

// byUnlikeCells applies where each server has a probability of its own and a cell is a group, or a
// BigCluster, in which only the number of failures counts.
func (s *system) byUnlikeCells(sized bool) (snapshot, bool) {
	pool, ok := s.place.Cell.(*place.Subsets)
	if !ok || s.static.table == nil || len(s.static.levels) > 0 || pool.Code().LRC != nil ||
		pool.Nodes() > 1<<14 {
		return snapshot{}, false
	}
	n := pool.Nodes()
	var cells []cellLaw
	for c := range s.place.Cells {
		pmf := prob.PoissonBinomial(s.static.table[c*n : (c+1)*n])
		law, ok := s.cellByCount(counts{share: pmf})
		if !ok {
			return snapshot{}, false
		}
		// Over all choices of sets of unlike servers a set's loss is no longer that of the count
		// alone, but the mean over all sets of a count is: the share needs no correction.
		cells = append(cells, law)
	}
	return combineUnlike(cells, s.place.LVs, sized), true
}

// mostFactors bounds enumerations: they go through 2^mostFactors states of nodes and domains.
const mostFactors = 20

// byEnumeration goes through every state of every node and domain.
func (s *system) byEnumeration(sized bool) (snapshot, bool) {
	if s.static.cv > 0 || s.static.rates && len(s.static.levels) > 0 {
		return snapshot{}, false
	}
	n := s.place.Cell.Nodes()
	if len(s.static.levels) > 0 {
		return s.enumerateFleet(sized)
	}
	if n > mostFactors || s.place.LVs > mostConvolve {
		return snapshot{}, false
	}
	if s.static.table == nil {
		law := s.enumerateCell(func(int) float64 { return s.static.p })
		return combine(law, s.place.Cells, s.place.LVs, sized), true
	}
	if s.place.Cells > 1<<10 {
		return snapshot{}, false
	}
	var cells []cellLaw
	for c := range s.place.Cells {
		cells = append(cells, s.enumerateCell(func(i int) float64 { return s.static.table[c*n+i] }))
	}
	return combineUnlike(cells, s.place.LVs, sized), true
}

// enumerateCell walks all states of one cell in Gray code order, so that each step is one failure
// or repair.
func (s *system) enumerateCell(p func(i int) float64) cellLaw {
	n, shared := s.place.Cell.Nodes(), s.place.LVsPerCell()
	probe := s.place.Cell.Probe()
	law := cellLaw{hits: make([]float64, shared+1)}
	anyAt := make([]float64, 1<<n)
	chance := make([]float64, 1<<n)
	var state uint
	for step := uint(0); step < 1<<n; step++ {
		if step > 0 {
			flip := bits.TrailingZeros(step)
			state ^= 1 << flip
			if state>>flip&1 == 1 {
				probe.Fail(flip)
			} else {
				probe.Repair(flip)
			}
		}
		x := 1.0
		for i := range n {
			if state>>i&1 == 1 {
				x *= p(i)
			} else {
				x *= 1 - p(i)
			}
		}
		share := probe.Lost()
		lv := s.place.HitGivenLost(share)
		any := prob.AtLeastOnce(lv, float64(shared))
		chance[state], anyAt[state] = x, any
		law.share += float64(x * share)
		law.lv += float64(x * lv)
		law.any += float64(x * any)
		spreadHits(law.hits, x, lv)
	}
	law.hits[0] = 1 - law.any
	if !s.static.rates {
		return law
	}
	for state, x := range chance {
		for i := range n {
			if state>>i&1 == 0 {
				law.enters += x * s.static.lambda * (anyAt[state|1<<i] - anyAt[state])
			}
		}
	}
	return law
}

// snapshotSolvers are the ways to answer a question about a random moment; pick takes the answer
// from a snapshot, and simulate estimates it.
func (s *system) snapshotSolvers(sized bool, pick func(snapshot) Answer, simulate solver) []solver {
	var solvers []solver
	for _, e := range arithmetic {
		solvers = append(solvers, solver{e.method, func(context.Context, Options) (Answer, error) {
			snap, ok := e.run(s, sized)
			if !ok {
				return Answer{}, errNotApplicable
			}
			answer := pick(snap.through(s.access, s.place.LVs))
			if math.IsNaN(answer.Value) {
				return Answer{}, errNotApplicable
			}
			answer.Method = e.method
			return answer, nil
		}})
	}
	return append(solvers, simulate)
}
