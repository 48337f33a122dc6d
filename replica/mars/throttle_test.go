package mars_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// A member does not fetch. Writers are slowed down more and more, until the limit is reached and it is left behind:
// then nobody waits any more. Reads never wait.
func TestWritersAreSlowedDownUntilTheSlowestIsLeftBehind(t *testing.T) {
	c := begin(t, setup{seed: 31, sectors: 64, cfg: mars.Config{Segment: 4096, LogLimit: 32 << 10, Throttle: 50}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 64, 1)
	c.level(1)
	c.verb(2, replica.OpDisconnect)
	var waits []node.Time
	for i := uint64(0); !left(c); i++ {
		began := c.sim.Now()
		c.ok(1, node.OpWrite, int64(i%64), 1, stamp(1000+i))
		waits = append(waits, c.sim.Now()-began)
		began = c.sim.Now()
		c.ok(1, node.OpRead, 1, 1, nil)
		if took := c.sim.Now() - began; took > 5*node.Millisecond {
			t.Fatalf("a read took %v", took)
		}
		if i > 2000 {
			t.Fatal("it is never left behind")
		}
	}
	n := len(waits)
	longest := node.Time(0)
	for i, took := range waits {
		if i < n/4 && took > 5*node.Millisecond {
			t.Fatalf("write %d of %d took %v, long before the limit", i, n, took)
		}
		longest = max(longest, took)
	}
	if half := waits[n*3/4]; half < 10*node.Millisecond || half > 60*node.Millisecond ||
		longest < 80*node.Millisecond || longest > 110*node.Millisecond {
		t.Errorf("of %d writes one half way from the mark to the limit took %v, the longest %v", n, half, longest)
	}
	began := c.sim.Now()
	c.ok(1, node.OpWrite, 5, 1, stamp(9))
	if took := c.sim.Now() - began; took > 5*node.Millisecond {
		t.Errorf("a write takes %v though nobody can be helped by that", took)
	}
}

// left says whether host 2 needs log that host 1 has deleted.
func left(c *cluster) bool { return c.state(1).LogFrom > c.state(2).End }
