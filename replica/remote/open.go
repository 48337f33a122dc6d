package remote

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// opening is an open that the server is about to answer: it has to ask the replica first.
type opening struct {
	active bool
	tag    node.Tag // of the question
	since  node.Time
	client node.Addr
	msg    message
}

// settle is how a new primary finds out the newest stamp: it asks all other members.
type settle struct {
	epoch  uint64 // settled, or being settled
	asking bool
	since  node.Time
	told   []node.Addr // who has answered
}

// openPatience is how long an open waits for the replica, before another one takes its place.
const openPatience = node.Second

// onOpen takes a wish to open. What cannot be answered yet is not answered at all: clients ask again.
func (s *Server) onOpen(from node.Addr, m *message) {
	switch {
	case !s.known:
		return
	case !s.serves():
		s.send(from, &message{kind: kindElsewhere, nonce: m.nonce, served: s.status.Epoch},
			appendAddrs(nil, s.members()), 0)
		return
	case !s.settled():
		return
	}
	if i := slices.IndexFunc(s.sessions, func(c *served) bool {
		return c.client == from && c.nonce == m.nonce
	}); i >= 0 {
		s.sendGrant(s.sessions[i])
		return
	}
	if s.opening.active && s.now-s.opening.since < openPatience || !s.fresh(from, m.nonce) {
		return
	}
	s.number++
	s.opening = opening{active: true, tag: tagState | node.Tag(s.number)&^(tagMask|tagClass),
		since: s.now, client: from, msg: *m}
	s.ask(replica.OpStatus, s.opening.tag, 0, 0)
}

// fresh says whether no newer open of this client has come: an old one may arrive late, and must not
// take the volume back from whoever has it now.
func (s *Server) fresh(from node.Addr, n nonce) bool {
	i := slices.IndexFunc(s.seen, func(a attempt) bool { return a.client == from })
	if i >= 0 && n.less(s.seen[i].nonce) {
		return false
	}
	if i >= 0 {
		s.seen = slices.Delete(s.seen, i, i+1)
	} else if len(s.seen) == maxSeen {
		s.seen = slices.Delete(s.seen, 0, 1)
	}
	s.seen = append(s.seen, attempt{from, n})
	return true
}

// judge decides on the open under way, knowing how many users hold the volume open here.
func (s *Server) judge(f *node.Effect, data []byte) {
	o := &s.opening
	m := &o.msg
	st, err := replica.DecodeStatus(data)
	if f.Code != node.OK || err != nil || !s.serves() {
		s.opening = opening{}
		return
	}
	resume := m.flags&flagResume != 0
	if m.flags&flagShared == 0 {
		switch other := s.claim.holder.Host != 0 && s.claim.holder != o.client; {
		case st.Open > 0:
			s.refuse(reasonInUse, fmt.Sprintf("the volume is in use on host %d, by %d users of its own",
				s.self.Host, st.Open))
			return
		case resume && (m.stamp.less(s.claim.stamp) || m.stamp == s.claim.stamp && other ||
			m.stamp != s.claim.stamp && s.local):
			s.refuse(reasonFenced, "the volume has been taken over meanwhile")
			return
		case !resume && other && s.held() && m.flags&flagForce == 0:
			s.refuse(reasonInUse, fmt.Sprintf("the volume is in use on host %d, which has no replica",
				s.claim.holder.Host))
			return
		}
	}
	if !resume {
		s.grant()
		return
	}
	o.tag = tagPast | o.tag&^(tagMask|tagClass)
	s.ask(replica.OpContinues, o.tag, int64(m.prevHost), int64(m.prev))
}

// judgePast decides on an open that goes on with an earlier session: only if all is there that the
// earlier one has seen.
func (s *Server) judgePast(f *node.Effect, why []byte) {
	switch f.Code {
	case node.OK:
		s.grant()
	case node.Refused:
		s.refuse(reasonLost, "the volume may have gone back: "+string(why))
	default:
		s.opening = opening{}
	}
}

func (s *Server) refuse(why reason, text string) {
	o := &s.opening
	s.send(o.client, &message{kind: kindRefused, op: why, nonce: o.msg.nonce,
		served: s.status.Epoch}, []byte(text), 0)
	s.opening = opening{}
}

// grant opens a session. What an earlier one has begun must have ended: the replica may answer
// requests in any order.
func (s *Server) grant() {
	o := s.opening
	s.opening = opening{}
	shared := o.msg.flags&flagShared != 0
	if !s.serves() || slices.ContainsFunc(s.pending, func(p pending) bool { return isChange(p.op) && !shared }) {
		return
	}
	if !shared {
		next := s.claim.stamp.next(s.status.Epoch)
		if o.msg.flags&flagResume != 0 {
			next = o.msg.stamp
		}
		s.hold(next, o.client)
	}
	s.sessions = slices.DeleteFunc(s.sessions, func(c *served) bool {
		return c.client == o.client || !shared && !c.shared
	})
	if len(s.sessions) == maxSessions {
		s.opening = o
		s.refuse(reasonInUse, fmt.Sprintf("there are %d sessions already", maxSessions))
		return
	}
	s.number++
	c := &served{life: session{s.inc, s.status.Epoch, s.number}, client: o.client, nonce: o.msg.nonce,
		shared: shared, heard: s.now, floor: 1}
	s.sessions = append(s.sessions, c)
	s.sendGrant(c)
}

func (s *Server) sendGrant(c *served) {
	m := message{kind: kindGrant, nonce: c.nonce, life: c.life, n: s.status.Sectors,
		served: s.status.Epoch}
	if !c.shared {
		m.stamp = s.claim.stamp
	}
	s.send(c.client, &m, appendAddrs(nil, s.members()), 0)
}

// members are those that the replica knows, or, before it has said so, the configured ones.
func (s *Server) members() []node.Addr {
	if s.known && len(s.status.Members) > 0 {
		return s.status.Members
	}
	return s.cfg.Members
}

// eachOther calls f for every other member.
func (s *Server) eachOther(f func(node.Addr)) {
	for _, a := range s.members() {
		if a != s.self {
			f(a)
		}
	}
}

// tellMembers tells the other members who holds the volume. It may be lost: it is told again as long
// as the session lasts, and a new primary asks.
func (s *Server) tellMembers() {
	s.eachOther(func(a node.Addr) {
		s.send(a, &message{kind: kindClaim, stamp: s.claim.stamp, holder: s.claim.holder}, nil, 0)
	})
}

// settled says whether this primary knows the newest stamp. If not, it begins to find out.
func (s *Server) settled() bool {
	if s.settle.epoch != s.status.Epoch {
		s.settle = settle{epoch: s.status.Epoch, asking: true, since: s.now}
		s.settleOn()
	}
	return !s.settle.asking
}

// settleOn asks those who have not answered, and ends when nobody is left or the time is over.
func (s *Server) settleOn() {
	t := &s.settle
	if !t.asking {
		return
	}
	left := 0
	s.eachOther(func(a node.Addr) {
		if !slices.Contains(t.told, a) {
			left++
			s.send(a, &message{kind: kindAsk, nonce: s.settleNonce()}, nil, 0)
		}
	})
	t.asking = left > 0 && s.now-t.since < s.cfg.Guard && s.serves() && s.status.Epoch == t.epoch
	if !s.serves() {
		t.epoch = 0
	}
}

func (s *Server) settleNonce() nonce { return nonce{s.inc, s.settle.epoch} }

// onClaim takes what another member knows.
func (s *Server) onClaim(from node.Addr, m *message) {
	if !slices.Contains(s.members(), from) {
		return
	}
	if s.claim.stamp.less(m.stamp) {
		s.hold(m.stamp, m.holder)
	} else if s.claim.stamp == m.stamp && m.nonce == (nonce{}) {
		s.claim.heard = s.now
	}
	if t := &s.settle; t.asking && m.nonce == s.settleNonce() && !slices.Contains(t.told, from) {
		t.told = append(t.told, from)
		s.settleOn()
	}
}
