package rare

import (
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// What around does for one cell of nodes that are alike, listed does for any fleet whose sets can
// be listed one by one: a set is drawn in proportion to its probability of being lost, its failures
// given that it is lost, and everything else as in the model. A state weighs E[Lost]/Lost.
//
// How many members of a set are down follows from its part of the tree of failure domains, from
// the inside to the outside: a domain that is down takes all of its members with it, and otherwise
// the members of the domains in it add up. The same numbers, followed back from the outside to the
// inside, draw what is down given how many members are.
type listed struct {
	sets  [][]int32 // of nodes of the fleet
	cum   []float64 // of the probabilities that they are lost
	mean  float64   // E[Lost]
	loses int       // failures that are a loss
}

// maxListed is how many sets are listed at most; each costs a microsecond or two, once.
const maxListed = 1 << 19

// newListed is nil for sets that are too many, or not known, or lost by more than their number of
// failures.
func newListed(b *worldBase) *listed {
	p := b.s.Placement
	sets := listSets(p.Cell, maxListed/p.Cells)
	if sets == nil || p.Cell.Code().LRC != nil {
		return nil
	}
	l := &listed{loses: p.Cell.Code().Tolerate + 1}
	var sum float64
	for c := range p.Cells {
		for _, set := range sets {
			nodes := make([]int32, len(set))
			for i, m := range set {
				nodes[i] = int32(c*p.Cell.Nodes()) + m
			}
			for _, q := range b.failedOf(nodes, len(b.domains)-1)[l.loses:] {
				sum += q
			}
			l.sets, l.cum = append(l.sets, nodes), append(l.cum, sum)
		}
	}
	l.mean = sum / float64(len(l.sets))
	return l
}

// listSets lists the sets of a pool; nil: they are more than limit, or unknown.
func listSets(pool place.Pool, limit int) [][]int32 {
	n, k := pool.Nodes(), pool.Code().Width
	switch pool := pool.(type) {
	case *place.Subsets:
		if n == k {
			return [][]int32{upTo(k)}
		}
	case *place.Sets:
		if pool.Len() <= limit {
			return listOf(pool)
		}
	case place.Windows:
		w := pool.Reach()
		if float64(n)*prob.Choose(w, k-1) > float64(limit) {
			return nil
		}
		var list [][]int32
		choice := upTo(k - 1) // distances from the first node, less 1
		for more := true; more; more = nextChoice(choice, w) {
			for first := range n {
				set := []int32{int32(first)}
				for _, d := range choice {
					set = append(set, int32((first+1+int(d))%n))
				}
				list = append(list, set)
			}
		}
		return list
	}
	return nil
}

func upTo(k int) []int32 {
	out := make([]int32, k)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// nextChoice steps to the next ascending choice of numbers below n, and says whether there is one.
func nextChoice(c []int32, n int) bool {
	for i := len(c) - 1; i >= 0; i-- {
		if int(c[i]) < n-len(c)+i {
			c[i]++
			for j := i + 1; j < len(c); j++ {
				c[j] = c[j-1] + 1
			}
			return true
		}
	}
	return false
}

// failedOf is the distribution of how many of the nodes are down, by causes of this level of
// domains and inside it; level -1 is the nodes themselves.
func (b *worldBase) failedOf(nodes []int32, level int) []float64 {
	sums := []float64{1}
	b.parts(nodes, level, func(_ []int32, part []float64) { sums = convolve(sums, part) })
	return sums
}

// parts yields the distribution for each domain of a level that some of the nodes are in. The
// slice of nodes is good until the next one.
func (b *worldBase) parts(nodes []int32, level int, yield func(in []int32, failed []float64)) {
	if level < 0 {
		for i, node := range nodes {
			p := b.nodes.of(int(node))
			yield(nodes[i:i+1], []float64{1 - p, p})
		}
		return
	}
	v := &b.domains[level]
	in := make([]int32, 0, len(nodes))
	for i, node := range nodes {
		d := v.of[node]
		if slices.ContainsFunc(nodes[:i], func(o int32) bool { return v.of[o] == d }) {
			continue // with an earlier one
		}
		in = in[:0]
		for _, o := range nodes[i:] {
			if v.of[o] == d {
				in = append(in, o)
			}
		}
		failed := b.failedOf(in, level-1)
		for j := range failed {
			failed[j] *= 1 - v.p
		}
		failed[len(in)] += v.p
		yield(in, failed)
	}
}

func convolve(a, b []float64) []float64 {
	out := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			out[i+j] += float64(x * y)
		}
	}
	return out
}

// around draws a state around a lost set, and returns its weight but for 1/Lost.
func (w *world) around(r *rand.Rand) float64 {
	w.reset()
	l := w.listed
	w.decided.begin()
	for _, d := range w.settled {
		d.begin()
	}
	all := l.cum[len(l.cum)-1]
	u := r.Float64() * all
	set := l.sets[sort.Search(len(l.cum)-1, func(i int) bool { return l.cum[i] > u })]
	top := len(w.domains) - 1
	failed := w.failedOf(set, top)
	clear(failed[:l.loses])
	w.settle(r, set, top, pick(r, failed))
	for level := range w.domains {
		v := &w.domains[level]
		skip := newSkipper(v.p)
		for d := skip.next(r, 0, v.count); d < v.count; d = skip.next(r, d+1, v.count) {
			if w.settled[level].take(int32(d)) {
				w.failDomain(level, int32(d))
			}
		}
	}
	n := len(w.own)
	for i := w.nodes.next(r, 0, n); i < n; i = w.nodes.next(r, i+1, n) {
		if w.decided.take(int32(i)) {
			w.failNode(i)
		}
	}
	return l.mean
}

// settle draws what is down inside this level, given that so many of the nodes are.
func (w *world) settle(r *rand.Rand, nodes []int32, level, failed int) {
	var ins [][]int32
	var dists, sums [][]float64
	sum := []float64{1}
	w.parts(nodes, level, func(in []int32, dist []float64) {
		ins = append(ins, slices.Clone(in))
		dists, sums = append(dists, dist), append(sums, sum)
		sum = convolve(sum, dist)
	})
	for i := len(ins) - 1; i >= 0; i-- {
		// How many of the failures are in part i, and how many in those before it.
		here := make([]float64, len(dists[i]))
		for j := range here {
			if before := failed - j; before >= 0 && before < len(sums[i]) {
				here[j] = dists[i][j] * sums[i][before]
			}
		}
		j := pick(r, here)
		failed -= j
		w.settlePart(r, ins[i], level, j, dists[i][j])
	}
}

// settlePart does so for one domain, or node, of which the probability of exactly so many failed
// members is known.
func (w *world) settlePart(r *rand.Rand, in []int32, level, failed int, p float64) {
	if level < 0 {
		w.decided.take(in[0])
		if failed > 0 {
			w.failNode(int(in[0]))
		}
		return
	}
	v := &w.domains[level]
	d := v.of[in[0]]
	w.settled[level].take(d)
	if failed == len(in) && r.Float64()*p < v.p {
		w.failDomain(level, d) // what else is down in it is as in the model
		return
	}
	w.settle(r, in, level-1, failed)
}

// pick draws an index in proportion to the weights.
func pick(r *rand.Rand, weights []float64) int {
	var sum float64
	for _, x := range weights {
		sum += x
	}
	u := r.Float64() * sum
	last := 0
	for i, x := range weights {
		if x == 0 {
			continue
		}
		if u -= x; u < 0 {
			return i
		}
		last = i
	}
	return last
}
