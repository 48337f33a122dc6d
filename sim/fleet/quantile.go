package fleet

import "math"

// gammaTail is P(X > x) for a Gamma distribution of this shape and scale 1, and its complement.
// The series converges below the mean, the continued fraction above (Abramowitz and Stegun 6.5.29
// and 6.5.31).
func gammaTail(shape, x float64) (above, below float64) {
	if x <= 0 {
		return 1, 0
	}
	front := exp(float64(shape*log(x)) - x - logGamma(shape))
	if x < shape+1 {
		term, sum := 1/shape, 1/shape
		for n := 1.0; term > 1e-17*sum; n++ {
			term = float64(term * (x / (shape + n)))
			sum += term
		}
		below = float64(front * sum)
		return 1 - below, below
	}
	f := fraction(x+1-shape, func(n float64) (a, b float64) {
		return float64(-n * (n - shape)), float64(2*n) + x + 1 - shape
	})
	above = front / f
	return above, 1 - above
}

// fraction is b0 + a1/(b1 + a2/(b2 + …)), by Lentz's method.
func fraction(b0 float64, next func(n float64) (a, b float64)) float64 {
	const tiny = 1e-290
	f := b0
	if f == 0 {
		f = tiny
	}
	c, d := f, 0.0
	for n := 1.0; n < 10_000; n++ {
		a, b := next(n)
		if d = b + float64(a*d); d == 0 {
			d = tiny
		}
		if c = b + a/c; c == 0 {
			c = tiny
		}
		d = 1 / d
		change := float64(c * d)
		f = float64(f * change)
		if math.Abs(change-1) < 1e-15 {
			break
		}
	}
	return f
}

// gammaQuantile is where a Gamma distribution of this shape and scale 1 has the share q below it.
func gammaQuantile(shape, q float64) float64 {
	if shape > 1e4 { // Wilson and Hilferty 1931: their error is far below that of any estimate
		z := normalQuantile(q)
		root := 1 - 1/(9*shape) + z/(3*math.Sqrt(shape))
		return shape * (root * root * root)
	}
	return solve(func(x float64) bool {
		above, below := gammaTail(shape, x)
		return q < 0.5 && below < q || q >= 0.5 && above > 1-q
	})
}

// normalQuantile is where the standard normal distribution has the share q below it.
func normalQuantile(q float64) float64 {
	if q < 0.5 {
		return -normalQuantile(1 - q)
	}
	return math.Sqrt(2 * gammaQuantile(0.5, float64(2*q)-1)) // its square is a Gamma variate
}

// studentQuantile is where Student's distribution has the share q ≥ ½ below it.
func studentQuantile(df, q float64) float64 {
	return solve(func(t float64) bool {
		x := df / (df + float64(t*t))
		return betaBelow(x, df/2, 0.5)/2 > 1-q
	})
}

// betaBelow is the regularized incomplete beta function (Abramowitz and Stegun 26.5.8).
func betaBelow(x, a, b float64) float64 {
	switch {
	case x >= 1:
		return 1
	case x <= 0:
		return 0
	case x > (a+1)/(a+b+2):
		return 1 - betaBelow(1-x, b, a)
	}
	front := exp(float64(a*log(x)) + float64(b*log(1-x)) + logGamma(a+b) - logGamma(a) - logGamma(b))
	f := fraction(1, func(n float64) (num, den float64) {
		m := math.Floor((n - 1) / 2)
		if n == 1 {
			return 1, 1
		}
		if math.Mod(n, 2) == 1 { // d_2m
			return m * (b - m) * x / ((a + float64(2*m) - 1) * (a + float64(2*m))), 1
		}
		m = n/2 - 1 // d_2m+1
		return -(a + m) * (a + b + m) * x / ((a + float64(2*m)) * (a + float64(2*m) + 1)), 1
	})
	// fraction gives 1 + 1/(1 + d1/(1 + …)).
	return float64(front * (f - 1) / a)
}

// solve finds the positive number below which still holds, to twelve digits.
func solve(still func(x float64) bool) float64 {
	high := 1.0
	for still(high) && high < 1e300 {
		high *= 2
	}
	low := 0.0
	for range 1100 { // more than enough to halve the range of a float64 down to its last digits
		mid := low + (high-low)/2
		if high-low <= 1e-13*high || mid == low || mid == high {
			break
		}
		if still(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low + (high-low)/2
}
