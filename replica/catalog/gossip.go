package catalog

import (
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// Bounds of one exchange. A range with no more than this is sent, a larger one is split.
const (
	rangeEntries = 32
	rangeBytes   = 8 << 10
	rangeSplit   = 16
	pushBytes    = 8 << 10
	probeWriters = 16
)

// everything is the range of all keys.
const everything = ""

// round compares the digest of each scope with one host.
func (m *Machine) round() {
	m.out.SetTimer(tagRound, m.cfg.Round-m.cfg.Round/8+
		node.Time(m.random.Below(1000))*(m.cfg.Round/4)/1000)
	for _, sc := range m.scopes {
		m.forgetDeleted(sc)
		peers := m.peers(sc)
		if len(peers) == 0 {
			continue
		}
		// Each host begins elsewhere and takes one after the other: so each one hears from all.
		if sc.turn == 0 {
			sc.turn = 1 + m.random.Below(1<<20)
		}
		sc.turn++
		i, _ := slices.BinarySearch(peers, m.self.Host)
		m.sendDigest(sc, peers[(uint64(i)+sc.turn)%uint64(len(peers))], 0)
		if sc.tombs > 0 && m.writes(sc) && len(sc.shared()) <= probeWriters && sc.kind == kindResource {
			m.probe(sc)
		}
	}
	m.relink()
}

// probe asks all writers of a resource what they have, as deletions may be forgotten.
func (m *Machine) probe(sc *scope) {
	for _, s := range sc.shared() {
		if !s.guest && s.host != m.self.Host {
			m.sendDigest(sc, s.host, flagAnswer)
		}
	}
}

// forgetDeleted raises the floor if all writers have what this one has: see the package comment.
func (m *Machine) forgetDeleted(sc *scope) {
	if sc.tombs == 0 || !m.writes(sc) {
		return
	}
	for _, s := range sc.shared() {
		if s.guest || s.host == m.self.Host {
			continue
		}
		if r, ok := sc.reports[s.host]; !ok || r.digest != sc.digest || r.floor != sc.floor {
			return
		}
	}
	floor := sc.floor
	for i := range sc.list {
		e := &sc.list[i]
		if m.ahead(e.Stamp) > 0 {
			return // no other host would believe in such a floor
		}
		if e.tombstone() {
			floor = later(floor, e.Stamp)
		}
	}
	m.raise(sc, floor)
}

// header makes a message about a scope.
func (m *Machine) header(kind msgKind, sc *scope) *message {
	msg := &message{kind: kind, scope: sc.name, floor: sc.floor}
	if e := sc.get(shareKey(m.self.Host)); e != nil {
		msg.flags, msg.share = flagShare, *e
	}
	return msg
}

func (m *Machine) sendDigest(sc *scope, to node.ID, flags byte) {
	msg := m.header(msgRanges, sc)
	msg.flags |= flags
	msg.sums = []sum{{everything, sc.digest}}
	m.send(to, msg)
}

// message takes what another host has sent.
func (m *Machine) message(from node.ID, msg *message) {
	switch msg.kind {
	case msgJoin:
		m.joinAsked(from, msg)
		return
	case msgRefuse:
		m.verbRefused(from, msg)
		return
	case msgAsk:
		m.mergeAsked(from)
		return
	case msgOffer:
		m.mergeOffered(from, msg)
		return
	case msgLink:
		m.linkAsked(from, msg)
		return
	}
	sc := m.scope(msg.scope)
	if sc == nil {
		if sc = m.strange(from, msg); sc == nil {
			return
		}
	}
	if msg.kind == msgVoid {
		m.void(sc, msg)
		return
	}
	if !m.admit(sc, from, msg) {
		return
	}
	if msg.kind == msgRanges {
		m.ranges(sc, from, msg)
	} else {
		m.entries(sc, from, msg)
	}
}

// strange takes a message about a scope that this host does not have. It is made if the message says
// that this host shares it now; who cannot know that is asked for all it has.
func (m *Machine) strange(from node.ID, msg *message) *scope {
	sc, err := parseScope(msg.scope)
	if err != nil || sc.kind == kindHost {
		return nil
	}
	known := slices.Contains(m.hosts, from)
	if sc.kind == kindCluster {
		known = m.joining(from)
	}
	if !known || msg.kind == msgVoid {
		return nil
	}
	me := shareKey(m.self.Host)
	for i := range msg.list {
		if e := &msg.list[i]; e.Key == me && !e.Deleted && m.room() {
			sc = m.ensure(msg.scope)
			if !m.offer(sc, *e, msg.floor) {
				m.remove(sc.name)
				return nil
			}
			m.ask(from, sc.name)
			return sc
		}
	}
	if msg.kind == msgRanges {
		m.send(from, &message{kind: msgEntries, flags: flagAnswer, scope: msg.scope})
	}
	return nil
}

// room says whether this host can share one resource more.
func (m *Machine) room() bool {
	n := 0
	for _, sc := range m.scopes {
		if sc.kind == kindResource {
			n++
		}
	}
	return n < maxShared
}

// admit says whether what a host says about a scope counts. One that we do not know of tells us its
// own share, which may be news to us, or an old tale.
func (m *Machine) admit(sc *scope, from node.ID, msg *message) bool {
	if sc.kind == kindHost {
		return slices.Contains(m.peers(sc), from)
	}
	if msg.flags&flagShare != 0 && msg.share.Key == shareKey(from) {
		m.offer(sc, msg.share, Stamp{})
		m.derive()
	}
	if slices.Contains(m.peers(sc), from) || sc.kind == kindCluster && m.contact(from) {
		return true
	}
	if msg.flags&flagShare != 0 {
		out := m.header(msgVoid, sc)
		if e := sc.get(shareKey(from)); e != nil {
			out.list = []Entry{*e}
		}
		m.send(from, out)
	}
	return false
}

// void takes that this host shares a scope no more, if that is newer than what it knows itself.
func (m *Machine) void(sc *scope, msg *message) {
	own := sc.get(shareKey(m.self.Host))
	if own == nil {
		return
	}
	for _, e := range msg.list {
		if e.Key == own.Key && e.Deleted && !e.Stamp.Before(own.Stamp) && m.ahead(e.Stamp) <= 0 {
			m.ended(sc, e)
			return
		}
	}
	if !msg.floor.Before(own.Stamp) {
		m.ended(sc, *own)
	}
}

// ranges compares digests, and goes on where they differ.
func (m *Machine) ranges(sc *scope, from node.ID, msg *message) {
	if len(msg.sums) == 1 && msg.from == everything && msg.sums[0].to == everything {
		theirs := msg.sums[0].digest
		sc.reports[from] = report{theirs, msg.floor}
		m.forgetDeleted(sc)
		if theirs.live == sc.live && sc.floor.Before(msg.floor) && m.ahead(msg.floor) <= 0 {
			m.raise(sc, msg.floor)
		}
		if theirs.live == sc.live && msg.floor.Before(sc.floor) || msg.flags&flagAnswer != 0 {
			m.sendDigest(sc, from, 0)
			return
		}
	}
	at := msg.from
	for _, s := range msg.sums {
		// In the steady state everything is compared, and is the same: that must not cost more with
		// the number of keys.
		if at != everything || s.to != everything || s.digest != sc.digest {
			if list := sc.within(at, s.to); digestOf(list) != s.digest {
				m.differ(sc, from, at, s.to, list)
			}
		}
		at = s.to
	}
}

// differ sends what this host has of a range, or its digests in more detail.
func (m *Machine) differ(sc *scope, to node.ID, first, end string, list []Entry) {
	size := 0
	for i := range list {
		size += list[i].size()
	}
	if len(list) <= rangeEntries && (size <= rangeBytes || len(list) <= 1) {
		msg := m.header(msgEntries, sc)
		msg.flags |= flagComplete | flagAnswer
		msg.from, msg.to, msg.list = first, end, list
		m.send(to, msg)
		return
	}
	msg := m.header(msgRanges, sc)
	msg.from = first
	for i, parts := 0, min(rangeSplit, len(list)); i < parts; i++ {
		j, k := i*len(list)/parts, (i+1)*len(list)/parts
		s := sum{to: end, digest: digestOf(list[j:k])}
		if k < len(list) {
			s.to = list[k].Key
		}
		msg.sums = append(msg.sums, s)
	}
	m.send(to, msg)
}

// entries takes entries, and sends back what the sender lacks.
func (m *Machine) entries(sc *scope, from node.ID, msg *message) {
	for _, e := range msg.list {
		if m.offer(sc, e, msg.floor) && msg.flags&flagRumor != 0 && sc.kind == kindCluster {
			m.fresh = append(m.fresh, change{scope: sc.name, entry: e})
		}
	}
	if msg.flags&(flagComplete|flagAnswer) == 0 {
		return
	}
	var lacks []Entry
	var gone []string
	for _, e := range sc.within(msg.from, msg.to) {
		i, found := slices.BinarySearchFunc(msg.list, e.Key,
			func(o Entry, key string) int { return strings.Compare(o.Key, key) })
		switch {
		case found && msg.list[i].Stamp.Before(e.Stamp) || !found && msg.floor.Before(e.Stamp):
			lacks = append(lacks, e)
		case !found && msg.flags&flagComplete != 0:
			gone = append(gone, e.Key)
		}
	}
	for _, key := range gone {
		m.forget(sc, key)
	}
	if msg.flags&flagAnswer == 0 {
		return
	}
	if msg.floor.Before(sc.floor) {
		// The sender may hold what is outdated: it needs to see the whole range.
		m.sendList(sc, from, msg.from, msg.to, slices.Clone(sc.within(msg.from, msg.to)), flagComplete)
	} else if len(lacks) > 0 {
		m.sendList(sc, from, "", "", lacks, 0)
	}
}

// sendList sends entries in as many messages as it takes. With flagComplete they are all of a range.
func (m *Machine) sendList(sc *scope, to node.ID, first, end string, list []Entry, flags byte) {
	for {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+list[n].size() <= pushBytes) {
			size += list[n].size()
			n++
		}
		msg := m.header(msgEntries, sc)
		msg.flags |= flags
		msg.list = list[:n]
		if flags&flagComplete != 0 {
			if msg.from, msg.to = first, end; n < len(list) {
				msg.to = list[n].Key
			}
			first = msg.to
		}
		m.send(to, msg)
		if list = list[n:]; len(list) == 0 {
			return
		}
	}
}

// offer takes an entry if it is newer than what is here. Floor is that of whoever has it.
func (m *Machine) offer(sc *scope, e Entry, floor Stamp) bool {
	if sc.kind == kindHost && (e.Stamp.Host != sc.owner || sc.owner == m.self.Host) {
		return false
	}
	if d := m.ahead(e.Stamp); d > 0 {
		m.refused = Refused{m.refused.Count + 1, d + m.cfg.MaxAhead, e.Stamp.Host}
		return false
	}
	if cur := sc.get(e.Key); cur != nil {
		// What is here and too far ahead is from a time at which our own clock was wrong.
		if !cur.Stamp.Before(e.Stamp) && m.ahead(cur.Stamp) <= 0 {
			return false
		}
	} else if !sc.floor.Before(e.Stamp) && (e.tombstone() || floor.Before(sc.floor)) {
		return false
	}
	m.last = max(m.last, e.Stamp.Time)
	m.put(sc, e)
	return true
}

// push tells others what is new: all who share a resource, a few in a cluster.
func (m *Machine) push() {
	for _, a := range m.asked {
		if sc := m.scope(a.scope); sc != nil {
			m.sendDigest(sc, a.host, 0)
		}
	}
	m.asked = m.asked[:0]
	if len(m.fresh) == 0 {
		return
	}
	slices.SortStableFunc(m.fresh, func(a, b change) int {
		if c := strings.Compare(a.scope, b.scope); c != 0 {
			return c
		}
		return strings.Compare(a.entry.Key, b.entry.Key)
	})
	for i := 0; i < len(m.fresh); {
		j := i + 1
		for j < len(m.fresh) && m.fresh[j].scope == m.fresh[i].scope {
			j++
		}
		if sc := m.scope(m.fresh[i].scope); sc != nil {
			m.pushScope(sc, m.fresh[i:j])
		}
		i = j
	}
	clear(m.fresh)
	m.fresh = m.fresh[:0]
}

func (m *Machine) pushScope(sc *scope, news []change) {
	var to []node.ID
	if peers := m.peers(sc); sc.kind != kindCluster || len(peers) <= m.cfg.Fanout {
		to = slices.Clone(peers)
	} else {
		for len(to) < m.cfg.Fanout {
			if id := peers[m.random.Below(uint64(len(peers)))]; !slices.Contains(to, id) {
				to = append(to, id)
			}
		}
	}
	list := make([]Entry, 0, len(news))
	for i := range news {
		e := news[i].entry
		if n := len(list); n > 0 && list[n-1].Key == e.Key {
			list[n-1] = e // it has changed again
		} else {
			list = append(list, e)
		}
		// Whom it concerns must know, also one that shares the scope no more.
		if id, ok := parseHost(strings.TrimPrefix(e.Key, sharePrefix)); ok && news[i].own &&
			id != m.self.Host && strings.HasPrefix(e.Key, sharePrefix) && !slices.Contains(to, id) {
			to = append(to, id)
		}
	}
	for _, id := range to {
		m.sendList(sc, id, "", "", list, flagRumor)
	}
}
