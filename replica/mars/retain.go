package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// deleteKick deletes the oldest segment of the log once nobody needs it any more: its content is on
// the own volume, to stay, and on those of all members. The newest segment is never deleted,
// but in an emergency.
func (m *Machine) deleteKick() {
	if !m.deleting && !m.restarting && m.deletable() {
		m.deleting = true
		m.out.LogDelete(devLog, tagLogDelete, m.stream.segments[0].Nr)
	}
}

// deletable says whether nobody needs the oldest segment any more.
func (m *Machine) deletable() bool {
	segs := m.stream.segments
	switch e := &m.emergency; {
	case e.on && e.until > 0 || len(segs) == 0:
		return false
	case e.on && len(segs) == 1:
		return e.from <= e.kept
	case e.on:
		return segs[1].Start <= e.kept
	case len(segs) == 1:
		return false
	}
	// The next one must be on disk: a log that is gone altogether says nothing.
	return m.durable.pos > segs[1].Start && segs[1].Start <= m.needed()
}

// tight says whether the log takes more space than it may: then those who are furthest behind have to go
// without it, so that one dead member does not stop all others, and their users.
func (m *Machine) tight() bool {
	limit := m.logLimit()
	return m.logger.full || limit > 0 && m.stream.at.pos-m.logFrom() > limit
}

// needed is the position from which on somebody may still ask for the log, or need it to recover.
// The primary decides for all: only it knows who has left its branch.
func (m *Machine) needed() int64 {
	pos := m.state.applied.pos
	if m.meta.saved != m.meta.want || m.fetch.cut {
		return 0 // what is on the volume is not known to stay; or the log is all that tells what was lost
	}
	if m.tight() && (m.role == replica.RolePrimary || m.role == replica.RoleSecondary) {
		return pos
	}
	switch m.role {
	case replica.RolePrimary:
		for i := range m.peers {
			if p := &m.peers[i]; p.known {
				pos = min(pos, p.synced)
			} else {
				pos = 0
			}
		}
		return pos
	case replica.RoleSecondary:
		return min(pos, m.fetch.floor)
	}
	return 0
}

func (m *Machine) logDeleted(ev *node.Event) {
	m.deleting = false
	if ev.Code == node.OK || ev.Code == node.Invalid && m.emergency.on { // it may never have come to be
		known := m.stream.dropOldest()
		m.emergencyForgets()
		if known {
			m.save()
		}
		m.deleteKick()
	}
}

// rotateIfLong begins a new segment when the newest one is long enough.
func (m *Machine) rotateIfLong() {
	if m.emergency.on {
		return
	}
	last := &m.stream.segments[len(m.stream.segments)-1]
	if m.stream.at.pos-last.Start >= m.segment() {
		m.rotate()
	}
}
