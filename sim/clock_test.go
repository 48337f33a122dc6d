package sim

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/node"
)

// wrongClock is a cluster of one host whose clock is off.
func wrongClock(t *testing.T, offset node.Time, ppm int64) *rig {
	return newRig(t, Config{Hosts: 1, Clock: func(node.ID) (node.Time, int64) {
		return offset, ppm
	}}, node.Spec{})
}

func TestTimersLastAsLongAsTheHostsOwnClockSays(t *testing.T) {
	for _, offset := range []node.Time{0, 3 * node.Second, -5 * node.Millisecond} {
		for _, ppm := range []int64{0, 1, -1, 50, -50, 500, -500} {
			t.Run(fmt.Sprintf("%v off, %d ppm", offset, ppm), func(t *testing.T) {
				r := wrongClock(t, offset, ppm)
				random := node.NewStream(uint64(ppm), "durations")
				for range 300 {
					lasts := node.Time(random.Below(1 << (1 + random.Below(30))))
					r.run(node.Time(random.Below(1 << 20)))
					began, own := r.Now(), r.hosts[0].Now()
					r.on(1, func(out *node.Effects) { out.SetTimer(1, lasts) })
					r.run(2*lasts + 10)
					got := r.take(1)
					if len(got) != 1 {
						t.Fatalf("a timer of %d ns fired %d times", lasts, len(got))
					}
					// Never early by the clock of whoever set it, and late by no more than one tick.
					if late := got[0].own - own - lasts; late < 0 || late > 1 {
						t.Fatalf("a timer of %d ns came %d ns late on its own clock", lasts, late)
					}
					exact := float64(lasts) / (1 + float64(ppm)/1e6)
					if off := float64(got[0].at-began) - exact; off < -2 || off > 2 {
						t.Fatalf("a timer of %d ns lasted %d ns, expected %.0f", lasts,
							got[0].at-began, exact)
					}
				}
			})
		}
	}
}

func TestAClockIsOffByItsOffsetAndItsDrift(t *testing.T) {
	r := wrongClock(t, -7*node.Millisecond, 250)
	for _, at := range []node.Time{node.Second, 1000 * node.Second, 10_000_000 * node.Second} {
		r.run(at - r.Now())
		want := at + at/4000 - 7*node.Millisecond
		if got := r.hosts[0].Now(); got != want {
			t.Errorf("at %v the clock shows %v, expected %v", at, got, want)
		}
	}
}

func TestAClockNeverGoesBack(t *testing.T) {
	r := wrongClock(t, 0, -500)
	last := r.hosts[0].Now()
	for range 5000 {
		r.run(1)
		if now := r.hosts[0].Now(); now < last {
			t.Fatalf("at %d the clock shows %d after %d", r.Now(), now, last)
		} else {
			last = now
		}
	}
}

func TestATimerWithoutEndDoesNotFire(t *testing.T) {
	r := wrongClock(t, 0, 500)
	r.on(1, func(out *node.Effects) { out.SetTimer(1, 1<<63-1) })
	r.run(1_000_000 * node.Second)
	if got := r.take(1); len(got) != 0 {
		t.Fatalf("it fired at %v", got[0].at)
	}
}
