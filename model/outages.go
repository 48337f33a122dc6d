package model

import (
	"context"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

func outageMeasures() []*Measure {
	return []*Measure{
		outage("outage.random", "random replication: some chunk loses all replicas",
			"1-(1-C(F,R)/C(N,R))^(N·c/R)", []string{"N", "R", "chunks_per_node", "F"},
			func(a *args) []solver {
				N, R, F := readNRF(a)
				c := a.number("chunks_per_node", 0, 1e15)
				return one(ClosedForm, func() float64 { return prob.RandomReplicationLoss(N, R, c, F) })
			}),
		outage("outage.copysets", "copyset replication of scatter width S, sets taken as independent",
			"1-(1-n_cs/C(N,R))^C(F,R), n_cs = S/(R-1)·N/R", []string{"N", "R", "S", "F"},
			func(a *args) []solver {
				N, R, F := readNRF(a)
				if R < 2 && a.err == nil {
					a.fail("R", "must be at least 2 for copysets")
				}
				S := a.number("S", 1, 1e9)
				return one(ClosedForm, func() float64 { return prob.CopysetReplicationLoss(N, R, S, F) })
			}),
		outage("outage.window-approx",
			"node i and any R-1 of the next w on a ring, sets taken as independent",
			"1-(1-n_cs/C(N,R))^C(F,R), n_cs = N·C(w,R-1)", []string{"N", "R", "w", "F"},
			func(a *args) []solver {
				N, R, F := readNRF(a)
				w := a.whole("w", max(1, R-1), max(1, N-1))
				return one(ClosedForm, func() float64 { return prob.WindowLossApprox(N, R, w, F) })
			}),
		outage("outage.window-exact", "the same by the exact geometry of the ring",
			"1 - (F-subsets of the ring without R nodes in a window)/C(N,F)",
			[]string{"N", "R", "W", "F"}, windowExact),
		outage("outage.shards", "M disjoint groups of R: some group is lost entirely",
			"1-Σ_j (-1)^j C(M,j)·C(N-Rj,F-Rj)/C(N,F), N = R·M; summed without cancellation",
			[]string{"M", "R", "F"}, func(a *args) []solver {
				M, R := readMR(a)
				F := a.whole("F", 0, M*R)
				return []solver{
					{Exact, func(context.Context, Options) (Answer, error) {
						if F > mostFailed {
							return Answer{}, errNotApplicable
						}
						return Answer{Value: prob.AnyGroupLost(M, R, R-1, F), Method: Exact}, nil
					}},
					outageTrials("outage.shards", rare.Outage{Placement: shards(M, R), Failed: F})}
			}),
		outage("outage.bernoulli-shards", "every node fails with probability q; M groups of R",
			"1-(1-q^R)^M", []string{"M", "R", "q"}, func(a *args) []solver {
				M, R := readMR(a)
				q := a.probability("q")
				return append(one(ClosedForm, func() float64 { return prob.BernoulliShardsLoss(M, R, q) }),
					outageTrials("outage.bernoulli-shards", rare.Outage{Placement: shards(M, R), Each: q}))
			}),
		outage("outage.bernoulli-any", "every node fails with probability q; any R of R·M lose data",
			"P[Bin(R·M, q) ≥ R]", []string{"M", "R", "q"}, func(a *args) []solver {
				M, R := readMR(a)
				q := a.probability("q")
				return one(ClosedForm, func() float64 { return prob.BernoulliAnyLoss(M, R, q) })
			}),
		outage("outage.bernoulli-random", "every node fails with probability q; random replication",
			"E over F~Bin(R·M, q) of outage.random", []string{"M", "R", "q", "chunks_per_node"},
			func(a *args) []solver {
				M, R := readMR(a)
				q, c := a.probability("q"), a.number("chunks_per_node", 0, 1e15)
				return one(Exact, func() float64 { return prob.BernoulliRandomLoss(M, R, q, c) })
			}),
	}
}

func outage(name, summary, formula string, params []string, f func(*args) []solver) *Measure {
	return &Measure{Name: name, Summary: summary, Formula: formula, Params: params,
		Unit: "probability", Source: copysets, prepare: f}
}

func readNRF(a *args) (N, R, F int) {
	N = a.whole("N", 1, mostUnits)
	R = a.whole("R", 1, min(N, mostReplicas))
	return N, R, a.whole("F", 0, N)
}

func readMR(a *args) (M, R int) {
	return a.whole("M", 1, mostUnits), a.whole("R", 1, mostReplicas)
}

func windowExact(a *args) []solver {
	N, R, F := readNRF(a)
	W := a.whole("W", max(1, R-1), max(1, (N-1)/2))
	ring := &place.Placement{Name: "window", Cells: 1, Cell: place.Ring(N, R, W), LVs: 1,
		Objects: infinite}
	return []solver{
		{Exact, func(context.Context, Options) (Answer, error) {
			p, ok := prob.AnyWindowLost(N, R, W, F)
			if !ok {
				return Answer{}, errNotApplicable
			}
			return Answer{Value: p, Method: Exact}, nil
		}},
		outageTrials("outage.window-exact", rare.Outage{Placement: ring, Failed: F}),
	}
}

func shards(M, R int) *place.Placement {
	return &place.Placement{Name: "shards", Cells: M, LVs: M, Objects: infinite,
		Cell: place.AllSubsets(R, place.Replicas(R))}
}

// outageTrials simulates what happens when nodes fail at once.
func outageTrials(name string, o rare.Outage) solver {
	return solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		r, err := o.Run(ctx, opt.draws(name))
		return simulated(r.Any, err, opt)
	}}
}

// outageSolvers answer what happens when F nodes fail at once, or each with probability q.
func (s *system) outageSolvers(a *args) []solver {
	if !a.has("F") {
		q := a.probability("q")
		return []solver{
			{ClosedForm, func(context.Context, Options) (Answer, error) {
				p, ok := s.lostAt(q)
				if !ok {
					return Answer{}, errNotApplicable
				}
				return Answer{Value: p, Method: ClosedForm}, nil
			}},
			outageTrials("outage "+s.name, rare.Outage{Placement: s.place, Each: q})}
	}
	F := a.whole("F", 0, s.place.Nodes())
	return []solver{
		{Exact, func(context.Context, Options) (Answer, error) {
			p, ok := s.lostOf(F)
			if !ok {
				return Answer{}, errNotApplicable
			}
			return Answer{Value: p, Method: Exact}, nil
		}},
		outageTrials("outage "+s.name, rare.Outage{Placement: s.place, Failed: F})}
}

// mostFailed bounds sums over disjoint groups, whose cost grows with the square of the failures.
const mostFailed = 10_000

// lostOf is the probability that some volume has a lost set when exactly f nodes fail.
func (s *system) lostOf(f int) (float64, bool) {
	if code, sets, ok := s.disjointSets(); ok && f <= mostFailed {
		return prob.AnyGroupLost(sets, code.Width, code.Tolerate, f), true
	}
	if s.place.Cells > 1 {
		return 0, false
	}
	law, ok := s.cellByCount(counts{first: f, share: []float64{1}})
	return law.any, ok
}
