package mars_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// The limit of the log can be set while it is needed: the log shrinks then, on all members, and the
// setting goes with the primary and over crashes. Without a limit again, who is away keeps the log.
func TestLimitOfTheLogIsSetAtRunTime(t *testing.T) {
	c := begin(t, setup{seed: 21, hosts: 3, sectors: 64, faulty: true, cfg: mars.Config{Ack: mars.AckRemote}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 64, 1)
	c.level(1)
	c.crash(3, node.LoseAll)
	for i := range uint64(100) {
		c.fill(1, 0, 64, 1000+64*i)
	}
	if s := c.state(1); s.LogLimit != 0 || s.LogFrom != 0 {
		t.Fatalf("without a limit: %+v", s)
	}
	if o := c.ask(1, replica.OpSetLogLimit, 0, -1, nil); o.Code != node.Invalid ||
		string(o.Data) != "log limit -1, expected 0 or more bytes" {
		t.Errorf("%v: %s", o.Code, o.Data)
	}
	if o := c.ask(2, replica.OpSetLogLimit, 0, 1, nil); o.Code != node.NotPrimary {
		t.Errorf("at a secondary: %v", o.Code)
	}
	const limit = 64 << 10
	c.ok(1, replica.OpSetLogLimit, 0, limit, nil)
	for i := range uint64(100) {
		c.fill(1, 0, 64, 10000+64*i)
	}
	c.upToDate(2)
	for _, id := range []node.ID{1, 2} {
		// Two segments of the least length may be there besides what is kept.
		if s := c.state(id); s.LogLimit != limit || s.LogFrom == 0 || s.End-s.LogFrom > 3<<20 {
			t.Errorf("host %d: %+v", id, s)
		}
	}
	c.crash(2, node.LoseAll)
	c.up(2)
	c.upToDate(2)
	c.verb(2, replica.OpPrimary)
	if s := c.state(2); s.LogLimit != limit || s.Ack != "remote" {
		t.Errorf("the new primary has %+v", s)
	}
	c.ok(2, replica.OpSetLogLimit, 0, 0, nil)
	from := c.state(2).LogFrom
	for i := range uint64(50) {
		c.fill(2, 0, 64, 20000+64*i)
	}
	c.upToDate(1)
	if s := c.state(2); s.LogLimit != 0 || s.LogFrom != from {
		t.Errorf("without a limit again: kept from %d, expected %d", s.LogFrom, from)
	}
}
