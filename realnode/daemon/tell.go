package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// One goroutine tells the cluster what there is to tell of this host and its replicas. It writes a
// key only if its value has changed, and then not more often than tellEvery; positions in the log,
// which change all the time, are looked at each lookEvery, if there was I/O at all. So a hundred
// volumes at rest cost a look at their counters.
const (
	tellEvery  = time.Second
	lookEvery  = 5 * time.Second
	aliveEvery = 10 * time.Second
	tellMost   = time.Minute // between attempts to tell what was refused
)

// Keys that this host writes: in its own scope, that it is alive, with its version; in the scope of a
// resource, state/ID, what its replica says.
const (
	aliveKey    = "alive"
	statePrefix = "state/"
)

func stateKey(id node.ID) string { return statePrefix + strconv.FormatUint(uint64(id), 10) }

// Told is what a member tells the others of its replica.
type Told struct {
	Role         string `json:"role"`
	Primary      string `json:"primary"`
	Epoch        uint64 `json:"epoch"`
	Durable      int64  `json:"durable"` // positions in the log, bytes
	Applied      int64  `json:"applied"`
	UpToDate     bool   `json:"up_to_date,omitempty"`
	Inconsistent bool   `json:"inconsistent,omitempty"`
	SplitBrain   bool   `json:"split_brain,omitempty"`
}

// teller is what was told of a resource.
type teller struct {
	value   string // that is known to be in the scope
	changes uint64 // of the status, and writes, that it is about
	writes  uint64
	settled bool // those who share the scope are those who should
	again   time.Time
	wait    time.Duration
}

// tell tells until the daemon stops.
func (d *Daemon) tell(ctx context.Context) {
	told := make(map[*resource]*teller)
	var alive time.Time
	end, lone := true, make(map[string]bool)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if time.Since(alive) >= aliveEvery-lookEvery/2 {
			d.tellAlive(ctx)
			alive, end = time.Now(), true
		}
		if gone := d.tellAll(ctx, told); gone || end {
			end = !d.endShares(ctx, lone)
		}
		select {
		case <-time.After(tellEvery):
		case <-ctx.Done():
			return
		}
		select {
		case <-look.C:
		case <-d.metadata.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (d *Daemon) tellAlive(ctx context.Context) {
	id := node.ID(d.config().Host.ID)
	d.tried(ctx, "alive", CatalogQuestion{Verb: CatalogSet, Scope: hostScope(id), Key: aliveKey,
		Value: d.opt.Version})
}

// tried asks the metadata for a change, and says whether it was made.
func (d *Daemon) tried(ctx context.Context, what string, q CatalogQuestion) bool {
	_, err := d.question(ctx, q)
	if err != nil {
		d.log.Debug("metadata not changed", "what", what, "scope", q.Scope, "error", err)
	}
	return err == nil
}

// tellAll tells what has changed, and says whether a resource has gone.
func (d *Daemon) tellAll(ctx context.Context, told map[*resource]*teller) (gone bool) {
	// What a witness could say, members say, too.
	list := slices.DeleteFunc(slices.Clone(d.list()), func(r *resource) bool { return r.def.votes() })
	for _, r := range list {
		t := told[r]
		if t == nil {
			t = &teller{}
			told[r] = t
		}
		t.tell(ctx, d, r)
	}
	if len(told) > len(list) {
		maps.DeleteFunc(told, func(r *resource, _ *teller) bool { return !slices.Contains(list, r) })
		gone = true
	}
	return gone
}

// tell tells what has changed of a resource.
func (t *teller) tell(ctx context.Context, d *Daemon, r *resource) {
	seen, _ := r.current()
	var writes uint64
	for _, m := range r.metrics {
		writes += m.Writes.Count()
	}
	changed := seen.Changes != t.changes || writes != t.writes
	if seen.Changes == 0 || !changed && (t.settled || time.Now().Before(t.again)) {
		return
	}
	st, err := r.fresh(ctx)
	if err != nil {
		return // it is being stopped
	}
	if seen.Changes != t.changes || !t.settled {
		t.settled = d.settleShares(ctx, r.def.Name, st)
	}
	// A scope that this host does not write yet is tried again, with what is there then.
	if t.settled {
		t.settled = t.state(ctx, d, r, st)
	}
	t.changes, t.writes = seen.Changes, writes
	if t.wait = min(max(2*t.wait, tellEvery), tellMost); t.settled {
		t.wait = 0
	}
	t.again = time.Now().Add(t.wait)
}

// state sets the key of this host in the scope of a resource.
func (t *teller) state(ctx context.Context, d *Daemon, r *resource, st replica.Status) bool {
	value, err := json.Marshal(Told{Role: st.Role.String(), Primary: d.nameOf(st.Primary), Epoch: st.Epoch,
		Durable: st.Durable, Applied: st.Applied, UpToDate: st.UpToDate, Inconsistent: st.Inconsistent,
		SplitBrain: st.SplitBrain})
	if err != nil || string(value) == t.value {
		return err == nil
	}
	if !d.tried(ctx, "state", CatalogQuestion{Verb: CatalogSet, Scope: resourceScope(r.def.Name),
		Key: stateKey(node.ID(d.config().Host.ID)), Value: string(value)}) {
		return false
	}
	t.value = string(value)
	return true
}

// settleShares lets the members of a resource be those who share its scope, as far as that is this
// host's to do, and says whether nothing is left to be done. The primary decides, or the member with
// the lowest number if there is none: two who made the scope at once would not know of each other.
func (d *Daemon) settleShares(ctx context.Context, name string, st replica.Status) bool {
	me, scope := node.ID(d.config().Host.ID), resourceScope(name)
	isMember := func(id node.ID) bool {
		return slices.ContainsFunc(st.Members, func(a node.Addr) bool { return a.Host == id })
	}
	decides := st.Primary == me
	if st.Primary == 0 {
		decides = isMember(me) && !slices.ContainsFunc(st.Members, func(a node.Addr) bool {
			return a.Host < me
		})
	}
	l, err := d.listing(ctx, scope)
	if err != nil {
		return false
	}
	member := func(id node.ID) bool {
		return d.tried(ctx, "member", CatalogQuestion{Verb: CatalogMember, Host: id, Scope: scope})
	}
	if !l.member(me) && (!decides || !member(me)) {
		return false // another member makes it, or makes this host one
	}
	done := true
	for _, a := range st.Members {
		// The primary may be without the scope, if its data folder was lost.
		if a.Host != me && (decides || a.Host == st.Primary) && !l.member(a.Host) {
			done = member(a.Host) && done
		}
	}
	for _, s := range l.Shares {
		if decides && !s.Guest && s.Host != me && !isMember(s.Host) {
			d.tried(ctx, "state", CatalogQuestion{Verb: CatalogDelete, Scope: scope, Key: stateKey(s.Host)})
			done = d.tried(ctx, "unshare", CatalogQuestion{Verb: CatalogUnshare, Host: s.Host,
				Scope: scope}) && done
		}
	}
	return done
}

// endShares ends the shares of resources that are here no more, and says whether it could. A crash
// may have come between the end of a replica and that of its share; or a primary that had not heard of it yet
// has made this host a member once more, and then went itself. So it is done again and again. A guest
// ends its share when it has found no member two times: those who went at the same time took each other for
// who goes last. Lone are the scopes in which it has found none the last time.
func (d *Daemon) endShares(ctx context.Context, lone map[string]bool) bool {
	p, err := d.catalogReport(ctx)
	if err != nil {
		return false
	}
	me := node.ID(d.config().Host.ID)
	for _, name := range p.Resources {
		if d.vacant(name) != nil {
			continue
		}
		scope := resourceScope(name)
		l, err := d.listing(ctx, scope)
		if err != nil {
			return false
		}
		if d.isUnderWay(name) || d.vacant(name) != nil {
			continue // a replica is being made, and the share was made for it
		}
		member := slices.ContainsFunc(l.Shares, func(s CatalogShare) bool { return !s.Guest })
		if l.member(me) || !member && lone[scope] {
			d.endShare(ctx, me, scope, &l)
		}
		if s, shares := l.share(me); shares && s.Guest && !member {
			lone[scope] = true
		} else {
			delete(lone, scope)
		}
	}
	return true
}

// endShare ends this host's share of a resource. The last member takes the guests along.
func (d *Daemon) endShare(ctx context.Context, me node.ID, scope string, l *CatalogListing) {
	last := !slices.ContainsFunc(l.Shares, func(s CatalogShare) bool { return !s.Guest && s.Host != me })
	for _, s := range l.Shares {
		if last && s.Guest {
			d.tried(ctx, "unshare", CatalogQuestion{Verb: CatalogUnshare, Host: s.Host, Scope: scope})
		}
	}
	d.tried(ctx, "state", CatalogQuestion{Verb: CatalogDelete, Scope: scope, Key: stateKey(me)})
	d.tried(ctx, "unshare", CatalogQuestion{Verb: CatalogUnshare, Host: me, Scope: scope})
}

// toldBy are the states in a scope, by host.
func toldBy(l *CatalogListing) map[node.ID]CatalogKey {
	states := make(map[node.ID]CatalogKey)
	for _, k := range l.Keys {
		text, is := strings.CutPrefix(k.Key, statePrefix)
		if id, err := strconv.ParseUint(text, 10, 32); is && err == nil {
			states[node.ID(id)] = k
		}
	}
	return states
}
