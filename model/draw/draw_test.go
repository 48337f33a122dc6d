package draw_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/prob"
)

func TestMapKeepsTheOrder(t *testing.T) {
	for _, threads := range []int{0, 1, 3, 100} {
		var calls atomic.Int64
		got, err := draw.Map(context.Background(), threads, 50, func(i int) int {
			calls.Add(1)
			return i * i
		})
		if err != nil || len(got) != 50 || calls.Load() != 50 {
			t.Fatalf("%d threads: %d results of %d calls, %v", threads, len(got), calls.Load(), err)
		}
		for i, x := range got {
			if x != i*i {
				t.Errorf("%d threads: result %d is %d", threads, i, x)
			}
		}
	}
	if got, err := draw.Map(context.Background(), 2, 0, func(int) int { return 1 }); err != nil ||
		len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMapEndsWithItsContext(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	var calls, late atomic.Int64
	got, err := draw.Map(ctx, 2, 1000, func(i int) int {
		if ctx.Err() != nil {
			late.Add(1)
		}
		if calls.Add(1) == 10 {
			cancel(reason)
		}
		return i
	})
	if !errors.Is(err, reason) || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	// The other goroutine may have looked just before the end, and begin once more; how many calls
	// it gets through before that is the scheduler's business.
	if n := late.Load(); n > 1 {
		t.Errorf("%d calls were begun after the end", n)
	}
}

// The same three arguments give the same numbers, and any other gives others.
func TestStreams(t *testing.T) {
	first := draw.Stream(1, "a", 0).Uint64()
	if draw.Stream(1, "a", 0).Uint64() != first {
		t.Error("a stream cannot be repeated")
	}
	seen := map[uint64]bool{}
	for seed := range uint64(10) {
		for _, name := range []string{"", "a", "b", "ab"} {
			for batch := range uint64(100) {
				seen[draw.Stream(seed, name, batch).Uint64()] = true
			}
		}
	}
	if len(seen) != 4000 {
		t.Errorf("%d different first numbers of 4000 streams", len(seen))
	}
	// Neighbours are unrelated: their mean is as good as that of one stream.
	var sum float64
	for batch := range uint64(10000) {
		sum += draw.Stream(1, "mean", batch).Float64()
	}
	if math.Abs(sum/10000-0.5) > 4/math.Sqrt(12*10000) {
		t.Errorf("mean %g", sum/10000)
	}
}

func sampled(r *rand.Rand, n int, t *draw.Tally) {
	for range n {
		t.AddRatio(r.Float64(), 1+r.Float64())
	}
}

// Any way to put the same samples together gives the same estimate, and merging nothing is nothing.
func TestMergedTallies(t *testing.T) {
	parts := make([]draw.Tally, 4)
	var whole draw.Tally
	for i := range parts {
		sampled(draw.Stream(1, "merge", uint64(i)), 100, &parts[i])
		sampled(draw.Stream(1, "merge", uint64(i)), 100, &whole)
	}
	var left, right draw.Tally
	for _, p := range parts {
		left.Merge(p)
		left.Merge(draw.Tally{})
	}
	inner := parts[2]
	inner.Merge(parts[3])
	middle := parts[1]
	middle.Merge(inner)
	right = parts[0]
	right.Merge(middle)
	want := whole.Estimate(0.95)
	for i, e := range []draw.Estimate{left.Estimate(0.95), right.Estimate(0.95)} {
		close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }
		if e.N != want.N || e.Hits != want.Hits || !close(e.Value, want.Value) ||
			!close(e.StdErr, want.StdErr) || !close(e.Low, want.Low) || !close(e.ESS, want.ESS) {
			t.Errorf("%d: %+v, want %+v", i, e, want)
		}
	}
	if want.N != 400 || math.Abs(want.Value-1.0/3) > 0.05 {
		t.Errorf("%+v", want)
	}
	// A proportion stays one only with others.
	var ones, weights draw.Tally
	ones.Add(1)
	weights.Add(0.5)
	ones.Merge(weights)
	if ones.PlainCount {
		t.Error("a sum with weights is not a proportion")
	}
}

func TestEstimates(t *testing.T) {
	var coins draw.Tally
	for i := range 100 {
		coins.Add(float64(i % 4 / 3))
	}
	e := coins.Estimate(0.95)
	low, high := prob.Wilson(25, 100, 0.95)
	if e.Value != 0.25 || e.Hits != 25 || e.N != 100 || e.ESS != 25 || e.Low != low || e.High != high {
		t.Errorf("%+v, Wilson's interval is %g, %g", e, low, high)
	}
	if got, want := e.StdErr, math.Sqrt(0.25*0.75/99); math.Abs(got-want) > 1e-12 {
		t.Errorf("error %g, want %g", got, want)
	}
	if got := e.RelErr(); math.Abs(got-(high-low)/2/0.25) > 1e-12 {
		t.Errorf("relative error %g", got)
	}

	// Weights: the two samples of weight 1 count as much as all others.
	var w draw.Tally
	for range 100 {
		w.Add(0.01)
	}
	w.Add(1)
	if e := w.Estimate(0.95); math.Abs(e.ESS-2*2/(1+0.01)) > 1e-9 || e.Low > 0.02 || e.High < 0.02 {
		t.Errorf("%+v", e)
	}

	// Without a hit a proportion is bounded; weighted samples that saw none say nothing.
	var none draw.Tally
	for range 1000 {
		none.Add(0)
	}
	if e := none.Estimate(0.95); e.Value != 0 || e.Low != 0 || !(e.High > 0.001 && e.High < 0.01) ||
		!math.IsInf(e.RelErr(), 1) {
		t.Errorf("%+v", e)
	}
	none.Weighted = true
	if e := none.Estimate(0.95); !math.IsInf(e.High, 1) {
		t.Errorf("%+v", e)
	}
	var merged draw.Tally
	merged.Merge(none)
	if e := merged.Estimate(0.95); !math.IsInf(e.High, 1) {
		t.Errorf("merged: %+v", e)
	}
	if e := (&draw.Tally{}).Estimate(0.95); !math.IsInf(e.High, 1) || e.N != 0 {
		t.Errorf("nothing: %+v", e)
	}
}

// The delta method's interval of a ratio holds its true value about as often as it says.
func TestIntervalOfARatio(t *testing.T) {
	covered := 0
	for seed := range uint64(400) {
		var s draw.Tally
		sampled(draw.Stream(seed, "ratio", 0), 300, &s)
		if e := s.Estimate(0.9); e.Low <= 1.0/3 && 1.0/3 <= e.High {
			covered++
		}
	}
	if covered < 340 || covered > 380 { // 360 ± 3.3·6
		t.Errorf("%d of 400 intervals of 0.9", covered)
	}
}

func coin(p float64) func(r *rand.Rand, n int, t *draw.Tally) {
	return func(r *rand.Rand, n int, t *draw.Tally) {
		for range n {
			x := 0.0
			if r.Float64() < p {
				x = 1
			}
			t.Add(x)
		}
	}
}

// until estimates one mean, as others do with sums of their own.
func until(ctx context.Context, o draw.Options, sample func(r *rand.Rand, n int, t *draw.Tally)) (
	draw.Estimate, error) {
	o = o.WithDefaults()
	var total draw.Tally
	look := func() draw.Estimate {
		e := total.Estimate(o.Level)
		e.Converged = e.Reached(o)
		return e
	}
	err := draw.Rounds(ctx, o, func(r *rand.Rand, n int) (t draw.Tally) {
		sample(r, n, &t)
		return t
	}, total.Merge, look)
	return look(), err
}

func TestUntilItIsExactEnough(t *testing.T) {
	ctx := context.Background()
	rounds := 0
	o := draw.Options{Name: "coin", RelErr: 0.02, Progress: func(e draw.Estimate) {
		if rounds++; e.Converged {
			t.Error("progress after the end")
		}
	}}
	e, err := until(ctx, o, coin(0.1))
	if err != nil {
		t.Fatal(err)
	}
	if !e.Converged || e.RelErr() > 0.02 || math.Abs(e.Value-0.1) > 4*e.StdErr || rounds == 0 {
		t.Errorf("%+v after %d rounds", e, rounds)
	}
	// 0.9·(1.96/0.02)²/0.1 = 86,000 samples are needed, and rounds double.
	if e.N < 80_000 || e.N > 350_000 {
		t.Errorf("%d samples", e.N)
	}
	for _, threads := range []int{1, 2, 7} {
		o := o
		o.Threads, o.Progress = threads, nil
		if same, err := until(ctx, o, coin(0.1)); err != nil || same != e {
			t.Errorf("%d threads: %+v, %v", threads, same, err)
		}
	}
	o.Name = "another"
	if other, _ := until(ctx, o, coin(0.1)); other.Value == e.Value {
		t.Error("another name gives the same draws")
	}
}

func TestUntilTheSamplesAreUsedUp(t *testing.T) {
	for _, samples := range []int64{1, 31, 32, 1000, 12345} {
		e, err := until(context.Background(), draw.Options{Samples: samples}, coin(1e-9))
		if err != nil || e.N != samples || e.Converged {
			t.Errorf("%d samples asked for: %+v, %v", samples, e, err)
		}
	}
	// Few hits are not believed, however alike they are.
	e, err := until(context.Background(), draw.Options{Samples: 64 * 32},
		func(r *rand.Rand, n int, t *draw.Tally) {
			for range n {
				t.Add(0.5)
			}
		})
	if err != nil || !e.Converged || e.N != 64*32 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, _ = until(context.Background(), draw.Options{Samples: 90},
		func(r *rand.Rand, n int, t *draw.Tally) {
			for range n {
				t.Add(0.5)
			}
		}); e.Converged {
		t.Errorf("%+v", e)
	}
}

func TestUntilItIsCancelled(t *testing.T) {
	reason := errors.New("lunch")
	ctx, cancel := context.WithCancelCause(context.Background())
	rounds := 0
	e, err := until(ctx, draw.Options{Progress: func(draw.Estimate) {
		if rounds++; rounds == 2 {
			cancel(reason)
		}
	}}, coin(1e-12))
	if !errors.Is(err, reason) || rounds != 2 {
		t.Errorf("%v after %d rounds", err, rounds)
	}
	if e.N == 0 {
		t.Error("what was known is lost")
	}
}
