package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A host has many replicas, and most of them have nothing to do most of the time. So one that has
// been idle for a while ticks more slowly, until anything happens to it.
const (
	calmTicks = 10 // ticks without anything to do, then it slows down
	slowdown  = 20 // 1 s instead of 50 ms
)

// period is the time to the next tick. Called once a tick.
func (m *Machine) period() node.Time {
	if m.idle() {
		m.calm++
	} else {
		m.calm = 0
	}
	if m.slow = m.calm >= calmTicks; m.slow {
		return slowdown * m.cfg.Tick
	}
	return m.cfg.Tick
}

// wake makes a slow replica tick as usual if the step has given it something to do.
func (m *Machine) wake() {
	if m.slow && !m.idle() {
		m.slow, m.calm = false, 0
		m.out.SetTimer(tagTick, m.cfg.Tick)
	}
}

// idle says whether ticks have nothing to do but to exchange positions with others. Whatever
// a tick repeats, gives up or begins must be asked about here.
func (m *Machine) idle() bool {
	switch m.role {
	case replica.RoleBooting, replica.RoleRecovering:
		return false
	case replica.RoleDefective:
		return true
	}
	return m.disksIdle() && m.fetchIdle() && m.copyIdle() && m.change.kind == changeNone &&
		m.change.promoting == 0 && !m.change.draining && m.quiet()
}

// disksIdle says whether all that is known here is on disk, as far as it may be.
func (m *Machine) disksIdle() bool {
	if m.emergency.on {
		return false
	}
	applied := m.applied.pos >= m.replayEnd() || m.resting() && !m.pausing()
	return m.durable.pos == m.stream.at.pos && applied && m.applied == m.state.applied &&
		m.meta.saved == m.meta.want && !m.meta.syncing && !m.applier.busy && !m.resizing()
}

// copyIdle says whether no copy is under way, and this replica does not begin anew.
func (m *Machine) copyIdle() bool {
	return !m.restarting && !m.wantsCatchUp() && (!m.copy.on || m.source() == nil ||
		m.copy.based && (m.state.syncOff || m.turn == replica.SyncHeld))
}

// fetchIdle says whether the own log ends where that of the source is known to end, nobody else has
// more, and nothing is still to be read of what was lost. That the two logs are one is what slow ticks
// ask about: the source may have another one of the same length. Who has less than another member waits
// for the source, and has to find out soon if it waits in vain.
func (m *Machine) fetchIdle() bool {
	f := &m.fetch
	if f.cut {
		return f.scan.reading || f.scan.pos >= m.durable.pos
	}
	if p := m.source(); p != nil {
		return f.heard && f.committed == m.stream.at.pos && m.instead(p) == nil
	}
	return true
}
