package model

import (
	"context"

	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

func repairMeasures() []*Measure {
	group := []string{"n", "tolerate", "lambda_per_h", "mu_per_h", "repair"}
	const chains = "birth-death chain, solved without subtractions (Grassmann, Taksar, Heyman 1985)"
	return []*Measure{
		{Name: "mttdl.group", Summary: "mean time to data loss of one group",
			Formula: "birth rates (n-i)λ; repair serial μ or parallel iμ; lost beyond tolerate failures",
			Unit:    "hours", Source: chains, Params: group,
			prepare: func(a *args) []solver {
				c, sim := readGroup(a, 1, mostMembers)
				return []solver{exact(Markov, func() float64 { return c().MTTA() }),
					simulateMTTDL("mttdl.group", sim)}
			}},
		{Name: "mttdl.shards", Summary: "time to the first loss among M groups",
			Formula: "∫ S(t)^M dt, S the survival of one group", Unit: "hours", Source: chains,
			Params: append([]string{"M"}, group...),
			prepare: func(a *args) []solver {
				M := a.whole("M", 1, mostUnits)
				c, sim := readGroup(a, M, mostTransient)
				return []solver{
					{Markov, func(context.Context, Options) (Answer, error) {
						// Pairs can be lumped: only how many are degraded counts.
						if n := sim.Placement.Cell.Nodes(); n != 2 || sim.Placement.Cell.Code().Tolerate != 1 ||
							M > mostLumped {
							return Answer{}, errNotApplicable
						}
						chain := markov.DegradedPairs(M, sim.FailRate, sim.RepairRate)
						return Answer{Value: chain.MTTA(), Method: Markov}, nil
					}},
					exact(Markov, func() float64 { return markov.FirstLoss(M, c()) }),
					simulateMTTDL("mttdl.shards", sim)}
			}},
		{Name: "mttdl.any-k", Summary: "time until any k of N nodes are down together",
			Formula: "birth rates (N-i)λ; pair-speed iμ, declustered (N-1)μ, critical-first (N-1)^j·μ/j",
			Unit:    "hours", Source: chains,
			Params: []string{"N", "k", "lambda_per_h", "mu_per_h", "rebuild"}, Options: []string{"speed_up"},
			prepare: func(a *args) []solver {
				N := a.whole("N", 1, 1_000_000)
				k := a.whole("k", 1, min(N, mostReplicas))
				lambda, mu := a.rate("lambda_per_h"), a.number("mu_per_h", 0, 1e12)
				if !a.has("rebuild") {
					a.fail("rebuild", "must be one of pair-speed, declustered, critical-first")
				}
				mode := a.choice("rebuild", "pair-speed", "declustered", "critical-first")
				var speedUp float64
				if mode != "serial" && a.has("speed_up") {
					speedUp = a.rate("speed_up")
				}
				rebuild, _ := rebuilds(mode, speedUp)
				return one(Markov, func() float64 { return markov.AnyK(N, k, lambda, mu, rebuild).MTTA() })
			}},
		{Name: "ploss.group", Summary: "one group loses data within t_h",
			Formula: "the same chain, absorbed by t", Unit: "probability",
			Source: "uniformisation and repeated squaring, all terms positive",
			Params: append(group, "t_h"),
			prepare: func(a *args) []solver {
				c, sim := readGroup(a, 1, mostTransient)
				t := a.number("t_h", 0, 1e12)
				return []solver{exact(Markov, func() float64 { return c().Loss(t) }),
					simulateLoss("ploss.group", sim, t)}
			}},
		{Name: "unavailability.group", Summary: "all k replicas down, repaired independently",
			Formula: "(λ/(λ+μ))^k", Unit: "probability", Source: "stationary distribution",
			Params: []string{"k", "lambda_per_h", "mu_per_h"},
			prepare: func(a *args) []solver {
				k, lambda, mu := a.whole("k", 1, mostReplicas), a.rate("lambda_per_h"), a.rate("mu_per_h")
				return one(ClosedForm, func() float64 {
					return prob.Binomial{N: k, P: lambda / (lambda + mu)}.PMF(k)
				})
			}},
		{Name: "weibull.group-loss-no-repair",
			Summary: "more than tolerate of n fail by t_h, without repair",
			Formula: "P[Bin(n, 1-exp(-(t/scale)^shape)) > tolerate]", Unit: "probability",
			Source: "binomial distribution of Weibull lifetimes",
			Params: []string{"n", "tolerate", "shape", "scale_h", "t_h"},
			prepare: func(a *args) []solver {
				n := a.whole("n", 1, 1_000_000)
				tolerate := a.whole("tolerate", 0, n-1)
				shape, scale, t := a.number("shape", 1e-3, 1e3), a.rate("scale_h"), a.number("t_h", 0, 1e12)
				return one(ClosedForm, func() float64 {
					return prob.WeibullGroupLossNoRepair(n, tolerate, shape, scale, t)
				})
			}},
		{Name: "crossover.rebuild",
			Summary: "how many times pair speed any-k of N must rebuild at, to last as long as groups of k",
			Formula: "the root x of MTTDL(any-k of N at x·μ) = MTTDL(N/k groups at pair speed)",
			Unit:    "times pair speed", Source: chains,
			Params: []string{"N", "k", "lambda_per_h", "mu_per_h"},
			prepare: func(a *args) []solver {
				k := a.whole("k", 2, 100)
				N := a.whole("N", k, 100_000)
				if a.err == nil && N%k != 0 {
					a.fail("N", "must be divisible by k = %d", k)
				}
				lambda, mu := a.rate("lambda_per_h"), a.rate("mu_per_h")
				return []solver{{Markov, func(context.Context, Options) (Answer, error) {
					x, ok := markov.RebuildCrossover(N, k, lambda, mu)
					if !ok {
						return Answer{}, errNotApplicable
					}
					return Answer{Value: x, Method: Markov}, nil
				}}}
			}},
	}
}

const (
	mostLumped = 100_000 // degraded pairs of a lumped chain
	// What a chain does in time costs the cube of its states: seconds at this many failures.
	mostTransient = 400
)

// mostMembers bounds groups.
const mostMembers = 10_000

// readGroup reads the parameters of groups, as a chain and as a simulation.
func readGroup(a *args, cells, most int) (func() markov.Chain, rare.Dynamics) {
	n := a.whole("n", 1, mostMembers)
	tolerate := a.whole("tolerate", 0, min(n-1, most))
	lambda, mu := a.rate("lambda_per_h"), a.number("mu_per_h", 0, 1e12)
	if !a.has("repair") {
		a.fail("repair", "must be serial or parallel")
	}
	repair, mode := markov.Parallel, rare.Parallel
	if a.choice("repair", "parallel", "serial") == "serial" {
		repair, mode = markov.Serial, rare.Serial
	}
	if a.err != nil {
		return nil, rare.Dynamics{}
	}
	pl := &place.Placement{Name: "groups", Cells: cells, LVs: cells, Objects: infinite,
		Cell: place.AllSubsets(n, place.Code{Width: n, Tolerate: tolerate})}
	return func() markov.Chain { return markov.Group(n, tolerate, lambda, mu, repair) },
		rare.Dynamics{Placement: pl, FailRate: lambda, RepairRate: mu, Repair: mode}
}

// rebuilds are the ways in which a BigCluster makes lost replicas anew. speedUp, where it is not 0,
// multiplies the speed of a pair: of each failed node, or, declustered and with critical data
// first, of all together, in place of the bandwidth of all other nodes.
func rebuilds(mode string, speedUp float64) (markov.Rebuild, bool) {
	inEveryState := func(x float64) markov.Rebuild {
		return func(_, _, _ int, mu float64) float64 { return x * mu }
	}
	switch mode {
	case "serial":
		return inEveryState(1), speedUp == 0
	case "pair-speed":
		if speedUp > 0 {
			return markov.DeclusteredBy(speedUp), true
		}
		return markov.PairSpeed, true
	case "declustered":
		if speedUp > 0 {
			return inEveryState(speedUp), true
		}
		return markov.Declustered, true
	case "critical-first":
		if speedUp > 0 {
			return func(N, k, i int, mu float64) float64 {
				return markov.CriticalFirst(N, k, i, mu) * speedUp / float64(N-1)
			}, true
		}
		return markov.CriticalFirst, true
	}
	return nil, false
}

func simulateMTTDL(name string, d rare.Dynamics) solver {
	return solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		r, err := d.MTTDL(ctx, opt.draws(name))
		return simulated(r, err, opt)
	}}
}

func simulateLoss(name string, d rare.Dynamics, t float64) solver {
	return solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		r, err := d.Loss(ctx, t, opt.draws(name))
		return simulated(r, err, opt)
	}}
}
