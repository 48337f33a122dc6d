package model

import (
	"math"

	"github.com/container-football/pitch/model/prob"
)

var infinite = math.Inf(1)

func correlatedMeasures() []*Measure {
	const racks = "independent failures of racks and nodes"
	return []*Measure{
		{Name: "correlated.pair-distinct-racks", Summary: "both replicas down, in two racks",
			Formula: "(1-(1-r)(1-p))²", Unit: "probability", Source: racks, Params: []string{"p", "r"},
			prepare: func(a *args) []solver {
				p, r := a.probability("p"), a.probability("r")
				return one(ClosedForm, func() float64 { x := r + p - float64(r*p); return x * x })
			}},
		{Name: "correlated.pair-same-rack", Summary: "both replicas down, in one rack",
			Formula: "r+(1-r)p²", Unit: "probability", Source: racks, Params: []string{"p", "r"},
			prepare: func(a *args) []solver {
				p, r := a.probability("p"), a.probability("r")
				return one(ClosedForm, func() float64 { return r + float64((1-r)*p*p) })
			}},
		{Name: "correlated.any2", Summary: "at least two nodes of G racks of m are down",
			Formula: "1-P[0 down]-P[1 down], summed from the side that is small", Unit: "probability",
			Source: racks, Params: []string{"p", "r", "G", "m"},
			prepare: func(a *args) []solver {
				p, r := a.probability("p"), a.probability("r")
				G, m := a.whole("G", 1, 1_000_000), a.whole("m", 1, 1_000_000)
				return one(ClosedForm, func() float64 { return anyTwo(p, r, G, m) })
			}},
		{Name: "network.local-pair", Summary: "a pair whose users run on its nodes",
			Formula: "p²", Unit: "probability", Source: guide, Params: []string{"p"},
			prepare: func(a *args) []solver {
				p := a.probability("p")
				return one(ClosedForm, func() float64 { return p * p })
			}},
		{Name: "network.remote-pair", Summary: "a pair used over a network, from a frontend",
			Formula: "1-(1-p_network)(1-p_frontend)(1-p²)", Unit: "probability", Source: guide,
			Params: []string{"p", "p_network", "p_frontend"},
			prepare: func(a *args) []solver {
				p, net, front := a.probability("p"), a.probability("p_network"), a.probability("p_frontend")
				return one(ClosedForm, func() float64 { return either(net, front, p*p) })
			}},
		{Name: "network.bigcluster", Summary: "a BigCluster used over a network",
			Formula: "1-(1-p_network)(1-P[Bin(k·n, p) ≥ k])", Unit: "probability", Source: guide,
			Params: []string{"n", "k", "p", "p_network"},
			prepare: func(a *args) []solver {
				n, k, p := readNKP(a)
				net := a.probability("p_network")
				return one(ClosedForm, func() float64 {
					return either(net, prob.Binomial{N: k * n, P: p}.Tail(k))
				})
			}},
	}
}

// either is 1-Π(1-p), without the loss of digits that it has as written.
func either(ps ...float64) float64 {
	var any float64
	for _, p := range ps {
		any += float64((1 - any) * p)
	}
	return any
}

// anyTwo adds up the ways in which two or more nodes of G racks of m are down, rack by rack:
// before it, none or one was down.
func anyTwo(p, r float64, G, m int) float64 {
	in := prob.Binomial{N: m, P: p}
	none, single, more := (1-r)*in.PMF(0), (1-r)*in.PMF(1), (1-r)*in.Tail(2)
	if m == 1 {
		single += r
	} else {
		more += r
	}
	p0, p1, p2 := 1.0, 0.0, 0.0
	for range G {
		p2 += float64(p0*more) + float64(p1*(single+more))
		p1 = float64(p1*none) + float64(p0*single)
		p0 *= none
	}
	return p2
}
