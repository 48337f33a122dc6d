package mars_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A replica that is held asks for a turn, copies when it has it, and gives it back with the last sector.
// The switch of the operator is another matter, and a crash ends it.
func TestCopiesWaitForTheirTurn(t *testing.T) {
	c := begin(t, setup{seed: 22, sectors: 4096, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 200, 1)
	c.level(1)
	again := func() {
		t.Helper()
		c.ok(2, replica.OpInvalidate, 0, 1, nil)
	}
	waits := func() {
		t.Helper()
		c.until("host 2 waits for its turn", func() bool { return c.state(2).SyncWaits })
	}
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncHeld, nil)
	if c.state(2).SyncWaits {
		t.Errorf("it waits to copy nothing")
	}
	again()
	waits()
	left := c.state(2).ToCopy
	c.pass(10 * node.Second)
	if s := c.state(2); !s.Inconsistent || !s.SyncOn || s.SyncTurn || s.ToCopy != left {
		t.Errorf("it copies without a turn: %+v", s)
	}

	// A turn that the operator does not want used is given back, and asked for again.
	c.verb(2, replica.OpPauseSync)
	if s := c.state(2); s.SyncWaits {
		t.Errorf("it waits while copying is off")
	}
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncGiven, nil)
	if s := c.state(2); s.SyncTurn || s.ToCopy != left {
		t.Errorf("it keeps a turn of no use: %+v", s)
	}
	c.verb(2, replica.OpResumeSync)
	waits()

	// So is one while the source is silent.
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncGiven, nil)
	if s := c.state(2); !s.SyncTurn {
		t.Errorf("it has no turn: %+v", s)
	}
	c.cut(2, true)
	c.until("the turn is given back", func() bool { s := c.state(2); return !s.SyncTurn && !s.SyncWaits })
	c.cut(2, false)
	waits()
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncGiven, nil)
	c.consistent(2)
	if s := c.state(2); s.SyncTurn || s.SyncWaits {
		t.Errorf("the turn goes on: %+v", s)
	}

	again()
	waits()
	c.crash(2, node.LoseAll)
	c.up(2)
	c.consistent(2)
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncHeld, nil)
	again()
	waits()
	c.ok(2, replica.OpSyncTurn, 0, replica.SyncFree, nil)
	c.consistent(2)
	if o := c.ask(2, replica.OpSyncTurn, 0, 3, nil); o.Code != node.Invalid {
		t.Errorf("turn 3: %v", o.Code)
	}
	c.level(1)
	c.checkSameVolumes()
}
