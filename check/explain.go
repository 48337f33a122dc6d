package check

import (
	"cmp"
	"fmt"
	"slices"
)

// explain turns a conflict into a counterexample.
func (z *zones) explain(c conflict) Violation {
	if c.b != nil {
		return z.explainPair(c.a, c.b)
	}
	a := c.a
	where := place(z.regs[a.reg].resource, z.regs[a.reg].sector)
	if a.write == noOp {
		return Violation{
			Summary: fmt.Sprintf("%s: a client read #%d, a value that nobody wrote", where, a.id),
			Ops:     []Op{z.h[a.first]},
			Why:     []string{fmt.Sprintf("no write of #%d to %s was ever called", a.id, where)},
		}
	}
	w := &z.h[a.write]
	if a.first == noOp {
		return Violation{
			Summary: fmt.Sprintf("%s: #%d was read although its write was cut off", where, a.id),
			Ops:     z.pick(a.write, a.last),
			Why: []string{fmt.Sprintf("the write had to take effect by %s, or never, "+
				"but was only called at %s", nanos(a.f), nanos(w.Call))},
		}
	}
	read := &z.h[a.first]
	return Violation{
		Summary: fmt.Sprintf("%s: #%d was read before it was written", where, a.id),
		Ops:     z.pick(a.write, a.first),
		Why: []string{fmt.Sprintf("%s returned at %s, before the write was called at %s",
			read.short(), nanos(read.Return), nanos(w.Call))},
	}
}

// explainPair shows two values each of which was in the sector before the other one left it.
// It holds for both sorts of conflict: that a.f < b.s and that b.f < a.s.
func (z *zones) explainPair(a, b *cluster) Violation {
	where := place(z.regs[a.reg].resource, z.regs[a.reg].sector)
	v := Violation{
		Summary: fmt.Sprintf("%s: #%d and #%d each had to come before the other",
			where, a.id, b.id),
		Ops: z.pick(a.write, a.first, a.last, b.write, b.first, b.last),
		Why: []string{
			z.precedes(a, b),
			z.precedes(b, a),
			"every value is written once, so it stays for one unbroken time: " +
				"one of the two must be gone before the other comes",
		},
	}
	for _, p := range [][2]*cluster{{a, b}, {b, a}} {
		if r := z.staleRead(p[0], p[1]); r != nil {
			v.Summary = fmt.Sprintf("%s: %s is stale, #%d had replaced it",
				where, r.short(), p[1].id)
		}
	}
	return v
}

// precedes says that the newer value was still in use after the older one had come.
func (z *zones) precedes(older, newer *cluster) string {
	end := fmt.Sprintf("#%d was there before the run", older.id)
	switch {
	case older.first != noOp:
		op := &z.h[older.first]
		end = fmt.Sprintf("%s returned at %s", op.short(), nanos(op.Return))
	case older.id != 0:
		end = fmt.Sprintf("#%d was read, so its write took effect by its deadline at %s",
			older.id, nanos(older.f))
	}
	begin := &z.h[newer.last]
	return fmt.Sprintf("%s, before %s was called at %s, so #%d came before #%d left",
		end, begin.short(), nanos(begin.Call), older.id, newer.id)
}

// staleRead returns the read that makes the conflict the plain one: older was acknowledged,
// then newer was written and acknowledged, then older was read. Otherwise it returns nil.
func (z *zones) staleRead(older, newer *cluster) *Op {
	if newer.write == noOp || z.h[newer.write].Unknown || z.h[older.last].Kind != Read {
		return nil
	}
	w, r := &z.h[newer.write], &z.h[older.last]
	if older.f < w.Call && w.Return < r.Call {
		return r
	}
	return nil
}

// pick copies the operations, each once, by time of call.
func (z *zones) pick(ops ...int32) []Op {
	ops = slices.DeleteFunc(ops, func(i int32) bool { return i == noOp })
	slices.SortFunc(ops, byTime(z.h))
	ops = slices.Compact(ops)
	out := make([]Op, len(ops))
	for i, op := range ops {
		out[i] = z.h[op]
	}
	return out
}

// byTime compares operations of one history by call, then by place in the history.
func byTime(h History) func(i, j int32) int {
	return func(i, j int32) int {
		return cmp.Or(cmp.Compare(h[i].Call, h[j].Call), cmp.Compare(i, j))
	}
}
