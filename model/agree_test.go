package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
)

// Every placement in a size that an enumeration can go through.
var small = map[string]Params{
	"shards":              {"placement": "shards", "n": 4., "k": 3.},
	"shards with guests":  {"placement": "shards", "N": 12., "k": 3., "per_shard": 5.},
	"bigcluster":          {"placement": "bigcluster", "n": 4., "k": 3.},
	"bigcluster, objects": {"placement": "bigcluster", "n": 4., "k": 3., "objects": 7.},
	"copysets":            {"placement": "copysets", "N": 12., "n": 6., "k": 3., "S": 4.},
	"copysets, objects":   {"placement": "copysets", "N": 12., "n": 6., "k": 3., "S": 4., "objects": 2.},
	"window":              {"placement": "window", "N": 12., "n": 5., "k": 3., "w": 4.},
	"window, objects":     {"placement": "window", "N": 12., "n": 5., "k": 3., "w": 4., "objects": 3.},
	"groups":              {"placement": "groups", "N": 12., "n": 6., "k": 3., "groups": 20.},
	"clusters":            {"placement": "clusters", "N": 12., "n": 6., "k": 2., "clusters": 3.},
	"clusters, objects":   {"placement": "clusters", "N": 12., "n": 6., "k": 2., "clusters": 3., "objects": 2.},
	"striped":             {"placement": "striped", "N": 12., "n": 6., "k": 2., "stripe": 3.},
	"tiered":              {"placement": "tiered", "N": 12., "n": 6., "k": 3., "backup": 4., "S": 3.},
	"rs":                  {"placement": "rs", "N": 12., "n": 2., "D": 4., "P": 2.},
	"rs-bigcluster":       {"placement": "rs-bigcluster", "N": 12., "n": 4., "D": 4., "P": 2.},
	"lrc":                 {"placement": "lrc", "N": 10., "n": 1., "D": 6., "L": 2., "P": 2.},
	"remote-shards": {"placement": "remote-shards", "n": 4., "k": 3., "p_network": 0.01,
		"p_frontend": 0.02},
	"flexible-shards": {"placement": "flexible-shards", "n": 4., "k": 3., "p_network": 0.01,
		"p_frontend": 0.02, "remote": 0.5},
}

var conditions = map[string]Params{
	"alike":     {"p": 0.1},
	"rates":     {"lambda_per_h": 0.01, "mu_per_h": 0.2},
	"a table":   {"p_table": "0.05, 0.1, 0.3, 0.02"},
	"racks":     {"p": 0.05, "racks": 4., "p_rack": 0.02, "across": "rack"},
	"six racks": {"p": 0.05, "racks": 6., "p_rack": 0.02, "across": "rack"},
	"same rack": {"p": 0.05, "racks": 4., "p_rack": 0.02},
	"two sites": {"p": 0.05, "racks": 4., "p_rack": 0.02, "sites": 2., "p_site": 0.01, "across": "rack"},
}

func merge(sets ...Params) Params {
	out := Params{}
	for _, s := range sets {
		for k, v := range s {
			out[k] = v
		}
	}
	return out
}

// Whatever can be computed in two ways is: all methods that apply must give the same.
func TestAllMethodsThatApplyAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of sampling")
	}
	var count pairs
	for _, measure := range []string{"incident", "unavailability", "storage", "size", "frequency"} {
		for place, p := range small {
			for condition, c := range conditions {
				params := merge(p, c)
				if measure == "frequency" && condition != "rates" {
					continue // of racks: below
				}
				if measure == "frequency" {
					delete(params, "p_network")
					delete(params, "p_frontend")
					delete(params, "remote")
				}
				if params["placement"] == "lrc" && params["racks"] != nil {
					continue // ten nodes in four or six racks
				}
				if measure == "frequency" && (place == "remote-shards" || place == "flexible-shards") {
					continue
				}
				name := fmt.Sprintf("%s of %s, %s", measure, place, condition)
				all := everyMethod(t, name, measure, params)
				if len(all) < 2 {
					t.Logf("%s: only %d methods", name, len(all))
				}
				count.compare(t, name, all, 1e-11)
			}
		}
	}
	count.atLeast(t, 700, 150)
}

func everyMethod(t *testing.T, name, measure string, params Params) []Answer {
	t.Helper()
	solvers, err := prepare(measure, params)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil
	}
	var all []Answer
	for _, s := range solvers {
		a, err := s.solve(context.Background(), Options{Seed: 1, RelErr: 0.02, Samples: 400_000})
		if errors.Is(err, errNotApplicable) {
			continue
		}
		if err != nil {
			t.Errorf("%s by %s: %v", name, s.method, err)
			continue
		}
		if a.Sizes != nil && a.Sampling != nil { // a mean of a histogram comes without an interval
			a.Interval = &Interval{Low: a.Value * 0.97, High: a.Value * 1.03}
		}
		if !(a.Value >= 0) || math.IsInf(a.Value, 1) {
			t.Errorf("%s by %s: %g", name, s.method, a.Value)
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		t.Errorf("%s: no method applies", name)
	}
	return all
}

// The same for what happens in time: chains of counts, chains of all states, and simulation.
func TestAllMethodsForLossInTimeAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of sampling")
	}
	places := map[string]Params{
		"shards":        {"placement": "shards", "n": 3., "k": 3.},
		"one pair":      {"placement": "shards", "n": 1., "k": 2.},
		"bigcluster":    {"placement": "bigcluster", "n": 3., "k": 3.},
		"copysets":      {"placement": "copysets", "N": 9., "k": 3., "S": 4.},
		"window":        {"placement": "window", "N": 8., "n": 2., "k": 3., "w": 3.},
		"groups":        {"placement": "groups", "N": 8., "n": 2., "k": 2., "groups": 5.},
		"clusters":      {"placement": "clusters", "N": 12., "n": 6., "k": 2., "clusters": 3.},
		"striped":       {"placement": "striped", "N": 8., "n": 2., "k": 2., "stripe": 2.},
		"tiered":        {"placement": "tiered", "N": 9., "n": 3., "k": 3., "backup": 3., "S": 2.},
		"rs":            {"placement": "rs", "N": 6., "n": 1., "D": 4., "P": 2.},
		"rs-bigcluster": {"placement": "rs-bigcluster", "N": 8., "n": 2., "D": 4., "P": 2.},
		"lrc":           {"placement": "lrc", "N": 6., "n": 1., "D": 2., "L": 2., "P": 2.},
	}
	motions := map[string]Params{
		"at pair speed":  {"lambda_per_h": 1e-3, "mu_per_h": 0.05},
		"one by one":     {"lambda_per_h": 1e-3, "mu_per_h": 0.05, "rebuild": "serial"},
		"by all":         {"lambda_per_h": 1e-3, "mu_per_h": 0.02, "rebuild": "declustered"},
		"critical first": {"lambda_per_h": 1e-3, "mu_per_h": 0.02, "rebuild": "critical-first"},
		"critical first, at 3 times pair speed": {"lambda_per_h": 1e-3, "mu_per_h": 0.02,
			"rebuild": "critical-first", "speed_up": 3.},
		"never": {"lambda_per_h": 1e-3, "mu_per_h": 0.},
		"with outages": {"lambda_per_h": 1e-3, "mu_per_h": 0.05, "outages_per_y": 2.,
			"q": 0.02},
	}
	var count pairs
	for _, measure := range []string{"mttdl", "ploss"} {
		for place, p := range places {
			for motion, m := range motions {
				params := merge(p, m)
				if measure == "ploss" {
					params["t_h"] = 100.
				}
				name := fmt.Sprintf("%s of %s, repaired %s", measure, place, motion)
				all := everyMethod(t, name, measure, params)
				count.compare(t, name, all, 1e-9)
			}
		}
	}
	count.atLeast(t, 200, 50)
}

// pairs counts comparisons, so that a test in which nothing is left to compare fails.
type pairs struct{ all, exact int }

func (p *pairs) compare(t *testing.T, name string, answers []Answer, rel float64) {
	t.Helper()
	for i, a := range answers {
		for _, b := range answers[:i] {
			p.all++
			if a.Interval == nil && b.Interval == nil {
				p.exact++
			}
			if !a.Agrees(b, rel) {
				t.Errorf("%s: %s gives %.15g %v, %s gives %.15g %v", name, b.Method, b.Value, b.Interval,
					a.Method, a.Value, a.Interval)
			}
		}
	}
}

func (p *pairs) atLeast(t *testing.T, all, exact int) {
	t.Helper()
	t.Logf("%d pairs of methods, %d of them exact", p.all, p.exact)
	if p.all < all || p.exact < exact {
		t.Errorf("only %d pairs of methods, %d of them exact", p.all, p.exact)
	}
}
