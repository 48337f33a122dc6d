package prob

import (
	"math"
	"testing"
)

func TestNormalQuantile(t *testing.T) {
	// NIST/SEMATECH e-Handbook, 1.3.6.7.1, with more digits from the usual tables.
	for _, c := range [][2]float64{
		{0.975, 1.959963984540054}, {0.995, 2.5758293035489004}, {0.9,
			1.2815515655446004}, {0.5, 0},
		{0.025, -1.959963984540054}, {1e-10, -6.361340902404056}, {1e-300, -37.0470962993612},
	} {
		if got := NormalQuantile(c[0]); math.Abs(got-c[1]) > 3e-15*math.Abs(c[1]) {
			t.Errorf("z of %v is %v, want %v", c[0], got, c[1])
		}
	}
	for p := 1e-305; p < 0.5; p *= 1.7 {
		z := NormalQuantile(p)
		if back := 0.5 * math.Erfc(-z/math.Sqrt2); math.Abs(back/p-1) > 1e-15*(3+z*z) {
			t.Errorf("Φ(z(%v)) = %v", p, back)
		}
	}
	if !math.IsInf(NormalQuantile(0), -1) || !math.IsInf(NormalQuantile(1), 1) {
		t.Error("the ends")
	}
}

// TestWilson holds both ends against what defines them: |p̂-p| = z·√(p(1-p)/n).
func TestWilson(t *testing.T) {
	for _, c := range [][2]float64{{0, 10}, {1, 10}, {5, 10}, {10, 10}, {3, 1e12}, {1.5, 7.25},
		{1e9, 3e9}} {
		for _, level := range []float64{0.5, 0.95, 0.999999} {
			lo, hi := Wilson(c[0], c[1], level)
			z := -NormalQuantile((1 - level) / 2)
			for _, p := range []float64{lo, hi} {
				left, right := math.Abs(c[0]/c[1]-p), z*math.Sqrt(p*(1-p)/c[1])
				if math.Abs(left-right) > 1e-7*right+1e-16 {
					t.Errorf("%v, %v: end %v: %v and %v", c, level, p, left, right)
				}
			}
			if lo > c[0]/c[1] || hi < c[0]/c[1] || c[0] == 0 && lo != 0 || c[0] == c[1] &&
				hi < 1-1e-15 {
				t.Errorf("%v, %v: %v … %v", c, level, lo, hi)
			}
		}
	}
	// R. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I.
	for _, c := range [][4]float64{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		lo, hi := Wilson(c[0], c[1], 0.95)
		if math.Abs(lo-c[2]) > 5.1e-5 || math.Abs(hi-c[3]) > 5.1e-5 {
			t.Errorf("%v of %v: %v … %v", c[0], c[1], lo, hi)
		}
	}
}

// TestClopperPearson puts the ends into the big distribution, whose tails must be (1-level)/2.
func TestClopperPearson(t *testing.T) {
	m := meter{t: t}
	for _, n := range []int{1, 2, 10, 1000, 5000} {
		for _, hits := range []int{1, 2, 3, 5, n / 2, n - 1} {
			if hits < 1 || hits >= n {
				continue
			}
			for _, level := range []float64{0.5, 0.95, 0.999999} {
				lo, hi := ClopperPearson(hits, n, level)
				tail, _ := bigTails(bigBinomial(n, lo))
				m.check(3e-14*float64(hits), (1-level)/2, tail[hits], "lo", hits, n, level)
				_, below := bigTails(bigBinomial(n, hi))
				// A double near one has few digits of what it lacks.
				m.check(3e-14*float64(n)+3e-16/(1-hi), (1-level)/2, below[hits+1], "hi", hits,
					n, level)
			}
		}
	}
	m.report("Clopper-Pearson", 100)
	// Newcombe 1998, table I, method 5.
	for _, c := range [][4]float64{{81, 263, 0.2527, 0.3676}, {15, 148, 0.0578, 0.1617},
		{1, 29, 0.0009, 0.1776}} {
		lo, hi := ClopperPearson(int(c[0]), int(c[1]), 0.95)
		if math.Abs(lo-c[2]) > 5.1e-5 || math.Abs(hi-c[3]) > 5.1e-5 {
			t.Errorf("%v of %v: %v … %v", c[0], c[1], lo, hi)
		}
	}
	// The rule of three, and its mirror image.
	lo, hi := ClopperPearson(0, 1000, 0.95)
	if math.Abs(hi-0.0029912) > 1e-7 || lo != 0 {
		t.Errorf("no hits: %v … %v", lo, hi)
	}
	if l, h := ClopperPearson(1000, 1000, 0.95); math.Abs(1-l-hi) > 1e-16 || h != 1 {
		t.Errorf("nothing but hits: %v … %v", l, h)
	}
	// Three hits of very many are a Poisson count.
	lo, hi = ClopperPearson(3, 2_000_000_000, 0.95)
	if pl, ph := PoissonInterval(3, 0.95); math.Abs(lo*2e9/pl-1) > 1e-8 ||
		math.Abs(hi*2e9/ph-1) > 1e-8 {
		t.Errorf("three of very many: %v … %v, of Poisson %v … %v", lo, hi, pl, ph)
	}
}

func TestPoissonInterval(t *testing.T) {
	// The usual table, after F. Garwood, 1936.
	for _, c := range []struct {
		count  int
		lo, hi float64
	}{{1, 0.03, 5.57}, {3, 0.62, 8.77}, {10, 4.80, 18.39}, {100, 81.36, 121.63}} {
		lo, hi := PoissonInterval(c.count, 0.95)
		if math.Abs(lo-c.lo) > 5.1e-3 || math.Abs(hi-c.hi) > 5.1e-3 {
			t.Errorf("%d: %v … %v", c.count, lo, hi)
		}
	}
	for _, n := range []int{1, 2, 7, 100, 5000, 10_000_000} {
		for _, level := range []float64{0.5, 0.95, 0.999999} {
			lo, hi := PoissonInterval(n, level)
			a, b := (Poisson{lo}).Tail(n), (Poisson{hi}).Below(n+1)
			limit := 1e-12 * float64(n)
			if alpha := (1 - level) / 2; math.Abs(a/alpha-1) > limit ||
				math.Abs(b/alpha-1) > limit {
				t.Errorf("%d at %v: the tails are %v and %v", n, level, a, b)
			}
		}
	}
	if lo, hi := PoissonInterval(0, 0.95); lo != 0 || math.Abs(hi-2.995732273553991) > 1e-15 {
		t.Errorf("no events: %v … %v", lo, hi)
	}
}

func TestPanicsNameValues(t *testing.T) {
	for name, f := range map[string]func(){
		"binomial":       func() { Binomial{5, 1.5}.Tail(1) },
		"slice":          func() { Binomial{5, 0.5}.Slice(3, 9) },
		"hypergeometric": func() { Hypergeometric{5, 6, 1}.PMF(0) },
		"poisson":        func() { Poisson{-1}.PMF(0) },
		"trials":         func() { PoissonBinomial([]float64{0.5, 2}) },
		"trials' tail":   func() { PoissonBinomialTail([]float64{0.5, 2}, 1) },
		"ratio":          func() { ChooseRatio(5, 4, 1) },
		"groups":         func() { AnyGroupLost(3, 2, 1, 7) },
		"ring":           func() { AnyWindowLost(10, 3, 2, 11) },
		"outage":         func() { RandomReplicationLoss(2, 3, 1, 1) },
		"lrc":            func() { LRCLossGiven(2, 3, 1, 1) },
		"lrc erasures":   func() { LRCLossGiven(6, 2, 2, 11) },
		"lrc pattern":    func() { LRCDecodable(6, 2, 2, []int{1}, 0) },
		"interval":       func() { Wilson(3, 2, 0.95) },
		"count":          func() { PoissonInterval(-1, 0.95) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
