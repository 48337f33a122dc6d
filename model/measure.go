package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/model/draw"
)

// Options say how exact an answer must be. The zero value is good for interactive use.
type Options struct {
	Seed     uint64
	RelErr   float64 // of estimates: half the interval over the value; 0: 0.05
	Level    float64 // of intervals; 0: 0.95
	Samples  int64   // at most so many; 0: 100 million
	Threads  int     // never changes a result; 0: all cores
	Simulate bool    // estimate by simulation even where arithmetic would do
	Progress func(relErr float64, samples int64)
}

func (o Options) draws(name string) draw.Options {
	d := draw.Options{Seed: o.Seed, Name: name, RelErr: o.RelErr, Level: o.Level,
		Samples: o.Samples, Threads: o.Threads}
	if o.Progress != nil {
		d.Progress = func(e draw.Estimate) { o.Progress(e.RelErr(), e.N) }
	}
	return d
}

// A Measure is one kind of question, by name.
type Measure struct {
	Name    string
	Summary string // one line
	Formula string // in plain text, or the method in words
	Unit    string
	Source  string
	Params  []string // that must be given, in the order in which they are explained
	Options []string // that may be given

	// prepare reads the parameters and returns what computes the answers, best method first.
	prepare func(a *args) []solver
}

// A solver is one way to answer a question.
type solver struct {
	method Method
	solve  func(ctx context.Context, opt Options) (Answer, error)
}

// exact wraps a formula.
func exact(m Method, f func() float64) solver {
	return solver{m, func(context.Context, Options) (Answer, error) {
		return Answer{Value: f(), Method: m}, nil
	}}
}

// Find returns the measure of that name. The error wraps ErrBadInput and names similar ones.
func Find(name string) (*Measure, error) {
	for _, m := range measures {
		if m.Name == name {
			return m, nil
		}
	}
	var near []string
	for _, m := range measures {
		if top, _, _ := strings.Cut(name, "."); top != "" && strings.HasPrefix(m.Name, top) {
			near = append(near, m.Name)
		}
	}
	if near == nil {
		for _, m := range measures {
			if !strings.Contains(m.Name, ".") {
				near = append(near, m.Name)
			}
		}
		near = append(near, "and fixed formulas such as downtime.shards")
	}
	return nil, fmt.Errorf("%w: unknown measure %q; there are %s", ErrBadInput, name,
		strings.Join(near, ", "))
}

// Measures lists all measures: first the questions about any placement, then the fixed formulas.
func Measures() []*Measure { return slices.Clone(measures) }

var measures = slices.Concat(generalMeasures(), lossMeasures(), publishedMeasures(),
	outageMeasures(), correlatedMeasures(), repairMeasures(), codingMeasures(), costMeasures())

// errNotApplicable is returned by a solver that does not fit the question after all.
var errNotApplicable = errors.New("this method does not apply")

// Ask answers one question by the best method that applies.
func Ask(ctx context.Context, measure string, given Params, opt Options) (Answer, error) {
	solvers, err := prepare(measure, given)
	if err != nil {
		return Answer{}, err
	}
	if opt.Simulate {
		if last := solvers[len(solvers)-1]; last.method == Simulation {
			return last.solve(ctx, opt)
		}
		return Answer{}, fmt.Errorf("%w: %s has no simulation here", ErrBadInput, measure)
	}
	a, _, err := first(ctx, measure, solvers, opt)
	return a, err
}

// first returns the answer of the first solver that applies, and its index.
func first(ctx context.Context, measure string, solvers []solver, opt Options) (Answer, int, error) {
	for i, s := range solvers {
		a, err := s.solve(ctx, opt)
		if !errors.Is(err, errNotApplicable) {
			return a, i, err
		}
	}
	return Answer{}, 0, fmt.Errorf("%w: %s cannot be computed for these parameters",
		ErrBadInput, measure)
}

// A Check is a question answered in two ways.
type Check struct {
	First, Second Answer
	Agree         bool
}

// CrossCheck answers a question by the best method and by the one that has least in common with
// it: simulation where there is one. The error wraps ErrBadInput where there is no second method.
func CrossCheck(ctx context.Context, measure string, given Params, opt Options) (Check, error) {
	solvers, err := prepare(measure, given)
	if err != nil {
		return Check{}, err
	}
	one, at, err := first(ctx, measure, solvers, opt)
	if err != nil {
		return Check{}, err
	}
	rest := slices.Clone(solvers[at+1:])
	slices.Reverse(rest)
	two, _, err := first(ctx, measure, rest, opt)
	if errors.Is(err, ErrBadInput) {
		return Check{}, fmt.Errorf("%w: %s has only one method here (%s)", ErrBadInput, measure,
			one.Method)
	}
	return Check{First: one, Second: two, Agree: err == nil && one.Agrees(two, 1e-9)}, err
}

func prepare(measure string, given Params) ([]solver, error) {
	m, err := Find(measure)
	if err != nil {
		return nil, err
	}
	a := &args{given: given}
	solvers := m.prepare(a)
	if err := a.done(measure); err != nil {
		return nil, err
	}
	return solvers, nil
}

// Validate says what is wrong with a question, without answering it: an unknown measure, a parameter
// that is missing, out of range or without meaning. Some questions turn out to have no answer only
// when they are asked.
func Validate(measure string, given Params, opt Options) error {
	solvers, err := prepare(measure, given)
	if err == nil && opt.Simulate && solvers[len(solvers)-1].method != Simulation {
		return fmt.Errorf("%w: %s has no simulation here", ErrBadInput, measure)
	}
	return err
}
