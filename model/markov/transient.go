package markov

import (
	"fmt"
	"math"
)

// Transient evaluates the distribution of a chain at many times cheaply: it holds the transition
// matrices for the times h, 2h, 4h … where h is a quarter to a half of the shortest mean time in a
// state. [Chain.Until] makes one. Any number of goroutines may use it.
//
// A matrix is squared with the column of the absorbing state kept apart, and its rows are then
// divided by their sums, which ought to be one. The sums would otherwise drift by a factor of two
// with each squaring; so every entry, however small, keeps its relative error: the same idea as
// GTH, in time instead of states. Squaring is due to C. Moler, C. Van Loan, "Nineteen dubious ways
// to compute the exponential of a matrix", SIAM Review 20 (1978), method 3.
type Transient struct {
	chain Chain
	n     int       // transient states
	rate  float64   // of uniformisation: twice the largest exit rate
	diag  []float64 // of the uniformised chain, 1/2 or more
	h     float64   // the time of the first matrix, a power of two below 1/rate
	steps []kernel  // for h, 2h, 4h …
	end   float64   // the last time that is asked for
}

// kernel is a transition matrix: stay[i·n+j] from i to j, lost[i] from i to the absorbing state.
type kernel struct {
	stay, lost []float64
}

// Until prepares the evaluation at times from 0 to end. O(m³·log₂(end·rate)), and m² of memory for
// each of as many matrices.
func (c Chain) Until(end float64) *Transient {
	if !(end >= 0) || math.IsInf(end, 1) {
		panic(fmt.Sprintf("markov: time %v", end))
	}
	t := c.uniformised()
	t.end = end
	if t.rate == 0 || end < t.h {
		return t
	}
	t.steps = append(t.steps, t.first())
	for at := t.h; at <= end/2; at *= 2 {
		t.double()
	}
	return t
}

func (c Chain) uniformised() *Transient {
	c.check()
	t := &Transient{chain: c, n: len(c.Up), diag: make([]float64, len(c.Up))}
	for i := range c.Up {
		t.rate = max(t.rate, 2*(c.Up[i]+c.Down[i]+c.Kill[i]))
	}
	if t.rate > 0 {
		for i := range c.Up {
			t.diag[i] = 1 - (c.Up[i]+c.Down[i]+c.Kill[i])/t.rate
		}
		t.h = math.Ldexp(0.5, -math.Ilogb(t.rate))
	}
	return t
}

// double adds the kernel for twice the last time.
func (t *Transient) double() { t.steps = append(t.steps, t.steps[len(t.steps)-1].squared(t.n)) }

// first is the kernel for the time h, a row at a time.
func (t *Transient) first() kernel {
	k := kernel{make([]float64, t.n*t.n), make([]float64, t.n)}
	s := t.newScratch()
	for i := range t.n {
		row := k.stay[i*t.n : (i+1)*t.n]
		row[i] = 1
		k.lost[i] = t.short(row, t.h, s)
	}
	k.normalise(t.n)
	return k
}

// short moves the distribution v by a time of at most h and returns what was lost:
// uniformisation, Σ v·Uʲ·xʲ/j!·e⁻ˣ with x = rate·time below one. The terms end only after every
// state has been reached that can be, and so the smallest entries are complete as well.
func (t *Transient) short(v []float64, time float64, s *scratch) (lost float64) {
	x := t.rate * time
	if x == 0 {
		return 0
	}
	term, next, termLost := s.term, s.jumped, 0.0
	copy(term, v)
	clear(v)
	const enough = 20 // 1/20! is 4e-19
	w := math.Exp(-x)
	for j := 0; ; j++ {
		for i := range v {
			v[i] += float64(w * term[i])
		}
		lost += float64(w * termLost)
		if j == t.n+enough {
			return lost
		}
		termLost += t.jump(next, term)
		term, next = next, term
		w *= x / float64(j+1)
		if w == 0 {
			return lost
		}
	}
}

// jump moves the distribution v by one event of the uniformised chain, and returns what that
// loses.
func (t *Transient) jump(next, v []float64) (lost float64) {
	c := &t.chain
	for i := range v {
		s := float64(v[i] * t.diag[i])
		if i > 0 {
			s += float64(v[i-1] * (c.Up[i-1] / t.rate))
		}
		if i < len(v)-1 {
			s += float64(v[i+1] * (c.Down[i+1] / t.rate))
		}
		next[i] = s
		lost += float64(v[i] * (c.Kill[i] / t.rate))
	}
	return lost
}

func (k kernel) squared(n int) kernel {
	s := kernel{make([]float64, n*n), make([]float64, n)}
	for i := range n {
		from := k.stay[i*n : (i+1)*n]
		s.lost[i] = k.lost[i] + k.move(s.stay[i*n:(i+1)*n], from, n)
	}
	s.normalise(n)
	return s
}

// move adds v·stay to dst and returns v·lost.
func (k kernel) move(dst, v []float64, n int) (lost float64) {
	for i, x := range v {
		if x == 0 {
			continue
		}
		row := k.stay[i*n : (i+1)*n]
		row = row[:len(dst)]
		for j := range dst {
			dst[j] += float64(x * row[j])
		}
		lost += float64(x * k.lost[i])
	}
	return lost
}

// normalise makes the rows, with what is lost, sum to one again.
func (k kernel) normalise(n int) {
	for i := range n {
		row := k.stay[i*n : (i+1)*n]
		sum := 0.0
		for _, x := range row {
			sum += x
		}
		f := 1 / (sum + k.lost[i])
		for j := range row {
			row[j] *= f
		}
		k.lost[i] *= f
	}
}

// At is the distribution at a time of the chain that is in state 0 at time 0: the probability of
// every transient state, and that of having been absorbed. O(m²·log(time·rate)).
func (t *Transient) At(time float64) (states []float64, lost float64) {
	if !(0 <= time && time <= t.end) {
		panic(fmt.Sprintf("markov: time %v of %v", time, t.end))
	}
	return t.at(time, t.newScratch())
}

// scratch is the memory of one evaluation.
type scratch struct{ v, next, term, jumped []float64 }

func (t *Transient) newScratch() *scratch {
	all := make([]float64, 4*t.n)
	return &scratch{all[:t.n], all[t.n : 2*t.n], all[2*t.n : 3*t.n], all[3*t.n:]}
}

func (t *Transient) at(time float64, s *scratch) (states []float64, lost float64) {
	clear(s.v)
	s.v[0] = 1
	if t.rate == 0 {
		return s.v, 0
	}
	for k := len(t.steps) - 1; k >= 0; k-- {
		step := math.Ldexp(t.h, k)
		if time >= step {
			time -= step // exact
			clear(s.next)
			lost += t.steps[k].move(s.next, s.v, t.n)
			s.v, s.next = s.next, s.v
		}
	}
	return s.v, lost + t.short(s.v, time, s)
}

// Loss is the probability to have been absorbed by the time.
func (t *Transient) Loss(time float64) float64 {
	loss, _ := t.both(time)
	return loss
}

// Survival is 1-Loss with a small relative error of its own.
func (t *Transient) Survival(time float64) float64 {
	_, survival := t.both(time)
	return survival
}

func (t *Transient) both(time float64) (loss, survival float64) {
	return balance(t.At(time))
}

// balance makes the sum of what is lost and what is not one.
func balance(v []float64, lost float64) (loss, survival float64) {
	for i := len(v) - 1; i >= 0; i-- {
		survival += v[i]
	}
	total := lost + survival
	return lost / total, survival / total
}
