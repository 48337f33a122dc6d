package rare

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Rare losses are looked for where they begin. What is lost when a set lacks one member too many
// began to be lost when the first of these members failed, and so every loss belongs to exactly one
// failure: the last one from which on all failures of nodes that are still down suffice for it. A
// plain path, of a mission or of a cycle from all nodes up to all nodes up, tells which failures
// there are; some of them are drawn uniformly, and from each a path branches off on which failures
// of nodes that share sets with this one are made likelier, until it is repaired (failure biasing:
// Lewis and Böhm 1984; balanced: Shahabuddin 1994; towards what is near a loss: Carrasco 1992).
// The branch counts the losses that belong to its failure. Their mean, times the number of failures
// on the plain path, is unbiased for the probability of a loss: the sum over all failures of the
// probability that they begin one. Likelihood ratios have factors for the time of one repair only,
// however long the mission and however large the cell is.

// maxBranches of a plain path: a long path is worth more than one.
const maxBranches = 16

// biasTo is the probability that what happens next, of a failure of a candidate and a repair of a
// node on which the loss depends, is the failure. Half would do; it takes a few failures in a row
// to lose something, of which each step should not be left to chance, and a path with a repair in
// between counts for little. All other events keep their probabilities: they happen meanwhile, and
// a likelihood ratio of their own would grow with their number.
const biasTo = 0.8

// biasUpTo is the weight above which a path goes on without a bias, as rare events did not happen
// on it: else weights could grow without bounds on long paths, where losses are not rare. It must
// not be small: what is lost on paths that are no longer biased weighs too much.
const biasUpTo = 100

// starts are failures of a plain path from which to branch off: so many, each uniform among all.
type starts struct {
	count int // failures so far
	from  []start
}

// start is the moment after a failure.
type start struct {
	at   float64
	down []int32 // in the order of the failures
}

func (s *starts) begin(branches int) {
	s.count = 0
	for len(s.from) < branches {
		s.from = append(s.from, start{})
	}
	s.from = s.from[:branches]
}

// add offers a failure, of the last node of down.
func (s *starts) add(r *rand.Rand, at float64, down []int32) {
	s.count++
	for i := range s.from {
		if s.count == 1 || r.IntN(s.count) == 0 {
			s.from[i].at = at
			s.from[i].down = append(s.from[i].down[:0], down...)
		}
	}
}

// biasedMission estimates the probability that a cell loses data within t. The first failure is
// forced to be within t.
func (w *walker) biasedMission(r *rand.Rand, t float64, branches int) float64 {
	w.reset()
	w.starts.begin(branches)
	fail, repair := w.rates()
	within := -math.Expm1(-fail * t)
	now := -math.Log1p(-r.Float64()*within) / fail
	for now < t {
		if repair > 0 && r.Float64()*(fail+repair) < repair {
			w.repairOne(r)
		} else {
			w.failOne(r)
			w.starts.add(r, now, w.down)
		}
		if w.loss > 0 && r.Float64() < w.loss {
			break
		}
		if fail, repair = w.rates(); fail+repair == 0 {
			break
		}
		now += r.ExpFloat64() / (fail + repair)
	}
	return within * w.branches(r, t)
}

// biasedCycle estimates the probability that data is lost before all nodes are up again, from the
// first failure on, and returns how long that took on the plain path, which a loss ends, too.
func (w *walker) biasedCycle(r *rand.Rand) (loss, length float64) {
	w.reset()
	w.starts.begin(1)
	w.failOne(r)
	w.starts.add(r, 0, w.down)
	for steps := 0; len(w.down) > 0 && (w.loss == 0 || r.Float64() >= w.loss); steps++ {
		fail, repair := w.rates()
		if fail+repair == 0 {
			break
		}
		if steps > maxCycle {
			w.stuck = true
			return 0, length
		}
		length += r.ExpFloat64() / (fail + repair)
		if repair > 0 && r.Float64()*(fail+repair) < repair {
			w.repairOne(r)
		} else {
			w.failOne(r)
			w.starts.add(r, length, w.down)
		}
	}
	return w.branches(r, math.Inf(1)), length
}

// maxCycle is how many failures and repairs a cycle may have.
const maxCycle = 1 << 18

// branches adds up what the branches find.
func (w *walker) branches(r *rand.Rand, until float64) float64 {
	var sum float64
	for i := range w.starts.from {
		s := &w.starts.from[i]
		sum += w.branch(r, s, until-s.at)
	}
	return sum * float64(w.starts.count) / float64(len(w.starts.from))
}

// branch estimates the probability that the failure from which it starts begins a loss, within left
// hours. Data that is lost with some probability takes that share of the weight.
func (w *walker) branch(r *rand.Rand, s *start, left float64) float64 {
	node := w.restore(s)
	// Where hardly any event fits into the time that is left, they are forced to.
	fail, repair := w.rates()
	force := (fail+repair)*left < 3
	weight, sum := 1.0, 0.0
	for {
		if w.loss > 0 {
			if w.belongs {
				sum += weight * w.loss
			}
			weight *= 1 - w.loss
		}
		fail, repair = w.rates()
		total := fail + repair
		if !w.isDown[node] || weight == 0 || total == 0 {
			return sum
		}
		if force {
			within := -math.Expm1(-total * left)
			weight *= within
			left -= -math.Log1p(-r.Float64()*within) / total
		} else {
			left -= r.ExpFloat64() / total
		}
		if left <= 0 {
			return sum
		}
		weight *= w.biasedStep(r, weight, fail, repair)
	}
}

// restore goes back to the moment of a failure, and returns which node it was of.
func (w *walker) restore(s *start) int32 {
	w.reset()
	last := len(s.down) - 1
	for _, i := range s.down[:last] {
		w.isDown[i] = true
		w.down = append(w.down, i)
		w.probe.Fail(int(i))
	}
	if last > w.tolerate {
		w.judge()
	}
	w.watch = s.down[last]
	w.fail(int(w.watch))
	return w.watch
}

// biasedStep lets something fail or be repaired, and returns the likelihood ratio.
func (w *walker) biasedStep(r *rand.Rand, weight, fail, repair float64) float64 {
	w.candidates()
	nearer := float64(w.n-len(w.down)) * w.d.FailRate
	if w.mates != nil {
		nearer = float64(len(w.near)) * w.d.FailRate
	}
	turn, farther := w.turn(), repair
	switch {
	case turn < 0:
		farther *= float64(len(w.depends)) / float64(len(w.down))
	case !slices.Contains(w.depends, w.down[turn]):
		farther = 0
	}
	both := nearer + farther
	to := nearer / both
	from := to
	if w.hit == 0 && len(w.depends) <= w.tolerate+1 && weight <= biasUpTo && nearer > 0 &&
		farther > 0 {
		to = max(to, biasTo)
	}
	switch u := r.Float64() * (fail + repair); {
	case u >= both || both == 0:
		w.elsewhere(r, turn, fail-nearer, repair-farther)
		return 1
	case u < to*both:
		if w.mates == nil {
			w.failOne(r)
		} else {
			w.fail(int(w.near[r.IntN(len(w.near))]))
		}
		return from / to
	}
	if turn < 0 {
		turn = slices.Index(w.down, w.depends[r.IntN(len(w.depends))])
	}
	w.repair(turn)
	return (1 - from) / (1 - to)
}

// elsewhere lets a node fail that is no candidate, or repairs one on which the loss does not
// depend.
func (w *walker) elsewhere(r *rand.Rand, turn int, fail, repair float64) {
	for {
		if r.Float64()*(fail+repair) < repair && len(w.depends) < len(w.down) {
			at := turn
			if turn < 0 {
				at = r.IntN(len(w.down))
			}
			if !slices.Contains(w.depends, w.down[at]) {
				w.repair(at)
				return
			}
		} else if len(w.down)+len(w.near) < w.n {
			i := r.IntN(w.n)
			if _, near := slices.BinarySearch(w.near, int32(i)); !near && !w.isDown[i] {
				w.fail(i)
				return
			}
		}
	}
}

// candidates lists the nodes that are up whose failures bring the loss nearer: those that share
// sets with the watched node and with the nodes that failed after it and do, too. The loss depends
// on all of these. Where any nodes share sets, all that are up are candidates, and not listed.
func (w *walker) candidates() {
	first := slices.Index(w.down, w.watch)
	if w.mates == nil {
		w.depends = append(w.depends[:0], w.down[first:]...)
		return
	}
	mates := w.mates[w.watch]
	w.depends = append(w.depends[:0], w.watch)
	w.near = w.near[:0]
	for _, i := range mates {
		if !w.isDown[i] {
			w.near = append(w.near, i)
		}
	}
	for _, i := range w.down[first+1:] {
		if _, is := slices.BinarySearch(mates, i); is {
			w.depends = append(w.depends, i)
			w.near = keepMates(w.near, w.mates[i], &w.shared)
		}
	}
}

// keepMates leaves only those nodes that are also among the mates, if there are any: else the sets
// of these mates are others. spare is room.
func keepMates(nodes, mates []int32, spare *[]int32) []int32 {
	shared := (*spare)[:0]
	for _, i := range nodes {
		if _, is := slices.BinarySearch(mates, i); is {
			shared = append(shared, i)
		}
	}
	*spare = shared
	if len(shared) == 0 {
		return nodes
	}
	*spare = nodes
	return shared
}

// began says whether what ok finds in the probe began with the failure of the watched node: it is
// there with the failures from then on, and not without that one.
func (w *walker) began(ok func() bool) bool {
	first := slices.Index(w.down, w.watch)
	if first < 0 {
		return false
	}
	for _, i := range w.down[:first] {
		w.probe.Repair(int(i))
	}
	with := ok()
	w.probe.Repair(int(w.watch))
	without := ok()
	for _, i := range w.down[:first+1] {
		w.probe.Fail(int(i))
	}
	return with && !without
}
