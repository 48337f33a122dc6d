package model

import (
	"context"
	"errors"
	"fmt"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/rare"
)

// Simulation marks solvers that sample. Their answers name the kind of sampling.
const Simulation Method = "simulation"

// simulated is the answer of a simulation. What package rare calls bad input is what the asker
// can mend.
func simulated(r rare.Result, err error, opt Options) (Answer, error) {
	switch {
	case errors.Is(err, rare.ErrInput), errors.Is(err, rare.ErrMethod),
		errors.Is(err, rare.ErrTooRare), errors.Is(err, rare.ErrTooBusy):
		return Answer{}, fmt.Errorf("%w: %w", ErrBadInput, err)
	case err != nil:
		return Answer{}, err
	}
	return estimated(r.Estimate, Method(r.Method), opt), nil
}

// snapshotOf is the system as a simulation of a random moment.
func (s *system) snapshotOf() rare.Snapshot {
	f := &s.static
	r := rare.Snapshot{Placement: s.place, Down: f.p, Each: f.table}
	if f.rates {
		r.FailRate = f.lambda
	}
	if len(f.levels) > 0 {
		r.Topology, r.DomainDown = &f.topo, f.levels
		if f.rates {
			r.DomainRates = f.begins
		}
	}
	return r
}

// solvers are all ways to answer a question that takes one number from a snapshot. A simulation
// estimates that number for the storage; what lies between it and its users is arithmetic, which
// is monotone, so that intervals carry over end by end.
func (s *system) solvers(name string, value func(snapshot) float64, of quantity) []solver {
	simulate := solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		if s.static.cv > 0 {
			return Answer{}, errNotApplicable
		}
		all, err := s.snapshotOf().Run(ctx, opt.draws(name+" "+s.name))
		r := of.from(all)
		answer, err := simulated(r, err, opt)
		if err != nil {
			return Answer{}, err
		}
		through := func(x float64) float64 {
			return value(of.snapshot(x).through(s.access, s.place.LVs))
		}
		answer.Value = through(answer.Value)
		answer.Interval.Low, answer.Interval.High = through(answer.Interval.Low),
			through(min(answer.Interval.High, of.most()))
		return answer, nil
	}}
	return s.snapshotSolvers(false, func(snap snapshot) Answer {
		return Answer{Value: value(snap)}
	}, simulate)
}

// quantity is the number of a snapshot that a measure is made from.
type quantity int

const (
	ofIncident quantity = iota
	ofLV
	ofShare
	ofFrequency
)

func (q quantity) from(all rare.Incidents) rare.Result {
	return []rare.Result{all.Any, all.LVs, all.Storage, all.Frequency}[q]
}

func (q quantity) snapshot(x float64) snapshot {
	var s snapshot
	*[]*float64{&s.incident, &s.lv, &s.share, &s.frequency}[q] = x
	return s
}

// most is the largest value that the quantity can have.
func (q quantity) most() float64 {
	if q == ofFrequency {
		return infinite
	}
	return 1
}

// simulateSizes samples how many volumes are down at once.
func (s *system) simulateSizes() solver {
	return solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		if s.static.cv > 0 || s.access.remote > 0 {
			return Answer{}, errNotApplicable
		}
		all, err := s.snapshotOf().Run(ctx, opt.draws("size "+s.name))
		a, err := simulated(all.Any, err, opt)
		if err != nil {
			return Answer{}, err
		}
		var at, share []float64
		for _, b := range all.Sizes.Bins() {
			at, share = append(at, float64(b.LVs)), append(share, b.Share)
		}
		if at == nil {
			if a.Value == 0 && a.Interval.High == 0 {
				return Answer{}, fmt.Errorf("%w: with these parameters nothing is ever down", ErrBadInput)
			}
			return Answer{}, fmt.Errorf("%w: no incident was seen in %d samples; allow more of them",
				ErrBadInput, a.Sampling.Samples)
		}
		a.Sizes, a.Interval = sizes(at, share), nil
		a.Value = a.Sizes.Mean
		return a, nil
	}}
}

// estimated turns an estimate into an answer.
func estimated(e draw.Estimate, m Method, opt Options) Answer {
	level := opt.Level
	if level == 0 {
		level = 0.95
	}
	return Answer{Value: e.Value, Method: m,
		Interval: &Interval{Low: e.Low, High: e.High, Level: level},
		Sampling: &Sampling{Samples: e.N, Hits: e.Hits, ESS: e.ESS, Seed: opt.Seed,
			Converged: e.Converged}}
}
