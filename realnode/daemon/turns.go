package daemon

import (
	"context"
	"sync"

	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/replica"
)

// turns lets the replicas of this host copy their volumes one after another, or as many at a time as
// sync.limit says. The operator's switches are none of its business: who is switched off does not wait.
type turns struct {
	turnMu sync.Mutex
	order  replica.Turns
	says   map[*resource]turnOf // while there is a limit
}

// turnOf is what a replica says of its turn, and at which of its changes.
type turnOf struct {
	replica.TurnOf
	changes uint64
}

// hold lets a replica that has just begun to run wait for its turn, if there are turns. It has done nothing
// yet but to read its log.
func (d *Daemon) hold(r *resource) {
	if d.config().Sync.Limit > 0 {
		tell(r, replica.SyncHeld)
	}
}

// tell tells a replica about its turn. Nobody waits for the answer.
func tell(r *resource, turn int64) {
	r.unit.Submit(make(waiter, 1), engine.Request{Op: replica.OpSyncTurn, N: turn})
}

// noteTurn takes what a replica has said, and lets go on who may. What it has said before it said
// something else is out of date.
func (d *Daemon) noteTurn(ctx context.Context, r *resource, st replica.Status) {
	limit := d.config().Sync.Limit
	if limit == 0 {
		return
	}
	d.turnMu.Lock()
	defer d.turnMu.Unlock()
	d.note(r, st)
	d.giveTurns(ctx, limit)
}

func (d *Daemon) note(r *resource, st replica.Status) {
	if d.says == nil {
		d.says = make(map[*resource]turnOf)
	}
	if st.Changes >= d.says[r].changes {
		d.says[r] = turnOf{replica.TurnOf{Number: r.unit.Number(), Waits: st.SyncWaits,
			Has: st.SyncTurn}, st.Changes}
	}
}

// giveTurns lets go on who may. It is called with turnMu held.
func (d *Daemon) giveTurns(ctx context.Context, limit int) {
	list := make([]replica.TurnOf, 0, len(d.says))
	by := make(map[uint32]*resource)
	for r, t := range d.says {
		list = append(list, t.TurnOf)
		by[t.Number] = r
	}
	for _, number := range d.order.Next(limit, list) {
		r := by[number]
		d.tasks.Go(func() { d.giveTurn(ctx, r) })
	}
}

// giveTurn gives a replica its turn, and counts it until the replica has said what it makes of it.
func (d *Daemon) giveTurn(ctx context.Context, r *resource) {
	_, err := r.ask(ctx, replica.OpSyncTurn, replica.SyncGiven, nil)
	var st replica.Status
	if err == nil {
		st, err = r.fresh(ctx)
	}
	d.turnMu.Lock()
	defer d.turnMu.Unlock()
	d.order.Answered(r.unit.Number())
	limit := d.config().Sync.Limit
	switch {
	case limit == 0: // meanwhile
		tell(r, replica.SyncFree)
		return
	case err != nil: // it has ended
		delete(d.says, r)
	default:
		d.log.Debug("turn to copy", "resource", r.def.Name, "copies", st.SyncTurn)
		d.note(r, st)
	}
	if ctx.Err() == nil {
		d.giveTurns(ctx, limit)
	}
}

// forgetTurn lets others go on where a replica has ended.
func (d *Daemon) forgetTurn(r *resource) {
	d.turnMu.Lock()
	defer d.turnMu.Unlock()
	delete(d.says, r)
	if limit := d.config().Sync.Limit; limit > 0 {
		d.giveTurns(d.life, limit)
	}
}

// limitSyncs puts a changed limit into force. Copies that go on beyond a lower one end in their time; where
// there was none, all have to wait for a turn first.
func (d *Daemon) limitSyncs(before, now int) {
	switch {
	case before == now:
		return
	case now == 0:
		d.turnMu.Lock()
		clear(d.says)
		d.turnMu.Unlock()
		for _, r := range d.list() {
			tell(r, replica.SyncFree)
		}
		return
	case before == 0:
		for _, r := range d.list() {
			tell(r, replica.SyncHeld)
			st, err := r.fresh(d.life)
			if err != nil {
				continue // it has ended
			}
			d.noteTurn(d.life, r, st)
		}
	}
	d.turnMu.Lock()
	defer d.turnMu.Unlock()
	d.giveTurns(d.life, now)
}

// copies counts the replicas of this host that copy, and those that wait for their turn.
func (d *Daemon) copies() (copying, waiting int) {
	for _, r := range d.list() {
		switch st, _ := r.current(); {
		case st.SyncWaits:
			waiting++
		case st.SyncTurn, d.config().Sync.Limit == 0 && st.Inconsistent && st.SyncOn:
			copying++
		}
	}
	return copying, waiting
}
