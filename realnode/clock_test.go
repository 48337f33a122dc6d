package realnode

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// TestWrongClock starts a process whose clock is far off, and runs twice too fast.
func TestWrongClock(t *testing.T) {
	cfg := testConfig(t, 2, plain)
	cfg.Clocks = []ClockError{{}, {Offset: node.Second * 1000, DriftPPM: 1_000_000}}
	u := newCaller(t, cfg)
	before := u.c.Now()
	right := node.Time(u.call(1, verbNow, 0, 0, nil).Epoch)
	wrong := node.Time(u.call(2, verbNow, 0, 0, nil).Epoch)
	after := u.c.Now()
	if right < before || right > after {
		t.Errorf("host 1 shows %v, expected between %v and %v", right, before, after)
	}
	if low, high := 1000*node.Second+2*before, 1000*node.Second+2*after; wrong < low || wrong > high {
		t.Errorf("host 2 shows %v, expected between %v and %v", wrong, low, high)
	}
	before = u.c.Now()
	const wait = 60 * node.Millisecond
	u.call(2, verbTimer, int64(wait), 0, nil)
	if d := u.c.Now() - before; d < wait/2-1 {
		t.Errorf("a timer of %v on a clock twice too fast took %v", wait, d)
	}
}
