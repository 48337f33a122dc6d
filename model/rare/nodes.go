package rare

import (
	"math"
	"math/rand/v2"
)

// skipper finds the nodes that are down among many, each independently with probability p, at a
// cost that grows with the number of those found: the gaps between them are geometric, which is
// the integer part of an exponential time.
type skipper struct {
	perGap float64 // expected gap, as if it were continuous
	none   bool
}

func newSkipper(p float64) skipper {
	return skipper{perGap: -1 / math.Log1p(-p), none: p <= 0}
}

// next is the first node at or after from that is down, or something ≥ end.
func (s skipper) next(r *rand.Rand, from, end int) int {
	if s.none {
		return end
	}
	gap := r.ExpFloat64() * s.perGap
	if gap >= float64(end-from) {
		return end
	}
	return from + int(gap)
}

// bernoulli draws which of nodes are down where their probabilities may differ: the skipper knows
// the largest of them, and a node that it finds is kept in proportion to its own.
type bernoulli struct {
	each []float64 // nil: all alike
	p    float64   // the largest
	skip skipper
}

func newBernoulli(p float64, each []float64) bernoulli {
	for i, x := range each {
		if i == 0 || x > p {
			p = x
		}
	}
	return bernoulli{each: each, p: p, skip: newSkipper(p)}
}

// of is the probability that a node is down.
func (b *bernoulli) of(node int) float64 {
	if b.each == nil {
		return b.p
	}
	return b.each[node]
}

// next is the first node at or after from that is down, or something ≥ end.
func (b *bernoulli) next(r *rand.Rand, from, end int) int {
	for {
		i := b.skip.next(r, from, end)
		if i >= end || b.each == nil || r.Float64()*b.p < b.each[i] {
			return i
		}
		from = i + 1
	}
}

// distinct draws different nodes of n, uniformly. One goroutine at a time may use it.
type distinct struct {
	stamp []uint32
	now   uint32
	perm  []int32 // for many of them
}

func newDistinct(n int) *distinct { return &distinct{stamp: make([]uint32, n)} }

// begin forgets which nodes were drawn.
func (d *distinct) begin() {
	if d.now++; d.now == 0 {
		clear(d.stamp)
		d.now = 1
	}
}

// take marks a node as drawn, and says whether it was not yet.
func (d *distinct) take(node int32) bool {
	if d.stamp[node] == d.now {
		return false
	}
	d.stamp[node] = d.now
	return true
}

// draw appends f nodes that were not taken yet. Rejection is fast as long as not too many are.
func (d *distinct) draw(r *rand.Rand, f int, out []int32) []int32 {
	n := len(d.stamp)
	if 2*(f+len(out)) <= n {
		for f > 0 {
			if v := int32(r.Uint64N(uint64(n))); d.take(v) {
				out = append(out, v)
				f--
			}
		}
		return out
	}
	d.perm = d.perm[:0]
	for i := range n {
		if d.stamp[i] != d.now {
			d.perm = append(d.perm, int32(i))
		}
	}
	for i := range f { // Fisher and Yates, as far as needed
		j := i + r.IntN(len(d.perm)-i)
		d.perm[i], d.perm[j] = d.perm[j], d.perm[i]
		d.take(d.perm[i])
		out = append(out, d.perm[i])
	}
	return out
}
