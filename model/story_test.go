package model_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/container-football/pitch/model"
)

func ask(t *testing.T, measure string, params ...model.Params) model.Answer {
	t.Helper()
	a, err := model.Ask(context.Background(), measure, union(params...), model.Options{Seed: 1})
	if err != nil {
		t.Fatalf("%s %v: %v", measure, union(params...), err)
	}
	return a
}

func union(sets ...model.Params) model.Params {
	all := model.Params{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

func near(t *testing.T, what string, got, want, rel float64) {
	t.Helper()
	if math.Abs(got-want) > rel*math.Abs(want) {
		t.Errorf("%s: %.15g, expected %.15g: off by %.2g", what, got, want, got/want-1)
	}
}

// The fundamental law: the more sets a volume is spread over, the more often it is down, from
// what a shard has to what the whole cluster has.
func TestAVolumeIsDownMoreOftenTheWiderItIsSpread(t *testing.T) {
	big := model.Params{"placement": "bigcluster", "n": 20., "k": 3., "p": 0.01}
	last := 0.0
	for objects := 1.; objects < 1e12; objects *= 7 {
		u := ask(t, "unavailability", big, model.Params{"objects": objects}).Value
		if u < last {
			t.Errorf("%g objects: %g, fewer had %g", objects, u, last)
		}
		last = u
		if objects == 1 {
			near(t, "one object", u, 1e-6, 1e-12)
		}
	}
	tail := ask(t, "incident.bigcluster", model.Params{"n": 20., "k": 3., "p": 0.01}).Value
	near(t, "so many that all sets have some", last, tail, 1e-6)
	near(t, "infinitely many", ask(t, "unavailability", big).Value, tail, 1e-14)
	if shard := ask(t, "unavailability", big, model.Params{"placement": "shards"}).Value; shard > 1e-6*(1+1e-12) {
		t.Errorf("a shard: %g", shard)
	}
}

// What is down of all storage is the same everywhere, in expectation: linearity of expectation
// knows no architecture.
func TestTheStorageThatIsDownIsTheSameForEveryPlacement(t *testing.T) {
	for name, p := range map[string]model.Params{
		"shards":     {"placement": "shards"},
		"clusters":   {"placement": "clusters", "clusters": 5.},
		"bigcluster": {"placement": "bigcluster"},
		"apart":      {"placement": "bigcluster", "across": "rack", "racks": 6., "p_rack": 0.},
		"striped":    {"placement": "striped", "stripe": 2.},
		"copysets":   {"placement": "copysets", "S": 4.},
		"window":     {"placement": "window", "w": 5.},
		"groups":     {"placement": "groups", "groups": 40.},
		"tiered":     {"placement": "tiered", "backup": 6.},
	} {
		a := ask(t, "storage", p, model.Params{"N": 30., "n": 10., "k": 3., "p": 0.02})
		low, high := 8e-6*(1-1e-12), 8e-6*(1+1e-12)
		if a.Interval != nil {
			low, high = low-2*(a.Interval.High-a.Interval.Low), high+2*(a.Interval.High-a.Interval.Low)
		}
		if a.Value < low || a.Value > high {
			t.Errorf("%s: %g by %s, expected 8e-6", name, a.Value, a.Method)
		}
	}
}

// A p that is uncertain and common to all makes failures come together: E[p^k] is above E[p]^k.
// For a Beta distribution it is Π (a+i)/(a+b+i).
func TestCommonUncertaintyOfP(t *testing.T) {
	for _, c := range []struct{ p, cv float64 }{{1e-4, 0.3}, {1e-4, 1}, {0.01, 2}, {0.3, 0.5}} {
		total := (1-c.p)/(c.p*c.cv*c.cv) - 1
		a := c.p * total
		want := 1.
		for k := 1; k <= 5; k++ {
			want *= (a + float64(k-1)) / (total + float64(k-1))
			got := ask(t, "unavailability", model.Params{"placement": "shards", "n": 1., "k": float64(k),
				"p": c.p, "p_cv": c.cv})
			near(t, "E[p^k]", got.Value, want, 1e-9)
			if got.Method != model.Quadrature {
				t.Errorf("by %s", got.Method)
			}
		}
	}
}

// With two replicas the crossover is close to what the fraction of fatal pairs says; from three
// on, more help pays off.
func TestTheCrossoverOfRebuildSpeed(t *testing.T) {
	const lambda, mu = 1e-5, 1. / 24
	for _, k := range []float64{2, 3} {
		rates := model.Params{"N": 300., "k": k, "lambda_per_h": lambda, "mu_per_h": mu}
		x := ask(t, "crossover.rebuild", rates).Value
		big := ask(t, "mttdl", rates, model.Params{"placement": "bigcluster", "rebuild": "pair-speed",
			"speed_up": x}).Value
		shards := ask(t, "mttdl", rates, model.Params{"placement": "shards"}).Value
		near(t, "at the crossover", big, shards, 1e-6)
		faster := ask(t, "mttdl", rates, model.Params{"placement": "bigcluster",
			"rebuild": "pair-speed", "speed_up": 2 * x}).Value
		if faster < 1.9*shards {
			t.Errorf("k = %g: twice as fast lasts %g, shards %g", k, faster, shards)
		}
	}
}

func TestTheBandwidthOfARebuildGivesItsRate(t *testing.T) {
	base := model.Params{"placement": "shards", "n": 3., "k": 2., "lambda_per_h": 1e-5}
	a := ask(t, "mttdl", base, model.Params{"node_gb": 3600., "rebuild_mbs": 100.}) // 10 h
	near(t, "10 hours", a.Value, ask(t, "mttdl", base, model.Params{"mu_per_h": 0.1}).Value, 1e-12)
}

// Errors that scrubbing does not find in time cost what the critical rebuilds cost.
func TestLatentErrorsShortenTheTimeToLoss(t *testing.T) {
	base := model.Params{"placement": "rs", "D": 10., "P": 2., "N": 12., "n": 1., "lambda_per_h": 1e-5,
		"mu_per_h": 0.1}
	without := ask(t, "mttdl", base).Value
	last := without
	for _, scrub := range []float64{1, 24, 336, 8760} {
		with := ask(t, "mttdl", base, model.Params{"lse_per_h": 1e-4, "scrub_h": scrub}).Value
		if with >= last {
			t.Errorf("a scrub every %g h: %g, more often %g", scrub, with, last)
		}
		last = with
	}
	if last > without/20 {
		t.Errorf("a scrub a year: %g, without errors %g", last, without)
	}
}

// The columns of the table know where each is right.
func TestTheTableHasAWinnerForBothSides(t *testing.T) {
	cmp := model.Comparison{N: 100, K: 3, P: 1e-4, T: 1e4, Lambda: 1e-5, Mu: 1. / 24, Outage: 0.01,
		Clusters: 10}
	columns, rows, err := cmp.Compare(context.Background(), model.Options{Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	best := func(question string) (names []string) {
		for _, r := range rows {
			if strings.HasPrefix(r.Question, question) {
				for i, b := range r.Best {
					if b {
						names = append(names, columns[i].Name)
					}
				}
			}
		}
		return names
	}
	for question, want := range map[string]string{
		"some volume is down":  "shards",
		"volumes down at once": "shards",
		"a given volume":       "shards",
		"downtime":             "shards",
		"storage":              "shards copysets clusters BigCluster",
		"a power outage":       "shards",
		"time to data loss, rebuild at pair speed": "shards",
		"time to data loss, all":                   "copysets",
		"the same, critical":                       "BigCluster",
	} {
		if got := strings.Join(best(question), " "); got != want {
			t.Errorf("%s: %s, expected %s", question, got, want)
		}
	}
}

func TestEstimatesDoNotDependOnTheNumberOfCores(t *testing.T) {
	for measure, params := range map[string]model.Params{
		"incident": {"placement": "copysets", "N": 300., "k": 3., "S": 4., "p": 1e-3},
		"size":     {"placement": "groups", "N": 90., "k": 3., "groups": 60., "objects": 5., "p": 0.05},
		"mttdl":    {"placement": "window", "N": 60., "k": 3., "w": 6., "lambda_per_h": 1e-4, "mu_per_h": 0.1},
		"ploss": {"placement": "shards", "n": 10., "k": 2., "shape": 1.5, "scale_h": 1e5, "mu_per_h": 0.1,
			"t_h": 8760.},
		"outage": {"placement": "copysets", "N": 300., "k": 3., "S": 4., "F": 9.},
	} {
		var first model.Answer
		for i, threads := range []int{1, 2, 7} {
			a, err := model.Ask(context.Background(), measure, params, model.Options{Seed: 3, Threads: threads})
			if err != nil {
				t.Fatalf("%s: %v", measure, err)
			}
			switch {
			case a.Sampling == nil:
				t.Errorf("%s: no estimate but %s", measure, a.Method)
			case i == 0:
				first = a
			case a.Value != first.Value || *a.Sampling != *first.Sampling:
				t.Errorf("%s: %d threads give %v %v, one %v %v", measure, threads, a.Value, *a.Sampling,
					first.Value, *first.Sampling)
			}
		}
	}
}

func TestImpossibleParametersAreNamedWithTheirRange(t *testing.T) {
	for _, c := range []struct {
		measure string
		params  model.Params
		want    string
	}{
		{"incident", model.Params{}, "parameter placement is missing: must be one of shards, "},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2.}, "parameter p is missing: a probability within 0 and 1"},
		{"incident", model.Params{"placement": "shards", "N": 2., "k": 3., "p": 0.}, "parameter N = 2: must be an integer within 3 and"},
		{"incident", model.Params{"placement": "shards", "N": 4., "n": 3., "k": 2., "p": 0.}, "parameter n = 3: the 3 volumes must be divisible by the 2 cells"},
		{"incident", model.Params{"placement": "clusters", "n": 4., "k": 2., "clusters": 3., "p": 0.}, "parameter clusters = 3: 8 nodes must be divisible by the clusters (3)"},
		{"incident", model.Params{"placement": "clusters", "n": 4., "k": 2., "clusters": 8., "p": 0.}, "parameter clusters = 8: must leave each cluster 2 nodes or more"},
		{"incident", model.Params{"placement": "copysets", "N": 10., "k": 3., "S": 4., "p": 0.}, "parameter N = 10: 10 nodes must be divisible by the replicas (3)"},
		{"incident", model.Params{"placement": "copysets", "N": 9., "k": 3., "S": 3., "p": 0.}, "parameter S = 3: must be a multiple of k-1 = 2"},
		{"incident", model.Params{"placement": "window", "N": 9., "k": 3., "w": 5., "p": 0.}, "parameter w = 5: must be an integer within 2 and 4"},
		{"incident", model.Params{"placement": "lrc", "D": 5., "L": 2., "P": 1., "N": 8., "p": 0.}, "parameter L = 2: must divide the data shards evenly (D = 5)"},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2., "p": 0.1, "p_cv": 10.}, "parameter p_cv = 10: is more than any distribution"},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2., "p_table": "0.1, x"}, "parameter p_table = 0.1, x: must be at most 8 probabilities"},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2., "p": 0.1, "racks": 3., "p_rack": 0.1}, "parameter racks = 3: 8 nodes cannot be divided evenly over 3 domains (rack)"},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2., "p": 0.1, "across": "room"}, "parameter across = room: says room, so rooms must be given"},
		{"incident", model.Params{"placement": "shards", "n": 4., "k": 2., "p": 0.1, "objects": 3.}, "parameter objects = 3: incident does not take it"},
		{"mttdl", model.Params{"placement": "bigcluster", "n": 4., "k": 2., "lambda_per_h": 0., "mu_per_h": 1.}, "parameter lambda_per_h = 0: must be above 0"},
		{"mttdl", model.Params{"placement": "bigcluster", "n": 4., "k": 2., "lambda_per_h": 1., "mu_per_h": 1., "lse_per_h": 1., "scrub_h": 1.}, "parameter lse_per_h = 1: latent errors are known for shards"},
		{"frequency", model.Params{"placement": "shards", "n": 4., "k": 2., "p": 0.1}, "parameter lambda_per_h is missing"},
		{"crossover.rebuild", model.Params{"N": 301., "k": 3., "lambda_per_h": 1., "mu_per_h": 1.}, "parameter N = 301: must be divisible by k = 3"},
		{"outage.shards", model.Params{"M": 3., "R": 2., "F": 7.}, "parameter F = 7: must be an integer within 0 and 6"},
	} {
		_, err := model.Ask(context.Background(), c.measure, c.params, model.Options{})
		if !errors.Is(err, model.ErrBadInput) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s %v:\n got %v\nwant %s…", c.measure, c.params, err, c.want)
		}
	}
}

// A shard within one rack goes down with the rack, and, hardly ever, without it; one over several
// racks when two of them do.
func TestIncidentsThatRacksBegin(t *testing.T) {
	one := model.Params{"placement": "shards", "n": 1., "k": 2., "lambda_per_h": 1e-6, "mu_per_h": 0.1,
		"racks": 1., "p_rack": 1e-3, "hours_rack": 10.}
	// The rack begins 1e-3/0.999/10 times an hour, when the pair is up; the pair itself adds
	// 2λ·λ/(λ+μ) ≈ 2e-11.
	a := ask(t, "frequency", one)
	near(t, "in one rack", a.Value, 1e-4, 0.1)
	two := union(one, model.Params{"racks": 2., "across": "rack"})
	near(t, "in two racks", ask(t, "frequency", two).Value, 2*1e-4*1e-3, 0.15)
}

// What must be known of an answer is said once, by whichever method gives it.
func TestANoteIsSaidOnce(t *testing.T) {
	c, err := model.CrossCheck(context.Background(), "mttdl", model.Params{"placement": "shards", "n": 3.,
		"k": 2., "lambda_per_h": 1e-3, "mu_per_h": 0.05, "rebuild": "declustered", "outages_per_y": 1.,
		"q": 0.01}, model.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const want = "a group is rebuilt by its own members, at pair speed; " +
		"an outage is taken to find all nodes up"
	if c.First.Note != want || c.Second.Note != want || !c.Agree {
		t.Errorf("%q\n%q, agree: %v", c.First.Note, c.Second.Note, c.Agree)
	}
}
