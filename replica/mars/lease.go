package mars

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// A lease keeps two primaries from acknowledging at once. A primary answers users only while a majority
// of the voters, which are the members and the witness, has promised to grant nobody else. A promise
// runs on the voter's clock from when it was given, the lease on the primary's from when it was asked
// for, less a margin for the drift of the two. So it has always ended before a voter promises anew.
//
// Epochs do the rest. A voter promises only under the newest version and group that it knows, durably,
// and counts only if they are those of who asks. So a primary is served by a majority that would
// refuse any older one, also after a crash. And nobody is granted a lease who may lack log that the
// voter has: with acknowledgement by a quorum, nothing that was acknowledged gets lost.

// defaultDrift is how wrong clocks may run, in parts per million: ten times what a clock of a computer
// is specified for (100 ppm is usual), as the clock of a virtual machine may be slewed by 500 ppm.
const (
	defaultDrift = 1000
	maxDrift     = 100_000
)

// never is before anything that a clock shows, which may be negative.
const never = node.Time(math.MinInt64)

// leaseState is what a replica knows of leases: of its own one, and, as a voter, of those of others.
type leaseState struct {
	voter   voter
	asks    []leaseAsk // not answered yet: what they ask about is not durable
	votes   []vote     // for this replica
	ver     version    // under which a majority has voted,
	until   node.Time  // and until when that counts, on the own clock
	without bool       // somebody has decided that this replica serves without a lease

	armed      bool    // the timer that asks again is set
	asked      version // what was asked under last
	askedGroup groupID
	parked     []parkedReply
}

// vote is what a voter has answered last.
type vote struct {
	by    node.Addr
	ver   version
	group groupID
	until node.Time // on the own clock
	why   leaseAnswer
	to    node.ID // promised: whom
}

// leaseAsk is one that waits until what it was asked under is durable here.
type leaseAsk struct {
	from  node.Addr
	msg   message
	group groupID
}

// parkedReply is an answer that waits for the lease.
type parkedReply struct {
	tag  node.Tag
	read bool
	data []byte
}

// leaseAnswer is how a voter answers.
type leaseAnswer uint8

const (
	leaseGranted  leaseAnswer = iota
	leaseOlder                // who asks has an older version or group, and is told the newer
	leaseBooted               // the voter has promised something to somebody, and forgotten it in a crash
	leasePromised             // to another one
	leaseLacks                // the log of who asks may lack something that the voter has
)

// voter gives promises: "nobody else, until then". They are in memory alone. A voter that has booted
// therefore promises nothing before all that it may have promised has ended.
type voter struct {
	length node.Time // the longest promise that it gives; 0: it gives none
	from   node.Time // it gives none before

	to    node.ID
	until node.Time
	ver   version // under which it was given
}

// boot begins an incarnation.
func (v *voter) boot(now node.Time) { *v = voter{length: v.length, from: now + v.length} }

// promise grants a lease of at most length, if it can. Ver is the newest version, and that of who asks.
// A primary that has closed its epoch never serves in it again: what it was promised under is over.
func (v *voter) promise(now node.Time, to node.ID, ver version, length node.Time) (leaseAnswer, node.Time) {
	over := ver.closed() && v.to == ver.host && v.ver == version{ver.v - 1, ver.host}
	switch {
	case now < v.from:
		return leaseBooted, 0
	case v.to != 0 && v.to != to && now < v.until && !over:
		return leasePromised, 0
	}
	length = min(length, v.length)
	if v.to == to {
		v.until = max(v.until, now+length)
	} else {
		v.until = now + length
	}
	v.to, v.ver = to, ver
	return leaseGranted, length
}

// leaseMargin is what a lease is shorter for its holder than for the voter: while a slow clock shows
// length less the margin, a fast one shows less than length.
func leaseMargin(length node.Time, driftPPM int64) node.Time {
	whole, rest := int64(length)/1_000_000, int64(length)%1_000_000
	return node.Time(whole*2*driftPPM + (rest*2*driftPPM+999_999)/1_000_000)
}

// groupID tells groups of a resource apart.
type groupID struct {
	epoch   uint64
	by      node.ID
	changes uint64
}

func (g *group) id() groupID { return groupID{g.epoch, g.by, g.changes} }

// voters are the members, and the witness.
func (m *Machine) voters() []node.Addr {
	if w := m.cfg.Witness; w.Host != 0 && !m.group.has(w) {
		return append(slices.Clip(m.group.members), w)
	}
	return m.group.members
}

// wantsLease says whether this replica serves, or is about to.
func (m *Machine) wantsLease() bool {
	switch m.role {
	case replica.RolePrimary, replica.RoleRecovering:
		return true
	case replica.RoleSecondary, replica.RoleClosed:
		k := m.change.kind
		return k == changeForce || k == changeReopen || k == changeHandover && m.change.granted
	}
	return false
}

// leased says whether this replica holds the lease, under the version that it knows.
func (m *Machine) leased() bool { return m.lease.ver == m.ver && m.now < m.lease.until }

// mayOpen says whether a new epoch may be opened here.
func (m *Machine) mayOpen() bool { return m.cfg.Lease == 0 || m.lease.without || m.leased() }

// fenced says whether users of this primary have to wait: somebody else may serve.
func (m *Machine) fenced() bool { return m.role == replica.RolePrimary && !m.mayOpen() }

// unserved says whether this replica is primary, or is to be, and serves nobody for want of a lease.
func (m *Machine) unserved() bool {
	return (m.role == replica.RolePrimary || m.role == replica.RoleRecovering) && !m.mayOpen()
}

// leaseStep ends each step of a replica with leases.
func (m *Machine) leaseStep() {
	l := &m.lease
	if m.role == replica.RoleBooting || m.role == replica.RoleDefective {
		return
	}
	m.answerAsks()
	if !m.wantsLease() {
		l.without = false
		return
	}
	fresh := m.told == m.ver && (l.asked != m.told || l.askedGroup != m.toldGroup.id())
	if m.change.promoting == 0 && (!l.armed || fresh) { // a new epoch is told of when it is open
		m.askLease()
	}
	if !m.fenced() {
		m.unpark()
	}
}

// askLease asks all voters, and itself, and sees to it that they are asked again: a third of a lease
// later, so that two messages may be lost, or soon, while there is none.
func (m *Machine) askLease() {
	l := &m.lease
	l.asked, l.askedGroup = m.told, m.toldGroup.id()
	after := m.cfg.Lease / 3
	if !m.leased() {
		after = min(after, m.cfg.Tick)
	}
	l.armed = true
	m.out.SetTimer(tagLease, max(after, 1))
	if m.told != m.ver || l.askedGroup != m.group.id() {
		return // what is not durable is told to nobody; it will be soon
	}
	newest, start := m.newestEpoch()
	msg := message{kind: msgLease, credit: int64(m.cfg.Lease), nonce: uint64(m.now),
		mark: mark{start, newest.v, m.incarnation<<32 | uint64(newest.host)}}
	if l.ver == m.ver {
		msg.flags = flagHeld
	}
	for _, a := range m.voters() {
		if a != m.self {
			m.send(&peer{addr: a}, &msg, m.groupBody(), 0)
			continue
		}
		why, length := l.voter.promise(m.now, a.Host, m.told, m.cfg.Lease)
		m.vote(a, why, m.now, length, l.voter.to)
	}
	m.countVotes()
}

// onLease takes what others ask and answer. Also the witness tells of newer versions.
func (m *Machine) onLease(from node.Addr, msg *message, g group) {
	l := &m.lease
	switch {
	case m.cfg.Lease == 0 || m.role == replica.RoleLeft:
		return
	case m.peer(from) == nil && from != m.cfg.Witness:
		m.tellGroup(from, g)
		return
	}
	if m.ver.older(msg.ver) {
		m.learn(msg.ver)
	}
	if msg.kind == msgLease {
		l.asks = slices.DeleteFunc(l.asks, func(a leaseAsk) bool { return a.from == from })
		l.asks = append(l.asks, leaseAsk{from, *msg, g.id()})
		return
	}
	if msg.ver != m.ver || g.id() != m.group.id() || msg.chain>>32 != m.incarnation {
		return
	}
	// It counts from when it was asked for: nobody knows when it was granted.
	m.vote(from, leaseAnswer(msg.flags), node.Time(msg.nonce), node.Time(msg.credit), node.ID(msg.seq))
	m.countVotes()
	m.progress()
}

// vote notes what a voter has answered to what was asked at a time.
func (m *Machine) vote(by node.Addr, why leaseAnswer, asked, length node.Time, to node.ID) {
	l := &m.lease
	i := slices.IndexFunc(l.votes, func(v vote) bool { return v.by == by })
	if i < 0 {
		i = len(l.votes)
		l.votes = append(l.votes, vote{by: by})
	}
	v := &l.votes[i]
	if g := m.group.id(); v.ver != m.ver || v.group != g {
		*v = vote{by: by, ver: m.ver, group: g, until: never}
	}
	v.why, v.to = why, to
	if why == leaseGranted {
		v.until = max(v.until, asked+length-leaseMargin(length, m.cfg.DriftPPM))
	}
}

// majority is until when a majority of the voters has granted the lease, under the present version
// and group.
func (m *Machine) majority() (until node.Time, ok bool) {
	all := m.voters()
	var few [8]node.Time
	list := few[:0]
	for i := range m.lease.votes {
		v := &m.lease.votes[i]
		if v.ver == m.ver && v.group == m.group.id() && slices.Contains(all, v.by) {
			list = append(list, v.until)
		}
	}
	need := len(all)/2 + 1
	if len(list) < need {
		return 0, false
	}
	slices.Sort(list)
	return list[len(list)-need], true
}

func (m *Machine) countVotes() {
	l := &m.lease
	until, ok := m.majority()
	if !ok || m.now >= until {
		return
	}
	if l.ver != m.ver || l.until < until {
		l.ver, l.until = m.ver, until
	}
	if m.role == replica.RolePrimary {
		l.without = false // from now on it needs none
	}
}

// settled says whether a majority of the present group knows it. A group changes by one member at a
// time: the majorities of two that follow one another have a voter in common, those of others need not.
func (m *Machine) settled() bool {
	until, ok := m.majority()
	return m.cfg.Lease == 0 || ok && m.now < until
}

// answerAsks answers those for whom everything is durable.
func (m *Machine) answerAsks() {
	l := &m.lease
	if len(l.asks) == 0 || m.told != m.ver || m.toldGroup.id() != m.group.id() {
		return
	}
	for i := range l.asks {
		a := &l.asks[i]
		why, length, to := leaseOlder, node.Time(0), node.ID(0)
		switch {
		case a.msg.ver != m.told || a.group != m.toldGroup.id():
		case m.hasMoreThan(&a.msg):
			why = leaseLacks
		case m.wantsLease() && !m.givesWay(a.from):
			why, to = leasePromised, m.self.Host
		default:
			why, length = l.voter.promise(m.now, a.from.Host, m.told, node.Time(a.msg.credit))
			to = l.voter.to
		}
		m.send(&peer{addr: a.from}, leaseReply(&a.msg, why, length, to), m.groupBody(), 0)
	}
	l.asks = l.asks[:0]
}

// givesWay says whether this replica, which wants the lease itself, leaves it to another one that does. Else two could keep their
// own votes for ever, and nobody would get a majority. The designated primary comes first, then who has the
// lower number; but who has been told that it lacks log cannot win. Its own vote is taken back before
// it is given away: a promise to oneself binds nobody else.
func (m *Machine) givesWay(to node.Addr) bool {
	l := &m.lease
	i := slices.IndexFunc(l.votes, func(v vote) bool {
		return v.by == to && v.ver == m.ver && v.why == leaseLacks
	})
	first := m.ver.host != m.self.Host && (to.Host == m.ver.host || to.Host < m.self.Host)
	if m.leased() || i < 0 && !first {
		return false
	}
	if l.voter.to == m.self.Host {
		l.voter.to = 0
		l.votes = slices.DeleteFunc(l.votes, func(v vote) bool { return v.by == m.self })
	}
	return true
}

func leaseReply(ask *message, why leaseAnswer, length node.Time, to node.ID) *message {
	return &message{kind: msgLeased, flags: uint8(why), mark: mark{seq: uint64(to), chain: ask.chain},
		credit: int64(length), nonce: ask.nonce}
}

// newestEpoch is the last epoch that the durable log has something of, by its number and who has opened
// it, and where it begins.
func (m *Machine) newestEpoch() (newest version, start int64) {
	for i := len(m.stream.segments) - 1; i >= 0; i-- {
		s := &m.stream.segments[i]
		if s.Start >= m.durable.pos {
			continue
		}
		v := version{s.Epoch, s.Origin}
		if newest.v != 0 && v != newest {
			break
		}
		newest, start = v, s.Start
	}
	return newest, start
}

// hasMoreThan says whether the own log has something that the one of who asks for a lease may lack.
// A majority was asked before the first lease of an epoch, and need not be asked again. What is copied
// here has not been counted on by anybody.
func (m *Machine) hasMoreThan(ask *message) bool {
	if m.copy.on || ask.flags&flagHeld != 0 {
		return false
	}
	theirs := version{ask.seq, node.ID(ask.chain & math.MaxUint32)}
	switch ours, _ := m.newestEpoch(); {
	case ours.older(theirs):
		return m.durable.pos > ask.pos
	case ours == theirs:
		return m.durable.pos > ask.durable
	}
	return true
}

// acknowledge answers a change that users have made, as soon as the lease allows.
func (m *Machine) acknowledge(tag node.Tag) {
	if !m.park(tag, node.OK, false, nil) {
		m.out.Reply(tag, node.OK, m.ver.epoch(), nil)
	}
}

// park keeps an answer back that must not leave without a lease. It says whether it has.
func (m *Machine) park(tag node.Tag, code node.Code, read bool, data []byte) bool {
	if code != node.OK || !m.fenced() {
		return false
	}
	m.lease.parked = append(m.lease.parked, parkedReply{tag, read, slices.Clone(data)})
	return true
}

// unpark goes on where the end of the lease has stopped users. Nobody else has served meanwhile: that
// would have needed a majority under a newer version, and one of it has voted for this replica since.
func (m *Machine) unpark() {
	l := &m.lease
	for i := range l.parked {
		m.out.Reply(l.parked[i].tag, node.OK, m.ver.epoch(), l.parked[i].data)
		l.parked[i].data = nil
	}
	l.parked = l.parked[:0]
	if len(m.io.waiting) > 0 {
		m.admitWaiting()
	}
}

// dropParked ends what waits for a lease that will not come.
func (m *Machine) dropParked(writes node.Code) {
	for _, p := range m.lease.parked {
		code := writes
		if p.read {
			code = node.NotPrimary
		}
		m.out.Reply(p.tag, code, m.ver.epoch(), nil)
	}
	m.lease.parked = nil
}

const unleased = "served without a lease: while another replica serves, what the two acknowledge parts"

// override is `primary --force` with N = 1, at a replica that is, is about to be, or has been asked to be primary, but
// gets no lease: it serves without one until it does.
func (m *Machine) override(ev *node.Event) bool {
	c := &m.change
	if m.cfg.Lease == 0 || ev.Op != replica.OpPrimaryForce || ev.N != 1 {
		return false
	}
	switch {
	case m.role == replica.RolePrimary && !c.draining:
		m.lease.without = !m.leased()
		m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), m.warning())
	case m.role == replica.RoleRecovering && c.kind == changeNone && c.promoting == 0:
		m.lease.without = true
		c.kind, c.verb, c.asked = changeForce, ev.Tag, true
		c.deadline = m.now + m.cfg.HandoverTimeout
		m.progress()
	case c.kind == changeForce && c.promoting == 0: // another user waits for a lease
		if c.asked {
			m.out.Reply(c.verb, node.TimedOut, m.ver.epoch(), []byte("somebody has asked to go on without a lease"))
		}
		m.lease.without = true
		c.verb, c.asked, c.deadline = ev.Tag, true, m.now+m.cfg.HandoverTimeout
		m.progress()
	default:
		return false
	}
	return true
}

// warning is what a user is told who has made this replica serve without a lease.
func (m *Machine) warning() []byte {
	if m.lease.without {
		return []byte(unleased)
	}
	return nil
}

// whyNot says why a change of role was given up.
func (m *Machine) whyNot() string {
	if m.mayOpen() || !m.wantsLease() {
		return "gave up waiting"
	}
	var parts []string
	granted := 0
	all := m.voters()
	for _, a := range all {
		i := slices.IndexFunc(m.lease.votes, func(v vote) bool { return v.by == a })
		who := fmt.Sprintf("host %d", a.Host)
		if i < 0 || m.lease.votes[i].ver != m.ver {
			parts = append(parts, who+" does not answer")
			continue
		}
		switch v := &m.lease.votes[i]; v.why {
		case leaseGranted:
			if m.now < v.until {
				granted++
				continue
			}
			parts = append(parts, who+" does not answer")
		case leaseOlder:
			parts = append(parts, who+" knows something newer")
		case leaseBooted:
			parts = append(parts, who+" has booted and waits")
		case leasePromised:
			parts = append(parts, fmt.Sprintf("%s has promised it to host %d", who, v.to))
		case leaseLacks:
			parts = append(parts, who+" has log that is missing here")
		}
	}
	return fmt.Sprintf("no lease: %d of %d voters grant it, a majority is needed; %s", granted, len(all),
		strings.Join(parts, ", "))
}
