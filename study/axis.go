package study

import (
	"math"
	"strconv"
)

// expand lists the values of an axis, in the order of the file or from From to To.
func (a *Axis) expand() []any {
	if a.Values != nil {
		return a.Values
	}
	var out []any
	for i := range a.Points {
		x := a.at(float64(i) / float64(a.Points-1))
		if a.Whole {
			x = math.Round(x)
		}
		if len(out) == 0 || out[len(out)-1] != any(x) {
			out = append(out, x)
		}
	}
	return out
}

// at is the value a share of the way from From to To. The ends are exact.
func (a *Axis) at(share float64) float64 {
	from, to := *a.From, *a.To
	switch {
	case share == 0:
		return from
	case share == 1:
		return to
	case a.Scale == "log":
		return tidy(math.Exp(math.Log(from) + float64(share*(math.Log(to)-math.Log(from)))))
	}
	return tidy(from + float64(share*(to-from)))
}

// tidy rounds to twelve digits: nobody asked for 0.30000000000000004, and logarithms may differ
// in their last bit between processors.
func tidy(x float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 11, 64), 64)
	if err != nil {
		return x
	}
	return short
}
