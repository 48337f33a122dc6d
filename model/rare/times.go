package rare

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// A Time is the distribution of a lifetime or of the duration of a repair, in hours. The zero
// value is a time that never ends. Weibull and Exponential have hazards; Constant has none.
type Time struct {
	shape, scale float64
	kind         timeKind
}

type timeKind int

const (
	never timeKind = iota
	weibull
	constant
)

// Weibull has the distribution function 1-exp(-(t/scale)^shape): failures become rarer with age
// for shapes below 1, and more frequent above. Both above 0; scale in hours.
func Weibull(shape, scale float64) Time { return Time{shape, scale, weibull} }

// Exponential is without memory; mean in hours, above 0.
func Exponential(mean float64) Time { return Time{1, mean, weibull} }

// Constant is always as long.
func Constant(hours float64) Time { return Time{0, hours, constant} }

// Never ends.
func Never() Time { return Time{} }

// String writes the distribution the way it is made.
func (t Time) String() string {
	switch {
	case t.kind == never:
		return "never"
	case t.kind == constant:
		return fmt.Sprintf("constant(%g h)", t.scale)
	case t.shape == 1:
		return fmt.Sprintf("exponential(%g h)", t.scale)
	}
	return fmt.Sprintf("weibull(%g, %g h)", t.shape, t.scale)
}

// valid says whether the parameters are possible.
func (t Time) valid() bool {
	switch t.kind {
	case weibull:
		return t.shape > 0 && t.scale > 0 && !math.IsInf(t.shape, 1) && !math.IsInf(t.scale, 1)
	case constant:
		return t.scale >= 0 && !math.IsInf(t.scale, 1)
	}
	return true
}

// hazard is the hazard that has added up at an age: -ln P[longer than it].
func (t Time) hazard(age float64) float64 {
	if t.shape == 1 {
		return age / t.scale
	}
	return math.Pow(age/t.scale, t.shape)
}

// ageAt is the inverse of hazard.
func (t Time) ageAt(hazard float64) float64 {
	if t.shape == 1 {
		return hazard * t.scale
	}
	return t.scale * math.Pow(hazard, 1/t.shape)
}

// draw chooses a time.
func (t Time) draw(r *rand.Rand) float64 {
	switch t.kind {
	case weibull:
		return t.ageAt(r.ExpFloat64())
	case constant:
		return t.scale
	}
	return math.Inf(1)
}
