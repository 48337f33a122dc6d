package mars

import (
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// emergency is how a primary goes on when its log has no room and none can be made: what users write
// goes to the volume without having been in the log. The stream goes on in memory, with its
// positions and digests, so a member that keeps up may still fetch it from there. Who does not keep up
// is left behind. The log on disk ends where the emergency began, and is deleted once the volume
// holds all of it; when there is room again, a segment begins with the reason [Hole].
//
// Durable is, meanwhile, what is on the volume to stay, and recorded in the state as such. So
// acknowledgements keep their promise. What a crash leaves behind the recorded position is what a plain
// disk would hold: of writes that were not acknowledged, any sectors.
type emergency struct {
	on     bool
	full   int       // ticks for which the log has had no room, and nothing to delete
	from   int64     // the log on disk ends here
	gen    uint64    // the state that says so; nothing is written before it is durable
	kept   int64     // the volume holds what is before, to stay, and the state says so
	saving uint64    // generation of the state that says the same of next; 0: none
	next   mark      //
	until  int64     // a segment begins here that is to go into the log; 0: there is none
	wait   node.Time // when the next segment is tried
	pause  node.Time // between the last two
	opened []Segment // that begin in memory alone
}

const (
	emergencyTicks    = 4 // of a full log before a primary does without
	emergencyPause    = 500 * node.Millisecond
	emergencyMaxPause = 30 * node.Second
)

// emergencyTick begins the emergency when nothing else helps, and tries to end it.
func (m *Machine) emergencyTick() {
	e := &m.emergency
	switch {
	case !e.on && !m.stuck():
		e.full = 0
	case !e.on:
		if e.full++; e.full >= emergencyTicks && !m.logger.busy {
			m.emergencyBegins()
		}
	case m.serving() && e.until == 0 && len(m.stream.segments) == 0 && m.now >= e.wait &&
		m.role != replica.RoleClosed && !m.change.draining:
		e.until = m.stream.at.pos
		m.stream.begin(m.ver.epoch(), m.now, m.self.Host, Hole)
		m.applyKick()
		m.emergencyEnds()
	}
}

// stuck says whether a primary cannot go on because of its log alone. One that has promised to
// have writes on other hosts before it acknowledges them waits with them.
func (m *Machine) stuck() bool {
	if !m.cfg.Emergency || m.role != replica.RolePrimary && m.change.promoting == 0 {
		return false
	}
	a := m.ack()
	return m.logger.full && m.logger.failed && !m.deleting && !m.deletable() && !m.resizing() &&
		!m.restarting && a != AckRemote && a != AckQuorum
}

// emergencyBegins forgets what of the log is in memory alone as part of the log.
func (m *Machine) emergencyBegins() {
	e := &m.emergency
	*e = emergency{on: true, from: m.durable.pos, pause: emergencyPause}
	e.wait = m.now + e.pause
	segs := m.stream.segments
	n := len(segs)
	for n > 0 && segs[n-1].Start >= m.durable.pos {
		n--
	}
	m.stream.segments, e.opened = segs[:n], slices.Clone(segs[n:])
	m.emergencyForgets()
	m.state.tainted = true
	e.gen = m.save()
}

// logFrom is where the log begins that can still be had here.
func (m *Machine) logFrom() int64 {
	if m.emergency.on {
		return m.stream.low.pos // soon there is nothing else
	}
	return m.stream.oldest()
}

// emergencyForgets is called when a segment has gone in an emergency. Those that begin in memory alone follow the
// last one on disk into what is gone.
func (m *Machine) emergencyForgets() {
	if len(m.stream.segments) > 0 {
		return
	}
	for _, seg := range m.emergency.opened {
		m.stream.forget(seg)
	}
	m.emergency.opened = nil
}

// emergencyReach is how far the volume may be written in an emergency.
func (m *Machine) emergencyReach() int64 {
	e := &m.emergency
	switch {
	case m.meta.saved < e.gen:
		return m.durable.pos
	case e.until > 0:
		return e.until
	}
	return m.stream.at.pos
}

// emergencyWritten is called when a window has been written that need not be in the log.
func (m *Machine) emergencyWritten(from, to int64) {
	if from = max(from, m.emergency.from); from < to {
		m.out.LogNote(devLog, tagLogNote, m.stream.newest, m.stream.bytes(from, to))
	}
}

// emergencySynced is called when the volume holds everything up to a position, to stay, and the state is
// about to say so.
func (m *Machine) emergencySynced(at mark, gen uint64) {
	m.emergency.saving, m.emergency.next = gen, at
}

// emergencySaved is called when a state has become durable.
func (m *Machine) emergencySaved() {
	e := &m.emergency
	if e.saving == 0 || m.meta.saved < e.saving {
		m.applyKick()
		return
	}
	e.saving, e.kept = 0, e.next.pos
	if before := m.durable.pos; e.kept > before {
		m.durable = e.next
		m.onVolume(before, e.kept)
		m.admitWaiting()
		m.committed()
	}
	m.emergencyEnds()
	m.deleteKick()
}

// emergencyEnds begins to log again where the segment begins that was made for that.
func (m *Machine) emergencyEnds() {
	if e := &m.emergency; e.on && e.until > 0 && m.durable.pos >= e.until {
		m.logger.failed = false
		m.logKick()
	}
}

// emergencyOver is called when the log has taken something again.
func (m *Machine) emergencyOver() {
	m.emergency = emergency{}
	m.state.tainted = false
	m.save()
}

// emergencyGoesOn is called when the log has not taken the segment. Its beginning stays in the stream
// as one more frame that the log lacks. What there is of it on disk is deleted.
func (m *Machine) emergencyGoesOn() {
	e := &m.emergency
	e.until, e.pause = 0, min(2*e.pause, emergencyMaxPause)
	e.wait = m.now + e.pause
	m.applyKick()
	m.deleteKick()
}

// holeNow is what a state that is written now says of a log that may not reach up to the volume: the
// number of the newest segment that begins before the applied position.
func (m *Machine) holeNow() uint64 {
	if m.stepping {
		return m.stream.newest // see untaint
	}
	segs := m.stream.segments
	if !m.emergency.on && (m.state.hole == 0 || len(segs) > 0 && m.durable.pos > segs[0].Start) {
		return 0
	}
	return m.stream.newestAt(m.state.applied.pos)
}
