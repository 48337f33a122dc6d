package model

import (
	"math"

	"github.com/container-football/pitch/model/prob"
)

const (
	guide    = "MARS architecture guide, appendix"
	copysets = "Cidon et al., Copysets, USENIX ATC 2013"
)

// Whole numbers that parameters may be, at most: beyond, doubles no longer count exactly.
const (
	mostUnits    = 100_000_000
	mostReplicas = 1000
)

func publishedMeasures() []*Measure {
	return []*Measure{
		published("downtime.shards", "downtime of pairs, triples, …", "T·n^(s+1)·p^k",
			func(n, k int, s, p, T float64) float64 {
				return T * math.Pow(float64(n), s+1) * math.Pow(p, float64(k))
			}),
		published("downtime.bigcluster", "downtime when every volume needs all k·n servers' data",
			"n^(s+1)·T·P[Bin(k·n, p) ≥ k]",
			func(n, k int, s, p, T float64) float64 {
				return T * math.Pow(float64(n), s+1) * prob.Binomial{N: k * n, P: p}.Tail(k)
			}),
		published("downtime.bigcluster-weighted-published",
			"as printed there; off by a factor n/(k-1)! from the exact expectation, which is T·n·p^k",
			"T·n^(s+2)·p^k/(k-1)!",
			func(n, k int, s, p, T float64) float64 {
				return T * math.Pow(float64(n), s+2) * math.Pow(p, float64(k)) / factorial(k-1)
			}),
		limit(),
		{Name: "units.expected-unavailable",
			Summary: "storage that is unavailable, in expectation, for every placement",
			Formula: "T·n·p^k", Unit: "unit-hours", Source: "linearity of expectation",
			Params: []string{"n", "k", "p", "T"},
			prepare: func(a *args) []solver {
				n, k, p := readNKP(a)
				T := a.number("T", 0, 1e12)
				return one(ClosedForm, func() float64 { return T * float64(n) * math.Pow(p, float64(k)) })
			}},
		{Name: "incident.shards", Summary: "some shard is down",
			Formula: "1-(1-p^k)^n", Unit: "probability", Source: guide,
			Params: []string{"n", "k", "p"},
			prepare: func(a *args) []solver {
				n, k, p := readNKP(a)
				return one(ClosedForm, func() float64 {
					return prob.AtLeastOnce(math.Pow(p, float64(k)), float64(n))
				})
			}},
		{Name: "incident.bigcluster", Summary: "k of all k·n servers are down",
			Formula: "P[Bin(k·n, p) ≥ k]", Unit: "probability", Source: guide,
			Params: []string{"n", "k", "p"},
			prepare: func(a *args) []solver {
				n, k, p := readNKP(a)
				return one(ClosedForm, func() float64 { return prob.Binomial{N: k * n, P: p}.Tail(k) })
			}},
	}
}

func one(m Method, f func() float64) []solver { return []solver{exact(m, f)} }

func readNKP(a *args) (n, k int, p float64) {
	return a.whole("n", 1, mostUnits), a.whole("k", 1, mostReplicas), a.probability("p")
}

// published is a formula of the guide, in application-hours.
func published(name, summary, formula string, f func(n, k int, s, p, T float64) float64) *Measure {
	return &Measure{Name: name, Summary: summary, Formula: formula, Unit: "application-hours",
		Source: guide, Params: []string{"n", "k", "p", "T"}, Options: []string{"s"},
		prepare: func(a *args) []solver {
			n, k, p := readNKP(a)
			T, s := a.number("T", 0, 1e12), a.numberOr("s", 0, 0, 8)
			return one(ClosedForm, func() float64 { return f(n, k, s, p, T) })
		}}
}

// limit is where everything is down all the time; k and p make no difference to it, but are
// taken, so that one set of parameters serves all four lines of the figure.
func limit() *Measure {
	m := published("downtime.limit", "everything is down all the time", "T·n^(s+1)", nil)
	m.Params, m.Options = []string{"n", "T"}, []string{"s", "k", "p"}
	m.prepare = func(a *args) []solver {
		n, T, s := a.whole("n", 1, mostUnits), a.number("T", 0, 1e12), a.numberOr("s", 0, 0, 8)
		a.wholeOr("k", 1, 1, mostReplicas)
		a.probabilityOr("p", 0)
		return one(ClosedForm, func() float64 { return T * math.Pow(float64(n), s+1) })
	}
	return m
}

func factorial(k int) float64 {
	x := 1.0
	for i := 2; i <= k; i++ {
		x *= float64(i)
	}
	return x
}
