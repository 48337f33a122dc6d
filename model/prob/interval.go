package prob

import (
	"fmt"
	"math"
)

// NormalQuantile is the z with Φ(z) = p for p in (0, 1); -Inf and +Inf at the ends. A start from
// M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.2.23, is improved by Halley's
// method on math.Erfc, to about the error that rounding p makes.
func NormalQuantile(p float64) float64 {
	switch {
	case p == 0:
		return math.Inf(-1)
	case p == 1:
		return math.Inf(1)
	case p == 0.5:
		return 0
	case p > 0.5:
		return -NormalQuantile(1 - p) // exact: no digit of a p > 1/2 is lost
	}
	t := math.Sqrt(-2 * math.Log(p))
	z := -(t - (2.515517+float64(t*(0.802853+float64(t*0.010328))))/
		(1+float64(t*(1.432788+float64(t*(0.189269+float64(t*0.001308)))))))
	for range 3 {
		// u is (Φ(z)-p)/φ(z); both vanish together, far out.
		u := (float64(0.5*math.Erfc(-z/math.Sqrt2)) - p) * math.Sqrt(2*math.Pi) * math.Exp(0.5*z*z)
		z -= u / (1 + float64(0.5*z*u))
	}
	return z
}

func checkInterval(hits, n, level float64) {
	if !(0 <= hits && hits <= n && n > 0 && 0 < level && level < 1) {
		panic(fmt.Sprintf("prob: interval of level %v for %v hits of %v", level, hits, n))
	}
}

// Wilson is the score interval for a probability, of which hits of n > 0 independent trials are
// known: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
// JASA 22 (1927), without continuity correction. Its coverage is the level on average, not at
// least. hits and n need not be integers, for the sake of effective sample sizes.
func Wilson(hits, n, level float64) (lo, hi float64) {
	checkInterval(hits, n, level)
	z := -NormalQuantile((1 - level) / 2)
	zz := z * z / n
	p, q := hits/n, (n-hits)/n
	root := math.Sqrt(zz * (float64(p*q) + zz/4))
	// The smaller root of the quadratic is what the product of both roots says, and so it keeps
	// its digits for few hits; 1-hi is the smaller root for the misses.
	lo = p * p / (p + zz/2 + root)
	if p > 0.5 {
		return lo, 1 - float64(q*q)/(q+zz/2+root)
	}
	return lo, (p + zz/2 + root) / (1 + zz)
}

// ClopperPearson is the exact interval for a probability, of which hits of n > 0 independent
// trials are known: C. Clopper, E. Pearson, "The use of confidence or fiducial limits illustrated
// in the case of the binomial", Biometrika 26 (1934). Either end is where the tail beyond hits has
// (1-level)/2; the coverage is at least the level. With no hits, or nothing but hits, the interval
// is one-sided: 0 … 1-(1-level)^(1/n) and its mirror image. O(√n) a step, some ten steps.
func ClopperPearson(hits, n int, level float64) (lo, hi float64) {
	x, m := float64(hits), float64(n)
	checkInterval(x, m, level)
	if hits == 0 {
		return 0, -math.Expm1(math.Log1p(-level) / m)
	}
	if hits == n {
		return math.Exp(math.Log1p(-level) / m), 1
	}
	alpha := (1 - level) / 2
	lo = solve(x/m, 1, alpha, true, func(p float64) (tail, slope float64) {
		up, down := exactly(p), oneMinus(p)
		fraction, power := binomialPMF(m, x, up, down)
		return binomialTail(m, x, up, down), scaled(fraction, power, x)
	})
	hi = solve(x/m, 1, alpha, false, func(p float64) (tail, slope float64) {
		up, down := exactly(p), oneMinus(p)
		fraction, power := binomialPMF(m, x+1, up, down)
		return binomialTail(m, m-x, down, up), -scaled(fraction, power, x+1)
	})
	return lo, hi
}

// PoissonInterval is the exact interval for the expectation of a Poisson count: F. Garwood,
// "Fiducial limits for the Poisson distribution", Biometrika 28 (1936). For a count of zero it is
// one-sided, 0 … -ln(1-level). count ≥ 0.
func PoissonInterval(count int, level float64) (lo, hi float64) {
	x := float64(count)
	checkInterval(0, 1, level)
	if count < 0 {
		panic(fmt.Sprintf("prob: interval for a count of %d", count))
	}
	if count == 0 {
		return 0, -math.Log1p(-level)
	}
	alpha := (1 - level) / 2
	lo = solve(x, math.Inf(1), alpha, true, func(mean float64) (tail, slope float64) {
		fraction, power := poissonPMF(mean, x)
		return Poisson{mean}.Tail(count), scaled(fraction, power, x)
	})
	hi = solve(x+1, math.Inf(1), alpha, false, func(mean float64) (tail, slope float64) {
		fraction, power := poissonPMF(mean, x+1)
		return Poisson{mean}.Below(count + 1), -scaled(fraction, power, x+1)
	})
	return lo, hi
}

// solve finds an x between 0 and most where a tail, which rises or falls with x, has the value
// want < 1/2, given its slope by ln x: Newton's method for the logarithm of the tail, which is
// nearly a straight line there. Bisection takes over where a step leaves what is known to hold
// the solution.
func solve(x, most, want float64, rises bool, tail func(x float64) (value, slope float64)) float64 {
	lo, hi := math.Inf(-1), math.Log(most)
	l := math.Log(x)
	for range 200 {
		value, slope := tail(math.Exp(l))
		if (value < want) == rises {
			lo = l
		} else {
			hi = l
		}
		next := l - math.Log(value/want)*value/slope
		if !(next > lo && next < hi) {
			switch {
			case math.IsInf(lo, -1):
				next = hi - 1
			case math.IsInf(hi, 1):
				next = lo + 1
			default:
				next = lo + (hi-lo)/2
			}
		}
		if math.Abs(next-l) <= 1e-16*max(1, math.Abs(l)) || next == lo || next == hi {
			return math.Exp(next)
		}
		l = next
	}
	return math.Exp(l)
}
