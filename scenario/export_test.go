package scenario

import (
	"context"
	"fmt"
)

// Simulate runs f without judging what it has shown, for benchmarks of the world alone.
func Simulate(ctx context.Context, f *File, opt RunOptions) (*Result, error) {
	replay := expand(f, opt.Seed)
	res := &Result{Scenario: f.Name, World: opt.World.Name, Seed: opt.Seed, Replay: replay}
	w, err := opt.World.Open(ctx, Setup{File: replay})
	if err != nil {
		return nil, err
	}
	r := newRunner(ctx, replay, opt, w, res)
	if err := r.run(); err != nil {
		return nil, fmt.Errorf("seed %d: %w", opt.Seed, err)
	}
	res.Counts.Events = w.(Digester).Events()
	return res, w.Close()
}
