package rare

import (
	"errors"
	"fmt"
	"math"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/prob"
)

// Methods, as options (the empty string, Auto, chooses) and in results.
const (
	Auto               = ""
	MonteCarlo         = "monte-carlo"
	Stratified         = "stratified-monte-carlo"
	ImportanceSampling = "importance-sampling"
	FailureBiasing     = "failure-biasing"
)

var (
	// ErrMethod is returned where the method asked for does not fit the question.
	ErrMethod = errors.New("method does not apply")
	// ErrInput is returned for parameters out of their range.
	ErrInput = errors.New("bad input")
	// ErrTooRare is returned where a mean time to a loss can be had by plain simulation only,
	// and none is seen within millions of events: ask for the loss within a mission time.
	ErrTooRare = errors.New("loss is too rare for plain simulation to it")
	// ErrTooBusy is returned where the moments without any failed node, between which the
	// estimator works, are too rare: ask for plain simulation or for smaller cells.
	ErrTooBusy = errors.New("some node is practically always down")
)

// A Result is an estimate and the method that made it.
type Result struct {
	draw.Estimate
	Method string
}

// String is for people.
func (r Result) String() string {
	return fmt.Sprintf("%.6g [%.6g, %.6g] %s, n %d, hits %d, ess %.3g",
		r.Value, r.Low, r.High, r.Method, r.N, r.Hits, r.ESS)
}

func badInput(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInput, fmt.Sprintf(format, args...))
}

func badMethod(method, why string) error {
	return fmt.Errorf("%w: %s: %s", ErrMethod, method, why)
}

// impossible is the estimate of what cannot happen.
var impossible = draw.Estimate{Converged: true}

// union is the probability that any of m independent events of probability p happens; values of p
// above 1, which ends of intervals may have, count as 1.
func union(p, m float64) float64 {
	return prob.AtLeastOnce(min(1, max(0, p)), m)
}

// ofCells carries an estimate for one cell over to the union of m independent ones. The function
// is monotone, and so the interval is carried over end by end.
func ofCells(e draw.Estimate, m int) draw.Estimate {
	if m == 1 {
		return e
	}
	c, p := float64(m), min(1, e.Value)
	e.StdErr *= c * math.Pow(1-p, c-1)
	e.Value, e.Low, e.High = union(p, c), union(e.Low, c), union(e.High, c)
	return e
}

// probable ends an interval at 1. Weighted samples without a hit say no more than that.
func probable(e draw.Estimate) draw.Estimate {
	e.High = min(1, e.High)
	return e
}

// scaled multiplies an estimate with a known number.
func scaled(e draw.Estimate, by float64) draw.Estimate {
	e.Value, e.StdErr, e.Low, e.High = e.Value*by, e.StdErr*by, e.Low*by, e.High*by
	return e
}

// mixed is the weighted sum of independent estimates. The interval is recovered from theirs
// (MOVER: Zou and Donner, Statistics in Medicine 27, 2008), which keeps what is right about
// intervals of proportions with few hits, or none.
func mixed(weights []float64, parts []draw.Estimate) draw.Estimate {
	var e draw.Estimate
	var variance, low, high, x, xx float64
	for i, p := range parts {
		w := weights[i]
		if w == 0 {
			continue
		}
		e.Value += float64(w * p.Value)
		variance += square(w * p.StdErr)
		low += square(w * (p.Value - p.Low))
		high += square(w * (p.High - p.Value))
		e.N += p.N
		e.Hits += p.Hits
		if p.ESS > 0 { // each hit of a part weighs w·Σx/N in the sum
			sum := w * p.Value
			x += sum
			xx += sum * sum / p.ESS
		}
	}
	if xx > 0 {
		e.ESS = x * x / xx
	}
	e.StdErr = math.Sqrt(variance)
	e.Low, e.High = max(0, e.Value-math.Sqrt(low)), e.Value+math.Sqrt(high)
	return e
}

func square(x float64) float64 { return x * x }
