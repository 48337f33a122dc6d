package scenario

import (
	"fmt"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// span is a time in which something was so, the ends included; empty if it ends before it begins.
type span struct{ from, to node.Time }

func (s span) has(t node.Time) bool { return s.from <= t && t <= s.to }

// noteTurn notes for how long a replica is known to have had its turn to copy, and lets the next ones have
// theirs. An answer is of some time between the question and its arrival; so two of them, with no change
// between, prove it from the arrival of the first to the question of the second.
func (r *runner) noteTurn(resource, member int, before *statusOf) {
	rs := &r.resources[resource]
	s := &rs.status[member]
	h := r.host(rs.members[member])
	limit := r.file.Hosts[h.id-1].SyncLimit
	if limit == 0 {
		return
	}
	switch was := &before.current; {
	case !s.current.SyncTurn:
		s.turn = span{0, -1}
	case before.known && was.SyncTurn && was.Changes == s.current.Changes:
		s.turn = span{before.turn.from, s.sent}
	default:
		s.turn = span{s.at, s.sent}
	}
	h.most = max(h.most, r.copying(h.id))
	if !r.opt.World.Turns {
		if s.turned > 0 && s.sent >= s.turned {
			h.turns.Answered(uint32(resource))
			s.turned = 0
		}
		r.giveTurns(h, limit)
	}
}

// copying is how many replicas of a host are known to have had their turn at one time, of those that have it
// now.
func (r *runner) copying(id node.ID) (most int) {
	var spans []span
	for i := range r.resources {
		if s := r.resources[i].statusOn(id); s.known && s.current.SyncTurn {
			spans = append(spans, s.turn)
		}
	}
	for _, at := range spans { // the most are together where one of them begins
		n := 0
		for _, s := range spans {
			if s.has(at.from) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// holdCopies lets the replicas of a host that has come up wait for their turns.
func (r *runner) holdCopies(h *hostState) {
	if r.opt.World.Turns || r.file.Hosts[h.id-1].SyncLimit == 0 {
		return
	}
	h.turns = replica.Turns{}
	for i := range r.resources {
		for _, id := range r.resources[i].members {
			if id == h.id {
				r.tellTurn(h, i, replica.SyncHeld)
			}
		}
	}
}

func (r *runner) tellTurn(h *hostState, resource int, turn int64) {
	r.world.Submit(node.Request{Host: h.id, Machine: uint32(resource), Op: replica.OpSyncTurn, N: turn,
		Tag: tagTurn | node.Tag(h.starts&0xffff)<<32 | node.Tag(resource)<<16 | node.Tag(turn)})
}

// giveTurns lets go on who may.
func (r *runner) giveTurns(h *hostState, limit int) {
	var list []replica.TurnOf
	for i := range r.resources {
		if s := r.resources[i].statusOn(h.id); s.known {
			list = append(list, replica.TurnOf{Number: uint32(i), Waits: s.current.SyncWaits,
				Has: s.current.SyncTurn})
		}
	}
	for _, n := range h.turns.Next(limit, list) {
		r.tellTurn(h, int(n), replica.SyncGiven)
	}
}

// turnTaken notes that a replica knows of its turn: what it says from now on counts.
func (r *runner) turnTaken(o *node.Observation) {
	if uint64(o.Tag>>32&0xffff) != r.host(o.Host).starts&0xffff || o.Tag&0xffff != replica.SyncGiven {
		return // a former incarnation, or that it is held
	}
	rs := &r.resources[o.Tag>>16&0xffff]
	for m := range rs.members {
		if rs.members[m] == o.Host {
			rs.status[m].turned = r.world.Now()
		}
	}
}

// judgeCopies checks that no host has copied more at a time than it may.
func (r *runner) judgeCopies() {
	if !r.wants(checkSyncLimit) {
		return
	}
	for i := range r.hosts {
		limit := r.file.Hosts[i].SyncLimit
		switch most := r.hosts[i].most; {
		case limit == 0:
		case most > limit:
			r.violated(checkSyncLimit, "%d replicas on %s copied at a time, %d may", most,
				r.file.Hosts[i].Name, limit)
		default:
			r.add(check.Result{Check: checkSyncLimit, Verdict: check.OK,
				Note: fmt.Sprintf("at most %d at a time on %s", most, r.file.Hosts[i].Name)})
		}
	}
}
