package rare

import (
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/place"
)

// fleet says what failed nodes cost. Its work grows with the number of cells that have any.
type fleet struct {
	p     *place.Placement
	n     int // nodes of a cell
	probe place.Probe
	down  [][]int32 // by cell: members that are down
	hurt  []int32   // cells with any
	state []cellState
	logUp float64 // Σ of the finite ones: ln of the probability that no LV is hit
	hits  int     // cells that certainly have an LV hit
}

// cellState is how bad things are in one cell that has nodes down.
type cellState struct {
	lost float64 // share of its storage
	hit  float64 // probability that an LV of it is down
	log  float64 // ln of the probability that none of its LVs is, maybe -Inf
}

func newFleet(p *place.Placement) *fleet {
	return &fleet{p: p, n: p.Cell.Nodes(), probe: p.Cell.Probe(), down: make([][]int32, p.Cells)}
}

func (f *fleet) reset() {
	for _, c := range f.hurt {
		f.down[c] = f.down[c][:0]
	}
	f.hurt = f.hurt[:0]
}

// fail takes a node down that is up.
func (f *fleet) fail(node int) {
	c := node / f.n
	if len(f.down[c]) == 0 {
		f.hurt = append(f.hurt, int32(c))
	}
	f.down[c] = append(f.down[c], int32(node-c*f.n))
}

// outcome computes what the failed nodes cost; rate is left at 0.
func (f *fleet) outcome() outcome {
	var out outcome
	f.state, f.logUp, f.hits = f.state[:0], 0, 0
	tolerate := f.p.Cell.Code().Tolerate
	for _, c := range f.hurt {
		var s cellState
		if len(f.down[c]) > tolerate {
			f.load(c)
			s = f.look()
		}
		f.state = append(f.state, s)
		out.storage += s.lost
		out.lvs += s.hit
		if math.IsInf(s.log, -1) {
			f.hits++
		} else {
			f.logUp += s.log
		}
	}
	out.any = 1
	if f.hits == 0 {
		out.any = -math.Expm1(f.logUp)
	}
	out.storage /= float64(f.p.Cells)
	out.lvs /= float64(f.p.Cells)
	return out
}

// load shows the probe a cell.
func (f *fleet) load(c int32) {
	f.probe.Reset()
	for _, m := range f.down[c] {
		f.probe.Fail(int(m))
	}
}

// look judges what the probe shows.
func (f *fleet) look() cellState {
	lost := f.probe.Lost()
	hit := f.p.HitGivenLost(lost)
	return cellState{lost, hit, logNone(hit, f.p.LVsPerCell())}
}

// logNone is ln (1-hit)^lvs.
func logNone(hit float64, lvs int) float64 {
	if hit == 0 {
		return 0
	}
	return float64(lvs) * math.Log1p(-hit)
}

// gain is how much likelier it is that no LV is hit when hurt cell i changes to the logarithm
// given. outcome must have been called.
func (f *fleet) gain(i int, log float64) float64 {
	s := f.state[i]
	others, hits := f.logUp, f.hits
	if math.IsInf(s.log, -1) {
		hits--
	} else {
		others -= s.log
	}
	if hits > 0 {
		return 0
	}
	return math.Exp(others+log) - math.Exp(others+s.log)
}

// size draws how many LVs are hit, given that any is, which must be possible.
func (f *fleet) size(r *rand.Rand, any float64) int {
	lvs, size := f.p.LVsPerCell(), 0
	// Which is the first cell with a hit follows from what remains for the cells after it.
	u, none := r.Float64()*any, 1.0
	found := false
	for i, s := range f.state {
		if s.hit == 0 {
			continue
		}
		if !found {
			p := -math.Expm1(s.log)
			if u -= none * p; u >= 0 && i < len(f.state)-1 {
				none *= 1 - p
				continue
			}
			found = true
			size += atLeast(1, lvs, s.hit, r)
			continue
		}
		size += atLeast(0, lvs, s.hit, r)
	}
	return max(1, size)
}
