package markov

import (
	"fmt"
	"math"
)

// Dense is a continuous-time Markov chain of any shape, for up to about a thousand states:
// Rate[i][j] is the rate from i to j, where the diagonal is ignored, and Exit[i][c] that from i to
// an absorbing state of class c. Exit may be nil, and so may its rows; the rows of others have the
// same length.
type Dense struct {
	Rate, Exit [][]float64
}

// classes is the number of absorbing states.
func (d Dense) classes() int {
	n := len(d.Rate)
	if n == 0 || d.Exit != nil && len(d.Exit) != n {
		panic(fmt.Sprintf("markov: %d states with %d exits", n, len(d.Exit)))
	}
	classes := 0
	for i := range d.Rate {
		if len(d.Rate[i]) != n {
			panic(fmt.Sprintf("markov: state %d of %d has %d rates", i, n, len(d.Rate[i])))
		}
		if d.Exit == nil || d.Exit[i] == nil {
			continue
		}
		if e := len(d.Exit[i]); classes != 0 && e != classes {
			panic(fmt.Sprintf("markov: state %d exits to %d classes, others to %d", i, e, classes))
		}
		classes = len(d.Exit[i])
	}
	return classes
}

// eliminated is the chain after GTH elimination of the states n-1 … 1: a[i][j] for j < i is the
// rate from i to j when the chain is watched in the states up to i, out[i] the sum of all rates
// that leave i then, exit[i] those to the absorbing states, and time[i] the time per unit of time
// in i.
type eliminated struct {
	a, exit   [][]float64
	out, time []float64
}

func (d Dense) eliminate() eliminated {
	n, classes := len(d.Rate), d.classes()
	e := eliminated{
		a: make([][]float64, n), exit: make([][]float64, n),
		out: make([]float64, n), time: make([]float64, n),
	}
	for i := range n {
		e.a[i] = append([]float64(nil), d.Rate[i]...)
		e.a[i][i] = 0
		e.exit[i] = make([]float64, classes)
		if d.Exit != nil {
			copy(e.exit[i], d.Exit[i])
		}
		e.time[i] = 1
	}
	for k := n - 1; k >= 0; k-- {
		from := e.a[k][:k]
		for _, x := range from {
			e.out[k] += x
		}
		for _, x := range e.exit[k] {
			e.out[k] += x
		}
		for i := range k {
			if e.a[i][k] == 0 {
				continue
			}
			f := e.a[i][k] / e.out[k] // infinite if the chain cannot leave k again
			row := e.a[i][:k]
			for j, x := range from {
				if x != 0 && j != i {
					row[j] += float64(f * x)
				}
			}
			for c, x := range e.exit[k] {
				if x != 0 {
					e.exit[i][c] += float64(f * x)
				}
			}
			e.time[i] += float64(f * e.time[k])
		}
	}
	return e
}

// MTTA is the mean time to absorption from every state; +Inf where absorption is not certain.
// O(n³).
func (d Dense) MTTA() []float64 {
	e := d.eliminate()
	h := make([]float64, len(e.time))
	for k := range h {
		sum := e.time[k]
		for j, x := range e.a[k][:k] {
			if x != 0 {
				sum += float64(x * h[j])
			}
		}
		h[k] = sum / e.out[k]
	}
	return h
}

// Absorption gives the probability, from every state, to be absorbed in each class, where that is
// certain to happen at all. O(n³).
func (d Dense) Absorption() [][]float64 {
	e := d.eliminate()
	b := e.exit
	for k := range b {
		for c := range b[k] {
			for j, x := range e.a[k][:k] {
				b[k][c] += float64(x * b[j][c])
			}
			b[k][c] /= e.out[k]
		}
	}
	return b
}

// Hitting is the mean time from every state until one of the targets is entered for the first
// time, 0 from these; exits do not occur, that is, they must be zero where they matter. +Inf where
// the targets may be missed. O(n³).
func (d Dense) Hitting(target []bool) []float64 {
	n := len(d.Rate)
	d.classes()
	if len(target) != n {
		panic(fmt.Sprintf("markov: %d targets among %d states", len(target), n))
	}
	var others []int
	for i := range target {
		if !target[i] {
			others = append(others, i)
		}
	}
	h := make([]float64, n)
	if len(others) == 0 {
		return h
	}
	sub := Dense{make([][]float64, len(others)), make([][]float64, len(others))}
	for a, i := range others {
		sub.Rate[a] = make([]float64, len(others))
		sub.Exit[a] = make([]float64, 1)
		for b, j := range others {
			sub.Rate[a][b] = d.Rate[i][j]
		}
		for j := range target {
			if target[j] {
				sub.Exit[a][0] += d.Rate[i][j]
			}
		}
	}
	for a, x := range sub.MTTA() {
		h[others[a]] = x
	}
	return h
}

// Stationary is the distribution of a chain without exits in the long run. State 0 must be
// reachable from every other state. O(n³).
func (d Dense) Stationary() []float64 {
	e := d.eliminate()
	// Rates into k from lower states, when the chain is watched up to k, are what the elimination
	// has left above the diagonal.
	p := make([]float64, len(e.time))
	p[0] = 1
	total := 1.0
	for k := 1; k < len(p); k++ {
		for i := range k {
			p[k] += float64(p[i] * e.a[i][k])
		}
		p[k] /= e.out[k]
		total += p[k]
	}
	for k := range p {
		p[k] /= total
	}
	return p
}

// Transient is the distribution at time t ≥ 0 of a chain that begins with the distribution start:
// the probability of every state, and that of having been absorbed in each class. By
// uniformisation, O(n²·rate·t), where zero rates cost nothing.
func (d Dense) Transient(start []float64, t float64) (states, absorbed []float64) {
	n, classes := len(d.Rate), d.classes()
	if len(start) != n || !(t >= 0) || math.IsInf(t, 1) {
		panic(fmt.Sprintf("markov: %d of %d states at time %v", len(start), n, t))
	}
	u := newJumps(d)
	states, absorbed = append([]float64(nil), start...), make([]float64, classes)
	if u.rate == 0 || t == 0 {
		return states, absorbed
	}
	weights, tails := poisson(u.rate*t, n+40)
	v, next := append([]float64(nil), start...), make([]float64, n)
	clear(states)
	lost := make([]float64, classes)
	for j := range weights {
		if j > 0 {
			u.move(next, v, lost)
			v, next = next, v
			for c := range lost {
				absorbed[c] += float64(lost[c] * tails[j])
			}
		}
		for i := range states {
			states[i] += float64(weights[j] * v[i])
		}
	}
	return states, absorbed
}

// jumps is the uniformised chain, as lists of the probabilities that are not zero.
type jumps struct {
	rate     float64
	stay     []float64
	to, exit [][]jump
}

type jump struct {
	to int
	p  float64
}

func newJumps(d Dense) jumps {
	n := len(d.Rate)
	u := jumps{stay: make([]float64, n), to: make([][]jump, n), exit: make([][]jump, n)}
	for i := range n {
		sum := 0.0
		for j, x := range d.Rate[i] {
			if j != i && x != 0 {
				u.to[i] = append(u.to[i], jump{j, x})
				sum += x
			}
		}
		if d.Exit != nil {
			for c, x := range d.Exit[i] {
				if x != 0 {
					u.exit[i] = append(u.exit[i], jump{c, x})
					sum += x
				}
			}
		}
		u.stay[i] = sum
		u.rate = max(u.rate, 2*sum)
	}
	if u.rate == 0 {
		return u
	}
	for i := range n {
		u.stay[i] = 1 - u.stay[i]/u.rate
		for j := range u.to[i] {
			u.to[i][j].p /= u.rate
		}
		for j := range u.exit[i] {
			u.exit[i][j].p /= u.rate
		}
	}
	return u
}

// move moves the distribution v by one event, and says what that loses to each class.
func (u *jumps) move(next, v, lost []float64) {
	clear(next)
	clear(lost)
	mass, gone := 0.0, 0.0
	for i, x := range v {
		if x == 0 {
			continue
		}
		mass += x
		next[i] += float64(x * u.stay[i])
		for _, j := range u.to[i] {
			next[j.to] += float64(x * j.p)
		}
		for _, j := range u.exit[i] {
			lost[j.to] += float64(x * j.p)
		}
	}
	for _, x := range lost {
		gone += x
	}
	rescale(next, mass-gone)
}

// rescale makes the sum of v what it ought to be. Rounding the probabilities to stay, which are
// near one, would otherwise add up over the events.
func rescale(v []float64, ought float64) {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	if sum == 0 {
		return
	}
	for i := range v {
		v[i] *= ought / sum
	}
}
