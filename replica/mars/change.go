package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// change is a change of role under way. There is at most one.
type change struct {
	kind     changeKind
	verb     node.Tag // of the user who asked; 0 nobody
	asked    bool     // verb counts
	deadline node.Time
	nonce    uint64

	// While no user has asked for a role since the boot, an offer is to one who asked before.
	resumes bool

	granted bool // the old primary has closed, at end
	end     mark

	// Promotion: first the state must be durable, then the frame that opens the epoch.
	promoting Reason
	gen       uint64 // of the state
	opened    bool
	opensAt   int64

	// On the old primary.
	draining bool
	// While something keeps the log from becoming durable, draining does not end. It is given up
	// when the new primary must have given up too.
	drainUntil node.Time
	to         node.ID // 0: nobody, a user wants this primary to close
	toNonce    uint64
	down       node.Tag // of that user
	stepsDown  bool     // down counts
	closing    uint64   // generation of the closed state; 0 not yet

	guard  node.Time // a restarted primary listens until then
	defect string
}

type changeKind uint8

const (
	changeNone changeKind = iota
	changeHandover
	changeForce
	changeReopen // a closed primary wants its epoch back
)

func (m *Machine) onVerb(ev *node.Event) {
	refuse := func(why string) { m.out.Reply(ev.Tag, node.Refused, m.ver.epoch(), []byte(why)) }
	if ev.Op == replica.OpStatus {
		s := m.Status()
		m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), s.Encode())
		return
	}
	switch {
	case ev.Op == replica.OpWatch:
		m.onWatch(ev)
		return
	case ev.Op == replica.OpSyncTurn:
		m.onSyncTurn(ev)
		return
	case ev.Op == replica.OpClose:
		m.onOpen(ev)
		return
	case m.role == replica.RoleDefective:
		refuse("this replica is defective: " + m.change.defect)
		return
	case m.role == replica.RoleBooting:
		refuse("this replica is still reading its log; try again")
		return
	case m.role == replica.RoleLeft:
		refuse("this replica has been removed from the group")
		return
	}
	switch ev.Op {
	case replica.OpDisconnect, replica.OpPauseReplay:
		if m.change.kind == changeHandover && m.change.promoting == 0 {
			refuse("a handover to this replica is under way, and needs the log and its replay; wait for it")
			return
		}
	}
	switch ev.Op {
	case replica.OpPrimary, replica.OpPrimaryForce:
		m.onPrimary(ev, refuse)
	case replica.OpSecondary:
		m.onSecondary(ev, refuse)
	case replica.OpConnect, replica.OpDisconnect:
		m.state.fetchOn = ev.Op == replica.OpConnect
		m.switched(ev)
		m.sendFetch(flagRewind)
	case replica.OpResumeReplay, replica.OpPauseReplay:
		m.state.replayOn = ev.Op == replica.OpResumeReplay
		m.switched(ev)
		m.verbs[len(m.verbs)-1].pause = ev.Op == replica.OpPauseReplay
		m.applyKick()
		m.persistApplied()
	case replica.OpPauseSync, replica.OpResumeSync:
		m.state.syncOff = ev.Op == replica.OpPauseSync
		m.switched(ev)
		m.copyKick()
	case replica.OpInvalidate:
		m.onInvalidate(ev, refuse)
	case replica.OpLogRotate:
		if m.role != replica.RolePrimary || m.change.draining {
			m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
			return
		}
		m.rotate()
		m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), nil)
	case replica.OpSetAck:
		m.onSetAck(ev)
	case replica.OpSetLogLimit:
		m.onSetLogLimit(ev)
	case replica.OpOpen:
		m.onOpen(ev)
	case replica.OpAddMember, replica.OpRemoveMember:
		m.onMembership(ev, refuse)
	case replica.OpResize:
		m.onResize(ev, refuse)
	case replica.OpContinues:
		m.onContinues(ev, refuse)
	default:
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(), []byte("unknown verb"))
	}
}

// switched answers a user who has turned a switch when that is durable.
func (m *Machine) switched(ev *node.Event) {
	m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.save(), here: true})
}

func (m *Machine) onPrimary(ev *node.Event, refuse func(string)) {
	c := &m.change
	force := ev.Op == replica.OpPrimaryForce
	if m.override(ev) {
		return
	}
	switch {
	case m.role == replica.RolePrimary && !c.draining:
		m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), nil)
		return
	case c.kind != changeNone || c.promoting != 0 || c.draining:
		refuse("another change of role is under way; wait for it")
		return
	case m.role == replica.RoleRecovering:
		refuse("this replica is about to become primary by itself; wait for it")
		return
	case !m.state.replayOn:
		refuse("replay is paused here; resume-replay first")
		return
	case m.copy.on && !(force && m.copy.staging()):
		refuse(m.copy.why())
		return
	case m.restarting:
		refuse("this replica is about to begin anew; wait for it")
		return
	case !force && m.fetch.cut:
		refuse("split brain: this replica's log has left the designated branch")
		return
	case !force && m.role == replica.RoleSecondary && !m.state.fetchOn:
		refuse("fetching is off here; connect first, or use force")
		return
	}
	c.verb, c.asked = ev.Tag, true
	m.beginHandover()
	switch {
	case force:
		c.kind = changeForce
		m.lease.without = m.cfg.Lease > 0 && ev.N == 1
		if m.copy.on {
			m.giveUpStaging()
		}
	case m.role == replica.RoleClosed:
		c.kind = changeReopen
	}
	m.changeTick()
	m.progress()
}

func (m *Machine) beginHandover() {
	c := &m.change
	c.kind, c.deadline, c.granted, c.resumes = changeHandover, m.now+m.cfg.HandoverTimeout, false, false
	c.nonce++
}

// onOffer goes on with a handover that a crash of this replica has interrupted: the old primary has
// closed for it, and nobody but this one, or a user of the old primary, can end that.
func (m *Machine) onOffer() {
	c := &m.change
	if !c.resumes || c.kind != changeNone || m.role != replica.RoleSecondary || !m.state.replayOn ||
		!m.state.fetchOn || m.copy.on || m.restarting || m.fetch.cut {
		return
	}
	m.beginHandover()
	c.resumes = true
	m.changeTick()
}

// changeTick repeats what may have been lost, and gives up what takes too long.
func (m *Machine) changeTick() {
	c := &m.change
	if m.role == replica.RoleRecovering && c.promoting == 0 {
		for i := range m.peers {
			if !m.peers[i].heard {
				m.inquire(&m.peers[i])
			}
		}
	}
	if c.kind != changeNone && c.promoting == 0 && m.now >= c.deadline {
		m.failVerb(node.TimedOut, m.whyNot())
	}
	if c.draining && c.closing == 0 && m.now >= c.drainUntil {
		c.draining = false // nobody asks any more: users are served on
		m.steppedDown(node.TimedOut, "what users have under way does not end")
	}
	switch c.kind {
	case changeHandover:
		if p := m.peerOf(m.ver.host); p != nil && !c.granted {
			m.send(p, &message{kind: msgAsk, mark: m.stream.at, nonce: c.nonce}, nil, 0)
		}
	case changeReopen:
		if p := m.peerOf(m.state.granted); p != nil && c.promoting == 0 {
			m.send(p, &message{kind: msgRevoke, nonce: c.nonce}, nil, 0)
		}
	}
	m.progress()
}

// failVerb ends a change that has not begun to promote, and tells the user why.
func (m *Machine) failVerb(code node.Code, why string) {
	c := &m.change
	if c.asked {
		m.out.Reply(c.verb, code, m.ver.epoch(), []byte(why))
	}
	c.kind, c.asked, c.promoting, c.granted = changeNone, false, 0, false
}

// progress moves a change of role on as far as it can go. It is called whenever a position has
// moved or a state has become durable.
func (m *Machine) progress() {
	c := &m.change
	if len(m.verbs) > 0 {
		m.answerVerbs()
	}
	if c.draining {
		m.drain()
	}
	allApplied := m.durable.pos == m.stream.at.pos && m.applied.pos == m.durable.pos
	switch {
	case c.promoting != 0:
		m.promotion()
	case !m.mayOpen():
	case m.role == replica.RoleRecovering:
		if allApplied && (m.allHeard() || m.now >= c.guard) {
			why := Recovery
			if len(m.stream.segments) == 0 {
				why = Created
			}
			m.promote(why)
		}
	case c.kind == changeForce && allApplied:
		m.promote(Forced)
	case c.kind == changeReopen && m.state.granted == 0 && allApplied:
		m.promote(Handover) // nobody was offered the epoch that follows
	case c.kind == changeHandover && c.granted && m.stream.at.pos >= c.end.pos && allApplied:
		if m.stream.at != c.end {
			m.failVerb(node.Refused, "split brain: the old primary's log ends elsewhere")
			return
		}
		m.promote(Handover)
	}
}

func (m *Machine) allHeard() bool {
	for i := range m.peers {
		if !m.peers[i].heard {
			return false
		}
	}
	return true
}

// promote opens the next epoch here: state first, so that after a crash this replica knows that
// it is designated; then the frame that begins the segment.
func (m *Machine) promote(why Reason) {
	if m.state.tainted {
		m.untaint()
		return
	}
	c := &m.change
	c.promoting, c.opened = why, false
	m.ver = version{2 * (m.ver.epoch() + 1), m.self.Host}
	m.state.granted = 0
	m.state.fetchOn = true // for when it is secondary again
	m.resetFetch()
	m.role = replica.RoleRecovering
	m.forgetPeers()
	c.gen = m.save()
	m.promotion()
}

func (m *Machine) promotion() {
	c := &m.change
	if !c.opened {
		if m.meta.saved < c.gen {
			return
		}
		c.opened = true
		m.stream.begin(m.ver.epoch(), m.now, m.self.Host, c.promoting)
		c.opensAt = m.stream.at.pos
		m.logKick()
	}
	if m.durable.pos < c.opensAt {
		return
	}
	m.role = replica.RolePrimary
	if c.asked {
		m.out.Reply(c.verb, node.OK, m.ver.epoch(), m.warning())
	}
	c.kind, c.asked, c.promoting = changeNone, false, 0
	for i := range m.peers {
		m.hello(&m.peers[i], 0, 0)
	}
}

func (m *Machine) forgetPeers() {
	for i := range m.peers {
		p := &m.peers[i]
		p.known, p.cut, p.synced, p.base, p.durable = false, false, 0, 0, 0
	}
}

// learn takes over a newer belief about who is primary. A primary that learns of another one
// stops serving at once.
func (m *Machine) learn(v version) {
	closedOnly := v == version{m.ver.v | 1, m.ver.host}
	m.ver = v
	if m.role == replica.RoleLeft {
		m.save()
		return
	}
	if closedOnly && m.role == replica.RoleSecondary {
		m.save() // the same source, and a handover may be waiting for just this
		return
	}
	m.dropUsers(node.Unknown)
	m.failVerb(node.Refused, "another replica has become primary")
	m.steppedDown(node.OK, "")
	m.change.draining, m.change.closing = false, 0
	m.role = replica.RoleSecondary
	m.resetFetch()
	m.copy.drop()
	m.forgetPeers()
	m.state.granted = 0
	m.restarting = m.restarting || m.emergency.on // the log has to be put in order
	m.save()
}

// onHandover takes the messages of a planned handover. Each may come twice, or late: the nonce
// says to which attempt it belongs.
func (m *Machine) onHandover(p *peer, msg *message) {
	c := &m.change
	switch msg.kind {
	case msgAsk:
		m.onAsk(p, msg)
	case msgGrant:
		if c.kind == changeHandover && c.promoting == 0 && msg.nonce == c.nonce {
			c.granted, c.end = true, msg.mark
		}
	case msgInUse:
		if c.kind == changeHandover && c.promoting == 0 && !c.granted && msg.nonce == c.nonce {
			m.failVerb(node.Refused, inUse(p.addr.Host, msg.credit))
		}
	case msgRevoke:
		if c.kind == changeHandover && c.promoting == 0 {
			m.failVerb(node.Refused, "the old primary has taken its offer back")
		}
		if c.promoting == 0 && m.role == replica.RoleSecondary {
			m.send(p, &message{kind: msgRevoked, nonce: msg.nonce}, nil, 0)
		}
	case msgRevoked:
		if c.kind == changeReopen && c.promoting == 0 && msg.nonce == c.nonce &&
			m.durable.pos == m.stream.at.pos && m.applied.pos == m.durable.pos && m.mayOpen() {
			m.promote(Handover)
		}
	}
	m.progress()
}

// drainPatience is how many ticks without an ask make the old primary stop draining. The new one
// asks at each tick; some of that may be lost.
const drainPatience = 20

// onAsk is a secondary's wish to take over. While it is far behind, users are served on: what is
// missing then would be added to the downtime.
func (m *Machine) onAsk(p *peer, msg *message) {
	c := &m.change
	switch {
	case m.role == replica.RoleClosed:
		m.askedWhileClosed(p, msg)
	case m.role != replica.RolePrimary:
	case m.opened > 0:
		m.send(p, &message{kind: msgInUse, credit: m.opened, nonce: msg.nonce}, nil, 0)
	case c.draining:
		if c.to == p.addr.Host {
			c.toNonce, c.drainUntil = msg.nonce, m.now+drainPatience*m.cfg.Tick
		}
	case m.stream.at.pos-msg.applied <= m.cfg.HandoverLag:
		c.draining, c.to, c.toNonce, c.closing = true, p.addr.Host, msg.nonce, 0
		c.drainUntil = m.now + drainPatience*m.cfg.Tick
		m.dropWaiting()
	}
}

// askedWhileClosed offers what follows the closed epoch: to whom it was closed for, or, if that was
// nobody, to the first who asks. The choice is durable before it is told; the ask comes again.
func (m *Machine) askedWhileClosed(p *peer, msg *message) {
	c := &m.change
	if c.kind != changeNone {
		return
	}
	if m.state.granted == 0 {
		m.state.granted = p.addr.Host
		c.closing = m.save()
	}
	if m.state.granted == p.addr.Host && m.meta.saved >= c.closing {
		m.grant(p, msg.nonce)
	}
}

// onSecondary lets a primary close for nobody in particular.
func (m *Machine) onSecondary(ev *node.Event, refuse func(string)) {
	c := &m.change
	switch {
	case m.role == replica.RoleSecondary, m.role == replica.RoleClosed:
		c.resumes = false
		m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), nil)
	case m.role != replica.RolePrimary || c.kind != changeNone || c.promoting != 0 || c.draining:
		refuse("a change of role is under way; wait for it")
	case m.opened > 0:
		refuse(inUse(m.self.Host, m.opened))
	default:
		c.draining, c.to, c.closing = true, 0, 0
		c.down, c.stepsDown = ev.Tag, true
		c.drainUntil = m.now + m.cfg.HandoverTimeout
		m.dropWaiting()
		m.progress()
	}
}

// steppedDown answers the user who wanted this primary to close, if there is one.
func (m *Machine) steppedDown(code node.Code, why string) {
	if c := &m.change; c.stepsDown {
		c.stepsDown = false
		m.out.Reply(c.down, code, m.ver.epoch(), []byte(why))
	}
}

func (m *Machine) grant(p *peer, nonce uint64) {
	m.send(p, &message{kind: msgGrant, mark: m.durable, nonce: nonce}, m.groupBody(), 0)
}

// drain waits until every accepted request has been answered and the log is durable, then closes
// the epoch, durably, and only then offers it to the new primary.
func (m *Machine) drain() {
	c := &m.change
	if c.closing == 0 {
		if !m.quiet() || m.durable.pos != m.stream.at.pos {
			return
		}
		m.state.granted = c.to
		m.ver.v++
		c.closing = m.save()
	}
	if m.meta.saved < c.closing {
		return
	}
	c.draining = false
	m.role = replica.RoleClosed
	m.steppedDown(node.OK, "")
	m.forgetPending() // no read comes before all of the log is on the volume
	m.forgetPeers()
	if p := m.peerOf(c.to); p != nil {
		m.grant(p, c.toNonce)
	}
	for i := range m.peers {
		m.hello(&m.peers[i], 0, 0)
	}
}
