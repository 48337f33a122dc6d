package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// deleteKick deletes the oldest segment of the log once nobody needs it any more: its content is on
// the own volume, to stay, and on those of all members. The newest segment is never deleted, nor the one
// before it as long as a crash would leave nothing of the newest one.
func (m *Machine) deleteKick() {
	if m.deleting || m.restarting || len(m.stream.segments) < 2 {
		return
	}
	if next := m.stream.segments[1].Start; next <= m.needed() && next < m.durable.pos {
		m.deleting = true
		m.out.LogDelete(devLog, tagLogDelete, m.stream.segments[0].Nr)
	}
}

// tight says whether the log takes more space than it may: then those who are furthest behind have to go
// without it, so that one dead member does not stop all others, and their users.
func (m *Machine) tight() bool {
	return m.logger.full || m.cfg.LogLimit > 0 && m.stream.at.pos-m.stream.oldest() > m.cfg.LogLimit
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
	if ev.Code == node.OK {
		m.stream.segments = m.stream.segments[1:]
		m.deleteKick()
	}
}

// rotateIfLong begins a new segment when the newest one is long enough.
func (m *Machine) rotateIfLong() {
	last := &m.stream.segments[len(m.stream.segments)-1]
	if m.stream.at.pos-last.Start >= m.cfg.Segment {
		m.rotate()
	}
}
