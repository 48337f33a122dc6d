package mars

import (
	"math/bits"
	"slices"

	"github.com/container-football/pitch/node"
)

// Bounds of what a replica remembers of log that it has deleted.
const (
	dirtyRegions = 16384 // of one volume: a bit each
	dirtySteps   = 128   // then neighbours become one
)

// dirtied says which parts of the volume the log has changed, step by step: also where it has been
// deleted. It begins with the first segment that was added in this incarnation; what was before is
// not known. A step is as long as a segment when it is new, and longer when it is old.
type dirtied struct {
	steps []dirtyStep
	shift uint // a region is 1<<shift sectors
}

// dirtyStep is what the log has changed from the beginning of a segment to the next step.
type dirtyStep struct {
	Segment
	regions []uint64 // nil: nothing
}

// begin starts a step.
func (d *dirtied) begin(seg Segment, sectors int64) {
	shift := uint(0)
	for sectors>>shift > dirtyRegions {
		shift++
	}
	if shift != d.shift || len(d.steps) == 0 {
		d.steps, d.shift = d.steps[:0], shift
	}
	if len(d.steps) == dirtySteps {
		d.merge()
	}
	d.steps = append(d.steps, dirtyStep{Segment: seg})
}

// merge makes one of two neighbours that one primary has written without a pause, all over the list.
// If there are none, it forgets the oldest half.
func (d *dirtied) merge() {
	out := d.steps[:0]
	for i := 0; i < len(d.steps); i++ {
		s := d.steps[i]
		if i+1 < len(d.steps) && s.sameTenure(&d.steps[i+1].Segment) {
			i++
			s.regions = unite(s.regions, d.steps[i].regions)
		}
		out = append(out, s)
	}
	if len(out) == dirtySteps {
		out = slices.Delete(out, 0, dirtySteps/2)
	}
	clear(d.steps[len(out):dirtySteps])
	d.steps = out
}

// sameTenure says whether two segments are of one log that one primary has written under one epoch:
// it opens an epoch but once, and of what lies between two of its segments nothing is another's.
func (s *Segment) sameTenure(o *Segment) bool { return s.Epoch == o.Epoch && s.Origin == o.Origin }

// changed notes a record of the newest step.
func (d *dirtied) changed(sector, n, sectors int64) {
	if len(d.steps) == 0 {
		return
	}
	s := &d.steps[len(d.steps)-1]
	if s.regions == nil {
		s.regions = make([]uint64, sectors>>d.shift/64+1)
	}
	for i := sector >> d.shift; i <= (sector+n-1)>>d.shift; i++ {
		if i%64 == 0 && i+63 <= (sector+n-1)>>d.shift {
			s.regions[i/64] = ^uint64(0) // a zero may be long
			i += 63
			continue
		}
		s.regions[i/64] |= 1 << (i % 64)
	}
}

// forget is for a change of size: regions before and after it may be others.
func (d *dirtied) forget() { d.steps = nil }

// unite adds b to a.
func unite(a, b []uint64) []uint64 {
	if a == nil {
		return b
	}
	for i := range b {
		a[i] |= b[i]
	}
	return a
}

// at returns the index of the step in which a segment lies, or -1 if that is not known.
func (d *dirtied) at(nr uint64) int {
	for i, s := range slices.Backward(d.steps) {
		if s.Nr <= nr {
			return i
		}
	}
	return -1
}

// since returns what the log has changed from a step on, up to a position. Sectors is the size of the
// volume.
func (d *dirtied) since(step int, to, sectors int64) runs {
	var all []uint64
	for _, s := range d.steps[step:] {
		if s.Start >= to {
			break
		}
		all = unite(all, slices.Clone(s.regions))
	}
	var list []node.Run
	for i, w := range all {
		for ; w != 0; w &= w - 1 {
			first := (int64(i)*64 + int64(bits.TrailingZeros64(w))) << d.shift
			list = append(list, node.Run{First: first, N: min(1<<d.shift, sectors-first)})
		}
	}
	return union(list)
}
