package catalog

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// writes says whether this host may write a scope.
func (m *Machine) writes(sc *scope) bool {
	if sc.kind == kindHost {
		return sc.owner == m.self.Host
	}
	_, writes := sc.sharer(m.self.Host)
	return writes
}

// peers are the other hosts that have a scope, ascending: whoever shares a resource, all hosts of
// clusters that are merged, and whoever is near, for what a host says of itself.
func (m *Machine) peers(sc *scope) []node.ID {
	switch {
	case sc.kind == kindHost && sc.owner == m.self.Host:
		return m.near
	case sc.kind == kindHost:
		return []node.ID{sc.owner}
	case sc.kind == kindCluster:
		if sc.contact != 0 && len(sc.list) == 0 {
			return []node.ID{sc.contact}
		}
		return m.hosts
	}
	list := make([]node.ID, 0, len(sc.shared()))
	for _, s := range sc.shared() {
		if s.host != m.self.Host {
			list = append(list, s.host)
		}
	}
	return list
}

// derive follows changes of who shares what: which scopes this host has, who is near, and what
// the others are told of that.
func (m *Machine) derive() {
	for m.redo || !m.ready {
		m.redo = false
		m.endings()
		m.findHome()
		m.link()
		m.hosts = m.allHosts()
		m.near = m.allNear()
		if !m.ready {
			return // what is written at start is the state as it was
		}
		m.nearScopes()
		m.tellNear()
	}
}

// endings forgets scopes of which this host's own share has gone without a trace.
func (m *Machine) endings() {
	me := shareKey(m.self.Host)
	for i := len(m.scopes) - 1; i >= 0 && m.ready; i-- {
		if i >= len(m.scopes) {
			continue // the end of a cluster ends several scopes
		}
		sc := m.scopes[i]
		gone := sc.get(me) == nil && len(sc.list) > 0 &&
			(sc.kind == kindResource || sc.name == m.home)
		alone := sc.kind != kindHost && len(sc.shared()) == 0 && sc.get(me) != nil
		if gone || alone {
			e := Entry{}
			if own := sc.get(me); own != nil {
				e = *own
			}
			m.ended(sc, e)
		}
	}
}

// ended forgets a scope. Who leaves a cluster forgets all clusters that it was merged with; who was
// moved to another one begins there, by its own share, which names it.
func (m *Machine) ended(sc *scope, own Entry) {
	home := sc.name == m.home
	m.drop(sc.name)
	if !home {
		return
	}
	m.home = ""
	for i := len(m.scopes) - 1; i >= 0; i-- {
		if m.scopes[i].kind == kindCluster {
			m.drop(m.scopes[i].name)
		}
	}
	if u, hosts, ok := decodeMove(own.Value); ok && own.Deleted {
		// All who move make the same entries, so that they agree before they have spoken.
		fresh := m.ensure(Cluster(u))
		for _, id := range hosts {
			m.put(fresh, Entry{Key: shareKey(id), Stamp: own.Stamp})
		}
		m.redo = true
	}
}

// findHome looks for the cluster that this host is in.
func (m *Machine) findHome() {
	m.home = ""
	for _, sc := range m.scopes {
		if sc.kind == kindCluster && sc.get(shareKey(m.self.Host)) != nil {
			m.home = sc.name
		}
	}
}

// link takes up the clusters that the home has been merged with, and those merged with them.
func (m *Machine) link() {
	if m.home == "" {
		return
	}
	for _, sc := range slices.Clone(m.scopes) {
		if sc.kind != kindCluster {
			continue
		}
		for _, e := range sc.prefixed(withPrefix) {
			name := clusterPrefix + e.Key[len(withPrefix):]
			known := m.scope(name) != nil
			if other := m.ensure(name); other != nil {
				if other.contact, _ = parseHost(e.Value); !known {
					m.ask(other.contact, name)
				}
			}
		}
	}
}

// contact says whether a host is one that a merge was made with. It may not be known otherwise yet.
func (m *Machine) contact(id node.ID) bool {
	return slices.ContainsFunc(m.scopes, func(sc *scope) bool { return sc.contact == id })
}

// ask has a digest sent at the end of the step: to whoever knows more.
func (m *Machine) ask(host node.ID, scope string) {
	if host != 0 && host != m.self.Host {
		m.asked = append(m.asked, question{host, scope})
	}
}

func (m *Machine) allHosts() []node.ID {
	var list []node.ID
	for _, sc := range m.scopes {
		if sc.kind == kindCluster {
			for _, s := range sc.shared() {
				if s.host != m.self.Host {
					list = append(list, s.host)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (m *Machine) allNear() []node.ID {
	var list []node.ID
	for _, sc := range m.scopes {
		if sc.kind == kindResource {
			list = append(list, m.peers(sc)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// nearScopes has the scope of each host that is near, and of no other one.
func (m *Machine) nearScopes() {
	for i := len(m.scopes) - 1; i >= 0; i-- {
		sc := m.scopes[i]
		if sc.kind == kindHost && sc.owner != m.self.Host && !slices.Contains(m.near, sc.owner) {
			m.drop(sc.name)
		}
	}
	for _, id := range m.near {
		m.ensure(Host(id))
	}
	m.ensure(Host(m.self.Host))
}

// tellNear keeps the key that says what this host shares, and with whom.
func (m *Machine) tellNear() {
	home := m.scope(m.home)
	if home == nil || !m.writes(home) {
		return
	}
	var names []string
	for _, sc := range m.scopes {
		if shares, _ := sc.sharer(m.self.Host); sc.kind == kindResource && shares {
			names = append(names, strings.TrimPrefix(sc.name, resourcePrefix))
		}
	}
	value := encodeNear(m.near, names)
	if now, ok := home.value(nearKey(m.self.Host)); now != value && (ok || len(names) > 0) {
		m.set(home, m.tick(), nearKey(m.self.Host), value, false)
	}
}

func encodeNear(hosts []node.ID, names []string) string {
	b := binary.AppendUvarint(nil, uint64(len(hosts)))
	for _, id := range hosts {
		b = binary.AppendUvarint(b, uint64(id))
	}
	for _, name := range names {
		b = appendString(b, name)
	}
	return string(b)
}

// decodeNear reads as much as can be read.
func decodeNear(value string) (hosts []node.ID, names []string) {
	r := &reader{b: []byte(value)}
	for range r.count(1) {
		hosts = append(hosts, node.ID(r.number()))
	}
	for len(r.b) > 0 {
		if name := r.string(maxName); r.err == nil {
			names = append(names, name)
		}
	}
	return hosts, names
}

// nearOf tells what a host shares, and with whom, as the clusters know it.
func (m *Machine) nearOf(id node.ID) (hosts []node.ID, names []string) {
	for _, sc := range m.scopes {
		if sc.kind == kindCluster {
			if v, ok := sc.value(nearKey(id)); ok {
				return decodeNear(v)
			}
		}
	}
	return nil, nil
}
