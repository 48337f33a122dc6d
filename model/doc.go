// Package model answers questions about the reliability of replicated storage: how often volumes
// are down, how many at once, how much in expectation, and how long it takes until data is lost
// for good, under any placement of replicas and any mix of failures.
//
//	a, err := model.Ask(ctx, "incident", model.Params{"placement": "shards", "n": 100.0, "k": 2.0,
//		"p": 1e-4}, model.Options{})
//	// a.Value, a.Method, a.Interval
//
// A question is a [Measure] with parameters. Each measure knows several methods, best first:
// closed forms, exact sums, Markov chains, an enumeration of all states, and last a simulation.
// [Ask] takes the first that applies and says which it was; [CrossCheck] computes with another one,
// too. [Batch] answers JSON lines, and [Comparison] makes the table in which shards, copysets and
// clusters stand side by side.
//
// The arithmetic is below this package: prob (binomials and their kin, to the last digits), markov
// (chains without subtractions), place (who lies where), draw (random streams, several cores,
// stopping rules), rare (simulation of rare events), drives (rates from tables of real drives).
// It all imports nothing of pitch, and its results do not depend on the number of cores.
package model
