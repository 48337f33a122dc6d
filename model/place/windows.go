package place

import (
	"github.com/container-football/pitch/model/prob"
)

// Windows is the pool of buddy groups on a ring: node i and any r-1 of the w nodes after it
// (Cidon et al. 2013 describe Facebook's variant with w = 11, r = 3 so).
type Windows struct{ n, r, w int }

var _ Law = Windows{}

// Ring makes the pool: n nodes, r replicas, windows of w; r-1 ≤ w < n/2, so that no two windows
// overlap on both sides.
func Ring(n, r, w int) Windows { return Windows{n, r, w} }

// Reach is how many nodes after a node belong to its window.
func (w Windows) Reach() int { return w.w }

// Nodes implements Pool.
func (w Windows) Nodes() int { return w.n }

// Code implements Pool.
func (w Windows) Code() Code { return Replicas(w.r) }

// AnyLost implements Law by the exact geometry.
func (w Windows) AnyLost(f int) (float64, bool) {
	switch {
	case f < w.r:
		return 0, true
	case w.r == 1:
		return 1, true
	}
	return prob.AnyWindowLost(w.n, w.r, w.w, f)
}

// Probe implements Pool. A failure costs a step for each node of two windows.
func (w Windows) Probe() Probe {
	return &windowProbe{pool: w, down: make([]bool, w.n), all: float64(w.n) * prob.Choose(w.w, w.r-1)}
}

type windowProbe struct {
	pool  Windows
	down  []bool
	nodes []int32
	lost  float64 // sets that are lost: an integer
	all   float64
}

func (p *windowProbe) Reset() {
	for _, n := range p.nodes {
		p.down[n] = false
	}
	p.nodes, p.lost = p.nodes[:0], 0
}

// through counts the lost sets that need the node, which must be down: those that begin at a down
// node i at or before it, and have r-1 more members in the window of i.
func (p *windowProbe) through(node int) float64 {
	w, r := p.pool.w, p.pool.r
	after := 0
	for d := 1; d <= w; d++ {
		if p.down[p.at(node+d)] {
			after++
		}
	}
	sum := prob.Choose(after, r-1) // the node is first
	if r < 2 {
		return sum
	}
	// First is d before: its window has lost w-d.. ahead of the node and gained those between.
	in := after
	for d := 1; d <= w; d++ {
		if p.down[p.at(node+w-d+1)] {
			in-- // out of reach of the one that is d before
		}
		if p.down[p.at(node-d)] {
			sum += prob.Choose(in, r-2) // of others in its window, besides the node
			in++
		}
	}
	return sum
}

func (p *windowProbe) at(i int) int {
	switch {
	case i < 0:
		return i + p.pool.n
	case i >= p.pool.n:
		return i - p.pool.n
	}
	return i
}

func (p *windowProbe) Fail(node int) {
	p.down[node] = true
	p.nodes = append(p.nodes, int32(node))
	p.lost += p.through(node)
}

func (p *windowProbe) Repair(node int) {
	p.lost -= p.through(node)
	p.down[node] = false
	for i := len(p.nodes) - 1; i >= 0; i-- {
		if int(p.nodes[i]) == node {
			p.nodes[i] = p.nodes[len(p.nodes)-1]
			p.nodes = p.nodes[:len(p.nodes)-1]
			break
		}
	}
}

func (p *windowProbe) Lost() float64 {
	if p.all < 1<<53 {
		return p.lost / p.all
	}
	// More sets than a float64 can count one by one: what is left of a difference would not be 0
	// when none is lost, and so they are added up anew.
	var lost float64
	for _, n := range p.nodes {
		after := 0
		for d := 1; d <= p.pool.w; d++ {
			if p.down[p.at(int(n)+d)] {
				after++
			}
		}
		lost += prob.Choose(after, p.pool.r-1)
	}
	return lost / p.all
}

func (p *windowProbe) Worst() int {
	worst := 0
	for _, n := range p.nodes {
		in := 1
		for d := 1; d <= p.pool.w && in < p.pool.r; d++ {
			if p.down[p.at(int(n)+d)] {
				in++
			}
		}
		worst = max(worst, in)
	}
	return worst
}
