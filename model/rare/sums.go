package rare

import (
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
)

// outcome is what one sample shows, of a cell or of a fleet.
type outcome struct {
	any     float64 // probability that some LV is hit, over the placement of the objects
	lvs     float64 // expected share of the LVs
	storage float64 // share
	rate    float64 // of incidents that end, per hour; in the mean as many begin
}

// sums adds up outcomes and their sizes.
type sums struct {
	any, lvs, storage, rate draw.Tally
	sizes                   Sizes
}

// add counts a sample with its likelihood ratio.
func (s *sums) add(out outcome, weight float64) {
	s.any.Add(out.any * weight)
	s.lvs.Add(out.lvs * weight)
	s.storage.Add(out.storage * weight)
	s.rate.Weighted = true // no proportion: without a hit nothing is known
	s.rate.Add(out.rate * weight)
}

func (s *sums) merge(o *sums) {
	s.any.Merge(o.any)
	s.lvs.Merge(o.lvs)
	s.storage.Merge(o.storage)
	s.rate.Merge(o.rate)
	s.sizes.merge(&o.sizes, 1)
}

func (s *sums) weighted() {
	s.any.Weighted, s.lvs.Weighted, s.storage.Weighted = true, true, true
}

// cellMeans are the estimates for one cell.
type cellMeans struct{ any, lvs, storage, rate draw.Estimate }

func (s *sums) means(o draw.Options) cellMeans {
	return cellMeans{s.any.Estimate(o.Level), s.lvs.Estimate(o.Level),
		s.storage.Estimate(o.Level), s.rate.Estimate(o.Level)}
}

// incidents makes the answer for a fleet of independent cells that are alike, of the estimates for
// one of them; and with cells 1 for a fleet that was simulated as a whole.
func (m cellMeans) incidents(cells int, sizes *Sizes, rates bool, method string, o draw.Options,
) Incidents {
	result := func(e draw.Estimate) Result {
		e.Converged = e.Converged || e.Reached(o)
		return Result{Estimate: e, Method: method}
	}
	m.any, m.lvs, m.storage = probable(m.any), probable(m.lvs), probable(m.storage)
	in := Incidents{Any: result(ofCells(m.any, cells)), LVs: result(m.lvs),
		Storage: result(m.storage), Frequency: Result{Estimate: impossible, Method: method}}
	if rates {
		in.Frequency = result(frequency(m.any, m.rate, cells))
	}
	in.Sizes = sizes.ofCells(cells, m.any.Value, streamOf(o, "sizes"))
	return in
}

// frequency is how often some cell is hit while no other is. The two errors are taken to be
// independent, though more hits mean both more incidents and less time for them: the interval is
// a little wide where losses are common, and right where they are rare.
func frequency(any, rate draw.Estimate, cells int) draw.Estimate {
	if cells == 1 {
		return rate
	}
	m := float64(cells)
	p := min(1, any.Value)
	up := math.Pow(1-p, m-1)
	e := scaled(rate, m*up)
	if rate.Value == 0 || p == 1 {
		return e
	}
	relative := (m - 1) / (1 - p)
	e.StdErr = math.Hypot(e.StdErr, e.Value*relative*any.StdErr)
	e.Low = max(0, e.Value-math.Hypot(e.Value-e.Low, e.Value*relative*(any.High-p)))
	e.High = e.Value + math.Hypot(e.High-e.Value, e.Value*relative*(p-any.Low))
	return e
}

// streamOf is a random stream for what is sampled once, besides the batches.
func streamOf(o draw.Options, part string) *rand.Rand {
	return draw.Stream(o.Seed, o.Name+"/"+part, 0)
}

// addMisses counts samples that saw nothing.
func (s *sums) addMisses(n int) {
	if n == 0 {
		return
	}
	s.add(outcome{}, 1)
	for _, t := range []*draw.Tally{&s.any, &s.lvs, &s.storage, &s.rate} {
		t.N += int64(n - 1)
		t.Y += float64(n - 1)
		t.YY += float64(n - 1)
	}
}
