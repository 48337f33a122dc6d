package catalog

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
)

// UUID names a cluster.
type UUID [16]byte

func (u UUID) String() string { return hex.EncodeToString(u[:]) }

// The names of scopes.
const (
	clusterPrefix  = "cluster/"
	resourcePrefix = "resource/"
	hostPrefix     = "host/"
)

// Cluster is the scope of a cluster.
func Cluster(u UUID) string { return clusterPrefix + u.String() }

// Resource is the scope of a resource.
func Resource(name string) string { return resourcePrefix + name }

// Host is the scope of what a host says of itself.
func Host(id node.ID) string { return hostPrefix + strconv.FormatUint(uint64(id), 10) }

// Keys with a meaning for the catalog itself. A share is who shares a scope; near, what a host
// shares and with whom; with, another cluster that this one has been merged with.
const (
	sharePrefix = "share/"
	nearPrefix  = "near/"
	withPrefix  = "with/"
)

func shareKey(id node.ID) string { return sharePrefix + strconv.FormatUint(uint64(id), 10) }
func nearKey(id node.ID) string  { return nearPrefix + strconv.FormatUint(uint64(id), 10) }

// Roles of those who share a resource.
const (
	roleMember = "member"
	roleGuest  = "guest"
)

// Entry is one key of a scope.
type Entry struct {
	Key, Value string
	Stamp      Stamp
	Deleted    bool // a tombstone; Value is empty but where a host is moved to another cluster
}

// tombstone says whether the entry is a deletion that can be forgotten. One that says where a host
// has moved is kept as if it were live: the host may ask late.
func (e *Entry) tombstone() bool { return e.Deleted && e.Value == "" }

// size is what an entry takes in a message, at most.
func (e *Entry) size() int { return len(e.Key) + len(e.Value) + 24 }

// hash is what an entry adds to the digest of its scope.
func (e *Entry) hash() uint64 {
	h := hashString(0, e.Key)
	h = hashString(h, e.Value)
	return node.Hash(node.Hash(h, uint64(e.Stamp.Time)), uint64(e.Stamp.Host))
}

func hashString(h uint64, s string) uint64 {
	const prime = 0x9fb21c651e98df25
	h = node.Hash(h, uint64(len(s)))
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * prime
		h ^= h >> 29
	}
	return h
}

// digest stands for a set of entries: the sums of their hashes, live ones and tombstones apart.
type digest struct{ live, dead uint64 }

func (d *digest) add(e *Entry) {
	if e.tombstone() {
		d.dead += e.hash()
	} else {
		d.live += e.hash()
	}
}

func (d *digest) remove(e *Entry) {
	if e.tombstone() {
		d.dead -= e.hash()
	} else {
		d.live -= e.hash()
	}
}

// report is what another host has said it has.
type report struct {
	digest
	floor Stamp
}

type kind uint8

const (
	kindCluster kind = iota + 1
	kindResource
	kindHost
)

// sharer is one share entry.
type sharer struct {
	host  node.ID
	guest bool
}

// scope is what this host has of a scope.
type scope struct {
	name  string
	kind  kind
	owner node.ID // kindHost
	list  []Entry // by key
	digest
	tombs   int
	floor   Stamp
	changes uint64             // within this incarnation, from 1
	sharers []sharer           // see shared
	stale   bool               // sharers are not what the entries say
	contact node.ID            // somebody to ask as long as nobody else is known; 0: none
	reports map[node.ID]report // the newest of each host; never ranged over
	turn    uint64             // whose turn it is in the next round
}

// parseScope makes an empty scope with this name.
func parseScope(name string) (*scope, error) {
	sc := &scope{name: name, changes: 1, reports: make(map[node.ID]report)}
	bad := fmt.Errorf("scope %q: expected cluster/UUID, resource/NAME or host/NUMBER", name)
	top, rest, _ := strings.Cut(name, "/")
	switch top + "/" {
	case clusterPrefix:
		if _, err := parseUUID(rest); err != nil {
			return nil, bad
		}
		sc.kind = kindCluster
	case resourcePrefix:
		if rest == "" || len(rest) > maxName {
			return nil, bad
		}
		sc.kind = kindResource
	case hostPrefix:
		id, ok := parseHost(rest)
		if !ok {
			return nil, bad
		}
		sc.kind, sc.owner = kindHost, id
	default:
		return nil, bad
	}
	return sc, nil
}

func parseUUID(text string) (u UUID, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(u) || text != strings.ToLower(text) {
		return u, fmt.Errorf("uuid %q: expected 32 hexadecimal digits", text)
	}
	copy(u[:], b)
	return u, nil
}

// parseHost reads a number in its one form: without zeros in front.
func parseHost(text string) (node.ID, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return node.ID(n), err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}

func (sc *scope) find(key string) (int, bool) {
	return slices.BinarySearchFunc(sc.list, key, func(e Entry, key string) int {
		return strings.Compare(e.Key, key)
	})
}

// get returns the entry of a key, which may be a tombstone, or nil. It is valid until the next change.
func (sc *scope) get(key string) *Entry {
	if i, ok := sc.find(key); ok {
		return &sc.list[i]
	}
	return nil
}

// value returns the value of a key that is not deleted.
func (sc *scope) value(key string) (string, bool) {
	e := sc.get(key)
	if e == nil || e.Deleted {
		return "", false
	}
	return e.Value, true
}

// put makes e the entry of its key.
func (sc *scope) put(e Entry) {
	i, ok := sc.find(e.Key)
	if ok {
		sc.forgotten(&sc.list[i])
		sc.list[i] = e
	} else {
		sc.list = slices.Insert(sc.list, i, e)
	}
	sc.digest.add(&e)
	if e.tombstone() {
		sc.tombs++
	}
	sc.changed(e.Key)
}

// forget removes a key as if it had never been.
func (sc *scope) forget(key string) {
	if i, ok := sc.find(key); ok {
		sc.forgotten(&sc.list[i])
		sc.list = slices.Delete(sc.list, i, i+1)
		sc.changed(key)
	}
}

func (sc *scope) forgotten(e *Entry) {
	sc.digest.remove(e)
	if e.tombstone() {
		sc.tombs--
	}
}

// raise sets the floor, and forgets the tombstones up to it.
func (sc *scope) raise(floor Stamp) {
	sc.floor = floor
	sc.list = slices.DeleteFunc(sc.list, func(e Entry) bool {
		old := e.tombstone() && !floor.Before(e.Stamp)
		if old {
			sc.forgotten(&e)
		}
		return old
	})
}

func (sc *scope) changed(key string) {
	sc.changes++
	if strings.HasPrefix(key, sharePrefix) {
		sc.stale = true
	}
}

// shared are those who share the scope as its entries say, by number of the host.
func (sc *scope) shared() []sharer {
	if !sc.stale {
		return sc.sharers
	}
	sc.stale, sc.sharers = false, sc.sharers[:0]
	for _, e := range sc.prefixed(sharePrefix) {
		if id, ok := parseHost(e.Key[len(sharePrefix):]); ok && !e.Deleted {
			sc.sharers = append(sc.sharers, sharer{id, e.Value == roleGuest && sc.kind == kindResource})
		}
	}
	slices.SortFunc(sc.sharers, func(a, b sharer) int { return cmp.Compare(a.host, b.host) })
	return sc.sharers
}

// sharer says whether a host shares the scope, and may write it.
func (sc *scope) sharer(id node.ID) (shares, writes bool) {
	for _, s := range sc.shared() {
		if s.host == id {
			return true, !s.guest
		}
	}
	return false, false
}

// prefixed returns the entries whose keys begin with prefix, tombstones included.
func (sc *scope) prefixed(prefix string) []Entry {
	from, _ := sc.find(prefix)
	to := from
	for to < len(sc.list) && strings.HasPrefix(sc.list[to].Key, prefix) {
		to++
	}
	return sc.list[from:to]
}

// within returns the entries from a key to another one, which is excluded. An empty end is the end
// of all keys.
func (sc *scope) within(from, to string) []Entry {
	i, _ := sc.find(from)
	j := len(sc.list)
	if to != "" {
		j, _ = sc.find(to)
	}
	return sc.list[i:max(i, j)]
}

func digestOf(list []Entry) (d digest) {
	for i := range list {
		d.add(&list[i])
	}
	return d
}
