package mars_test

import (
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// continues asks whether a history goes on from an epoch that a host has opened.
func (c *cluster) continues(at node.ID, epoch uint64, origin node.ID) node.Observation {
	return c.ask(at, replica.OpContinues, int64(origin), int64(epoch), nil)
}

// Handovers and recoveries keep everything, and are remembered when the log before them has been
// deleted. A failover by force may have lost something, whoever asks.
func TestAHistoryGoesOnUntilSomebodyUsesForce(t *testing.T) {
	c := begin(t, setup{seed: 1, sectors: 64})
	c.role(1, replica.RolePrimary)
	first := c.status(1).Epoch
	c.fill(1, 0, 16, 1)
	c.verb(2, replica.OpPrimary)
	c.level(2)
	c.fill(2, 0, 16, 100)
	c.level(2)
	c.crash(2, node.LoseSome)
	c.up(2)
	c.role(2, replica.RolePrimary)
	c.level(2)
	c.until("the log of the first epoch is deleted", func() bool { return c.status(2).LogFrom > 0 })
	if o := c.continues(1, first, 1); o.Code != node.NotPrimary {
		t.Errorf("a secondary says %v", o.Code)
	}
	for epoch, origin := range map[uint64]node.ID{first + 1: 2, first + 2: 2} {
		if o := c.continues(2, epoch, origin); o.Code != node.OK {
			t.Errorf("epoch %d of host %d: %v %s", epoch, origin, o.Code, o.Data)
		}
	}
	for epoch, origin := range map[uint64]node.ID{first + 1: 1, first + 2: 1, first + 7: 2} {
		if o := c.continues(2, epoch, origin); o.Code != node.Refused {
			t.Errorf("epoch %d of host %d, which there was not: %v", epoch, origin, o.Code)
		}
	}
	last := c.status(2).Epoch
	c.cut(2, true)
	c.verb(1, replica.OpPrimaryForce)
	o := c.continues(1, last, 2)
	if o.Code != node.Refused || !strings.Contains(string(o.Data), "by force") {
		t.Errorf("after a failover: %v %s", o.Code, o.Data)
	}
	if o := c.continues(1, last+1, 1); o.Code != node.OK {
		t.Errorf("the epoch that it opened: %v %s", o.Code, o.Data)
	}
}
