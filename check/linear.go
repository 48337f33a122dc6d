package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

const (
	minTime = math.MinInt64 // before every operation
	maxTime = math.MaxInt64 // after every operation

	nameLinearizable = "linearizable"
)

// LinOptions tells [Linearizable] how long a write without an answer may still take effect.
// With the zero value it may do so at any time after its call, or never.
type LinOptions struct {
	// CrashTimes are moments, in ns and any order, at which everything that was pending was
	// cut off. A write without an answer must have taken effect by the first of them that is
	// not before its call, or never: strict linearizability (Aguilera and Frølund 2003).
	CrashTimes []int64

	// Deadline, if set, takes the place of CrashTimes. It returns by when one write without
	// an answer must have taken effect, in ns; math.MaxInt64 means at any time. It is called
	// for such writes only, and must not keep op.
	Deadline func(op *Op) int64
}

// deadline returns the function that Deadline describes, or nil if there is no deadline.
func (o LinOptions) deadline() func(*Op) int64 {
	if o.Deadline != nil || len(o.CrashTimes) == 0 {
		return o.Deadline
	}
	crashes := slices.Sorted(slices.Values(o.CrashTimes))
	return func(op *Op) int64 {
		i, _ := slices.BinarySearch(crashes, op.Call)
		if i == len(crashes) {
			return maxTime
		}
		return crashes[i]
	}
}

// Linearizable checks that every sector behaved like one register: as if each operation had
// happened at one instant between its call and its return (Herlihy and Wing 1990). Each write
// of a sector must have an id of its own, which makes this cheap: O(n log n) time and about
// 30 bytes an operation, whatever the number of clients. If ids are not unique the verdict is
// Unknown.
//
// A write without an answer may have happened or not: it counts from its call on if its id
// was read, and is ignored otherwise. A read without an answer is ignored. Sectors hold id 0
// before the run.
//
// The method is that of Gibbons and Korach (Testing Shared Memories, SIAM J. Comput. 26,
// 1997). A value's zone lies between the earliest return f and the latest call s of the
// operations on it. If f < s the value must have been there from f to s; if not, it needs
// one instant between s and f. The register is linearizable if no read precedes its write,
// no two zones of the first sort overlap, and none of the second lies inside one of the first.
func Linearizable(h History, opt LinOptions) Result {
	if int64(len(h)) > math.MaxInt32 {
		return undecided(nameLinearizable, "more than %d operations", math.MaxInt32)
	}
	z, note := newZones(h)
	if note != "" {
		return undecided(nameLinearizable, "%s", note)
	}
	z.settle(opt.deadline())
	r := ok(nameLinearizable)
	broken := z.conflicts()
	if len(broken) == 0 {
		return r
	}
	// The registers are numbered as they turn up in the history; the first one is shown.
	r = violated(nameLinearizable, z.explain(broken[0]))
	if n := len(broken); n > 1 {
		r.Note = fmt.Sprintf("in %d of %d sectors; one is shown", n, len(z.regs))
	}
	return r
}

// zones is a history, sorted by register and value.
type zones struct {
	h    History
	regs []register
	all  []cluster
}

// newZones gathers the clusters of a history in one pass. The note says why this cannot be
// done; it is empty otherwise.
func newZones(h History) (z *zones, note string) {
	var regs registers
	table := newClusters(len(h)/2+len(h)/32+16, uint64(len(h)))
	for i := range h {
		op := &h[i]
		if op.Unknown && op.Kind == Read {
			continue
		}
		if op.Return < op.Call && !op.Unknown {
			return nil, op.String() + ", but that is backwards in time"
		}
		c := table.find(regs.find(op.Resource, op.Sector), op.ID)
		if op.Kind == Write {
			if op.ID == 0 {
				return nil, op.String() + ", but #0 is the initial content"
			}
			if c.write != noOp {
				return nil, fmt.Sprintf("#%d was written twice to %s", op.ID, op.place())
			}
			c.write = int32(i)
		}
		// An unanswered write has no return; a deadline for it counts only if it was read.
		if !op.Unknown && (c.first == noOp || op.Return < c.f) {
			c.f, c.first = op.Return, int32(i)
		}
		if c.last == noOp || op.Call > c.s {
			c.s, c.last = op.Call, int32(i)
		}
	}
	for i := range table.all {
		if c := &table.all[i]; c.id == 0 {
			c.f, c.first = minTime, noOp // it was written before all time
		}
	}
	return &zones{h: h, regs: regs.keys, all: table.all}, ""
}

// settle makes unanswered writes that were read return by their deadline.
func (z *zones) settle(deadline func(*Op) int64) {
	if deadline == nil {
		return
	}
	for i := range z.all {
		c := &z.all[i]
		if c.happened() && c.write != noOp && z.h[c.write].Unknown {
			if d := deadline(&z.h[c.write]); d < c.f {
				c.f, c.first = d, noOp
			}
		}
	}
}

// happened is false of an unanswered write that nobody read: it proves nothing, and is as good
// as never called.
func (c *cluster) happened() bool { return c.f != maxTime || c.first != noOp }

// conflict is what breaks a register: two clusters that both have to come first, or one that
// has no write in time (b is nil).
type conflict struct{ a, b *cluster }

// conflicts returns one conflict for each register that has any, by number of register.
func (z *zones) conflicts() []conflict {
	var found []conflict
	sorted, ends := z.byRegister()
	start := uint32(0)
	for _, end := range ends {
		group := sorted[start:end]
		start = end
		if c := z.unwritten(group); c.a != nil {
			found = append(found, c)
			continue
		}
		sortZones(group)
		if c := z.sweep(group); c.a != nil {
			found = append(found, c)
		}
	}
	return found
}

// unwritten looks for a value that was used before its write was called, or without one.
func (z *zones) unwritten(group []zone) conflict {
	for i := range group {
		if group[i].early {
			return conflict{a: &z.all[group[i].cluster]}
		}
	}
	return conflict{}
}

// sweep goes through the sorted zones of one register. As long as the forward ones do not
// overlap, the one that began last is the only one that may reach into the zone in hand.
func (z *zones) sweep(group []zone) conflict {
	reach := int64(minTime) // where that forward zone ends
	var open uint32         // and its cluster
	for i := range group {
		g := &group[i]
		// Of a forward zone hi is more than lo and reach at least its own, so that this asks
		// whether two of them overlap; of a backward one, whether it lies inside.
		if g.forward && g.lo < reach || !g.forward && g.hi < reach {
			return conflict{&z.all[open], &z.all[g.cluster]}
		}
		if g.forward {
			reach, open = g.hi, g.cluster
		}
	}
	return conflict{}
}

// zone is what sweep needs of a cluster, side by side with its neighbours.
type zone struct {
	lo, hi  int64 // f and s, or s and f if it is a backward zone
	cluster uint32
	forward bool
	early   bool // used before its write was called
}

// byRegister returns the zones by number of register, and where each register ends.
func (z *zones) byRegister() (sorted []zone, ends []uint32) {
	ends = make([]uint32, len(z.regs))
	for i := range z.all {
		if c := &z.all[i]; c.happened() {
			ends[c.reg]++
		}
	}
	var sum uint32
	for r, n := range ends {
		ends[r] = sum // for now where the register begins; filling it moves this to its end
		sum += n
	}
	sorted = make([]zone, sum)
	for i := range z.all {
		c := &z.all[i]
		if !c.happened() {
			continue
		}
		g := zone{lo: c.s, hi: c.f, cluster: uint32(i)}
		if c.f < c.s {
			g.lo, g.hi, g.forward = c.f, c.s, true
		}
		// A write that returned first, as most do, was called in time; asking only about the
		// others saves the way to the history.
		g.early = c.first != c.write && c.id != 0 &&
			(c.write == noOp || c.f < z.h[c.write].Call)
		sorted[ends[c.reg]] = g
		ends[c.reg]++
	}
	return sorted, ends
}

// sortZones sorts by lo; at the same lo backward zones come first, since they are not inside
// a forward zone that begins where they do. Zones come almost sorted, because values are
// first mentioned when they are young, so insertion is tried first, within reason.
func sortZones(group []zone) {
	budget := 8 * len(group)
	for i := 1; i < len(group); i++ {
		g := group[i]
		j := i
		for ; j > 0 && compareZones(g, group[j-1]) < 0; j-- {
			group[j] = group[j-1]
		}
		group[j] = g
		if budget -= i - j; budget < 0 {
			slices.SortFunc(group, compareZones)
			return
		}
	}
}

func compareZones(a, b zone) int {
	switch {
	case a.lo != b.lo:
		return cmp.Compare(a.lo, b.lo)
	case a.forward != b.forward && b.forward:
		return -1
	case a.forward != b.forward:
		return 1
	}
	return cmp.Compare(a.cluster, b.cluster)
}
