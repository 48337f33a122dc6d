package place

import (
	"github.com/container-football/pitch/model/prob"
)

// Subsets is the pool of all sets of the code's width among n nodes: random replication with so
// many objects that every set holds some (BigCluster). With n equal to the width it is one set: a
// shard, or a group of an erasure code.
type Subsets struct {
	n    int
	code Code
}

var _ Law = (*Subsets)(nil)

// AllSubsets makes the pool; n must be at least the width of the code.
func AllSubsets(n int, code Code) *Subsets {
	return &Subsets{n: n, code: code}
}

// Nodes implements Pool.
func (s *Subsets) Nodes() int { return s.n }

// Code implements Pool.
func (s *Subsets) Code() Code { return s.code }

// LostGiven is the share of all sets that is lost when f nodes are down: how many of a set's
// members are among them is hypergeometric.
func (s *Subsets) LostGiven(f int) float64 {
	return s.code.LostShare(s.n, f)
}

// AnyLost implements Law. One set is lost or not by the pattern of its members; a set among many
// is lost as soon as some pattern of that many failures is.
func (s *Subsets) AnyLost(f int) (float64, bool) {
	switch {
	case f <= s.code.Tolerate:
		return 0, true
	case s.n == s.code.Width:
		return s.code.LossGiven(f), true
	case s.code.LRC == nil:
		return 1, true
	}
	// Some set of the width contains any f ≤ width nodes in any order, and of more nodes it may
	// choose the worst.
	return 1, true
}

// Probe implements Pool.
func (s *Subsets) Probe() Probe {
	if s.code.LRC != nil && s.n == s.code.Width {
		return &lrcProbe{code: *s.code.LRC, perGroup: make([]int, s.code.LRC.Groups)}
	}
	return &subsetsProbe{pool: s, lost: make(map[int]float64)}
}

// subsetsProbe needs to know only how many nodes are down.
type subsetsProbe struct {
	pool *Subsets
	down int
	lost map[int]float64 // computed so far
}

func (p *subsetsProbe) Reset()     { p.down = 0 }
func (p *subsetsProbe) Fail(int)   { p.down++ }
func (p *subsetsProbe) Repair(int) { p.down-- }
func (p *subsetsProbe) Worst() int { return min(p.down, p.pool.code.Width) }

func (p *subsetsProbe) Lost() float64 {
	if p.down <= p.pool.code.Tolerate {
		return 0
	}
	share, known := p.lost[p.down]
	if !known {
		share = p.pool.LostGiven(p.down)
		p.lost[p.down] = share
	}
	return share
}

// lrcProbe is one set of a locally repairable code.
type lrcProbe struct {
	code     LRC
	perGroup []int
	global   int
	down     int
}

func (p *lrcProbe) Reset() {
	clear(p.perGroup)
	p.global, p.down = 0, 0
}

func (p *lrcProbe) add(node, by int) {
	p.down += by
	if g := p.code.Group(node); g < p.code.Groups {
		p.perGroup[g] += by
	} else {
		p.global += by
	}
}

func (p *lrcProbe) Fail(node int)   { p.add(node, 1) }
func (p *lrcProbe) Repair(node int) { p.add(node, -1) }
func (p *lrcProbe) Worst() int      { return p.down }

func (p *lrcProbe) Lost() float64 {
	if prob.LRCDecodable(p.code.Data, p.code.Groups, p.code.Global, p.perGroup, p.global) {
		return 0
	}
	return 1
}
