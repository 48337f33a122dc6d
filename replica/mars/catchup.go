package mars

import (
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// catchUp is what an orphan does to be none any more: it asks the source where another log than the
// missing one can begin, and what differs there from its own volume. See staging for the rest.
type catchUp struct {
	tries uint      // that have come to nothing
	after node.Time // nothing is asked before
	asked uint64    // tick of the latest question
}

const (
	catchUpWait   = 20 // ticks after a try that has come to nothing; twice as many after each
	catchUpDouble = 6  // so often
	catchUpAgain  = 4  // ticks without an answer, then it is asked again
)

// failed puts the next try off.
func (c *catchUp) failed(now, tick node.Time) {
	c.after = now + tick*catchUpWait<<min(c.tries, catchUpDouble)
	c.tries++
}

// canCatchUp says whether this replica is an orphan whose volume is, to stay, what its log says.
func (m *Machine) canCatchUp() bool {
	return m.role == replica.RoleSecondary && m.fetch.orphan && !m.fetch.cut && !m.copy.on &&
		!m.restarting && !m.state.syncOff && m.state.replayOn && m.change.kind == changeNone &&
		m.change.promoting == 0 && len(m.stream.segments) > 0 && m.source() != nil &&
		m.meta.saved == m.meta.want && !m.meta.syncing && !m.applier.busy && !m.resizing() &&
		m.applied == m.stream.at && m.durable == m.stream.at && m.state.applied == m.stream.at
}

func (m *Machine) wantsCatchUp() bool { return m.canCatchUp() && m.now >= m.catchUp.after }

func (m *Machine) catchUpTick() {
	c := &m.catchUp
	if !m.wantsCatchUp() || c.asked != 0 && m.ticks < c.asked+catchUpAgain {
		return
	}
	c.asked = m.ticks
	segs := m.stream.segments
	m.send(m.source(), &message{kind: msgCatchUp, mark: m.stream.at, credit: m.sectors,
		nonce: uint64(c.tries)}, encodeSegments(segs[len(segs)-1:]), 0)
}

// onCatchUp answers an orphan. Its log must be known to be a prefix of what has been here: or content
// would take the place of a branch that nobody has given up. And the volume must have had one size
// ever since.
func (m *Machine) onCatchUp(p *peer, msg *message, body []byte) {
	theirs, err := decodeSegments(body)
	if err != nil || len(theirs) != 1 || m.role != replica.RolePrimary || m.change.draining ||
		m.resizing() || m.emergency.on || len(m.stream.segments) == 0 {
		return // it asks again
	}
	home, segs := theirs[0], m.stream.segments
	if msg.pos >= segs[0].Start {
		m.hello(p, 0, 0) // it is none
		return
	}
	answer := message{kind: msgSince, mark: msg.mark, credit: m.sectors}
	n := 1
	for n < len(segs) && segs[n].Start <= m.state.applied.pos {
		n++ // a copy from the volume lacks nothing that is before
	}
	// The oldest needs the least of copies. But it may be gone before it is fetched.
	base := segs[(n-1)*int(min(msg.nonce, 3))/4]
	step, known := m.knows(&home, msg.pos)
	if !known || msg.credit != m.sectors || uint64(m.sectors) != m.stream.geo.Sectors {
		m.send(p, &answer, nil, 0)
		return
	}
	dirty := runs{{First: 0, N: m.sectors}}
	if step >= 0 {
		dirty = m.stream.dirty.since(step, base.Start, m.sectors).coarse(resyncRuns)
	}
	p.known, p.durable, p.base = false, 0, 0
	m.send(p, &answer, node.AppendRuns(encodeSegments([]Segment{base}), dirty...), 0)
}

// knows says whether a log that ends at a position of a segment is a prefix of the log here, though
// that is gone; and in which step of what is remembered this is, or -1.
func (m *Machine) knows(home *Segment, pos int64) (step int, known bool) {
	d := &m.stream.dirty
	step = d.at(home.Nr)
	if step < 0 || step+1 == len(d.steps) {
		return -1, m.stream.tenure(home, pos)
	}
	s := &d.steps[step]
	return step, pos <= d.steps[step+1].Start && (s.Segment == *home || s.sameTenure(home))
}

// onSince takes the answer, and begins to stage.
func (m *Machine) onSince(p *peer, msg *message, body []byte) {
	if m.source() != p || !m.canCatchUp() || msg.mark != m.stream.at {
		return
	}
	c := &m.catchUp
	c.asked = 0
	if len(body) < segmentWire {
		c.failed(m.now, m.cfg.Tick) // another primary may know more
		return
	}
	segs, err := decodeSegments(body[:segmentWire])
	list, e := node.DecodeRuns(body[segmentWire:])
	if err != nil || e != nil || msg.credit != m.sectors || slices.ContainsFunc(list, func(r node.Run) bool {
		return r.First < 0 || r.N < 1 || r.N > m.sectors || r.First > m.sectors-r.N
	}) {
		return
	}
	base := &segs[0]
	if base.Start <= m.stream.at.pos || base.Nr <= m.stream.newest {
		return
	}
	m.fetchFrom = m.beginAnew(resync{on: true, based: true, nr: base.Nr, least: base.Start + 1,
		pending: union(list), staged: staging{on: true, base: base.before()}}, m.stream.at)
}

// giveUpStaging leaves this replica as it was before: an orphan with its own log.
func (m *Machine) giveUpStaging() {
	m.catchUp.failed(m.now, m.cfg.Tick)
	m.catchUp.asked = 0
	m.beginAnew(resync{}, m.state.applied)
}

// copyAnew is for a copy whose log is not to be had any more, or is of another branch.
func (m *Machine) copyAnew() {
	switch {
	case m.restarting || m.copy.staged.install: // what is installed needs nobody else
	case m.copy.staged.on:
		m.giveUpStaging()
	default:
		m.beginAnew(resync{on: true}, mark{})
	}
}
