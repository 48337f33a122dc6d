package draw

import (
	"context"
	"math/rand/v2"
)

const (
	// Batches of a round: a constant, and not the number of cores, so that results are the same
	// on any machine.
	Batches = 32
	// maxBatch limits how long a cancelled context is not noticed.
	maxBatch = 1 << 16
)

// Rounds samples in rounds until an estimate is as exact as asked, or the samples are used up.
// sample makes the sums of n samples from a random stream of its own, and may run on several cores
// at once; add merges them, in order; look is asked between rounds. It ends when look's estimate is
// Converged, or after o.Samples samples. o must have its defaults filled in. The error is that of
// ctx.
func Rounds[T any](ctx context.Context, o Options, sample func(r *rand.Rand, n int) T,
	add func(T), look func() Estimate) error {
	size, done, batch := int64(64), int64(0), uint64(0)
	for {
		left := o.Samples - done
		size = max(1, min(size, left/Batches))
		count := min(Batches, left)
		parts, err := Map(ctx, o.Threads, int(count), func(i int) T {
			return sample(Stream(o.Seed, o.Name, batch+uint64(i)), int(size))
		})
		if err != nil {
			return err
		}
		for _, p := range parts {
			add(p)
		}
		batch += Batches
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
func nextSize(e Estimate, o Options, size, done int64) int64 {
	next := min(2*size, maxBatch)
	if e.Hits < minHits {
		return next
	}
	wanted := e.RelErr() / o.RelErr
	more := float64(done) * (wanted*wanted*1.02 - 1) / Batches
	if more < float64(next) {
		next = max(int64(more)+1, 16)
	}
	return next
}
