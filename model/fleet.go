package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/container-football/pitch/model/place"
)

// A Fleet is a question about a random moment in the form in which a simulation in time takes it:
// instead of summing over what may hold at a moment, it lets servers fail and come back for years,
// and measures.
type Fleet struct {
	Measure   string
	Placement *place.Placement
	Layout    *place.Layout

	Up, Down float64       // mean hours that a server is up, and down: 1/λ and 1/μ
	Domains  []FleetDomain // level by level; those that never fail are left out

	// Factor makes the measure's value from what is measured: the share of the time that an LV is
	// down for downtime, and the measure itself for all others.
	Factor float64
}

// A FleetDomain is one level of failure domains, each of which is up and down in turn.
type FleetDomain struct {
	Name     string  // rack, room or site
	Count    int     // of domains
	Of       []int32 // by server: its domain, within 0 and Count-1
	Up, Down float64 // mean hours
}

// mostListed bounds the lists of a Fleet: a few hundred MB.
const mostListed = 20_000_000

// fleetMeasures are the questions that a fleet can answer.
var fleetMeasures = []string{"incident", "unavailability", "downtime", "frequency", "size",
	"storage"}

// NewFleet reads the parameters of a question about a random moment. It takes those of the measure
// where they mean something in time: the rates lambda_per_h and mu_per_h are required, and each
// level of failure domains has its hours_rack and the like, by default as many hours as a server
// is down for. Where volumes have a finite number of objects, seed draws where these lie. The error
// wraps [ErrBadInput].
func NewFleet(measure string, given Params, seed uint64) (*Fleet, error) {
	if !slices.Contains(fleetMeasures, measure) {
		return nil, fmt.Errorf("%w: a fleet in time does not tell %s; it tells %s", ErrBadInput, measure,
			strings.Join(fleetMeasures, ", "))
	}
	a := &args{given: given}
	a.refuseTimeless()
	if a.err != nil {
		return nil, a.err
	}
	if measure != "frequency" { // which depends on them, and asks for them
		a.given = withHours(given)
	}
	s := readStatic(a, parts{rates: true})
	f := &Fleet{Measure: measure, Factor: 1, Placement: s.place}
	if measure == "downtime" && a.err == nil {
		f.Factor = a.downtimeFactor(s.place.LVs)
	}
	if err := a.done(measure + " of a fleet in time"); err != nil {
		return nil, err
	}
	f.Up, f.Down = 1/s.static.lambda, 1/a.rate("mu_per_h")
	if err := f.readDomains(&s.static); err != nil {
		return nil, err
	}
	if err := f.lay(seed); err != nil {
		return nil, err
	}
	return f, nil
}

// refuseTimeless names what a simulation in time cannot use.
func (a *args) refuseTimeless() {
	switch kind, _ := a.given["placement"].(string); kind {
	case "remote-shards", "flexible-shards":
		a.fail("placement", "a fleet in time knows no network and no frontends; shards are the "+
			"same without")
	}
	for _, name := range []string{"p", "p_cv", "p_table", "p_backup"} {
		if a.given[name] != nil {
			a.fail(name, "a simulation in time needs rates in place of probabilities: lambda_per_h and "+
				"mu_per_h, the same for all servers")
		}
	}
	for _, name := range accessParams {
		if a.given[name] != nil {
			a.fail(name, "a fleet in time knows no network and no frontends")
		}
	}
	for _, name := range []string{"lambda_per_h", "mu_per_h"} {
		if a.given[name] == nil {
			a.fail(name, "a simulation in time needs rates (%s)", Explain(name))
		}
	}
}

// withHours gives each level of domains a time to be down for. How long that is does not matter to
// what holds at a random moment, so that the other measures do not ask for it.
func withHours(given Params) Params {
	out := maps.Clone(given)
	mu, ok := toFloat(given["mu_per_h"])
	for _, level := range []struct{ many, hours string }{{"racks", "hours_rack"},
		{"rooms", "hours_room"}, {"sites", "hours_site"}} {
		if given[level.many] != nil && given[level.hours] == nil && ok && mu > 0 {
			out[level.hours] = 1 / mu
		}
	}
	return out
}

// downtimeFactor reads T and s.
func (a *args) downtimeFactor(lvs int) float64 {
	return a.number("T", 0, 1e12) * math.Pow(float64(lvs), 1+a.numberOr("s", 0, 0, 8))
}

func (f *Fleet) readDomains(static *failures) error {
	for l, level := range static.topo.Levels {
		down := static.levels[l]
		switch {
		case down == 0:
			continue
		case down == 1:
			return &ParamError{Name: "p_" + level.Name, Value: down,
				Want: "must be below 1: a domain that is never up neither fails nor comes back"}
		}
		d := FleetDomain{Name: level.Name, Count: level.Count, Up: 1 / static.begins[l],
			Of: make([]int32, static.topo.Nodes)}
		d.Down = d.Up * down / (1 - down)
		for node := range d.Of {
			d.Of[node] = int32(static.topo.Of(l, node))
		}
		f.Domains = append(f.Domains, d)
	}
	return nil
}

// lay lists who lies where.
func (f *Fleet) lay(seed uint64) error {
	var err error
	if f.Layout, err = f.Placement.Layout(mostListed, seed); err != nil {
		return fmt.Errorf("%w: %w", ErrBadInput, err)
	}
	if f.Measure == "storage" && f.Layout.Aggregate {
		return &ParamError{Name: "objects", Want: "the share of a cluster's storage that is lost is " +
			"measured for a finite number of them, each on a set of its own (" + Explain("objects") + ")"}
	}
	return nil
}

// NewSizes makes a distribution of sizes from how long each of them was seen, ascending by size.
func NewSizes(at, weight []float64) *Sizes { return sizes(at, weight) }
