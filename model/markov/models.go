package markov

import (
	"fmt"
	"math"
)

// Repair says how many units of a group are repaired at a time.
type Repair int

const (
	// Serial repairs one unit at a time: the rate is μ in every state with failures.
	Serial Repair = iota
	// Parallel repairs all failed units at once: the rate is i·μ with i of them.
	Parallel
)

func (r Repair) String() string {
	switch r {
	case Serial:
		return "serial"
	case Parallel:
		return "parallel"
	}
	return fmt.Sprintf("Repair(%d)", int(r))
}

// Group is the chain of one group of n units that loses data with the failure number tolerate+1
// (mttdl.group, ploss.group). Units fail with rate lambda and are repaired with rate mu. With i
// units down, another one fails with the rate (n-i)·λ, and one is repaired with the rate μ, or i·μ
// if repair is parallel. 0 ≤ tolerate < n.
func Group(n, tolerate int, lambda, mu float64, repair Repair) Chain {
	if tolerate < 0 || tolerate >= n {
		panic(fmt.Sprintf("markov: a group of %d that tolerates %d", n, tolerate))
	}
	c := newChain(tolerate + 1)
	for i := range c.Up {
		c.Up[i] = float64(n-i) * lambda
		switch {
		case i > 0 && repair == Parallel:
			c.Down[i] = float64(i) * mu
		case i > 0:
			c.Down[i] = mu
		}
	}
	return c.lostBeyond()
}

func newChain(states int) Chain {
	all := make([]float64, 3*states)
	return Chain{all[:states:states], all[states : 2*states : 2*states], all[2*states:]}
}

// lostBeyond makes the failure in the last state a loss.
func (c Chain) lostBeyond() Chain {
	m := len(c.Up) - 1
	c.Up[m], c.Kill[m] = 0, c.Up[m]
	return c
}

// GroupWithLatent is Group where a rebuild may meet an unreadable sector. In the critical state,
// with tolerate units down, there is no redundancy left to read it from: with probability u the
// rebuild ends in a loss, so its rate d splits into (1-u)·d down and u·d lost. A sector error in
// other states is repaired from what redundancy there is. Without tolerance there is no rebuild,
// and u has no effect. See [LatentUnreadable] for u.
func GroupWithLatent(n, tolerate int, lambda, mu float64, repair Repair, u float64) Chain {
	if u < 0 || u > 1 {
		panic(fmt.Sprintf("markov: probability %v of an unreadable sector", u))
	}
	c := Group(n, tolerate, lambda, mu, repair)
	d := c.Down[tolerate]
	c.Down[tolerate] = (1 - u) * d
	c.Kill[tolerate] += float64(u * d)
	return c
}

// LatentUnreadable is the probability that at least one of the surviving units has a latent sector
// error when a rebuild must read all of them.
//
// Errors arrive on each unit as a Poisson process of rate lsePerHour, and are found and repaired
// by a scrub every scrubInterval hours. The rebuild comes at a uniformly random phase of each
// unit's own scrub cycle, so the time θ since its last scrub is uniform in [0, T], and the unit is
// clean with probability
//
//	E[exp(-λθ)] = (1-exp(-λT))/(λT),
//
// whence u = 1-((1-exp(-λT))/(λT))^survivors, about survivors·λT/2 if that is small. +Inf for the
// interval means that nobody scrubs: u = 1 unless there are no errors.
func LatentUnreadable(lsePerHour, scrubInterval float64, survivors int) float64 {
	if lsePerHour == 0 || scrubInterval == 0 || survivors == 0 {
		return 0
	}
	x := lsePerHour * scrubInterval
	var logClean float64
	if x < 0.25 {
		// 1-(1-e⁻ˣ)/x = x/2! - x²/3! + x³/4! …
		sum := 0.0
		for k := 16; k >= 2; k-- {
			sum = x / float64(k) * (1 - sum)
		}
		logClean = math.Log1p(-sum)
	} else {
		logClean = math.Log(-math.Expm1(-x) / x)
	}
	return -math.Expm1(float64(float64(survivors) * logClean))
}

// Rebuild is the rate from i to i-1 failed nodes of N, where data have k replicas on random nodes
// and a single node is rebuilt by a single other one with the rate mu.
type Rebuild func(N, k, i int, mu float64) float64

// PairSpeed rebuilds every failed node as in a group of its own: i·μ.
func PairSpeed(_, _, i int, mu float64) float64 { return float64(i) * mu }

// Declustered rebuilds with the bandwidth of all other nodes, one failed node after the other:
// μ·(N-1) in every state.
func Declustered(N, _, _ int, mu float64) float64 { return mu * float64(N-1) }

// CriticalFirst is Declustered, but what has the fewest replicas left is rebuilt first, and a
// state with i failures is left as soon as nothing has lost i replicas any more. Of the data of
// one failed node, the other i-1 failed nodes hold replicas of the share
//
//	C(N-i,k-i)/C(N-1,k-1) = Π (k-j)/(N-j) over j = 1 … i-1,
//
// and the rate is μ·(N-1) divided by it. For k = 3: μ·(N-1) from 1 to 0, and μ·(N-1)²/2 from 2 to
// 1, since only 2/(N-1) of a node is critical.
func CriticalFirst(N, k, i int, mu float64) float64 {
	rate := mu * float64(N-1)
	for j := 1; j < i; j++ {
		rate *= float64(N-j) / float64(k-j)
	}
	return rate
}

// DeclusteredBy rebuilds at x times the speed of pairs in every state: x·i·μ. Unlike Declustered,
// whose bandwidth is the same however many nodes are down, it is x = 1 for [PairSpeed].
func DeclusteredBy(x float64) Rebuild {
	return func(_, _, i int, mu float64) float64 { return x * float64(i) * mu }
}

// AnyK is the chain of N nodes that hold so many randomly placed objects of k replicas that any k
// failed nodes lose something (mttdl.any-k). With i < k nodes down, another one fails with the
// rate (N-i)·λ, and the state is left downwards with the rate of the rebuild. 1 ≤ k ≤ N.
func AnyK(N, k int, lambda, mu float64, rebuild Rebuild) Chain {
	if k < 1 || k > N {
		panic(fmt.Sprintf("markov: any %d of %d nodes", k, N))
	}
	c := newChain(k)
	for i := range c.Up {
		c.Up[i] = float64(N-i) * lambda
		if i > 0 {
			c.Down[i] = rebuild(N, k, i, mu)
		}
	}
	return c.lostBeyond()
}

// DegradedPairs is the lumped chain of M ≥ 1 independent pairs until the first of them is lost. In
// state i, i pairs have one unit down: a further pair degrades with the rate 2·(M-i)·λ, one is
// repaired with the rate i·μ, and one is lost with the rate i·λ. Exact: a pair in state 1 is like
// any other.
func DegradedPairs(M int, lambda, mu float64) Chain {
	if M < 1 {
		panic(fmt.Sprintf("markov: %d pairs", M))
	}
	c := newChain(M + 1)
	for i := range c.Up {
		c.Up[i] = 2 * float64(M-i) * lambda
		c.Down[i] = float64(i) * mu
		c.Kill[i] = float64(i) * lambda
	}
	return c
}
