package model

import (
	"math"

	"github.com/container-football/pitch/model/prob"
)

// A snapshot is what holds at a random moment.
type snapshot struct {
	incident  float64 // P(some LV is down)
	lv        float64 // P(a given LV is down), the mean over all
	share     float64 // expected share of all storage on lost sets
	frequency float64 // incidents that begin, per hour; 0 where no rates are known
	sizes     []float64
}

// A cellLaw is what holds for one cell at a random moment, over the failures of its nodes.
type cellLaw struct {
	any, lv, share float64
	enters         float64 // rate at which it goes from no LV down to some, per hour
	hits           []float64
	// hits is the distribution of the number of its LVs that are down, from 0 to all; nil: all
	// are down at once, or none.
}

// Distributions of sizes are kept by size, so they need room; larger systems are simulated.
const (
	mostSizes    = 1 << 20 // volumes of which sizes are kept
	mostConvolve = 1 << 12 // volumes of which sizes are convolved
)

// combine puts together cells that fail independently of each other and are alike; sized says
// whether the distribution of sizes is wanted.
func combine(one cellLaw, cells, lvs int, sized bool) snapshot {
	s := snapshot{lv: one.lv, share: one.share,
		incident: prob.AtLeastOnce(one.any, float64(cells))}
	// It begins in one cell while no other has an LV down.
	s.frequency = float64(cells) * one.enters * (1 - prob.AtLeastOnce(one.any, float64(cells-1)))
	each := lvs / cells
	switch {
	case !sized || lvs > mostSizes:
	case one.hits == nil:
		s.sizes = make([]float64, lvs+1)
		eps := 1e-20 * min(1, float64(cells)*one.any)
		for c, p := range (prob.Binomial{N: cells, P: one.any}).All(eps) {
			s.sizes[c*each] = p
		}
	case lvs <= mostConvolve || cells == 1:
		s.sizes = power(one.hits, cells)
	}
	return s
}

// combineUnlike puts together cells that fail independently of each other, each by its own law.
func combineUnlike(cells []cellLaw, lvs int, sized bool) snapshot {
	var s snapshot
	each := lvs / len(cells)
	logNone := 0.0 // log of P(no LV is down)
	if sized = sized && lvs <= mostConvolve; sized {
		s.sizes = []float64{1}
	}
	for _, c := range cells {
		s.lv += c.lv / float64(len(cells))
		s.share += c.share / float64(len(cells))
		logNone += math.Log1p(-c.any)
		if sized {
			s.sizes = prob.Convolve(s.sizes, c.distribution(each))
		}
	}
	s.incident = -math.Expm1(logNone)
	return s
}

func (c cellLaw) distribution(each int) []float64 {
	if c.hits != nil {
		return c.hits
	}
	d := make([]float64, each+1)
	d[0], d[each] = 1-c.any, c.any
	return d
}

// power is the distribution of a sum of n independent draws of pmf.
func power(pmf []float64, n int) []float64 {
	out := []float64{1}
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out = prob.Convolve(out, pmf)
		}
		if n > 1 {
			pmf = prob.Convolve(pmf, pmf)
		}
	}
	return out
}

// through adds the network and the frontends that volumes need besides their storage. A frontend
// serves one volume or several; it fails alone, and the network fails for all.
func (s snapshot) through(acc access, lvs int) snapshot {
	if acc.remote == 0 || acc.network == 0 && acc.frontend == 0 {
		return s
	}
	path := 1 - (1-acc.network)*(1-acc.frontend)
	add := func(x float64) float64 {
		return x + float64(acc.remote*path*(1-x))
	}
	s.lv, s.share = add(s.lv), add(s.share)
	used := math.Round(acc.remote * float64(acc.frontends))
	front := prob.AtLeastOnce(acc.frontend, used)
	s.incident = 1 - (1-s.incident)*(1-front)*(1-acc.network)
	s.frequency = 0
	s.sizes = s.sizesThrough(acc, lvs)
	return s
}

// mostExported bounds the work of sizesThrough where only some volumes are used over the network.
const mostExported = 512

// sizesThrough is known where each volume has a frontend of its own. Which volumes are used over
// the network is independent of where they lie: of those that the storage leaves up, a
// hypergeometric number is.
func (s snapshot) sizesThrough(acc access, lvs int) []float64 {
	exported := int(math.Round(acc.remote * float64(lvs)))
	if s.sizes == nil || acc.frontend > 0 && acc.frontends != lvs ||
		exported < lvs && lvs > mostExported {
		return nil
	}
	out := make([]float64, lvs+1)
	for down, p := range s.sizes {
		if p == 0 {
			continue
		}
		h := prob.Hypergeometric{N: lvs, K: exported, Draws: lvs - down}
		for used := 0; used <= min(exported, lvs-down); used++ {
			x := p
			if exported < lvs {
				x *= h.PMF(used)
			} else if used < lvs-down {
				continue // all are
			}
			if x == 0 {
				continue
			}
			out[down+used] += float64(x * acc.network)
			for more, y := range (prob.Binomial{N: used, P: acc.frontend}).All(1e-20 * acc.frontend) {
				out[down+more] += float64(x * (1 - acc.network) * y)
			}
		}
	}
	return out
}

// mix weighs snapshots of several environments.
func mix(weights []float64, of func(i int) (snapshot, bool)) (snapshot, bool) {
	var total snapshot
	for i, w := range weights {
		s, ok := of(i)
		if !ok {
			return total, false
		}
		total.incident += float64(w * s.incident)
		total.lv += float64(w * s.lv)
		total.share += float64(w * s.share)
		total.frequency += float64(w * s.frequency)
		if i == 0 {
			total.sizes = make([]float64, len(s.sizes))
		}
		if s.sizes == nil || total.sizes == nil {
			total.sizes = nil
			continue
		}
		for j, p := range s.sizes {
			total.sizes[j] += float64(w * p)
		}
	}
	return total, true
}
