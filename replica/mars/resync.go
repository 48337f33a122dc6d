package mars

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// resync is a copy of content from the source that stands in for replay: of the whole volume (a new
// member, or one whose log does not reach back far enough), or of what has to be taken back after a
// split brain. From its beginning to its end the volume is inconsistent, and this replica cannot
// become primary.
//
// It rests on three rules. The log is taken from a base that is no later than anything that the
// copy may lack; a record is left out of replay only where the sectors are still to be copied,
// and a copy counts only if its source had that record on its volume by then; and the volume is
// consistent again when replay has reached the highest position of which a copy may hold anything.
type resync struct {
	on     bool
	based  bool   // the own log begins at a position that the source has named, or was kept
	rewind bool   // what of the own log lies behind the applied position is void
	nr     uint64 // based: the segment that begins at the base
	size   int64  // the volume is to have so many sectors first; 0: it has
	// The volume is not consistent before replay is at least here: behind the base, and where copies may
	// hold content of.
	least int64
	// marks are the ends of what copies may hold, one for each primary that they were taken from, as far
	// as replay has not got there. The log must have the same end there: or they are of another branch.
	marks []copyMark
	// pending are the sectors still to be copied.
	pending runs
	staged  staging
	sweep   bool // the staging log may hold what nobody needs
}

// copyMark is the end of a history that copies hold content of.
type copyMark struct {
	ver version // under which they were taken
	mark
}

const (
	resyncHead = 48
	resyncMark = 40
	maxMarks   = 16  // then everything is copied again
	resyncRuns = 256 // of the form that is written to disk; more are made coarse
)

// clone is r with a set of its own: sets change in place.
func (r resync) clone() resync {
	r.pending, r.marks = slices.Clone(r.pending), slices.Clone(r.marks)
	return r
}

func (r *resync) encode() []byte {
	le := binary.LittleEndian
	flags := uint64(0)
	for i, set := range []bool{r.on, r.based, r.rewind, r.staged.on, r.staged.install, r.staged.installed,
		r.sweep} {
		if set {
			flags |= 1 << i
		}
	}
	pending := r.pending.coarse(resyncRuns)
	b := make([]byte, 0, resyncHead+resyncMark*len(r.marks)+16*len(pending))
	b = le.AppendUint64(b, flags)
	b = le.AppendUint64(b, r.nr)
	b = le.AppendUint64(b, uint64(r.size))
	b = le.AppendUint64(b, uint64(r.least))
	b = le.AppendUint64(b, uint64(len(r.marks)))
	b = le.AppendUint64(b, uint64(len(pending)))
	for _, m := range r.marks {
		b = le.AppendUint64(b, m.ver.v)
		b = le.AppendUint64(b, uint64(m.ver.host))
		b = le.AppendUint64(b, uint64(m.pos))
		b = le.AppendUint64(b, m.seq)
		b = le.AppendUint64(b, m.chain)
	}
	if r.staged.on {
		b = r.staged.append(b)
	}
	return node.AppendRuns(b, pending...)
}

func decodeResync(b []byte) (r resync, err error) {
	if len(b) < resyncHead {
		return resync{}, fmt.Errorf("resync of %d bytes, expected at least %d", len(b), resyncHead)
	}
	le := binary.LittleEndian
	flags := le.Uint64(b)
	r = resync{on: flags&1 != 0, based: flags&2 != 0, rewind: flags&4 != 0, nr: le.Uint64(b[8:]),
		size: int64(le.Uint64(b[16:])), least: int64(le.Uint64(b[24:]))}
	r.staged.on, r.staged.install, r.staged.installed = flags&8 != 0, flags&16 != 0, flags&32 != 0
	r.sweep = flags&64 != 0
	more := uint64(0)
	if r.staged.on {
		more = stagingSize
	}
	marks, n := le.Uint64(b[32:]), le.Uint64(b[40:])
	if marks > maxMarks || n > resyncRuns || r.size < 0 || r.least < 0 ||
		uint64(len(b)) != resyncHead+resyncMark*marks+more+16*n {
		return resync{}, fmt.Errorf("resync of %d marks and %d runs in %d bytes", marks, n, len(b))
	}
	for b = b[resyncHead:]; marks > 0; marks-- {
		r.marks = append(r.marks, copyMark{version{le.Uint64(b), node.ID(le.Uint64(b[8:]))},
			mark{int64(le.Uint64(b[16:])), le.Uint64(b[24:]), le.Uint64(b[32:])}})
		b = b[resyncMark:]
	}
	if r.staged.on {
		if err := r.staged.decode(b); err != nil {
			return resync{}, err
		}
		b = b[stagingSize:]
	}
	r.pending, err = node.DecodeRuns(b)
	return r, err
}

// onInvalidate gives up what this replica holds, for what the source holds. If its own log still
// reaches back to where it left the designated branch, only what was written since on either branch
// is copied; with N = 1, or without such a log, everything is compared.
func (m *Machine) onInvalidate(ev *node.Event, refuse func(string)) {
	f := &m.fetch
	switch {
	case m.role != replica.RoleSecondary:
		refuse("this replica is not a secondary: there is nothing newer that it could copy")
		return
	case m.change.kind != changeNone || m.change.promoting != 0:
		refuse("a change of role is under way; wait for it")
		return
	case m.restarting:
		refuse("this replica is about to begin anew; wait for it")
		return
	}
	r, from := resync{on: true}, mark{}
	if f.cut && f.scan.rewinds && !m.state.tainted && !m.copy.on && ev.N == 0 && f.scan.fork.pos >= m.stream.oldest() {
		if f.scan.pos < m.durable.pos {
			refuse("what the own log holds beyond the fork is still being read; try again")
			return
		}
		r, from = resync{on: true, based: true, rewind: true, nr: m.stream.segments[0].Nr,
			least: f.scan.fork.pos + 1, pending: slices.Clone(f.scan.dirty)}, f.scan.fork
	}
	if m.state.applied.pos < from.pos {
		from = m.state.applied // what is on the volume behind it need not be there to stay
	}
	m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.beginAnew(r, from), here: true})
}

// beginAnew makes this replica begin again at a position of its log, or, with the zero mark,
// without any: its disks are put in order as at a boot.
func (m *Machine) beginAnew(r resync, from mark) uint64 {
	m.restarting = true
	m.copy.drop()
	r.sweep = r.sweep || m.copy.staged.on
	m.state.resync, m.state.applied = r, from
	m.state.tainted = m.state.tainted && !r.on // who copies compares all of the volume
	if from == (mark{}) {
		m.state.sectors = int64(m.cfg.Geometry.Sectors)
	}
	return m.save()
}

// restart begins anew once nothing is under way and the state that says so is durable.
func (m *Machine) restart() {
	if m.meta.saved != m.meta.want || m.applier.busy || m.logger.busy ||
		m.meta.syncing || m.resizing() || m.fetch.scan.reading || m.volumeBusy() ||
		m.deleting || m.stager.busy() {
		return
	}
	for i := range m.peers {
		if m.peers[i].reading {
			return
		}
	}
	m.restarting = false
	m.applier, m.logger, m.stager, m.emergency = applier{}, logger{}, stager{}, emergency{}
	m.resizedAt = 0
	m.resetFetch()
	m.forgetPeers()
	m.forgetPending()
	m.role = replica.RoleBooting
	m.boot = &boot{geo: m.cfg.Geometry, past: m.past}
	m.past, m.stepping = nil, false
	m.stream = stream{geo: m.cfg.Geometry, packer: m.stream.packer}
	m.bootLog()
}

// onBase takes the position at which the own log is to begin.
func (m *Machine) onBase(p *peer, msg *message, body []byte) {
	c := &m.copy
	segs, err := decodeSegments(body)
	if err != nil || len(segs) != 1 || segs[0].Nr == 0 || m.source() != p || !c.on || c.based || m.restarting ||
		msg.credit < 1 {
		return
	}
	base := segs[0]
	c.resync = resync{on: true, based: true, nr: base.Nr, size: msg.credit,
		least: base.Start + 1, pending: runs{{First: 0, N: msg.credit}}}
	m.stream.reset(base.before())
	m.stream.newest, m.stream.geo.Sectors = base.Nr-1, uint64(msg.credit)
	m.durable, m.applied, m.sectors = m.stream.at, m.stream.at, msg.credit
	m.state.applied, m.state.sectors, m.state.resync = m.applied, m.sectors, c.clone()
	c.begin(m.applied.pos)
	m.fetchFrom = m.save()
}

// giveBase names the position from which on a new member needs the log: the end. So that it can
// begin there, the primary begins a segment.
func (m *Machine) giveBase(p *peer) {
	if m.role != replica.RolePrimary || m.change.draining || m.resize.grow != 0 ||
		m.emergency.on {
		return // it asks again
	}
	p.known, p.durable = false, 0
	if p.base == 0 {
		p.base = m.chooseBase()
	}
	m.tellBase(p)
}

// chooseBase begins a segment for a new member, or, if what is at the end of the log may still wait for
// just this member, takes the newest one before. The volume gets no further than what is sure, and
// a copy from it must not lack what is before the base. 0: there is none now.
func (m *Machine) chooseBase() uint64 {
	if a := m.ack(); a != AckRemote && a != AckQuorum || m.sure() == m.stream.at.pos {
		m.rotate()
		return m.stream.newest
	}
	reach := max(m.sure(), m.applied.pos)
	for _, s := range slices.Backward(m.stream.segments) {
		if s.Start <= reach {
			if m.resizedAt > s.Start {
				break // the size there is not known any more
			}
			return s.Nr
		}
	}
	return 0
}

// tellBase tells a member where its log begins, once our own is durable up to there.
func (m *Machine) tellBase(p *peer) {
	i := slices.IndexFunc(m.stream.segments, func(s Segment) bool { return s.Nr == p.base })
	switch {
	case i < 0:
		p.base = 0 // there is none, or it is gone again
	case m.stream.segments[i].Start <= m.durable.pos:
		m.send(p, &message{kind: msgBase, credit: int64(m.stream.geo.Sectors)},
			encodeSegments(m.stream.segments[i:i+1]), 0)
	}
}

// rotate begins a new segment, unless there is nothing in the newest one.
func (m *Machine) rotate() {
	if m.emergency.on {
		return // there is no room for one
	}
	last := &m.stream.segments[len(m.stream.segments)-1]
	if m.stream.at.pos == last.Start+headerSize+segmentBody {
		return
	}
	m.stream.begin(m.ver.epoch(), m.now, m.self.Host, Rotated)
	m.logKick()
}
