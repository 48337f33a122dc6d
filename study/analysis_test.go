package study

import (
	"math"
	"strings"
	"testing"
)

// T·n·p^k has the elasticity k in p, and its quantiles are those of p, to the power of k.
func TestUncertaintyAndElasticityOfAPower(t *testing.T) {
	p := planOf(t, strings.Replace(sampled, "points = 64", "points = 4096", 1))
	r := runIn(t, p, Options{Dir: t.TempDir()})
	spreads, swings := r.Spreads(), r.Swings()
	if len(spreads) != 2 || len(swings) != 2 {
		t.Fatalf("%d spreads, %d swings", len(spreads), len(swings))
	}
	near := func(what string, got, want, tolerance float64) {
		if !(math.Abs(got/want-1) <= tolerance) {
			t.Errorf("%s: %.9g, want %.9g", what, got, want)
		}
	}
	median := math.Sqrt(0.001 * 0.01)
	for i, k := range []float64{1, 2} {
		at := func(p float64) float64 { return 30 * math.Pow(p, k) }
		s, w := spreads[i], swings[i]
		if s.Axes[0] != any(k) || w.Axes[0] != any(k) || w.Param != "p" {
			t.Fatalf("%+v %+v", s, w)
		}
		near("5 %", s.P5, at(0.001), 0.01*k)
		near("median", s.P50, at(median), 0.01*k)
		near("95 %", s.P95, at(0.01), 0.01*k)
		near("at the medians", s.AtMedians, at(median), 1e-9)
		sigma := k * math.Log(10) / (2 * 1.6448536269514722)
		near("mean", s.Mean, at(median)*math.Exp(sigma*sigma/2), 0.01*k)
		near("low", w.Low, at(0.001), 1e-9)
		near("high", w.High, at(0.01), 1e-9)
		near("base", w.Base, at(median), 1e-9)
		near("elasticity", w.Elasticity, k, 1e-8)
	}
}

func TestAgreementCountsWhatIsInsideAndWhatIsFar(t *testing.T) {
	p := planOf(t, small)
	r := runIn(t, p, Options{Dir: t.TempDir()})
	for cell := range p.Cells() {
		exact, estimate := r.Row(cell, 0, 0), r.Row(cell, 0, 1)
		exact.Value, estimate.Value, estimate.Low, estimate.High = 10, 10, 9, 12
		exact.Low, exact.High = none, none
		switch cell {
		case 0:
			exact.Value = 13 // outside, 1.5 half widths up
		case 1:
			exact.Value = 6.5 // outside, 3.5 half widths down
		case 2:
			exact.Value, exact.Error = none, "unknown"
		case 3: // two estimates, 2 and 1.5 half widths wide towards each other
			exact.Value, exact.Low, exact.High = 14, 12.5, 20
		}
	}
	a := r.Agreements()
	if len(a) != 1 || a[0].Cells != 11 || a[0].Inside != 8 || a[0].Far != 1 || a[0].FarthestAt != 1 ||
		a[0].Farthest != 3.5 || a[0].Engine != "simulation" || a[0].Reference != "best" {
		t.Errorf("%+v", a)
	}
}
