package check

import "fmt"

const (
	nameDurable      = "durable"
	nameDurableImage = "durable image"
)

// Durable checks that every acknowledged write is in the log that is left at the end, which
// must be whole, from the first record of the run on. The history must be about one resource,
// or the verdict is Unknown. O((n + l) log n) for n operations and l records.
func Durable(h History, log []Record) Result {
	if note := mixed(h); note != "" {
		return undecided(nameDurable, "%s", note)
	}
	logged := make([]bool, len(h))
	newStamps(h, acknowledged).mark(log, logged)
	missing := earliest(h, func(i int) bool { return acknowledged(&h[i]) && !logged[i] })
	if missing < 0 {
		return ok(nameDurable)
	}
	return violated(nameDurable, Violation{
		Summary: fmt.Sprintf("the acknowledged #%d is not in the log", h[missing].ID),
		Ops:     []Op{h[missing]},
		Why: []string{fmt.Sprintf("the client was told at %s that it is done, but none of the "+
			"%d records writes #%d to %s", nanos(h[missing].Return), len(log), h[missing].ID,
			h[missing].place())},
	})
}

// earliest returns the accepted operation that returned first, or -1.
func earliest(h History, accept func(i int) bool) int {
	found := -1
	for i := range h {
		if accept(i) && (found < 0 || h[i].Return < h[found].Return) {
			found = i
		}
	}
	return found
}

// DurableImage checks the content that is left at the end, where no log is at hand: image[s],
// the id in sector s, must not be older than a value that was acknowledged or read. As the
// order of writes that ran at once is open, it finds less than [Durable] does. The history
// must be about one resource with unique ids and sectors below len(image), or the verdict is
// Unknown. O(n + S).
func DurableImage(h History, image []uint64) Result {
	if note := mixed(h); note != "" {
		return undecided(nameDurableImage, "%s", note)
	}
	z, note := newZones(h)
	if note != "" {
		return undecided(nameDurableImage, "%s", note)
	}
	final := make([]*cluster, len(z.regs)) // what the image holds, if h mentions it
	for i := range z.all {
		c := &z.all[i]
		s := z.regs[c.reg].sector
		if s >= uint64(len(image)) {
			return undecided(nameDurableImage, "the history has sector %d, the image only %d",
				s, len(image))
		}
		if c.id == image[s] {
			final[c.reg] = c
		}
	}
	if v := z.strange(image, final); v != nil {
		return violated(nameDurableImage, *v)
	}
	for i := range z.all {
		c := &z.all[i]
		v := final[c.reg]
		if v == nil {
			v = &cluster{reg: c.reg, f: minTime, write: noOp, first: noOp, last: noOp}
		}
		if c.id != v.id && c.id != 0 && c.write != noOp && c.happened() && v.f < c.s {
			return violated(nameDurableImage, z.explainLost(v, c))
		}
	}
	return ok(nameDurableImage)
}

// strange looks for a sector whose content no client ever tried to write.
func (z *zones) strange(image []uint64, final []*cluster) *Violation {
	known := make([]bool, len(image))
	for r, c := range final {
		known[z.regs[r].sector] = c != nil && c.write != noOp
	}
	for s, id := range image {
		if id != 0 && !known[s] {
			return &Violation{
				Summary: fmt.Sprintf("foreign content: sector %d holds #%d", s, id),
				Why:     []string{fmt.Sprintf("no client wrote #%d to sector %d", id, s)},
			}
		}
	}
	return nil
}

func (z *zones) explainLost(final, lost *cluster) Violation {
	where := place(z.regs[lost.reg].resource, z.regs[lost.reg].sector)
	return Violation{
		Summary: fmt.Sprintf("%s is left with %s, but the later #%d had been there",
			where, content(final.id), lost.id),
		Ops: z.pick(final.write, final.first, lost.write, lost.first, lost.last),
		Why: []string{z.precedes(final, lost),
			fmt.Sprintf("so #%d cannot be the last that was written", final.id)},
	}
}
