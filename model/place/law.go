package place

import "github.com/container-football/pitch/model/prob"

// LossGiven is the share of all patterns of exactly failed members of a set that lose its objects.
func (c Code) LossGiven(failed int) float64 {
	switch {
	case failed <= c.Tolerate:
		return 0
	case c.LRC == nil:
		return 1
	}
	return c.LRC.losses[failed]
}

// LostShare is the probability that a set drawn from n nodes, f of which are down, is lost, when
// all sets or all choices of the f nodes are equally likely.
func (c Code) LostShare(n, f int) float64 {
	if f <= c.Tolerate {
		return 0
	}
	members := prob.Hypergeometric{N: n, K: f, Draws: c.Width}
	if c.LRC == nil {
		return members.Tail(c.Tolerate + 1)
	}
	var sum float64
	for e := c.Tolerate + 1; e <= min(f, c.Width); e++ {
		sum += float64(members.PMF(e) * c.LossGiven(e))
	}
	return sum
}

// LostProbability is the probability that a set is lost whose members are down independently,
// each with probability p. It is what any placement loses of its storage, in expectation.
func (c Code) LostProbability(p float64) float64 {
	members := prob.Binomial{N: c.Width, P: p}
	if c.LRC == nil {
		return members.Tail(c.Tolerate + 1)
	}
	var sum float64
	for e := c.Tolerate + 1; e <= c.Width; e++ {
		sum += float64(members.PMF(e) * c.LossGiven(e))
	}
	return sum
}

// steps is the distribution of how many of left failed nodes, uniform among n, lie among the m
// nodes of the next domain; the index ends at min(left, m).
func steps(n, left, m int) []float64 {
	h := prob.Hypergeometric{N: n, K: left, Draws: m}
	out := make([]float64, min(left, m)+1)
	for x := range out {
		out[x] = h.PMF(x)
	}
	return out
}
