package catalog

import (
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// verb is a verb that waits for another host.
type verb struct {
	op    node.Op
	tag   node.Tag
	host  node.ID // who must answer
	info  string
	until node.Time
	next  node.Time
}

// create makes a cluster of one host.
func (m *Machine) create(tag node.Tag, req Request) {
	sc, err := parseScope(req.Scope)
	switch {
	case err != nil || sc.kind != kindCluster:
		m.refuse(tag, "%q is no scope of a cluster", req.Scope)
	case m.home != "":
		m.refuse(tag, "host %d is in a cluster already, %s", m.self.Host, m.home)
	case len(req.Value) > maxInfo:
		m.refuse(tag, "%d bytes about a host, at most %d are allowed", len(req.Value), maxInfo)
	default:
		m.set(m.ensure(req.Scope), m.tick(), shareKey(m.self.Host), req.Value, false)
		m.reply(tag, node.OK, nil)
	}
}

// join asks another host to take this one into its cluster.
func (m *Machine) join(tag node.Tag, contact node.ID, req Request) {
	switch {
	case m.home != "" && slices.Contains(m.hosts, contact):
		m.reply(tag, node.OK, nil)
	case m.home != "":
		m.refuse(tag, "host %d is in a cluster already, %s", m.self.Host, m.home)
	case len(req.Value) > maxInfo:
		m.refuse(tag, "%d bytes about a host, at most %d are allowed", len(req.Value), maxInfo)
	default:
		m.start(verb{op: OpJoinCluster, tag: tag, host: contact, info: req.Value})
	}
}

// start begins a verb that waits for another host.
func (m *Machine) start(v verb) {
	v.until = m.now + verbTimeout
	m.verbs = append(m.verbs, v)
	m.retryVerbs()
}

// retryVerbs asks those hosts again that have not answered.
func (m *Machine) retryVerbs() {
	m.verbs = slices.DeleteFunc(m.verbs, func(v verb) bool {
		if v.until <= m.now {
			m.reply(v.tag, node.TimedOut, nil)
		}
		return v.until <= m.now
	})
	for i := range m.verbs {
		v := &m.verbs[i]
		if m.now < v.next {
			continue
		}
		v.next = m.now + verbEvery
		if v.op == OpJoinCluster {
			m.send(v.host, &message{kind: msgJoin, text: v.info})
		} else {
			m.send(v.host, &message{kind: msgAsk, uuids: m.clusters()})
		}
	}
	if len(m.verbs) > 0 {
		m.out.SetTimer(tagVerb, verbEvery)
	}
}

// joining says whether this host has asked another one to let it join, and is in no cluster yet.
func (m *Machine) joining(contact node.ID) bool {
	return m.home == "" && slices.ContainsFunc(m.verbs, func(v verb) bool {
		return v.op == OpJoinCluster && v.host == contact
	})
}

// answerVerbs ends joins that have come true.
func (m *Machine) answerVerbs() {
	m.verbs = slices.DeleteFunc(m.verbs, func(v verb) bool {
		done := v.op == OpJoinCluster && m.home != ""
		if done {
			m.reply(v.tag, node.OK, nil)
		}
		return done
	})
}

// verbRefused ends verbs that the other host has refused.
func (m *Machine) verbRefused(from node.ID, msg *message) {
	m.verbs = slices.DeleteFunc(m.verbs, func(v verb) bool {
		if v.host == from {
			m.refuse(v.tag, "%s", msg.text)
		}
		return v.host == from
	})
}

// joinAsked takes another host into the cluster.
func (m *Machine) joinAsked(from node.ID, msg *message) {
	home := m.scope(m.home)
	if home == nil || !m.writes(home) {
		m.send(from, &message{kind: msgRefuse, text: "the host that was asked is in no cluster"})
		return
	}
	if slices.Contains(m.hosts, from) {
		if shares, _ := home.sharer(from); !shares {
			m.send(from, &message{kind: msgRefuse, text: "a host with this number is in the cluster"})
			return
		}
	}
	stamp := m.tickFor(home, shareKey(from))
	m.set(home, stamp, shareKey(from), msg.text, false)
}

// leave takes a host out of the cluster.
func (m *Machine) leave(tag node.Tag, id node.ID) {
	if id == 0 {
		id = m.self.Host
	}
	home := m.scope(m.home)
	if home == nil || !m.writes(home) {
		m.refuse(tag, "host %d is in no cluster", m.self.Host)
		return
	}
	if shares, _ := home.sharer(id); !shares {
		m.refuse(tag, "host %d is not in %s, which host %d may change", id, m.home, m.self.Host)
		return
	}
	if _, names := m.nearOf(id); len(names) > 0 {
		m.refuse(tag, "host %d shares resource %s", id, names[0])
		return
	}
	m.takeOut(home, m.tick(), id, "")
	m.reply(tag, node.OK, nil)
}

// takeOut deletes what a cluster knows of a host. The value says where it goes.
func (m *Machine) takeOut(home *scope, stamp Stamp, id node.ID, value string) {
	if _, ok := home.value(nearKey(id)); ok {
		m.set(home, stamp, nearKey(id), "", true)
	}
	m.set(home, stamp, shareKey(id), value, true)
	for _, peer := range m.hosts {
		if peer != id {
			m.ask(peer, home.name) // if this host is gone, it will be told that this is known
			break
		}
	}
}

// merge asks another host what its cluster consists of.
func (m *Machine) merge(tag node.Tag, contact node.ID) {
	home := m.scope(m.home)
	switch {
	case home == nil || !m.writes(home):
		m.refuse(tag, "host %d is in no cluster", m.self.Host)
	case slices.Contains(m.hosts, contact):
		m.reply(tag, node.OK, nil)
	case contact == 0 || contact == m.self.Host:
		m.refuse(tag, "a host of the other cluster must be named")
	default:
		m.start(verb{op: OpMergeCluster, tag: tag, host: contact})
	}
}

// clusters are the uuids of the clusters that are merged, the home first.
func (m *Machine) clusters() []string {
	var list []string
	if m.home != "" {
		list = append(list, m.home)
	}
	for _, sc := range m.scopes {
		if sc.kind == kindCluster && sc.name != m.home {
			list = append(list, sc.name)
		}
	}
	return list
}

// contents are hashes of all hosts and of all resources of the clusters that are merged.
func (m *Machine) contents() (hashes []uint64, what []string) {
	add := func(text string) {
		hashes, what = append(hashes, hashString(1, text)), append(what, text)
	}
	for _, id := range append(slices.Clone(m.hosts), m.self.Host) {
		add("host " + Host(id)[len(hostPrefix):])
		_, names := m.nearOf(id)
		for _, name := range names {
			add("resource " + name)
		}
	}
	return hashes, what
}

// mergeAsked tells a host that wants to merge what is here.
func (m *Machine) mergeAsked(from node.ID) {
	home := m.scope(m.home)
	if home == nil || !m.writes(home) {
		m.send(from, &message{kind: msgRefuse, text: "the host that was asked is in no cluster"})
		return
	}
	hashes, _ := m.contents()
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	if len(hashes) > maxMessage/8-64 {
		m.send(from, &message{kind: msgRefuse, text: "the cluster has too many resources to compare"})
		return
	}
	m.send(from, &message{kind: msgOffer, uuids: m.clusters(), hash: hashes})
}

// mergeOffered decides a merge. What is written here is one key; the other side follows, as this one
// reminds it until it has: see relink.
func (m *Machine) mergeOffered(from node.ID, msg *message) {
	i := slices.IndexFunc(m.verbs, func(v verb) bool {
		return v.op == OpMergeCluster && v.host == from
	})
	home := m.scope(m.home)
	if i < 0 || home == nil || !m.writes(home) || len(msg.uuids) == 0 {
		return
	}
	tag := m.verbs[i].tag
	m.verbs = slices.Delete(m.verbs, i, i+1)
	theirs := msg.uuids[0]
	if sc, err := parseScope(theirs); err != nil || sc.kind != kindCluster {
		m.refuse(tag, "%q is no cluster", theirs)
		return
	}
	if slices.ContainsFunc(msg.uuids, func(u string) bool { return m.scope(u) != nil }) {
		m.reply(tag, node.OK, nil) // a merge is under way, or done
		return
	}
	hashes, what := m.contents()
	var twice []string
	for i, h := range hashes {
		if _, found := slices.BinarySearch(msg.hash, h); found {
			twice = append(twice, what[i])
		}
	}
	slices.Sort(twice)
	if twice = slices.Compact(twice); len(twice) > 0 {
		m.refuse(tag, "both clusters have %s", strings.Join(twice[:min(len(twice), 10)], ", "))
		return
	}
	m.setLink(home, theirs, from)
	m.reply(tag, node.OK, nil)
}

// setLink writes that the home has been merged with another cluster, of which a host is known.
func (m *Machine) setLink(home *scope, other string, contact node.ID) {
	m.set(home, m.tick(), withPrefix+other[len(clusterPrefix):], Host(contact)[len(hostPrefix):], false)
}

// relink reminds clusters that this one has merged with, as long as they do not say so themselves.
// Whoever merged does so in each round; others, should it be gone, after a minute.
func (m *Machine) relink() {
	home := m.scope(m.home)
	if home == nil || !m.writes(home) {
		return
	}
	mine := withPrefix + m.home[len(clusterPrefix):]
	for _, e := range home.prefixed(withPrefix) {
		other := m.scope(clusterPrefix + e.Key[len(withPrefix):])
		if e.Deleted || other == nil || other.get(mine) != nil ||
			e.Stamp.Host != m.self.Host && m.now-e.Stamp.Time < 60*node.Second {
			continue
		}
		to := other.contact
		if n := len(other.shared()); n > 0 {
			to = other.shared()[m.random.Below(uint64(n))].host
		}
		if to != 0 && to != m.self.Host {
			m.send(to, &message{kind: msgLink, scope: other.name, text: m.home})
		}
	}
}

// linkAsked follows a merge that another cluster has decided.
func (m *Machine) linkAsked(from node.ID, msg *message) {
	home := m.scope(m.home)
	sc, err := parseScope(msg.text)
	if home == nil || msg.scope != m.home || !m.writes(home) || err != nil || sc.kind != kindCluster ||
		msg.text == m.home || home.get(withPrefix+msg.text[len(clusterPrefix):]) != nil {
		return
	}
	m.setLink(home, msg.text, from)
}

// split moves hosts into a cluster of their own.
func (m *Machine) split(tag node.Tag, req Request) {
	home := m.scope(m.home)
	sc, err := parseScope(req.Scope)
	ids, ok := decodeHosts(req.Value)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	switch {
	case home == nil || !m.writes(home):
		m.refuse(tag, "host %d is in no cluster", m.self.Host)
	case err != nil || sc.kind != kindCluster || m.scope(req.Scope) != nil:
		m.refuse(tag, "%q is no scope of a new cluster", req.Scope)
	case !ok || len(ids) == 0 || len(ids) > len(m.hosts):
		m.refuse(tag, "some hosts must be named, not all")
	default:
		if why := m.tie(home, ids); why != "" {
			m.refuse(tag, "%s", why)
			return
		}
		stamp := m.tick()
		for _, id := range ids {
			m.takeOut(home, stamp, id, encodeMove(req.Scope, ids))
		}
		m.reply(tag, node.OK, nil)
	}
}

// tie says what ties hosts to those that would stay, or "".
func (m *Machine) tie(home *scope, ids []node.ID) string {
	for _, id := range append(slices.Clone(m.hosts), m.self.Host) {
		hosts, names := m.nearOf(id)
		goes := slices.Contains(ids, id)
		for _, other := range hosts {
			if slices.Contains(ids, other) != goes {
				return "host " + Host(id)[len(hostPrefix):] + " shares one of " + strings.Join(names, ", ") +
					" with host " + Host(other)[len(hostPrefix):]
			}
		}
	}
	for _, id := range ids {
		if shares, _ := home.sharer(id); !shares {
			return "host " + Host(id)[len(hostPrefix):] + " is not in " + m.home +
				": ask a host of its own cluster"
		}
	}
	return ""
}

// encodeMove is the value of the tombstone of a host that moves: the new cluster, and who moves.
func encodeMove(scope string, ids []node.ID) string {
	return scope[len(clusterPrefix):] + Hosts(ids...)
}

func decodeMove(value string) (u UUID, ids []node.ID, ok bool) {
	if len(value) < 2*len(u) {
		return u, nil, false
	}
	u, err := parseUUID(value[:2*len(u)])
	if err != nil {
		return u, nil, false
	}
	ids, ok = decodeHosts(value[2*len(u):])
	return u, ids, ok
}

// setShare makes a host a member or a guest of a resource.
func (m *Machine) setShare(tag node.Tag, id node.ID, name string, guest bool) {
	parsed, err := parseScope(name)
	if err != nil || parsed.kind != kindResource {
		m.refuse(tag, "%q is no scope of a resource", name)
		return
	}
	sc := m.scope(name)
	role := roleMember
	if guest {
		role = roleGuest
	}
	switch {
	case id != m.self.Host && !slices.Contains(m.hosts, id):
		m.refuse(tag, "host %d is not in the cluster", id)
	case sc == nil && (id != m.self.Host || guest):
		m.refuse(tag, "host %d has no %s", m.self.Host, name)
	case sc == nil:
		if why := m.taken(name); why != "" {
			m.refuse(tag, "%s", why)
			return
		}
		m.set(m.ensure(name), m.tick(), shareKey(id), role, false)
		m.reply(tag, node.OK, nil)
	case !m.writes(sc):
		m.refuse(tag, "host %d is no member of %s", m.self.Host, name)
	case guest && m.lastWriter(sc, id):
		m.refuse(tag, "host %d is the last member of %s", id, name)
	default:
		m.changeShare(tag, sc, id, role)
	}
}

// changeShare writes a share, unless it is there as it should be.
func (m *Machine) changeShare(tag node.Tag, sc *scope, id node.ID, role string) {
	now, shares := sc.value(shareKey(id))
	if !shares && len(sc.shared()) >= maxSharers {
		m.refuse(tag, "%d hosts share %s, and no more can", maxSharers, sc.name)
		return
	}
	if now != role {
		m.set(sc, m.tickFor(sc, shareKey(id)), shareKey(id), role, false)
	}
	m.reply(tag, node.OK, nil)
}

// taken says why a resource cannot be made, or "". Two that are made at the same moment on different
// hosts are found out by none; they never mix, as no host shares both.
func (m *Machine) taken(name string) string {
	switch {
	case m.home == "":
		return "this host is in no cluster"
	case !m.room():
		return "this host shares as many resources as it can"
	}
	for _, id := range m.hosts {
		if _, names := m.nearOf(id); slices.Contains(names, name[len(resourcePrefix):]) {
			return "host " + Host(id)[len(hostPrefix):] + " has a resource of this name: ask one of its members"
		}
	}
	return ""
}

// lastWriter says whether nobody but a host writes a resource.
func (m *Machine) lastWriter(sc *scope, id node.ID) bool {
	return !slices.ContainsFunc(sc.shared(), func(s sharer) bool { return !s.guest && s.host != id })
}

// unshare ends the share of a host in a resource.
func (m *Machine) unshare(tag node.Tag, id node.ID, name string) {
	sc := m.scope(name)
	switch {
	case sc == nil || sc.kind != kindResource || !m.writes(sc) && id != m.self.Host:
		m.refuse(tag, "host %d is no member of %s", m.self.Host, name)
	case m.lastWriter(sc, id) && len(sc.shared()) > 1:
		m.refuse(tag, "host %d is the last member of %s, and there are guests", id, name)
	default:
		if _, ok := sc.value(shareKey(id)); ok {
			m.set(sc, m.tickFor(sc, shareKey(id)), shareKey(id), "", true)
			if peers := m.peers(sc); len(peers) > 0 {
				m.ask(peers[0], sc.name)
			}
		}
		m.reply(tag, node.OK, nil)
	}
}
