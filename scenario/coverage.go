package scenario

import (
	"math/bits"

	"github.com/container-football/pitch/node"
)

// coverage is which states a resource's replicas were in together, and which followed which. States are what
// the machines report, with positions only as far as they are equal or by how much, roughly, they differ.
type coverage struct {
	last []uint64 // state of each resource
	seen map[uint64]bool
	list []uint64 // in the order in which they came
}

// cover notes the state that a resource is in now.
func (r *runner) cover(resource int) {
	if !r.opt.Coverage || !r.begun {
		return
	}
	c := &r.coverage
	if c.seen == nil {
		c.seen, c.last = make(map[uint64]bool), make([]uint64, len(r.resources))
	}
	rs := &r.resources[resource]
	now := uint64(resource)
	for m, id := range rs.members {
		now = node.Hash(now, r.stateOf(rs, m, id))
	}
	if now == c.last[resource] {
		return
	}
	for _, point := range []uint64{now, node.Hash(c.last[resource], now)} {
		if !c.seen[point] {
			c.seen[point] = true
			c.list = append(c.list, point)
		}
	}
	c.last[resource] = now
}

// stateOf is the state of one replica as a number.
func (r *runner) stateOf(rs *resourceState, m int, id node.ID) uint64 {
	s := &rs.status[m]
	if !s.known {
		return uint64(r.host(id).phase)
	}
	c := &s.current
	flags := uint64(0)
	for _, f := range []bool{c.SplitBrain, c.CutOff, c.UpToDate, c.FetchOn, c.ReplayOn, c.SyncOn, c.Inconsistent,
		c.Orphan, c.Emergency, c.SyncWaits, c.Fenced, c.CatchesUp, c.Defect != "", r.host(id).paused} {
		flags <<= 1
		if f {
			flags |= 1
		}
	}
	// What is apart by a few records or by many is not the same, but ten and eleven are.
	apart := func(n int64) uint64 { return uint64(bits.Len64(uint64(max(n, 0)>>10)) / 4) }
	state := node.Hash(flags, uint64(c.Role)<<32|uint64(c.Primary))
	for _, n := range []int64{c.End - c.Durable, c.Durable - c.Applied, c.Committed - c.End, c.ToCopy} {
		state = node.Hash(state, apart(n))
	}
	return state
}
