package draw

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/container-football/pitch/model/prob"
)

// Estimate is what the samples so far say, with an interval of the given level. Without a hit the
// value is 0, and the upper end of a proportion is that of Wilson's interval; of weighted samples
// without a hit nothing can be said, and the upper end is +Inf.
func (t *Tally) Estimate(level float64) Estimate {
	e := Estimate{N: t.N, Hits: t.Hits}
	n := float64(t.N)
	if t.N == 0 || t.Y == 0 {
		e.High = math.Inf(1)
		return e
	}
	e.Value = t.X / t.Y
	// The variance of x - value·y, whose mean is 0 (delta method; with y = 1 the sample variance).
	sum := t.XX - float64(2*e.Value*t.XY) + float64(e.Value*e.Value*t.YY)
	if t.N > 1 && sum > 0 {
		e.StdErr = math.Sqrt(sum*n/(n-1)) / t.Y
	}
	if t.XX > 0 {
		e.ESS = t.X * t.X / t.XX
	}
	if t.PlainCount && !t.Weighted {
		e.Low, e.High = prob.Wilson(float64(t.Hits), n, level)
		return e
	}
	if t.Hits == 0 {
		e.High = math.Inf(1)
		return e
	}
	// Samples that all weigh the same have no variance, but what was not seen in any of n may
	// still have a probability of up to -ln(1-level)/n (the rule of three), and count for as much.
	unseen := e.Value * min(1, -math.Log1p(-level)/n)
	half := max(distuv.UnitNormal.Quantile((1+level)/2)*e.StdErr, unseen)
	e.Low, e.High = max(0, e.Value-half), e.Value+half
	return e
}
