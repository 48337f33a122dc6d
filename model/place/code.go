package place

import (
	"fmt"

	"github.com/container-football/pitch/model/prob"
)

// A Code says which failures of the members of one set lose its objects.
type Code struct {
	// Width is the number of nodes of a set: replicas, or data and parity shards.
	Width int
	// Tolerate is how many failed members never lose an object: Width-1 for replicas, the
	// parity shards of a Reed-Solomon code, the global parities plus one of an LRC.
	Tolerate int
	// LRC, where set, is a locally repairable code, which also survives some patterns of more
	// failures than it always tolerates.
	LRC *LRC
}

// An LRC is a maximally recoverable locally repairable code: Data shards in Groups local groups of
// equal size, each with one local parity, and Global parities over all (Huang et al., Erasure
// Coding in Windows Azure Storage, USENIX ATC 2012). Members are numbered group by group, local
// parity last in each, then the global parities.
type LRC struct {
	Data, Groups, Global int

	losses []float64 // the share of patterns that lose, by failed members
}

// Group is the local group that a member is of; Groups for the global parities.
func (l *LRC) Group(member int) int { return min(l.Groups, member/(l.Data/l.Groups+1)) }

// Replicas is plain replication: an object is lost with its last replica.
func Replicas(k int) Code { return Code{Width: k, Tolerate: k - 1} }

// ReedSolomon is a code with any number of parity shards that loses nothing until more are gone.
func ReedSolomon(data, parity int) Code { return Code{Width: data + parity, Tolerate: parity} }

// LocallyRepairable is the code of l.
func LocallyRepairable(l LRC) Code {
	l.losses = prob.LRCLosses(l.Data, l.Groups, l.Global)
	return Code{Width: l.Data + l.Groups + l.Global, Tolerate: l.Global + 1, LRC: &l}
}

// String names the code the way the field does.
func (c Code) String() string {
	switch {
	case c.LRC != nil:
		return fmt.Sprintf("LRC(%d,%d,%d)", c.LRC.Data, c.LRC.Groups, c.LRC.Global)
	case c.Tolerate == c.Width-1:
		return fmt.Sprintf("%d replicas", c.Width)
	}
	return fmt.Sprintf("RS(%d,%d)", c.Width-c.Tolerate, c.Tolerate)
}

// Overhead is raw over usable capacity.
func (c Code) Overhead() float64 {
	switch {
	case c.LRC != nil:
		return float64(c.Width) / float64(c.LRC.Data)
	default:
		return float64(c.Width) / float64(c.Width-c.Tolerate)
	}
}
