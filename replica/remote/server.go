package remote

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// ServerConfig describes the server at one replica. It is the same on all members.
type ServerConfig struct {
	Members  []node.Addr   // of the resource, as far as known when this is made
	Geometry node.Geometry // of the volume; its size may have changed since
	// Silence is for how long a holder may say nothing before others may replace it. 30 s
	Silence node.Time
	// Guard is for how long a new primary waits for members that do not say which stamps they know.
	// 500 ms
	Guard node.Time
}

// serverTick is the period of the server's timer while it has something to do, and gossip the number
// of periods after which members are told who holds the volume.
const (
	serverTick = 100 * node.Millisecond
	gossip     = 10
)

// Tags that the server puts beside those of the machine that it wraps: the highest byte is reserved.
const (
	tagMask  node.Tag = 0xff << 56
	tagOurs  node.Tag = 0xfd << 56
	tagClass node.Tag = 0xff << 48

	tagTick  = tagOurs | 0<<48
	tagWatch = tagOurs | 1<<48
	tagState = tagOurs | 2<<48 // for the open under way, number in the lower bits
	tagPast  = tagOurs | 3<<48 // likewise
	tagIO    = tagOurs | 4<<48
)

// Server serves clients elsewhere from the replica that it wraps. As long as no message of the protocol
// has come, it adds nothing to what the replica does.
type Server struct {
	inner node.Machine
	cfg   ServerConfig
	self  node.Addr
	inc   uint64
	now   node.Time     // of the current step
	out   *node.Effects // of the current step

	awake   bool // a message of the protocol has come in this incarnation
	known   bool // status counts
	status  replica.Status
	ticking bool
	ticks   uint64
	number  uint64 // counts sessions, opens and requests

	claim    claim
	local    bool // users of this host have changed the volume
	sessions []*served
	pending  []pending
	opening  opening
	seen     []attempt
	settle   settle
}

// claim is what is known of who may change the volume.
type claim struct {
	stamp  stamp
	holder node.Addr // zero: nobody
	heard  node.Time // when there was a sign of it
}

// served is a session.
type served struct {
	life   session
	client node.Addr
	nonce  nonce
	shared bool
	heard  node.Time
	floor  uint64
	done   []answered // requests from floor on that are under way or answered
}

type answered struct {
	seq   uint64
	under bool // way
	code  node.Code
	epoch uint64
}

// pending is a request that the replica has not answered.
type pending struct {
	tag  node.Tag
	life session
	seq  uint64
	op   node.Op
	off  int64
	n    int64
}

// attempt is the newest open of a client.
type attempt struct {
	client node.Addr
	nonce  nonce
}

// Bounds of what a server remembers.
const (
	maxSessions = 16
	maxSeen     = 64
	maxPending  = 2 * window
)

// NewServer wraps a replica.
func NewServer(inner node.Machine, cfg ServerConfig) *Server {
	setDefault(&cfg.Silence, 30*node.Second)
	setDefault(&cfg.Guard, 500*node.Millisecond)
	return &Server{inner: inner, cfg: cfg}
}

func setDefault(t *node.Time, d node.Time) {
	if *t <= 0 {
		*t = d
	}
}

var _ node.Machine = (*Server)(nil)

// Inner is the machine that is wrapped, for tests and reports.
func (s *Server) Inner() node.Machine { return s.inner }

// Step implements node.Machine.
func (s *Server) Step(now node.Time, ev *node.Event, out *node.Effects) {
	s.now, s.out = now, out
	switch {
	case ev.Kind == node.KindMessage && ours(ev.Data):
		s.onMessage(ev)
	case ev.Kind == node.KindTimer && ev.Tag == tagTick:
		s.onTick()
	case ev.Kind == node.KindRequest && ev.Op == replica.OpGuests:
		s.out.Reply(ev.Tag, node.OK, s.status.Epoch, s.guests())
	case ev.Kind == node.KindRequest && s.refuses(ev):
	default:
		if ev.Kind == node.KindBoot {
			s.self, s.inc = ev.From, uint64(ev.N)
		}
		s.pass(ev)
	}
	s.out = nil
}

// pass hands an event to the replica, and takes out what it answers to the server.
func (s *Server) pass(ev *node.Event) {
	from := s.out.Len()
	s.inner.Step(s.now, ev, s.out)
	if !s.awake {
		return
	}
	for i := from; i < s.out.Len(); {
		f := *s.out.At(i)
		if f.Op != node.OpReply || f.Tag&tagMask != tagOurs {
			i++
			continue
		}
		data := s.out.Data(&f)
		s.out.Remove(i)
		s.replied(&f, data)
	}
}

// ask asks the replica for something in the server's own name.
func (s *Server) ask(op node.Op, tag node.Tag, off, n int64) {
	s.pass(&node.Event{Kind: node.KindRequest, Op: op, Tag: tag, Off: off, N: n})
}

func (s *Server) replied(f *node.Effect, data []byte) {
	switch f.Tag & (tagMask | tagClass) {
	case tagWatch:
		s.watched(f, data)
	case tagState:
		if s.opening.active && s.opening.tag == f.Tag {
			s.judge(f, data)
		}
	case tagPast:
		if s.opening.active && s.opening.tag == f.Tag {
			s.judgePast(f, data)
		}
	case tagIO:
		s.answer(f, data)
	}
}

// wake begins to follow the state of the replica.
func (s *Server) wake() {
	if !s.awake {
		s.awake = true
		s.ask(replica.OpWatch, tagWatch, 0, -1)
	}
	if !s.ticking {
		s.ticking = true
		s.out.SetTimer(tagTick, serverTick)
	}
}

// watched takes a new state of the replica. It comes in the step that has brought it about: so no
// request of a session ever meets a replica under another epoch than its own.
func (s *Server) watched(f *node.Effect, data []byte) {
	st, err := replica.DecodeStatus(data)
	if f.Code != node.OK || err != nil {
		s.known = false
		s.endAll()
		return // a replica that does not say what it is serves nobody; asked again at the next tick
	}
	moved := st.Role != replica.RolePrimary || st.Epoch != s.status.Epoch
	s.known, s.status = true, st
	if moved {
		s.endAll()
		s.pending = s.pending[:0] // a replica ends what users wait for when it gives the role up
	}
	s.ask(replica.OpWatch, tagWatch, 0, int64(st.Changes))
}

func (s *Server) serves() bool { return s.known && s.status.Role == replica.RolePrimary }

// endAll ends all sessions, and lets the clients know.
func (s *Server) endAll() {
	for _, c := range s.sessions {
		s.send(c.client, &message{kind: kindGone, life: c.life}, nil, 0)
	}
	s.sessions = nil
	s.opening = opening{}
}

// held says whether another host holds the volume and has shown a sign of life.
func (s *Server) held() bool {
	return s.claim.holder.Host != 0 && s.now-s.claim.heard < s.cfg.Silence
}

// refuses keeps users of this host from changing what another one holds, and from leaving it without
// a primary. It has answered then.
func (s *Server) refuses(ev *node.Event) bool {
	if ev.Op != replica.OpOpen && ev.Op != replica.OpSecondary && !isChange(ev.Op) {
		return false
	}
	if s.claim.holder.Host == 0 || !s.serves() {
		s.local = s.local || isChange(ev.Op)
		return false
	}
	if s.held() {
		text := fmt.Sprintf("the volume is in use on host %d, which has no replica", s.claim.holder.Host)
		s.out.Reply(ev.Tag, node.Refused, s.status.Epoch, []byte(text))
		return true
	}
	if ev.Op != replica.OpSecondary {
		s.hold(s.claim.stamp.next(s.status.Epoch), node.Addr{})
		s.local = s.local || isChange(ev.Op)
	}
	return false
}

// guests are the hosts that use the volume from elsewhere, as far as this member knows: the answer to
// OpGuests.
func (s *Server) guests() (b []byte) {
	if s.claim.holder.Host != 0 {
		b = replica.AppendGuest(b, replica.Guest{Host: s.claim.holder.Host, Silent: !s.held()})
	}
	for _, c := range s.sessions {
		if c.shared {
			b = replica.AppendGuest(b, replica.Guest{Host: c.client.Host, Shared: true,
				Silent: s.now-c.heard >= s.cfg.Silence})
		}
	}
	return b
}

// hold makes a stamp the newest one. Sessions with older ones end.
func (s *Server) hold(next stamp, holder node.Addr) {
	if next == s.claim.stamp && holder == s.claim.holder {
		s.claim.heard = s.now
		return
	}
	s.claim = claim{next, holder, s.now}
	s.sessions = slices.DeleteFunc(s.sessions, func(c *served) bool {
		if !c.shared {
			s.send(c.client, &message{kind: kindGone, life: c.life}, nil, 0)
		}
		return !c.shared
	})
	if s.serves() {
		s.tellMembers()
	}
}

func (s *Server) onMessage(ev *node.Event) {
	m, body, err := decode(ev.Data)
	if err != nil {
		return
	}
	s.wake()
	switch m.kind {
	case kindOpen:
		s.onOpen(ev.From, &m)
	case kindRequest:
		if c := s.sessionOf(ev.From, &m); c != nil {
			s.onRequest(c, &m, body)
		}
	case kindPing:
		if c := s.sessionOf(ev.From, &m); c != nil {
			s.send(c.client, &message{kind: kindPong, life: c.life, n: s.status.Sectors}, nil, 0)
		}
	case kindClose:
		s.onClose(ev.From, &m)
	case kindAsk:
		s.send(ev.From, &message{kind: kindClaim, nonce: m.nonce, stamp: s.claim.stamp,
			holder: s.claim.holder}, nil, 0)
	case kindClaim:
		s.onClaim(ev.From, &m)
	}
}

// sessionOf is the session that a message belongs to. If there is none, its sender hears so.
func (s *Server) sessionOf(from node.Addr, m *message) *served {
	i := slices.IndexFunc(s.sessions, func(c *served) bool {
		return c.life == m.life && c.client == from
	})
	if i < 0 {
		s.send(from, &message{kind: kindGone, life: m.life}, nil, 0)
		return nil
	}
	c := s.sessions[i]
	c.heard = s.now
	if !c.shared {
		s.claim.heard = s.now
	}
	return c
}

// onRequest forwards a request that was not seen before, and repeats the answer to a change that was.
// Reads are not remembered: to read twice does no harm.
func (s *Server) onRequest(c *served, m *message, body []byte) {
	if m.floor > c.floor {
		c.floor = m.floor
		c.done = slices.DeleteFunc(c.done, func(a answered) bool { return a.seq < c.floor })
	}
	if m.seq < c.floor || m.seq-c.floor >= window {
		return // answered long ago, or from a client that does not keep to the window
	}
	for i := range c.done {
		if a := &c.done[i]; a.seq == m.seq {
			if !a.under {
				s.sendAnswer(c, m.seq, a.code, a.epoch, nil, 0)
			}
			return
		}
	}
	switch {
	case len(s.pending) >= maxPending:
		return // it comes again
	case !permitted(m.op, m.n, len(body), &s.cfg.Geometry):
		s.sendAnswer(c, m.seq, node.Invalid, s.status.Epoch, nil, 0)
		return
	case c.shared && isChange(m.op):
		s.sendAnswer(c, m.seq, node.Refused, s.status.Epoch, []byte("opened to read only"), 0)
		return
	}
	c.done = append(c.done, answered{seq: m.seq, under: true})
	s.number++
	p := pending{tag: tagIO | node.Tag(s.number)&^(tagMask|tagClass), life: c.life, seq: m.seq,
		op: m.op, off: m.off, n: m.n}
	s.pending = append(s.pending, p)
	ev := node.Event{Kind: node.KindRequest, Op: m.op, Tag: p.tag, Off: m.off, N: m.n}
	if isChange(m.op) {
		ev.Seg, ev.Data = node.FlagDurable, body
	}
	s.pass(&ev)
}

// answer sends what the replica says to a request. Its session may have ended meanwhile.
func (s *Server) answer(f *node.Effect, data []byte) {
	i := slices.IndexFunc(s.pending, func(p pending) bool { return p.tag == f.Tag })
	if i < 0 {
		return
	}
	p := s.pending[i]
	s.pending = slices.Delete(s.pending, i, i+1)
	k := slices.IndexFunc(s.sessions, func(c *served) bool { return c.life == p.life })
	if k < 0 {
		return
	}
	c := s.sessions[k]
	at := slices.IndexFunc(c.done, func(a answered) bool { return a.seq == p.seq })
	if at < 0 {
		return
	}
	if isChange(p.op) || p.op == node.OpSync {
		c.done[at].under, c.done[at].code, c.done[at].epoch = false, f.Code, f.Seg
	} else {
		c.done = slices.Delete(c.done, at, at+1)
	}
	more := int64(0)
	switch {
	case p.op == node.OpRead && f.Code == node.OK:
		more = extra(&s.cfg.Geometry, p.n)
	case p.op == node.OpMap && len(data) > maxBody:
		data = node.AppendRuns(nil, node.Run{First: p.off, N: p.n}) // all of it may hold something
	}
	s.sendAnswer(c, p.seq, f.Code, f.Seg, data, more)
}

func (s *Server) sendAnswer(c *served, seq uint64, code node.Code, epoch uint64, data []byte,
	more int64) {
	s.send(c.client, &message{kind: kindAnswer, life: c.life, seq: seq, code: code, served: epoch},
		data, more)
}

// onClose ends a session, and gives the volume free.
func (s *Server) onClose(from node.Addr, m *message) {
	i := slices.IndexFunc(s.sessions, func(c *served) bool {
		return c.life == m.life && c.client == from
	})
	if i >= 0 {
		c := s.sessions[i]
		s.sessions = slices.Delete(s.sessions, i, i+1)
		if !c.shared {
			s.hold(s.claim.stamp.next(s.status.Epoch), node.Addr{})
		}
	}
	s.send(from, &message{kind: kindClosed, life: m.life}, nil, 0)
}

func (s *Server) onTick() {
	s.ticks++
	if !s.known {
		s.ask(replica.OpWatch, tagWatch, 0, -1)
	}
	s.settleOn()
	s.sessions = slices.DeleteFunc(s.sessions, func(c *served) bool {
		return c.shared && s.now-c.heard >= s.cfg.Silence
	})
	if s.ticks%gossip == 0 && slices.ContainsFunc(s.sessions, func(c *served) bool { return !c.shared }) &&
		s.held() {
		s.tellMembers()
	}
	if s.ticking = len(s.sessions) > 0 && s.anyoneThere() || s.settle.asking || !s.known; s.ticking {
		s.out.SetTimer(tagTick, serverTick)
	}
}

func (s *Server) anyoneThere() bool {
	return slices.ContainsFunc(s.sessions, func(c *served) bool {
		return s.now-c.heard < s.cfg.Silence
	})
}

func (s *Server) send(to node.Addr, m *message, body []byte, more int64) {
	class := node.ClassControl
	if len(body) > 0 && (m.kind == kindAnswer || m.kind == kindRequest) {
		class = node.ClassLog
	}
	var head [messageSize]byte
	m.encode(&head)
	s.out.Send(to, class, head[:], body, more)
}

// String shows the replica in traces, and who uses it from elsewhere.
func (s *Server) String() string {
	text := fmt.Sprint(s.inner)
	if len(s.sessions) > 0 {
		text += fmt.Sprintf(", %d sessions", len(s.sessions))
	}
	return text
}
