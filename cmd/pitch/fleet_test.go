package main

import (
	"context"
	"errors"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/model"
)

var hourlyRates = model.Params{"lambda_per_h": 0.01, "mu_per_h": 0.2}

func joined(sets ...model.Params) model.Params {
	all := model.Params{}
	for _, s := range sets {
		maps.Copy(all, s)
	}
	return all
}

func askFleet(t *testing.T, e fleetEngine, measure string, p model.Params) model.Answer {
	t.Helper()
	if err := e.Check(measure, p); err != nil {
		t.Fatal(err)
	}
	a, err := e.Ask(t.Context(), measure, p, model.Options{Seed: 5, Level: 0.999})
	if err != nil {
		t.Fatal(err)
	}
	if a.Method != fleetMethod || a.Interval == nil || a.Interval.Level != 0.999 ||
		a.Sampling == nil || a.Sampling.Hits < 20 || a.Sampling.Samples < 1000 ||
		a.Sampling.Seed != 5 || !strings.HasPrefix(a.Note, "in ") {
		t.Errorf("%+v", a)
	}
	return a
}

// agree fails unless the interval of what was measured holds what was computed, give or take the
// interval of the latter and a share of it.
func agree(t *testing.T, what string, measured, computed model.Answer, slack float64) {
	t.Helper()
	low, high := computed.Value*(1-slack-1e-9), computed.Value*(1+slack+1e-9)
	if computed.Interval != nil {
		low, high = min(low, computed.Interval.Low), max(high, computed.Interval.High)
	}
	if i := measured.Interval; i.High < low || i.Low > high {
		t.Errorf("%s: measured %.5g within %.5g and %.5g, computed %.5g by %s", what, measured.Value,
			i.Low, i.High, computed.Value, computed.Method)
	}
}

// The simulator proves the formulas: what fails and comes back for years in virtual time, one event
// after the other, is down as long, as often and with as many as arithmetic says.
func TestTheSimulatorProvesTheFormulas(t *testing.T) {
	// Objects are drawn once and for all, while arithmetic is about the mean over all draws: with
	// many LVs that makes little difference, and none for storage.
	const drawn = 0.04
	type Params = model.Params
	for _, c := range []struct {
		name   string
		params Params
		slack  float64
	}{
		{"pairs", Params{"placement": "shards", "n": 20., "k": 2.}, 0},
		{"triples", Params{"placement": "shards", "n": 30., "k": 3.}, 0},
		{"shards with guests", Params{"placement": "shards", "N": 12., "k": 2., "per_shard": 4.}, 0},
		{"bigcluster", Params{"placement": "bigcluster", "n": 8., "k": 3.}, 0},
		{"clusters", Params{"placement": "clusters", "N": 24., "n": 12., "k": 2., "clusters": 4.}, 0},
		{"copysets", Params{"placement": "copysets", "N": 12., "n": 6., "k": 3., "S": 4.}, 0},
		{"window", Params{"placement": "window", "N": 15., "n": 5., "k": 3., "w": 4.}, 0},
		{"groups", Params{"placement": "groups", "N": 12., "n": 6., "k": 3., "groups": 20.}, 0},
		{"striped", Params{"placement": "striped", "N": 24., "n": 8., "k": 2., "stripe": 3.}, 0},
		{"tiered", Params{"placement": "tiered", "N": 12., "n": 6., "k": 3., "backup": 4., "S": 3.}, 0},
		{"rs", Params{"placement": "rs", "N": 24., "n": 8., "D": 4., "P": 2.}, 0},
		{"rs-bigcluster", Params{"placement": "rs-bigcluster", "N": 12., "n": 4., "D": 4., "P": 2.}, 0},
		{"bigcluster, objects", Params{"placement": "bigcluster", "N": 12., "n": 400., "k": 2.,
			"objects": 3.}, drawn},
		{"clusters, objects", Params{"placement": "clusters", "N": 12., "n": 400., "k": 2.,
			"clusters": 2., "objects": 2.}, drawn},
		{"copysets, objects", Params{"placement": "copysets", "N": 12., "n": 400., "k": 2., "S": 4.,
			"objects": 2.}, drawn},
		{"window, objects", Params{"placement": "window", "N": 12., "n": 400., "k": 2., "w": 4.,
			"objects": 2.}, drawn},
	} {
		for _, measure := range []string{"incident", "unavailability", "downtime", "frequency", "size",
			"storage"} {
			t.Run(c.name+" "+measure, func(t *testing.T) {
				params := joined(c.params, hourlyRates)
				if measure == "downtime" {
					params["T"], params["s"] = 1000., 1.
				}
				if measure == "storage" && strings.HasSuffix(c.params["placement"].(string), "cluster") ||
					measure == "storage" && c.name == "clusters" {
					if c.params["objects"] == nil {
						return // only objects tell which share is lost
					}
				}
				computed, err := model.Ask(t.Context(), measure, params, model.Options{Seed: 1, RelErr: 0.01})
				if err != nil {
					t.Fatal(err)
				}
				e := fleetEngine{years: 20}
				agree(t, "exponential", askFleet(t, e, measure, params), computed, c.slack)
				// A random moment knows of repair times only how long they last in the mean.
				e.repair = "constant"
				agree(t, "constant", askFleet(t, e, measure, params), computed, c.slack)
			})
		}
	}
}

// Servers fail with their racks and sites.
func TestTheSimulatorProvesTheFormulasOfDomains(t *testing.T) {
	racks := model.Params{"racks": 4., "p_rack": 0.02, "hours_rack": 6., "sites": 2., "p_site": 0.01,
		"hours_site": 12.}
	for name, params := range map[string]model.Params{
		"shards":              {"placement": "shards", "n": 6., "k": 2.},
		"shards across racks": {"placement": "shards", "n": 6., "k": 2., "across": "rack"},
		"bigcluster":          {"placement": "bigcluster", "n": 6., "k": 2.},
		"apart, with objects": {"placement": "bigcluster", "N": 12., "n": 400., "k": 2.,
			"across": "rack", "objects": 2.},
		"clusters across site": {"placement": "clusters", "N": 12., "n": 6., "k": 2.,
			"clusters": 3., "across": "site"},
	} {
		for _, measure := range []string{"incident", "unavailability", "frequency", "size"} {
			t.Run(name+" "+measure, func(t *testing.T) {
				params := joined(params, racks, hourlyRates)
				slack := 0.0
				if params["objects"] != nil {
					slack = 0.04
				}
				computed, err := model.Ask(t.Context(), measure, withoutHours(measure, params),
					model.Options{Seed: 1, RelErr: 0.01})
				if err != nil {
					t.Fatal(err)
				}
				agree(t, "measured", askFleet(t, fleetEngine{years: 40}, measure, params), computed, slack)
			})
		}
	}
}

// withoutHours leaves out what only the frequency takes.
func withoutHours(measure string, p model.Params) model.Params {
	p = maps.Clone(p)
	if measure != "frequency" {
		delete(p, "hours_rack")
		delete(p, "hours_site")
	}
	return p
}

func TestAFleetAnswersTheSameTwice(t *testing.T) {
	p := joined(hourlyRates, model.Params{"placement": "bigcluster", "N": 12., "n": 40., "k": 2.,
		"objects": 3.})
	first := askFleet(t, fleetEngine{}, "size", p)
	if second := askFleet(t, fleetEngine{}, "size", p); !reflect.DeepEqual(first, second) {
		t.Errorf("%+v\n%+v", first, second)
	}
	if s := first.Sizes; s == nil || s.Mean <= 1 || math.Abs(s.Mean-first.Value) > 1e-9*s.Mean {
		t.Errorf("%+v", s)
	}
}

func TestAFleetThatSawTooLittleSaysSo(t *testing.T) {
	p := model.Params{"placement": "shards", "n": 10., "k": 3., "lambda_per_h": 1e-4, "mu_per_h": 1.}
	a, err := fleetEngine{years: 1}.Ask(t.Context(), "incident", p, model.Options{})
	if err != nil || a.Value != 0 || a.Interval.Low != 0 || !(a.Interval.High > 1e-4) ||
		a.Sampling.Converged {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = fleetEngine{years: 1}.Ask(t.Context(), "size", p, model.Options{})
	if !errors.Is(err, model.ErrBadInput) ||
		!strings.Contains(err.Error(), "no incident was seen in 1 years") {
		t.Error(err)
	}
	p["k"] = 1.
	a, err = fleetEngine{years: 1000}.Ask(t.Context(), "incident", p, model.Options{Samples: 5000})
	if err != nil || a.Sampling.Samples < 4000 || a.Sampling.Samples > 6000 ||
		!strings.Contains(a.Note, "only 285.2 years were simulated") {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAFleetRefusesWhatItCannotAnswer(t *testing.T) {
	shards := model.Params{"placement": "shards", "n": 10., "k": 3.}
	for _, c := range []struct {
		engine fleetEngine
		params model.Params
		want   string
	}{
		{fleetEngine{}, joined(shards, model.Params{"p": 1e-4}), "needs rates"},
		{fleetEngine{repair: "weekly"}, joined(shards, hourlyRates), `"weekly" is no form`},
		{fleetEngine{repair: "weibull"}, joined(shards, hourlyRates), "only lifetimes may have"},
		{fleetEngine{lifetime: "constant"}, joined(shards, hourlyRates), "keep step for ever"},
		{fleetEngine{years: -1}, joined(shards, hourlyRates), "Hours = -8766"},
		{fleetEngine{}, joined(shards, hourlyRates, model.Params{"mu_per_h": 1e9}),
			"Repair.Mean = 1e-09"},
	} {
		err := c.engine.Check("incident", c.params)
		if !errors.Is(err, model.ErrBadInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, expected %s", err, c.want)
		}
		if _, again := c.engine.Ask(t.Context(), "incident", c.params, model.Options{}); again == nil ||
			again.Error() != err.Error() {
			t.Errorf("Check says %v, Ask %v", err, again)
		}
	}
}

func TestAFleetStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := fleetEngine{years: 1000, progress: func(done, of float64) {
		if done > of/100 {
			cancel()
		}
	}}
	_, err := e.Ask(ctx, "incident", joined(hourlyRates, model.Params{"placement": "shards", "n": 100.,
		"k": 2.}), model.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The figure that the simulator was asked for: 10,000 servers, ten years, each down with p = 1e-4.
func TestTenThousandServersForTenYears(t *testing.T) {
	for name, p := range map[string]model.Params{
		"shards":     {"placement": "shards"},
		"BigCluster": {"placement": "bigcluster"},
		"windows":    {"placement": "window", "w": 4.0},
	} {
		p["N"], p["k"], p["T"], p["lambda_per_h"], p["mu_per_h"] = 10_000., 2., 10*hoursPerYear, 1e-4/(1-1e-4), 1.
		exact, err := model.Ask(t.Context(), "downtime", p, model.Options{})
		if err != nil || exact.Interval != nil {
			t.Fatalf("%s: %v, %v", name, exact.Method, err)
		}
		got, err := fleetEngine{years: 10}.Ask(t.Context(), "downtime", p, model.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got.Interval.Low > exact.Value || exact.Value > got.Interval.High {
			t.Errorf("%s: %g is not within %g and %g", name, exact.Value, got.Interval.Low, got.Interval.High)
		}
	}
}
