package prob_test

import (
	"fmt"

	"github.com/container-football/pitch/model/prob"
)

// A power outage leaves 50 of 5001 nodes dead. How the same triples are laid out decides whether
// something is lost.
func Example() {
	window, _ := prob.AnyWindowLost(5001, 3, 11, 50)
	fmt.Printf("disjoint triples    %.4f\n", prob.AnyGroupLost(1667, 3, 2, 50))
	fmt.Printf("copysets            %.4f\n", prob.CopysetReplicationLoss(5001, 3, 10, 50))
	fmt.Printf("windows on a ring   %.4f\n", window)
	fmt.Printf("random replication  %.4f\n", prob.RandomReplicationLoss(5001, 3, 8000, 50))
	// Output:
	// disjoint triples    0.0016
	// copysets            0.0078
	// windows on a ring   0.2080
	// random replication  1.0000
}
