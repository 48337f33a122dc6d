package markov_test

import (
	"fmt"

	"github.com/container-football/pitch/model/markov"
)

// Mean times to data loss of 300 nodes in hours: a hundred triples, or three replicas anywhere,
// with more and more bandwidth for the rebuild.
func Example() {
	const lambda, mu = 1e-5, 1. / 24
	triple := markov.Group(3, 2, lambda, mu, markov.Parallel)
	fmt.Printf("triples               %.3g\n", markov.FirstLoss(100, triple))
	for _, r := range []struct {
		name    string
		rebuild markov.Rebuild
	}{
		{"as fast as a pair", markov.PairSpeed},
		{"299 times as fast", markov.DeclusteredBy(299)},
		{"critical data first", markov.CriticalFirst},
	} {
		c := markov.AnyK(300, 3, lambda, mu, r.rebuild)
		fmt.Printf("any, %-16s %.3g\n", r.name, c.MTTA())
	}
	x, _ := markov.RebuildCrossover(300, 3, lambda, mu)
	fmt.Printf("even at %.0f times\n", x)
	// Output:
	// triples               5.79e+09
	// any, as fast as a pair 1.45e+05
	// any, 299 times as fast 1.16e+10
	// any, critical data first 8.68e+11
	// even at 211 times
}
