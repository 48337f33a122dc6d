package rare

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A branch of aging nodes is what that of a walker is: it begins with the failure of one node, ends
// with its repair, and counts the losses that began with this failure. It goes from window to
// window. A window ends with the first repair of a node on which the loss depends, when that is
// known beforehand, or earlier with the failure of one. Within a window the hazards of the
// candidates, those nodes whose failures bring the loss nearer, are multiplied by one θ, chosen
// such that hurry failures of them are expected in it; it is a function of the past, of which how
// long repairs take is part. The likelihood ratio of a window is exp((θ-1)·H), where H is the
// hazard that added up on the candidates, and 1/θ if one of them failed. All other nodes live on
// as they do.
type agingBranch struct {
	mates  [][]int32
	starts []agingStart
	count  int // failures on the plain path
	watch  int32
	down   []int32   // in the order of the failures
	at     []float64 // by node: when it fails, or its repair ends

	near   []int32   // candidates
	past   []float64 // by candidate: hazard that had added up when the window began
	shared []int32
	theta  float64
}

// agingStart is the moment after a failure.
type agingStart struct {
	at   float64
	down []int32   // in the order of the failures
	born []float64 // by node
	next []float64 // by node: what was scheduled
}

// hurry is how many failures of candidates are expected in a window.
const hurry = 1.6

func newAgingBranch(n int, mates [][]int32) agingBranch {
	return agingBranch{mates: mates, at: make([]float64, n),
		past: make([]float64, n)}
}

// biasedMission estimates the probability that the cell loses data within t. The first failure is
// forced to be within t.
func (a *aging) biasedMission(r *rand.Rand, t float64, branches int) float64 {
	b, life := &a.branch, a.l.Life
	within := -math.Expm1(-float64(a.n) * life.hazard(t))
	first := min(t, a.firstFailure(-math.Log1p(-r.Float64()*within)))
	a.beginWith(r, r.IntN(a.n), first)
	b.down, b.count = b.down[:0], 0
	for len(b.starts) < branches {
		b.starts = append(b.starts, agingStart{})
	}
	for a.next.firstTime() <= t {
		_, node := a.next.first()
		fails := !a.isDown[node]
		now, loss := a.step(r)
		if fails {
			b.down = append(b.down, int32(node))
			a.offer(r, now)
		} else {
			b.down = without(b.down, int32(node))
		}
		if loss > 0 && r.Float64() < loss {
			break
		}
	}
	var sum float64
	for i := range b.starts {
		sum += a.runBranch(r, &b.starts[i], t)
	}
	return within * float64(b.count) * sum / float64(len(b.starts))
}

func without(list []int32, x int32) []int32 {
	i := slices.Index(list, x)
	return slices.Delete(list, i, i+1)
}

// offer makes the failure that just happened a start with the probability that makes it one among
// all so far. What is scheduled for others goes with it: it is as likely on the branch, and that
// the plain path shares it does no harm to a mean.
func (a *aging) offer(r *rand.Rand, now float64) {
	b := &a.branch
	b.count++
	for i := range b.starts {
		if b.count > 1 && r.IntN(b.count) != 0 {
			continue
		}
		s := &b.starts[i]
		s.at = now
		s.down = append(s.down[:0], b.down...)
		s.born = append(s.born[:0], a.born...)
		s.next = slices.Grow(s.next[:0], a.n)[:a.n]
		for j, node := range a.next.nodes {
			s.next[node] = a.next.at[j]
		}
	}
}

// runBranch estimates the probability that the failure from which it starts begins a loss by t.
func (a *aging) runBranch(r *rand.Rand, s *agingStart, t float64) float64 {
	b := &a.branch
	loss := a.restore(r, s)
	weight, sum, now := 1.0, 0.0, s.at
	for { // a window
		if loss > 0 {
			if a.began() {
				sum += weight * loss
			}
			weight *= 1 - loss
		}
		if !a.isDown[b.watch] || weight == 0 {
			return sum
		}
		a.beginWindow(r, now, t, weight)
		changed := false
		for !changed {
			node := soonest(b.at)
			now = b.at[node]
			if now > t {
				return sum
			}
			loss, changed = a.happen(r, node, now)
			if loss > 0 && !changed {
				// A loss away from this one; it may take the weight, or belong to it all the same.
				changed = true
			}
		}
		weight *= a.endWindow(r, now)
	}
}

// restore goes back to the moment of a failure, and returns the probability that it lost data.
func (a *aging) restore(r *rand.Rand, s *agingStart) float64 {
	b := &a.branch
	a.reset()
	copy(a.born, s.born)
	copy(b.at, s.next)
	last := len(s.down) - 1
	b.down = append(b.down[:0], s.down...)
	for _, i := range s.down[:last] {
		a.fail(int(i))
	}
	b.watch = s.down[last]
	b.at[b.watch] = s.at + a.l.Repair.draw(r)
	return a.fail(int(b.watch))
}

// soonest is the index of the least number.
func soonest(at []float64) int {
	least := 0
	for i, x := range at {
		if x < at[least] {
			least = i
		}
	}
	return least
}

// happen lets a node fail or come back, and says whether this changes on what the loss depends.
func (a *aging) happen(r *rand.Rand, node int, now float64) (loss float64, changed bool) {
	b := &a.branch
	i := int32(node)
	mate := i == b.watch || b.mates == nil
	if !mate {
		_, mate = slices.BinarySearch(b.mates[b.watch], i)
	}
	if a.isDown[node] {
		older := slices.Index(b.down, i) < slices.Index(b.down, b.watch)
		b.down = without(b.down, i)
		a.repair(node, now)
		b.at[node] = now + a.l.Life.draw(r)
		return 0, mate && !older
	}
	b.down = append(b.down, i)
	b.at[node] = now + a.l.Repair.draw(r)
	return a.fail(node), mate
}

// beginWindow chooses candidates and θ, and draws when the candidates fail, if in this window.
func (a *aging) beginWindow(r *rand.Rand, now, t, weight float64) {
	b, life := &a.branch, a.l.Life
	end := min(t, b.at[b.watch])
	depend := a.candidates(&end)
	b.theta = 1
	if a.hit[0] > 0 || depend > a.tolerate+1 || weight > biasUpTo {
		b.near = b.near[:0]
		return
	}
	var sum, atNow, atEnd float64
	born := math.NaN()
	for _, i := range b.near {
		if a.born[i] != born { // most nodes are as old as their neighbours
			born = a.born[i]
			atNow, atEnd = life.hazard(now-born), life.hazard(end-born)
		}
		b.past[i] = atNow
		sum += max(0, atEnd-atNow)
	}
	if sum == 0 || sum >= hurry {
		b.near = b.near[:0]
		return
	}
	b.theta = hurry / sum
	for _, i := range b.near {
		b.at[i] = max(now, a.born[i]+life.ageAt(b.past[i]+r.ExpFloat64()/b.theta))
	}
}

// endWindow returns the likelihood ratio of a window, and lets what were candidates live on without
// haste.
func (a *aging) endWindow(r *rand.Rand, now float64) float64 {
	b, life := &a.branch, a.l.Life
	var sum, last float64
	born, ratio := math.NaN(), 1.0
	for _, i := range b.near {
		if a.isDown[i] { // it is the one that ended the window
			sum += max(0, life.hazard(now-a.born[i])-b.past[i])
			ratio /= b.theta
			continue
		}
		if a.born[i] != born {
			born = a.born[i]
			last = life.hazard(now - born)
		}
		sum += max(0, last-b.past[i])
		b.at[i] = max(now, a.born[i]+life.ageAt(last+r.ExpFloat64()))
	}
	b.near = b.near[:0]
	return ratio * math.Exp((b.theta-1)*sum)
}

// candidates lists the nodes that are up whose failures bring the loss nearer, as with a walker,
// and ends the window with the first repair of those on which the loss depends. It returns how
// many these are.
func (a *aging) candidates(end *float64) (depend int) {
	b := &a.branch
	b.near = b.near[:0]
	first := slices.Index(b.down, b.watch)
	if b.mates == nil {
		for i := range a.n {
			if !a.isDown[i] {
				b.near = append(b.near, int32(i))
			}
		}
		for _, i := range b.down[first:] {
			*end = min(*end, b.at[i])
		}
		return len(b.down) - first
	}
	mates := b.mates[b.watch]
	for _, i := range mates {
		if !a.isDown[i] {
			b.near = append(b.near, i)
		}
	}
	depend = 1
	for _, i := range b.down[first+1:] {
		if _, is := slices.BinarySearch(mates, i); !is {
			continue
		}
		depend++
		*end = min(*end, b.at[i])
		b.near = keepMates(b.near, b.mates[i], &b.shared)
	}
	return depend
}

// began says whether the sets that are lost began to be with the failure of the watched node.
func (a *aging) began() bool {
	b, probe := &a.branch, a.probes[0]
	first := slices.Index(b.down, b.watch)
	if first < 0 {
		return false
	}
	for _, i := range b.down[:first] {
		probe.Repair(int(i))
	}
	with := probe.Lost() > 0
	probe.Repair(int(b.watch))
	without := probe.Lost() > 0
	for _, i := range b.down[:first+1] {
		probe.Fail(int(i))
	}
	return with && !without
}
