package scenario

import (
	"errors"
	"fmt"
	"slices"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// calm is the second phase of every run: faults end, hosts are up and joined, and everything has
// to come to rest within the quiet time. Then every sector that was written is read once more,
// so that what was lost is seen by a client.
func (r *runner) calm() error {
	r.quiet, r.calmSince = true, r.world.Now()
	r.timers = nil
	for i := range r.hosts {
		h := &r.hosts[i]
		for to := range h.cut {
			h.cut[to], h.links[to] = false, faults.Link{}
		}
		h.disk = faults.Disk{}
		switch {
		case h.phase == down:
			if err := r.restart(h, -1, ""); err != nil {
				return err
			}
		case h.paused:
			if err := r.resume(h, -1, ""); err != nil {
				return err
			}
		}
	}
	if err := r.controlAll(); err != nil {
		return err
	}
	r.limit = r.world.Now() + node.Time(r.file.Quiet)
	err := r.loop(r.atRest)
	if err != nil && !errors.Is(err, errLimit) {
		return err
	}
	if err != nil {
		return nil // judge sees who has not come to rest, and says so
	}
	return r.readBack()
}

// atRest says whether all operations have ended and every replica is up to date, or has said
// that it cannot be.
func (r *runner) atRest() bool {
	if !r.allUp() {
		return false
	}
	for _, w := range r.loads {
		for i := range w.clients {
			if c := &w.clients[i]; c.busy {
				if r.world.Now()-c.call >= r.opt.World.Timeout {
					w.giveUp(c, r.world.Now())
				}
				return false
			}
		}
	}
	for i := range r.resources {
		rs := &r.resources[i]
		primary := r.primaryOf(rs)
		p := rs.statusOn(primary)
		if !p.known {
			return false
		}
		for m := range rs.members {
			s := &rs.status[m]
			if !isMember(&p.current, rs.members[m]) {
				continue // nobody waits for it
			}
			if s.at <= r.calmSince || !rs.rests(m, p.current.Durable) {
				return false
			}
			if s.current.Group != p.current.Group {
				return false // it may not have heard that it was removed, and added again
			}
			if s.current.CutOff && !p.current.SplitBrain {
				return false // the primary is to hear of it too
			}
			if s.current.Role == replica.RolePrimary && rs.members[m] != primary {
				return false // it has not heard of the newer one yet
			}
		}
	}
	return true
}

// steadyAnswers is how often a replica whose history has left the branch has to say the same, again
// and again, until it is taken to have done what it can: it does not say when that is.
const steadyAnswers = 3

// rests says whether a replica has nothing more to do: it holds all that the primary has
// committed, or as much as its switches let it, or its history has left the branch and it has
// counted what was lost. That it calls itself up to date is not enough: it may not have heard
// of the latest yet.
func (rs *resourceState) rests(m int, committed int64) bool {
	s := &rs.status[m]
	c := &s.current
	if c.Role != replica.RolePrimary && c.Role != replica.RoleSecondary {
		return false
	}
	if c.Inconsistent && !c.SyncOn {
		return s.steady >= steadyAnswers // it can get no further
	}
	if !s.known || c.Synced != c.Applied || c.Applied != c.Durable || c.Durable != c.End {
		return s.known && !c.ReplayOn && c.Synced == c.Applied && c.Durable == c.End
	}
	if c.CutOff {
		return s.steady >= steadyAnswers
	}
	return c.UpToDate && c.Applied == committed || !c.FetchOn
}

// finalReads reads back what was written.
type finalReads struct {
	todo  []finalRead
	next  int // to be submitted
	open  int
	call  []node.Time
	fails int
}

type finalRead struct {
	resource int
	sector   uint64
}

// FinalReader is the number of the client, in a history, that reads everything back at the end.
const FinalReader = 999_999

// finalParallel is how many of the last reads are under way together.
const finalParallel = 16

func (r *runner) readBack() error {
	f := &r.final
	for i := range r.resources {
		name := r.resources[i].res.Name
		var sectors []uint64
		for k := range r.history {
			if op := &r.history[k]; op.Kind == check.Write && op.Resource == name {
				sectors = append(sectors, op.Sector)
			}
		}
		slices.Sort(sectors)
		for _, s := range slices.Compact(sectors) {
			f.todo = append(f.todo, finalRead{i, s})
		}
	}
	f.call = make([]node.Time, len(f.todo))
	r.history = slices.Grow(r.history, len(f.todo))
	r.limit = r.world.Now() + node.Time(r.file.Quiet)
	err := r.loop(func() bool {
		for f.open < finalParallel && f.next < len(f.todo) {
			r.submitFinal(f.next)
			f.next++
			f.open++
		}
		return f.open == 0
	})
	if errors.Is(err, errLimit) {
		return fmt.Errorf("reading back what was written: %d of %d reads were not answered in %v",
			f.open+len(f.todo)-f.next, len(f.todo), r.file.Quiet)
	}
	return err
}

func (r *runner) submitFinal(i int) {
	t := r.final.todo[i]
	r.final.call[i] = r.world.Now()
	r.world.Submit(node.Request{Host: r.primaryOf(&r.resources[t.resource]),
		Machine: uint32(t.resource), Op: node.OpRead, Tag: tagFinal | node.Tag(i),
		Sector: int64(t.sector), N: 1})
}

func (r *runner) finalRead(o *node.Observation) error {
	f := &r.final
	i := int(o.Tag &^ tagMask)
	t := f.todo[i]
	f.open--
	if o.Code != node.OK {
		if f.fails++; f.fails > 100 {
			return fmt.Errorf("reading sector %d back: %v", t.sector, o.Code)
		}
		f.open++
		r.submitFinal(i)
		return nil
	}
	rs := &r.resources[t.resource]
	id, _ := readStamp(o.Data[:rs.geo.Carry], t.sector)
	r.history = append(r.history, check.Op{Client: FinalReader, Kind: check.Read, ID: id,
		Resource: rs.res.Name, Sector: t.sector, Call: int64(f.call[i]), Return: int64(o.At),
		Host: r.file.HostName(o.Host), Epoch: o.Epoch})
	return nil
}
