package reports

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"

	"github.com/container-football/pitch/node"
)

// timeUnit is what the axis of time counts in.
type timeUnit struct {
	name string
	ns   float64
}

// unitFor picks the unit in which a run of this length is told with at most four digits.
func unitFor(end node.Time) timeUnit {
	switch {
	case end < 2*node.Millisecond:
		return timeUnit{"us", 1e3}
	case end < 2*node.Second:
		return timeUnit{"ms", 1e6}
	case end < 600*node.Second:
		return timeUnit{"s", 1e9}
	case end < 36000*node.Second:
		return timeUnit{"min", 60e9}
	}
	return timeUnit{"h", 3600e9}
}

// nice is the smallest of 1, 2, 5, 10, … times a power of ten that is not below v.
func nice(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// axisTicks divides lo to hi into at most n steps of a round size, at least least.
func axisTicks(lo, hi float64, n int, least float64) []plot.Tick {
	step := max(nice((hi-lo)/float64(n)), least)
	var out []plot.Tick
	for i := int(math.Ceil(lo/step - 1e-9)); float64(i)*step <= hi*(1+1e-9); i++ {
		v := float64(i) * step
		out = append(out, plot.Tick{Value: v, Label: number(v, step)})
	}
	return out
}

// number writes a multiple of step: 0.25, 250, 250k, 2.5M.
func number(v, step float64) string {
	for _, u := range []struct {
		scale float64
		name  string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.scale && math.Abs(v) >= 10000 {
			return decimal(v/u.scale, step/u.scale) + u.name
		}
	}
	return decimal(v, step)
}

func decimal(v, step float64) string {
	digits := 0
	if step < 1 {
		digits = int(math.Ceil(-math.Log10(step) - 1e-9))
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}
