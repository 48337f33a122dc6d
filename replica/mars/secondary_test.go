package mars_test

import (
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// A primary steps down without a successor: nobody serves, nothing is lost, and whoever is asked
// to be primary next gets all of it, also if the old primary has crashed meanwhile.
func TestAPrimaryStepsDownForNobody(t *testing.T) {
	for _, next := range []node.ID{1, 2} {
		c := start(t, 2, 1, mars.Config{})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 10, 1)
		c.verb(1, replica.OpSecondary)
		c.role(1, replica.RoleClosed)
		if got := c.write(1, 0, 99); got != node.NotPrimary {
			t.Errorf("a write to a replica that has stepped down: %v", got)
		}
		c.verb(1, replica.OpSecondary) // it is so already
		c.until("host 2 knows that nobody is primary", func() bool { return c.state(2).Primary == 0 })
		c.crash(1, node.LoseAll)
		c.up(1)
		c.role(1, replica.RoleClosed)
		c.verb(next, replica.OpPrimary)
		for s := range int64(10) {
			c.expect(next, s, uint64(s+1))
		}
		c.level(next)
	}
}

func TestAVolumeInUseKeepsItsPrimary(t *testing.T) {
	c := start(t, 2, 1, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.verb(1, replica.OpOpen)
	if why := c.refused(1, replica.OpSecondary); !strings.Contains(why, "in use") {
		t.Errorf("stepping down: %s", why)
	}
	c.verb(1, replica.OpClose)
	c.verb(1, replica.OpSecondary)
}

// A write that wants to be durable is answered when it is, whatever others are content with; all
// that came before is durable then, too.
func TestAWriteMayWantToBeDurable(t *testing.T) {
	for _, ack := range []mars.Ack{mars.AckDurable, mars.AckLogged, mars.AckSubmitted} {
		c := start(t, 1, 1, mars.Config{Ack: ack})
		c.role(1, replica.RolePrimary)
		c.write(1, 0, 1)
		for op, data := range map[node.Op][]byte{node.OpWrite: stamp(2), node.OpZero: nil} {
			tag := node.Tag(1000 + uint64(op))
			c.sim.Submit(node.Request{Host: 1, Op: op, Tag: tag, Sector: int64(op), N: 1,
				Flags: node.FlagDurable, Data: data})
			if got := c.wait(tag).Code; got != node.OK {
				t.Fatalf("%v: %v", op, got)
			}
		}
		c.crash(1, node.LoseAll)
		c.up(1)
		c.role(1, replica.RolePrimary)
		c.expect(1, 0, 1)
		c.expect(1, int64(node.OpWrite), 2)
	}
}
