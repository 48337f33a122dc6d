package check

import (
	"math/rand/v2"
	"slices"
)

// tinyHistory draws everything at random from small ranges, so that ties, reads from the
// future and reads of nothing are common.
func tinyHistory(r *rand.Rand) History {
	n := 1 + r.IntN(8)
	span := int64(4 + r.IntN(20))
	h := make(History, n)
	next := make(map[uint64]uint64)
	for i := range h {
		op := Op{Client: i, Sector: r.Uint64N(2), Call: r.Int64N(span)}
		op.Return = op.Call + r.Int64N(span/2)
		op.Unknown = r.IntN(8) == 0
		if r.IntN(2) == 0 {
			next[op.Sector]++
			op.Kind, op.ID = Write, next[op.Sector]
		}
		h[i] = op
	}
	for i := range h {
		if h[i].Kind == Read {
			h[i].ID = r.Uint64N(next[h[i].Sector] + 1)
			if r.IntN(50) == 0 {
				h[i].ID = 99
			}
		}
	}
	return h
}

// loop describes a history of clients that each wait for one answer before they ask again.
type loop struct {
	clients, ops int
	sectors      uint64
	unknown      float64 // fraction of operations without an answer
	idStep       uint64  // distance of ids: 1 makes them dense
}

// closedLoop draws a linearizable history: each operation takes effect at one instant within
// its interval, in the order of those instants.
func closedLoop(r *rand.Rand, l loop) History {
	type pending struct {
		op Op
		at int64 // when it takes effect; maxTime: never
	}
	ops := make([]pending, 0, l.ops)
	free := make([]int64, l.clients)
	id := uint64(0)
	for len(ops) < l.ops {
		c := slices.Index(free, slices.Min(free))
		op := Op{Client: c, Sector: r.Uint64N(l.sectors)}
		op.Call = free[c] + r.Int64N(20)
		op.Return = op.Call + 1 + r.Int64N(40)
		at := op.Call + r.Int64N(op.Return-op.Call+1)
		if r.IntN(2) == 0 {
			id += l.idStep
			op.Kind, op.ID = Write, id
		}
		if op.Unknown = r.Float64() < l.unknown; op.Unknown {
			if at = op.Call + r.Int64N(200); r.IntN(2) == 0 {
				at = maxTime
			}
		}
		free[c] = op.Return
		if op.Unknown {
			op.Return = 0
		}
		ops = append(ops, pending{op, at})
	}
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return int(min(1, max(-1, ops[i].at-ops[j].at)))
	})
	held := make(map[uint64]uint64)
	for _, i := range order {
		op := &ops[i].op
		switch {
		case op.Kind == Read && !op.Unknown:
			op.ID = held[op.Sector]
		case op.Kind == Write && ops[i].at != maxTime:
			held[op.Sector] = op.ID
		}
	}
	h := make(History, len(ops))
	for i := range ops {
		h[i] = ops[i].op
	}
	return h
}

// corrupt lets one read return what another operation of its sector wrote or read.
func corrupt(r *rand.Rand, h History) {
	for range 20 {
		i, j := r.IntN(len(h)), r.IntN(len(h))
		if h[i].Kind == Read && h[i].Sector == h[j].Sector && h[i].ID != h[j].ID {
			h[i].ID = h[j].ID
			return
		}
	}
}

// stale lets some reads return what the sector held a while ago.
func stale(r *rand.Rand, h History) {
	for i := range h {
		if h[i].Kind != Read || h[i].Unknown || r.IntN(4) != 0 {
			continue
		}
		at := h[i].Call - r.Int64N(60)
		h[i].ID = 0
		best := int64(-1)
		for j := range h {
			w := &h[j]
			if w.Kind == Write && !w.Unknown && w.Sector == h[i].Sector && w.Return <= at &&
				w.Return > best {
				best, h[i].ID = w.Return, w.ID
			}
		}
	}
}

// randomHistory draws one history of any sort; n selects the sort in turn.
func randomHistory(r *rand.Rand, n int) (h History, sort string) {
	if n%5 < 2 {
		return tinyHistory(r), "tiny"
	}
	l := loop{clients: 2 + r.IntN(4), ops: 4 + r.IntN(20), sectors: 1 + r.Uint64N(3), idStep: 1}
	if r.IntN(2) == 0 {
		l.unknown = 0.1
	}
	if r.IntN(4) == 0 {
		l.idStep = 0x0123456789abcdef
	}
	h = closedLoop(r, l)
	switch n % 5 {
	case 2:
		return h, "closed loop"
	case 3:
		corrupt(r, h)
		return h, "corrupted"
	}
	stale(r, h)
	return h, "stale"
}
