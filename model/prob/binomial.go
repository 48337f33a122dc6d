package prob

import (
	"fmt"
	"iter"
)

// negligible is what a term may be, relative to the sum so far, and be left out.
const negligible = 1e-18

// Binomial is the number of successes among N ≥ 0 independent trials of probability P in [0, 1].
//
// C(N,k)·P^k·(1-P)^(N-k) is evaluated through logarithms in double-double arithmetic, which are
// good to about 1e-20 absolutely, so that the result is good to an ulp or two wherever it is a
// normal double.
type Binomial struct {
	N int
	P float64
}

func (b Binomial) check() {
	if b.N < 0 || b.P < 0 || b.P > 1 {
		panic(fmt.Sprintf("prob: %+v", b))
	}
}

// Mean is N·P.
func (b Binomial) Mean() float64 { return float64(b.N) * b.P }

// PMF is P[X = k]; 0 for k outside 0 … N.
func (b Binomial) PMF(k int) float64 {
	b.check()
	if k < 0 || k > b.N {
		return 0
	}
	fraction, power := binomialPMF(float64(b.N), float64(k), exactly(b.P), oneMinus(b.P))
	return scaled(fraction, power, 1)
}

// Tail is P[X ≥ k]. It costs O(√N) steps of some nanoseconds.
func (b Binomial) Tail(k int) float64 {
	b.check()
	return binomialTail(float64(b.N), float64(k), exactly(b.P), oneMinus(b.P))
}

// Below is P[X < k], with a small relative error of its own: not 1-Tail(k).
func (b Binomial) Below(k int) float64 {
	b.check()
	// Fewer than k successes are at least N-k+1 failures.
	return binomialTail(float64(b.N), float64(b.N)-float64(k)+1, oneMinus(b.P), exactly(b.P))
}

// mode is a value of the highest probability.
func (b Binomial) mode() int {
	return min(b.N, max(0, int((float64(b.N)+1)*b.P)))
}

// Support gives the shortest range lo ≤ X ≤ hi around the mode that the bound of a geometric
// series shows to leave out less than eps in total, half on either side: eps in [0, 1), where
// zero gives 0 … N.
func (b Binomial) Support(eps float64) (lo, hi int) {
	b.check()
	if b.P == 0 || b.P == 1 || b.N == 0 {
		return b.mode(), b.mode()
	}
	odds := b.P / (1 - b.P)
	top, mode := b.PMF(b.mode()), b.mode()
	n := float64(b.N)
	for t, k := top, float64(mode); ; k++ {
		r := (n - k) / (k + 1) * odds
		if hi = int(k); k == n || r < 1 && t*r/(1-r) < eps/2 {
			break
		}
		t *= r
	}
	for t, k := top, float64(mode); ; k-- {
		r := k / (n - k + 1) / odds
		if lo = int(k); k == 0 || r < 1 && t*r/(1-r) < eps/2 {
			break
		}
		t *= r
	}
	return lo, hi
}

// Slice is PMF(lo) … PMF(hi), for 0 ≤ lo ≤ hi ≤ N, at a few nanoseconds each.
func (b Binomial) Slice(lo, hi int) []float64 {
	b.check()
	if lo < 0 || hi > b.N || lo > hi {
		panic(fmt.Sprintf("prob: %+v from %d to %d", b, lo, hi))
	}
	s := make([]float64, hi-lo+1)
	if b.P == 0 || b.P == 1 {
		for i := range s {
			s[i] = b.PMF(lo + i)
		}
		return s
	}
	// Rounding errors of the recurrence add up, hence a fresh start now and then. It goes away
	// from the mode, so that it never begins with an underflow.
	const fresh = 64
	odds, n, mode := oneMinus(b.P), float64(b.N), b.mode()
	odds = exactly(b.P).over(odds)
	for k := max(lo, mode); k <= hi; k++ {
		if j := k - max(lo, mode); j%fresh == 0 {
			s[k-lo] = b.PMF(k)
			continue
		}
		s[k-lo] = s[k-lo-1] * ((n - float64(k) + 1) / float64(k)) * odds.hi
	}
	for k := min(hi, mode-1); k >= lo; k-- {
		if j := min(hi, mode-1) - k; j%fresh == 0 {
			s[k-lo] = b.PMF(k)
			continue
		}
		s[k-lo] = s[k-lo+1] * (float64(k+1) / (n - float64(k))) / odds.hi
	}
	return s
}

// All yields k and PMF(k), in order, over Support(eps).
func (b Binomial) All(eps float64) iter.Seq2[int, float64] {
	return func(yield func(int, float64) bool) {
		lo, hi := b.Support(eps)
		for i, p := range b.Slice(lo, hi) {
			if !yield(lo+i, p) {
				return
			}
		}
	}
}

// binomialPMF is C(n,k)·p^k·q^(n-k) for integers 0 ≤ k ≤ n ≤ 2⁵³ and q = 1-p.
func binomialPMF(n, k float64, p, q dd) (fraction dd, power int) {
	l := logChoose(n, k)
	if k > 0 {
		if p.hi == 0 {
			return dd{}, 0
		}
		l = l.plus(p.log().timesFloat(k))
	}
	if k < n {
		if q.hi == 0 {
			return dd{}, 0
		}
		l = l.plus(q.log().timesFloat(n - k))
	}
	return l.exp()
}

// binomialTail is P[X ≥ k]. Beyond the mean it is a sum whose first term is the largest; below
// it, it is at least a quarter (S. Greenberg, M. Mohri, "Tight lower bound on the probability of
// a binomial exceeding its expectation", 2014), and one minus the sum on the other side.
func binomialTail(n, k float64, p, q dd) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || p.hi == 0:
		return 0
	case q.hi == 0:
		return 1
	case k <= n*p.hi:
		return 1 - binomialUpper(n, n-k+1, q, p)
	}
	return binomialUpper(n, k, p, q)
}

// binomialUpper sums P[X = j] over j ≥ k > n·p.
func binomialUpper(n, k float64, p, q dd) float64 {
	fraction, power := binomialPMF(n, k, p, q)
	odds := p.over(q)
	sum, moment := exactly(1), 0.0
	for t, j := 1.0, 1.0; k+j <= n; j++ {
		r := (n - k - j + 1) / (k + j) * odds.hi
		t = float64(t * r)
		sum = quickTwoSum(sum.hi, sum.lo+t)
		moment += float64(t * j)
		if r < 1 && t*r < negligible*sum.hi*(1-r) {
			break
		}
	}
	// The j-th term has the j-th power of the odds, whose rounding to a double would add up.
	return scaled(fraction, power, sum.hi+(sum.lo+float64(moment*(odds.lo/odds.hi))))
}
