package mars

import (
	"slices"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Bounds of one window of replay or writeback.
const (
	windowFrames = 1024
	windowBytes  = 4 << 20
	maxWrite     = 1 << 20 // bytes of one coalesced write
	readChunk    = 4 << 20 // bytes of log read back at a time; more than one frame
)

// applier carries the durable log to the volume, window by window: primaries call it writeback,
// secondaries replay. Within a window only the newest content of each sector is written, sorted
// by sector, neighbours in one write. The next window begins when all of this one is written, so
// that writes to the same sector never overlap, and a crash finds the volume at some point of the
// log plus a part of one window.
type applier struct {
	busy     bool
	failed   bool // a write of this window failed: it is done again
	inflight int
	target   mark
	parts    []part
	zeros    zeroList
	frames   int32  // records of the window
	touched  int64  // the volume may hold parts of records up to here
	unpacked []byte // sectors of packed records
	scratch  []byte // runs of neighbours
	flushed  int    // so much of scratch is being written
}

// part is one sector of a window: its content is the bytes at data.
type part struct {
	sector int64
	order  int32 // of the frame in the window
	data   []byte
}

// applyKick begins the next window if it may.
func (m *Machine) applyKick() {
	a := &m.applier
	if a.busy || m.applied.pos >= m.replayEnd() || m.role == replica.RoleDefective ||
		m.resizing() || m.restarting || m.copy.size != 0 || m.copy.staged.on && !m.copy.staged.installed {
		return
	}
	if m.resting() || !m.stir() {
		return
	}
	a.busy, a.failed = true, false
	if m.applied.pos >= m.stream.low.pos {
		m.buffered()
		return
	}
	m.readLog(tagApplyRead, m.applied.pos)
}

// readLog asks for durable log from pos on: at most readChunk, and no further than the segment
// goes.
func (m *Machine) readLog(tag node.Tag, pos int64) {
	seg, segEnd := m.stream.segmentAt(pos)
	n := min(readChunk, m.durable.pos-pos)
	if segEnd > 0 {
		n = min(n, segEnd-pos)
	}
	m.out.LogRead(devLog, tag, seg.Nr, pos-seg.Start, n)
}

// readAt says whether a completed read of the log began at pos.
func (m *Machine) readAt(ev *node.Event, pos int64) bool {
	seg, _ := m.stream.segmentAt(pos)
	return ev.Seg == seg.Nr && ev.Off == pos-seg.Start
}

func (m *Machine) applyRead(ev *node.Event) {
	if ev.Code != node.OK {
		m.applier.busy = false // again at the next tick
		m.resizeKick()
		return
	}
	m.readBack(ev.Data)
}

// buffered takes the next window from memory, where frames were checked when they came in.
func (m *Machine) buffered() {
	a := &m.applier
	a.begin(m.applied)
	size, limit := 0, m.replayEnd()
	for i := m.stream.find(m.applied.pos); i < len(m.stream.refs); i++ {
		r := &m.stream.refs[i]
		if r.pos > limit || a.frames == windowFrames || size >= windowBytes {
			break
		}
		if r.kind == kindResize {
			m.resizeWindow(r.sector, r.mark)
			return
		}
		switch r.kind {
		case kindWrite:
			if !m.addWrite(r.codec, r.sector, int(r.sectors), m.stream.bytes(r.start+headerSize, r.pos)) {
				return
			}
		case kindZero:
			a.zero(r.sector, int64(r.sectors))
		}
		size += int(r.pos - r.start)
		a.target = r.mark
		m.passes(r.mark)
	}
	if a.target == m.applied {
		a.busy = false // the limit is no boundary of frames
		return
	}
	m.writeWindow()
}

// resizeWindow ends a window before a change of size, or, if it would be empty, makes that change a
// window of its own.
func (m *Machine) resizeWindow(sectors int64, end mark) {
	a := &m.applier
	if a.target != m.applied {
		m.writeWindow()
		return
	}
	a.target = end
	m.passes(end)
	m.resize.replay = sectors
	m.resizeKick()
}

// readBack takes the next window from the beginning of log, which was read from disk and starts
// at the applied position.
func (m *Machine) readBack(log []byte) {
	a := &m.applier
	a.begin(m.applied)
	limit := m.replayEnd()
	for a.frames < windowFrames {
		f, err := decodeFrame(log)
		if err != nil || f.prev != a.target.chain {
			break // the rest of a chunk; real damage shows when nothing at all could be taken
		}
		end := mark{a.target.pos + f.size(), f.seq, f.chain()}
		if end.pos > limit {
			break
		}
		switch f.kind {
		case kindWrite:
			if !m.addWrite(f.codec, f.sector, int(f.sectors), f.body) {
				return
			}
		case kindZero:
			a.zero(f.sector, int64(f.sectors))
		case kindResize:
			m.resizeWindow(f.sector, end)
			return
		}
		a.target = end
		m.passes(end)
		log = log[f.size():]
	}
	if a.target == m.applied {
		a.busy = false
		if limit < m.durable.pos {
			return // the limit is no boundary of frames
		}
		m.defect("the log cannot be read back at position %d", m.applied.pos)
		return
	}
	m.writeWindow()
}

func (a *applier) begin(at mark) {
	a.parts, a.zeros, a.frames, a.target = a.parts[:0], a.zeros[:0], 0, at
	a.unpacked = a.unpacked[:0]
}

// zero puts a record that makes sectors zero into the window.
func (a *applier) zero(sector, n int64) {
	a.zeros = a.zeros.add(zeroRange{first: sector, end: sector + n, at: int64(a.frames)})
	a.frames++
}

// addWrite puts a write into the window, unpacked. It returns false if that cannot be done.
func (m *Machine) addWrite(codec squeeze.Codec, sector int64, sectors int, body []byte) bool {
	a := &m.applier
	if codec != squeeze.None {
		at := len(a.unpacked)
		var err error
		// What is in the window already keeps its memory, also if there is new one.
		a.unpacked, err = unpack(codec, a.unpacked, body, sectors*int(m.cfg.Geometry.Carry))
		if err != nil {
			a.busy = false
			m.defect("the record behind position %d cannot be read: %v", a.target.pos, err)
			return false
		}
		body = a.unpacked[at:]
	}
	a.add(sector, sectors, body)
	return true
}

// add puts a record into the window.
func (a *applier) add(sector int64, sectors int, body []byte) {
	carry := len(body) / sectors
	for i := range sectors {
		a.parts = append(a.parts, part{sector + int64(i), a.frames, body[i*carry : (i+1)*carry]})
	}
	a.frames++
}

func (m *Machine) writeWindow() {
	m.applier.touched = max(m.applier.touched, m.applier.target.pos)
	if m.copy.on {
		m.leaveOut()
	}
	m.writeParts()
	if len(m.applier.zeros) > 0 {
		m.zeroParts()
	}
	if m.applier.inflight == 0 { // a window of segment frames alone
		m.windowDone()
	}
}

// leaveOut takes out of the window what is still to be copied, by a copy that holds it already.
func (m *Machine) leaveOut() {
	a, c := &m.applier, &m.copy
	if len(c.pending) == 0 {
		return
	}
	a.parts = slices.DeleteFunc(a.parts, func(p part) bool { return c.pending.has(p.sector) })
	for _, r := range c.pending {
		a.zeros = a.zeros.cut(r.First, end(r))
	}
	c.skipped = max(c.skipped, a.target.pos)
}

// writeParts sorts the window's sectors, keeps the newest content of each, and writes runs of
// neighbours.
func (m *Machine) writeParts() {
	a := &m.applier
	if len(a.parts) > 1 {
		slices.SortFunc(a.parts, func(x, y part) int {
			switch {
			case x.sector < y.sector:
				return -1
			case x.sector > y.sector:
				return 1
			}
			return int(y.order - x.order)
		})
	}
	a.scratch, a.flushed = a.scratch[:0], 0
	first, next := int64(0), int64(-1)
	for i := range a.parts {
		p := &a.parts[i]
		if i > 0 && p.sector == a.parts[i-1].sector {
			continue // older
		}
		if len(a.zeros) > 0 && a.zeroed(p) {
			continue
		}
		if p.sector != next || len(a.scratch)-a.flushed >= maxWrite {
			m.flushRun(first)
			first = p.sector
		}
		a.scratch = append(a.scratch, p.data...)
		next = p.sector + 1
	}
	m.flushRun(first)
}

// zeroed says whether a sector that was written is made zero later in the window.
func (a *applier) zeroed(p *part) bool {
	i := a.zeros.find(p.sector)
	return i < len(a.zeros) && a.zeros[i].first <= p.sector && a.zeros[i].at > int64(p.order)
}

// zeroParts makes zero what the window leaves so: its ranges of zeros without the sectors that
// writeParts has written, so that no two requests overlap. Parts are sorted.
func (m *Machine) zeroParts() {
	a := &m.applier
	var runs []node.Run
	k := 0
	for _, z := range a.zeros {
		at := z.first
		for ; k < len(a.parts) && a.parts[k].sector < z.end; k++ {
			p := &a.parts[k]
			if p.sector < at || int64(p.order) < z.at {
				continue // elsewhere, or older than the zero
			}
			runs = append(runs, node.Run{First: at, N: p.sector - at})
			at = p.sector + 1
		}
		runs = append(runs, node.Run{First: at, N: z.end - at})
	}
	for _, r := range union(slices.DeleteFunc(runs, func(r node.Run) bool { return r.N == 0 })) {
		m.out.Zero(devVolume, tagApplyWrite, r.First, r.N)
		a.inflight++
	}
}

func (m *Machine) flushRun(first int64) {
	a := &m.applier
	run := a.scratch[a.flushed:]
	if len(run) == 0 {
		return
	}
	m.out.WriteLent(devVolume, tagApplyWrite, first, run) // the next one goes behind it
	a.flushed = len(a.scratch)
	a.inflight++
}

func (m *Machine) applyWritten(ev *node.Event) {
	a := &m.applier
	a.inflight--
	if ev.Code == node.Invalid { // this will not pass: it is not the volume that the log belongs to
		m.defect("the volume does not take sectors %d to %d of its log: it is too small", ev.Off,
			ev.Off+ev.N-1)
		return
	}
	a.failed = a.failed || ev.Code != node.OK
	if a.inflight > 0 {
		return
	}
	if a.failed {
		a.busy = false // the same window again at the next tick
		m.resizeKick()
		return
	}
	m.windowDone()
}

func (m *Machine) windowDone() {
	m.applier.busy = false
	before := m.applied.pos
	m.applied = m.applier.target
	if m.emergency.on {
		m.emergencyWritten(before, m.applied.pos)
	}
	m.onVolume(before, min(m.applied.pos, m.durable.pos))
	m.trim()
	m.admitWaiting()
	if m.emergency.on || m.pausing() {
		m.persistApplied()
	}
	m.applyKick()
	m.resizeKick()
	m.progress()
}

// onVolume forgets where in memory the newest content of sectors is: readers find it on the volume.
func (m *Machine) onVolume(from, to int64) {
	if from >= to {
		return
	}
	m.unindex(from, to)
	if len(m.io.zeros) > 0 {
		m.io.zeros = m.io.zeros.drop(to)
	}
}

// keepForPeers is how much applied log stays in memory, in bytes, for secondaries that are a
// little behind; others are served from disk.
const keepForPeers = 256 << 10

// trim lets go of log in memory that nobody needs there.
func (m *Machine) trim() {
	pos := min(m.applied.pos, m.durable.pos)
	if m.role != replica.RolePrimary && m.stream.at.pos-pos > m.cfg.Buffer {
		pos = m.durable.pos // replay is off or slow; it can read the log back
	}
	if m.stream.at.pos-pos < keepForPeers {
		pos = m.stream.at.pos - keepForPeers
	}
	// In steps: each costs a search.
	if pos-m.stream.low.pos > keepForPeers/4 {
		m.stream.trim(pos)
	}
}

// persistApplied makes the volume durable as far as it is written, and then says so on the meta
// device. The order matters: a position that is persistent before its data would leave records
// out of recovery.
func (m *Machine) persistApplied() {
	if m.pausing() && m.whole() && m.meta.saved == m.meta.want {
		m.save()
	}
	if m.meta.syncing || m.applied == m.state.applied && !m.copy.dirty ||
		m.role == replica.RoleDefective || m.resizing() ||
		m.now < m.meta.notBefore && !m.pausing() && !m.emergency.on && !m.logger.full && !(m.copy.on && m.copy.done(m.applied.pos)) ||
		m.restarting || m.copy.on && !m.copy.based {
		return
	}
	m.meta.syncing, m.meta.notBefore = true, m.now+m.cfg.Persist
	m.meta.candidate, m.meta.sectors = m.applied, m.sectors
	m.copy.shot(m.applied.pos)
	m.out.Sync(devVolume, tagVolumeSync)
}

func (m *Machine) volumeSynced(ev *node.Event) {
	if ev.Op == node.OpSync && ev.Code == node.OK && m.copy.staging() && m.copy.staged.end > 0 {
		m.out.LogSync(devStage, tagStageSync, stageSegment) // what counts as copied must be there, too
		return
	}
	m.meta.syncing = false
	if ev.Code == node.OK && !m.restarting {
		m.state.applied, m.state.sectors = m.meta.candidate, m.meta.sectors
		m.copyShot()
		if gen := m.save(); m.emergency.on {
			m.emergencySynced(m.meta.candidate, gen)
		}
	} else {
		m.copy.dirty = m.copy.on // again at the next tick
	}
	m.resizeKick()
}
