package realnode

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// fate decides, at the time of each write, how much of it goes to the file at once. The rest is
// held in the memory of this process until a sync. A file written by a killed process survives
// in the kernel's page cache, so only what was held can be lost: this is how a kill gets the
// effect that a power failure has on a volatile cache.
type fate struct {
	mode   node.Unsynced
	random node.Stream
}

func newFate(cfg *NodeConfig, kind string, machine uint32, dev node.Dev) (fate, error) {
	mode, err := parseUnsynced(cfg.Unsynced)
	if err != nil {
		return fate{}, err
	}
	// The incarnation is part of the name: the choices of two lives must not be the same.
	name := fmt.Sprintf("%s %d/%d/%d incarnation %d", kind, cfg.Host, machine, dev, cfg.Incarnation)
	return fate{mode, node.NewStream(cfg.Seed, name)}, nil
}

// early is how many of the n parts of a write, counted from the first, go to the file at once.
// With lose-some a third of all writes goes out whole, a third not at all, a third in part.
func (f *fate) early(n int) int {
	switch f.mode {
	case node.Keep:
		return n
	case node.LoseAll:
		return 0
	}
	word := f.random.Uint64()
	switch word % 3 {
	case 0:
		return 0
	case 1:
		return n
	}
	return int((word >> 33) % uint64(n+1))
}
