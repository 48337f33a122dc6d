package mars

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Bounds of a copy. Sizes are in bytes of the declared size.
const (
	maxChunk  = 4 << 20 // what a source sends at most for one request
	copyGrain = 16      // digests of a chunk: a part of it that has the same one is not sent
	copySpan  = 4 << 30 // what is asked at a time where the source holds data
	copyWays  = 8       // requests under way at one replica
	copyStall = 20      // ticks without an answer, then it is asked again
	digest    = 16      // bytes of a digest
	maxMap    = 4096    // runs that one answer lists
)

// copier is the receiving side of a resync.
type copier struct {
	resync
	// No record up to skipped that was left out of replay is missing in what still comes.
	skipped int64
	// Replay goes no further than bound while anything is pending: to where the source's volume was
	// when it last sent something.
	bound  int64
	next   int64 // sectors before are copied, or on their way
	mapped int64 // of pending sectors before, the source has said that they hold data
	ours   runs  // where the own volume may hold data, up to mapped
	ways   [copyWays]way
	live   int // ways that the own volume is busy with
	nonce  uint64
	stall  int
	// dirty is set when there is progress that is not on disk yet, and snapshot is what is being
	// written.
	dirty    bool
	snapshot resync
}

// way is one request under way, for sectors or for where they hold data.
type way struct {
	stage    wayStage
	maps     bool // for where they hold data
	nonce    uint64
	first, n int64
	at       int64 // the source's volume has held at least this when it was read
	writes   int   // that the own volume still has to end
	failed   bool
	holes    runs // maps: what the source does not hold
}

type wayStage uint8

const (
	wayFree  wayStage = iota
	wayLook           // the own volume is asked first, to compare
	wayAsked          // the source is asked
	wayWrite          // the own volume is being written
	wayDead           // given up, but the own volume is still busy with it
)

// begin starts at what resync says, with a log that is applied up to pos.
func (c *copier) begin(pos int64) {
	c.skipped, c.bound, c.next, c.mapped, c.ours, c.dirty = pos, 0, 0, 0, nil, true
}

// drop gives up what is under way. What the own volume does meanwhile hurts nobody: these
// sectors are still pending.
func (c *copier) drop() {
	for i := range c.ways {
		switch w := &c.ways[i]; w.stage {
		case wayAsked:
			w.stage = wayFree
		case wayLook, wayWrite:
			w.stage = wayDead
		}
	}
	c.next, c.stall = 0, 0
}

// holds notes that a copy taken now may hold content of up to a mark.
func (m *Machine) holds(end mark) {
	c := &m.copy
	if c.staged.on {
		m.stageHolds(end)
		return
	}
	i := slices.IndexFunc(c.marks, func(k copyMark) bool { return k.ver == m.ver })
	switch {
	case i >= 0 && c.marks[i].pos < end.pos:
		c.marks[i].mark = end
	case i >= 0:
	case end.pos == m.replaying().pos:
		c.least = max(c.least, end.pos) // replay is there already
	case len(c.marks) == maxMarks:
		m.copyAgain()
	default:
		c.marks = append(c.marks, copyMark{m.ver, end})
	}
}

// passes is called for each frame that replay takes, with its end. It finds copies of a branch that is not
// the one of the log.
func (m *Machine) passes(end mark) {
	c := &m.copy
	if len(c.marks) == 0 {
		return
	}
	again, before := false, len(c.marks)
	c.marks = slices.DeleteFunc(c.marks, func(k copyMark) bool {
		again = again || k.pos < end.pos || k.pos == end.pos && k.chain != end.chain
		return k.pos <= end.pos
	})
	if len(c.marks) < before {
		c.least = max(c.least, end.pos)
	}
	if again {
		m.copyAgain()
	}
}

// begins is called for each segment that comes. What copies from a former primary hold of behind its
// beginning is of a branch that has been given up there. After failovers by force on both sides that primary may
// have had the same number for its epoch.
func (m *Machine) begins(seg *Segment) {
	if slices.ContainsFunc(m.copy.marks, func(k copyMark) bool {
		e := k.ver.epoch()
		return (seg.Epoch > e || seg.Epoch == e && seg.Origin != k.ver.host) && seg.Start < k.pos
	}) {
		m.copyAgain()
	}
}

// copyAgain begins from the first sector on, with the log as it is.
func (m *Machine) copyAgain() {
	c := &m.copy
	if c.staged.on {
		m.copyAnew()
		return
	}
	c.drop()
	c.marks, c.pending = nil, runs{{First: 0, N: m.sectors}}
	c.begin(max(c.skipped, m.applied.pos))
}

// dying says whether the volume is still being written with what was given up. Until that has ended
// nothing else may be written there.
func (c *copier) dying() bool {
	return slices.ContainsFunc(c.ways[:], func(w way) bool {
		return w.stage == wayDead && w.writes > 0
	})
}

// done says whether the volume is consistent again, at the applied position.
func (c *copier) done(applied int64) bool {
	if c.staged.on && !c.staged.clean {
		return false
	}
	return c.based && c.size == 0 && len(c.pending) == 0 && len(c.marks) == 0 && applied >= c.least
}

// replayEnd is how far replay may go.
func (m *Machine) replayEnd() int64 {
	if m.emergency.on {
		return m.emergencyReach()
	}
	c := &m.copy
	if c.staged.on && !c.staged.installed {
		return m.applied.pos
	}
	if !c.on || len(c.pending) == 0 {
		// What is on the volume can be read, so it has to be sure.
		return m.sure()
	}
	limit := c.bound
	for i := range c.ways {
		if w := &c.ways[i]; w.stage == wayWrite {
			limit = min(limit, w.at)
		}
	}
	return min(limit, m.durable.pos)
}

// sectorsOf is a size in bytes in sectors, at least one.
func (m *Machine) sectorsOf(bytes int64) int64 {
	return max(1, bytes/int64(m.cfg.Geometry.SectorSize))
}

// copying says whether there is something to copy, and from whom.
func (m *Machine) copying() *peer {
	c := &m.copy
	if !c.on || !c.based || c.staged.install || len(c.pending) == 0 || m.state.syncOff || m.restarting ||
		m.turn == replica.SyncHeld {
		return nil
	}
	return m.source()
}

// copyTick asks again where an answer is missing.
func (m *Machine) copyTick() {
	c := &m.copy
	if m.copying() == nil {
		return
	}
	if c.stall++; c.stall >= copyStall && slices.ContainsFunc(c.ways[:], func(w way) bool {
		return w.stage == wayAsked
	}) {
		c.drop()
	}
	m.copyKick()
}

// copyKick keeps as much under way as may be.
func (m *Machine) copyKick() {
	c := &m.copy
	p := m.copying()
	if p == nil {
		return
	}
	if c.size != 0 {
		m.copyResize()
		return
	}
	if m.resizing() || c.dying() {
		return
	}
	for i := range c.ways {
		w := &c.ways[i]
		if w.stage != wayFree {
			continue
		}
		if !m.nextWay(w) {
			return
		}
		c.nonce++
		w.nonce = m.incarnation<<32 | c.nonce&0xffffffff
		switch {
		case w.maps:
			w.stage = wayLook
			c.live++
			m.out.Map(devVolume, tagCopyLook|node.Tag(i), w.first, w.n)
		case len(c.ours.within(w.first, w.first+w.n)) > 0:
			w.stage = wayLook
			c.live++
			m.out.Read(devVolume, tagCopyLook|node.Tag(i), w.first, w.n)
		default:
			m.ask(p, w, nil)
		}
	}
}

// copyResize gives the volume the size that it has at the base.
func (m *Machine) copyResize() {
	if r := &m.resize; r.doing == 0 && !m.applier.busy {
		m.applier.busy = true
		m.applier.begin(m.applied)
		r.replay = m.copy.size
		m.resizeKick()
	}
}

// nextWay finds what is to be asked for next. It returns false if that has to wait for others.
func (m *Machine) nextWay(w *way) bool {
	c := &m.copy
	i := c.pending.find(c.next)
	if i == len(c.pending) {
		return false
	}
	first := max(c.next, c.pending[i].First)
	if first < c.mapped {
		n := min(end(c.pending[i]), first+m.sectorsOf(m.cfg.CopyChunk), c.mapped) - first
		*w = way{first: first, n: n}
		c.next = first + n
		return true
	}
	for k := range c.ways {
		if c.ways[k].maps && c.ways[k].stage != wayFree {
			return false // one at a time
		}
	}
	*w = way{maps: true, first: first, n: min(m.sectorsOf(copySpan), m.sectors-first)}
	return true
}

// ask sends the request for w to the source, with digests of what the own volume holds, if anything.
func (m *Machine) ask(p *peer, w *way, digests []byte) {
	w.stage = wayAsked
	msg := message{kind: msgCopy, mark: mark{pos: w.first}, credit: w.n, nonce: w.nonce}
	if w.maps {
		msg.kind = msgMap
	}
	if len(digests) > 0 {
		msg.seq = uint64(m.grain())
	}
	m.send(p, &msg, digests, 0)
}

// grain is what one digest is of, in sectors.
func (m *Machine) grain() int64 { return m.sectorsOf(m.cfg.CopyChunk / copyGrain) }

// looked takes what the own volume holds, or where.
func (m *Machine) looked(ev *node.Event) {
	c := &m.copy
	w := &c.ways[ev.Tag&^tagClass]
	c.live--
	p := m.copying()
	if w.stage == wayDead || ev.Code != node.OK || p == nil {
		c.giveUp(w)
		m.resizeKick()
		return
	}
	if !w.maps {
		m.ask(p, w, digests(nil, ev.Data, int(m.grain())*int(m.cfg.Geometry.Carry)))
		return
	}
	ours, err := node.DecodeRuns(ev.Data)
	if err != nil {
		c.giveUp(w)
		return
	}
	for _, r := range ours {
		c.ours = c.ours.add(r.First, r.N)
	}
	m.ask(p, w, nil)
}

// giveUp has what w is for asked again, later.
func (c *copier) giveUp(w *way) {
	if !w.maps {
		c.next = min(c.next, w.first)
	}
	w.stage = wayFree
}

// digests appends one digest for each grain of data.
func digests(b, data []byte, grain int) []byte {
	for len(data) > 0 {
		n := min(grain, len(data))
		sum := sha256.Sum256(data[:n])
		b = append(b, sum[:digest]...)
		data = data[n:]
	}
	return b
}

// onMapped takes where the source holds data. What it does not hold there is made zero here.
func (m *Machine) onMapped(p *peer, msg *message, body []byte) {
	w, slot := m.answered(p, msg, body, true)
	if w == nil {
		return
	}
	theirs, err := node.DecodeRuns(body[copyHead:])
	last := msg.pos + msg.credit
	if err != nil || msg.credit < 1 || msg.credit > w.n ||
		len(theirs) > 0 && (theirs[0].First < msg.pos || end(theirs[len(theirs)-1]) > last) {
		m.copy.giveUp(w)
		return
	}
	c := &m.copy
	w.n = msg.credit
	w.holes = runs{{First: w.first, N: w.n}}
	for _, r := range theirs {
		w.holes = w.holes.remove(r.First, end(r))
	}
	for _, h := range w.holes {
		for _, r := range c.ours.within(h.First, end(h)) {
			for _, q := range c.pending.within(r.First, end(r)) {
				m.put(w, slot, q, nil)
			}
		}
	}
	m.wayDone(w)
}

// copyHead is in front of the body of an answer: up to which position of the log the source's volume
// held everything when it was read (8), and the mark from which on it held nothing: position (8),
// sequence (8), chain (8).
const copyHead = 32

// answered finds what an answer is for, and the slot in the table of ways.
func (m *Machine) answered(p *peer, msg *message, body []byte, maps bool) (w *way, slot node.Tag) {
	c := &m.copy
	if m.copying() != p || len(body) < copyHead {
		return nil, 0
	}
	for i := range c.ways {
		if w = &c.ways[i]; w.stage == wayAsked && w.nonce == msg.nonce && w.maps == maps &&
			w.first == msg.pos {
			c.stall = 0
			le := binary.LittleEndian
			at := int64(le.Uint64(body))
			end := mark{int64(le.Uint64(body[8:])), le.Uint64(body[16:]), le.Uint64(body[24:])}
			replay := m.replaying()
			if at < c.skipped || end.pos < at || end.pos < replay.pos {
				c.giveUp(w) // the source was not as far then as replay is here
				return nil, 0
			}
			if end.pos == replay.pos && end.chain != replay.chain {
				m.copyAgain()
				return nil, 0
			}
			c.bound = max(c.bound, at)
			if m.holds(end); w.stage != wayAsked {
				return nil, 0 // there were too many
			}
			w.at, w.stage = at, wayWrite
			return w, node.Tag(i)
		}
	}
	return nil, 0
}

// onCopied takes content. The body is pieces: first sector, from the first one asked for on (4),
// their number (4), and what they hold.
func (m *Machine) onCopied(p *peer, msg *message, body []byte) {
	w, slot := m.answered(p, msg, body, false)
	if w == nil {
		return
	}
	carry := int64(m.cfg.Geometry.Carry)
	for body = body[copyHead:]; len(body) > 0; {
		if len(body) < 8 {
			w.failed = true
			break
		}
		first := int64(binary.LittleEndian.Uint32(body))
		n := int64(binary.LittleEndian.Uint32(body[4:]))
		body = body[8:]
		if n < 1 || first+n > w.n || n*carry > int64(len(body)) {
			w.failed = true
			break
		}
		m.copied += n
		m.put(w, slot, node.Run{First: w.first + first, N: n}, body[:n*carry])
		body = body[n*carry:]
	}
	m.wayDone(w)
}

// put brings a part of a copy to where it belongs; without data it becomes zero.
func (m *Machine) put(w *way, slot node.Tag, at node.Run, data []byte) {
	w.writes++
	m.copy.live++
	switch {
	case m.copy.staged.on:
		m.stage(int(slot), at, data)
	case data == nil:
		m.out.Zero(devVolume, tagCopyWrite|slot, at.First, at.N)
	default:
		m.out.Write(devVolume, tagCopyWrite|slot, at.First, data)
	}
}

// copyWritten takes the end of one write of a way.
func (m *Machine) copyWritten(ev *node.Event) {
	m.wayWritten(int(ev.Tag&^tagClass), ev.Code == node.OK)
	m.resizeKick()
}

func (m *Machine) wayWritten(slot int, ok bool) {
	w := &m.copy.ways[slot]
	m.copy.live--
	w.writes--
	w.failed = w.failed || !ok
	m.wayDone(w)
}

// wayDone ends a way when nothing of it is under way any more. While it was, replay has gone no further
// than its source had when it was read: see replayEnd.
func (m *Machine) wayDone(w *way) {
	c := &m.copy
	if w.writes > 0 {
		return
	}
	switch {
	case w.stage == wayDead:
		w.stage, w.failed = wayFree, false
	case w.failed:
		c.giveUp(w)
	case w.maps:
		for _, h := range w.holes {
			c.pending = c.pending.remove(h.First, end(h))
		}
		c.mapped = w.first + w.n
		w.stage, c.dirty = wayFree, true
	default:
		c.pending = c.pending.remove(w.first, w.first+w.n)
		w.stage, c.dirty = wayFree, true
	}
	m.copyKick()
	m.applyKick()
	m.progress()
}

// shot remembers how far the copy is, for when the volume has been synced.
func (c *copier) shot(applied int64) {
	c.snapshot, c.dirty = resync{}, false
	if c.on && !c.done(applied) {
		c.snapshot = c.clone()
	}
}

// copyShot makes what was remembered part of the state. If that is the end of the copy, it is over.
func (m *Machine) copyShot() {
	c := &m.copy
	m.state.resync = c.snapshot
	if c.on && !c.snapshot.on {
		*c = copier{nonce: c.nonce}
	}
}

// copyRead is one request that this replica answers as the source.
type copyRead struct {
	used     bool
	maps     bool
	to       node.Addr
	nonce    uint64
	first, n int64
	at       int64
	grain    int64 // sectors that one of the digests is of; 0: there are none
	digests  []byte
}

// onCopyAsked answers what a member that copies asks for, from the volume: so it gets nothing that is
// not durable in the log.
func (m *Machine) onCopyAsked(p *peer, msg *message, body []byte) {
	limit, grain := m.sectorsOf(maxChunk), int64(min(msg.seq, maxChunk))
	if msg.kind == msgMap {
		limit = m.sectorsOf(copySpan)
	}
	want := int64(0)
	if grain > 0 {
		want = (msg.credit + grain - 1) / grain * digest
	}
	if !m.isSource() || m.resizing() ||
		msg.credit < 1 || msg.credit > limit || msg.pos > m.sectors-msg.credit ||
		int64(len(body)) != want {
		return // it asks again
	}
	i := slices.IndexFunc(m.copies, func(r copyRead) bool { return !r.used })
	if i < 0 {
		if i = len(m.copies); i >= copyWays*maxMembers {
			return
		}
		m.copies = append(m.copies, copyRead{})
	}
	m.copies[i] = copyRead{used: true, maps: msg.kind == msgMap, to: p.addr, nonce: msg.nonce,
		first: msg.pos, n: msg.credit, at: m.state.applied.pos, grain: grain,
		digests: append(m.copies[i].digests[:0], body...)}
	m.liveCopies++
	if msg.kind == msgMap {
		m.out.Map(devVolume, tagCopyServe|node.Tag(i), msg.pos, msg.credit)
	} else {
		m.out.Read(devVolume, tagCopyServe|node.Tag(i), msg.pos, msg.credit)
	}
}

// isSource says whether the volume here holds the designated branch, and nothing else.
func (m *Machine) isSource() bool {
	return m.role == replica.RolePrimary || m.role == replica.RoleClosed
}

// replaying is where replay is, or will be when what is under way has ended.
func (m *Machine) replaying() mark {
	if m.applier.busy {
		return m.applier.target
	}
	return m.applied
}

// copyServed sends what was asked for.
func (m *Machine) copyServed(ev *node.Event) {
	r := &m.copies[ev.Tag&^tagClass]
	r.used = false
	m.liveCopies--
	m.resizeKick()
	p := m.peer(r.to)
	if p == nil || ev.Code != node.OK || !m.isSource() {
		return
	}
	end := m.replaying()
	le := binary.LittleEndian
	b := le.AppendUint64(m.copyBuf[:0], uint64(r.at))
	b = le.AppendUint64(b, uint64(end.pos))
	b = le.AppendUint64(b, end.seq)
	b = le.AppendUint64(b, end.chain)
	msg := message{kind: msgCopied, mark: mark{pos: r.first}, credit: r.n, nonce: r.nonce}
	extra := int64(0)
	if r.maps {
		msg.kind = msgMapped
		b, msg.credit = appendMap(b, ev.Data, r.first, r.n)
	} else {
		var sent int64
		b, sent = m.appendDiffering(b, r, ev.Data)
		extra = sent * int64(m.cfg.Geometry.SectorSize-m.cfg.Geometry.Carry)
	}
	m.copyBuf = b
	m.send(p, &msg, b, extra)
}

// appendMap appends as many runs as one answer may hold, and says how many sectors they are of.
func appendMap(b, data []byte, first, n int64) ([]byte, int64) {
	held, err := node.DecodeRuns(data)
	if err != nil {
		held = []node.Run{{First: first, N: n}} // it cannot say: so it may be anywhere
	}
	if len(held) > maxMap {
		n = held[maxMap].First - first
		held = held[:maxMap]
	}
	return node.AppendRuns(b, held...), n
}

// appendDiffering appends the pieces whose digests are not those that were sent.
func (m *Machine) appendDiffering(b []byte, r *copyRead, data []byte) (_ []byte, sent int64) {
	carry := int64(m.cfg.Geometry.Carry)
	grain, theirs := r.grain, r.digests
	if grain == 0 {
		grain = r.n
	}
	var own [digest]byte
	for first := int64(0); first < r.n; first += grain {
		n := min(grain, r.n-first)
		piece := data[first*carry : (first+n)*carry]
		if len(theirs) > 0 {
			digests(own[:0], piece, len(piece))
			same := string(own[:]) == string(theirs[:digest])
			theirs = theirs[digest:]
			if same {
				continue
			}
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(first))
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = append(b, piece...)
		sent += n
	}
	return b, sent
}
