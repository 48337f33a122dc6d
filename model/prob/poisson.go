package prob

import (
	"fmt"
	"math"
)

// Poisson is a number of events of which Mean ≥ 0 are expected.
type Poisson struct {
	Mean float64
}

func (p Poisson) check() {
	if p.Mean < 0 {
		panic(fmt.Sprintf("prob: %+v", p))
	}
}

// PMF is P[X = k]; 0 for k < 0.
func (p Poisson) PMF(k int) float64 {
	p.check()
	if k < 0 {
		return 0
	}
	fraction, power := poissonPMF(p.Mean, float64(k))
	return scaled(fraction, power, 1)
}

// Tail is P[X ≥ k].
func (p Poisson) Tail(k int) float64 {
	p.check()
	switch {
	case k <= 0:
		return 1
	case p.Mean == 0:
		return 0
	case float64(k) <= p.Mean:
		return 1 - poissonLower(p.Mean, float64(k-1))
	}
	return poissonUpper(p.Mean, float64(k))
}

// Below is P[X < k], with a small relative error of its own.
func (p Poisson) Below(k int) float64 {
	p.check()
	switch {
	case k <= 0:
		return 0
	case p.Mean == 0:
		return 1
	case float64(k) <= p.Mean:
		return poissonLower(p.Mean, float64(k-1))
	}
	return 1 - poissonUpper(p.Mean, float64(k))
}

func poissonPMF(mean, k float64) (fraction dd, power int) {
	if mean == 0 {
		if k == 0 {
			return exactly(1), 0
		}
		return dd{}, 0
	}
	return exactly(mean).log().timesFloat(k).minus(logFactorial(k)).minus(exactly(mean)).exp()
}

// poissonUpper sums P[X = j] over j ≥ k > mean.
func poissonUpper(mean, k float64) float64 {
	fraction, power := poissonPMF(mean, k)
	sum := exactly(1)
	for t, j := 1.0, k+1; ; j++ {
		r := mean / j
		t = float64(t * r)
		sum = quickTwoSum(sum.hi, sum.lo+t)
		if t*r <= negligible*sum.hi*(1-r) {
			return scaled(fraction, power, sum.value())
		}
	}
}

// poissonLower sums P[X = j] over j ≤ k ≤ mean.
func poissonLower(mean, k float64) float64 {
	fraction, power := poissonPMF(mean, k)
	sum := exactly(1)
	for t, j := 1.0, k; j > 0; j-- {
		r := j / mean
		t = float64(t * r)
		sum = quickTwoSum(sum.hi, sum.lo+t)
		if t*r <= negligible*sum.hi*math.Max(0, 1-r) {
			break
		}
	}
	return scaled(fraction, power, sum.value())
}
