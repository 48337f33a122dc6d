package remote

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// ClientConfig describes the use of a volume on a host that has no replica.
type ClientConfig struct {
	// Members are replicas to begin with. Later ones the client is told of.
	Members  []node.Addr
	Geometry node.Geometry // of the volume; its size may have changed since
	Retry    node.Time     // period of retries while something is under way. 20 ms
	Resend   node.Time     // after which a request is sent again, at first. 200 ms
	// Silence is for how long the primary may say nothing, though it was asked, before it is looked for
	// again. 1 s
	Silence node.Time
	// OpenTimeout is for how long users wait who open the volume. Requests wait without bound. 10 s
	OpenTimeout node.Time
}

// Bounds of what a client holds for its users. Beyond them requests are refused, which file systems do
// not forgive: so there is room for what sixteen connections may have under way, and users limit
// themselves much earlier.
const (
	maxQueued = 16 << 10 // requests
	maxBytes  = 1 << 30  // that they carry
	maxFlight = 16 << 20 // of requests on their way, declared size
	maxResend = 2 * node.Second
)

// state is where a client stands: see the package documentation.
type state uint8

const (
	stateClosed state = iota
	stateSeeking
	stateServing
	stateFailed
)

var stateNames = [...]string{"closed", "seeking", "serving", "failed"}

// clientTick is the tag of the client's timer.
const clientTick node.Tag = 1

// Client uses a volume from a host without a replica. Make it with [NewClient].
type Client struct {
	cfg  ClientConfig
	self node.Addr
	inc  uint64
	now  node.Time     // of the current step
	out  *node.Effects // of the current step

	state   state
	flags   uint8 // of the opens of this use
	users   int64
	waiting []opener
	closing bool // the last user has let go, but requests are under way

	try     uint64
	next    node.Time // when to ask the members again
	pause   node.Time // until the time after that
	life    session
	server  node.Addr
	stamp   stamp
	served  bool // a session of this use was granted: life and stamp count
	heard   node.Time
	pinged  node.Time
	seq     uint64
	sectors int64
	members []node.Addr

	queue  []request // in the order in which they came
	bytes  int       // that they carry
	leave  leaving
	code   node.Code // why it has failed
	reason string

	due      node.Time // of the timer; 0: not set
	changes  uint64
	seen     vitals
	watchers []node.Tag
}

// opener is a user who waits for the volume to be open.
type opener struct {
	tag      node.Tag
	deadline node.Time
}

// leaving is a session that has ended here; the server is to hear of it.
type leaving struct {
	life   session
	server node.Addr
	left   int // times that it is told again
}

// vitals is what replica.Status.Changes counts the changes of.
type vitals struct {
	state   state
	server  node.ID
	epoch   uint64
	sectors int64
}

// NewClient makes a client that has not booted yet.
func NewClient(cfg ClientConfig) *Client {
	setDefault(&cfg.Retry, 20*node.Millisecond)
	setDefault(&cfg.Resend, 200*node.Millisecond)
	setDefault(&cfg.Silence, node.Second)
	setDefault(&cfg.OpenTimeout, 10*node.Second)
	return &Client{cfg: cfg, members: slices.Clone(cfg.Members), sectors: int64(cfg.Geometry.Sectors)}
}

var _ node.Machine = (*Client)(nil)

// Step implements node.Machine.
func (c *Client) Step(now node.Time, ev *node.Event, out *node.Effects) {
	c.now, c.out = now, out
	switch ev.Kind {
	case node.KindBoot:
		// A volume may be let go of and used anew within an incarnation of the host. Clocks do not go back in
		// one, and members have to take the tries of now for newer ones.
		c.self, c.inc, c.try = ev.From, uint64(ev.N), uint64(max(0, now))
	case node.KindRequest:
		c.onRequest(ev)
	case node.KindMessage:
		c.onMessage(ev)
	case node.KindTimer:
		c.due = 0
		c.onTick()
	}
	if c.state == stateServing {
		c.dispatch()
	}
	if c.closing && len(c.queue) == 0 {
		c.close()
	}
	c.arm()
	c.noteChange()
	c.out = nil
}

// arm sets the timer for what is due next.
func (c *Client) arm() {
	var period node.Time
	switch {
	case c.state == stateSeeking, len(c.queue) > 0, c.leave.left > 0:
		period = c.cfg.Retry
	case c.state == stateServing:
		period = c.cfg.Silence
	default:
		return
	}
	if at := c.now + period; c.due == 0 || at < c.due {
		c.due = at
		c.out.SetTimer(clientTick, period)
	}
}

func (c *Client) onRequest(ev *node.Event) {
	switch ev.Op {
	case node.OpRead, node.OpWrite, node.OpZero, node.OpMap, node.OpSync:
		c.onIO(ev)
	case replica.OpOpen:
		c.onOpen(ev)
	case replica.OpClose:
		c.onClose(ev)
	case replica.OpStatus:
		s := c.Status()
		c.reply(ev.Tag, node.OK, s.Encode())
	case replica.OpWatch:
		if c.noteChange(); uint64(ev.N) == c.changes {
			c.watchers = append(c.watchers, ev.Tag)
			return
		}
		s := c.Status()
		c.reply(ev.Tag, node.OK, s.Encode())
	default:
		c.reply(ev.Tag, node.Refused, []byte("this host has no replica; ask a member"))
	}
}

func (c *Client) reply(tag node.Tag, code node.Code, data []byte) {
	c.out.Reply(tag, code, c.life.epoch, data)
}

// onIO takes a request. The first one opens the volume if nobody has.
func (c *Client) onIO(ev *node.Event) {
	switch {
	case c.state == stateFailed:
		c.reply(ev.Tag, c.code, []byte(c.reason))
		return
	case c.flags&flagShared != 0 && isChange(ev.Op):
		c.reply(ev.Tag, node.Refused, []byte("opened to read only"))
		return
	case ev.Off < 0 || ev.N < 0 || !permitted(ev.Op, ev.N, len(ev.Data), &c.cfg.Geometry):
		c.reply(ev.Tag, node.Invalid, nil)
		return
	case len(c.queue) >= maxQueued || c.bytes+len(ev.Data) > maxBytes:
		c.reply(ev.Tag, node.Refused, []byte("too many requests are under way"))
		return
	}
	c.closing = false
	c.queue = append(c.queue, request{tag: ev.Tag, op: ev.Op, off: ev.Off, n: ev.N,
		data: slices.Clone(ev.Data)})
	c.bytes += len(ev.Data)
	if c.state == stateClosed {
		c.seek(0)
	}
}

// onOpen counts a user in when the volume is open.
func (c *Client) onOpen(ev *node.Event) {
	want := uint8(0)
	if ev.N&replica.OpenShared != 0 {
		want |= flagShared
	}
	switch {
	case c.state == stateFailed:
		c.reply(ev.Tag, node.Refused, []byte(c.reason+"; close the volume first"))
		return
	case c.state != stateClosed && c.flags&flagShared != want:
		c.reply(ev.Tag, node.Refused, []byte("the volume is open here in another way"))
		return
	}
	c.closing = false
	if c.state == stateServing {
		c.users++
		c.reply(ev.Tag, node.OK, nil)
		return
	}
	c.waiting = append(c.waiting, opener{ev.Tag, c.now + c.cfg.OpenTimeout})
	if ev.N&replica.OpenForce != 0 {
		want |= flagForce
	}
	switch {
	case c.state == stateClosed:
		c.seek(want)
	case want&flagForce != 0 && !c.served:
		c.seek(c.flags | want) // what was asked before without force may be refused yet
	}
}

// onClose counts a user out. With the last one the session ends, as soon as nothing is under way.
func (c *Client) onClose(ev *node.Event) {
	c.users = max(0, c.users-1)
	if c.users == 0 && len(c.waiting) == 0 && c.state != stateClosed {
		c.closing = true
	}
	c.reply(ev.Tag, node.OK, nil)
}

func (c *Client) close() {
	c.closing = false
	if c.state == stateServing {
		c.leave = leaving{c.life, c.server, 5}
		c.sendLeave()
	}
	c.forget()
}

// forget ends this use of the volume. The next one has nothing to do with it.
func (c *Client) forget() {
	c.state, c.flags, c.users = stateClosed, 0, 0
	c.served, c.stamp, c.life = false, stamp{}, session{}
	c.code, c.reason = 0, ""
}

func (c *Client) sendLeave() {
	c.leave.left--
	c.send(c.leave.server, &message{kind: kindClose, life: c.leave.life}, nil)
}

// seek begins to look for the primary, for a new use of the volume or in the course of one.
func (c *Client) seek(flags uint8) {
	if !c.served {
		c.flags = flags
	}
	c.state = stateSeeking
	c.try++
	c.pause = c.cfg.Retry
	c.leave = leaving{}
	for i := range c.queue {
		c.queue[i].seq = 0
	}
	c.seq = 0
	c.next = c.now
	if !c.served {
		c.askMembers() // else there is a change of role under way: asked at the next tick
	}
}

// askMembers asks all members for a session: only the primary grants one.
func (c *Client) askMembers() {
	m := message{kind: kindOpen, flags: c.flags, nonce: nonce{c.inc, c.try}}
	if c.served {
		m.flags = c.flags&flagShared | flagResume
		m.stamp, m.prev, m.prevHost = c.stamp, c.life.epoch, c.server.Host
	}
	for _, a := range c.members {
		c.send(a, &m, nil)
	}
	c.next = c.now + c.pause
	c.pause = min(2*c.pause, 10*c.cfg.Retry)
}

func (c *Client) onMessage(ev *node.Event) {
	m, body, err := decode(ev.Data)
	if err != nil {
		return
	}
	mine := m.nonce == nonce{c.inc, c.try} && c.state == stateSeeking
	inSession := c.state == stateServing && m.life == c.life && ev.From == c.server
	if inSession {
		c.heard = c.now
	}
	switch {
	case m.kind == kindGrant && mine:
		c.onGrant(ev.From, &m, body)
	case m.kind == kindRefused && mine:
		c.onRefused(&m, string(body))
	case m.kind == kindElsewhere && mine:
		c.learn(body)
	case m.kind == kindAnswer && inSession:
		c.onAnswer(&m, body)
	case m.kind == kindGone && inSession:
		c.seek(0)
	case m.kind == kindPong && inSession:
		c.sectors = m.n
	case m.kind == kindClosed && m.life == c.leave.life:
		c.leave = leaving{}
	}
}

// learn adds members that the client did not know. Those that are gone do not answer; at the next boot they
// are forgotten.
func (c *Client) learn(body []byte) {
	eachAddr(body, func(a node.Addr) {
		if len(c.members) < maxMembers && !slices.Contains(c.members, a) {
			c.members = append(c.members, a)
		}
	})
}

func (c *Client) onGrant(from node.Addr, m *message, body []byte) {
	c.state, c.served = stateServing, true
	c.life, c.server, c.stamp = m.life, from, m.stamp
	c.heard, c.pinged, c.sectors = c.now, c.now, m.n
	c.flags &^= flagForce // it was for this time
	c.learn(body)
	for _, o := range c.waiting {
		c.users++
		c.reply(o.tag, node.OK, nil)
	}
	c.waiting = nil
}

// onRefused ends what users wait for: they were never served, or have to know that they cannot go on.
func (c *Client) onRefused(m *message, text string) {
	switch {
	case !c.served:
		c.endAll(node.Refused, text)
		c.forget()
	case m.op == reasonLost && m.served < c.life.epoch:
		// An old primary that has not heard of its successor, where this client was served since.
	case m.op == reasonLost:
		c.fail(node.IOError, text)
	default:
		c.fail(node.Refused, text)
	}
}

// fail refuses all users until they have closed the volume.
func (c *Client) fail(code node.Code, text string) {
	c.endAll(code, text)
	c.state, c.code, c.reason = stateFailed, code, text
}

// endAll ends all that users wait for. A change that was sent may have taken effect.
func (c *Client) endAll(code node.Code, text string) {
	for i := range c.queue {
		q := &c.queue[i]
		if q.tried && isChange(q.op) {
			c.reply(q.tag, node.Unknown, []byte(text))
		} else {
			c.reply(q.tag, code, []byte(text))
		}
	}
	for _, o := range c.waiting {
		c.reply(o.tag, code, []byte(text))
	}
	c.queue, c.waiting, c.bytes = nil, nil, 0
}

func (c *Client) onTick() {
	if c.leave.left > 0 {
		c.sendLeave()
	}
	switch c.state {
	case stateSeeking:
		c.giveUpOpeners()
		if c.state == stateSeeking && c.now >= c.next {
			c.askMembers()
		}
	case stateServing:
		c.resend()
		c.watchServer()
	}
}

// giveUpOpeners tells users who have waited for long that the volume is not open.
func (c *Client) giveUpOpeners() {
	c.waiting = slices.DeleteFunc(c.waiting, func(o opener) bool {
		if c.now >= o.deadline {
			c.reply(o.tag, node.TimedOut, []byte("no member answers as the primary"))
		}
		return c.now >= o.deadline
	})
	if !c.served && len(c.waiting) == 0 && len(c.queue) == 0 {
		c.forget()
	}
}

// watchServer asks whether the session is still there, and looks for the primary anew if nobody answers.
func (c *Client) watchServer() {
	switch quiet := c.now - c.heard; {
	case c.pinged > c.heard && quiet >= c.cfg.Silence && c.now-c.pinged >= c.cfg.Retry:
		c.seek(0)
	case c.pinged <= c.heard && quiet >= c.cfg.Silence/2:
		c.pinged = c.now
		c.send(c.server, &message{kind: kindPing, life: c.life}, nil)
	}
}

func (c *Client) send(to node.Addr, m *message, body []byte) {
	class, more := node.ClassControl, int64(0)
	if len(body) > 0 {
		class, more = node.ClassLog, extra(&c.cfg.Geometry, m.n)
	}
	var head [messageSize]byte
	m.encode(&head)
	c.out.Send(to, class, head[:], body, more)
}

// Status is what OpStatus reports: what a host without a replica knows of the volume.
func (c *Client) Status() replica.Status {
	s := replica.Status{Role: replica.RoleRemote, Sectors: c.sectors, Open: c.users,
		Members: c.members, Changes: c.changes, Epoch: c.life.epoch, Defect: c.reason}
	if c.state == stateServing {
		s.Primary, s.UpToDate = c.server.Host, true
	}
	return s
}

// noteChange counts what has changed since the last step, and tells those who wait for it.
func (c *Client) noteChange() {
	v := vitals{c.state, c.server.Host, c.life.epoch, c.sectors}
	if v == c.seen {
		return
	}
	c.seen = v
	c.changes++
	if len(c.watchers) == 0 {
		return
	}
	s := c.Status()
	text := s.Encode()
	for _, tag := range c.watchers {
		c.reply(tag, node.OK, text)
	}
	c.watchers = c.watchers[:0]
}

// String shows the client in traces.
func (c *Client) String() string {
	text := "remote " + stateNames[c.state]
	if c.state == stateServing {
		text += fmt.Sprintf(" at %v, epoch %d", c.server, c.life.epoch)
	}
	if len(c.queue) > 0 {
		text += fmt.Sprintf(", %d requests", len(c.queue))
	}
	return text
}
