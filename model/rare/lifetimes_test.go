package rare_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// A Weibull distribution of shape 1 is the exponential one, of which everything is known.
func TestLifetimesOfShape1AreExponential(t *testing.T) {
	for _, c := range []struct {
		name     string
		p        *place.Placement
		n, width int
		cells    int
	}{
		{"triples", shards(1, 3, 2), 3, 2, 1},
		{"100 groups", shards(100, 6, 2), 6, 2, 100},
		{"any 3 of 30", oneCell(place.AllSubsets(30, place.Replicas(3)), 1, math.Inf(1)), 30, 2, 1},
		{"triples in a large cell", oneCell(must[*place.Sets](t)(place.Stripes(30, place.Replicas(3))),
			1, math.Inf(1)), 3, 2, 30},
	} {
		chain := markov.Group(c.n, c.width, disk, day, markov.Parallel)
		for _, hours := range []float64{24, 8760} {
			l := rare.Lifetimes{Placement: c.p, Life: rare.Weibull(1, 1e5), Repair: rare.Weibull(1, 24),
				Method: rare.ImportanceSampling}
			name := fmt.Sprint(c.name, " within ", hours)
			r, err := l.Loss(context.Background(), hours, options(name, 0.03))
			if err != nil {
				t.Fatal(err)
			}
			near(t, name, r, markov.LossOfAny(c.cells, chain, hours), 0.03)
			if !r.Converged || r.Method != rare.ImportanceSampling {
				t.Errorf("%s: %v", name, r)
			}
			l.Method = rare.Auto
			if r, err = l.Loss(context.Background(), hours, options(name, 0.03)); err != nil {
				t.Fatal(err)
			}
			near(t, name, r, markov.LossOfAny(c.cells, chain, hours), 0.03)
			if r.Method != rare.FailureBiasing {
				t.Errorf("%s: %v", name, r)
			}
		}
	}
}

// The chances of few objects add up in the same way as with Dynamics, where losses are common.
func TestLifetimesOfFewObjects(t *testing.T) {
	sets := [][]int32{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}}
	pool := must[*place.Sets](t)(place.Listed(5, place.Replicas(2), sets))
	l := rare.Lifetimes{Placement: oneCell(pool, 2, 1), Life: rare.Exponential(500),
		Repair: rare.Exponential(250)}
	chain := chainOf(rare.Dynamics{Placement: l.Placement, FailRate: 1.0 / 500,
		RepairRate: 1.0 / 250}, sets)
	start := make([]float64, len(chain.Rate))
	start[0] = 1
	_, absorbed := chain.Transient(start, 200)
	for _, l.Method = range []string{rare.MonteCarlo, rare.ImportanceSampling} {
		r, err := l.Loss(context.Background(), 200, options("few "+l.Method, 0.01))
		if err != nil {
			t.Fatal(err)
		}
		near(t, l.Method, r, absorbed[0], 0.01)
	}
}

// Without repair, what is lost is a matter of how many have failed by the end.
func TestLifetimesWithoutRepair(t *testing.T) {
	for _, shape := range []float64{0.7, 1, 1.5, 3} {
		for _, hours := range []float64{100, 8760} {
			l := rare.Lifetimes{Placement: shards(1, 6, 3), Life: rare.Weibull(shape, 1e5),
				Method: rare.ImportanceSampling}
			name := fmt.Sprint("shape ", shape, " within ", hours)
			r, err := l.Loss(context.Background(), hours, options(name, 0.02))
			if err != nil {
				t.Fatal(err)
			}
			p := prob.WeibullCDF(hours, shape, 1e5)
			near(t, name, r, prob.Binomial{N: 6, P: p}.Tail(4), 0.02)
		}
		// The mean time to the fourth failure of six is the integral of what survives.
		survival := func(x float64) float64 {
			return prob.Binomial{N: 6, P: prob.WeibullCDF(x, shape, 1e5)}.Below(4)
		}
		const step = 200.0
		var mean float64
		for x := step / 2; x < 3e6; x += step {
			mean += step * survival(x)
		}
		l := rare.Lifetimes{Placement: shards(1, 6, 3), Life: rare.Weibull(shape, 1e5)}
		r, err := l.MTTDL(context.Background(), options(fmt.Sprint("mttdl", shape), 0.01))
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint("mttdl of shape ", shape), r, mean, 0.01)
	}
}

// Aging nodes have no closed form: the two methods share little but the question, and must agree
// where the plain one can see anything.
func TestLifetimesPlainlyAndByImportanceSampling(t *testing.T) {
	ring := oneCell(place.Ring(12, 2, 2), 2, 9)
	sets := oneCell(must[*place.Sets](t)(place.Copysets(12, 3, 4, random(5))), 1, math.Inf(1))
	for i, l := range []rare.Lifetimes{
		{Placement: shards(1, 3, 2), Life: rare.Weibull(2, 100), Repair: rare.Constant(20)},
		{Placement: shards(5, 4, 2), Life: rare.Weibull(0.6, 400), Repair: rare.Weibull(3, 8)},
		{Placement: ring, Life: rare.Weibull(1.5, 800), Repair: rare.Weibull(0.7, 10)},
		{Placement: sets, Life: rare.Weibull(1.3, 150), Repair: rare.Constant(12)},
		{Placement: shards(1, 2, 1), Life: rare.Exponential(500), Repair: rare.Constant(5)},
	} {
		for _, hours := range []float64{60, 200} {
			name := fmt.Sprint(i, " within ", hours)
			l.Method = rare.MonteCarlo
			plain, err := l.Loss(context.Background(), hours, options(name, 0.06))
			if err != nil {
				t.Fatal(err)
			}
			l.Method = rare.ImportanceSampling
			sampled, err := l.Loss(context.Background(), hours, options(name, 0.04))
			if err != nil {
				t.Fatal(err)
			}
			both := rare.Result{Estimate: plain.Estimate}
			both.StdErr = math.Hypot(plain.StdErr, sampled.StdErr)
			near(t, name, both, sampled.Value, 0.1)
		}
	}
}

// A pair of exponential lifetimes with constant repair d: given the failure of a node, data is
// lost if the other fails before d is over, whatever happened earlier.
func TestPairWithConstantRepair(t *testing.T) {
	const life, d, hours = 1e5, 24.0, 8760.0
	l := rare.Lifetimes{Placement: shards(1, 2, 1), Life: rare.Exponential(life),
		Repair: rare.Constant(d)}
	r, err := l.Loss(context.Background(), hours, options("pair", 0.003))
	if err != nil {
		t.Fatal(err)
	}
	// Failures of either node begin at this rate, and those at the end have less time. Repairs,
	// during which none begin, make 5e-4 of a difference.
	rate := 2 / life
	exact := rate * (hours*(1-math.Exp(-d/life)) - d*d/(2*life)) * (1 - rate*d)
	if math.Abs(r.Value-exact) > 3*r.StdErr+1e-3*exact || !r.Converged {
		t.Errorf("%v, %.6g expected", r, exact)
	}
}

func TestLifetimesThatAreTooRare(t *testing.T) {
	ctx := context.Background()
	l := rare.Lifetimes{Placement: shards(1, 6, 3), Life: rare.Weibull(1.2, 1e5),
		Repair: rare.Constant(24)}
	_, err := l.MTTDL(ctx, draw.Options{})
	if !errors.Is(err, rare.ErrTooRare) {
		t.Errorf("%v", err)
	}
	// Of exponential times the mean is known to Dynamics.
	l.Life, l.Repair = rare.Exponential(1e5), rare.Exponential(24)
	r, err := l.MTTDL(ctx, options("exponential", 0.02))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mttdl", r, markov.Group(6, 3, disk, day, markov.Parallel).MTTA(), 0.02)
	for name, l := range map[string]rare.Lifetimes{
		"constant":  {Placement: shards(1, 2, 1), Life: rare.Constant(5)},
		"immortal":  {Placement: shards(1, 2, 1)},
		"no shape":  {Placement: shards(1, 2, 1), Life: rare.Weibull(0, 5)},
		"nonsense":  {Placement: shards(1, 2, 1), Life: rare.Weibull(1, 5), Repair: rare.Constant(-1)},
		"placement": {Life: rare.Weibull(1, 5)},
	} {
		if _, err := l.Loss(ctx, 1, draw.Options{}); !errors.Is(err, rare.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.Method = rare.FailureBiasing
	if _, err := l.Loss(ctx, 1, draw.Options{}); !errors.Is(err, rare.ErrMethod) {
		t.Error(err)
	}
}

func TestTimesAreWrittenAsTheyAreMade(t *testing.T) {
	for want, x := range map[string]fmt.Stringer{
		"weibull(1.5, 1000 h)": rare.Weibull(1.5, 1000), "exponential(24 h)": rare.Exponential(24),
		"constant(24 h)": rare.Constant(24), "never": rare.Never(),
	} {
		if got := x.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
