package prob

import (
	"fmt"
	"math"
)

// Of M disjoint groups of R nodes, F random distinct nodes fail; a group is lost when more than
// tolerate of its members failed. The number of ways is a coefficient of a power of a
// polynomial, (A(z) + y·B(z))^M at z^F, where A counts the outcomes of a group that is not lost
// and B those of one that is. Powers by repeated squaring have positive terms only, unlike the
// inclusion-exclusion sum 1-Σⱼ(-1)ʲC(M,j)C(N-Rj,F-Rj)/C(N,F), which is the same number and
// cancels to nothing for large F.

// groups is the pair of polynomials, truncated after the degree that is asked for.
type groups struct {
	none, lost []float64 // coefficients where no group is lost, and where some is
}

// disjoint prepares the polynomials of one group. The variable is a power of two times z, near
// the odds of a failure, so that the coefficients that matter stay in range, and those of one
// group are exact. Where more than half of the nodes fail, z counts the survivors.
func disjoint(M, R, tolerate, F int) (one groups, degree int) {
	if M < 1 || R < 1 || tolerate < 0 || F < 0 || F > M*R {
		panic(fmt.Sprintf("prob: %d groups of %d that tolerate %d, %d failures", M, R, tolerate, F))
	}
	degree = min(F, M*R-F)
	odds := 0 // the binary logarithm
	if degree > 0 {
		odds = int(math.Round(math.Log2(float64(degree) / float64(M*R-degree))))
	}
	size := min(R, degree) + 1
	one = groups{make([]float64, size), make([]float64, size)}
	for j := range size {
		failed := j
		if degree < F {
			failed = R - j
		}
		c := math.Ldexp(Choose(R, j), j*odds)
		if failed <= tolerate {
			one.none[j] = c
		} else {
			one.lost[j] = c
		}
	}
	return one, degree
}

// joined is the polynomial of two sets of groups side by side: some group is lost if one in the
// first set is, or none there but one in the second.
func (a groups) joined(b groups, degree int) groups {
	size := min(len(a.none)+len(b.none)-2, degree) + 1
	c := groups{make([]float64, size), make([]float64, size)}
	multiplyAdd(c.none, a.none, b.none)
	multiplyAdd(c.lost, a.none, b.lost)
	either := make([]float64, len(b.none))
	for i := range either {
		either[i] = b.none[i] + b.lost[i]
	}
	multiplyAdd(c.lost, a.lost, either)
	return c.rescaled()
}

// doubled is a.joined(a) with one multiplication less.
func (a groups) doubled(degree int) groups {
	size := min(2*len(a.none)-2, degree) + 1
	c := groups{make([]float64, size), make([]float64, size)}
	square(c.none, a.none)
	factor := make([]float64, len(a.none))
	for i := range factor {
		factor[i] = 2*a.none[i] + a.lost[i]
	}
	multiplyAdd(c.lost, a.lost, factor)
	return c.rescaled()
}

// rescaled multiplies both polynomials with one power of two when they grow out of range. What
// becomes zero at the other end has no part in the coefficient that is asked for: it stands for
// all failures, or none of them, meeting one half of the groups.
func (a groups) rescaled() groups {
	top := 0.0
	for i := range a.none {
		top = max(top, a.none[i], a.lost[i])
	}
	if top < 0x1p300 {
		return a
	}
	scale(a.none, -math.Ilogb(top))
	scale(a.lost, -math.Ilogb(top))
	return a
}

func scale(a []float64, power int) {
	for i := range a {
		a[i] = math.Ldexp(a[i], power)
	}
}

// square adds the square of a, up to the degree of dst, to dst.
func square(dst, a []float64) {
	for i, x := range a {
		if 2*i >= len(dst) {
			return
		}
		if x == 0 {
			continue
		}
		dst[2*i] += float64(x * x)
		rest := dst[2*i+1:]
		y := a[i+1:]
		y = y[:min(len(y), len(rest))]
		rest = rest[:len(y)]
		x *= 2
		for j := range y {
			rest[j] += float64(x * y[j])
		}
	}
}

// power is the polynomial of m ≥ 1 groups like a.
func (a groups) power(m, degree int) groups {
	p := a
	bit := 1
	for bit <= m/2 {
		bit <<= 1
	}
	for bit >>= 1; bit > 0; bit >>= 1 {
		p = p.doubled(degree)
		if m&bit != 0 {
			p = p.joined(a, degree)
		}
	}
	return p
}

// AnyGroupLost is the probability that at least one of M disjoint groups of R nodes has more
// than tolerate failed members, when F random distinct nodes of the M·R fail: M ≥ 1,
// 1 ≤ R ≤ 1000, tolerate ≥ 0 (R-1 is plain replication), 0 ≤ F ≤ M·R. The relative error is
// small for small probabilities; see [NoGroupLost] for those near one. O(F²·log M).
func AnyGroupLost(M, R, tolerate, F int) float64 {
	lost, _ := groupLoss(M, R, tolerate, F)
	return lost
}

// NoGroupLost is 1-AnyGroupLost with a small relative error of its own.
func NoGroupLost(M, R, tolerate, F int) float64 {
	_, none := groupLoss(M, R, tolerate, F)
	return none
}

func groupLoss(M, R, tolerate, F int) (lost, none float64) {
	one, degree := disjoint(M, R, tolerate, F)
	all := one.power(M, degree)
	if len(all.none) <= degree {
		panic(fmt.Sprintf("prob: degree %d of %d groups of %d", degree, M, R))
	}
	lost, none = all.lost[degree], all.none[degree]
	// Both have nearly the same rounding errors, which therefore leave the quotient.
	return lost / (lost + none), none / (lost + none)
}

// LostGroups is the distribution of the number of lost groups, for the arguments of
// [AnyGroupLost]: element l is the probability that l groups are lost. It ends where the rest is
// impossible, or less than 1e-300 in total. O(F²·log M + F·R·L) for a result of L elements, of
// which O(F·L) memory.
func LostGroups(M, R, tolerate, F int) []float64 {
	one, degree := disjoint(M, R, tolerate, F)
	most := mostLost(M, R, tolerate, F)

	// none[l] is A^(M-l), scaled by the power of two exponent[l].
	none := make([][]float64, most+1)
	exponent := make([]int, most+1)
	a := []float64{1}
	e := 0
	if most < M {
		a, e = powerOf(one.none, M-most, degree)
	}
	none[most], exponent[most] = a, e
	for l := most - 1; l >= 0; l-- {
		next := make([]float64, min(len(a)+len(one.none)-2, degree)+1)
		multiplyAdd(next, a, one.none)
		e += normalise(next)
		a = next
		none[l], exponent[l] = a, e
	}

	pmf := make([]float64, most+1)
	lost := []float64{1} // B^l·C(M,l), scaled by the power of two f
	f := 0
	total := 0.0
	for l := range pmf {
		sum := 0.0
		for i, x := range none[l] {
			if j := degree - i; j >= 0 && j < len(lost) {
				sum += float64(x * lost[j])
			}
		}
		pmf[l] = math.Ldexp(sum, exponent[l]+f-exponent[0])
		total += pmf[l]
		next := make([]float64, min(len(lost)+len(one.lost)-2, degree)+1)
		multiplyAdd(next, lost, one.lost)
		for i := range next {
			next[i] *= float64(M-l) / float64(l+1)
		}
		f += normalise(next)
		lost = next
	}
	for l := range pmf {
		pmf[l] /= total
	}
	return pmf
}

// mostLost is the largest number of groups whose loss is possible, and not less likely than
// 1e-300 by the union bound: all l-subsets of groups, and all ways to lose each.
func mostLost(M, R, tolerate, F int) int {
	if tolerate >= R {
		return 0
	}
	need := tolerate + 1
	most := min(M, F/need)
	n := float64(M * R)
	ways := logChoose(float64(R), float64(need))
	for l := 1; l <= most; l++ {
		bound := logChoose(float64(M), float64(l)).plus(ways.timesFloat(float64(l))).
			plus(logChoose(n-float64(l*need), float64(F-l*need))).minus(logChoose(n, float64(F)))
		// Past the expected number of losses, the bounds of all larger l add up to little more.
		if bound.hi < -740 {
			return l - 1
		}
	}
	return most
}

// powerOf is a^m up to a degree, for m ≥ 1, and the power of two by which it was scaled.
func powerOf(a []float64, m, degree int) (p []float64, exponent int) {
	p = a
	bit := 1
	for bit <= m/2 {
		bit <<= 1
	}
	for bit >>= 1; bit > 0; bit >>= 1 {
		next := make([]float64, min(2*len(p)-2, degree)+1)
		square(next, p)
		p, exponent = next, 2*exponent
		if m&bit != 0 {
			next = make([]float64, min(len(p)+len(a)-2, degree)+1)
			multiplyAdd(next, p, a)
			p = next
		}
		exponent += normalise(p)
	}
	return p, exponent
}

// normalise divides a by a power of two when it leaves the range from 2⁻³⁰⁰ to 2³⁰⁰, and
// returns the exponent.
func normalise(a []float64) int {
	top := 0.0
	for _, x := range a {
		top = max(top, x)
	}
	if top == 0 || top > 0x1p-300 && top < 0x1p300 {
		return 0
	}
	e := math.Ilogb(top)
	scale(a, -e)
	return e
}
