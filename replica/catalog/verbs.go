package catalog

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
)

// The verbs. Their numbers are beyond those of package replica. Data of a request is a [Request], and
// N a host where the verb is about one. A verb that changes something is answered when that is
// durable here, and has been sent to others; where it says so, when others have answered. One that is
// refused says why.
const (
	// OpCreateCluster makes a cluster with this host in it. Scope is [Cluster], Value what the host says
	// of itself: its address, and the like.
	OpCreateCluster = node.OpVerb + 64 + iota
	// OpJoinCluster makes this host one of the cluster of host N. Value is as above. It is answered
	// when this host is in it, or after 30 s.
	OpJoinCluster
	// OpLeaveCluster takes host N out of the cluster, 0: this one. It must not share a resource.
	OpLeaveCluster
	// OpMergeCluster merges the cluster of this host with that of host N, once host N has said what
	// is there: no host and no resource of one may be in the other. It can be asked on both sides, and
	// again.
	OpMergeCluster
	// OpSplitCluster moves hosts out of the cluster into one of their own, whose scope is Scope. They are
	// Value, in the form that [Hosts] makes, and must not share a resource with those who stay.
	OpSplitCluster
	// OpMember makes host N a member of the resource Scope, which is made if N is this host.
	OpMember
	// OpGuest makes host N a guest of the resource Scope: it has its keys, and does not write them.
	OpGuest
	// OpUnshare ends the share of host N in the resource Scope.
	OpUnshare
	// OpSet sets a key, OpDelete deletes one. Membership is no key of users.
	OpSet
	OpDelete
	// OpList is answered with a [Listing] of the live keys of Scope that begin with Key.
	OpList
	// OpWatch is OpList, but answered only once the number of changes, Listing.Changes, is not N.
	OpWatch
	// OpReport is answered with a [Report].
	OpReport
)

// Request is the body of a verb.
type Request struct{ Scope, Key, Value string }

// Encode returns the form that the machine reads.
func (r Request) Encode() []byte {
	return appendString(appendString(appendString(nil, r.Scope), r.Key), r.Value)
}

// Hosts is the form of a set of hosts: 4 bytes each, little endian.
func Hosts(ids ...node.ID) string {
	var b []byte
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	return string(b)
}

// decodeHosts is the inverse of Hosts.
func decodeHosts(s string) (ids []node.ID, ok bool) {
	for b := []byte(s); len(b) >= 4; b = b[4:] {
		ids = append(ids, node.ID(binary.LittleEndian.Uint32(b)))
	}
	return ids, len(s)%4 == 0
}

// Listing is the live keys of a scope.
type Listing struct {
	Changes uint64 // of the scope, in this incarnation; 0: this host does not have it
	Entries []Entry
}

func (l *Listing) encode() []byte {
	b := binary.AppendUvarint(nil, l.Changes)
	b = binary.AppendUvarint(b, uint64(len(l.Entries)))
	for i := range l.Entries {
		b = appendEntry(b, &l.Entries[i])
	}
	return b
}

// DecodeListing reads the answer to OpList and OpWatch.
func DecodeListing(b []byte) (Listing, error) {
	r := &reader{b: b}
	l := Listing{Changes: r.number(), Entries: r.entries()}
	return l, r.end()
}

// Report is how a catalog stands.
type Report struct {
	// Cluster is the scope of the cluster, of the smallest uuid of those that were merged; empty: none.
	Cluster string
	Home    string    // the cluster that this host was made or joined in
	Merged  []string  // all clusters that were merged, the home included
	Hosts   []node.ID // of all of them
	Scopes  []string  // that this host has
	Refused Refused
}

func (p *Report) encode() []byte {
	b := appendString(appendString(nil, p.Cluster), p.Home)
	for _, list := range [][]string{p.Merged, p.Scopes} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendString(b, s)
		}
	}
	b = appendString(b, Hosts(p.Hosts...))
	b = binary.AppendUvarint(b, p.Refused.Count)
	return appendStamp(b, Stamp{p.Refused.Ahead, p.Refused.Host})
}

// DecodeReport reads the answer to OpReport.
func DecodeReport(b []byte) (Report, error) {
	r := &reader{b: b}
	p := Report{Cluster: r.string(maxScope), Home: r.string(maxScope)}
	for range r.count(1) {
		p.Merged = append(p.Merged, r.string(maxScope))
	}
	for range r.count(1) {
		p.Scopes = append(p.Scopes, r.string(maxScope))
	}
	hosts, ok := decodeHosts(r.string(len(r.b)))
	if !ok {
		r.fail(fmt.Errorf("catalog: hosts of a report"))
	}
	p.Hosts, p.Refused.Count = hosts, r.number()
	s := r.stamp()
	p.Refused.Ahead, p.Refused.Host = s.Time, s.Host
	return p, r.end()
}

// request carries out a verb.
func (m *Machine) request(ev *node.Event) {
	r := &reader{b: ev.Data}
	req := Request{Scope: r.string(maxScope), Key: r.string(maxKey), Value: r.string(maxUser)}
	if err := r.end(); err != nil || ev.N < 0 || ev.N > 1<<32-1 && ev.Op != OpWatch {
		m.reply(ev.Tag, node.Invalid, []byte("the request cannot be read"))
		return
	}
	id := node.ID(ev.N)
	switch ev.Op {
	case OpCreateCluster:
		m.create(ev.Tag, req)
	case OpJoinCluster:
		m.join(ev.Tag, id, req)
	case OpLeaveCluster:
		m.leave(ev.Tag, id)
	case OpMergeCluster:
		m.merge(ev.Tag, id)
	case OpSplitCluster:
		m.split(ev.Tag, req)
	case OpMember, OpGuest:
		m.setShare(ev.Tag, id, req.Scope, ev.Op == OpGuest)
	case OpUnshare:
		m.unshare(ev.Tag, id, req.Scope)
	case OpSet, OpDelete:
		m.setKey(ev.Tag, req, ev.Op == OpDelete)
	case OpList:
		m.reply(ev.Tag, node.OK, m.listing(req.Scope, req.Key))
	case OpWatch:
		m.watches = append(m.watches, watch{ev.Tag, uint64(ev.N), req})
	case OpReport:
		m.report(ev.Tag)
	default:
		m.reply(ev.Tag, node.Invalid, []byte("no verb of the catalog"))
	}
}

// setKey changes a key of a resource, or of what this host says of itself.
func (m *Machine) setKey(tag node.Tag, req Request, deleted bool) {
	sc := m.scope(req.Scope)
	switch {
	case sc == nil || sc.kind == kindCluster || !m.writes(sc):
		m.refuse(tag, "host %d does not write %s", m.self.Host, req.Scope)
	case req.Key == "" || len(req.Key) >= len(sharePrefix) && req.Key[:len(sharePrefix)] == sharePrefix:
		m.refuse(tag, "%q is no key that can be set", req.Key)
	case deleted: // also a key that is not known here: another host may have it
		m.set(sc, m.tickFor(sc, req.Key), req.Key, "", true)
		m.reply(tag, node.OK, nil)
	default:
		m.set(sc, m.tickFor(sc, req.Key), req.Key, req.Value, false)
		m.reply(tag, node.OK, nil)
	}
}

// tickFor makes a stamp for a key. One that is too far ahead is from a time at which our own clock was
// wrong, and does not hold up those to come.
func (m *Machine) tickFor(sc *scope, key string) Stamp {
	if e := sc.get(key); e != nil && m.ahead(e.Stamp) <= 0 {
		m.last = max(m.last, e.Stamp.Time)
	}
	return m.tick()
}

func (m *Machine) listing(scope, prefix string) []byte {
	var l Listing
	if sc := m.scope(scope); sc != nil {
		l.Changes = sc.changes
		for _, e := range sc.prefixed(prefix) {
			if !e.Deleted {
				l.Entries = append(l.Entries, e)
			}
		}
	}
	return l.encode()
}

// watch is somebody who waits for a change of a scope.
type watch struct {
	tag  node.Tag
	seen uint64
	req  Request
}

func (m *Machine) answerWatches() {
	m.watches = slices.DeleteFunc(m.watches, func(w watch) bool {
		changes := uint64(0)
		if sc := m.scope(w.req.Scope); sc != nil {
			changes = sc.changes
		}
		if changes != w.seen {
			m.reply(w.tag, node.OK, m.listing(w.req.Scope, w.req.Key))
		}
		return changes != w.seen
	})
}

func (m *Machine) report(tag node.Tag) {
	p := Report{Home: m.home, Hosts: slices.Clone(m.hosts), Refused: m.refused}
	if m.home != "" {
		p.Hosts = append(p.Hosts, m.self.Host)
		slices.Sort(p.Hosts)
	}
	for _, sc := range m.scopes {
		p.Scopes = append(p.Scopes, sc.name)
		if sc.kind == kindCluster {
			p.Merged = append(p.Merged, sc.name)
		}
	}
	if len(p.Merged) > 0 {
		p.Cluster = p.Merged[0] // they are in order
	}
	m.reply(tag, node.OK, p.encode())
}
