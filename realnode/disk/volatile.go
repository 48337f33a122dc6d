package disk

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// Cache says how a volatile cache behaves. See [VolatileVolume] and [VolatileLog].
type Cache struct {
	// Mode is LoseSome or LoseAll. With Keep there must be no cache in the stack.
	Mode node.Unsynced
	// Random decides what is lost.
	Random node.Stream
	// Floor is a number up to which every sync to come covers all writes. Zero means unknown; nil
	// means always unknown. It bounds the memory where nobody syncs for long.
	Floor func() uint64
}

// fate decides, at the time of each write, how much of it goes down at once. The rest is held in
// the memory of this process until a sync. What a killed process has written survives in the
// kernel, so only what was held can be lost: this is how a kill gets the effect that a power
// failure has on the cache of a drive.
type fate struct {
	mode   node.Unsynced
	random node.Stream
	oldest func() uint64
}

func newFate(c Cache) fate {
	if c.Mode == node.Keep {
		panic("disk: a volatile cache that keeps everything; leave it out")
	}
	return fate{c.Mode, c.Random, c.Floor}
}

// early is how many of the n parts of a write, counted from the first, go down at once. With
// lose-some a third of all writes goes down whole, a third not at all, a third in part.
func (f *fate) early(n int64) int64 {
	if f.mode == node.LoseAll {
		return 0
	}
	word := f.random.Uint64()
	switch word % 3 {
	case 0:
		return 0
	case 1:
		return n
	}
	return int64((word >> 33) % uint64(n+1))
}

func (f *fate) floor() uint64 {
	if f.oldest == nil {
		return 0
	}
	return f.oldest()
}

func (f *fate) String() string {
	if f.mode == node.LoseAll {
		return "volatile (lose all)"
	}
	return "volatile (lose some)"
}

// over names a layer and what is below it.
func over(layer string, d Device) string { return fmt.Sprintf("%s over %s", layer, d) }
