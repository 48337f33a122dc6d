// Package place says where replicas lie: a [Placement] names the sets of nodes that a logical
// volume (LV) depends on, and how much of it lies on each.
//
// Every architecture that the modeler knows is one idea with other numbers. The nodes are divided
// into cells that share nothing. Each LV lives in one cell. A cell has a [Pool] of sets, each of
// which holds some objects completely: all replicas, or all shards of an erasure code. An object
// is lost, for as long as the nodes are down, when more members of its set are down than its code
// tolerates. An LV is down when any of its objects is, since its file system needs all blocks.
//
//	sharding      n cells of k nodes, one set each        LV = one set
//	BigCluster    one cell of N nodes, all k-subsets      LV = as many sets as it has objects
//	copysets      one cell, a few permutations' sets      in between, and so are windows and groups
//
// What differs between them is how many sets an LV touches (how often it is down) and how many
// LVs share a set (how many are down at once). The share of all storage that is down is the same
// for all of them, as long as nodes fail independently.
package place

import (
	"fmt"
	"math"
)

// A Pool is the collection of node sets of one cell. Implementations are immutable.
type Pool interface {
	// Nodes is the number of nodes of the cell, which are numbered from 0.
	Nodes() int
	// Code is that of every set of the pool.
	Code() Code
	// Probe makes a follower of the cell's state, with all nodes up.
	Probe() Probe
}

// A Probe follows which nodes of a cell are down, and knows what that costs. One goroutine at a
// time may use it.
type Probe interface {
	Reset()          // all nodes are up
	Fail(node int)   // the node goes down; it must be up
	Repair(node int) // the node comes back; it must be down
	// Lost is the share of the cell's storage on sets that are lost now, within [0, 1].
	// It is exactly 0 if and only if no set is lost.
	Lost() float64
	// Worst is the largest number of members that any one set lacks.
	Worst() int
}

// A Law is a pool that knows by arithmetic what Probe would show for nodes chosen at random.
type Law interface {
	Pool
	// AnyLost is the probability that some set is lost when exactly f of the cell's nodes,
	// uniformly chosen, are down; ok is false where it is too costly to compute. Reliability
	// theory calls it the survival signature, or rather 1 minus it.
	AnyLost(f int) (p float64, ok bool)
}

// A Placement is an architecture: cells that are alike, and how LVs use the sets of their cell.
type Placement struct {
	Name  string
	Cells int  // disjoint; ≥ 1
	Cell  Pool // of each of them
	LVs   int  // in all, divided evenly over the cells: a multiple of Cells

	// Objects is how many objects an LV has; each lies on one set of its cell's pool, chosen
	// independently and by weight. +Inf: so many that every set holds some of every LV. It makes
	// no difference where a cell has one set.
	Objects float64
}

// Nodes is the number of nodes of all cells.
func (p *Placement) Nodes() int { return p.Cells * p.Cell.Nodes() }

// LVsPerCell is how many LVs share a cell, and so may be hit at once by it.
func (p *Placement) LVsPerCell() int { return p.LVs / p.Cells }

// Validate says what is impossible about a placement.
func (p *Placement) Validate() error {
	switch {
	case p.Cell == nil:
		return fmt.Errorf("placement %s: no pool", p.Name)
	case p.Cells < 1:
		return fmt.Errorf("placement %s: %d cells; at least 1 is needed", p.Name, p.Cells)
	case p.LVs < 1 || p.LVs%p.Cells != 0:
		return fmt.Errorf("placement %s: %d LVs cannot be divided evenly over %d cells",
			p.Name, p.LVs, p.Cells)
	case !(p.Objects >= 1):
		return fmt.Errorf("placement %s: %g objects an LV; at least 1 is needed", p.Name, p.Objects)
	}
	return nil
}

// HitGivenLost is the probability that an LV is down in a cell of whose storage this share is
// lost, over the choice of the sets of its objects.
func (p *Placement) HitGivenLost(share float64) float64 {
	switch {
	case share <= 0:
		return 0
	case share >= 1 || math.IsInf(p.Objects, 1):
		return 1
	case p.Objects == 1:
		return share
	}
	return -math.Expm1(p.Objects * math.Log1p(-share))
}
