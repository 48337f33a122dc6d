package mars

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// staging is a resync that leaves the volume alone until it can be ended from the local disks. It
// has three parts:
//
//   - Content is put aside in a log of its own, and the log is fetched from the base on. The volume and
//     the log that was there before stay as they are, at the applied position.
//   - When all that may be needed is durable here, what was put aside is written to the volume (install).
//     A crash makes this begin again.
//   - Then the log is replayed from the base on (installed), as after any other copy.
//
// Segments of the log below the number of the base are of the time before; they go last.
type staging struct {
	on        bool
	install   bool
	installed bool
	clean     bool  // installed, and what is not needed any more is gone; not on disk
	base      mark  // where the new log begins
	end       int64 // so many bytes of the staging log count
}

const (
	stagingSize  = 32
	stageSegment = 1 // all is in one
)

func (s *staging) String() string {
	switch {
	case s.installed:
		return ", installed"
	case s.install:
		return ", installing"
	}
	return ", staging"
}

func (s *staging) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, uint64(s.base.pos))
	b = le.AppendUint64(b, s.base.seq)
	b = le.AppendUint64(b, s.base.chain)
	return le.AppendUint64(b, uint64(s.end))
}

func (s *staging) decode(b []byte) error {
	le := binary.LittleEndian
	s.base = mark{int64(le.Uint64(b)), le.Uint64(b[8:]), le.Uint64(b[16:])}
	if s.end = int64(le.Uint64(b[24:])); s.base.pos < 0 || s.end < 0 {
		return errors.New("staging with a negative position")
	}
	return nil
}

// staging says whether content is being put aside, and the volume is untouched.
func (c *copier) staging() bool { return c.staged.on && !c.staged.install }

// why is the reason why this replica cannot become primary.
func (c *copier) why() string {
	switch {
	case c.staging():
		return "this replica is catching up; wait for it, or use force"
	case c.staged.on:
		return "what this replica has caught up with is being installed; try again"
	}
	return "the volume is inconsistent here, its copy is not finished; wait for it"
}

// stager is what is under way at the staging log.
type stager struct {
	size      int64 // of the staging log, as far as appends have ended
	appending []byte
	waiting   []byte
	extra     int64 // declared bytes of waiting beyond those carried
	slots     []int // ways that appending is of
	next      []int // and waiting
	reading   bool
	writing   int    // writes of what was put aside to the volume
	failed    bool   // one of them
	at        int64  // what is before is on the volume
	to        int64  // and will be, when they have ended
	gen       uint64 // of the state that says that it is installed
	litter    []litter
	deleting  bool
	pause     uint64 // tick at which something failed
}

// litter is a segment that is not needed any more.
type litter struct {
	dev node.Dev
	id  uint64
}

func (s *stager) busy() bool {
	return len(s.appending) > 0 || s.reading || s.writing > 0 || s.deleting
}

// An entry of the staging log: magic "PSTG" (4), bytes of data (4), first sector (8), sectors (8),
// CRC-32C of all before and of the data (4), zero (4), data. Without data the sectors become zero.
const (
	stageMagic = 0x47545350
	stageHead  = 32
	stageData  = 1 << 20 // bytes of data of one entry at most
)

// stage puts a part of a copy aside.
func (m *Machine) stage(slot int, at node.Run, data []byte) {
	s := &m.stager
	carry := int64(m.cfg.Geometry.Carry)
	s.extra += int64(len(data)) / carry * (int64(m.cfg.Geometry.SectorSize) - carry)
	s.next = append(s.next, slot)
	for {
		n, part := at.N, data
		if len(data) > stageData {
			n = stageData / carry
			part = data[:n*carry]
		}
		head := len(s.waiting)
		le := binary.LittleEndian
		s.waiting = le.AppendUint32(s.waiting, stageMagic)
		s.waiting = le.AppendUint32(s.waiting, uint32(len(part)))
		s.waiting = le.AppendUint64(s.waiting, uint64(at.First))
		s.waiting = le.AppendUint64(s.waiting, uint64(n))
		crc := crc32.Update(crc32.Checksum(s.waiting[head:], castagnoli), castagnoli, part)
		s.waiting = le.AppendUint32(s.waiting, crc)
		s.waiting = le.AppendUint32(s.waiting, 0)
		s.waiting = append(s.waiting, part...)
		if at.First, at.N, data = at.First+n, at.N-n, data[len(part):]; at.N == 0 {
			break
		}
	}
	m.stageAppend()
}

// staged decodes the entry at the beginning of b.
func (m *Machine) staged(b []byte) (at node.Run, data []byte, size int64, ok bool) {
	le := binary.LittleEndian
	if len(b) < stageHead || le.Uint32(b) != stageMagic {
		return at, nil, 0, false
	}
	n := int64(le.Uint32(b[4:]))
	if n > int64(len(b)-stageHead) {
		return at, nil, 0, false
	}
	at = node.Run{First: int64(le.Uint64(b[8:])), N: int64(le.Uint64(b[16:]))}
	data = b[stageHead : stageHead+n]
	crc := crc32.Update(crc32.Checksum(b[:24], castagnoli), castagnoli, data)
	return at, data, stageHead + n, crc == le.Uint32(b[24:])
}

func (m *Machine) stageAppend() {
	s := &m.stager
	if len(s.appending) > 0 || len(s.waiting) == 0 {
		return
	}
	s.appending, s.waiting = s.waiting, s.appending
	s.slots, s.next = s.next, s.slots[:0]
	m.out.LogAppend(devStage, tagStageAppend, stageSegment, s.size, s.appending, s.extra)
	s.extra = 0
}

func (m *Machine) stageAppended(ev *node.Event) {
	s := &m.stager
	ok := ev.Code == node.OK
	if ok {
		s.size += int64(len(s.appending))
		m.copy.staged.end = s.size
	}
	s.appending = s.appending[:0]
	slots := s.slots
	s.slots = nil
	for _, slot := range slots {
		m.wayWritten(slot, ok)
	}
	if !ok && !m.restarting {
		m.giveUpStaging() // most likely there is no space
	}
	m.dropWaitingStage()
	m.stageAppend()
}

// dropWaitingStage lets go of what was to be put aside, when nobody wants it any more.
func (m *Machine) dropWaitingStage() {
	s := &m.stager
	if !m.restarting {
		return
	}
	slots := s.next
	s.waiting, s.next, s.extra = s.waiting[:0], nil, 0
	for _, slot := range slots {
		m.wayWritten(slot, false)
	}
}

// stageHolds notes that what is put aside now may be of up to a mark. The log must have the same end
// there before it is installed.
func (m *Machine) stageHolds(end mark) {
	c := &m.copy
	switch i := slices.IndexFunc(c.marks, func(k copyMark) bool { return k.ver == m.ver }); {
	case i >= 0 && c.marks[i].pos < end.pos:
		c.marks[i].mark = end
	case i >= 0:
	case len(c.marks) == maxMarks:
		m.copyAnew()
		return
	default:
		c.marks = append(c.marks, copyMark{m.ver, end})
	}
	m.stageCommitted()
}

// stageCommitted compares the log with what was put aside, as far as it is durable and in memory.
func (m *Machine) stageCommitted() {
	c := &m.copy
	if !c.staging() || len(c.marks) == 0 || m.restarting {
		return
	}
	stray, before := false, len(c.marks)
	c.marks = slices.DeleteFunc(c.marks, func(k copyMark) bool {
		if k.pos > m.durable.pos || k.pos < m.stream.low.pos {
			return false
		}
		stray = stray || !m.stream.ends(k.mark)
		c.least = max(c.least, k.pos)
		return true
	})
	if len(c.marks) < before {
		c.dirty = true
	}
	if stray {
		m.copyAnew()
	}
}

// ends says whether the log has a frame with this end, which must be in memory.
func (s *stream) ends(k mark) bool {
	if k.pos != s.low.pos && k.pos != s.at.pos {
		if i := s.find(k.pos); i == s.head || i == len(s.refs) || s.refs[i].start != k.pos {
			return false
		}
	}
	return s.mark(k.pos).chain == k.chain
}

// strays says whether a frame from a position to end shows that what is put aside is of another
// branch.
func (r *resync) strays(from int64, end mark) bool {
	return r.staged.on && slices.ContainsFunc(r.marks, func(k copyMark) bool {
		return k.pos > from && k.pos < end.pos || k.pos == end.pos && k.chain != end.chain
	})
}

// stageKick moves a staged copy on. It is called at each step while there is one.
func (m *Machine) stageKick() {
	s, st := &m.copy.staged, &m.stager
	if m.role != replica.RoleSecondary || m.restarting || st.busy() || st.pause == m.ticks && st.pause != 0 {
		return
	}
	switch {
	case !s.install:
		m.stageDone()
	case m.meta.saved < st.gen || !s.installed && m.meta.syncing:
	case !s.installed && st.at < s.end:
		st.reading = true
		m.out.LogRead(devStage, tagStageRead, stageSegment, st.at, min(readChunk, s.end-st.at))
	case !s.installed:
		s.installed, m.copy.dirty = true, true
		m.applied, m.applier.touched = s.base, s.base.pos
		m.persistApplied()
		m.applyKick()
	case !m.state.resync.staged.installed || m.meta.saved != m.meta.want:
	case len(st.litter) > 0:
		st.deleting = true
		m.out.LogDelete(st.litter[0].dev, tagStageDelete, st.litter[0].id)
	case !s.clean:
		s.clean, m.copy.dirty = true, true
		m.catchUp = catchUp{}
		m.persistApplied()
	}
}

// stageDone begins to install when everything is here that this may need.
func (m *Machine) stageDone() {
	c := &m.copy
	if len(c.pending) > 0 || c.live > 0 || c.dirty || m.meta.syncing || m.meta.saved != m.meta.want ||
		m.durable.pos < c.least || !m.state.replayOn || m.change.kind != changeNone ||
		slices.ContainsFunc(c.marks, func(k copyMark) bool { return k.pos > m.durable.pos }) {
		return
	}
	if len(c.marks) > 0 {
		// The log does not show them in memory any more. At a boot all of it is read.
		m.fetchFrom = m.beginAnew(c.clone(), m.state.applied)
		return
	}
	c.drop()
	c.staged.install = true
	if c.staged.end > 0 {
		m.stager.litter = append(m.stager.litter, litter{devStage, stageSegment})
	}
	m.state.resync = c.clone()
	m.stager.gen = m.save()
}

// stageRead writes what was put aside to the volume, as much as can be under way at a time.
func (m *Machine) stageRead(ev *node.Event) {
	s := &m.stager
	s.reading = false
	if m.restarting {
		return
	}
	if ev.Code != node.OK {
		s.pause = m.ticks
		return
	}
	var here runs
	s.to, s.failed = s.at, false
	for data := ev.Data; len(data) > 0; {
		at, content, size, ok := m.staged(data)
		if !ok || at.N < 1 || at.First < 0 || at.N > m.sectors || at.First > m.sectors-at.N ||
			len(content) > 0 && int64(len(content)) != at.N*int64(m.cfg.Geometry.Carry) {
			break
		}
		if len(here.within(at.First, end(at))) > 0 {
			break // newer content of the same sectors comes after
		}
		here = here.add(at.First, at.N)
		if len(content) > 0 {
			m.out.Write(devVolume, tagStageWrite, at.First, content)
		} else {
			m.out.Zero(devVolume, tagStageWrite, at.First, at.N)
		}
		s.writing++
		s.to += size
		data = data[size:]
	}
	if s.writing == 0 {
		m.defect("what was put aside cannot be read back at byte %d of %d", s.at, m.copy.staged.end)
	}
}

func (m *Machine) stageWritten(ev *node.Event) {
	s := &m.stager
	s.writing--
	s.failed = s.failed || ev.Code != node.OK
	switch {
	case s.writing > 0:
	case s.failed:
		s.pause = m.ticks // the same again
	default:
		s.at = s.to
	}
}

func (m *Machine) stageDeleted(ev *node.Event) {
	s := &m.stager
	s.deleting = false
	if ev.Code != node.OK && ev.Code != node.Invalid { // Invalid: it is gone already
		s.pause = m.ticks
		return
	}
	s.litter = s.litter[1:]
}

// bootStage puts the staging log in order: what of it does not count goes.
func (m *Machine) bootStage(ev *node.Event) {
	b, s := m.boot, &m.state.resync.staged
	switch b.stage {
	case bootStageList:
		segs, err := node.DecodeSegments(ev.Data)
		if err != nil {
			m.defect("%v", err)
			return
		}
		b.litter = segs
		if !s.on || s.installed || s.end == 0 {
			break
		}
		if i := slices.IndexFunc(segs, func(g node.Segment) bool { return g.ID == stageSegment }); i >= 0 &&
			segs[i].Size >= s.end {
			b.litter = slices.Delete(segs, i, i+1)
			b.stage = bootStageCut
			m.out.LogTruncate(devStage, tagBoot, stageSegment, s.end)
			return
		}
		if s.install {
			m.defect("what was put aside is gone, and the volume is inconsistent without")
			return
		}
		m.state.resync = resync{sweep: true} // the volume is still what it was
	case bootStageDelete:
		b.litter = b.litter[1:]
	}
	b.stage = bootStageDelete
	if len(b.litter) > 0 {
		m.out.LogDelete(devStage, tagBoot, b.litter[0].ID)
		return
	}
	m.bootLogList()
}

// stagedLog leaves away what the log was before there was a staged copy.
func (m *Machine) stagedLog(segs []node.Segment) []node.Segment {
	r := &m.state.resync
	if !r.staged.on {
		return segs
	}
	i := 0
	for ; i < len(segs) && segs[i].ID < r.nr; i++ {
		m.stager.litter = append(m.stager.litter, litter{devLog, segs[i].ID})
	}
	return segs[i:]
}

// stageBooted goes on with a staged copy after a boot. Stray says that its log does not belong to it.
func (m *Machine) stageBooted(stray bool) {
	c := &m.copy
	if m.state.resync.sweep {
		m.state.resync.sweep, c.sweep = false, false
		m.fetchFrom = m.save()
	}
	if !c.staged.on || c.staged.installed {
		return
	}
	c.begin(c.staged.base.pos) // no copy may be older
	m.stager.size = c.staged.end
	switch {
	case c.staged.install && m.durable.pos < c.least:
		m.defect("the log ends at position %d, but what is being installed needs it up to %d",
			m.durable.pos, c.least)
	case c.staged.install:
		if c.staged.end > 0 {
			m.stager.litter = append(m.stager.litter, litter{devStage, stageSegment})
		}
	case stray || m.role != replica.RoleSecondary:
		m.giveUpStaging()
	default:
		c.marks = slices.DeleteFunc(c.marks, func(k copyMark) bool {
			if k.pos <= m.durable.pos {
				c.least = max(c.least, k.pos)
			}
			return k.pos <= m.durable.pos
		})
	}
}

// Live returns the segments of a log that count, and belong together, given what the meta device
// holds: while a replica catches up, it has two logs beside one another. Until it installs what it
// has put aside, the older one counts.
func Live(log, meta []node.LogFile) []node.LogFile {
	s, ok := newestState(meta)
	if !ok || !s.resync.staged.on {
		return log
	}
	i := 0
	for ; i < len(log) && log[i].ID < s.resync.nr; i++ {
	}
	if s.resync.staged.install {
		return log[i:]
	}
	return log[:i]
}
