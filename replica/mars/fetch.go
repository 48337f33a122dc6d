package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// maxSend is how much log one message carries, in bytes; a single larger frame goes alone.
const maxSend = 128 << 10

// maxDirty is how many runs of sectors a scan of the own log remembers.
const maxDirty = 4096

// stallTicks is how many ticks without progress make a secondary ask again from where it is.
const stallTicks = 3

// fetchState is what a secondary knows of its source, the designated primary.
type fetchState struct {
	heard        bool // the source has told its committed end, under the current version
	committed    int64
	committedSeq uint64
	floor        int64  // nobody needs the log before
	idle         uint64 // ticks since the last progress
	rewound      bool   // has asked again since then
	cut          bool   // own history has left the designated branch: nothing is fetched

	lost replica.Loss // what the own history holds beyond the fork
	scan lossScan

	verified bool    // the own log is a prefix of the source's
	behind   bool    // the source's log does not reach back to where ours ends
	orphan   bool    // nor does anybody else's
	from     node.ID // who serves instead of the source; 0: nobody
}

// lossScan reads the own log from the fork on, to say what was lost, and which sectors that was in.
type lossScan struct {
	reading bool
	pos     int64
	first   node.Time
	fork    mark
	dirty   runs
	rewinds bool // the own volume can be taken back to the fork, with dirty from the source
}

// resetFetch forgets the source. A read of the own log that is under way still ends.
func (m *Machine) resetFetch() {
	m.fetch = fetchState{scan: lossScan{reading: m.fetch.scan.reading}}
}

// source is the peer to fetch from, or nil.
func (m *Machine) source() *peer {
	if m.role != replica.RoleSecondary || m.fetch.cut || !m.state.fetchOn || m.restarting ||
		m.meta.saved < m.fetchFrom {
		return nil
	}
	if m.change.kind == changeForce && m.mayOpen() {
		return nil // what is fetched from now on would be of the lost branch
	}
	return m.peerOf(m.ver.host)
}

// feeder is the peer that the log is fetched from, or nil: the source, or another member, if the source
// has deleted what is needed, or cannot be reached.
func (m *Machine) feeder() *peer {
	p := m.source()
	if p == nil || m.fetch.from == 0 {
		return p
	}
	if q := m.peerOf(m.fetch.from); q != nil {
		return q
	}
	return p
}

// silence is how many ticks without a word from the source make a secondary ask others.
const silence = 20

// chooseFeeder finds out who has the log that is needed.
func (m *Machine) chooseFeeder() {
	f := &m.fetch
	p := m.source()
	if p == nil || m.copy.on && !m.copy.based {
		f.from = 0
		return
	}
	if f.behind && p.oldest <= m.stream.at.pos {
		f.behind = false
	}
	was := f.from
	if f.from = 0; f.behind || p.silent > silence {
		if q := m.instead(p); q != nil {
			f.from = q.addr.Host
		}
	}
	f.orphan = f.behind && f.from == 0
	if f.from != was {
		m.sendFetch(flagRewind)
	}
}

// instead is a member that has the log which follows ours and could serve it instead of the source, or nil.
func (m *Machine) instead(source *peer) *peer {
	for i := range m.peers {
		q := &m.peers[i]
		if q != source && !q.cut && q.silent <= silence && q.oldest <= m.stream.at.pos &&
			q.end > m.stream.at.pos {
			return q
		}
	}
	return nil
}

// sendFetch tells the source how far this replica is. It is the acknowledgement of what has
// come, and the permission to send more: as much as the own log can take.
func (m *Machine) sendFetch(flags uint8) {
	if p := m.feeder(); p != nil {
		if m.copy.on && !m.copy.based {
			flags |= flagBase
		}
		if m.copy.on {
			flags |= flagCopying
		}
		m.send(p, &message{kind: msgFetch, flags: flags, mark: m.stream.at,
			credit: m.durable.pos + m.cfg.FetchWindow}, nil, 0)
	}
}

func (m *Machine) heardCommitted(msg *message) {
	f := &m.fetch
	if !f.heard || msg.durable > f.committed {
		f.heard, f.committed, f.committedSeq = true, msg.durable, msg.durableSeq
	}
	f.floor = max(f.floor, msg.floor)
}

// fetchTick asks again when nothing has come for a while though there is more, and now and then
// in any case: a lost message must not stop anything for good.
func (m *Machine) fetchTick() {
	m.lossKick()
	for i := range m.peers {
		m.peers[i].silent++
	}
	m.chooseFeeder()
	f := &m.fetch
	f.idle++
	behind := !f.heard || f.committed > m.stream.at.pos
	if behind && f.idle%stallTicks == 0 || f.idle%10 == 0 || m.slow {
		m.sendFetch(flagRewind)
	}
}

// onData takes frames that continue the own log. A gap makes it ask again, once until there is
// progress: the rest of what is on its way would ask for the same.
func (m *Machine) onData(p *peer, msg *message, body []byte) {
	if m.feeder() != p || msg.ver != m.ver || m.copy.on && !m.copy.based {
		return
	}
	if p == m.source() {
		m.heardCommitted(msg)
	}
	m.fetch.verified = true // nobody sends before this is so
	if m.state.tainted && !m.copy.on && !m.restarting {
		m.beginAnew(resync{on: true}, mark{}) // what is on the volume besides its log is nobody's
		return
	}
	if skip := m.stream.at.pos - msg.pos; skip > 0 {
		if skip >= int64(len(body)) {
			return // all known
		}
		body = body[skip:]
	} else if skip < 0 {
		if !m.fetch.rewound {
			m.fetch.rewound = true
			m.sendFetch(flagRewind)
		}
		return
	}
	before := m.stream.at.pos
	for len(body) > 0 {
		f, err := decodeFrame(body)
		if err != nil || !m.stream.takes(&f) {
			break // damaged on its way, or not of our branch: asking again will tell
		}
		if len(m.stream.segments) == 0 && f.kind != kindSegment {
			// A log can only begin with a segment. Either who named the base has begun one there, and this
			// one has not, or the log was given up in an emergency. Nothing is here that the source lacks.
			m.copyAnew()
			return
		}
		m.stream.add(&f, body[:f.size()])
		if f.kind == kindSegment {
			m.begins(&m.stream.segments[len(m.stream.segments)-1])
		}
		body = body[f.size():]
	}
	if m.stream.at.pos > before {
		m.fetch.idle, m.fetch.rewound = 0, false
		m.logKick()
	}
}

// fetchCommitted follows when more of the log has become durable on this replica.
func (m *Machine) fetchCommitted() {
	m.sendFetch(0)
	m.lossKick()
}

// serving says whether others may fetch from this replica: its log must be known to be of the
// designated branch.
func (m *Machine) serving() bool {
	switch m.role {
	case replica.RolePrimary, replica.RoleClosed:
		return true
	case replica.RoleSecondary:
		return m.fetch.verified && !m.fetch.cut && !m.restarting
	}
	return false
}

// onFetch serves a secondary. Before the first frame goes out, its log must be known to be a
// prefix of ours.
func (m *Machine) onFetch(p *peer, msg *message) {
	if !m.serving() {
		m.hello(p, 0, 0)
		return
	}
	p.cut = false
	if msg.flags&flagBase != 0 {
		m.giveBase(p)
		return
	}
	p.credit = msg.credit
	if !p.known {
		m.verify(p, msg.mark)
		return
	}
	if msg.flags&flagCopying == 0 && msg.durable > p.durable && msg.gen == p.gen {
		p.durable = msg.durable
		m.surer()
	}
	if msg.flags&flagRewind != 0 {
		p.next = msg.pos
		if msg.pos == m.durable.pos {
			m.hello(p, 0, 0) // it asks because it has heard nothing; there is nothing
		}
	}
	p.next = max(p.next, msg.pos)
	m.serve(p)
}

// verify compares what a peer has with our log at the same position.
func (m *Machine) verify(p *peer, theirs mark) {
	switch {
	case theirs.pos > m.durable.pos:
		m.split(p)
	case theirs.pos < m.logFrom():
		m.send(p, &message{kind: msgBehind}, nil, 0)
	case theirs.pos == m.stream.at.pos:
		m.verified(p, theirs, m.stream.at.chain)
	case theirs.pos >= m.stream.low.pos:
		i := m.stream.find(theirs.pos)
		if i < len(m.stream.refs) && m.stream.refs[i].start == theirs.pos {
			m.verified(p, theirs, m.stream.mark(theirs.pos).chain)
		} else {
			m.split(p)
		}
	case !p.reading:
		p.reading, p.checking = true, theirs
		seg, _ := m.stream.segmentAt(theirs.pos)
		m.out.LogRead(devLog, tagVerify|node.Tag(p.addr.Host), seg.Nr, theirs.pos-seg.Start,
			headerSize+maxBody)
	}
}

func (m *Machine) verifyRead(ev *node.Event) {
	p := m.peerOf(node.ID(ev.Tag &^ tagClass))
	if p == nil || !p.reading {
		return // it has left the group since
	}
	p.reading = false
	if !m.serving() || p.known || ev.Code != node.OK || !m.readAt(ev, p.checking.pos) {
		return
	}
	if f, err := decodeFrame(ev.Data); err == nil {
		m.verified(p, p.checking, f.prev)
	} else {
		m.split(p)
	}
}

func (m *Machine) verified(p *peer, theirs mark, chain uint64) {
	if theirs.chain != chain {
		m.split(p)
		return
	}
	p.known, p.next, p.base = true, theirs.pos, 0
	m.hello(p, 0, 0)
	m.serve(p)
}

// split tells a peer that its log is not a prefix of ours, and where ours came from.
func (m *Machine) split(p *peer) {
	p.cut = true
	m.send(p, &message{kind: msgSplit, mark: m.durable}, encodeSegments(m.stream.segments), 0)
}

// serve sends what a peer may have: committed log, as far as its credit goes.
func (m *Machine) serve(p *peer) {
	for p.known && !p.reading && m.serving() {
		to := min(m.durable.pos, p.credit)
		if p.next >= to {
			return
		}
		if p.next < m.logFrom() {
			p.known = false
			m.send(p, &message{kind: msgBehind}, nil, 0)
			return
		}
		if p.next < m.stream.low.pos {
			p.reading = true
			m.readLog(tagServe|node.Tag(p.addr.Host), p.next)
			return
		}
		end, extra := m.stream.chunk(p.next, to, maxSend)
		if end == p.next {
			return // not even one frame fits the credit
		}
		m.sendData(p, m.stream.bytes(p.next, end), extra)
	}
}

func (m *Machine) sendData(p *peer, frames []byte, extra int64) {
	m.send(p, &message{kind: msgData, mark: mark{pos: p.next}}, frames, extra)
	p.next += int64(len(frames))
}

// serveRead sends log that was read back from disk, in whole frames.
func (m *Machine) serveRead(ev *node.Event) {
	p := m.peerOf(node.ID(ev.Tag &^ tagClass))
	if p == nil || !p.reading {
		return // it has left the group since
	}
	p.reading = false
	if !m.serving() || !p.known || ev.Code != node.OK || !m.readAt(ev, p.next) {
		return // the world has moved on; the next fetch starts anew
	}
	data := ev.Data
	perSector := int64(m.cfg.Geometry.SectorSize - m.cfg.Geometry.Carry)
	for len(data) > 0 && p.next < p.credit {
		n, extra := 0, int64(0)
		for n < maxSend {
			f, err := decodeFrame(data[n:])
			if err != nil {
				break
			}
			n += int(f.size())
			if f.kind == kindWrite {
				extra += int64(f.sectors) * perSector
			}
		}
		if n == 0 {
			break
		}
		m.sendData(p, data[:n], extra)
		data = data[n:]
	}
	m.serve(p)
}

// onSplit is how a replica learns that its history has left the designated branch: it compares
// lineages to find the fork, reads its own log from there to count what is lost, and stops
// fetching until somebody decides.
func (m *Machine) onSplit(p *peer, body []byte) {
	theirs, err := decodeSegments(body)
	if err != nil || m.feeder() != p || p == nil {
		return
	}
	if m.copy.on { // nothing is lost that could be used
		m.copyAnew()
		return
	}
	f := &m.fetch
	f.cut = true
	f.lost = replica.Loss{}
	fork, known := m.forkFrom(theirs)
	f.scan = lossScan{reading: f.scan.reading, pos: fork, first: -1, rewinds: known}
	m.hello(p, 0, 0)
	m.lossKick()
}

// onBehind is how a replica learns that its source has not got the log any more that follows its own.
// If nobody else has, somebody has to decide; but one that has nothing to lose begins anew.
func (m *Machine) onBehind(p *peer) {
	if m.source() != p {
		return
	}
	m.fetch.behind = true
	if m.chooseFeeder(); m.fetch.orphan && m.copy.on {
		m.copyAnew()
	}
}

// forkFrom is the position up to which our log and one with this lineage can be the same, as far as
// ours goes back. It is known only if the two have something in common.
func (m *Machine) forkFrom(theirs []Segment) (fork int64, known bool) {
	ours := m.stream.segments
	fork = m.durable.pos
	if len(ours) == 0 || len(theirs) == 0 {
		return m.stream.oldest(), false
	}
	// Either may begin later than the other.
	for len(theirs) > 0 && theirs[0].Nr < ours[0].Nr {
		theirs = theirs[1:]
	}
	for len(ours) > 0 && len(theirs) > 0 && ours[0].Nr < theirs[0].Nr {
		ours = ours[1:]
	}
	i := 0
	for i < len(ours) && i < len(theirs) && ours[i] == theirs[i] {
		i++
	}
	if i < len(ours) {
		fork = min(fork, ours[i].Start)
	}
	if i < len(theirs) {
		fork = min(fork, theirs[i].Start)
	}
	return max(fork, m.stream.oldest()), i > 0 && fork >= m.stream.oldest()
}

// lossKick reads on, as far as the log is durable: the last of what was written here may become
// so only after the fork is known.
func (m *Machine) lossKick() {
	s := &m.fetch.scan
	if !m.fetch.cut || s.reading || s.pos >= m.durable.pos {
		return
	}
	s.reading = true
	m.readLog(tagLoss, s.pos)
}

func (m *Machine) lossRead(ev *node.Event) {
	s := &m.fetch.scan
	lost := &m.fetch.lost
	s.reading = false
	if !m.fetch.cut || !m.readAt(ev, s.pos) {
		m.lossKick() // it was read for another fork
		return
	}
	if ev.Code != node.OK {
		return // again at the next tick
	}
	before := s.pos
	for data := ev.Data; len(data) > 0; {
		f, err := decodeFrame(data)
		if err != nil {
			break
		}
		if s.fork.pos == 0 {
			s.fork = mark{s.pos, f.seq, f.prev}
			if f.record() {
				s.fork.seq--
			}
		}
		if f.kind == kindResize {
			s.rewinds = false
		}
		if f.record() {
			if s.dirty = s.dirty.add(f.sector, int64(f.sectors)); len(s.dirty) > maxDirty {
				s.dirty = s.dirty.coarse(maxDirty / 2)
			}
			if f.flags&flagContinues == 0 {
				lost.Ops++
			}
			if f.kind == kindWrite {
				lost.Bytes += m.cfg.Geometry.Bytes(int64(f.sectors))
			}
			if s.first < 0 {
				s.first = f.stamp
			}
			lost.Age = f.stamp - s.first
		}
		data = data[f.size():]
		s.pos += f.size()
	}
	if s.pos > before {
		m.lossKick()
	}
}
