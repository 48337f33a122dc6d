package reports

import (
	"math"
)

// An Axis is one of the two of a figure; it is logarithmic unless it is said to be linear.
type Axis struct {
	Label string // what is counted, and in which unit

	// Min and Max are the ends. What is 0 follows from the data, rounded outwards to 1, 2 or 5
	// times a power of ten; a linear axis begins at 0 where the data come near it.
	Min, Max float64

	Linear bool
}

// shows is true for what the axis can show if it reaches far enough.
func (a Axis) shows(v float64) bool {
	if a.Linear {
		return finite(v)
	}
	return loggable(v)
}

// count is where a value lies, as the axis counts: the value, or its decimal logarithm.
func (a Axis) count(v float64) float64 {
	if a.Linear {
		return v
	}
	return math.Log10(v)
}

// value is the inverse of count.
func (a Axis) value(at float64) float64 {
	if a.Linear {
		return at
	}
	return math.Pow(10, at)
}

// check says what is wrong with the ends that are given.
func (a Axis) check(which string) error {
	for _, v := range []float64{a.Min, a.Max} {
		if v != 0 && !a.shows(v) {
			return badFigure("the %s axis cannot reach from %g to %g", which, a.Min, a.Max)
		}
	}
	if a.Min != 0 && a.Max != 0 && a.Min >= a.Max {
		return badFigure("the %s axis cannot reach from %g to %g", which, a.Min, a.Max)
	}
	return nil
}

// ruler is an axis with its ends, as the axis counts.
type ruler struct {
	Axis
	lo, hi float64
}

// at is where a value lies between the ends, from 0 to 1.
func (s ruler) at(v float64) float64 { return s.place(s.count(v)) }

// place is at for what is counted already.
func (s ruler) place(at float64) float64 { return (at - s.lo) / (s.hi - s.lo) }

// within is true for what lies between the ends or on them.
func (s ruler) within(v float64) bool {
	p := s.at(v)
	return s.shows(v) && p >= -1e-9 && p <= 1+1e-9
}

// over gives the axis ends that hold all values from least to most, if it has none of its own.
func (a Axis) over(least, most float64) ruler {
	s := ruler{Axis: a, lo: a.count(least), hi: a.count(most)}
	switch {
	case a.Linear:
		s.lo, s.hi = widen(least, most, true)
	case s.hi-s.lo < 0.4 && least > 1e-290 && most < 1e300: // too little for powers of ten
		lo, hi := widen(least, most, false)
		s.lo, s.hi = a.count(lo), a.count(hi)
	default:
		s.lo, s.hi = roundDown(s.lo), roundUp(s.hi)
	}
	if a.Min != 0 {
		s.lo = a.count(a.Min)
	}
	if a.Max != 0 {
		s.hi = a.count(a.Max)
	}
	// An axis without length could show nothing. The end that was not asked for gives way.
	if short := a.shortest(s.lo, s.hi); s.hi-s.lo < short {
		if a.Max != 0 && a.Min == 0 {
			s.lo = s.hi - short
		} else {
			s.hi = s.lo + short
		}
	}
	return s
}

// shortest is a length at which neighbouring ticks still have different numbers.
func (a Axis) shortest(lo, hi float64) float64 {
	if !a.Linear {
		return 0.001
	}
	return max(1e-9*max(math.Abs(lo), math.Abs(hi)), 1e-290)
}

// tight is over without rounding, unless there is nothing between least and most.
func (a Axis) tight(least, most float64) ruler {
	s := a.over(least, most)
	lo, hi := a.count(least), a.count(most)
	if hi-lo < 1e-6*max(math.Abs(lo), math.Abs(hi)) || hi-lo < a.shortest(lo, hi) {
		return s
	}
	if a.Min == 0 {
		s.lo = lo
	}
	if a.Max == 0 {
		s.hi = hi
	}
	return s
}

// pad moves ends that were not asked for away from points that lie on them.
func (s *ruler) pad(least, most float64) {
	by := (s.hi - s.lo) * 0.025
	if s.Min == 0 && s.count(least) < s.lo+by {
		s.lo -= by
	}
	if s.Max == 0 && s.count(most) > s.hi-by {
		s.hi += by
	}
}

// widen gives a range of values round ends, and 0 as one of them if it lies near and is asked for.
func widen(least, most float64, zero bool) (lo, hi float64) {
	if zero && least > 0 && least <= most/4 {
		least = 0
	}
	if zero && most < 0 && most >= least/4 {
		most = 0
	}
	if size := max(math.Abs(least), math.Abs(most)); most-least < 1e-6*size {
		least, most = least-size/20, most+size/20
	}
	step := nice((most - least) / 10)
	return step * math.Floor(least/step+1e-9), step * math.Ceil(most/step-1e-9)
}

// steps are the logarithms of 1, 2, 5 and 10.
var steps = []float64{0, math.Log10(2), math.Log10(5), 1}

// roundUp is the logarithm of the next 1, 2 or 5 times a power of ten.
func roundUp(at float64) float64 {
	whole := math.Floor(at + 1e-9)
	for _, s := range steps {
		if at <= whole+s+1e-9 {
			return whole + s
		}
	}
	return whole + 1
}

func roundDown(at float64) float64 { return -roundUpMirrored(-at) }

// roundUpMirrored is roundUp for the negative logarithm, in which 5 and 2 change places.
func roundUpMirrored(at float64) float64 {
	whole := math.Floor(at + 1e-9)
	for i := range steps {
		if s := 1 - steps[len(steps)-1-i]; at <= whole+s+1e-9 {
			return whole + s
		}
	}
	return whole + 1
}

// asked is true for what lies within the ends that were given.
func (a Axis) asked(v float64) bool { return !(a.Min != 0 && v < a.Min || a.Max != 0 && v > a.Max) }

// extent grows to hold all that is added to it.
type extent struct{ least, most float64 }

func newExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

func (e *extent) add(v float64) { e.least, e.most = min(e.least, v), max(e.most, v) }

func (e *extent) empty() bool { return e.least > e.most }
