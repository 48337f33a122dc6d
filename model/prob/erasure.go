package prob

import (
	"fmt"
	"math"
)

// ECUnavailable is ec.unavailable: fewer than k of the n fragments of an object can be read, when
// each is missing with probability p: P[Bin(n,p) > n-k], 0 ≤ k ≤ n.
func ECUnavailable(k, n int, p float64) float64 {
	return Binomial{N: n, P: p}.Tail(n - k + 1)
}

// ECAnnualLoss is ec.annual-loss, for data data and parity parity shards on drives of annual
// failure rate afr (0.0041 for 0.41 % a year), when a lost shard is rebuilt within days: a shard
// is lost in such a period with probability 1-exp(-afr·days/365), the data when more than parity
// shards are, and a year has 365/days periods. Source: B. Wilson, "Backblaze Durability is
// 99.999999999%", 2018, whose figure for 17+3, 0.405 % and 6.5 days is eleven nines.
func ECAnnualLoss(data, parity int, afr, days float64) float64 {
	shard := -math.Expm1(-afr * days / 365)
	period := Binomial{N: data + parity, P: shard}.Tail(parity + 1)
	return AtLeastOnce(period, 365/days)
}

// A local reconstruction code LRC(k,l,r) has k data fragments in l local groups, each with one
// local parity, and r global parities: C. Huang et al., "Erasure Coding in Windows Azure
// Storage", USENIX ATC 2012. If it is maximally recoverable, a pattern of erasures can be decoded
// exactly where counting allows it: each local group repairs one erasure of its own, data or
// parity, and the r global parities stand for all others, their own included.

// LRCDecodable says whether a pattern can be decoded: erasedPerGroup counts the erasures in every
// local group, its parity included, and erasedGlobal those of the global parities. The number of
// erasures in a group is not compared with its size.
func LRCDecodable(k, l, r int, erasedPerGroup []int, erasedGlobal int) bool {
	checkLRC(k, l, r)
	if len(erasedPerGroup) != l || erasedGlobal < 0 || erasedGlobal > r {
		panic(fmt.Sprintf("prob: LRC(%d,%d,%d) with erasures %v and %d",
			k, l, r, erasedPerGroup, erasedGlobal))
	}
	left := erasedGlobal
	for _, e := range erasedPerGroup {
		left += max(0, e-1)
	}
	return left <= r
}

func checkLRC(k, l, r int) {
	if k < 1 || l < 0 || l > k || r < 0 {
		panic(fmt.Sprintf("prob: LRC(%d,%d,%d)", k, l, r))
	}
}

// LRCLossGiven is the share of all patterns of e erasures that cannot be decoded. Where l does
// not divide k, the first k mod l groups are larger by one; l = 0 is a code without local
// groups. k ≥ 1, 0 ≤ l ≤ k, r ≥ 0, 0 ≤ e ≤ k+l+r.
func LRCLossGiven(k, l, r, e int) float64 {
	good, bad := lrcPatterns(k, l, r, e)
	return bad[e] / (good[e] + bad[e])
}

// LRCLosses is LRCLossGiven of every number of erasures, 0 … k+l+r, at the price of one.
func LRCLosses(k, l, r int) []float64 {
	good, bad := lrcPatterns(k, l, r, k+l+r)
	for e := range bad {
		bad[e] /= good[e] + bad[e]
	}
	return bad
}

// LRCDecodableFraction is ec.lrc-decodable-fraction: the share of all patterns of l+r erasures,
// the most that any such code can decode, that are decodable. LRC(6,2,2) has 6/7.
func LRCDecodableFraction(k, l, r int) float64 {
	good, bad := lrcPatterns(k, l, r, l+r)
	return good[l+r] / (good[l+r] + bad[l+r])
}

// LRCUnavailable is the probability that the data cannot be decoded when every fragment is
// missing with probability p.
func LRCUnavailable(k, l, r int, p float64) float64 {
	n := k + l + r
	sum, loss := 0.0, LRCLosses(k, l, r)
	for e, pe := range (Binomial{N: n, P: p}).Slice(0, n) {
		sum += float64(pe * loss[e])
	}
	return sum
}

// lrcPatterns counts the patterns of e erasures that can be decoded, and those that cannot: exact
// up to 2⁵³ and with a small relative error above.
func lrcPatterns(k, l, r, e int) (good, bad []float64) {
	checkLRC(k, l, r)
	n := k + l + r
	if e < 0 || e > n {
		panic(fmt.Sprintf("prob: %d erasures in LRC(%d,%d,%d)", e, k, l, r))
	}
	// ways[left][erased] counts patterns of the groups so far by what is left for the global
	// parities; left = r+1 stands for all that is too much.
	ways := make([][]float64, r+2)
	for left := range ways {
		ways[left] = make([]float64, e+1)
	}
	add := func(size, repairs int) {
		next := make([][]float64, r+2)
		for left := range next {
			next[left] = make([]float64, e+1)
		}
		for left := range ways {
			for erased, w := range ways[left] {
				for x := 0; w != 0 && x <= min(size, e-erased); x++ {
					to := min(r+1, left+max(0, x-repairs))
					next[to][erased+x] += float64(w * Choose(size, x))
				}
			}
		}
		ways = next
	}
	ways[0][0] = 1
	if l == 0 {
		add(k, 0)
	}
	for g := range l {
		size := k/l + 1
		if g < k%l {
			size++
		}
		add(size, 1)
	}
	add(r, 0)
	good = make([]float64, e+1)
	for left := range r + 1 {
		for i, w := range ways[left] {
			good[i] += w
		}
	}
	return good, ways[r+1]
}
