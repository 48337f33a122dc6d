package prob

import "math"

// WeibullCDF is the probability that a unit fails before it is t old, 1-exp(-(t/scale)^shape):
// t ≥ 0 and scale > 0 in the same unit, shape > 0, where less than 1 means infant mortality, 1 a
// constant rate and more than 1 wear.
func WeibullCDF(t, shape, scale float64) float64 {
	return -math.Expm1(-math.Pow(t/scale, shape))
}

// WeibullGroupLossNoRepair is weibull.group-loss-no-repair: more than tolerate of n units, all new
// at the start and never repaired, have failed by t: P[Bin(n,F(t)) > tolerate].
func WeibullGroupLossNoRepair(n, tolerate int, shape, scale, t float64) float64 {
	return Binomial{N: n, P: WeibullCDF(t, shape, scale)}.Tail(tolerate + 1)
}
