package model

import (
	"math"

	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/rare"
)

// motion is how nodes fail for good, in time, and how their content is made anew.
type motion struct {
	lambda, mu float64 // per hour
	rebuild    string
	speedUp    float64 // of declustered rebuild; 0: by all other nodes
	lse, scrub float64 // latent errors per hour and node; hours between scrubs
	shape      float64 // of Weibull lifetimes; 0: exponential ones
	scale      float64 // hours
	outages    float64 // per hour; each node is lost in one with probability q
	q          float64
}

var motionParams = []string{"mu_per_h", "node_gb", "rebuild_mbs", "rebuild", "speed_up", "lse_per_h",
	"scrub_h", "shape", "scale_h", "outages_per_y", "q"}

const hoursPerYear = 8766

func lossMeasures() []*Measure {
	options := join(placementParams, []string{"lambda_per_h"}, motionParams)
	return []*Measure{
		{Name: "mttdl", Summary: "mean time until some data is lost for good",
			Formula: "Markov chain of a cell, first loss of all cells; else failure biasing",
			Unit:    "hours", Source: anyPlacement, Params: []string{"placement"}, Options: options,
			prepare: func(a *args) []solver {
				s := readMotion(a)
				if a.err != nil {
					return nil
				}
				return s.lossSolvers("mttdl", 0)
			}},
		{Name: "ploss", Summary: "some data is lost for good within the mission time",
			Formula: "the same, absorbed by t_h", Unit: "probability", Source: anyPlacement,
			Params: []string{"placement", "t_h"}, Options: options,
			prepare: func(a *args) []solver {
				s := readMotion(a)
				t := a.number("t_h", 0, 1e12)
				if a.err != nil {
					return nil
				}
				return s.lossSolvers("ploss", t)
			}},
		{Name: "outage", Summary: "nodes fail at once: some volume is hit",
			Formula: "P[some set is lost | F fail], or each node with probability q", Unit: "probability",
			Source: copysets, Params: []string{"placement"}, Options: join(placementParams, []string{"F", "q"}),
			prepare: func(a *args) []solver {
				s := &system{place: readPlacement(a)}
				if a.err != nil {
					return nil
				}
				s.name = s.place.Name
				return s.outageSolvers(a)
			}},
	}
}

func readMotion(a *args) *system {
	s := &system{place: readPlacement(a)}
	if a.err != nil {
		return s
	}
	s.name = s.place.Name
	m := &s.motion
	switch {
	case a.has("shape"):
		m.shape, m.scale = a.number("shape", 0.05, 50), a.rate("scale_h")
	default:
		m.lambda = a.rate("lambda_per_h")
	}
	switch {
	case a.has("node_gb"):
		gb, mbs := a.number("node_gb", 1e-9, 1e12), a.number("rebuild_mbs", 1e-9, 1e12)
		m.mu = mbs * 3600 / (gb * 1000)
	case m.shape > 0:
		m.mu = a.numberOr("mu_per_h", 0, 0, 1e12)
	default:
		m.mu = a.number("mu_per_h", 0, 1e12)
	}
	m.rebuild = a.choice("rebuild", "pair-speed", "serial", "declustered", "critical-first")
	if m.rebuild != "serial" && a.has("speed_up") {
		m.speedUp = a.rate("speed_up")
	}
	if a.has("lse_per_h") {
		m.lse, m.scrub = a.number("lse_per_h", 0, 1e6), a.rate("scrub_h")
		if !s.groups() || m.shape > 0 {
			a.fail("lse_per_h", "latent errors are known for shards, rs and striped, with constant rates")
		}
	}
	if a.has("outages_per_y") {
		m.outages = a.number("outages_per_y", 0, 1e6) / hoursPerYear
		m.q = a.probability("q")
	}
	return s
}

// groups says whether all sets are disjoint, so that each is a chain of its own.
func (s *system) groups() bool {
	_, _, ok := s.disjointSets()
	return ok
}

// disjointSets is the code and number of the sets of all cells, if no two share a node.
func (s *system) disjointSets() (code place.Code, sets int, ok bool) {
	code = s.place.Cell.Code()
	if code.LRC != nil {
		return code, 0, false
	}
	switch pool := s.place.Cell.(type) {
	case *place.Subsets:
		return code, s.place.Cells, pool.Nodes() == code.Width
	case *place.Sets:
		return code, s.place.Cells * pool.Len(), pool.Disjoint()
	}
	return code, 0, false
}

// chain is the Markov chain of what is independent, and how many there are of it.
func (s *system) chain() (c markov.Chain, copies int, ok bool) {
	m := &s.motion
	if m.shape > 0 {
		return c, 0, false
	}
	if code, sets, ok := s.disjointSets(); ok {
		repair := markov.Parallel // a group is rebuilt by its own members, whatever others could do
		if m.rebuild == "serial" {
			repair = markov.Serial
		}
		if m.lse > 0 {
			return markov.GroupWithLatent(code.Width, code.Tolerate, m.lambda, m.mu, repair,
				m.unreadable(code)), sets, true
		}
		return markov.Group(code.Width, code.Tolerate, m.lambda, m.mu, repair), sets, true
	}
	pool, isSubsets := s.place.Cell.(*place.Subsets)
	if !isSubsets || pool.Code().LRC != nil || !math.IsInf(s.place.Objects, 1) {
		return c, 0, false
	}
	rebuild, ok := rebuilds(m.rebuild, m.speedUp)
	if width := pool.Code().Width; m.rebuild == "critical-first" {
		// Of a code, too, what shares a set with all other failed nodes is critical.
		ofAll := rebuild
		rebuild = func(N, _, i int, mu float64) float64 { return ofAll(N, width, i, mu) }
	}
	return markov.AnyK(pool.Nodes(), pool.Code().Tolerate+1, m.lambda, m.mu, rebuild),
		s.place.Cells, ok
}

func (m *motion) unreadable(code place.Code) float64 {
	return markov.LatentUnreadable(m.lse, m.scrub, code.Width-code.Tolerate)
}

// dynamics is the system as a simulation of constant rates. A failed node is rebuilt by those that
// share sets with it, its scatter width; where that is less than all nodes, several failed nodes
// are rebuilt by different ones, each as fast.
func (s *system) dynamics() rare.Dynamics {
	m := &s.motion
	d := rare.Dynamics{Placement: s.place, FailRate: m.lambda, RepairRate: m.mu, Speedup: m.speedUp,
		Repair: rare.Parallel}
	if m.lse > 0 {
		d.SectorErrors = m.unreadable(s.place.Cell.Code())
	}
	_, all := s.place.Cell.(*place.Subsets)
	speed := m.speedUp
	if speed == 0 {
		speed = place.ScatterWidth(s.place.Cell)
	}
	switch {
	case m.rebuild == "serial":
		d.Repair = rare.Serial
	case s.groups():
		d.Speedup = 0 // by its own members, at pair speed
	case m.rebuild == "pair-speed":
		if m.speedUp > 0 {
			d.RepairRate *= m.speedUp
		}
	case all && m.rebuild == "critical-first":
		d.Repair, d.Speedup = rare.CriticalFirst, speed
	case all:
		d.Repair, d.Speedup = rare.Declustered, speed
	default:
		d.RepairRate, d.Speedup = d.RepairRate*speed, 0
	}
	return d
}

// note says where the model of repairs is coarser than what was asked for.
func (s *system) note() string {
	_, all := s.place.Cell.(*place.Subsets)
	switch {
	case s.motion.rebuild == "critical-first" && s.groups():
		return "a group is rebuilt at pair speed: all it has is critical"
	case s.motion.rebuild == "critical-first" && !all:
		return "critical data first is known for clusters only: this is a declustered rebuild, a lower bound"
	case (s.motion.rebuild == "declustered" || s.motion.speedUp > 0) && s.groups():
		return "a group is rebuilt by its own members, at pair speed"
	}
	return ""
}
