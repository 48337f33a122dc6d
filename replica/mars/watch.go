package mars

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// verb is one that is answered as soon as a state is durable and a position is applied.
type verb struct {
	tag  node.Tag
	gen  uint64
	pos  int64
	here bool // it is about this replica alone, whatever its role
	// pause waits until the pause of replay is durable, too.
	pause bool
}

// answerVerbs answers the verbs that have all they wait for.
func (m *Machine) answerVerbs() {
	left := m.verbs[:0]
	for _, v := range m.verbs {
		if m.meta.saved >= v.gen && m.applied.pos >= v.pos && !(v.pause && m.pausing()) {
			m.out.Reply(v.tag, node.OK, m.ver.epoch(), nil)
		} else {
			left = append(left, v)
		}
	}
	m.verbs = left
}

// dropVerbs ends the verbs under way when this replica stops being primary. What they wanted may
// still come true.
func (m *Machine) dropVerbs() {
	left := m.verbs[:0]
	for _, v := range m.verbs {
		if v.here {
			left = append(left, v)
		} else {
			m.out.Reply(v.tag, node.Unknown, m.ver.epoch(), nil)
		}
	}
	m.verbs = left
}

// vitals is what Status.Changes counts the changes of.
type vitals struct {
	role       replica.Role
	ver        version
	fetchOn    bool
	replayOn   bool
	cut        bool // our history has left the designated branch
	split      bool // or that of a peer
	syncOff    bool
	copies     bool // the volume is inconsistent
	orphan     bool
	emergency  bool
	waits      bool  // for its turn to copy
	turn       int64 // which it has
	fenced     bool
	staged     bool // it catches up
	install    bool
	sectors    int64
	lost       replica.Loss
	groupEpoch uint64
	groupBy    node.ID
	changes    uint64 // of the group
}

func (m *Machine) vitals() vitals {
	return vitals{role: m.role, ver: m.ver, fetchOn: m.state.fetchOn, replayOn: m.state.replayOn,
		waits: m.waits(), turn: m.turn, syncOff: m.state.syncOff, copies: m.copy.on, orphan: m.fetch.orphan,
		emergency: m.emergency.on, fenced: m.unserved(),
		staged: m.copy.staged.on, install: m.copy.staged.install,
		cut: m.fetch.cut, split: m.splitBrain(), sectors: m.sectors, lost: m.fetch.lost,
		groupEpoch: m.group.epoch, groupBy: m.group.by, changes: m.group.changes}
}

// changed says whether the vitals are others than at the end of the step before. It runs at every
// step: so it builds nothing, and looks at a loss only where there can be one.
func (m *Machine) changed() bool {
	s := &m.seen
	return s.staged != m.copy.staged.on || s.install != m.copy.staged.install ||
		s.syncOff != m.state.syncOff || s.copies != m.copy.on || s.orphan != m.fetch.orphan ||
		s.emergency != m.emergency.on ||
		s.turn != m.turn || s.waits != m.waits() || s.fenced != m.unserved() ||
		s.role != m.role || s.ver != m.ver || s.sectors != m.sectors ||
		s.fetchOn != m.state.fetchOn || s.replayOn != m.state.replayOn || s.cut != m.fetch.cut ||
		s.split != m.splitBrain() || s.cut && s.lost != m.fetch.lost ||
		s.changes != m.group.changes || s.groupEpoch != m.group.epoch || s.groupBy != m.group.by
}

// splitBrain says whether our history, or that of a peer, has left the designated branch.
func (m *Machine) splitBrain() bool {
	if m.fetch.cut {
		return true
	}
	for i := range m.peers {
		if m.peers[i].cut {
			return true
		}
	}
	return false
}

// noteChange counts what this step has changed, and answers those who wait for it.
func (m *Machine) noteChange() {
	if !m.changed() {
		return
	}
	m.seen = m.vitals()
	m.changes++
	if len(m.watchers) == 0 {
		return
	}
	s := m.Status()
	text := s.Encode()
	for _, tag := range m.watchers {
		m.out.Reply(tag, node.OK, m.ver.epoch(), text)
	}
	m.watchers = m.watchers[:0]
}

// onWatch answers at once if there is something new, or else when there is.
func (m *Machine) onWatch(ev *node.Event) {
	if m.noteChange(); uint64(ev.N) == m.changes {
		m.watchers = append(m.watchers, ev.Tag)
		return
	}
	s := m.Status()
	m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), s.Encode())
}

// onOpen counts who holds the volume open. A holder may let go whatever has become of the replica.
func (m *Machine) onOpen(ev *node.Event) {
	code, why := node.OK, ""
	switch {
	case ev.Op == replica.OpClose:
		m.opened = max(0, m.opened-1)
	case m.role != replica.RolePrimary || m.change.draining:
		code, why = node.NotPrimary, askPrimary
	default:
		m.opened++
	}
	m.out.Reply(ev.Tag, code, m.ver.epoch(), []byte(why))
}

// inUse is the sentence with which a handover is refused.
func inUse(host node.ID, users int64) string {
	if users == 1 {
		return fmt.Sprintf("the volume is in use on host %d by 1 user", host)
	}
	return fmt.Sprintf("the volume is in use on host %d by %d users", host, users)
}

// onContinues says whether this history is the one of an epoch that the asker has known, and only
// planned handovers and recoveries came since. Where neither the log nor memory reaches back that far
// any more that is not known, and so not promised.
func (m *Machine) onContinues(ev *node.Event, refuse func(string)) {
	if m.role != replica.RolePrimary {
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
		return
	}
	for _, s := range slices.Backward(slices.Concat(m.stream.gone, m.stream.segments)) {
		if s.Epoch == uint64(ev.N) && int64(s.Origin) == ev.Off {
			m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), nil)
			return
		}
		if s.Reason == Forced {
			refuse(fmt.Sprintf("host %d became primary by force, in epoch %d", s.Origin, s.Epoch))
			return
		}
	}
	refuse("the log does not reach back to that epoch")
}
