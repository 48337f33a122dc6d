package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// ioState is what users of the primary wait for.
type ioState struct {
	// index says, for each sector whose newest content is not on the volume yet, where in the
	// stream the frame with that content starts.
	index   map[int64]int64
	zeros   zeroList // what is, or was, made zero and is not on the volume yet
	writes  fifo     // to be acknowledged when the log reaches pos
	flushes fifo
	waiting []waiter // writes that wait for room in the buffer, or because the log fills up
	wakes   bool     // a timer is set for the first of them
	reads   []read
	live    int // reads in use

	maps     []mapping
	liveMaps int
}

// fifo is a queue of (tag, position) with ascending positions.
type fifo struct {
	list []due
	head int
}

type due struct {
	tag node.Tag
	pos int64
}

func (q *fifo) push(d due) {
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	q.list = append(q.list, d)
}

func (q *fifo) empty() bool { return q.head == len(q.list) }

type waiter struct {
	tag    node.Tag
	sector int64
	data   []byte
	zero   int64 // it is a zero of so many sectors
	sync   bool  // answered only when it is durable
	due    node.Time
}

// read is a read that could not be answered at once. What the buffer holds was copied when the
// read came: that is the moment at which the read takes place.
type read struct {
	used   bool
	orphan bool // answered already; the slot waits for the volume alone
	onDisk bool // the volume has not answered yet
	held   bool // nor has it been asked: it is being resized
	off    int64
	tag    node.Tag
	need   int64  // answered only when the log is durable up to here
	buf    []byte // the sectors; empty as long as none came from the buffer
	over   []bool // which of them came from the buffer
}

// sectors is where the content of a read is gathered, if it does not come from the volume alone.
func (r *read) sectors(carry int) []byte {
	if n := len(r.over) * carry; cap(r.buf) < n {
		r.buf = make([]byte, n)
	} else {
		r.buf = r.buf[:n]
	}
	return r.buf
}

func (m *Machine) inRange(ev *node.Event) bool {
	return ev.N > 0 && ev.Off >= 0 && ev.N <= m.sectors && ev.Off <= m.sectors-ev.N
}

// serves says whether users' I/O is accepted; if not, it has answered.
func (m *Machine) serves(ev *node.Event, valid bool) bool {
	switch {
	case m.role != replica.RolePrimary || m.change.draining:
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), nil)
	case !valid:
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(), nil)
	default:
		return true
	}
	return false
}

func (m *Machine) onWrite(ev *node.Event) {
	if !m.serves(ev, m.inRange(ev) && int64(len(ev.Data)) == ev.N*int64(m.cfg.Geometry.Carry)) {
		return
	}
	if m.hold(waiter{tag: ev.Tag, sector: ev.Off, sync: wantsSync(ev)}, ev.Data) {
		return
	}
	m.write(ev.Tag, ev.Off, ev.Data, wantsSync(ev))
	m.logKick()
}

// wantsSync says whether a request is to be answered only when it is durable, whatever Ack says.
func wantsSync(ev *node.Event) bool { return ev.Seg&node.FlagDurable != 0 }

func (m *Machine) bufferFull() bool {
	return m.stream.at.pos-min(m.applied.pos, m.durable.pos) >= m.cfg.Buffer || len(m.io.zeros) >= maxZeros ||
		m.fenced()
}

// write puts one user's write into the stream, as one record or, if it is large, as several.
func (m *Machine) write(tag node.Tag, sector int64, data []byte, sync bool) {
	carry := int(m.cfg.Geometry.Carry)
	limit := maxBody / int(m.cfg.Geometry.SectorSize) * carry
	for cont := false; len(data) > 0; cont = true {
		n := min(len(data), limit)
		start := m.stream.at.pos
		m.stream.write(m.ver.epoch(), m.now, sector, data[:n], cont)
		for ; n > 0; n -= carry {
			m.io.index[sector] = start
			sector++
			data = data[carry:]
		}
	}
	m.acceptWrite(tag, sync)
}

// acceptWrite answers a request that is in the stream now, or has it wait for its turn.
func (m *Machine) acceptWrite(tag node.Tag, sync bool) {
	defer m.rotateIfLong()
	switch {
	case sync && (m.ack() == AckLogged || m.ack() == AckSubmitted): // like the flush that would follow
		m.io.flushes.push(due{tag, m.stream.at.pos})
	case m.ack() == AckSubmitted:
		m.acknowledge(tag)
	default:
		m.io.writes.push(due{tag, m.stream.at.pos})
	}
}

// admitWaiting takes waiting writes as far as there is room.
func (m *Machine) admitWaiting() {
	n := 0
	for n < len(m.io.waiting) && !m.bufferFull() && m.io.waiting[n].due <= m.now {
		w := &m.io.waiting[n]
		if w.zero > 0 {
			m.zero(w.tag, w.sector, w.zero, w.sync)
		} else {
			m.write(w.tag, w.sector, w.data, w.sync)
		}
		n++
	}
	if n > 0 {
		m.io.waiting = m.io.waiting[:copy(m.io.waiting, m.io.waiting[n:])]
		m.wakeThrottled()
		m.logKick()
	}
}

// answer answers what waits for a position that has been reached.
func (m *Machine) answer(q *fifo, pos int64) {
	for ; q.head < len(q.list) && q.list[q.head].pos <= pos; q.head++ {
		m.acknowledge(q.list[q.head].tag)
	}
}

func (m *Machine) onFlush(ev *node.Event) {
	if !m.serves(ev, true) {
		return
	}
	if m.sure() == m.stream.at.pos {
		m.acknowledge(ev.Tag)
		return
	}
	m.io.flushes.push(due{ev.Tag, m.stream.at.pos})
}

// onRead answers from the buffer what is there and from the volume what is not. Content that is
// not durable yet is not shown before it is: otherwise a reader could have seen what a crash
// then takes back.
func (m *Machine) onRead(ev *node.Event) {
	if !m.serves(ev, m.inRange(ev)) {
		return
	}
	carry := int(m.cfg.Geometry.Carry)
	r := m.newRead(ev.Tag, int(ev.N))
	hits := 0
	var newest []int64
	if len(m.io.zeros) > 0 {
		newest = make([]int64, ev.N)
	}
	for i := 0; i < int(ev.N) && len(m.io.index) > 0; i++ {
		start, ok := m.io.index[ev.Off+int64(i)]
		if !ok {
			continue
		}
		hits++
		ref := &m.stream.refs[m.stream.find(start)]
		content, err := m.content(ref)
		if err != nil {
			m.endRead(r, node.IOError, nil)
			m.defect("the record at position %d cannot be read: %v", start, err)
			return
		}
		from := int(ev.Off-ref.sector)*carry + i*carry
		copy(r.sectors(carry)[i*carry:], content[from:from+carry])
		r.over[i] = true
		if newest != nil {
			newest[i] = start
		}
		if m.ack() != AckSubmitted {
			r.need = max(r.need, ref.pos)
		}
	}
	if newest != nil {
		hits += m.overlayZeros(r, ev.Off, newest)
	}
	if r.onDisk = hits < int(ev.N); r.onDisk {
		r.off, r.held = ev.Off, m.resizing()
		if !r.held {
			m.out.Read(devVolume, tagUserRead|m.slotOf(r), ev.Off, ev.N)
		}
		return
	}
	m.finishRead(r)
}

func (m *Machine) newRead(tag node.Tag, n int) *read {
	var r *read
	for i := range m.io.reads {
		if !m.io.reads[i].used {
			r = &m.io.reads[i]
			break
		}
	}
	if r == nil {
		m.io.reads = append(m.io.reads, read{})
		r = &m.io.reads[len(m.io.reads)-1]
	}
	if cap(r.over) < n {
		r.over = make([]bool, n)
	}
	*r = read{used: true, tag: tag, buf: r.buf[:0], over: r.over[:n]}
	clear(r.over)
	m.io.live++
	return r
}

func (m *Machine) slotOf(r *read) node.Tag {
	for i := range m.io.reads {
		if &m.io.reads[i] == r {
			return node.Tag(i)
		}
	}
	panic("mars: read outside its table")
}

func (m *Machine) userRead(ev *node.Event) {
	r := &m.io.reads[ev.Tag&^tagClass]
	r.onDisk = false
	m.resizeKick()
	if ev.Code != node.OK {
		m.endRead(r, ev.Code, nil)
		return
	}
	if len(r.buf) == 0 { // all of it comes from the volume, and it can leave as it is
		m.endRead(r, node.OK, ev.Data)
		return
	}
	carry := int(m.cfg.Geometry.Carry)
	for i, over := range r.over {
		if !over {
			copy(r.buf[i*carry:(i+1)*carry], ev.Data[i*carry:])
		}
	}
	m.finishRead(r)
}

// finishRead answers r if it has all it waits for.
func (m *Machine) finishRead(r *read) {
	if r.used && !r.onDisk && r.need <= m.sure() {
		m.endRead(r, node.OK, r.buf)
	}
}

func (m *Machine) endRead(r *read, code node.Code, data []byte) {
	if !r.orphan && !m.park(r.tag, code, true, data) {
		m.out.ReplyLent(r.tag, code, m.ver.epoch(), data)
	}
	r.used = false
	m.io.live--
}

// unindex drops the index entries of frames in [from, to), which are on the volume now.
func (m *Machine) unindex(from, to int64) {
	if len(m.io.index) == 0 || from < m.stream.low.pos {
		return
	}
	for i := m.stream.find(from); i < len(m.stream.refs) && m.stream.refs[i].pos <= to; i++ {
		r := &m.stream.refs[i]
		if r.kind != kindWrite {
			continue
		}
		for s := r.sector; s < r.sector+int64(r.sectors); s++ {
			if m.io.index[s] == r.start {
				delete(m.io.index, s)
			}
		}
	}
}

// dropUsers ends everything users wait for, when this replica stops being primary: writes that
// are in the log but were not acknowledged may or may not survive.
func (m *Machine) dropUsers(writes node.Code) {
	for _, q := range []*fifo{&m.io.writes, &m.io.flushes} {
		for ; !q.empty(); q.head++ {
			m.out.Reply(q.list[q.head].tag, writes, m.ver.epoch(), nil)
		}
	}
	m.dropWaiting()
	for i := range m.io.reads {
		r := &m.io.reads[i]
		if !r.used || r.orphan {
			continue
		}
		m.out.Reply(r.tag, node.NotPrimary, m.ver.epoch(), nil)
		r.orphan = true
		if !r.onDisk || r.held { // else the slot is free when the volume has answered
			m.endRead(r, node.NotPrimary, nil)
		}
	}
	m.dropMaps()
	m.dropParked(writes)
	m.dropVerbs()
	m.dropResize()
	m.forgetPending()
}

// forgetPending forgets what is not on the volume yet: nobody reads before it is.
func (m *Machine) forgetPending() {
	clear(m.io.index)
	m.io.zeros = m.io.zeros[:0]
}

func (m *Machine) dropWaiting() {
	for i := range m.io.waiting {
		m.out.Reply(m.io.waiting[i].tag, node.NotPrimary, m.ver.epoch(), nil)
	}
	m.io.waiting = m.io.waiting[:0]
}

// quiet says whether no user waits for anything.
func (m *Machine) quiet() bool {
	return m.io.writes.empty() && m.io.flushes.empty() && len(m.io.waiting) == 0 &&
		m.io.live == 0 && m.io.liveMaps == 0 && len(m.verbs) == 0 && m.resize.grow == 0 &&
		len(m.lease.parked) == 0
}
