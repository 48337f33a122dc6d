package prob

import "math"

// dd is the unevaluated sum of two doubles with |lo| ≤ ulp(hi)/2: about 106 bits. Algorithms:
// T. J. Dekker, "A floating-point technique for extending the available precision", Numer.
// Math. 18 (1971); Y. Hida, X. Li, D. Bailey, "Library for double-double and quad-double
// arithmetic" (2007). Only additions and math.FMA are used where a rounding error is computed,
// so that no compiler may fuse it away.
type dd struct{ hi, lo float64 }

// exactly is a double as a dd.
func exactly(x float64) dd { return dd{hi: x} }

// twoSum is a+b without error.
func twoSum(a, b float64) dd {
	s := a + b
	t := s - a
	return dd{s, (a - (s - t)) + (b - t)}
}

// quickTwoSum is a+b without error for |a| ≥ |b|.
func quickTwoSum(a, b float64) dd {
	s := a + b
	return dd{s, b - (s - a)}
}

func (a dd) plus(b dd) dd {
	s, t := twoSum(a.hi, b.hi), twoSum(a.lo, b.lo)
	s = quickTwoSum(s.hi, s.lo+t.hi)
	return quickTwoSum(s.hi, s.lo+t.lo)
}

func (a dd) minus(b dd) dd { return a.plus(dd{-b.hi, -b.lo}) }

func (a dd) times(b dd) dd {
	p := float64(a.hi * b.hi)
	e := math.FMA(a.hi, b.hi, -p)
	e += float64(a.hi*b.lo) + float64(a.lo*b.hi)
	return quickTwoSum(p, e)
}

func (a dd) timesFloat(b float64) dd {
	p := float64(a.hi * b)
	return quickTwoSum(p, math.FMA(a.hi, b, -p)+float64(a.lo*b))
}

func (a dd) over(b dd) dd {
	q1 := a.hi / b.hi
	r := a.minus(b.timesFloat(q1))
	q2 := r.hi / b.hi
	r = r.minus(b.timesFloat(q2))
	return quickTwoSum(q1, q2).plus(exactly(r.hi / b.hi))
}

// ratio is a/b for doubles.
func ratio(a, b float64) dd { return exactly(a).over(exactly(b)) }

// value rounds to a double.
func (a dd) value() float64 { return a.hi + a.lo }

// oneMinus is 1-p, which a dd holds without error for every double p of 1e-16 and more.
func oneMinus(p float64) dd { return twoSum(1, -p) }

var (
	ddLn2       = dd{0.6931471805599453, 2.3190468138462996e-17}
	ddHalfLog2π = dd{0.9189385332046728, -3.878294158067242e-17}

	inverseFactorial = func() (f [12]dd) {
		f[0] = exactly(1)
		for i := 1; i < len(f); i++ {
			f[i] = f[i-1].over(exactly(float64(i)))
		}
		return f
	}()
)

// exp is eˣ as a fraction between about 0.7 and 1.5 and a power of two. Beyond 1e9 it is 0 or
// infinite.
func (a dd) exp() (fraction dd, power int) {
	switch {
	case a.hi < -1e9:
		return dd{}, 0
	case a.hi > 1e9:
		return exactly(math.Inf(1)), 0
	}
	k := math.Round(a.hi / ddLn2.hi)
	r := a.minus(ddLn2.timesFloat(k))
	const halvings = 8 // leave a Taylor series of eleven terms, summed as eˣ-1
	r = dd{math.Ldexp(r.hi, -halvings), math.Ldexp(r.lo, -halvings)}
	s := inverseFactorial[11]
	for i := 10; i >= 1; i-- {
		s = s.times(r).plus(inverseFactorial[i])
	}
	s = s.times(r)
	for range halvings {
		s = dd{2 * s.hi, 2 * s.lo}.plus(s.times(s))
	}
	return s.plus(exactly(1)), int(k)
}

// log is the natural logarithm for positive a: one step of Newton's method on exp, of which
// two terms beyond the linear one are kept.
func (a dd) log() dd {
	fraction, power := math.Frexp(a.hi)
	b := dd{fraction, math.Ldexp(a.lo, -power)}
	if fraction < math.Sqrt2/2 { // so that the logarithm of 1 is 0 + 0·ln 2
		b = dd{2 * b.hi, 2 * b.lo}
		power--
	}
	y := math.Log(b.hi)
	e, k := exactly(-y).exp()
	z := b.times(dd{math.Ldexp(e.hi, k), math.Ldexp(e.lo, k)}).minus(exactly(1))
	zz := float64(z.hi * z.hi)
	z = z.plus(exactly(zz * (z.hi/3 - 0.5)))
	return exactly(y).plus(z).plus(ddLn2.timesFloat(float64(power)))
}

// scaled is fraction·2^power·x, rounded once or twice; subnormal and zero where it must be.
func scaled(fraction dd, power int, x float64) float64 {
	return math.Ldexp(fraction.timesFloat(x).value(), power)
}

// stirling holds B₂ₖ/(2k(2k-1)) for k = 1 … 13, the coefficients of Stirling's series:
// M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 6.1.40.
var stirling = func() (c [13]dd) {
	for i, f := range [13][2]float64{
		{1, 12}, {-1, 360}, {1, 1260}, {-1, 1680}, {1, 1188}, {-691, 360360}, {1, 156},
		{-3617, 122400}, {43867, 244188}, {-174611, 125400}, {77683, 5796},
		{-236364091, 1506960}, {657931, 300},
	} {
		c[i] = ratio(f[0], f[1])
	}
	return c
}()

// logFactorial is ln n! for an integer n in [0, 2⁵³], with an error of about 1e-30·n·ln n.
func logFactorial(n float64) dd {
	if n < 32 {
		f := exactly(1)
		for i := 2.0; i <= n; i++ {
			f = f.timesFloat(i)
		}
		return f.log()
	}
	terms := len(stirling)
	if n > 1000 {
		terms = 6
	}
	inverse := ratio(1, n)
	square := inverse.times(inverse)
	s := stirling[terms-1]
	for i := terms - 2; i >= 0; i-- {
		s = s.times(square).plus(stirling[i])
	}
	s = s.times(inverse).plus(ddHalfLog2π).minus(exactly(n))
	return exactly(n).log().times(twoSum(n, 0.5)).plus(s)
}

// logChoose is ln C(n,k) for integers 0 ≤ k ≤ n.
func logChoose(n, k float64) dd {
	if k == 0 || k == n {
		return dd{}
	}
	return logFactorial(n).minus(logFactorial(k)).minus(logFactorial(n - k))
}
