package explore

import (
	"context"
	"errors"
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// Shrinking is how a failing scenario is made smaller.
type Shrinking struct {
	// Fails runs a scenario and says whether it fails in the way that is looked for. An error ends the
	// shrinking; that a candidate cannot be run at all is no error, but false.
	Fails func(context.Context, *scenario.File) (bool, error)
	// Seeds is with how many other seeds a candidate is tried that does not fail with its own: whatever is
	// left out shifts when the rest happens. 2 if it is 0; none if it is negative.
	Seeds int
	// Progress, if set, is told of each run, and of what is left.
	Progress func(runs int, left Size)
}

// Size is how much has to happen for a failure.
type Size struct {
	Steps, Ops, Hosts, Clients int
}

// SizeOf measures a scenario.
func SizeOf(f *scenario.File) Size {
	s := Size{Steps: len(f.Steps), Hosts: len(f.Hosts)}
	for i := range f.Workloads {
		s.Ops += f.Workloads[i].Ops
		s.Clients += f.Workloads[i].Clients
	}
	return s
}

// Shrunk is a scenario from which nothing can be left out any more, if there was time enough to find that.
type Shrunk struct {
	File *scenario.File
	Runs int
	Done bool // nothing more can be left out; else the time was over
}

// Shrink makes a failing scenario smaller until each of its steps, hosts, clients and operations is needed, or
// ctx ends. Every random fault of f has to be a literal step (see [scenario.File.Literal]), and f has to fail: it
// is an error if it does not. What is found is the same for the same f, but for when ctx ends.
func Shrink(ctx context.Context, f *scenario.File, opt Shrinking) (*Shrunk, error) {
	if opt.Seeds == 0 {
		opt.Seeds = 2
	}
	s := &shrinker{ctx: ctx, opt: opt, best: clone(f)}
	loosen(s.best)
	failed, err := s.fails(s.best)
	if err == nil && !failed {
		return nil, ErrPasses
	}
	for again := err == nil; again && err == nil; {
		again = false
		for _, pass := range []func() (bool, error){s.leaveOutSteps, s.leaveOutPlaces, s.fewerOps, s.simpler} {
			smaller, perr := pass()
			if err = perr; err != nil {
				break
			}
			again = again || smaller
		}
	}
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	return &Shrunk{File: s.best, Runs: s.runs, Done: err == nil}, nil
}

// ErrPasses is that a scenario which was to be made smaller does not fail.
var ErrPasses = errors.New("the scenario does not fail in this way")

type shrinker struct {
	ctx  context.Context
	opt  Shrinking
	best *scenario.File
	runs int
}

func (s *shrinker) fails(f *scenario.File) (bool, error) {
	if err := s.ctx.Err(); err != nil {
		return false, err
	}
	s.runs++
	ok, err := s.opt.Fails(s.ctx, f)
	if s.opt.Progress != nil {
		s.opt.Progress(s.runs, SizeOf(s.best))
	}
	return ok, err
}

// try takes a candidate in place of the best one if it fails as well, if need be with another seed.
func (s *shrinker) try(c *scenario.File) (bool, error) {
	prune(c)
	if _, err := c.Marshal(); err != nil {
		return false, nil // it makes no sense any more
	}
	seed := c.Seed
	for i := range 1 + max(s.opt.Seeds, 0) {
		if i > 0 {
			c.Seed = node.Hash(seed, uint64(i)) >> 40
		}
		if ok, err := s.fails(c); err != nil || ok {
			if ok {
				s.best = c
			}
			return ok, err
		}
	}
	return false, nil
}

// leaveOutSteps leaves out whole runs of steps first, then ever shorter ones.
func (s *shrinker) leaveOutSteps() (smaller bool, err error) {
	for length := len(s.best.Steps); length > 0; length /= 2 {
		for at := len(s.best.Steps) - length; at > -length; at -= length {
			from := max(at, 0)
			c := clone(s.best)
			if from+length > len(c.Steps) {
				continue
			}
			c.Steps = slices.Delete(c.Steps, from, from+length)
			ok, err := s.try(c)
			if err != nil {
				return smaller, err
			}
			smaller = smaller || ok
		}
	}
	return smaller, nil
}

// leaveOutPlaces leaves out hosts, workloads and resources, with all that is about them.
func (s *shrinker) leaveOutPlaces() (bool, error) {
	var edits []edit
	for i := range s.best.Hosts {
		name := s.best.Hosts[i].Name
		edits = append(edits, func(f *scenario.File) bool { return dropHost(f, name) })
	}
	for i := range s.best.Workloads {
		name := s.best.Workloads[i].Name
		edits = append(edits, func(f *scenario.File) bool {
			n := len(f.Workloads)
			f.Workloads = slices.DeleteFunc(f.Workloads, func(w scenario.Workload) bool { return w.Name == name })
			return len(f.Workloads) < n && len(f.Workloads) > 0
		})
	}
	for i := range s.best.Resources {
		name := s.best.Resources[i].Name
		edits = append(edits, func(f *scenario.File) bool { return dropResource(f, name) })
	}
	slices.Reverse(edits) // the first host is the first primary
	return s.all(edits)
}

// all tries edits one after another, each on what the ones before it have left.
func (s *shrinker) all(edits []edit) (smaller bool, err error) {
	for _, e := range edits {
		c := clone(s.best)
		if !e(c) {
			continue
		}
		ok, err := s.try(c)
		if err != nil {
			return smaller, err
		}
		smaller = smaller || ok
	}
	return smaller, nil
}

// fewerOps looks for the least number of operations of each workload. Steps that count operations come
// proportionately earlier, or, if that does not do, as late as they still can; few operations may take their time,
// for something may have to happen between them.
func (s *shrinker) fewerOps() (smaller bool, err error) {
	for i := range s.best.Workloads {
		for n := 1; n < s.best.Workloads[i].Ops; n += max(1, n/2) {
			var edits []edit
			for _, late := range []bool{false, true} {
				edits = append(edits, func(f *scenario.File) bool { return withOps(f, i, n, late) })
			}
			if n <= slowOps {
				for _, think := range []node.Time{20 * node.Millisecond, 200 * node.Millisecond} {
					edits = append(edits, func(f *scenario.File) bool {
						w := &f.Workloads[i]
						return w.Kind == scenario.KindStamp && withOps(f, i, n, true) &&
							set(&w.Think, max(w.Think, scenario.Duration(think)))
					})
				}
			}
			ok, err := s.either(edits)
			if err != nil {
				return smaller, err
			}
			if ok {
				smaller = true
				break
			}
		}
	}
	return smaller, nil
}

// slowOps is how few operations may take their time.
const slowOps = 8

// either tries edits of the same thing, until one does.
func (s *shrinker) either(edits []edit) (bool, error) {
	for _, e := range edits {
		c := clone(s.best)
		if !e(c) {
			continue
		}
		if ok, err := s.try(c); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// simpler makes what is left plainer: fewer clients, nothing random, shorter times, settings as they are by
// default.
func (s *shrinker) simpler() (smaller bool, err error) {
	for i := range s.best.Workloads {
		for _, e := range plainWorkload {
			ok, err := s.either(onWorkload(i, e))
			if err != nil {
				return smaller, err
			}
			smaller = smaller || ok
		}
	}
	for i := range s.best.Steps {
		for _, e := range plainStep {
			ok, err := s.all([]edit{func(f *scenario.File) bool { return e(f, &f.Steps[i]) }})
			if err != nil {
				return smaller, err
			}
			smaller = smaller || ok
		}
	}
	plain, err := s.all(plainFile)
	return smaller || plain, err
}
