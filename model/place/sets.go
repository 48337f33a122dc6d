package place

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Sets is a pool of sets that are listed one by one, each with the same share of the storage.
// A set that is listed twice counts twice.
type Sets struct {
	n        int
	code     Code
	sets     [][]int32 // members of each
	of       [][]int32 // by node: the sets that it is a member of
	disjoint bool      // no node is in two sets
}

var _ Pool = (*Sets)(nil)

// Listed makes a pool of these sets among n nodes. Every set must have as many different members
// as the code is wide. A locally repairable code is not supported here.
func Listed(n int, code Code, sets [][]int32) (*Sets, error) {
	if code.LRC != nil {
		return nil, fmt.Errorf("%v: only one set a cell, or all sets, can be computed", code)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("%v: a pool without a set holds nothing", code)
	}
	s := &Sets{n: n, code: code, sets: sets, of: make([][]int32, n), disjoint: true}
	for i, set := range sets {
		if len(set) != code.Width {
			return nil, fmt.Errorf("set %d has %d members, the code has %d", i, len(set), code.Width)
		}
		for j, node := range set {
			if node < 0 || int(node) >= n || slices.Contains(set[:j], node) {
				return nil, fmt.Errorf("set %d: node %d is not one of %d different ones", i, node, n)
			}
			s.of[node] = append(s.of[node], int32(i))
			s.disjoint = s.disjoint && len(s.of[node]) == 1
		}
	}
	return s, nil
}

// Nodes implements Pool.
func (s *Sets) Nodes() int { return s.n }

// Code implements Pool.
func (s *Sets) Code() Code { return s.code }

// Len is the number of sets.
func (s *Sets) Len() int { return len(s.sets) }

// Disjoint says whether no node is in two sets.
func (s *Sets) Disjoint() bool { return s.disjoint }

// Each calls yield with the members of each set, until it returns false.
func (s *Sets) Each(yield func(members []int32) bool) {
	for _, set := range s.sets {
		if !yield(set) {
			return
		}
	}
}

// Probe implements Pool. A failure costs a step for each set that the node is a member of.
func (s *Sets) Probe() Probe {
	return &setsProbe{pool: s, down: make([]int32, len(s.sets)), with: make([]int, s.code.Width+1)}
}

type setsProbe struct {
	pool  *Sets
	down  []int32 // by set: how many of its members are down
	with  []int   // by number of failed members: how many sets; [0] is not kept
	lost  int
	nodes []int32 // down; Reset is cheap when few are
}

func (p *setsProbe) Reset() {
	for len(p.nodes) > 0 {
		p.Repair(int(p.nodes[len(p.nodes)-1]))
	}
}

func (p *setsProbe) Fail(node int) {
	p.nodes = append(p.nodes, int32(node))
	for _, s := range p.pool.of[node] {
		p.with[p.down[s]]--
		p.down[s]++
		p.with[p.down[s]]++
		if int(p.down[s]) == p.pool.code.Tolerate+1 {
			p.lost++
		}
	}
}

func (p *setsProbe) Repair(node int) {
	// The last one to fail is often the first to be repaired.
	for i := len(p.nodes) - 1; i >= 0; i-- {
		if int(p.nodes[i]) == node {
			p.nodes = slices.Delete(p.nodes, i, i+1)
			break
		}
	}
	for _, s := range p.pool.of[node] {
		if int(p.down[s]) == p.pool.code.Tolerate+1 {
			p.lost--
		}
		p.with[p.down[s]]--
		p.down[s]--
		p.with[p.down[s]]++
	}
}

func (p *setsProbe) Lost() float64 { return float64(p.lost) / float64(len(p.pool.sets)) }

func (p *setsProbe) Worst() int {
	for w := p.pool.code.Width; w > 0; w-- {
		if p.with[w] > 0 {
			return w
		}
	}
	return 0
}

// Copysets divides n nodes into sets of r, again and again by random permutations, until each node
// shares sets with about the given number of others, the scatter width: scatter/(r-1)
// permutations, at least one (Cidon et al., Copysets, USENIX ATC 2013). n must be a multiple of r.
func Copysets(n, r, scatter int, random *rand.Rand) (*Sets, error) {
	if r < 1 || n < r || n%r != 0 {
		return nil, fmt.Errorf("copysets of %d replicas: %d nodes cannot be divided evenly", r, n)
	}
	var sets [][]int32
	for range max(1, scatter/max(1, r-1)) {
		order := random.Perm(n)
		for i := 0; i+r <= n; i += r {
			sets = append(sets, members(order[i:i+r]))
		}
	}
	return Listed(n, Replicas(r), sets)
}

// Groups is a pseudo-random map of objects to g sets of the code's width, as placement groups are
// (Weil et al., CRUSH, SC 2006).
func Groups(n int, code Code, g int, random *rand.Rand) (*Sets, error) {
	if n < code.Width || g < 1 {
		return nil, fmt.Errorf("%v: %d groups among %d nodes", code, g, n)
	}
	sets := make([][]int32, g)
	for i := range sets {
		sets[i] = draw(n, code.Width, random)
	}
	return Listed(n, code, sets)
}

// Stripes is a RAID-0 over w disjoint sets: an LV has a stripe on each.
func Stripes(w int, code Code) (*Sets, error) {
	sets := make([][]int32, w)
	for i := range sets {
		for j := range code.Width {
			sets[i] = append(sets[i], int32(i*code.Width+j))
		}
	}
	return Listed(w*code.Width, code, sets)
}

// Tiered replication keeps r-1 replicas in a primary tier of n1 nodes, by copysets of that width
// and scatter, and the last one on a backup tier of n2 nodes, chosen at random for each set (Cidon
// et al., Tiered Replication, USENIX ATC 2015). Nodes from n1 on are the backup tier. n1 must be a
// multiple of r-1; r at least 2.
func Tiered(n1, n2, r, scatter int, random *rand.Rand) (*Sets, error) {
	w := r - 1
	if w < 1 || n1 < w || n1%w != 0 || n2 < 1 {
		return nil, fmt.Errorf("tiers of %d and %d nodes cannot hold %d and 1 replicas", n1, n2, w)
	}
	var sets [][]int32
	for range max(1, scatter/max(1, w-1)) {
		order := random.Perm(n1)
		for i := 0; i+w <= n1; i += w {
			set := members(order[i : i+w])
			sets = append(sets, append(set, int32(n1+random.IntN(n2))))
		}
	}
	return Listed(n1+n2, Replicas(r), sets)
}

func members(nodes []int) []int32 {
	out := make([]int32, len(nodes))
	for i, n := range nodes {
		out[i] = int32(n)
	}
	return out
}

// draw chooses w different nodes of n.
func draw(n, w int, random *rand.Rand) []int32 {
	set := make([]int32, 0, w)
	for len(set) < w {
		if v := int32(random.IntN(n)); !slices.Contains(set, v) {
			set = append(set, v)
		}
	}
	return set
}
