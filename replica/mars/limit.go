package mars

import (
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// logLimit is the limit in force, in bytes: that of the configuration, until a primary has been told
// another one. 0: none.
func (m *Machine) logLimit() int64 {
	if m.group.limit != 0 {
		return m.group.limit - 1
	}
	return m.cfg.LogLimit
}

// segment is how long a segment becomes, in bytes. Segments go as a whole, so under a limit they are
// a small part of it.
func (m *Machine) segment() int64 {
	if limit := m.logLimit(); limit > 0 {
		return min(m.cfg.Segment, max(limit/8, 2*maxBody))
	}
	return m.cfg.Segment
}

// onSetLogLimit changes the limit, for all members.
func (m *Machine) onSetLogLimit(ev *node.Event) {
	switch {
	case ev.N < 0 || ev.N+1 < 0:
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(),
			fmt.Appendf(nil, "log limit %d, expected 0 or more bytes", ev.N))
		return
	case m.role != replica.RolePrimary || m.change.draining:
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
		return
	}
	if ev.N != m.logLimit() {
		g := m.nextGroup()
		g.limit = ev.N + 1
		m.group = g
		m.save()
		m.rotateIfLong() // what is in a segment of the old length can go only when another one begins
	}
	m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.meta.want})
	m.answerVerbs()
}
