package rare

import (
	"math"
	"math/rand/v2"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Sizes is the distribution of how many LVs an incident hits at once, given that it hits any. The
// zero value is empty.
type Sizes struct {
	bins  []Bin // by size; Share is a weight until normalised
	total float64
}

// A Bin is the share of the incidents that hit exactly so many LVs.
type Bin struct {
	LVs   int
	Share float64
}

// Bins lists the sizes that were seen, from small to large; the shares add up to 1.
func (s *Sizes) Bins() []Bin {
	out := make([]Bin, len(s.bins))
	for i, b := range s.bins {
		out[i] = Bin{b.LVs, b.Share / s.total}
	}
	return out
}

// Mean is the expected number of LVs hit, given that any is; 0 if there was no incident.
func (s *Sizes) Mean() float64 {
	if s.total == 0 {
		return 0
	}
	var sum float64
	for _, b := range s.bins {
		sum += float64(b.Share * float64(b.LVs))
	}
	return sum / s.total
}

// Quantile is the smallest size that at least the share q of all incidents does not exceed, q in
// [0, 1]; 0 if there was no incident.
func (s *Sizes) Quantile(q float64) int {
	var sum float64
	for _, b := range s.bins {
		// The sum may miss 1 by rounding; no size above the largest was seen.
		if sum += b.Share; sum >= q*s.total*(1-1e-12) {
			return b.LVs
		}
	}
	if len(s.bins) == 0 {
		return 0
	}
	return s.bins[len(s.bins)-1].LVs
}

func (s *Sizes) add(lvs int, weight float64) {
	if weight == 0 {
		return
	}
	s.total += weight
	i := sort.Search(len(s.bins), func(i int) bool { return s.bins[i].LVs >= lvs })
	if i == len(s.bins) || s.bins[i].LVs != lvs {
		s.bins = append(s.bins, Bin{})
		copy(s.bins[i+1:], s.bins[i:])
		s.bins[i] = Bin{LVs: lvs}
	}
	s.bins[i].Share += weight
}

// merge adds the incidents of another distribution, by so much.
func (s *Sizes) merge(o *Sizes, by float64) {
	for _, b := range o.bins {
		s.add(b.LVs, b.Share*by)
	}
}

// draw chooses a size at random.
func (s *Sizes) draw(r *rand.Rand) int { return s.Quantile(r.Float64()) }

// compoundDraws are the samples for incidents of two and more cells at once.
const compoundDraws = 1 << 13

// ofCells is the distribution for m independent cells, each of which has an incident with
// probability p, and then of a size from s. One cell alone is exact; where two or more have one at
// once their sizes are added up by sampling.
func (s *Sizes) ofCells(m int, p float64, r *rand.Rand) Sizes {
	if m == 1 || len(s.bins) == 0 {
		return *s
	}
	p = min(1, p)
	any := union(p, float64(m))
	one := float64(m) * p * math.Pow(1-p, float64(m-1)) / any
	var out Sizes
	out.merge(s, min(1, one)/s.total)
	several := 1 - one
	if several < 1e-12 {
		return out
	}
	for range compoundDraws {
		size := 0
		for range atLeast(2, m, p, r) {
			size += s.draw(r)
		}
		out.add(size, several/compoundDraws)
	}
	return out
}

// atLeast draws from the binomial distribution of m trials, given that it is least or more, which
// is 0, 1 or 2: by inversion where that is rare, and by rejection where it is common.
func atLeast(least, m int, p float64, r *rand.Rand) int {
	if p == 1 || m == least {
		return m
	}
	if float64(m)*p > 1 {
		b := distuv.Binomial{N: float64(m), P: p, Src: r}
		for {
			if k := int(b.Rand()); k >= least {
				return k
			}
		}
	}
	// The ratios of neighbouring terms say it all; the first one is 1, as the scale cancels.
	term, sum := 1.0, 1.0
	odds := p / (1 - p)
	for k := least; k < m && term > sum*1e-17; k++ {
		term *= float64(m-k) / float64(k+1) * odds
		sum += term
	}
	u := r.Float64() * sum
	term = 1
	for k := least; k < m; k++ {
		if u -= term; u < 0 {
			return k
		}
		term *= float64(m-k) / float64(k+1) * odds
		if term < sum*1e-17 {
			return k
		}
	}
	return m
}
