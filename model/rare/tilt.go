package rare

import (
	"math"
	"math/rand/v2"
	"sort"
)

// A tilted sample of a fleet is drawn in two steps, domains first, then nodes given the domains,
// each from a mixture of which the model itself is one component, so that no likelihood ratio
// exceeds 1 over the share of that component (a defensive mixture: Hesterberg, Technometrics 37,
// 1995). A likelihood ratio is that of the model to the whole mixture, and not to the component
// that happened to be drawn, and so the union over all the ways to lose something is unbiased.
//
// Tilting is exponential: the odds of every failure are multiplied with one θ. The ratio then
// depends on the number of failures only, θ^f/M with M = Π(1+(θ-1)·p). θ is such that as many
// failures are expected as it takes to lose something: this is the choice under which the number
// of samples needed grows slower than any power of 1/p (Siegmund 1976; Bucklew 2004), and fewer
// or more on average would make the typical loss a rare one again.
//
//   - Domains of a level: their number is tilted to 1, 2, … as many as are a loss, or not at all.
//   - Nodes: one cell is drawn, by a rough estimate of how likely it is to lose something given
//     the domains, and its nodes that are still up are tilted to the failures that are missing;
//     all other cells are left as they are.
//
// For pools with few sets in a large cell (copysets, windows) enough failures in the cell are still
// seldom enough failures in a set, and the estimate is slow to converge.
const (
	plainDomains = 0.5 // shares of the model in the mixtures
	plainNodes   = 0.1
)

// tilts is what all samples share.
type tilts struct {
	tolerate int
	levels   [][]component // by level: number of domains tilted to, from 1 on
	quiet    cellTilts     // with all domains up
	known    []cellTilt    // where nodes are alike: by nodes up and failures missing
	width    int           // of a row of known
}

// component is a tilt of independent failures with equal probability: θ and M as logarithms.
type component struct{ p, logTheta, logM float64 }

// tiltTo chooses θ so that want of n are expected to fail, where p is the mean probability; n+1
// in its place keeps all of n from failing for certain.
func tiltTo(n, want int, p float64) (odds float64) {
	goal := float64(want) / float64(n+1)
	return max(1, goal/(1-goal)*(1-p)/p)
}

func tiltedP(p, theta float64) float64 { return theta * p / (1 + (theta-1)*p) }

func (b *worldBase) prepareTilt() {
	n, code := b.s.Placement.Cell.Nodes(), b.s.Placement.Cell.Code()
	t := &tilts{tolerate: code.Tolerate, width: code.Tolerate + 2}
	for _, v := range b.domains {
		var cs []component
		if v.p < 1 {
			for j := 1; j <= min(code.Tolerate+1, v.count); j++ {
				theta := tiltTo(v.count, j, v.p)
				cs = append(cs, component{tiltedP(v.p, theta), math.Log(theta),
					float64(v.count) * math.Log1p((theta-1)*v.p)})
			}
		}
		t.levels = append(t.levels, cs)
	}
	if b.s.Each == nil {
		t.known = make([]cellTilt, (n+1)*t.width)
		for up := range n + 1 {
			for m := range t.width {
				t.known[up*t.width+m] = b.newCellTilt(nil, up, m)
			}
		}
	}
	b.tilt = t
	w := &world{worldBase: b, f: newFleet(b.s.Placement), over: make([]uint8, len(b.nodes.each))}
	w.tilts(&t.quiet)
}

// cellTilt is how one cell is tilted, given the domains.
type cellTilt struct {
	weight          float64 // its share among the cells, not normalised: how likely is a loss
	theta, logTheta float64
	logM            float64
}

// newCellTilt is that of a cell with so many nodes up that lacks so many failures. each are the
// probabilities of its nodes that are up, nil: all alike.
func (b *worldBase) newCellTilt(each []float64, up, missing int) cellTilt {
	p := b.nodes.p
	if each != nil {
		p = 0
		for _, x := range each {
			p += x
		}
		p /= float64(max(1, len(each)))
	}
	if missing > up || missing == 0 || p == 0 || p == 1 {
		return cellTilt{theta: 1}
	}
	c := cellTilt{weight: 1, theta: tiltTo(up, missing, p)}
	for i := range missing { // C(up, missing)·p^missing, at most 1
		c.weight *= float64(up-i) / float64(i+1) * p
	}
	c.weight = min(1, c.weight)
	c.logTheta = math.Log(c.theta)
	if each == nil {
		c.logM = float64(up) * math.Log1p((c.theta-1)*p)
	}
	for _, x := range each {
		c.logM += math.Log1p((c.theta - 1) * x)
	}
	return c
}

// cellTilts is the mixture over the cells.
type cellTilts struct {
	cells []cellTilt
	cum   []float64 // of weights
	rest  float64   // Σ weight/M: what all cells without further failures add to the ratio
}

// tilts fills in the mixture for the domains that are down in w.
func (w *world) tilts(out *cellTilts) {
	t := w.worldBase.tilt
	cells, f := w.s.Placement.Cells, w.f
	out.cells, out.cum, out.rest = out.cells[:0], out.cum[:0], 0
	var sum float64
	var each []float64
	for c := range cells {
		missing := t.tolerate + 1
		if len(f.down[c]) > 0 {
			f.load(int32(c))
			missing = max(0, missing-f.probe.Worst())
		}
		up := f.n - len(f.down[c])
		var tilt cellTilt
		if t.known != nil {
			tilt = t.known[up*t.width+missing]
		} else {
			each = each[:0]
			for i := c * f.n; i < (c+1)*f.n; i++ {
				if w.over[i] == 0 {
					each = append(each, w.nodes.each[i])
				}
			}
			tilt = w.newCellTilt(each, up, missing)
		}
		sum += tilt.weight
		out.cells = append(out.cells, tilt)
		out.cum = append(out.cum, sum)
		out.rest += tilt.weight * math.Exp(-tilt.logM)
	}
}

// tilter draws tilted samples.
type tilter struct {
	*tilts
	given  cellTilts // the domains
	failed []int32   // by cell: nodes that failed although no domain took them down
}

func newTilter(t *tilts, nodes int) *tilter {
	return &tilter{tilts: t, failed: make([]int32, nodes)}
}

// tilted draws a state and returns its likelihood ratio.
func (w *world) tilted(r *rand.Rand) float64 {
	w.reset()
	weight, anyOut := 1.0, false
	for l := range w.domains {
		weight *= w.tiltedDomains(r, l)
		anyOut = anyOut || len(w.out[l]) > 0
	}
	mix := &w.tilt.quiet
	if anyOut {
		mix = &w.tilt.given
		w.tilts(mix)
	}
	return weight * w.tiltedNodes(r, mix)
}

func (w *world) tiltedDomains(r *rand.Rand, l int) float64 {
	p, cs := w.domains[l].p, w.tilt.levels[l]
	if len(cs) == 0 {
		w.drawDomains(r, l, p)
		return 1
	}
	if u := r.Float64(); u >= plainDomains {
		p = cs[r.IntN(len(cs))].p
	}
	w.drawDomains(r, l, p)
	down, ratio := float64(len(w.out[l])), 0.0
	for _, c := range cs {
		ratio += math.Exp(down*c.logTheta - c.logM)
	}
	return 1 / (plainDomains + (1-plainDomains)*ratio/float64(len(cs)))
}

func (w *world) tiltedNodes(r *rand.Rand, mix *cellTilts) float64 {
	n, cell := len(w.own), w.f.n
	sum := mix.cum[len(mix.cum)-1]
	tiltFrom, tiltTo := n, n
	var theta float64
	if sum > 0 && r.Float64() >= plainNodes {
		u := r.Float64() * sum
		c := sort.Search(len(mix.cum)-1, func(i int) bool { return mix.cum[i] > u })
		tiltFrom, tiltTo = c*cell, (c+1)*cell
		theta = mix.cells[c].theta
	}
	// Nodes that a domain has taken down are drawn as in the model, wherever they are.
	for i := w.nodes.next(r, 0, n); i < n; i = w.nodes.next(r, i+1, n) {
		if i < tiltFrom || i >= tiltTo || w.over[i] > 0 {
			w.failNode(i)
		}
	}
	if tiltFrom < n {
		w.tiltRange(r, tiltFrom, tiltTo, theta)
	}
	if sum == 0 {
		return 1
	}
	return 1 / (plainNodes + (1-plainNodes)*w.ratio(mix)/sum)
}

// tiltRange draws the nodes of a cell that no domain took down, with θ-fold odds.
func (w *world) tiltRange(r *rand.Rand, from, to int, theta float64) {
	top := tiltedP(w.nodes.p, theta)
	skip := newSkipper(top)
	for i := skip.next(r, from, to); i < to; i = skip.next(r, i+1, to) {
		if w.over[i] > 0 {
			continue
		}
		if w.nodes.each != nil && r.Float64()*top >= tiltedP(w.nodes.each[i], theta) {
			continue
		}
		w.failNode(i)
	}
}

// ratio is Σ weight·θ^f/M over the cells: that of all but few is known, since f is 0.
func (w *world) ratio(mix *cellTilts) float64 {
	failed, sum := w.tilt.failed, mix.rest
	for _, i := range w.alone {
		if w.over[i] == 0 {
			failed[int(i)/w.f.n]++
		}
	}
	for _, i := range w.alone {
		c := int(i) / w.f.n
		if failed[c] == 0 {
			continue // seen already, or below a domain
		}
		t := &mix.cells[c]
		sum += t.weight * (math.Exp(float64(failed[c])*t.logTheta-t.logM) - math.Exp(-t.logM))
		failed[c] = 0
	}
	return sum
}

// Helpers for logarithms of probabilities of which some are 0.

func finite(log float64) float64 {
	if math.IsInf(log, -1) {
		return 0
	}
	return log
}

func infinite(log float64) int {
	if math.IsInf(log, -1) {
		return 1
	}
	return 0
}

func none(log float64, hits int) float64 {
	if hits > 0 {
		return 0
	}
	return math.Exp(log)
}
