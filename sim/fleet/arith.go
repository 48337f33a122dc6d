package fleet

import "math"

// What stands here is in package math, too, but there the last digit depends on the CPU: some
// have instructions of their own, others fuse a product with a sum, even across statements. Here
// each product is rounded by a conversion, and only operations are used that IEEE 754 defines to
// the last bit.

// ln2High is ln 2 to 32 bits, whose products with small integers are exact, and ln2Low the rest.
const (
	ln2High = 0x1.62e42feep-1
	ln2Low  = math.Ln2 - ln2High
	logSqrt = 0.918938533204672741780329736405617639861397473637783 // ln √(2π)
)

// log is the natural logarithm of a normal, positive number, to a few units of the last digit:
// x = 2^k·m with m within √½ and √2, and ln m = 2·artanh((m-1)/(m+1)), whose series ends where
// its terms are below 1e-17.
func log(x float64) float64 {
	bits := math.Float64bits(x)
	k := int(bits>>52) - 1022
	m := math.Float64frombits(bits&(1<<52-1) | 1022<<52)
	if m < math.Sqrt2/2 {
		m, k = 2*m, k-1
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	series := 1. / 23
	series = float64(z*series) + 1./21
	series = float64(z*series) + 1./19
	series = float64(z*series) + 1./17
	series = float64(z*series) + 1./15
	series = float64(z*series) + 1./13
	series = float64(z*series) + 1./11
	series = float64(z*series) + 1./9
	series = float64(z*series) + 1./7
	series = float64(z*series) + 1./5
	series = float64(z*series) + 1./3
	sum := float64(2*s) + float64(2*s*float64(z*series))
	return float64(float64(k)*ln2High) + (float64(float64(k)*ln2Low) + sum)
}

// exp is the exponential function, 0 below -700 and +Inf above 700: x = k·ln 2 + r, and the power
// series in r, |r| ≤ ½·ln 2.
func exp(x float64) float64 {
	switch {
	case x < -700:
		return 0
	case x > 700:
		return math.Inf(1)
	}
	k := math.Floor(x/math.Ln2 + 0.5)
	r := (x - float64(k*ln2High)) - float64(k*ln2Low)
	sum := 0.0
	for n := 14.0; n >= 1; n-- {
		sum = float64(r / n * (1 + sum))
	}
	return math.Ldexp(1+sum, int(k))
}

// pow is x^y for a positive x.
func pow(x, y float64) float64 { return exp(float64(y * log(x))) }

// logGamma is ln Γ(x) for a positive x: Stirling's series from 16 on, where its terms fall below
// 1e-16, and downwards by Γ(x) = Γ(x+1)/x.
func logGamma(x float64) float64 {
	product := 1.0
	for x < 16 {
		product = float64(product * x)
		x++
	}
	z := 1 / (x * x)
	series := 0.0
	for _, c := range [...]float64{1. / 156, -691. / 360360, 1. / 1188, -1. / 1680, 1. / 1260,
		-1. / 360, 1. / 12} {
		series = float64(z*series) + c
	}
	return float64((x-0.5)*log(x)) - x + logSqrt + series/x - log(product)
}
