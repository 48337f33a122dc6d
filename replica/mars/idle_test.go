package mars_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// calm makes a group that has had nothing to do for a while.
func calm(t *testing.T, s setup) *cluster {
	t.Helper()
	c := begin(t, s)
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.pass(5 * node.Second)
	return c
}

// eventsPerSecond is what the group does though nobody wants anything of it.
func (c *cluster) eventsPerSecond() float64 {
	n := c.sim.Events()
	c.pass(100 * node.Second)
	return float64(c.sim.Events()-n) / 100
}

// A second needs one tick and one hello of each replica, and one fetch with its answer.
func TestIdleReplicasCostLittle(t *testing.T) {
	c := calm(t, setup{})
	if got := c.eventsPerSecond(); got > 7 {
		t.Errorf("two idle replicas: %v events a second", got)
	}
	c.verb(2, replica.OpPauseReplay)
	c.fill(1, 0, 10, 20)
	c.pass(5 * node.Second)
	if got := c.eventsPerSecond(); got > 7 {
		t.Errorf("replay paused: %v events a second", got)
	}
	c.verb(2, replica.OpResumeReplay)
	c.ok(1, replica.OpRemoveMember, 0, 0, address(2))
	c.pass(5 * node.Second)
	if got := c.eventsPerSecond(); got > 4 {
		t.Errorf("one has left: %v events a second", got)
	}
}

// A replica that slept through everything is level again about a second after it can be.
func TestIdleReplicasWakeUp(t *testing.T) {
	c := calm(t, setup{faulty: true})
	before := c.sim.Now()
	c.fill(1, 0, 10, 100)
	c.level(1)
	if took := c.sim.Now() - before; took > 20*node.Millisecond {
		t.Errorf("a write reached the volume of the secondary after %v", took)
	}
	c.pass(150 * node.Millisecond)
	for _, id := range c.hosts { // what is done at ticks is done soon
		if s := c.state(id); s.Synced != s.End {
			t.Errorf("host %d has synced %d of %d", id, s.Synced, s.End)
		}
	}
	c.pass(5 * node.Second)
	c.cut(2, true)
	c.fill(1, 0, 10, 200)
	c.pass(20 * node.Second)
	c.cut(2, false)
	before = c.sim.Now()
	c.level(1)
	if took := c.sim.Now() - before; took > 1200*node.Millisecond {
		t.Errorf("what was lost on the way came after %v", took)
	}
	c.pass(5 * node.Second)
	before = c.sim.Now()
	c.verb(2, replica.OpPrimary)
	if took := c.sim.Now() - before; took > 100*node.Millisecond {
		t.Errorf("the handover took %v", took)
	}
	c.pass(5 * node.Second)
	c.cut(1, true)
	before = c.sim.Now()
	o := c.ask(1, replica.OpPrimary, 0, 0, nil)
	took := c.sim.Now() - before
	if o.Code != node.TimedOut || took > 31*node.Second {
		t.Errorf("a handover that nobody answers: %v %s after %v", o.Code, o.Data, took)
	}
}

func TestWatcherHearsOfADefect(t *testing.T) {
	dump, cfg := remains(t)
	dump.Logs[0] = nil
	d := mars.NewDesk(t, 2, cfg)
	d.Load(dump)
	d.Boot()
	s := d.Status()
	if s.Role != replica.RoleDefective || s.Defect == "" || s.Defect != d.Machine.Defect() {
		t.Errorf("%+v", s)
	}
	if o, ok := d.Ask(replica.OpWatch, 0, 0, nil); !ok || o.Code != node.OK {
		t.Errorf("of a change that has happened: %v, %v", ok, o.Code)
	}
	if _, ok := d.Ask(replica.OpWatch, 0, int64(s.Changes), nil); ok {
		t.Error("a watch was answered though nothing has changed")
	}
	// One that is under way is answered when the replica becomes defective.
	dump, _ = remains(t)
	d = mars.NewDesk(t, 2, cfg)
	d.Load(dump)
	d.Boot()
	d.Ticks(3)
	d.Ask(replica.OpPauseReplay, 0, 0, nil)
	changes := int64(d.Status().Changes)
	tag := node.Tag(7)
	d.Step(&node.Event{Kind: node.KindRequest, Op: replica.OpWatch, Tag: tag, N: changes})
	d.Break("a test says so")
	o, ok := d.Answers[tag]
	if got, err := replica.DecodeStatus(o.Data); !ok || err != nil || got.Defect != "a test says so" {
		t.Errorf("answered %v: %+v, %v", ok, got, err)
	}
}

// A log that has left the branch may be as long as that of the new primary, or longer. Also a
// replica that hears nothing else of interest finds out about it soon.
func TestIdleReplicaFindsOutThatItHasLeftTheBranch(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		c := calm(t, setup{faulty: true})
		c.cut(2, true)
		c.fill(1, 0, n, 100) // the new primary writes two
		c.verb(2, replica.OpPrimaryForce)
		c.fill(2, 0, 2, 200)
		c.pass(10 * node.Second)
		// Host 1 hears host 2, but for a while host 2 does not hear what it asks.
		c.states[2].Links = nil
		c.control(2)
		c.pass(10 * node.Second)
		if s := c.state(1); s.Role != replica.RoleSecondary || s.CutOff {
			t.Fatalf("%d writes: %+v", n, s)
		}
		c.states[1].Links = nil
		c.control(1)
		before := c.sim.Now()
		c.until("host 1 is cut off", func() bool { return c.state(1).CutOff })
		if took := c.sim.Now() - before; took > 1200*node.Millisecond {
			t.Errorf("%d writes: host 1 found out after %v", n, took)
		}
	}
}
