package prob

import (
	"fmt"
	"math"
)

// N nodes stand on a ring. The copies of a chunk are on a node and any R-1 of the W after it, so
// R nodes hold all copies of something exactly if they fit into W+1 consecutive places. F random
// distinct nodes fail. What counts are the gaps between failed neighbours, g₁ … g_F ≥ 1 with the
// sum N: nothing is lost if every R-1 consecutive gaps, around the ring, have a sum above W.

// ringWork limits the elementary steps of AnyWindowLost, of about a nanosecond each.
const ringWork = 2e9

// AnyWindowLost is outage.window-exact: the probability that some R of the F failed nodes stand
// within W+1 consecutive places of a ring of N. 2 ≤ R, 1 ≤ W, 0 ≤ F ≤ N.
//
// For R = 2 it is a closed form. For more, the gaps of a ring are counted one after the other,
// with the last R-2 of them as the state: about 2·N·F·(transitions between states) steps, which
// are W²/2 for R = 3. ok is false where that would take more than some seconds: simulate. The
// relative error is small for small probabilities too, unless F·(W-1) ≥ N, when failures are so
// dense that it is only the absolute error, 1e-14, that is.
func AnyWindowLost(N, R, W, F int) (p float64, ok bool) {
	if N < 1 || R < 2 || W < 1 || F < 0 || F > N {
		panic(fmt.Sprintf("prob: ring of %d, %d replicas within %d+1, %d failures", N, R, W, F))
	}
	switch {
	case F < R:
		return 0, true
	case W >= N-1 || float64(F)*float64(W+1) > float64(R-1)*float64(N):
		// Each failed node is in W+1 of the N windows, and no window has room for more than R-1.
		return 1, true
	case R == 2:
		return anyPairLost(float64(N), float64(W), float64(F)), true
	}
	states, known := gapStates(R, W)
	if !known {
		return 0, false
	}
	c := newRing(states, N, F)
	steps := 2 * float64(N) * float64(F) * float64(c.transitions())
	dense := float64(F)*float64(W-1) >= float64(N)
	if dense {
		steps *= float64(len(states)) / 2
	}
	switch {
	case steps > ringWork || float64(len(states))*float64(N) > 2e7:
		return 0, false
	case dense:
		return 1 - c.denseGood(), true
	}
	_, bad := c.sparse()
	return bad, true
}

// anyPairLost: N/F ways to turn each of C(N-F·W-1,F-1) sequences of gaps, all above W.
func anyPairLost(N, W, F float64) float64 {
	none := ratio(N, F).log().plus(logChoose(N-float64(F*W)-1, F-1)).minus(logChoose(N, F))
	return -math.Expm1(none.value())
}

// gapState is what must be known about a failed node to judge those that follow: the distances to
// failed nodes before it. Only the last R-2 of those closer than W matter. After a gap of W or
// more there are none, which is state 0.
type gapState struct {
	to []int // the state after a further gap of 1 … W-1, or violated
}

// violated stands for R failed nodes within the window.
const violated = -1

// gapStates numbers the states that can be reached. ok is false where they are very many: each
// of them has W-1 ways on, and so there would be no time to use them.
func gapStates(R, W int) (states []gapState, ok bool) {
	const limit = 400
	if W > limit {
		return nil, false
	}
	distances := [][]int{nil}
	number := map[string]int{"": 0}
	for i := 0; i < len(distances); i++ {
		to := make([]int, W-1)
		for g := 1; g < W; g++ {
			within := 1
			next := []int{g}
			for _, d := range distances[i] {
				if d+g <= W {
					within++
				}
				if d+g < W {
					next = append(next, d+g)
				}
			}
			if within >= R-1 {
				to[g-1] = violated
				continue
			}
			next = next[:min(len(next), R-2)]
			key := fmt.Sprint(next)
			n, known := number[key]
			if !known {
				if n = len(distances); n == limit {
					return nil, false
				}
				number[key] = n
				distances = append(distances, next)
			}
			to[g-1] = n
		}
		states = append(states, gapState{to})
	}
	return states, true
}

// ring counts sequences of gaps by their sum. A gap g weighs c·tᵍ, with t near the share of
// nodes that are up and c near the odds of a failure, so that the weights are nearly
// probabilities and stay in range; what becomes zero does not matter.
type ring struct {
	states []gapState
	N, F   int
	t, c   float64
	weight []float64 // of a gap 0 … W
}

func newRing(states []gapState, N, F int) *ring {
	q := float64(F) / float64(N)
	r := &ring{states: states, N: N, F: F, t: 1 - q}
	r.c = q / r.t
	W := len(states[0].to) + 1
	r.weight = make([]float64, W+1)
	for g := range r.weight {
		r.weight[g] = toThe(g, exactly(r.t)).timesFloat(r.c).value()
	}
	return r
}

func (r *ring) transitions() int {
	n := 0
	for i := range r.states {
		n += 1 + len(r.states[i].to)
		for _, to := range r.states[i].to {
			if to == violated {
				n--
			}
		}
	}
	return n
}

// total is the weight of all C(N,F) sets of failed nodes.
func (r *ring) total() (fraction dd, power int) {
	l := logChoose(float64(r.N), float64(r.F))
	l = l.plus(exactly(r.c).log().timesFloat(float64(r.F)))
	return l.plus(exactly(r.t).log().timesFloat(float64(r.N))).exp()
}

// counts[state][s] weighs sequences of gaps with the sum s that end in a state.
type counts [][]float64

func (r *ring) newCounts() counts {
	c := make(counts, len(r.states))
	for i := range c {
		c[i] = make([]float64, r.N+1)
	}
	return c
}

func (c counts) clear() {
	for i := range c {
		clear(c[i])
	}
}

// smallStep adds one gap below W to the sequences of n gaps in from; those that lose something
// go to bad, if there is one.
func (r *ring) smallStep(from, to counts, bad []float64, n int) {
	last := r.N - (r.F - n - 1) // each further gap takes a place at least
	for i := range r.states {
		for g, next := range r.states[i].to {
			dst := bad
			if next != violated {
				dst = to[next]
			}
			if dst != nil {
				shiftAdd(dst, from[i], r.weight[g+1], g+1, n, last)
			}
		}
	}
}

// shiftAdd adds w·src[s] to dst[s+g] for s ≥ first and s+g ≤ last.
func shiftAdd(dst, src []float64, w float64, g, first, last int) {
	if last-g < first {
		return
	}
	src = src[first : last-g+1]
	dst = dst[first+g:][:len(src)]
	for s, x := range src {
		dst[s] += float64(w * x)
	}
}

// large adds to dst, at every sum s, the weight of src followed by any gap of W or more.
func (r *ring) large(dst, src []float64) {
	W := len(r.weight) - 1
	sum := 0.0
	for s := W; s <= r.N; s++ {
		sum = float64(sum*r.t) + float64(src[s-W]*r.weight[W])
		dst[s] += sum
	}
}

// sparse counts the sets of failed nodes, in proportion to all, by what becomes of them, where at
// least one gap must be large, that is W or more. The ring is cut between its last node and its
// first. Each set is counted once, as the sequence of its gaps that begins with a large one: the
// one that holds the cut, or else the one before the run of small gaps that holds it. So a
// sequence stands for as many sets as its first large gap and the small ones after it have
// places, and no sequence needs to know how it began in order to be closed.
func (r *ring) sparse() (good, bad float64) {
	first, later := r.newCounts(), r.newCounts() // before and after the second large gap
	nextFirst, nextLater := r.newCounts(), r.newCounts()
	firstBad, nextFirstBad := make([]float64, r.N+1), make([]float64, r.N+1)
	source, sink := make([]float64, r.N+1), make([]float64, r.N+1)
	source[0] = 1
	r.large(first[0], source)
	for n := 1; n < r.F; n++ {
		nextFirst.clear()
		nextLater.clear()
		clear(nextFirstBad)
		clear(sink)
		r.smallStep(first, nextFirst, nextFirstBad, n)
		for g := 1; g < len(r.weight)-1; g++ {
			shiftAdd(nextFirstBad, firstBad, r.weight[g], g, n, r.N)
		}
		r.smallStep(later, nextLater, sink, n)
		for s := range source { // all that a large gap may follow
			x := 0.0
			for i := range r.states {
				x += first[i][s]
			}
			source[s] = float64(x * float64(s))
			for i := range r.states {
				source[s] += later[i][s]
			}
			firstBad[s] *= float64(s)
		}
		r.large(nextLater[0], source)
		r.large(sink, firstBad)
		bad += r.completions(sink, r.F-n-1)
		first, nextFirst = nextFirst, first
		later, nextLater = nextLater, later
		firstBad, nextFirstBad = nextFirstBad, firstBad
	}
	for i := range r.states {
		good += float64(first[i][r.N]*float64(r.N)) + later[i][r.N]
	}
	bad += float64(firstBad[r.N] * float64(r.N))
	fraction, power := r.total()
	all := scaled(fraction, power, 1)
	return good / all, bad / all
}

// completions weighs the sequences in lost, which have a sum s, with all ways to go on with n
// gaps of any size to N: C(N-s-1,n-1)·cⁿ·t^(N-s).
func (r *ring) completions(lost []float64, n int) float64 {
	if n == 0 {
		return lost[r.N]
	}
	// Ways for a rest of m places, from the most likely one on in both directions.
	start := min(r.N, max(n, int(float64(r.N)/float64(r.F)*float64(n))))
	l := logChoose(float64(start-1), float64(n-1))
	l = l.plus(exactly(r.c).log().timesFloat(float64(n)))
	l = l.plus(exactly(r.t).log().timesFloat(float64(start)))
	fraction, power := l.exp()
	anchor := scaled(fraction, power, 1)
	sum := 0.0
	for m, w := start, anchor; m <= r.N; m++ {
		sum += float64(w * lost[r.N-m])
		w *= float64(m) / float64(m-n+1) * r.t
	}
	for m, w := start, anchor; m > n; {
		w *= float64(m-n) / float64(m-1) / r.t
		m--
		sum += float64(w * lost[r.N-m])
	}
	return sum
}

// denseGood is the share of sets without a loss, for any arguments: a walk through the states
// that comes back to where it began after F gaps and N places is a set with a marked member, of
// which each set has F, and a turn, of which there are N.
func (r *ring) denseGood() float64 {
	sum := 0.0
	from, to := r.newCounts(), r.newCounts()
	source := make([]float64, r.N+1)
	for start := range r.states {
		from.clear()
		from[start][0] = 1
		for n := range r.F {
			to.clear()
			r.smallStep(from, to, nil, n)
			clear(source)
			for i := range r.states {
				for s, x := range from[i] {
					source[s] += x
				}
			}
			r.large(to[0], source)
			from, to = to, from
		}
		sum += from[start][r.N]
	}
	fraction, power := r.total()
	return min(1, sum*float64(r.N)/float64(r.F)/scaled(fraction, power, 1))
}
