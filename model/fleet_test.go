package model_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/container-football/pitch/model"
)

var hourly = model.Params{"lambda_per_h": 0.01, "mu_per_h": 0.25}

func fleet(t *testing.T, measure string, params ...model.Params) *model.Fleet {
	t.Helper()
	f, err := model.NewFleet(measure, union(append(params, hourly)...), 1)
	if err != nil {
		t.Fatalf("%s %v: %v", measure, union(params...), err)
	}
	return f
}

func TestAFleetHasTheRatesAndTheLayoutOfItsQuestion(t *testing.T) {
	f := fleet(t, "incident", model.Params{"placement": "shards", "N": 12., "k": 3., "per_shard": 5.})
	if f.Up != 100 || f.Down != 4 || f.Factor != 1 || f.Domains != nil || f.Placement.LVs != 20 {
		t.Errorf("%+v", f)
	}
	l := f.Layout
	if l.Nodes != 12 || len(l.Groups) != 4 || l.Groups[3].Members[0] != 9 ||
		l.Groups[3].Tolerate != 2 || len(l.Volumes) != 4 ||
		l.Volumes[3].Count != 5 || l.Volumes[3].Groups[0] != 3 {
		t.Errorf("%+v", l)
	}
}

func TestDowntimeIsAMultipleOfWhatIsMeasured(t *testing.T) {
	shards := model.Params{"placement": "shards", "n": 4., "k": 3.}
	services := model.Params{"T": 100.}
	mounts := model.Params{"T": 100., "s": 1.}
	near(t, "services", fleet(t, "downtime", shards, services).Factor, 400, 1e-15)
	near(t, "mounts", fleet(t, "downtime", shards, mounts).Factor, 1600, 1e-15)
	near(t, "others", fleet(t, "unavailability", shards).Factor, 1, 0)
}

// The share of the time that a domain is down is what the question says, whatever the hours; these
// matter to the frequency alone, which asks for them.
func TestDomainsOfAFleet(t *testing.T) {
	racks := model.Params{"placement": "shards", "n": 12., "k": 2., "racks": 6., "p_rack": 0.02,
		"sites": 2., "p_site": 0.01, "rooms": 2., "p_room": 0., "across": "rack"}
	f := fleet(t, "incident", racks, model.Params{"hours_site": 48.})
	if len(f.Domains) != 2 || f.Domains[0].Name != "rack" || f.Domains[1].Name != "site" {
		t.Fatalf("%+v", f.Domains)
	}
	for i, want := range []struct{ down, share float64 }{{4, 0.02}, {48, 0.01}} {
		d := f.Domains[i]
		near(t, d.Name+": hours", d.Down, want.down, 1e-12)
		near(t, d.Name+": share", d.Down/(d.Up+d.Down), want.share, 1e-12)
		size := make([]int, d.Count)
		for _, of := range d.Of {
			size[of]++
		}
		for _, n := range size {
			if n != 24/d.Count {
				t.Errorf("%s: sizes %v", d.Name, size)
			}
		}
	}
	if f.Domains[0].Of[0] == f.Domains[0].Of[1] {
		t.Error("replicas of a shard are in the same rack")
	}
	_, err := model.NewFleet("frequency", union(racks, hourly), 1)
	if !errors.Is(err, model.ErrBadInput) || !strings.Contains(err.Error(), "hours_rack is missing") {
		t.Error(err)
	}
}

func TestWhatAFleetInTimeCannotTell(t *testing.T) {
	shards := model.Params{"placement": "shards", "n": 4., "k": 3.}
	big := model.Params{"placement": "bigcluster", "n": 4., "k": 3.}
	for _, c := range []struct {
		measure string
		params  model.Params
		want    string
	}{
		{"mttdl", union(shards, hourly), "does not tell mttdl; it tells incident"},
		{"incident", union(shards, model.Params{"p": 1e-4}),
			"p = 0.0001: a simulation in time needs rates"},
		{"incident", shards, "lambda_per_h is missing: a simulation in time needs rates"},
		{"incident", union(shards, model.Params{"lambda_per_h": 1e-4}), "mu_per_h is missing"},
		{"incident", union(shards, hourly, model.Params{"p_cv": 1.}), "p_cv = 1"},
		{"incident", union(shards, hourly, model.Params{"p_table": "0.1"}), "p_table = 0.1"},
		{"incident", union(shards, hourly, model.Params{"p_backup": 0.1}), "p_backup = 0.1"},
		{"incident", union(shards, hourly, model.Params{"p_network": 0.1}), "knows no network"},
		{"incident", union(shards, hourly, model.Params{"frontends": 2.}), "knows no network"},
		{"incident", union(shards, hourly, model.Params{"placement": "remote-shards"}),
			"knows no network"},
		{"incident", union(shards, hourly, model.Params{"T": 5.}),
			"T = 5: incident of a fleet in time does not take it"},
		{"downtime", union(shards, hourly), "T is missing"},
		{"incident", union(shards, hourly, model.Params{"mu_per_h": 0.}),
			"mu_per_h = 0: must be above 0"},
		{"incident", union(shards, hourly, model.Params{"placement": "pairs"}), "placement = pairs"},
		{"incident", union(shards, hourly, model.Params{"racks": 4., "p_rack": 1.}),
			"p_rack = 1: must be below"},
		{"storage", union(big, hourly), "objects is missing: the share of a cluster's storage"},
		{"incident", union(hourly, model.Params{"placement": "lrc", "N": 10., "n": 1., "D": 6., "L": 2.,
			"P": 2.}), "survives some patterns"},
		{"incident", union(big, hourly, model.Params{"across": "rack", "racks": 6., "p_rack": 0.01}),
			"give a number of objects"},
		{"incident", union(hourly, model.Params{"placement": "window", "N": 1e6, "k": 5., "w": 50.}),
			"at most 20000000 each are allowed"},
	} {
		f, err := model.NewFleet(c.measure, c.params, 1)
		if !errors.Is(err, model.ErrBadInput) || !strings.Contains(err.Error(), c.want) || f != nil {
			t.Errorf("%s of %v: %v, expected %s", c.measure, c.params, err, c.want)
		}
	}
}

func TestSizesFromTimes(t *testing.T) {
	s := model.NewSizes([]float64{1, 4}, []float64{30, 10})
	if s.Mean != 1.75 || s.P50 != 1 || s.P90 != 4 || s.Max != 4 || math.Abs(s.Share[0]-0.75) > 1e-15 {
		t.Errorf("%+v", s)
	}
}
