package rare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
)

// Lifetimes are nodes that age: each lives for a time of the distribution Life, is repaired or
// replaced within one of Repair, all in parallel, and is as new then. All are new at time 0. Data
// is lost as with Dynamics.
type Lifetimes struct {
	Placement *place.Placement
	Life      Time   // Weibull or Exponential
	Repair    Time   // any; the zero value: never repaired
	Method    string // Auto, MonteCarlo or ImportanceSampling
}

func (l *Lifetimes) validate() error {
	if l.Placement == nil {
		return badInput("no placement")
	}
	if err := l.Placement.Validate(); err != nil {
		return badInput("%v", err)
	}
	if l.Life.kind != weibull || !l.Life.valid() || !l.Repair.valid() {
		return badInput("lifetime %v, repair %v", l.Life, l.Repair)
	}
	return nil
}

// Loss is the probability that data of any cell is lost within t hours. One of the independent
// cells is simulated. The error wraps ErrInput, ErrMethod, or is that of ctx.
//
// Rare losses are found by importance sampling: on branches of plain missions, as with Dynamics,
// but with multiplied hazards (Nicola, Shahabuddin, Heidelberger, Glynn 1993). In Auto, exponential
// times are left to Dynamics, which need not follow every node.
func (l Lifetimes) Loss(ctx context.Context, t float64, o draw.Options) (Result, error) {
	if err := l.validate(); err != nil {
		return Result{}, err
	}
	if !(t >= 0) || math.IsInf(t, 1) {
		return Result{}, badInput("mission time %g", t)
	}
	if t == 0 {
		return Result{Estimate: impossible, Method: MonteCarlo}, nil
	}
	if d, ok := l.memoryless(); ok && l.Method == Auto {
		return d.Loss(ctx, t, o)
	}
	o = o.WithDefaults()
	switch l.Method {
	case MonteCarlo, ImportanceSampling:
		return l.missions(ctx, t, o, l.Method)
	case Auto:
	default:
		return Result{}, badMethod(l.Method, "unknown here")
	}
	r, err := l.missions(ctx, t, pilot(o), MonteCarlo)
	if err != nil {
		return r, err
	}
	method := ImportanceSampling
	if r.Hits >= pilotHits {
		method = MonteCarlo
	}
	return l.missions(ctx, t, o, method)
}

// memoryless is the same question where all times are exponential.
func (l *Lifetimes) memoryless() (Dynamics, bool) {
	d := Dynamics{Placement: l.Placement, FailRate: 1 / l.Life.scale}
	if l.Repair.kind == weibull {
		d.RepairRate = 1 / l.Repair.scale
	}
	return d, l.Life.shape == 1 && (l.Repair.kind == never || l.Repair.shape == 1)
}

func (l *Lifetimes) missions(ctx context.Context, t float64, o draw.Options, method string,
) (Result, error) {
	var total draw.Tally
	branches := int(min(maxBranches, 1+float64(l.Placement.Cell.Nodes())*l.Life.hazard(t)/8))
	var near [][]int32
	if method == ImportanceSampling {
		near = matesOf(l.Placement.Cell)
	}
	sample := func(r *rand.Rand, n int) draw.Tally {
		a := newAging(l, 1, near)
		s := draw.Tally{Weighted: method != MonteCarlo}
		for range n {
			if method == MonteCarlo {
				s.Add(a.plainMission(r, t))
			} else {
				s.Add(a.biasedMission(r, t, branches))
			}
		}
		return s
	}
	look := func() draw.Estimate {
		e := ofCells(probable(total.Estimate(o.Level)), l.Placement.Cells)
		e.Converged = e.Reached(o)
		return e
	}
	err := draw.Rounds(ctx, o, sample, func(s draw.Tally) { total.Merge(s) }, look)
	return Result{Estimate: look(), Method: method}, err
}

// MTTDL is the mean time until data of any cell is lost, in hours. There is no regeneration for
// aging nodes: but for exponential times, which are left to Dynamics, whole fleets are simulated
// to their first loss, and where this takes more than 250,000 failures and repairs, the error
// wraps ErrTooRare. Then ask for Loss. Else it wraps ErrInput, ErrMethod, or is that of ctx.
func (l Lifetimes) MTTDL(ctx context.Context, o draw.Options) (Result, error) {
	if err := l.validate(); err != nil {
		return Result{}, err
	}
	d, memoryless := l.memoryless()
	switch {
	case l.Method != Auto && l.Method != MonteCarlo:
		return Result{}, badMethod(l.Method, "aging nodes are simulated plainly to a loss")
	case l.Method == Auto && memoryless:
		return d.MTTDL(ctx, o)
	}
	o = o.WithDefaults()
	// A short look first, which is cheap, tells whether there is any hope.
	first := named(o, "pilot")
	first.Samples, first.Progress = 4, nil
	newLife := func() life {
		a := newAging(&l, l.Placement.Cells, nil)
		return a.life
	}
	r, err := lives(ctx, first, newLife, maxSteps/4)
	if err == nil {
		r, err = lives(ctx, o, newLife, 64*maxSteps)
	}
	if errors.Is(err, ErrTooRare) {
		err = fmt.Errorf("%w: %v nodes with repair %v; ask for the loss within a mission time",
			err, l.Life, l.Repair)
	}
	return r, err
}
