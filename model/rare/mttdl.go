package rare

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
)

// MTTDL is the mean time until data of any cell is lost, in hours.
//
// For rare losses it is the regenerative ratio E[length of a cycle]/P[a loss in it] of one cell,
// where a cycle begins with all nodes up (Goyal, Shahabuddin, Heidelberger, Nicola, Glynn, IEEE
// ToC 41, 1992): lengths are simulated plainly, losses with failure biasing, and the interval is
// that of the delta method, which leaves out that longer cycles see more losses. For many cells
// the ratio is divided by their number. This takes the time to a loss to be exponential, and is
// wrong by about the time that a repair takes, since the first losses take that long to develop;
// where that matters, and in Auto where losses are common, whole fleets are simulated to their
// first loss.
//
// The error wraps ErrInput, ErrMethod, ErrTooRare, ErrTooBusy, or is that of ctx.
func (d Dynamics) MTTDL(ctx context.Context, o draw.Options) (Result, error) {
	if err := d.validate(); err != nil {
		return Result{}, err
	}
	o = o.WithDefaults()
	switch d.Method {
	case MonteCarlo:
		return lives(ctx, o, d.newLife, maxSteps)
	case FailureBiasing, Auto:
	default:
		return Result{}, badMethod(d.Method, "unknown here")
	}
	if d.Method == Auto {
		first := named(o, "pilot")
		first.Samples, first.Progress = draw.Batches, nil
		_, err := lives(ctx, first, d.newLife, pilotSteps)
		if err == nil {
			return lives(ctx, o, d.newLife, maxSteps)
		}
		if ctx.Err() != nil {
			return Result{}, err
		}
	}
	r, down, err := d.regenerative(ctx, o)
	if errors.Is(err, ErrTooBusy) && d.Method == Auto {
		if r, plain := lives(ctx, o, d.newLife, maxSteps); !errors.Is(plain, ErrTooRare) {
			return r, plain
		}
	}
	if err == nil && float64(d.Placement.Cells-1)*down/float64(d.Placement.Cells) >
		o.RelErr/4*r.Value && d.Method == Auto {
		return lives(ctx, o, d.newLife, math.MaxInt)
	}
	return r, err
}

// pilotSteps is how many failures and repairs it may take to a loss, in each of a few lives, for
// plain simulation to be chosen.
const pilotSteps = 20000

// maxSteps is how many it may take where plain simulation is asked for.
const maxSteps = 1 << 20

// cycles are the sums of the regenerative method.
type cycles struct {
	length, loss draw.Tally
	stuck        bool
}

// regenerative also returns how long nodes are down in a cycle, in the mean.
func (d *Dynamics) regenerative(ctx context.Context, o draw.Options) (Result, float64, error) {
	var total cycles
	near := matesOf(d.Placement.Cell)
	sample := func(r *rand.Rand, n int) cycles {
		w := newWalker(d, near)
		c := cycles{loss: draw.Tally{Weighted: true}}
		for range n {
			loss, length := w.biasedCycle(r)
			c.loss.Add(loss)
			c.length.Add(length)
			if c.stuck = w.stuck; c.stuck {
				break
			}
		}
		return c
	}
	up := 1 / (float64(d.Placement.Cell.Nodes()) * d.FailRate)
	look := func() draw.Estimate {
		length, loss := total.length.Estimate(o.Level), total.loss.Estimate(o.Level)
		e := quotient(up, length, loss)
		e = scaled(e, 1/float64(d.Placement.Cells))
		e.Converged = e.Reached(o) || total.stuck
		return e
	}
	err := draw.Rounds(ctx, o, sample, func(c cycles) {
		total.length.Merge(c.length)
		total.loss.Merge(c.loss)
		total.stuck = total.stuck || c.stuck
	}, look)
	if total.stuck && err == nil {
		err = ErrTooBusy
	}
	if err != nil {
		return Result{}, 0, err
	}
	e := look()
	return Result{Estimate: e, Method: FailureBiasing}, total.length.Estimate(o.Level).Value, nil
}

// quotient is (up + length)/loss with the delta method, +Inf without a hit.
func quotient(up float64, length, loss draw.Estimate) draw.Estimate {
	e := draw.Estimate{N: loss.N, Hits: loss.Hits, ESS: loss.ESS}
	mean := up + length.Value
	if loss.Value == 0 {
		e.Value, e.High = math.Inf(1), math.Inf(1)
		return e
	}
	e.Value = mean / loss.Value
	relative := math.Hypot(length.StdErr/mean, loss.StdErr/loss.Value)
	e.StdErr = e.Value * relative
	// Both are means of weighted samples, whose intervals are the same multiple of the error.
	half := e.Value * math.Hypot((length.High-length.Value)/mean, (loss.High-loss.Value)/loss.Value)
	e.Low, e.High = max(0, e.Value-half), e.Value+half
	return e
}

// A life is a plain simulation of a fleet to its first loss: hours, and false where it was given
// up after so many failures and repairs.
type life func(r *rand.Rand, steps int) (hours float64, ok bool)

// lives estimates a mean time to a loss by plain simulation. The error is ErrTooRare when a life
// takes too many steps.
func lives(ctx context.Context, o draw.Options, newLife func() life, steps int) (Result, error) {
	type sum struct {
		t  draw.Tally
		ok bool
	}
	var total draw.Tally
	rare := false
	err := draw.Rounds(ctx, o, func(r *rand.Rand, n int) sum {
		run := newLife()
		s := sum{t: draw.Tally{Weighted: true}, ok: true}
		for range n {
			hours, ok := run(r, steps)
			if s.ok = s.ok && ok; !s.ok {
				break
			}
			s.t.Add(hours)
		}
		return s
	}, func(s sum) {
		total.Merge(s.t)
		rare = rare || !s.ok
	}, func() draw.Estimate {
		e := total.Estimate(o.Level)
		e.Converged = e.Reached(o) || rare
		return e
	})
	if err == nil && rare {
		err = ErrTooRare
	}
	if err != nil {
		return Result{}, err
	}
	e := total.Estimate(o.Level)
	e.Converged = e.Reached(o)
	return Result{Estimate: e, Method: MonteCarlo}, nil
}

// newLife simulates all cells, of which only those with failed nodes are looked at.
func (d *Dynamics) newLife() life {
	l := &fleetLife{d: d, cells: d.Placement.Cells, n: d.Placement.Cell.Nodes()}
	l.at = make([]int32, l.cells)
	l.fails = float64(l.cells) * float64(l.n) * d.FailRate
	return l.run
}

type fleetLife struct {
	d        *Dynamics
	cells, n int
	fails    float64 // rate of failures as if all nodes were up
	at       []int32 // by cell: index in hurt plus 1, 0 for a cell with all nodes up

	hurt    []*walker
	cell    []int32   // of hurt
	repairs []float64 // their rates of repair
	total   float64   // of repairs
	spare   []*walker // for cells to come
}

func (l *fleetLife) run(r *rand.Rand, steps int) (hours float64, ok bool) {
	for len(l.hurt) > 0 {
		l.heal(len(l.hurt) - 1)
	}
	l.total = 0
	for range steps {
		all := l.fails + l.total
		hours += r.ExpFloat64() / all
		i := 0
		if u := r.Float64() * all; u < l.total {
			for ; i < len(l.hurt)-1; i++ {
				if u -= l.repairs[i]; u < 0 {
					break
				}
			}
			l.hurt[i].repairOne(r)
		} else {
			cell, node := r.IntN(l.cells), r.IntN(l.n)
			i = l.hurtOf(cell)
			if l.hurt[i].isDown[node] {
				continue // a failure of what is down already is none
			}
			l.hurt[i].fail(node)
		}
		w := l.hurt[i]
		if w.loss > 0 && r.Float64() < w.loss {
			return hours, true
		}
		if len(w.down) == 0 {
			l.heal(i)
		} else {
			_, l.repairs[i] = w.rates()
		}
		l.total = 0 // anew, as differences would leave rounding errors behind
		for _, rate := range l.repairs {
			l.total += rate
		}
	}
	return 0, false
}

// hurtOf is the index of a cell among those with failed nodes.
func (l *fleetLife) hurtOf(cell int) int {
	if l.at[cell] == 0 {
		if len(l.spare) == 0 {
			l.spare = append(l.spare, newWalker(l.d, nil))
		}
		last := len(l.spare) - 1
		l.hurt, l.spare = append(l.hurt, l.spare[last]), l.spare[:last]
		l.cell, l.repairs = append(l.cell, int32(cell)), append(l.repairs, 0)
		l.at[cell] = int32(len(l.hurt))
	}
	return int(l.at[cell]) - 1
}

// heal takes a cell out of those with failed nodes.
func (l *fleetLife) heal(i int) {
	w, last := l.hurt[i], len(l.hurt)-1
	w.reset()
	l.spare = append(l.spare, w)
	l.at[l.cell[i]] = 0
	if i != last {
		l.hurt[i], l.cell[i], l.repairs[i] = l.hurt[last], l.cell[last], l.repairs[last]
		l.at[l.cell[i]] = int32(i + 1)
	}
	l.hurt, l.cell, l.repairs = l.hurt[:last], l.cell[:last], l.repairs[:last]
}
