package prob

import "fmt"

// PoissonBinomial is the distribution of the number of successes of independent trials with
// these probabilities: element k of the result is P[X = k]. O(n²), all terms positive.
func PoissonBinomial(ps []float64) []float64 {
	pmf := make([]float64, len(ps)+1)
	pmf[0] = 1
	for n, p := range ps {
		if p < 0 || p > 1 {
			panic(fmt.Sprintf("prob: probability %v of trial %d", p, n))
		}
		q := 1 - p
		for k := n + 1; k > 0; k-- {
			pmf[k] = float64(pmf[k]*q) + float64(pmf[k-1]*p)
		}
		pmf[0] *= q
	}
	return pmf
}

// PoissonBinomialTail is P[X ≥ k] for the same X, without the rounding of 1-P[X < k]: whoever has
// k successes stays there. O(n·k).
func PoissonBinomialTail(ps []float64, k int) float64 {
	if k <= 0 {
		return 1
	}
	if k > len(ps) {
		return 0
	}
	below := make([]float64, k)
	below[0] = 1
	reached := 0.0
	for n, p := range ps {
		if p < 0 || p > 1 {
			panic(fmt.Sprintf("prob: probability %v of trial %d", p, n))
		}
		q := 1 - p
		reached += float64(below[k-1] * p)
		for j := min(n+1, k-1); j > 0; j-- {
			below[j] = float64(below[j]*q) + float64(below[j-1]*p)
		}
		below[0] *= q
	}
	return reached
}

// Convolve is the distribution of the sum of two independent counts: a[i] and b[j] are
// P[A = i] and P[B = j]. An empty distribution makes an empty one.
func Convolve(a, b []float64) []float64 {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	sum := make([]float64, len(a)+len(b)-1)
	multiplyAdd(sum, a, b)
	return sum
}

// multiplyAdd adds the product of the polynomials a and b, up to the degree of dst, to dst.
func multiplyAdd(dst, a, b []float64) {
	for i, x := range a[:min(len(a), len(dst))] {
		if x == 0 {
			continue
		}
		d := dst[i:]
		y := b[:min(len(b), len(d))]
		d = d[:len(y)]
		for j := range y {
			d[j] += float64(x * y[j])
		}
	}
}

// Mean is the expectation of a count, Σ k·pmf[k].
func Mean(pmf []float64) float64 {
	mean := 0.0
	for k, p := range pmf {
		mean += float64(float64(k) * p)
	}
	return mean
}

// TailOf is Σ pmf[j] over j ≥ k, summed from the far end, where terms are small.
func TailOf(pmf []float64, k int) float64 {
	tail := 0.0
	for j := len(pmf) - 1; j >= max(0, k); j-- {
		tail += pmf[j]
	}
	return tail
}

// Quantile is the least k with P[X ≤ k] ≥ level, for level in [0, 1] and a pmf of any total,
// which counts as 1. The mass above k is what is compared, so that levels like 1-1e-15 are told
// apart; where the two sides ought to be equal, rounding decides. -1 for an empty distribution.
func Quantile(pmf []float64, level float64) int {
	above := make([]float64, len(pmf)+1)
	for k := len(pmf) - 1; k >= 0; k-- {
		above[k] = above[k+1] + pmf[k]
	}
	for k := range pmf {
		if above[k+1] <= float64((1-level)*above[0]) {
			return k
		}
	}
	return len(pmf) - 1
}
