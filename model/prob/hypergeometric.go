package prob

import "fmt"

// Hypergeometric is the number of marked items among Draws items drawn without replacement from
// N items, of which K are marked: 0 ≤ K ≤ N, 0 ≤ Draws ≤ N.
type Hypergeometric struct {
	N, K, Draws int
}

func (h Hypergeometric) check() {
	if h.K < 0 || h.K > h.N || h.Draws < 0 || h.Draws > h.N {
		panic(fmt.Sprintf("prob: %+v", h))
	}
}

// Mean is Draws·K/N.
func (h Hypergeometric) Mean() float64 { return float64(h.Draws) * float64(h.K) / float64(h.N) }

// PMF is P[X = k] = C(K,k)·C(N-K,Draws-k)/C(N,Draws); 0 where that is impossible.
func (h Hypergeometric) PMF(k int) float64 {
	h.check()
	if k < max(0, h.K+h.Draws-h.N) || k > min(h.K, h.Draws) {
		return 0
	}
	fraction, power := h.pmf(k)
	return scaled(fraction, power, 1)
}

func (h Hypergeometric) pmf(k int) (fraction dd, power int) {
	n, m, d, x := float64(h.N), float64(h.K), float64(h.Draws), float64(k)
	return logChoose(m, x).plus(logChoose(n-m, d-x)).minus(logChoose(n, d)).exp()
}

// Tail is P[X ≥ k].
func (h Hypergeometric) Tail(k int) float64 {
	h.check()
	switch {
	case k <= max(0, h.K+h.Draws-h.N):
		return 1
	case k > min(h.K, h.Draws):
		return 0
	case float64(k) <= h.Mean():
		return 1 - h.unmarked().upper(h.Draws-k+1)
	}
	return h.upper(k)
}

// Below is P[X < k], with a small relative error of its own.
func (h Hypergeometric) Below(k int) float64 {
	h.check()
	return h.unmarked().Tail(h.Draws - k + 1)
}

// unmarked counts the other items.
func (h Hypergeometric) unmarked() Hypergeometric {
	return Hypergeometric{N: h.N, K: h.N - h.K, Draws: h.Draws}
}

// upper sums P[X = j] over j ≥ k, which is above the mean and possible.
func (h Hypergeometric) upper(k int) float64 {
	fraction, power := h.pmf(k)
	sum := exactly(1)
	m, d, rest := float64(h.K), float64(h.Draws), float64(h.N)-float64(h.K)-float64(h.Draws)
	last := float64(min(h.K, h.Draws))
	for t, j := 1.0, float64(k); j < last; j++ {
		r := (m - j) / (j + 1) * ((d - j) / (rest + j + 1))
		t = float64(t * r)
		sum = quickTwoSum(sum.hi, sum.lo+t)
		if r < 1 && t*r < negligible*sum.hi*(1-r) {
			break
		}
	}
	return scaled(fraction, power, sum.value())
}
