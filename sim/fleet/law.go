package fleet

import (
	"fmt"
	"math"

	"github.com/container-football/pitch/node"
)

// A Law is a distribution of times.
type Law struct {
	Form  Form
	Mean  float64 // hours, within 1e-5 and 1e15
	Shape float64 // of a Weibull law, within 0.5 and 5; of others 0
}

// Form is the kind of a Law.
type Form uint8

// The forms of laws.
const (
	Exponential Form = iota // without memory
	Constant                // always the mean; of repairs only
	Uniform                 // evenly from 0 to twice the mean
	Weibull                 // shape below 1: infant mortality; above 1: wear-out; of lifetimes only
)

var forms = [...]string{"exponential", "constant", "uniform", "weibull"}

// String is the name of the form.
func (f Form) String() string {
	if int(f) < len(forms) {
		return forms[f]
	}
	return fmt.Sprintf("Form(%d)", uint8(f))
}

// ParseForm finds a form by its name.
func ParseForm(name string) (Form, error) {
	for i, s := range forms {
		if s == name {
			return Form(i), nil
		}
	}
	return 0, fmt.Errorf("fleet: %q is no form of a law; there are %s, %s, %s and %s", name,
		forms[0], forms[1], forms[2], forms[3])
}

func (l *Law) validate(field string) error {
	switch {
	case int(l.Form) >= len(forms):
		return &ConfigError{field + "Form", l.Form, "is not known"}
	case !(l.Mean >= 1e-5 && l.Mean <= 1e15):
		return &ConfigError{field + "Mean", l.Mean, "must be within 1e-5 and 1e15 hours"}
	case l.Form == Weibull && !(l.Shape >= 0.5 && l.Shape <= 5):
		return &ConfigError{field + "Shape", l.Shape, "must be within 0.5 and 5"}
	case l.Form != Weibull && l.Shape != 0:
		return &ConfigError{field + "Shape", l.Shape, "is for Weibull laws only"}
	}
	return nil
}

// clustered is by how much more the number of failures varies than if they came independently of
// each other, in the long run: the squared coefficient of variation of lifetimes (Cox 1962), where
// that is above 1. With infant mortality, what has just been repaired often fails again.
func (l Law) clustered() float64 {
	if l.Form != Weibull {
		return 1
	}
	return max(1, exp(logGamma(1+2/l.Shape)-float64(2*logGamma(1+1/l.Shape)))-1)
}

// ticksPerHour is the resolution of time: microseconds.
const ticksPerHour = 3.6e9

// never is later than any end, and can be added to it.
const never = node.Time(1) << 61

func ticks(hours float64) node.Time {
	if hours >= float64(never)/ticksPerHour {
		return never
	}
	return node.Time(float64(hours*ticksPerHour) + 0.5)
}

// A sampler draws times of a law.
type sampler struct {
	form  Form
	mean  float64
	scale float64 // of a Weibull law, hours
	shape float64
	box   float64 // how far a Weibull law's rest reaches: see rest

}

func (l Law) sampler() sampler {
	s := sampler{form: l.Form, mean: l.Mean, shape: l.Shape}
	if l.Form == Weibull {
		s.scale = l.Mean / exp(logGamma(1+1/l.Shape))
		s.box = pow(2/l.Shape, 1/l.Shape) * exp(-1/l.Shape)
	}
	return s
}

// unit draws evenly from the inside of (0, 1).
func unit(r *node.Stream) float64 { return (float64(r.Uint64()>>12) + 0.5) / (1 << 52) }

// whole draws a time from its beginning.
func (s *sampler) whole(r *node.Stream) node.Time {
	switch s.form {
	case Constant:
		return ticks(s.mean)
	case Uniform:
		return ticks(2 * s.mean * unit(r))
	case Weibull:
		return ticks(s.scale * pow(-log(unit(r)), 1/s.shape))
	}
	return ticks(-s.mean * log(unit(r)))
}

// rest draws what is left of a time that one comes upon at a random moment. Its density is the
// probability that a whole time lasts longer, over the mean (Cox, Renewal Theory, 1962).
func (s *sampler) rest(r *node.Stream) node.Time {
	switch s.form {
	case Constant:
		return ticks(s.mean * unit(r))
	case Uniform:
		return ticks(2 * s.mean * (1 - math.Sqrt(unit(r))))
	case Weibull:
		// The density is proportional to g(x) = exp(-x^shape): a ratio of uniforms (Kinderman and
		// Monahan 1977) from the box that is √g's maximum, 1, by that of x·√g(x).
		for {
			u, v := unit(r), s.box*unit(r)
			if x := v / u; pow(x, s.shape) <= -2*log(u) {
				return ticks(s.scale * x)
			}
		}
	}
	return s.whole(r) // without memory
}
