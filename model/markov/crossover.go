package markov

import (
	"fmt"
	"math"
)

// RebuildCrossover is the rebuild speed x, in units of that of pairs, at which N nodes that lose
// data with any k of them ([AnyK], [DeclusteredBy]) have the same mean time to data loss as N/k
// groups of k with parallel repair: above it, spreading the data wins. ok is false if there is
// no such speed from 1e-3 to 1e9. N must be a multiple of k ≥ 2.
func RebuildCrossover(N, k int, lambda, mu float64) (x float64, ok bool) {
	if k < 2 || N < k || N%k != 0 {
		panic(fmt.Sprintf("markov: %d nodes in groups of %d", N, k))
	}
	groups := math.Log(FirstLoss(N/k, Group(k, k-1, lambda, mu, Parallel)))
	better := func(logX float64) bool {
		c := AnyK(N, k, lambda, mu, DeclusteredBy(math.Exp(logX)))
		return math.Log(c.MTTA()) >= groups
	}
	lo, hi := math.Log(1e-3), math.Log(1e9)
	if better(lo) || !better(hi) {
		return 0, false
	}
	for { // the mean time grows with x
		middle := lo + (hi-lo)/2
		switch {
		case middle <= lo || middle >= hi:
			return math.Exp(hi), true
		case better(middle):
			hi = middle
		default:
			lo = middle
		}
	}
}
