package mars

import (
	"errors"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// boot reads what the disks hold, one request at a time: the newest state, the lineage, and the
// end of the log, which is wherever the first frame stands that does not continue the ones before.
// What it finds need not be durable: a process may have crashed and left it to a machine that
// lives on. So both are synced before anybody is told of them.
type boot struct {
	stage    bootStage
	metaSegs []node.Segment
	logSegs  []node.Segment
	at       int // index into metaSegs or logSegs
	found    bool
	gen      uint64
	end      mark
	geo      node.Geometry // of the volume at end
	start    int64         // of the segment being scanned
	stray    bool          // what is staged is of another branch than the log
	past     []Segment     // what the state says of log that is gone
	litter   []node.Segment
}

type bootStage uint8

const (
	bootMetaList bootStage = iota
	bootMetaRead
	bootMetaSync
	bootLogList
	bootHeaders
	bootScan
	bootTruncate
	bootDelete
	bootLogSync
	bootStageList
	bootStageCut
	bootStageDelete
)

func (m *Machine) onBoot(ev *node.Event) {
	m.self = ev.From
	m.setPeers()
	m.boot = &boot{geo: m.cfg.Geometry}
	m.incarnation = uint64(ev.N)
	m.lease.voter.boot(m.now)
	m.change.nonce = m.incarnation << 32 // those of former incarnations do not come back
	m.out.SetTimer(tagTick, m.cfg.Tick)
	m.out.LogList(devMeta, tagBoot)
}

// bootStep takes the completion of the one request under way.
func (m *Machine) bootStep(ev *node.Event) {
	b := m.boot
	if ev.Code != node.OK && b.stage != bootDelete && b.stage != bootStageDelete {
		m.defect("%v failed at boot: %v", ev.Op, ev.Code)
		return
	}
	switch b.stage {
	case bootMetaList:
		segs, err := node.DecodeSegments(ev.Data)
		if err != nil {
			m.defect("%v", err)
			return
		}
		b.metaSegs, b.at, b.stage = segs, len(segs), bootMetaRead
		m.bootNextMeta()
	case bootMetaRead:
		if m.state, b.gen, b.found = decodeState(ev.Data); b.found {
			b.stage = bootMetaSync
			m.out.LogSync(devMeta, tagBoot, b.metaSegs[b.at].ID)
			return
		}
		m.bootNextMeta()
	case bootMetaSync:
		m.bootList()
	case bootLogList:
		segs, err := node.DecodeSegments(ev.Data)
		if err != nil {
			m.defect("%v", err)
			return
		}
		b.logSegs, b.at, b.stage = m.stagedLog(segs), 0, bootHeaders
		m.bootNextHeader()
	case bootHeaders:
		m.bootHeader(ev)
	case bootScan:
		m.bootScanned(ev)
	case bootTruncate, bootDelete:
		m.bootDeleteNext()
	case bootLogSync:
		m.booted()
	default:
		m.bootStage(ev)
	}
}

// bootNextMeta reads the newest segment that has not been read, until one holds a valid record:
// a crash may have left a newer one empty or torn.
func (m *Machine) bootNextMeta() {
	b := m.boot
	if b.at == 0 {
		m.bootList()
		return
	}
	b.at--
	m.out.LogRead(devMeta, tagBoot, b.metaSegs[b.at].ID, 0, metaMaxBytes+metaSize)
}

func (m *Machine) bootList() {
	b := m.boot
	s := &m.meta
	for _, seg := range b.metaSegs {
		s.old = append(s.old, seg.ID)
		s.seg = seg.ID + 1
	}
	s.want, s.saved = b.gen, b.gen
	if !b.found {
		first := m.cfg.Members[0].Host
		if m.cfg.Joins && m.cfg.Members[0] == m.self && len(m.peers) > 0 {
			first = m.peers[0].addr.Host
		}
		m.state = state{ver: version{0, first}, fetchOn: !m.cfg.FetchOff,
			replayOn: !m.cfg.ReplayOff, resync: resync{on: m.cfg.Joins}}
	}
	m.ver, m.told = m.state.ver, m.state.ver
	m.boot.past = m.state.gone
	m.bootLog()
}

// bootLog puts the log in order, as the state says.
func (m *Machine) bootLog() {
	m.bootMore()
	m.applied = m.state.applied
	if r := &m.state.resync; r.staged.on || r.sweep {
		m.boot.stage = bootStageList
		m.out.LogList(devStage, tagBoot)
		return
	}
	m.bootLogList()
}

func (m *Machine) bootLogList() {
	m.boot.stage = bootLogList
	m.out.LogList(devLog, tagBoot)
}

// bootMore takes over what the longer form of the state says.
func (m *Machine) bootMore() {
	if m.state.sectors == 0 {
		m.state.sectors = int64(m.cfg.Geometry.Sectors)
	}
	m.sectors, m.boot.geo.Sectors = m.state.sectors, uint64(m.state.sectors)
	if m.state.group.changed() {
		m.group, m.toldGroup = m.state.group, m.state.group
		m.setPeers()
	}
}

func (m *Machine) bootNextHeader() {
	b := m.boot
	if b.at == len(b.logSegs) {
		m.bootStartScan()
		return
	}
	m.out.LogRead(devLog, tagBoot, b.logSegs[b.at].ID, 0, headerSize+segmentBody)
}

// bootHeader takes the first frame of a segment. One that cannot be read, or does not stand where
// the segment before it ends, was never synced, or follows an end that was not: it and all
// later ones are no part of the log.
func (m *Machine) bootHeader(ev *node.Event) {
	b := m.boot
	f, err := decodeFrame(ev.Data)
	ok := err == nil && f.kind == kindSegment && uint64(f.sector) == b.logSegs[b.at].ID
	if ok {
		seg := segmentOf(&f)
		if n := len(m.stream.segments); n > 0 {
			last := &m.stream.segments[n-1]
			ok = seg.Nr == last.Nr+1 && seg.Start == last.Start+b.logSegs[b.at-1].Size
		} else {
			ok = seg.Nr > 1 || seg.Start == 0 // older ones may have been deleted
		}
		if ok {
			m.stream.segments = append(m.stream.segments, seg)
			b.at++
			m.bootNextHeader()
			return
		}
	}
	m.bootStartScan()
}

// bootStartScan looks for the end of the log from the applied position on: what is before was
// durable when it was applied.
func (m *Machine) bootStartScan() {
	b := m.boot
	b.end, b.stage = m.applied, bootScan
	m.stream.recall(b.past, m.state.ver)
	segs := m.stream.segments
	if s := &m.state.resync.staged; s.on && !s.installed {
		b.end = s.base
		if len(segs) == 0 || segs[0].before() != s.base {
			b.at = -1 // what is there is older, or nothing
			m.bootEnd()
			return
		}
	}
	for b.at = 0; b.at+1 < len(segs) && segs[b.at+1].Start <= b.end.pos; b.at++ {
	}
	switch r := &m.state.resync; {
	case m.state.hole != 0 && !b.covers(segs):
		for len(m.stream.segments) > 0 {
			m.stream.dropOldest() // what is there is older than the volume
		}
		b.at = -1
		m.bootEnd()
		return
	case len(segs) == 0 && b.end.pos > 0 && !r.on:
		m.defect("the log is gone, but the volume holds it up to position %d", b.end.pos)
		return
	case len(segs) == 0 || r.on && !r.based:
		b.at = -1 // nothing of what is there counts
		m.bootEnd()
		return
	case segs[0].Start > b.end.pos:
		m.defect("the log begins at position %d, but the volume holds it up to %d alone",
			segs[0].Start, b.end.pos)
		return
	case r.on && r.rewind:
		m.bootEnd() // what is behind has left the designated branch
		return
	}
	if size := segs[b.at].Start + b.logSegs[b.at].Size; size < b.end.pos {
		m.defect("the log ends at position %d, but the volume holds it up to %d", size, b.end.pos)
		return
	}
	m.bootReadOn()
}

// covers says whether segments reach from before the applied position to it.
func (b *boot) covers(segs []Segment) bool {
	n := len(segs)
	return n > 0 && segs[0].Start <= b.end.pos && segs[n-1].Start+b.logSegs[n-1].Size >= b.end.pos
}

func (m *Machine) bootReadOn() {
	b := m.boot
	seg := m.stream.segments[b.at]
	b.start = seg.Start
	m.out.LogRead(devLog, tagBoot, seg.Nr, b.end.pos-seg.Start, readChunk)
}

func (m *Machine) bootScanned(ev *node.Event) {
	b := m.boot
	data := ev.Data
	whole := int64(len(data)) < readChunk // the segment ends here
	var err error
	for len(data) > 0 {
		var f frame
		if f, err = decodeFrame(data); err == nil && !continues(b.end, &f) {
			err = ErrChain
		}
		if err != nil {
			break
		}
		if !fits(b.geo, &f) {
			m.defect("the record at position %d does not fit the volume", b.end.pos)
			return
		}
		if f.kind == kindResize {
			b.geo.Sectors = uint64(f.sector)
		}
		from := b.end.pos
		b.end = mark{from + f.size(), f.seq, f.chain()}
		b.stray = b.stray || m.state.resync.strays(from, b.end)
		data = data[f.size():]
	}
	switch {
	case errors.Is(err, ErrTruncated) && !whole && len(data) < len(ev.Data):
		m.bootReadOn()
	case err == nil && !whole:
		m.bootReadOn()
	case err == nil && b.at+1 < len(m.stream.segments):
		b.at++
		m.bootReadOn()
	case b.at+1 < len(m.stream.segments):
		// A segment is begun only when the one before is durable, so no crash leaves this.
		m.defect("the log is damaged at position %d: %v", b.end.pos, err)
	case err != nil && b.rest() > maxCommit:
		// So much was never under way at once: it was durable, and somebody may rely on it.
		m.defect("the log is damaged at position %d, with %d bytes behind: %v", b.end.pos, b.rest(), err)
	default:
		m.bootEnd()
	}
}

// rest is how much of the segment lies behind the end that was found, in bytes.
func (b *boot) rest() int64 { return b.logSegs[b.at].Size - (b.end.pos - b.start) }

// continues says whether f is what may stand at at. A log begins with a segment frame, and each
// of these names the position at which it stands.
func continues(at mark, f *frame) bool {
	if f.prev != at.chain {
		return false
	}
	switch f.kind {
	case kindSegment:
		return f.seq == at.seq && segmentOf(f).Start == at.pos
	case kindResize:
		return f.seq == at.seq && at.pos > 0
	}
	return f.seq == at.seq+1 && at.pos > 0
}

// bootEnd cuts off what is no part of the log, lest it look valid after a later crash.
func (m *Machine) bootEnd() {
	b := m.boot
	segs := m.stream.segments
	m.stream.segments = segs[:b.at+1]
	if b.at >= 0 && b.end.pos == segs[b.at].Start {
		m.stream.segments = segs[:b.at] // not even its first frame counts
		b.at--
	}
	b.stage = bootDelete
	if b.at >= 0 {
		seg := segs[b.at]
		if size := b.end.pos - seg.Start; size < b.logSegs[b.at].Size {
			b.stage = bootTruncate
			m.out.LogTruncate(devLog, tagBoot, seg.Nr, size)
			return
		}
	}
	m.bootDeleteNext()
}

func (m *Machine) bootDeleteNext() {
	b := m.boot
	b.stage = bootDelete
	if b.at++; b.at < len(b.logSegs) {
		m.out.LogDelete(devLog, tagBoot, b.logSegs[b.at].ID)
		return
	}
	n := len(m.stream.segments)
	if n == 0 {
		m.booted()
		return
	}
	b.stage = bootLogSync
	m.out.LogSync(devLog, tagBoot, m.stream.segments[n-1].Nr)
}

func (m *Machine) booted() {
	m.stream.reset(m.boot.end)
	m.stream.geo = m.boot.geo
	if n := len(m.stream.segments); n > 0 {
		m.stream.newest = m.stream.segments[n-1].Nr
	} else if m.state.resync.based {
		m.stream.newest = m.state.resync.nr - 1
	} else {
		m.stream.newest = m.state.hole
	}
	m.durable = m.boot.end
	stray := m.boot.stray
	m.boot = nil
	m.role = replica.RoleSecondary
	if m.ver.host == m.self.Host {
		m.role = replica.RoleRecovering
		if m.ver.closed() {
			m.role = replica.RoleClosed
		}
	}
	if !m.joined() {
		m.role = replica.RoleLeft
	}
	m.meta.still, m.applier.touched = m.state.still, m.durable.pos
	if m.state.still && m.role == replica.RoleSecondary {
		m.applier.touched = m.applied.pos
	}
	m.change.resumes = true
	m.copy = copier{nonce: m.copy.nonce, resync: m.state.resync.clone()}
	m.copy.begin(m.applied.pos)
	m.stageBooted(stray)
	if m.copy.rewind { // what follows in the log counts only once it is known that it does
		m.copy.rewind, m.state.resync.rewind = false, false
		m.fetchFrom = m.save()
	}
	m.change.guard = m.now + m.cfg.Guard
	for i := range m.peers {
		if m.role != replica.RoleLeft {
			m.inquire(&m.peers[i])
		}
	}
	m.applyKick()
	m.copyKick()
	m.progress()
}

// enterDefective is the end of all service until somebody replaces the replica.
func (m *Machine) enterDefective(why string) {
	m.dropUsers(node.Unknown)
	m.failVerb(node.IOError, why)
	m.steppedDown(node.IOError, why)
	m.role = replica.RoleDefective
	m.change.draining = false // there is nothing that could still be handed over
	m.change.defect = why
}
