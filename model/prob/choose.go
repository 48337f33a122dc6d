package prob

import (
	"fmt"
	"math"
	"math/bits"
)

// Choose is the binomial coefficient C(n,k): exact up to 2⁵³, correctly rounded or one unit in
// the last place off above, +Inf above 1.8e308, and 0 for k < 0 or k > n. n ≥ 0.
func Choose(n, k int) float64 {
	if k < 0 || k > n {
		return 0
	}
	k = min(k, n-k)
	// Every prefix of the product is itself a binomial coefficient, so the divisions are exact.
	c, i := uint64(1), 0
	for ; i < k; i++ {
		hi, lo := bits.Mul64(c, uint64(n-i))
		if hi >= uint64(i+1) {
			break
		}
		c, _ = bits.Div64(hi, lo, uint64(i+1))
	}
	// Above 2⁶⁴ the product is 2⁶⁴ times too small, to leave room for a last step beyond the end.
	r := twoSum(float64(c>>32)*0x1p-32, float64(c&(1<<32-1))*0x1p-64)
	for ; i < k; i++ {
		if r = r.times(ratio(float64(n-i), float64(i+1))); r.hi > 0x1p960 {
			return math.Inf(1)
		}
	}
	return math.Ldexp(r.value(), 64)
}

// LogChoose is ln C(n,k), correctly rounded or nearly so, for 0 ≤ k ≤ n ≤ 2⁵³; -Inf for other k.
func LogChoose(n, k int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	return logChoose(float64(n), float64(k)).value()
}

// ChooseRatio is C(a,k)/C(b,k) for 0 ≤ a ≤ b and 0 ≤ k ≤ b: the probability that k draws of b
// items, of which a are marked, give nothing but marked ones.
func ChooseRatio(a, b, k int) float64 {
	if a < 0 || a > b || k < 0 || k > b {
		panic(fmt.Sprintf("prob: ChooseRatio(%d, %d, %d)", a, b, k))
	}
	if k > a {
		return 0
	}
	if k <= 64 {
		r := exactly(1)
		for i := range k {
			r = r.times(ratio(float64(a-i), float64(b-i)))
		}
		return r.value()
	}
	fa, fb, fk := float64(a), float64(b), float64(k)
	l := logFactorial(fa).minus(logFactorial(fa - fk)).
		minus(logFactorial(fb)).plus(logFactorial(fb - fk))
	fraction, power := l.exp()
	return scaled(fraction, power, 1)
}

// toThe is xⁿ for n ≥ 0 with a relative error of about n·1e-31, before the last rounding.
func toThe(n int, x dd) dd {
	r := exactly(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r = r.times(x)
		}
		x = x.times(x)
	}
	return r
}

// AtLeastOnce is 1-(1-p)^m, the probability that one of m independent events of probability p
// happens; m ≥ 0 may be any real number or +Inf.
func AtLeastOnce(p, m float64) float64 {
	if p == 0 || m == 0 {
		return 0
	}
	return -math.Expm1(float64(m * math.Log1p(-p)))
}
