package model

import (
	"math"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// counts is the distribution of how many nodes of a cell are down: share[i] of first+i.
type counts struct {
	first int
	share []float64
}

// binomialCounts is that of n independent nodes, from the first count that can matter, which is
// from, to where the rest is negligible.
func binomialCounts(n int, p float64, from int) counts {
	b := prob.Binomial{N: n, P: p}
	c := counts{first: from}
	if from > n {
		return c
	}
	_, to := b.Support(1e-20)
	to = max(to, from)
	// Above the mean each term is smaller than the one before by a factor that falls itself: go on
	// until they are negligible beside the first, however small that is.
	odds := p / (1 - p)
	if r := float64(n-from) / float64(from+1) * odds; r < 1 && r > 0 {
		to = max(to, from+int(math.Ceil(min(float64(n), -45/math.Log(r)))))
	}
	c.share = b.Slice(from, min(to, n))
	return c
}

// cellByCount computes a cell from the distribution of its number of failed nodes. That is all it
// takes where the nodes that are down are equally likely to be any ones, or do not matter. ok is
// false where the pool has no such law.
func (s *system) cellByCount(of counts) (law cellLaw, ok bool) {
	pl := s.place
	n := pl.Cell.Nodes()
	shared := pl.LVsPerCell()
	finite := !math.IsInf(pl.Objects, 1)
	var subsets *place.Subsets
	var arith place.Law
	switch pool := pl.Cell.(type) {
	case *place.Subsets:
		subsets, arith = pool, pool
	case place.Law:
		arith = pool
		if finite {
			return law, false // needs the distribution of the lost share, not only its mean
		}
	default:
		return law, false
	}
	one := n == pl.Cell.Code().Width // a single set: the number of objects makes no difference
	code := pl.Cell.Code()
	// hit is P(a given LV is down), any is P(some LV is down), both given f failed nodes.
	hit := func(f int) (lv, any float64, ok bool) {
		if subsets != nil && finite && !one {
			lv = pl.HitGivenLost(subsets.LostGiven(f))
			return lv, prob.AtLeastOnce(lv, float64(shared)), true
		}
		any, ok = arith.AnyLost(f)
		return any, any, ok
	}
	if finite && !one {
		law.hits = make([]float64, shared+1)
	}
	rest := suffixSums(of.share)
	for i, x := range of.share {
		f := of.first + i
		if !s.static.rates && rest[i] <= 1e-17*min(law.any, law.lv, law.share) {
			break // whatever more failures do, it changes no digit
		}
		lv, any, ok := hit(f)
		if !ok {
			return law, false
		}
		law.any += float64(x * any)
		law.lv += float64(x * lv)
		law.share += float64(x * code.LostShare(n, f))
		if f < n && s.static.rates {
			_, next, ok := hit(f + 1)
			if !ok {
				return law, false
			}
			law.enters += x * float64(n-f) * s.static.lambda * (next - any)
		}
		if law.hits != nil {
			spreadHits(law.hits, x, lv)
		}
	}
	// Sums of rounded shares may exceed 1 by a last digit, of which no logarithm could be taken.
	law.any, law.lv, law.share = min(law.any, 1), min(law.lv, 1), min(law.share, 1)
	if law.hits != nil {
		law.hits[0] = 1 - sum(law.hits[1:]) // counts before of.first are left out, and hit none
	}
	return law, true
}

// suffixSums are the sums of all entries from each on.
func suffixSums(list []float64) []float64 {
	out := make([]float64, len(list))
	var total float64
	for i := len(list) - 1; i >= 0; i-- {
		total += list[i]
		out[i] = total
	}
	return out
}

func sum(list []float64) float64 {
	var total float64
	for _, x := range list {
		total += x
	}
	return total
}

// spreadHits adds weight times the binomial distribution of how many LVs are down.
func spreadHits(hits []float64, weight, lv float64) {
	if lv == 0 || weight == 0 {
		return
	}
	n := len(hits) - 1
	for j, x := range (prob.Binomial{N: n, P: lv}).All(1e-20 * min(1, float64(n)*lv)) {
		hits[j] += float64(weight * x)
	}
}
