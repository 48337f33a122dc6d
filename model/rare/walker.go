package rare

import (
	"math/rand/v2"
	"slices"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// walker is a cell whose nodes fail and are repaired, step by step.
type walker struct {
	d        *Dynamics
	n        int
	tolerate int
	lvs      float64
	probe    place.Probe
	mates    [][]int32 // by node: others that share sets with it; nil: all do
	isDown   []bool
	down     []int32 // in the order of their failures
	hit      float64 // probability that the sets that are lost now hold data
	loss     float64 // probability that the last step lost data
	critical []float64
	total    float64 // rate of declustered repair
	mode     repairMode
	stuck    bool // a cycle was given up

	// On a branch.
	starts  starts
	watch   int32   // the node with whose failure it began; -1: this is none
	belongs bool    // the last loss began with that failure
	near    []int32 // candidates, where they are listed
	depends []int32 // nodes on which the loss depends
	shared  []int32
}

// repairMode is Dynamics.Repair for the inner loops.
type repairMode int

const (
	parallel repairMode = iota
	serial
	declustered
	criticalFirst  // where it matters which node it is
	criticalShares // where all failed nodes are equal
)

// newWalker makes a cell with all nodes up.
func newWalker(d *Dynamics, mates [][]int32) *walker {
	pool := d.Placement.Cell
	w := &walker{d: d, n: pool.Nodes(), tolerate: pool.Code().Tolerate, probe: pool.Probe(),
		lvs: float64(d.Placement.LVsPerCell()), mates: mates}
	w.isDown, w.watch = make([]bool, w.n), -1
	w.total = d.RepairRate * d.Speedup
	if d.Speedup == 0 {
		w.total = d.RepairRate * float64(max(1, w.n-1))
	}
	if _, all := pool.(*place.Subsets); all && d.Repair == CriticalFirst {
		k := pool.Code().Width
		for f := range k + 1 {
			share := prob.Choose(w.n-f, k-f) / prob.Choose(w.n-1, k-1)
			if f == 0 {
				share = 1
			}
			w.critical = append(w.critical, w.total/share)
		}
	}
	switch d.Repair {
	case Serial:
		w.mode = serial
	case Declustered:
		w.mode = declustered
	case CriticalFirst:
		w.mode = criticalFirst
		if w.critical != nil {
			w.mode = criticalShares
		}
	}
	return w
}

func (w *walker) reset() {
	for _, i := range w.down {
		w.isDown[i] = false
	}
	w.down, w.hit, w.loss, w.watch = w.down[:0], 0, 0, -1
	w.probe.Reset()
}

// rates are the total rates of failures and of repairs.
func (w *walker) rates() (fail, repair float64) {
	f := len(w.down)
	fail = float64(w.n-f) * w.d.FailRate
	if f == 0 {
		return fail, 0
	}
	switch w.mode {
	case serial:
		return fail, w.d.RepairRate
	case declustered, criticalFirst:
		return fail, w.total
	case criticalShares:
		return fail, w.critical[min(f, len(w.critical)-1)]
	}
	return fail, float64(f) * w.d.RepairRate
}

// failOne takes down one of the nodes that are up.
func (w *walker) failOne(r *rand.Rand) {
	for {
		if i := r.IntN(w.n); !w.isDown[i] {
			w.fail(i)
			return
		}
	}
}

func (w *walker) fail(i int) {
	w.isDown[i] = true
	w.down = append(w.down, int32(i))
	w.probe.Fail(i)
	w.loss = 0
	if len(w.down) <= w.tolerate {
		return
	}
	before := w.hit
	if w.judge(); w.hit > before {
		w.loss = (w.hit - before) / (1 - before)
		w.belongs = w.watch >= 0 && w.began(func() bool { return w.probe.Lost() > 0 })
	}
}

// judge finds out how likely it is that the sets that are lost now hold data.
func (w *walker) judge() {
	w.hit = union(w.d.Placement.HitGivenLost(w.probe.Lost()), w.lvs)
}

// repairOne brings back the node whose turn it is.
func (w *walker) repairOne(r *rand.Rand) {
	turn := w.turn()
	if turn < 0 {
		turn = r.IntN(len(w.down))
	}
	w.repair(turn)
}

// turn is which failed node is repaired next, as an index of down; -1: each with equal probability,
// or none is down.
func (w *walker) turn() int {
	switch {
	case len(w.down) == 0:
		return -1
	case w.mode == serial:
		return 0
	case w.mode == criticalFirst:
		return w.worst()
	}
	return -1
}

// repair brings back the node at an index of down.
func (w *walker) repair(at int) {
	critical := w.d.SectorErrors > 0 && w.probe.Worst() == w.tolerate
	if critical && w.watch >= 0 {
		w.belongs = w.began(func() bool { return w.probe.Worst() == w.tolerate })
	}
	i := w.down[at]
	w.probe.Repair(int(i))
	w.isDown[i] = false
	w.down = slices.Delete(w.down, at, at+1)
	w.loss = 0
	if w.hit > 0 {
		w.judge()
	}
	if critical && w.probe.Worst() < w.tolerate {
		w.loss = w.d.SectorErrors
	}
}

// worst finds the node to be repaired first: nodes without which there is a set as bad are left
// out one after the other, beginning with the last to fail, and what remains is the failed nodes
// of that set which has been as bad for the longest time.
func (w *walker) worst() int {
	worst, first := w.probe.Worst(), 0
	var without []int32
	for at := len(w.down) - 1; at >= 0; at-- {
		i := w.down[at]
		w.probe.Repair(int(i))
		if w.probe.Worst() == worst {
			without = append(without, i)
			continue
		}
		w.probe.Fail(int(i))
		first = at
	}
	for _, i := range without {
		w.probe.Fail(int(i))
	}
	return first
}

// matesOf lists, for each node of a pool, the others that share sets with it, in ascending order.
// nil: practically all do.
func matesOf(pool place.Pool) [][]int32 {
	mates := make([][]int32, pool.Nodes())
	switch pool := pool.(type) {
	case *place.Sets:
		for set := range pool.Each {
			for _, i := range set {
				for _, j := range set {
					if i != j {
						mates[i] = append(mates[i], j)
					}
				}
			}
		}
	case place.Windows:
		w, n := pool.Reach(), pool.Nodes()
		for i := range n {
			for d := 1; d <= w; d++ {
				mates[i] = append(mates[i], int32((i+d)%n), int32((i+n-d)%n))
			}
		}
	default:
		return nil
	}
	for i := range mates {
		slices.Sort(mates[i])
		mates[i] = slices.Compact(mates[i])
	}
	return mates
}
