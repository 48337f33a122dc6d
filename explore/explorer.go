package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// Worker runs schedules, one at a time. It may be another process: what brings it down ends one worker.
type Worker interface {
	Run(context.Context, Job) (Report, error)
	Close() error
}

// Explorer looks for schedules that fail.
type Explorer struct {
	Files []*scenario.File
	// Corpus are scenarios that have failed before. They are run first, as they are.
	Corpus []*scenario.File
	// Start makes a worker. One that has failed is replaced.
	Start func() (Worker, error)
	Jobs  int // workers at a time; 1 if it is 0
	// First are jobs to be run before all others but the corpus.
	First []Job
	// Seed is the seed of the first schedule; each file gets the same ones, one after another.
	Seed uint64
	// Runs bounds how many schedules are run besides those; 0: until the context ends, negative: none.
	Runs int
	// Fresh is the share of schedules that are drawn anew. The others change one that has led to states
	// which were not seen before. 0.5 if it is 0; 1 gives the same schedules whatever they show.
	Fresh float64
	// Twice is the share of schedules that are run twice, to compare.
	Twice float64
	// Done is told of every run, from one goroutine.
	Done func(Report, Totals)
}

// Totals are what has been seen so far.
type Totals struct {
	Runs, Failed, Unknown, Repeated int
	Ops                             int
	States                          int            // different states, and steps from one to the next
	Fired                           map[string]int // runs in which faults of a kind took place
	ByFile                          []int          // runs of each file, then of each of the corpus
}

// promising is a schedule that has led to new states.
type promising struct {
	job   Job
	found int // how many
	tried int // how often it was changed since
}

// exploration is an Explorer at work.
type exploration struct {
	*Explorer
	first     []Job
	totals    Totals
	seen      map[uint64]bool
	promising []promising
	next      int // fresh one
	begun     int
	random    node.Stream
}

// maxPromising bounds how many schedules are kept to be changed.
const maxPromising = 512

// Run explores until all is run, or ctx ends, which is no error.
func (e *Explorer) Run(ctx context.Context) (Totals, error) {
	x := &exploration{Explorer: e, seen: make(map[uint64]bool), random: node.NewStream(e.Seed, "explorer")}
	x.totals.Fired = make(map[string]int)
	x.totals.ByFile = make([]int, len(e.Files)+len(e.Corpus))
	for i := range e.Corpus {
		x.first = append(x.first, Job{File: len(e.Files) + i})
	}
	x.first = append(x.first, e.First...)
	if x.Fresh == 0 {
		x.Fresh = 0.5
	}
	if len(x.Files) == 0 {
		return x.totals, errors.New("there are no scenarios to explore")
	}
	type ended struct {
		rep Report
		err error
	}
	jobs, reports := make(chan Job), make(chan ended)
	var workers sync.WaitGroup
	for range max(1, e.Jobs) {
		workers.Go(func() {
			w := &restarted{start: e.Start}
			for j := range jobs {
				rep, err := w.Run(ctx, j)
				reports <- ended{rep, err}
			}
			_ = w.Close() // what it has shown was told before
		})
	}
	defer workers.Wait()
	defer close(jobs)
	var failed error
	for open := 0; ; {
		if failed == nil && ctx.Err() == nil && open < max(1, e.Jobs) && x.more() {
			jobs <- x.pick() // a worker is free
			open++
			continue
		}
		if open == 0 {
			return x.totals, failed
		}
		r := <-reports
		open--
		switch {
		case ctx.Err() != nil: // what was cut off has shown nothing
		case r.err != nil:
			failed = r.err
		default:
			x.note(r.rep)
		}
	}
}

// File is the scenario that a job means by its number.
func (e *Explorer) File(i int) *scenario.File {
	if i < len(e.Files) {
		return e.Files[i]
	}
	return e.Corpus[i-len(e.Files)]
}

func (x *exploration) more() bool {
	return x.Runs == 0 || x.begun < len(x.first)+max(0, x.Runs)
}

// pick says what is to be run next.
func (x *exploration) pick() Job {
	x.begun++
	if x.begun <= len(x.first) {
		return x.first[x.begun-1]
	}
	j := Job{Twice: x.random.Chance(x.Twice)}
	if len(x.promising) > 0 && !x.random.Chance(x.Fresh) {
		// Of a few the one that has found most, and was tried least.
		best := draw(&x.random, len(x.promising))
		for range 3 {
			if i := draw(&x.random, len(x.promising)); x.promising[i].worth() > x.promising[best].worth() {
				best = i
			}
		}
		p := &x.promising[best]
		p.tried++
		j.File, j.Name = p.job.File, append(slices.Clone(p.job.Name), uint64(p.tried))
		return j
	}
	j.File, j.Name = x.next%len(x.Files), Name{x.Seed + uint64(x.next/len(x.Files))}
	x.next++
	return j
}

func (p *promising) worth() float64 { return float64(p.found) / float64(1+p.tried*p.tried) }

// note takes in what a run has shown.
func (x *exploration) note(rep Report) {
	t := &x.totals
	t.Runs++
	t.ByFile[rep.File]++
	t.Ops += rep.Ops
	found := 0
	for _, c := range rep.Coverage {
		if c = node.Hash(c, uint64(rep.File)); !x.seen[c] {
			x.seen[c] = true
			found++
		}
	}
	t.States = len(x.seen)
	for _, kind := range rep.Fired {
		t.Fired[kind]++
	}
	switch {
	case rep.Sign != "":
		t.Failed++
	case rep.Outcome == scenario.Unknown:
		t.Unknown++
	}
	if rep.Twice {
		t.Repeated++
	}
	if found > 0 && rep.Sign == "" && rep.File < len(x.Files) && len(rep.Name) > 0 {
		x.promising = append(x.promising, promising{job: rep.Job, found: found})
		if len(x.promising) > maxPromising {
			slices.SortStableFunc(x.promising, func(a, b promising) int { return cmp.Compare(b.worth(), a.worth()) })
			x.promising = x.promising[:maxPromising/2]
		}
	}
	if x.Done != nil {
		x.Done(rep, *t)
	}
}

// restarted is a worker that is begun anew after it has failed.
type restarted struct {
	start  func() (Worker, error)
	worker Worker
}

// Run implements [Worker]. A worker that dies of a schedule is a finding, not an error.
func (r *restarted) Run(ctx context.Context, j Job) (Report, error) {
	if r.worker == nil {
		w, err := r.start()
		if err != nil {
			return Report{}, fmt.Errorf("starting a worker: %w", err)
		}
		r.worker = w
	}
	began := time.Now()
	rep, err := r.worker.Run(ctx, j)
	if err == nil || ctx.Err() != nil {
		return rep, nil
	}
	_ = r.worker.Close() // it has failed already
	r.worker = nil
	return Report{Job: j, Outcome: scenario.Failed, Sign: SignHarness,
		Reason: fmt.Sprintf("the worker failed after %v: %v", time.Since(began).Round(time.Millisecond), err)}, nil
}

func (r *restarted) Close() error {
	if r.worker == nil {
		return nil
	}
	return r.worker.Close()
}
