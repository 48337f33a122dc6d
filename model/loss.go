package model

import (
	"context"
	"math"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// lossSolvers answer how long it takes to lose data, or with which probability it happens by t
// where t is above 0.
func (s *system) lossSolvers(measure string, t float64) []solver {
	solvers := []solver{
		{Markov, func(context.Context, Options) (Answer, error) {
			c, copies, ok := s.chain()
			switch {
			case !ok, (measure == "ploss" || copies > 1) && len(c.Up) > mostTransient+1:
				return Answer{}, errNotApplicable
			case measure == "mttdl":
				return Answer{Value: markov.FirstLoss(copies, c), Method: Markov}, nil
			}
			return Answer{Value: markov.LossOfAny(copies, c, t), Method: Markov}, nil
		}},
		{ClosedForm, func(context.Context, Options) (Answer, error) {
			p, ok := s.withoutRepair(t)
			if !ok || measure == "mttdl" {
				return Answer{}, errNotApplicable
			}
			return Answer{Value: p, Method: ClosedForm}, nil
		}},
		{Enumeration, func(context.Context, Options) (Answer, error) {
			x, ok := s.byStates(t)
			if !ok || measure == "ploss" && t == 0 {
				return Answer{}, errNotApplicable
			}
			return Answer{Value: x, Method: Enumeration}, nil
		}},
		{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
			r, err := s.simulateLoss(ctx, measure, t, opt.draws(measure+" "+s.name))
			return simulated(r, err, opt)
		}},
	}
	for i := range solvers {
		solvers[i].solve = s.withOutages(measure, t, solvers[i].solve)
	}
	return solvers
}

func (s *system) simulateLoss(ctx context.Context, measure string, t float64, o draw.Options) (
	rare.Result, error) {
	var of interface {
		MTTDL(context.Context, draw.Options) (rare.Result, error)
		Loss(context.Context, float64, draw.Options) (rare.Result, error)
	} = s.dynamics()
	if s.motion.shape > 0 {
		l := rare.Lifetimes{Placement: s.place, Life: rare.Weibull(s.motion.shape, s.motion.scale)}
		if s.motion.mu > 0 {
			l.Repair = rare.Exponential(1 / s.motion.mu)
		}
		of = l
	}
	if measure == "mttdl" {
		return of.MTTDL(ctx, o)
	}
	return of.Loss(ctx, t, o)
}

// withOutages adds power outages, as a cause of losses of their own, to what solve answers, and the
// notes that belong to an answer.
func (s *system) withOutages(measure string, t float64,
	solve func(context.Context, Options) (Answer, error)) func(context.Context, Options) (Answer, error) {
	return func(ctx context.Context, opt Options) (Answer, error) {
		if s.motion.outages == 0 {
			a, err := solve(ctx, opt)
			a.Note = s.note()
			return a, err
		}
		each, ok := s.lostAt(s.motion.q)
		if !ok {
			return Answer{}, errNotApplicable
		}
		a, err := solve(ctx, opt)
		if err != nil {
			return a, err
		}
		rate := s.motion.outages * each
		with := func(x float64) float64 {
			if measure == "mttdl" {
				return 1 / (1/x + rate)
			}
			return either(x, -math.Expm1(-rate*t))
		}
		a.Value = with(a.Value)
		if a.Interval != nil {
			a.Interval.Low, a.Interval.High = with(a.Interval.Low), with(a.Interval.High)
		}
		if a.Note = s.note(); a.Note != "" {
			a.Note += "; "
		}
		a.Note += "an outage is taken to find all nodes up"
		return a, nil
	}
}

// withoutRepair is the loss by t where nothing is repaired: every node has failed by then with one
// probability, independently.
func (s *system) withoutRepair(t float64) (float64, bool) {
	m := &s.motion
	if m.mu > 0 {
		return 0, false
	}
	p := -math.Expm1(-m.lambda * t)
	if m.shape > 0 {
		p = prob.WeibullCDF(t, m.shape, m.scale)
	}
	return s.lostAt(p)
}

// lostAt is the probability that some volume has a lost set, when every node is gone with
// probability p.
func (s *system) lostAt(p float64) (float64, bool) {
	at := system{place: s.place, static: failures{p: p}}
	for _, e := range arithmetic {
		if snap, ok := e.run(&at, false); ok && !math.IsNaN(snap.incident) {
			return snap.incident, true
		}
	}
	return 0, false
}
