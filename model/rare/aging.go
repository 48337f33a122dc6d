package rare

import (
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/place"
)

// aging is a fleet of cells whose nodes age. Methods without an argument for the cell are for
// fleets of one cell.
type aging struct {
	l        *Lifetimes
	n, cells int // nodes of a cell; cells
	tolerate int
	lvs      float64
	probes   []place.Probe // by cell; nil until needed
	hit      []float64     // by cell: probability that the sets lost now hold data
	downs    int           // nodes
	born     []float64     // by node: when it was new; only while it is up
	isDown   []bool
	next     calendar
	branch   agingBranch
}

// newAging makes a fleet of new nodes. mates are as for a walker.
func newAging(l *Lifetimes, cells int, mates [][]int32) *aging {
	n := l.Placement.Cell.Nodes()
	a := &aging{l: l, n: n, cells: cells, tolerate: l.Placement.Cell.Code().Tolerate,
		lvs: float64(l.Placement.LVsPerCell()), probes: make([]place.Probe, cells),
		hit: make([]float64, cells), born: make([]float64, n*cells), isDown: make([]bool, n*cells)}
	if cells == 1 {
		a.branch = newAgingBranch(n, mates)
	}
	return a
}

func (a *aging) reset() {
	for c, p := range a.probes {
		if p != nil {
			p.Reset()
		}
		a.hit[c] = 0
	}
	clear(a.born)
	clear(a.isDown)
	a.downs = 0
}

// fail takes a node down, and returns the probability that this loses data.
func (a *aging) fail(node int) float64 {
	c := node / a.n
	if a.probes[c] == nil {
		a.probes[c] = a.l.Placement.Cell.Probe()
	}
	a.isDown[node] = true
	a.downs++
	a.probes[c].Fail(node - c*a.n)
	if a.downs <= a.tolerate {
		return 0
	}
	before := a.hit[c]
	a.judge(c)
	if a.hit[c] <= before {
		return 0
	}
	return (a.hit[c] - before) / (1 - before)
}

func (a *aging) judge(c int) {
	a.hit[c] = union(a.l.Placement.HitGivenLost(a.probes[c].Lost()), a.lvs)
}

// repair brings a node back, as new.
func (a *aging) repair(node int, now float64) {
	c := node / a.n
	a.isDown[node] = false
	a.downs--
	a.born[node] = now
	a.probes[c].Repair(node - c*a.n)
	if a.hit[c] > 0 {
		a.judge(c)
	}
}

// begin schedules the first failure of every node.
func (a *aging) begin(r *rand.Rand) {
	a.reset()
	a.next.clear()
	for i := range a.n * a.cells {
		a.next.add(a.l.Life.draw(r), i)
	}
}

// step does the next thing that is scheduled: a node fails or comes back. It returns when that was
// and the probability that it lost data.
func (a *aging) step(r *rand.Rand) (now, loss float64) {
	now, i := a.next.first()
	if a.isDown[i] {
		a.repair(i, now)
		a.next.replaceFirst(now + a.l.Life.draw(r))
		return now, 0
	}
	loss = a.fail(i)
	a.next.replaceFirst(now + a.l.Repair.draw(r))
	return now, loss
}

// plainMission is 1 if data is lost within t.
func (a *aging) plainMission(r *rand.Rand, t float64) float64 {
	// Most missions end before the first failure; there is no need to know all others then.
	first := a.firstFailure(r.ExpFloat64())
	if first >= t {
		return 0
	}
	a.beginWith(r, r.IntN(a.n), first)
	for a.next.firstTime() < t {
		if _, loss := a.step(r); loss > 0 && r.Float64() < loss {
			return 1
		}
	}
	return 0
}

// firstFailure is when the first of all new nodes fails, by a hazard that is the sum of theirs.
func (a *aging) firstFailure(hazard float64) float64 {
	return a.l.Life.ageAt(hazard / float64(a.n))
}

// beginWith schedules everything, given which node is the first to fail, and when.
func (a *aging) beginWith(r *rand.Rand, node int, first float64) {
	a.reset()
	a.next.clear()
	past := a.l.Life.hazard(first)
	for i := range a.n {
		t := first
		if i != node {
			t = max(first, a.l.Life.ageAt(past+r.ExpFloat64()))
		}
		a.next.add(t, i)
	}
}

// life simulates until data is lost.
func (a *aging) life(r *rand.Rand, steps int) (float64, bool) {
	a.begin(r)
	for range steps {
		if math.IsInf(a.next.firstTime(), 1) {
			return 0, false // all are down for ever, and held nothing
		}
		now, loss := a.step(r)
		if loss > 0 && r.Float64() < loss {
			return now, true
		}
	}
	return 0, false
}

// calendar is a heap of the times at which something happens to the nodes. Ties, which constant
// times make possible, go to the lower node, so that the order depends on nothing else.
type calendar struct {
	at    []float64
	nodes []int32
}

func (c *calendar) clear() { c.at, c.nodes = c.at[:0], c.nodes[:0] }

func (c *calendar) firstTime() float64 { return c.at[0] }

func (c *calendar) first() (float64, int) { return c.at[0], int(c.nodes[0]) }

func (c *calendar) before(i, j int) bool {
	return c.at[i] < c.at[j] || c.at[i] == c.at[j] && c.nodes[i] < c.nodes[j]
}

func (c *calendar) swap(i, j int) {
	c.at[i], c.at[j] = c.at[j], c.at[i]
	c.nodes[i], c.nodes[j] = c.nodes[j], c.nodes[i]
}

func (c *calendar) add(at float64, node int) {
	c.at, c.nodes = append(c.at, at), append(c.nodes, int32(node))
	for i := len(c.at) - 1; i > 0 && c.before(i, (i-1)/2); i = (i - 1) / 2 {
		c.swap(i, (i-1)/2)
	}
}

// replaceFirst gives the node that was first its next time.
func (c *calendar) replaceFirst(at float64) {
	c.at[0] = at
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(c.at); child++ {
			if c.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		c.swap(i, least)
		i = least
	}
}
