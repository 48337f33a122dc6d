package mars

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// maxMembers bounds a group, and with it messages and records.
const maxMembers = 64

// group is who replicates. All members hold it; the newest counts. The one that the configuration
// names is the oldest, and is not told to anybody: each replica knows it by itself.
type group struct {
	// What orders groups: the epoch of the primary that has changed it, that primary, and how
	// often it has. Zero: as in the configuration.
	epoch   uint64
	by      node.ID
	changes uint64

	ack      Ack    // what was set, plus one; 0: as in the configuration
	limit    int64  // Config.LogLimit as it was set, plus one; 0: as in the configuration
	resource uint64 // Config.Resource: groups of others are none of ours
	members  []node.Addr
	// joined tells for each member that was not there from the first on when it was added: a number
	// that no other addition has. Who was removed and added again begins anew.
	joined []uint64
}

// since is the number of the addition of a member, 0 if it was there from the first on.
func (g *group) since(a node.Addr) uint64 {
	if i := slices.Index(g.members, a); i >= 0 && i < len(g.joined) {
		return g.joined[i]
	}
	return 0
}

// add adds a member.
func (g *group) add(a node.Addr) {
	for len(g.joined) < len(g.members) {
		g.joined = append(g.joined, 0)
	}
	g.members = append(g.members, a)
	g.joined = append(g.joined, g.name()|1)
}

// remove removes a member.
func (g *group) remove(a node.Addr) {
	i := slices.Index(g.members, a)
	g.members = slices.Delete(g.members, i, i+1)
	if i < len(g.joined) {
		g.joined = slices.Delete(g.joined, i, i+1)
	}
}

// name is a number that this version of the group has alone.
func (g *group) name() uint64 { return node.Hash(node.Hash(g.epoch, uint64(g.by)), g.changes) }

func (g *group) changed() bool { return g.epoch != 0 }

func (g *group) older(o group) bool {
	switch {
	case g.epoch != o.epoch:
		return g.epoch < o.epoch
	case g.by != o.by:
		return g.by < o.by
	}
	return g.changes < o.changes
}

func (g *group) has(a node.Addr) bool { return slices.Contains(g.members, a) }

const (
	groupHead   = 32 // with the limit 8 more
	groupMember = 16
)

// groupLimit in the byte of the acknowledgement says that the limit of the log follows the head.
const groupLimit = 0x80

func (g *group) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, groupHead+8+groupMember*len(g.members))
	ack := uint32(g.ack)
	if g.limit != 0 {
		ack |= groupLimit
	}
	b = le.AppendUint64(b, g.epoch)
	b = le.AppendUint64(b, g.changes)
	b = le.AppendUint64(b, g.resource)
	b = le.AppendUint32(b, uint32(g.by))
	b = le.AppendUint32(b, ack<<24|uint32(len(g.members)))
	if g.limit != 0 {
		b = le.AppendUint64(b, uint64(g.limit))
	}
	for _, a := range g.members {
		b = replica.AppendAddr(b, a)
		b = le.AppendUint64(b, g.since(a))
	}
	return b
}

func decodeGroup(b []byte) (g group, err error) {
	le := binary.LittleEndian
	if len(b) < groupHead {
		return group{}, fmt.Errorf("group of %d bytes, expected at least %d", len(b), groupHead)
	}
	g = group{epoch: le.Uint64(b), changes: le.Uint64(b[8:]), resource: le.Uint64(b[16:]),
		by: node.ID(le.Uint32(b[24:]))}
	n := int64(le.Uint32(b[28:]) & 0xffffff)
	limits := b[31]&groupLimit != 0
	if g.ack = Ack(b[31] &^ groupLimit); g.ack > ackEnd {
		return group{}, fmt.Errorf("group with %v", g.ack-1)
	}
	b = b[groupHead:]
	if limits {
		if len(b) < 8 {
			return group{}, fmt.Errorf("group with a limit of %d bytes, expected 8", len(b))
		}
		if g.limit, b = int64(le.Uint64(b)), b[8:]; g.limit <= 0 {
			return group{}, fmt.Errorf("group with the limit %d", g.limit-1)
		}
	}
	if n > maxMembers || int64(len(b)) != n*groupMember {
		return group{}, fmt.Errorf("group of %d members in %d bytes", n, len(b))
	}
	for ; len(b) > 0; b = b[groupMember:] {
		a, err := replica.DecodeAddr(b[:8])
		if err != nil {
			return group{}, err
		}
		if g.has(a) {
			return group{}, fmt.Errorf("group with %v twice", a)
		}
		g.members, g.joined = append(g.members, a), append(g.joined, le.Uint64(b[8:]))
	}
	return g, nil
}

// joined says whether this replica is one of the group. The configuration is taken at its word.
func (m *Machine) joined() bool { return !m.group.changed() || m.group.has(m.self) }

// setPeers makes the list of peers that the group asks for. What is known of those who stay is
// kept. Pointers to peers are void then.
func (m *Machine) setPeers() {
	old := m.peers
	m.peers = nil
	for _, a := range m.group.members {
		if a == m.self {
			continue
		}
		p := peer{addr: a}
		for i := range old {
			if old[i].addr == a {
				p = old[i]
			}
		}
		m.peers = append(m.peers, p)
	}
}

// onMembership is the verbs that change the group.
func (m *Machine) onMembership(ev *node.Event, refuse func(string)) {
	a, err := replica.DecodeAddr(ev.Data)
	adds := ev.Op == replica.OpAddMember
	switch {
	case err != nil:
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(), []byte(err.Error()))
		return
	case m.role != replica.RolePrimary || m.change.draining:
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
		return
	case m.group.has(a) == adds:
		m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.meta.want}) // it may not be durable yet
		m.answerVerbs()
		return
	case !m.settled():
		refuse("no majority of the voters knows the present group yet; try again")
		return
	case !adds && a == m.self:
		refuse("the primary cannot leave; make another replica primary first")
		return
	case adds && (m.peerOf(a.Host) != nil || a.Host == m.self.Host):
		refuse(fmt.Sprintf("host %d has a replica already", a.Host))
		return
	case adds && len(m.group.members) >= maxMembers:
		refuse(fmt.Sprintf("the group has %d members, and can have %d", len(m.group.members),
			maxMembers))
		return
	}
	g := m.nextGroup()
	if adds {
		g.add(a)
	} else {
		g.remove(a)
	}
	m.group = g
	m.setPeers()
	m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.save()})
	m.surer()
}

// nextGroup is a newer group that is the same yet.
func (m *Machine) nextGroup() group {
	g := group{epoch: m.ver.epoch(), by: m.self.Host, changes: 1, ack: m.group.ack,
		limit:    m.group.limit,
		resource: m.cfg.Resource, members: slices.Clone(m.group.members),
		joined: slices.Clone(m.group.joined)}
	if m.group.epoch == g.epoch && m.group.by == g.by {
		g.changes = m.group.changes + 1
	}
	return g
}

const askPrimary = "only the primary can do this, and it is not here"

// learnGroup takes over a newer group. Who is no longer in it stops taking part.
func (m *Machine) learnGroup(g group) {
	before := m.group.since(m.self)
	m.group = g
	m.setPeers()
	switch {
	case !m.joined() && m.role != replica.RoleLeft:
		m.dropUsers(node.Unknown)
		m.failVerb(node.Refused, "this replica has been removed from the group")
		m.steppedDown(node.OK, "")
		m.change.draining, m.change.closing = false, 0
		m.resetFetch()
		m.role = replica.RoleLeft
	case m.joined() && m.role == replica.RoleLeft:
		m.role = replica.RoleSecondary
		m.resetFetch()
	}
	if m.joined() && g.since(m.self) != before && m.role == replica.RoleSecondary &&
		m.stream.at.pos > 0 {
		m.beginAnew(resync{on: true}, mark{}) // it was removed meanwhile; saved as one
		return
	}
	m.save()
	m.sendFetch(flagRewind)
}

// announce tells a group that has become durable to all who are or were in it. Whoever does not
// hear of it now will by later hellos, or when it asks.
func (m *Machine) announce(g group) {
	before := m.toldGroup
	m.toldGroup = g
	if m.role != replica.RolePrimary {
		return
	}
	for i := range m.peers {
		m.hello(&m.peers[i], 0, 0)
	}
	for _, a := range before.members {
		if a != m.self && m.peer(a) == nil {
			m.hello(&peer{addr: a}, 0, 0)
		}
	}
}

// groupBody is what hellos carry, and grants: the new primary must not change an older group.
func (m *Machine) groupBody() []byte {
	if !m.toldGroup.changed() {
		return nil
	}
	return m.toldGroup.encode()
}

// groupOf returns the group that a message carries, if any, and whether the message may be of this
// resource: the number of a machine may have been that of another one's replica before.
func groupOf(msg *message, body []byte, resource uint64) (g group, ok bool) {
	switch msg.kind {
	case msgHello, msgGrant, msgLease, msgLeased:
	default:
		return group{}, true
	}
	if len(body) == 0 {
		return group{}, true
	}
	g, err := decodeGroup(body)
	return g, err == nil && g.resource == resource
}

// heardGroup takes a newer group. Also strangers are believed: the primary may be somebody of whom
// this replica has not heard yet.
func (m *Machine) heardGroup(g group) {
	if m.role == replica.RolePrimary && g.epoch < m.ver.epoch() && !g.has(m.self) {
		// A former primary has removed this replica, which has taken over by force since.
		m.group.epoch, m.group.by, m.group.changes = m.ver.epoch(), m.self.Host, 1
		m.save()
		return
	}
	m.learnGroup(g)
}

// tellGroup answers somebody who takes part without being in the group, or speaks to a replica that
// is not: one of the two was away when the group has changed. Theirs is the group that the message
// carried. Only an older one is answered, so that two strangers do not talk for ever.
func (m *Machine) tellGroup(to node.Addr, theirs group) {
	if theirs.older(m.toldGroup) {
		m.hello(&peer{addr: to}, 0, 0)
	}
}
