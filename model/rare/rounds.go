package rare

import (
	"context"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
)

const (
	// batches of a round: a constant, and not the number of cores, so that results are the same
	// on any machine.
	batches = 32
	// maxBatch limits how long a cancelled context is not noticed.
	maxBatch = 1 << 16
)

// rounds is draw.Until for samplers that add up more than one mean. sample makes the sums of n
// samples from a random stream of its own, and may run on several cores at once; add merges them,
// in order; look is asked between rounds. It ends when look's estimate is Converged, or after
// o.Samples samples. o must have its defaults filled in.
func rounds[T any](ctx context.Context, o draw.Options, sample func(r *rand.Rand, n int) T,
	add func(T), look func() draw.Estimate) error {
	size, done, batch := int64(64), int64(0), uint64(0)
	for {
		left := o.Samples - done
		size = max(1, min(size, left/batches))
		count := min(batches, left)
		parts, err := draw.Map(ctx, o.Threads, int(count), func(i int) T {
			return sample(draw.Stream(o.Seed, o.Name, batch+uint64(i)), int(size))
		})
		if err != nil {
			return err
		}
		for _, p := range parts {
			add(p)
		}
		batch += batches
		done += size * count
		e := look()
		if e.Converged || done >= o.Samples {
			return nil
		}
		if o.Progress != nil {
			o.Progress(e)
		}
		size = nextSize(e, o, size, done)
	}
}

// nextSize doubles the batches, but does not overshoot what the error so far, which falls with the
// square root of the number of samples, lets expect to be needed.
func nextSize(e draw.Estimate, o draw.Options, size, done int64) int64 {
	next := min(2*size, maxBatch)
	if e.Hits < minHits {
		return next
	}
	more := float64(done) * (square(e.RelErr()/o.RelErr)*1.02 - 1) / batches
	if more < float64(next) {
		next = max(int64(more)+1, 16)
	}
	return next
}

// named gives a part of a question random streams of its own.
func named(o draw.Options, part string) draw.Options {
	o.Name += "/" + part
	return o
}
