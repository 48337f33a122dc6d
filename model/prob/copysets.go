package prob

import (
	"fmt"
	"math"
)

// The closed forms below are those of A. Cidon, S. Rumble, R. Stutsman, S. Katti, J. Ousterhout,
// M. Rosenblum, "Copysets: Reducing the Frequency of Data Loss in Cloud Storage", USENIX ATC
// 2013. A copyset is a set of R nodes that holds all copies of some chunk. The forms take the
// copysets, or the R-subsets of failed nodes, as independent of each other, which they are not:
// [AnyGroupLost] and [AnyWindowLost] count exactly.

// RandomReplicationLoss is outage.random: F of N nodes fail at once, every one of N·chunksPerNode/R
// chunks has its R copies on random nodes, and is lost with probability C(F,R)/C(N,R):
// 1-(1-C(F,R)/C(N,R))^(N·chunksPerNode/R). This one is exact, if each chunk draws its nodes anew.
// 1 ≤ R ≤ N, 0 ≤ F ≤ N, chunksPerNode ≥ 0.
func RandomReplicationLoss(N, R int, chunksPerNode float64, F int) float64 {
	checkOutage(N, R, F)
	return AtLeastOnce(ChooseRatio(F, N, R), float64(N)*chunksPerNode/float64(R))
}

// CopysetReplicationLoss is outage.copysets: the nodes are cut into N·S/(R·(R-1)) copysets by
// S/(R-1) permutations, for a scatter width of S; each of the C(F,R) sets of failed nodes is a
// copyset with the same probability: 1-(1-S/(R-1)·N/R/C(N,R))^C(F,R). 2 ≤ R ≤ N, 0 ≤ F ≤ N.
func CopysetReplicationLoss(N, R int, S float64, F int) float64 {
	checkOutage(N, R, F)
	return lossOfSets(N, R, F, S/float64(R-1)*float64(N)/float64(R))
}

// WindowLossApprox is outage.window-approx, Facebook's placement on a ring: the copies of a chunk
// are on a node and R-1 of the w after it. N·C(w,R-1) copysets make
// 1-(1-N·C(w,R-1)/C(N,R))^C(F,R), which is larger than the exact [AnyWindowLost].
func WindowLossApprox(N, R, w, F int) float64 {
	checkOutage(N, R, F)
	return lossOfSets(N, R, F, float64(N)*Choose(w, R-1))
}

func checkOutage(N, R, F int) {
	if R < 1 || R > N || F < 0 || F > N {
		panic(fmt.Sprintf("prob: %d of %d nodes fail, %d replicas", F, N, R))
	}
}

// lossOfSets is 1-(1-sets/C(N,R))^C(F,R).
func lossOfSets(N, R, F int, sets float64) float64 {
	if F < R || sets <= 0 {
		return 0
	}
	all, failed := Choose(N, R), Choose(F, R)
	if math.IsInf(all, 1) {
		// The probability is far below 1e-17, where (1-p)^m is exp(-pm).
		return -math.Expm1(-sets * ChooseRatio(F, N, R))
	}
	return AtLeastOnce(min(1, sets/all), failed)
}

// BernoulliShardsLoss is outage.bernoulli-shards: every node fails with probability q, and a
// group of R nodes is lost when all of them do: 1-(1-q^R)^M for M groups.
func BernoulliShardsLoss(M, R int, q float64) float64 {
	return AtLeastOnce(toThe(R, exactly(q)).value(), float64(M))
}

// BernoulliAnyLoss is outage.bernoulli-any: at least R of R·M nodes fail, each with probability q.
func BernoulliAnyLoss(M, R int, q float64) float64 {
	return Binomial{N: R * M, P: q}.Tail(R)
}

// BernoulliRandomLoss is outage.bernoulli-random: the expectation of [RandomReplicationLoss] over
// a binomial number of failures among N = R·M nodes, each failing with probability q.
func BernoulliRandomLoss(M, R int, q, chunksPerNode float64) float64 {
	b := Binomial{N: R * M, P: q}
	b.check()
	chunks := float64(M) * chunksPerNode
	if q == 1 {
		return AtLeastOnce(1, chunks)
	}
	loss := func(F int) float64 { return AtLeastOnce(ChooseRatio(F, b.N, R), chunks) }
	odds := q / (1 - q)
	sum := 0.0
	const batch = 64
	// Upwards from the mode, until even certain losses would not matter any more.
	start := max(R, b.mode())
	for lo := start; lo <= b.N; lo += batch {
		hi := min(b.N, lo+batch-1)
		pmf := b.Slice(lo, hi)
		for i, p := range pmf {
			sum += float64(p * loss(lo+i))
		}
		p := pmf[len(pmf)-1]
		r := float64(b.N-hi) / float64(hi+1) * odds
		if r < 1 && p*r <= negligible*sum*(1-r) {
			break
		}
	}
	// Downwards, where a loss gets less likely with every step as well.
	for hi := start - 1; hi >= R; hi -= batch {
		lo := max(R, hi-batch+1)
		pmf := b.Slice(lo, hi)
		last := 0.0
		for i := len(pmf) - 1; i >= 0; i-- {
			last = float64(pmf[i] * loss(lo+i))
			sum += last
		}
		if r := float64(lo) / float64(b.N-lo+1) / odds; r < 1 && last*r <= negligible*sum*(1-r) {
			break
		}
	}
	return min(1, sum)
}
