package daemon

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// goal is a state that one can wait for.
type goal struct {
	Word
	reached func(v *View) bool
}

// goals are those of a volume.
var goals = []goal{
	{Word{"primary", "this host is primary and serves"}, isPrimary},
	{Word{"secondary", "this host is secondary"}, func(v *View) bool { return v.Role == "Secondary" }},
	{Word{"consistent", "no copy of the volume is under way: it can be used, though it may be old"},
		func(v *View) bool { return !v.Inconsistent }},
	{Word{"up-to-date", "everything that is known to be committed is on the volume here"},
		func(v *View) bool { return v.UpToDate }},
	{Word{"replayed", "everything that was fetched is on the volume here"},
		func(v *View) bool { return v.Unapplied == 0 }},
	{Word{"closed", "nobody uses the volume here"}, func(v *View) bool { return v.Open == 0 }},
	{Word{"primary-on", "as `primary`"}, isPrimary},
	{Word{"primary-off", "this host is not primary"}, not(isPrimary)},
	{Word{"fetch-on", "fetching is switched on"}, fetches},
	{Word{"fetch-off", "fetching is switched off"}, not(fetches)},
	{Word{"replay-on", "replay is switched on"}, replays},
	{Word{"replay-off", "replay is switched off"}, not(replays)},
	{Word{"sync-on", "copying is switched on"}, syncs},
	{Word{"sync-off", "copying is switched off"}, not(syncs)},
	{Word{"attach-on", "the volume is a block device of this host"}, isAttached},
	{Word{"attach-off", "it is none"}, not(isAttached)},
}

func isPrimary(v *View) bool { return v.Role == "Primary" }

func fetches(v *View) bool { return v.FetchOn }

func replays(v *View) bool { return v.ReplayOn }

func syncs(v *View) bool { return v.SyncOn }

func isAttached(v *View) bool { return v.Attached != "" }

func not(f func(*View) bool) func(*View) bool { return func(v *View) bool { return !f(v) } }

// Goals are the names of what one can wait for, with their meanings.
func Goals() (list []Word) {
	for _, g := range goals {
		list = append(list, g.Word)
	}
	return list
}

// Connected is what one can wait for at a host: it is connected to all its peers.
const Connected = "connected"

func (d *Daemon) postWait(r *resource, req *http.Request) (any, error) {
	w, err := parse[Wait](req)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(goals, func(g goal) bool { return g.Name == w.For })
	if i < 0 {
		return nil, refuse(http.StatusBadRequest, "cannot wait for %q", w.For)
	}
	for {
		_, changed := r.current()
		st, err := r.fresh(req.Context())
		if err != nil {
			return nil, err
		}
		v := d.view(r, st)
		if goals[i].reached(&v) {
			return v, nil
		}
		// Positions move without being told, so look again now and then in any case.
		if err := d.pause(req.Context(), changed); err != nil {
			return nil, err
		}
	}
}

// postWaitHost waits for the host itself. Nobody tells when a peer connects.
func (d *Daemon) postWaitHost(req *http.Request) (any, error) {
	w, err := parse[Wait](req)
	if err != nil {
		return nil, err
	}
	if w.For != Connected {
		return nil, refuse(http.StatusBadRequest, "cannot wait for %q", w.For)
	}
	for {
		v := d.hostView()
		if v.Apart() == nil {
			return v, nil
		}
		if err := d.pause(req.Context(), nil); err != nil {
			return nil, err
		}
	}
}

// pause waits until something has changed or some time has passed.
func (d *Daemon) pause(ctx context.Context, changed <-chan struct{}) error {
	t := time.NewTimer(waitStep)
	defer t.Stop()
	select {
	case <-changed:
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// waitStep is how often positions are looked at.
const waitStep = 50 * time.Millisecond
