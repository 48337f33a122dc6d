package rare

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/prob"
)

// stratified estimates for one cell of nodes that are alike. How many of them are down is
// binomial; what so many failed nodes cost is sampled, for each number or range of numbers of its
// own, and mixed with the known probabilities. With no more failures than the code tolerates
// nothing is lost. A first look decides how many samples each range deserves (Neyman 1934), and is
// then forgotten, so that the estimate stays unbiased.
func (s *Snapshot) stratified(ctx context.Context, o draw.Options) (Incidents, error) {
	cell := *s.Placement
	cell.LVs, cell.Cells = cell.LVsPerCell(), 1
	strata := newStrata(cell.Nodes(), cell.Cell.Code().Tolerate, s.Down)
	if len(strata) == 0 {
		return nothing(s.rates(), Stratified, o), nil
	}
	sample := func(share []float64) func(r *rand.Rand, n int) []sums {
		return func(r *rand.Rand, n int) []sums {
			t := make([]sums, len(strata))
			c := newStratum(s, newFleet(&cell))
			for i := range strata {
				for range max(1, int(math.Round(float64(n)*share[i]))) {
					c.sample(r, &strata[i], &t[i])
				}
			}
			return t
		}
	}
	total := make([]sums, len(strata))
	add := func(t []sums) {
		for i := range t {
			total[i].merge(&t[i])
		}
	}
	even := make([]float64, len(strata))
	for i := range even {
		even[i] = 1
	}
	first := named(o, "first")
	first.Samples, first.Progress = draw.Batches, nil
	// One round: draw.Batches samples of each stratum.
	if err := draw.Rounds(ctx, first, sample(even), add, func() draw.Estimate {
		return draw.Estimate{}
	}); err != nil {
		return Incidents{}, err
	}
	share := neyman(strata, total)
	clear(total)
	cells := s.Placement.Cells
	err := draw.Rounds(ctx, o, sample(share), add, func() draw.Estimate {
		e := ofCells(s.mixStrata(strata, total, o).any, cells)
		e.Converged = e.Reached(o)
		return e
	})
	if err != nil {
		return Incidents{}, err
	}
	var sizes Sizes
	for i := range total {
		if n := total[i].any.N; n > 0 {
			sizes.merge(&total[i].sizes, strata[i].weight/float64(n))
		}
	}
	return s.mixStrata(strata, total, o).incidents(cells, &sizes, s.rates(), Stratified, o), nil
}

// nothing is the answer where nothing can be lost.
func nothing(rates bool, method string, o draw.Options) Incidents {
	zero := cellMeans{impossible, impossible, impossible, impossible}
	return zero.incidents(1, &Sizes{}, rates, method, o)
}

// aStratum is a range of numbers of failures.
type aStratum struct {
	from   int
	cum    []float64 // of from, from+1, …, within the stratum: not normalised
	weight float64   // probability of the range
}

// newStrata has a stratum for each of the first numbers of failures that can be a loss, and then
// ever wider ranges. Together they are all there is, but for what float64 cannot hold.
func newStrata(n, tolerate int, p float64) []aStratum {
	if tolerate+1 > n {
		return nil
	}
	pmf := prob.Binomial{N: n, P: p}.Slice(tolerate+1, n)
	var out []aStratum
	for i, width := 0, 1.0; i < len(pmf); {
		s := aStratum{from: tolerate + 1 + i}
		for range int(width) {
			if i == len(pmf) {
				break
			}
			s.weight += pmf[i]
			s.cum = append(s.cum, s.weight)
			i++
		}
		if s.weight > 0 {
			out = append(out, s)
		}
		if len(out) >= 12 {
			width *= 1.25
		}
	}
	return out
}

func neyman(strata []aStratum, first []sums) []float64 {
	share := make([]float64, len(strata))
	var sum float64
	for i, s := range strata {
		t := &first[i].any
		n := float64(t.N)
		mean := (t.X + 0.5) / (n + 1) // no estimate of 0 or 1, for the sake of the next step
		share[i] = s.weight * math.Sqrt(max(0, t.XX/n-square(t.X/n))+mean*(1-mean)/n)
		sum += share[i]
	}
	for i := range share {
		share[i] /= sum
	}
	return share
}

func (s *Snapshot) mixStrata(strata []aStratum, t []sums, o draw.Options) cellMeans {
	weights := make([]float64, len(strata))
	parts := make([]cellMeans, len(strata))
	for i := range strata {
		weights[i], parts[i] = strata[i].weight, t[i].means(o)
		if s.FailRate > 0 && t[i].rate.Hits == 0 && t[i].rate.N > 0 {
			// No repair of a node can end more than one incident.
			most := float64(strata[i].from+len(strata[i].cum)-1) * s.FailRate * (1 - s.Down) / s.Down
			_, high := prob.Wilson(0, float64(t[i].rate.N), o.Level)
			parts[i].rate.High = most * high
		}
	}
	mix := func(get func(*cellMeans) draw.Estimate) draw.Estimate {
		e := make([]draw.Estimate, len(parts))
		for i := range parts {
			e[i] = get(&parts[i])
		}
		return mixed(weights, e)
	}
	return cellMeans{
		any:     mix(func(m *cellMeans) draw.Estimate { return m.any }),
		lvs:     mix(func(m *cellMeans) draw.Estimate { return m.lvs }),
		storage: mix(func(m *cellMeans) draw.Estimate { return m.storage }),
		rate:    mix(func(m *cellMeans) draw.Estimate { return m.rate }),
	}
}

// stratum draws states of one cell with a given number of failures.
type stratum struct {
	s     *Snapshot
	f     *fleet
	taken *distinct
	nodes []int32
}

func newStratum(s *Snapshot, f *fleet) *stratum {
	return &stratum{s: s, f: f, taken: newDistinct(f.n)}
}

func (c *stratum) sample(r *rand.Rand, s *aStratum, t *sums) {
	u := r.Float64() * s.weight
	i := sort.Search(len(s.cum)-1, func(i int) bool { return s.cum[i] > u })
	c.taken.begin()
	c.nodes = c.taken.draw(r, s.from+i, c.nodes[:0])
	c.f.reset()
	for _, m := range c.nodes {
		c.f.fail(int(m))
	}
	out := c.f.outcome()
	if out.any > 0 {
		out.rate = c.f.endRate(c.s.FailRate, c.s.Down)
		t.sizes.add(c.f.size(r, out.any), out.any)
	}
	t.add(out, 1)
}
