package model

import (
	"math"

	"github.com/container-football/pitch/model/place"
)

// Parameters of any placement and of what fails at a random moment, for help texts.
var (
	placementParams = []string{"n", "N", "k", "objects", "per_shard", "S", "w", "groups", "clusters",
		"stripe", "backup", "D", "P", "L"}
	failureParams = []string{"p", "p_cv", "p_table", "p_backup", "lambda_per_h", "mu_per_h",
		"racks", "p_rack", "rooms", "p_room", "sites", "p_site", "across"}
	accessParams = []string{"p_network", "p_frontend", "frontends", "remote"}
)

func join(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

const anyPlacement = "docs/explanation/reliability.md"

func generalMeasures() []*Measure {
	static := func(name, summary, formula, unit string, more []string,
		of quantity, pick func(a *args, s *system) func(snapshot) float64) *Measure {
		return &Measure{Name: name, Summary: summary, Formula: formula, Unit: unit,
			Source: anyPlacement, Params: []string{"placement"},
			Options: join(placementParams, failureParams, accessParams, more),
			prepare: func(a *args) []solver {
				s := readStatic(a, parts{network: true})
				if a.err != nil {
					return nil
				}
				return s.solvers(name, pick(a, s), of)
			}}
	}
	return []*Measure{
		static("incident", "some volume is down at a random moment",
			"Σ_f P[f nodes down]·P[some set is lost | f], over independent cells", "probability", nil, ofIncident,
			func(*args, *system) func(snapshot) float64 {
				return func(s snapshot) float64 { return s.incident }
			}),
		static("unavailability", "a given volume is down at a random moment",
			"Σ_f P[f nodes down]·P[one of its sets is lost | f]", "probability", nil, ofLV,
			func(*args, *system) func(snapshot) float64 {
				return func(s snapshot) float64 { return s.lv }
			}),
		static("storage", "share of all storage that is unavailable, in expectation",
			"P[Bin(width, p) > tolerate], whatever the placement", "share", nil, ofShare,
			func(*args, *system) func(snapshot) float64 {
				return func(s snapshot) float64 { return s.share }
			}),
		static("downtime", "hours of downtime of all applications together",
			"T·n^(s+1)·unavailability", "application-hours", []string{"T", "s"}, ofLV,
			func(a *args, s *system) func(snapshot) float64 {
				n := float64(s.place.LVs)
				scale := a.number("T", 0, 1e12) * math.Pow(n, 1+a.numberOr("s", 0, 0, 8))
				return func(s snapshot) float64 { return scale * s.lv }
			}),
		sizeMeasure(),
		frequencyMeasure(),
		scatterMeasure(),
	}
}

func scatterMeasure() *Measure {
	return &Measure{Name: "scatter",
		Summary: "other nodes with which a node shares data: those that can help to rebuild it",
		Formula: "mean over all nodes of the number of nodes in sets with it", Unit: "nodes",
		Source: copysets, Params: []string{"placement"}, Options: placementParams,
		prepare: func(a *args) []solver {
			pl := readPlacement(a)
			if a.err != nil {
				return nil
			}
			return one(Exact, func() float64 { return place.ScatterWidth(pl.Cell) })
		}}
}

func sizeMeasure() *Measure {
	return &Measure{Name: "size", Summary: "how many volumes are down at once, when any is",
		Formula: "mean and quantiles of the number of volumes down, given at least one", Unit: "volumes",
		Source: anyPlacement, Params: []string{"placement"},
		Options: join(placementParams, failureParams, accessParams),
		prepare: func(a *args) []solver {
			s := readStatic(a, parts{network: true})
			if a.err != nil {
				return nil
			}
			return s.snapshotSolvers(true, func(snap snapshot) Answer {
				if snap.sizes == nil || snap.incident == 0 {
					return Answer{Value: math.NaN()}
				}
				at := make([]float64, len(snap.sizes)-1)
				for i := range at {
					at[i] = float64(i + 1)
				}
				d := sizes(at, snap.sizes[1:])
				return Answer{Value: d.Mean, Sizes: d}
			}, s.simulateSizes())
		}}
}

func frequencyMeasure() *Measure {
	return &Measure{Name: "frequency", Summary: "incidents that begin: no volume down, then some",
		Formula: "Σ over states without incident of the rates into one with it", Unit: "per hour",
		Source: anyPlacement, Params: []string{"placement", "lambda_per_h", "mu_per_h"},
		Options: join(placementParams, []string{"racks", "p_rack", "hours_rack", "rooms", "p_room",
			"hours_room", "sites", "p_site", "hours_site", "across"}),
		prepare: func(a *args) []solver {
			s := readStatic(a, parts{rates: true})
			if a.err != nil {
				return nil
			}
			return s.solvers("frequency", func(s snapshot) float64 { return s.frequency }, ofFrequency)
		}}
}
