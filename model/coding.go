package model

import "github.com/container-football/pitch/model/prob"

func codingMeasures() []*Measure {
	return []*Measure{
		{Name: "ec.unavailable", Summary: "more than n-k of n shards are down",
			Formula: "P[Bin(n, p) > n-k]", Unit: "probability", Source: "binomial distribution",
			Params: []string{"k", "n", "p"},
			prepare: func(a *args) []solver {
				n := a.whole("n", 1, 1_000_000)
				k, p := a.whole("k", 1, n), a.probability("p")
				return one(ClosedForm, func() float64 { return prob.ECUnavailable(k, n, p) })
			}},
		{Name: "ec.annual-loss", Summary: "D data and P parity drives, rebuilt within some days",
			Formula: "1-(1-P[Bin(D+P, x) > P])^(365/days), x = 1-exp(-afr·days/365)",
			Unit:    "probability a year", Source: "Backblaze, durability calculation",
			Params: []string{"D", "P", "afr", "days"},
			prepare: func(a *args) []solver {
				D, P := a.whole("D", 1, 10_000), a.whole("P", 0, 10_000)
				afr, days := a.number("afr", 0, 1000), a.number("days", 1e-9, 1e6)
				return one(ClosedForm, func() float64 { return prob.ECAnnualLoss(D, P, afr, days) })
			}},
		{Name: "ec.lrc-decodable-fraction",
			Summary: "patterns of l+r erasures that a maximally recoverable LRC survives",
			Formula: "counted over the local groups", Unit: "share",
			Source: "Huang et al., Erasure Coding in Windows Azure Storage, USENIX ATC 2012",
			Params: []string{"k", "l", "r"},
			prepare: func(a *args) []solver {
				k := a.whole("k", 1, mostShards)
				l, r := a.whole("l", 1, k), a.whole("r", 0, mostShards)
				if a.err == nil && k%l != 0 {
					a.fail("l", "must divide the k = %d data shards evenly", k)
				}
				return one(ClosedForm, func() float64 { return prob.LRCDecodableFraction(k, l, r) })
			}},
	}
}
