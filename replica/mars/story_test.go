package mars_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

func TestSecondaryFollows(t *testing.T) {
	c := start(t, 3, 1, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 100; i++ {
		if code := c.write(1, i%7, uint64(i+1)); code != node.OK {
			t.Fatalf("write %d: %v", i, code)
		}
	}
	if code := c.write(2, 0, 99); code != node.NotPrimary {
		t.Fatalf("a secondary took a write: %v", code)
	}
	c.until("both follow", func() bool {
		return c.status(2).AppliedSeq == 100 && c.status(3).AppliedSeq == 100
	})
	if got := c.read(1, 99%7); got != 100 {
		t.Fatalf("read #%d, expected #100", got)
	}
}

func TestPlannedHandoverLosesNothing(t *testing.T) {
	c := start(t, 2, 2, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 50; i++ {
		c.write(1, i, uint64(i+1))
	}
	if o := c.ask(2, replica.OpPrimary, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary: %v %s", o.Code, o.Data)
	}
	for i := int64(0); i < 50; i++ {
		if got := c.read(2, i); got != uint64(i+1) {
			t.Fatalf("sector %d holds #%d", i, got)
		}
	}
	c.write(2, 0, 1000)
	c.upToDate(1)
	if o := c.ask(1, replica.OpPrimary, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary back: %v %s", o.Code, o.Data)
	}
	if got := c.read(1, 0); got != 1000 {
		t.Fatalf("sector 0 holds #%d", got)
	}
}

func TestPrimaryRecovers(t *testing.T) {
	for seed := uint64(0); seed < 20; seed++ {
		c := start(t, 2, seed, mars.Config{})
		c.role(1, replica.RolePrimary)
		for i := int64(0); i < 50; i++ {
			c.write(1, i%10, uint64(i+1))
		}
		if err := c.sim.Crash(1, node.LoseSome); err != nil {
			t.Fatal(err)
		}
		c.up(1)
		c.role(1, replica.RolePrimary)
		for i := int64(0); i < 10; i++ {
			if got := c.read(1, i); got != uint64(40+i+1) {
				t.Fatalf("seed %d: sector %d holds #%d", seed, i, got)
			}
		}
		c.upToDate(2)
	}
}

func TestForcedFailoverSaysWhatWasLost(t *testing.T) {
	c := start(t, 2, 3, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 10; i++ {
		c.write(1, i, uint64(i+1))
	}
	c.upToDate(2)
	c.ask(2, replica.OpDisconnect, 0, 0, nil)
	for i := int64(0); i < 5; i++ {
		c.write(1, i, uint64(i+101))
	}
	c.sim.Crash(1, node.LoseAll)
	if o := c.ask(2, replica.OpPrimaryForce, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary --force: %v %s", o.Code, o.Data)
	}
	if got := c.read(2, 3); got != 4 {
		t.Fatalf("sector 3 holds #%d", got)
	}
	c.write(2, 3, 500)
	c.up(1)
	c.until("split brain is seen on both sides", func() bool {
		return c.status(1).SplitBrain && c.status(2).SplitBrain
	})
	c.until("the loss is counted", func() bool { return c.status(1).Lost.Ops == 5 })
	if s := c.status(1); s.Role != replica.RoleSecondary || s.Lost.Bytes != 5*4096 || s.UpToDate {
		t.Fatalf("old primary: %+v", s)
	}
}
