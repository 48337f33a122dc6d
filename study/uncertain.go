package study

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// tails is the share of a distribution beyond each of the quantiles that Low and High are, and
// that the swings of a tornado go to.
const tails = 0.05

// quantile is the value of the input below which a share u of its distribution lies, 0 < u < 1.
func (v *Uncertain) quantile(u float64) float64 {
	x := v.exact(u)
	if v.Whole {
		return math.Round(x)
	}
	return tidy(x)
}

func (v *Uncertain) exact(u float64) float64 {
	switch v.Distribution {
	case "uniform":
		return *v.Low + float64(u*(*v.High-*v.Low))
	case "log-uniform":
		return *v.Low * math.Exp(u*math.Log(*v.High / *v.Low))
	case "triangular":
		return distuv.NewTriangle(*v.Low, *v.High, *v.Mode, nil).Quantile(u)
	case "normal":
		return between(*v.Low, *v.High, u)
	case "log-normal":
		return math.Exp(between(math.Log(*v.Low), math.Log(*v.High), u))
	case "observed":
		// The posterior of a Poisson rate under Jeffreys' prior.
		return distuv.Gamma{Alpha: *v.Events + 0.5, Beta: *v.Hours}.Quantile(u)
	}
	panic("study: no distribution " + v.Distribution)
}

// between is the quantile of the normal distribution whose quantiles of 5 % and 95 % are given.
func between(low, high, u float64) float64 {
	z := distuv.UnitNormal.Quantile(1 - tails)
	return (low+high)/2 + float64((high-low)/(2*z)*distuv.UnitNormal.Quantile(u))
}
