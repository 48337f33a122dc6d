package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

func TestHowManyBins(t *testing.T) {
	var even []float64
	for i := range 1000 {
		even = append(even, float64(i))
	}
	// The quartiles are 500 apart: 2·500/10 = 100, so 999/100 bins.
	if n := howMany([][]float64{even}, 0, 999); n != 10 {
		t.Errorf("%d bins, not 10", n)
	}
	if n := howMany([][]float64{even}, 0, 1e9); n != maxBins {
		t.Errorf("%d bins, not %d", n, maxBins)
	}
	if n := howMany([][]float64{{1, 1, 1, 1, 1, 1, 1, 9}}, 1, 9); n != 4 {
		t.Errorf("%d bins, not 4", n)
	}
}

func TestTicks(t *testing.T) {
	labels := func(s ruler, length vg.Length) string {
		var out []string
		for _, n := range s.notches(length, false) {
			if n.label != "" {
				out = append(out, n.label)
			}
		}
		return strings.Join(out, " ")
	}
	linear, log := Axis{Linear: true}, Axis{}
	for _, c := range []struct {
		s      ruler
		length vg.Length
		want   string
	}{
		{linear.over(0, 97), 300, "0 10 20 30 40 50 60 70 80 90 100"},
		{linear.over(0, 97), 100, "0 50 100"},
		{linear.over(-3, 4), 200, "−3 −2 −1 0 1 2 3 4"},
		{linear.over(2e6, 9e6), 300, "0 2×10⁶ 4×10⁶ 6×10⁶ 8×10⁶"},
		{linear.over(1e-5, 3e-5), 300, "1×10⁻⁵ 1.5×10⁻⁵ 2×10⁻⁵ 2.5×10⁻⁵ 3×10⁻⁵"},
		{linear.over(7, 7), 200, "6.6 6.7 6.8 6.9 7 7.1 7.2 7.3 7.4"},
		{log.over(1, 1e4), 300, "1 10 100 1000 10000"},
		{log.over(1e-9, 1e8), 400, "10⁻⁸ 10⁻⁶ 10⁻⁴ 10⁻² 1 10² 10⁴ 10⁶ 10⁸"},
		{log.over(1e-9, 1e8), 200, "10⁻⁹ 10⁻⁶ 10⁻³ 1 10³ 10⁶"},
		{log.over(0.03, 4), 300, "0.02 0.05 0.1 0.2 0.5 1 2 5"},
		{log.over(1e-6, 2e-5), 300, "10⁻⁶ 2×10⁻⁶ 5×10⁻⁶ 10⁻⁵ 2×10⁻⁵"},
		{log.over(1.10, 1.15), 300, "1.1 1.11 1.12 1.13 1.14 1.15"},
		{log.over(1e-300, 1e300), 300, "10⁻³⁰⁰ 10⁻²⁰⁰ 10⁻¹⁰⁰ 1 10¹⁰⁰ 10²⁰⁰ 10³⁰⁰"},
	} {
		if got := labels(c.s, c.length); got != c.want {
			t.Errorf("%g to %g, %v points: %s, not %s", c.s.lo, c.s.hi, c.length, got, c.want)
		}
	}
}

func TestBrief(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 1.1: "1.1", 12345: "12300", -0.00123: "−0.00123",
		1e-7: "10⁻⁷", 3.456e-5: "3.46×10⁻⁵", -2e9: "−2×10⁹", math.Inf(-1): "−∞", 99999: "100000", 9.999e-4: "10⁻³"} {
		if got := brief(v); got != want {
			t.Errorf("%g: %s, not %s", v, got, want)
		}
	}
}

func TestSpreadKeepsLabelsApartAndNear(t *testing.T) {
	for _, c := range []struct{ want, size, got []vg.Length }{
		{[]vg.Length{10, 50}, []vg.Length{10, 10}, []vg.Length{10, 50}},
		{[]vg.Length{50, 50}, []vg.Length{10, 20}, []vg.Length{42.5, 57.5}},
		{[]vg.Length{0, 100}, []vg.Length{10, 10}, []vg.Length{5, 95}},
		{[]vg.Length{99, 99, 100}, []vg.Length{10, 10, 10}, []vg.Length{75, 85, 95}},
	} {
		if got := spread(c.want, c.size, 0, 100); !slices.Equal(got, c.got) {
			t.Errorf("%v of %v: %v, not %v", c.want, c.size, got, c.got)
		}
	}
}

func TestClipping(t *testing.T) {
	w := window{vg.Rectangle{Max: vg.Point{X: 10, Y: 10}}}
	line := func(at ...vg.Length) (out []vg.Point) {
		for i := 0; i < len(at); i += 2 {
			out = append(out, vg.Point{X: at[i], Y: at[i+1]})
		}
		return out
	}
	for _, c := range []struct {
		line []vg.Point
		want [][]vg.Point
	}{
		{line(1, 1, 9, 9), [][]vg.Point{line(1, 1, 9, 9)}},
		{line(-5, 5, 15, 5, 15, 8, -5, 8), [][]vg.Point{line(0, 5, 10, 5), line(10, 8, 0, 8)}},
		{line(5, 5, 5, 1e12), [][]vg.Point{line(5, 5, 5, 10)}},
		{line(11, 0, 20, 5), nil},
		{line(1, 1, 2, 2, 30, 2, 3, 3), [][]vg.Point{line(1, 1, 2, 2, 10, 2), line(10, 2.740740740740741, 3, 3)}},
		{line(3, 3, 3, 3), [][]vg.Point{line(3, 3, 3, 3)}},
	} {
		if got := w.ClipLinesXY(c.line); fmt.Sprintf("%.9v", got) != fmt.Sprintf("%.9v", c.want) {
			t.Errorf("%v becomes %v, not %v", c.line, got, c.want)
		}
	}
	if got := w.ClipPolygonXY(line(-1e9, -1e9, 1e9, -1e9, 1e9, 5, -1e9, 5)); len(got) != 4 ||
		!slices.Contains(got, vg.Point{X: 10, Y: 5}) || !slices.Contains(got, vg.Point{}) {
		t.Errorf("the lower half becomes %v", got)
	}
	if got := w.ClipPolygonXY(line(20, 20, 30, 20, 20, 30)); len(got) != 0 {
		t.Errorf("what is outside becomes %v", got)
	}
}
