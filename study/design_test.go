package study

import (
	"math"
	"slices"
	"testing"
)

// Of 2^m Sobol points each interval of a dimension of length 2^-m holds one. In the first two
// dimensions each box of that area does (Sobol 1967): they are a (0, m, 2)-net.
func TestSobolPointsLieEvenly(t *testing.T) {
	inputs := make([]Uncertain, mostInputs)
	for j := range inputs {
		inputs[j].Param = string(rune('a' + j))
	}
	const m = 8
	d := Design{Kind: "sobol", Points: 1 << m}
	points := d.points(3, inputs)
	boxes := func(j, l, bitsJ, bitsL int) int {
		seen := map[[2]int]bool{}
		for _, p := range points {
			seen[[2]int{int(p[j] * float64(int(1)<<bitsJ)), int(p[l] * float64(int(1)<<bitsL))}] = true
		}
		return len(seen)
	}
	for j := range inputs {
		if got := boxes(j, j, m, 0); got != 1<<m {
			t.Errorf("dimension %d: %d of %d intervals are hit", j, got, 1<<m)
		}
	}
	for b := range m + 1 {
		if got := boxes(0, 1, b, m-b); got != 1<<m {
			t.Errorf("boxes of 2^-%d times 2^-%d: %d of %d are hit", b, m-b, got, 1<<m)
		}
	}
}

// The mean of a smooth function over Sobol points is far nearer than over random ones: here of a
// product over ten dimensions whose mean is 1.
func TestSobolPointsIntegrateBetterThanRandomOnes(t *testing.T) {
	inputs := make([]Uncertain, 10)
	for j := range inputs {
		inputs[j].Param = string(rune('a' + j))
	}
	off := func(kind string) float64 {
		var sum float64
		const seeds = 20
		for seed := range uint64(seeds) {
			d := Design{Kind: kind, Points: 1024}
			var mean float64
			for _, p := range d.points(seed, inputs) {
				f := 1.0
				for _, x := range p {
					f *= 1 + (x-0.5)/2
				}
				mean += f / 1024
			}
			sum += (mean - 1) * (mean - 1) / seeds
		}
		return math.Sqrt(sum)
	}
	random, hypercube, sobol := off("random"), off("latin-hypercube"), off("sobol")
	t.Logf("off by %.2g with random points, %.2g with a Latin hypercube, %.2g with Sobol points", random,
		hypercube, sobol)
	if hypercube > random/2 || sobol > random/10 {
		t.Error("the design is no better than chance")
	}
}

func TestALatinHypercubeHasOnePointInEachStratum(t *testing.T) {
	d := Design{Kind: "latin-hypercube", Points: 100}
	inputs := []Uncertain{{Param: "a"}, {Param: "b"}}
	points := d.points(1, inputs)
	for j := range inputs {
		var strata []int
		for _, p := range points {
			strata = append(strata, int(p[j]*100))
		}
		slices.Sort(strata)
		for i, s := range strata {
			if i != s {
				t.Fatalf("input %d: stratum %d is empty", j, i)
			}
		}
	}
	more := d.points(1, append([]Uncertain{{Param: "c"}}, inputs...))
	for i := range points {
		if more[i][1] != points[i][0] {
			t.Fatal("one input more has moved the draws of another")
		}
	}
}

func TestQuantilesOfWhatIsKnown(t *testing.T) {
	p := func(x float64) *float64 { return &x }
	for _, c := range []struct {
		v         Uncertain
		u, want   float64
		tolerance float64
	}{
		{Uncertain{Distribution: "uniform", Low: p(2), High: p(4)}, 0.25, 2.5, 1e-11},
		{Uncertain{Distribution: "log-uniform", Low: p(1e-6), High: p(1e-2)}, 0.5, 1e-4, 1e-11},
		{Uncertain{Distribution: "triangular", Low: p(0), High: p(2), Mode: p(1)}, 0.5, 1, 1e-11},
		{Uncertain{Distribution: "normal", Low: p(5), High: p(15)}, 0.05, 5, 1e-11},
		{Uncertain{Distribution: "normal", Low: p(5), High: p(15)}, 0.5, 10, 1e-11},
		{Uncertain{Distribution: "log-normal", Low: p(1), High: p(100)}, 0.95, 100, 1e-11},
		{Uncertain{Distribution: "log-normal", Low: p(1), High: p(100)}, 0.5, 10, 1e-11},
		// χ² with one degree of freedom: the median is 0.4549364, of Gamma(1/2) half of that.
		{Uncertain{Distribution: "observed", Events: p(0), Hours: p(1)}, 0.5, 0.2274682, 1e-6},
		// χ² with 9 degrees: the 95 % quantile is 16.918978.
		{Uncertain{Distribution: "observed", Events: p(4), Hours: p(2)}, 0.95, 16.918978 / 4, 1e-6},
		{Uncertain{Distribution: "uniform", Low: p(1), High: p(4), Whole: true}, 0.4, 2, 0},
	} {
		if got := c.v.quantile(c.u); math.Abs(got-c.want) > c.tolerance*c.want {
			t.Errorf("%s: quantile %g is %.12g, want %g", c.v.Distribution, c.u, got, c.want)
		}
	}
}

func TestAxesRunFromEndToEnd(t *testing.T) {
	p := func(x float64) *float64 { return &x }
	got := (&Axis{From: p(1), To: p(1000), Points: 7, Scale: "log"}).expand()
	want := []any{1.0, 3.16227766017, 10.0, 31.6227766017, 100.0, 316.227766017, 1000.0}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	got = (&Axis{From: p(0), To: p(0.3), Points: 4}).expand()
	if !slices.Equal(got, []any{0.0, 0.1, 0.2, 0.3}) {
		t.Errorf("%v", got)
	}
	got = (&Axis{From: p(1), To: p(3), Points: 9, Whole: true}).expand()
	if !slices.Equal(got, []any{1.0, 2.0, 3.0}) {
		t.Errorf("%v", got)
	}
}
