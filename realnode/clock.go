package realnode

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// clock counts nanoseconds from a moment that all processes of a run share: the run's epoch, a
// reading of CLOCK_MONOTONIC. The host's own clock may be off from it and drift against it.
type clock struct {
	start  time.Time // carries a reading of the monotonic clock
	since  node.Time // from the epoch to start
	offset node.Time
	ppm    int64 // the host's clock gains so many microseconds a second; may be negative
}

// monotonic reads CLOCK_MONOTONIC, in nanoseconds.
func monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("clock_gettime(CLOCK_MONOTONIC): %w", err)
	}
	return ts.Nano(), nil
}

// newClock makes the clock of a run that began at epoch. The time package reads the same clock
// without a system call, so the two are compared once, and closely: another try if the process
// was interrupted between the readings.
func newClock(epoch int64) (clock, error) {
	const close, tries = 20 * time.Microsecond, 20
	var best clock
	gap := time.Duration(-1)
	for range tries {
		before := time.Now()
		mono, err := monotonic()
		if err != nil {
			return clock{}, err
		}
		if d := time.Since(before); gap < 0 || d < gap {
			gap = d
			best = clock{start: before, since: node.Time(mono - epoch - int64(d)/2)}
		}
		if gap < close {
			break
		}
	}
	return best, nil
}

// real is the time since the epoch.
func (c *clock) real() node.Time { return c.since + node.Time(time.Since(c.start)) }

// now is what the host's own clock shows.
func (c *clock) now() node.Time { return c.offset + stretch(c.real(), c.ppm) }

// wait says how long the host's clock needs to advance by d. It errs on the long side: a timer
// must not be early.
func (c *clock) wait(d node.Time) time.Duration {
	if c.ppm == 0 {
		return time.Duration(d)
	}
	return time.Duration(float64(d)/(1+float64(c.ppm)/1e6)) + 1
}

// stretch is t*(1+ppm/1e6) without overflow and without floating point.
func stretch(t node.Time, ppm int64) node.Time {
	const million = 1_000_000
	return t + t/million*node.Time(ppm) + t%million*node.Time(ppm)/million
}
