package model

import (
	"context"
	"math"

	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// lossSolvers answer how long it takes to lose data, or with which probability it happens by t
// where t is above 0.
func (s *system) lossSolvers(measure string, t float64) []solver {
	perOutage, outageNote := s.perOutage()
	add := func(a Answer, err error) (Answer, error) {
		a.Note = s.note()
		if err != nil || s.motion.outages == 0 {
			return a, err
		}
		rate := s.motion.outages * perOutage
		with := func(x float64) float64 {
			if measure == "mttdl" {
				return 1 / (1/x + rate)
			}
			return either(x, -math.Expm1(-rate*t))
		}
		a.Value = with(a.Value)
		if a.Note != "" {
			outageNote = "; " + outageNote
		}
		a.Note += outageNote
		if a.Interval != nil {
			a.Interval.Low, a.Interval.High = with(a.Interval.Low), with(a.Interval.High)
		}
		return a, nil
	}
	solvers := []solver{
		{Markov, func(context.Context, Options) (Answer, error) {
			c, copies, ok := s.chain()
			switch {
			case !ok || math.IsNaN(perOutage):
				return Answer{}, errNotApplicable
			case (measure == "ploss" || copies > 1) && len(c.Up) > mostTransient+1:
				return Answer{}, errNotApplicable
			case measure == "mttdl":
				return add(Answer{Value: markov.FirstLoss(copies, c), Method: Markov}, nil)
			}
			return add(Answer{Value: markov.LossOfAny(copies, c, t), Method: Markov}, nil)
		}},
		{ClosedForm, func(context.Context, Options) (Answer, error) {
			p, ok := s.withoutRepair(t)
			if !ok || measure == "mttdl" || math.IsNaN(perOutage) {
				return Answer{}, errNotApplicable
			}
			return add(Answer{Value: p, Method: ClosedForm}, nil)
		}},
	}
	solvers = append(solvers, solver{Enumeration, func(context.Context, Options) (Answer, error) {
		x, ok := s.byStates(t)
		if !ok || measure == "ploss" && t == 0 || math.IsNaN(perOutage) {
			return Answer{}, errNotApplicable
		}
		return add(Answer{Value: x, Method: Enumeration}, nil)
	}})
	return append(solvers, solver{Simulation, func(ctx context.Context, opt Options) (Answer, error) {
		if math.IsNaN(perOutage) {
			return Answer{}, errNotApplicable
		}
		name := measure + " " + s.name
		var r rare.Result
		var err error
		switch {
		case s.motion.shape > 0:
			l := rare.Lifetimes{Placement: s.place, Life: rare.Weibull(s.motion.shape, s.motion.scale)}
			if s.motion.mu > 0 {
				l.Repair = rare.Exponential(1 / s.motion.mu)
			}
			if measure == "mttdl" {
				r, err = l.MTTDL(ctx, opt.draws(name))
			} else {
				r, err = l.Loss(ctx, t, opt.draws(name))
			}
		case measure == "mttdl":
			r, err = s.dynamics().MTTDL(ctx, opt.draws(name))
		default:
			r, err = s.dynamics().Loss(ctx, t, opt.draws(name))
		}
		return add(simulated(r, err, opt))
	}})
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

// perOutage is the probability that an outage loses data of a fleet that had all nodes up; NaN
// where arithmetic does not give it.
func (s *system) perOutage() (p float64, note string) {
	if s.motion.outages == 0 {
		return 0, ""
	}
	p, ok := s.lostAt(s.motion.q)
	if !ok {
		return math.NaN(), ""
	}
	return p, "an outage is taken to find all nodes up"
}
