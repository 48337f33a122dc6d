package rare

import (
	"math/rand/v2"
	"slices"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// drawSet draws a set of a pool by its share of the storage, into set, which is as long as the
// code is wide. The order of its members is that in which a code numbers them.
type drawSet func(r *rand.Rand, set []int32)

// setsOf finds out how to draw sets of a pool; nil: unknown kind of pool.
func setsOf(pool place.Pool) drawSet {
	n := pool.Nodes()
	switch pool := pool.(type) {
	case *place.Subsets:
		if n == pool.Code().Width {
			return func(_ *rand.Rand, set []int32) {
				for i := range set {
					set[i] = int32(i)
				}
			}
		}
		return func(r *rand.Rand, set []int32) { drawAmong(r, n, set) }
	case *place.Sets:
		list := listOf(pool)
		return func(r *rand.Rand, set []int32) { copy(set, list[r.IntN(len(list))]) }
	case place.Windows:
		w := pool.Reach()
		return func(r *rand.Rand, set []int32) {
			first := r.IntN(n)
			set[0] = -1 // a distance that no other member has
			drawAmong(r, w, set[1:])
			for i := range set {
				set[i] = int32((first + int(set[i]) + 1) % n)
			}
		}
	case place.Apart:
		g := pool.Domains()
		return func(r *rand.Rand, set []int32) {
			drawAmong(r, g, set)
			for i, d := range set {
				set[i] = d + int32(g*r.IntN(n/g))
			}
		}
	}
	return nil
}

// drawAmong fills set with different numbers below n, in random order.
func drawAmong(r *rand.Rand, n int, set []int32) {
	for i := range set {
		for {
			v := int32(r.IntN(n))
			if !slices.Contains(set[:i], v) {
				set[i] = v
				break
			}
		}
	}
}

func listOf(pool *place.Sets) [][]int32 {
	list := make([][]int32, 0, pool.Len())
	for set := range pool.Each {
		list = append(list, set)
	}
	return list
}

// lostSet draws which members of a set are down, given that it is lost, where their number has a
// known distribution and all choices of so many are equally likely.
type lostSet struct {
	code  place.Code
	total float64   // probability that a set is lost
	cum   []float64 // of exactly Tolerate+1, … failed members and lost
}

// newLostSet takes the probability of exactly e failed members.
func newLostSet(code place.Code, pmf func(e int) float64) *lostSet {
	l := &lostSet{code: code}
	for e := code.Tolerate + 1; e <= code.Width; e++ {
		l.total += float64(pmf(e) * code.LossGiven(e))
		l.cum = append(l.cum, l.total)
	}
	return l
}

// draw moves the members that are down to the front of set, and returns how many there are.
func (l *lostSet) draw(r *rand.Rand, set []int32) int {
	u := r.Float64() * l.total
	i := 0
	for i < len(l.cum)-1 && u >= l.cum[i] {
		i++
	}
	e := l.code.Tolerate + 1 + i
	if e == l.code.Width {
		return e
	}
	for {
		members := slices.Clone(set)
		choice := choose(r, len(set), e)
		if l.code.LRC != nil && decodable(l.code.LRC, choice) {
			continue // this choice of so many can be repaired
		}
		front := set[:0]
		for _, m := range choice {
			front = append(front, members[m])
		}
		return e
	}
}

// choose draws e of n numbers, n small.
func choose(r *rand.Rand, n, e int) []int32 {
	out := make([]int32, e)
	drawAmong(r, n, out)
	return out
}

// decodable says whether a locally repairable code survives the failure of these members.
func decodable(l *place.LRC, failed []int32) bool {
	perGroup, global := make([]int, l.Groups), 0
	for _, m := range failed {
		if g := l.Group(int(m)); g < l.Groups {
			perGroup[g]++
		} else {
			global++
		}
	}
	return prob.LRCDecodable(l.Data, l.Groups, l.Global, perGroup, global)
}
