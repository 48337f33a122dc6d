package model

import (
	"math"
	"math/bits"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// byDomains applies where servers fail with their racks, rooms or sites: exactly for a BigCluster,
// in which the number of failures decides, and for groups. What volumes lose is exact for all
// groups; whether any does, only where groups of nodes that share no domain can be told apart.
func (s *system) byDomains(sized bool) (snapshot, bool) {
	pool, ok := s.place.Cell.(*place.Subsets)
	if !ok || len(s.static.levels) == 0 || s.static.table != nil || pool.Code().LRC != nil {
		return snapshot{}, false
	}
	if s.static.rates {
		return snapshot{}, false // what domains begin takes more than what they are
	}
	if s.place.Cells == 1 && pool.Nodes() <= 1<<13 {
		law, ok := s.cellByCount(counts{share: s.countTree(0, pool.Nodes())})
		if !ok {
			return snapshot{}, false
		}
		return combine(law, 1, s.place.LVs, sized), true
	}
	if pool.Nodes() != pool.Code().Width {
		return snapshot{}, false
	}
	return s.groupsInDomains(), true
}

// countTree is the distribution of the number of failed nodes among first..first+n-1.
func (s *system) countTree(first, n int) []float64 {
	nodes := make([]int, n)
	for i := range nodes {
		nodes[i] = first + i
	}
	return s.countsIn(len(s.static.levels)-1, nodes)
}

// countsIn convolves over the domains of a level, and goes down into each: when the domain is up,
// what is inside decides; when it is down, all of it is.
func (s *system) countsIn(level int, nodes []int) []float64 {
	if level < 0 {
		return prob.Binomial{N: len(nodes), P: s.static.p}.Slice(0, len(nodes))
	}
	inside := make([][]int, s.static.topo.Levels[level].Count)
	for _, node := range nodes {
		d := s.static.topo.Of(level, node)
		inside[d] = append(inside[d], node)
	}
	down := s.static.levels[level]
	out := []float64{1}
	for _, nodes := range inside {
		if len(nodes) == 0 {
			continue
		}
		one := s.countsIn(level-1, nodes)
		for i := range one {
			one[i] *= 1 - down
		}
		one[len(nodes)] += down
		out = prob.Convolve(out, one)
	}
	return out
}

// groupsInDomains computes groups of the code's width.
func (s *system) groupsInDomains() snapshot {
	code := s.place.Cell.Code()
	snap := snapshot{incident: math.NaN(), frequency: math.NaN()}
	seen := map[string]float64{} // groups that lie alike are computed once; order is never seen
	for c := range s.place.Cells {
		key := s.shapeOf(c * code.Width)
		lost, known := seen[key]
		if !known {
			for _, x := range s.countTree(c*code.Width, code.Width)[code.Tolerate+1:] {
				lost += x
			}
			seen[key] = lost
		}
		snap.lv += lost / float64(s.place.Cells)
	}
	snap.share = snap.lv
	if any, ok := s.anyGroupLost(); ok {
		snap.incident = any
	}
	return snap
}

// shapeOf tells which members of a group share domains, level by level.
func (s *system) shapeOf(first int) string {
	w := s.place.Cell.Code().Width
	key := make([]byte, 0, w*len(s.static.levels))
	for l := range s.static.levels {
		for i := range w {
			j := 0
			for s.static.topo.Of(l, first+j) != s.static.topo.Of(l, first+i) {
				j++
			}
			key = append(key, byte(j), byte(j>>8))
		}
	}
	return string(key)
}

// anyGroupLost is the probability that some group is lost. Groups within one domain are
// independent once the domain's state is known; groups over several domains of the only level
// fall into blocks of as many domains as a group is wide, if these numbers divide.
func (s *system) anyGroupLost() (any float64, ok bool) {
	code, f := s.place.Cell.Code(), &s.static
	w := code.Width
	if f.topo.Across < 0 {
		per := f.topo.Nodes / f.topo.Levels[0].Count
		if per%w != 0 {
			return 0, false
		}
		lost := prob.AtLeastOnce(code.LostProbability(f.p), float64(per/w))
		for l, down := range f.levels {
			in := f.topo.Levels[l].Count // domains of this level in one of the next
			if l+1 < len(f.levels) {
				in /= f.topo.Levels[l+1].Count
			}
			lost = prob.AtLeastOnce(down+float64((1-down)*lost), float64(in))
		}
		return lost, true
	}
	count := f.topo.Levels[0].Count
	if len(f.levels) != 1 || count%w != 0 {
		return 0, false
	}
	block := f.topo.Nodes / count // groups in each block of w domains
	var lost float64
	for b, x := range (prob.Binomial{N: w, P: f.levels[0]}).Slice(0, w) {
		one := prob.Binomial{N: w - b, P: f.p}.Tail(code.Tolerate + 1 - b)
		lost += float64(x * prob.AtLeastOnce(one, float64(block)))
	}
	return prob.AtLeastOnce(lost, float64(count/w)), true
}

// enumerateFleet goes through all states of all nodes and domains.
func (s *system) enumerateFleet(sized bool) (snapshot, bool) {
	f, n := &s.static, s.place.Nodes()
	factors := n
	for _, level := range f.topo.Levels {
		factors += level.Count
	}
	if factors > mostFactors || s.place.LVs > mostConvolve {
		return snapshot{}, false
	}
	byDown := make([]float64, 1<<n) // the distribution of which nodes are down, over the domains
	s.domainStates(0, 0, 1, byDown)
	per := s.place.Cell.Nodes()
	snap := snapshot{}
	probes := make([]place.Probe, s.place.Cells)
	for c := range probes {
		probes[c] = s.place.Cell.Probe()
	}
	if sized {
		snap.sizes = make([]float64, s.place.LVs+1)
	}
	shared := s.place.LVsPerCell()
	for down, x := range byDown {
		if x == 0 {
			continue
		}
		hits := []float64{1}
		none := 1.0
		for c, probe := range probes {
			probe.Reset()
			for bitsLeft := down >> (c * per) & (1<<per - 1); bitsLeft != 0; bitsLeft &= bitsLeft - 1 {
				probe.Fail(bits.TrailingZeros(uint(bitsLeft)))
			}
			share := probe.Lost()
			lv := s.place.HitGivenLost(share)
			snap.lv += x * lv / float64(s.place.Cells)
			snap.share += x * share / float64(s.place.Cells)
			none *= 1 - prob.AtLeastOnce(lv, float64(shared))
			if sized {
				hits = prob.Convolve(hits, prob.Binomial{N: shared, P: lv}.Slice(0, shared))
			}
		}
		snap.incident += x * (1 - none)
		for j := range snap.sizes {
			snap.sizes[j] += float64(x * hits[j])
		}
	}
	return snap, true
}

// domainStates adds the probability of each set of failed nodes, going through the levels: dead
// are the nodes that some domain has taken down.
func (s *system) domainStates(level int, dead uint, weight float64, byDown []float64) {
	f, n := &s.static, s.place.Nodes()
	if level == len(f.levels) {
		for down := range byDown {
			if uint(down)&dead != dead {
				continue
			}
			x := weight
			for i := range n {
				p := f.p
				if f.table != nil {
					p = f.table[i]
				}
				switch {
				case dead>>i&1 == 1:
				case down>>i&1 == 1:
					x *= p
				default:
					x *= 1 - p
				}
			}
			byDown[down] += x
		}
		return
	}
	count, p := f.topo.Levels[level].Count, f.levels[level]
	for state := range 1 << count {
		x, now := weight, dead
		for d := range count {
			if state>>d&1 == 0 {
				x *= 1 - p
				continue
			}
			x *= p
			for node := range n {
				if f.topo.Of(level, node) == d {
					now |= 1 << node
				}
			}
		}
		if x > 0 {
			s.domainStates(level+1, now, x, byDown)
		}
	}
}
