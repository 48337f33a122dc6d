package rare

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
)

// Ways to repair, each within its cell.
const (
	Serial   = "serial"   // one node at a time, the one that failed first, at rate RepairRate
	Parallel = "parallel" // every failed node at rate RepairRate, as pairs and groups do
	// Declustered: all other nodes help, so that the total rate is RepairRate·Speedup as long as
	// any node is down; which one comes back is uniform.
	Declustered = "declustered"
	// CriticalFirst is declustered, but what is nearest to a loss is repaired first. In a pool of
	// all sets only the share C(N-f,k-f)/C(N-1,k-1) of what a node holds is critical when f are
	// down, and the state is left so much faster. In another pool the node that comes back is
	// the first to have failed of that set which has lacked the most members for the longest time.
	CriticalFirst = "critical-first"
)

// Dynamics are nodes that fail and are repaired at constant rates, from all nodes up at time 0.
// Data is lost when a set of a cell is lost for the first time, if it holds any: the set or sets
// lost by a failure hold none of finitely many objects with the probability of which
// Placement.HitGivenLost tells, which is drawn anew for every loss, as if what was lost before
// and came back were another set.
type Dynamics struct {
	Placement  *place.Placement
	FailRate   float64 // of a node that is up, per hour; above 0
	RepairRate float64 // per hour; 0: never repaired
	Repair     string  // Serial, Parallel, Declustered or CriticalFirst; empty: Parallel
	Speedup    float64 // of Declustered and CriticalFirst; 0: the other nodes of the cell, N-1

	// SectorErrors is the probability that a repair that leaves the critical state, in which some
	// set tolerates no further failure, finds a latent sector error and loses data.
	SectorErrors float64

	Method string // Auto, MonteCarlo or FailureBiasing
}

func (d *Dynamics) validate() error {
	if d.Placement == nil {
		return badInput("no placement")
	}
	if err := d.Placement.Validate(); err != nil {
		return badInput("%v", err)
	}
	switch d.Repair {
	case "", Serial, Parallel, Declustered, CriticalFirst:
	default:
		return badInput("repair %q", d.Repair)
	}
	ok := d.FailRate > 0 && d.RepairRate >= 0 && d.Speedup >= 0 &&
		d.SectorErrors >= 0 && d.SectorErrors <= 1 &&
		!math.IsInf(d.FailRate+d.RepairRate+d.Speedup, 1)
	if !ok {
		return badInput("failure rate %g, repair rate %g, speedup %g, sector errors %g",
			d.FailRate, d.RepairRate, d.Speedup, d.SectorErrors)
	}
	return nil
}

// Loss is the probability that data of any cell is lost within t hours. Cells are independent and
// alike, and so one is simulated. Missions of hundreds of failures in a cell, over which the time
// to a loss is exponential but for the duration of some repairs, are left to MTTDL in Auto, if that
// makes less than a tenth of the wanted error. The error wraps ErrInput, ErrMethod, or is that of
// ctx.
func (d Dynamics) Loss(ctx context.Context, t float64, o draw.Options) (Result, error) {
	if err := d.validate(); err != nil {
		return Result{}, err
	}
	if !(t >= 0) || math.IsInf(t, 1) {
		return Result{}, badInput("mission time %g", t)
	}
	if t == 0 {
		return Result{Estimate: impossible, Method: MonteCarlo}, nil
	}
	o = o.WithDefaults()
	if d.Method == Auto && float64(d.Placement.Cell.Nodes())*d.FailRate*t > longMission {
		if r, ok, err := d.longLoss(ctx, t, o); ok || err != nil {
			return r, err
		}
	}
	branches := int(min(maxBranches, 1+float64(d.Placement.Cell.Nodes())*d.FailRate*t/8))
	missions := map[string]mission{
		MonteCarlo: func(w *walker, r *rand.Rand) float64 { return w.plainMission(r, t) },
		FailureBiasing: func(w *walker, r *rand.Rand) float64 {
			return w.biasedMission(r, t, branches)
		},
	}
	if d.Method != Auto {
		if missions[d.Method] == nil {
			return Result{}, badMethod(d.Method, "unknown here")
		}
		return d.missions(ctx, o, d.Method, missions[d.Method])
	}
	r, err := d.missions(ctx, pilot(o), MonteCarlo, missions[MonteCarlo])
	if err != nil {
		return r, err
	}
	if r.Hits >= pilotHits {
		return d.missions(ctx, o, MonteCarlo, missions[MonteCarlo])
	}
	return d.missions(ctx, o, FailureBiasing, missions[FailureBiasing])
}

// longMission is how many failures in a cell are too many to be simulated in every sample.
const longMission = 300

// longLoss takes the time to a loss to be exponential. ok is false where that is not good enough,
// or not known.
func (d *Dynamics) longLoss(ctx context.Context, t float64, o draw.Options) (Result, bool, error) {
	cell, one := *d, *d.Placement
	one.Cells, one.LVs = 1, one.LVsPerCell()
	cell.Placement = &one
	mean, down, err := cell.regenerative(ctx, named(o, "mttdl"))
	switch {
	case errors.Is(err, ErrTooBusy), err == nil && 3*down > o.RelErr/10*t:
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, err
	}
	e := mean.Estimate
	e.Value, e.Low, e.High = -math.Expm1(-t/mean.Value), -math.Expm1(-t/mean.High),
		-math.Expm1(-t/mean.Low)
	e.StdErr = t / mean.Value * (1 - e.Value) * mean.StdErr / mean.Value
	e = ofCells(e, d.Placement.Cells)
	e.Converged = mean.Converged || e.Reached(o)
	return Result{Estimate: e, Method: FailureBiasing}, true, nil
}

// A mission is one sample of the probability of a loss in a cell.
type mission func(w *walker, r *rand.Rand) float64

func (d *Dynamics) missions(ctx context.Context, o draw.Options, method string, run mission,
) (Result, error) {
	var total draw.Tally
	var near [][]int32
	if method == FailureBiasing {
		near = matesOf(d.Placement.Cell)
	}
	sample := func(r *rand.Rand, n int) draw.Tally {
		w := newWalker(d, near)
		t := draw.Tally{Weighted: method != MonteCarlo}
		for range n {
			t.Add(run(w, r))
		}
		return t
	}
	look := func() draw.Estimate {
		e := ofCells(probable(total.Estimate(o.Level)), d.Placement.Cells)
		e.Converged = e.Reached(o)
		return e
	}
	err := draw.Rounds(ctx, o, sample, func(t draw.Tally) { total.Merge(t) }, look)
	return Result{Estimate: look(), Method: method}, err
}

// plainMission is 1 if a cell loses data within t.
func (w *walker) plainMission(r *rand.Rand, t float64) float64 {
	w.reset()
	for now := 0.0; ; {
		fail, repair := w.rates()
		if fail+repair == 0 {
			return 0
		}
		if now += r.ExpFloat64() / (fail + repair); now >= t {
			return 0
		}
		if repair > 0 && r.Float64()*(fail+repair) < repair {
			w.repairOne(r)
		} else {
			w.failOne(r)
		}
		if w.loss > 0 && r.Float64() < w.loss {
			return 1
		}
	}
}
