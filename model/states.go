package model

import (
	"math"

	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/prob"
)

// mostChainNodes bounds chains over every state of every node.
const mostChainNodes = 9

// stateChain is the chain over the sets of failed nodes of a small cell, each repaired by itself.
// ok is false where repairs are coupled, lifetimes are not exponential, or the cell is too large.
func (s *system) stateChain() (chain markov.Dense, ok bool) {
	m, n := &s.motion, s.place.Cell.Nodes()
	d := s.dynamics()
	if n > mostChainNodes || m.shape > 0 || m.lse > 0 || d.Repair != "parallel" ||
		!math.IsInf(s.place.Objects, 1) {
		return chain, false
	}
	probe := s.place.Cell.Probe()
	index := make([]int, 1<<n) // of a state, plus 1; 0: lost
	var states []uint
	for state := range uint(1) << n {
		probe.Reset()
		for i := range n {
			if state>>i&1 == 1 {
				probe.Fail(i)
			}
		}
		if probe.Lost() == 0 {
			states = append(states, state)
			index[state] = len(states)
		}
	}
	for range states {
		chain.Rate = append(chain.Rate, make([]float64, len(states)))
		chain.Exit = append(chain.Exit, make([]float64, 1))
	}
	for from, state := range states {
		for i := range n {
			switch to := index[state^1<<i]; {
			case state>>i&1 == 1:
				chain.Rate[from][to-1] += d.RepairRate // fewer failures lose no more
			case to == 0:
				chain.Exit[from][0] += d.FailRate
			default:
				chain.Rate[from][to-1] += d.FailRate
			}
		}
	}
	return chain, true
}

// byStates answers by the chain over all states of a cell; t is 0 for the mean time to a loss.
func (s *system) byStates(t float64) (float64, bool) {
	if t == 0 && s.place.Cells > 1 {
		return 0, false // the first loss of several cells takes more than their means
	}
	chain, ok := s.stateChain()
	if !ok {
		return 0, false
	}
	if t == 0 {
		return chain.MTTA()[0], true
	}
	start := make([]float64, len(chain.Rate))
	start[0] = 1
	_, absorbed := chain.Transient(start, t)
	return prob.AtLeastOnce(absorbed[0], float64(s.place.Cells)), true
}
