package draw

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Map calls f for each of 0..n-1 on up to threads cores, and returns the results in that order;
// threads 0 means as many as there are. When ctx ends, no further call is begun and the error is
// its cause. It is the only place of the modeler that starts goroutines.
func Map[T any](ctx context.Context, threads, n int, f func(i int) T) ([]T, error) {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	out := make([]T, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				out[i] = f(i)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}
