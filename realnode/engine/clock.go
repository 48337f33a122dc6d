package engine

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// Clock counts nanoseconds from a moment that all processes of a run share: the run's epoch, a
// reading of CLOCK_MONOTONIC. The host's own clock may be off from it and drift against it. Use
// [NewClock].
type Clock struct {
	Offset node.Time // how far the host's own clock is ahead
	PPM    int64     // it gains so many microseconds a second; may be negative

	start time.Time // carries a reading of the monotonic clock
	since node.Time // from the epoch to start
}

// Monotonic reads CLOCK_MONOTONIC, in nanoseconds.
func Monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("clock_gettime(CLOCK_MONOTONIC): %w", err)
	}
	return ts.Nano(), nil
}

// NewClock makes the clock of a run that began at epoch. The time package reads the same clock
// without a system call, so the two are compared once, and closely: another try if the process
// was interrupted between the readings.
func NewClock(epoch int64) (Clock, error) {
	const close, tries = 20 * time.Microsecond, 20
	var best Clock
	gap := time.Duration(-1)
	for range tries {
		before := time.Now()
		mono, err := Monotonic()
		if err != nil {
			return Clock{}, err
		}
		if d := time.Since(before); gap < 0 || d < gap {
			gap = d
			best = Clock{start: before, since: node.Time(mono - epoch - int64(d)/2)}
		}
		if gap < close {
			break
		}
	}
	return best, nil
}

// Real is the time since the epoch.
func (c *Clock) Real() node.Time { return c.since + node.Time(time.Since(c.start)) }

// Now is what the host's own clock shows.
func (c *Clock) Now() node.Time { return c.Offset + stretch(c.Real(), c.PPM) }

// wait says how long the host's clock needs to advance by d. It errs on the long side: a timer
// must not be early.
func (c *Clock) wait(d node.Time) time.Duration {
	if c.PPM == 0 {
		return time.Duration(d)
	}
	return time.Duration(float64(d)/(1+float64(c.PPM)/1e6)) + 1
}

// stretch is t*(1+ppm/1e6) without overflow and without floating point.
func stretch(t node.Time, ppm int64) node.Time {
	const million = 1_000_000
	return t + t/million*node.Time(ppm) + t%million*node.Time(ppm)/million
}
