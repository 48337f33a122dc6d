package fleet

import (
	"context"
	"errors"
	"math"
	"reflect"
	"testing"
)

func TestARunEndsWithItsContext(t *testing.T) {
	cfg := down(shards(1000, 2), 0.01)
	cfg.Hours = MaxHours
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	calls, last := 0, -1.0
	_, err := Run(ctx, cfg, func(done, of float64) {
		if done < last || of != MaxHours {
			t.Errorf("%g of %g after %g", done, of, last)
		}
		if calls, last = calls+1, done; calls == 5 {
			cancel(reason)
		}
	})
	if !errors.Is(err, reason) || calls != 5 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestEventsAllocateNothing(t *testing.T) {
	cfg := down(copysets(300, 3, 2), 0.01)
	allocations := func(hours float64) float64 {
		cfg.Hours = hours
		return testing.AllocsPerRun(3, func() { watch(t, cfg) })
	}
	short, long := allocations(5000), allocations(50_000)
	if long > short+10 { // sizes never seen before
		t.Errorf("%g allocations in a tenth of the time, %g in all of it", short, long)
	}
}

func TestTheExpectedNumberOfEventsIsClose(t *testing.T) {
	cfg := down(shards(100, 2), 0.01)
	cfg.Hours = 20_000
	if r := watch(t, cfg); math.Abs(float64(r.Events)/cfg.Events()-1) > 0.02 {
		t.Errorf("%d events, expected %g", r.Events, cfg.Events())
	}
}

func TestTheSameSeedGivesTheSameAndAnotherDoesNot(t *testing.T) {
	cfg := down(copysets(300, 3, 2), 0.01)
	cfg.Hours = 10_000
	one, two := watch(t, cfg), watch(t, cfg)
	if !reflect.DeepEqual(one, two) {
		t.Errorf("%+v\n%+v", one, two)
	}
	cfg.Seed++
	if other := watch(t, cfg); other.Digest == one.Digest || other.Downtime == one.Downtime {
		t.Error("another seed gives the same")
	}
}
