package study

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/model"
)

// Options are about how a study is run, and change nothing in what comes out.
type Options struct {
	Dir      string // where its results are, and what a killed run left; made if it is missing
	Shard    Shard  // which part of the study; zero: all of it
	Fresh    bool   // throw away what is there
	Version  string // of pitch; results of another one are not mixed in
	Threads  int    // cores; 0: all
	Progress func(done, of int)
}

// A Result is what a study says.
type Result struct {
	Plan    *Plan
	Version string
	Rows    []Row // in the order of cells, questions and engines
	Resumed int   // cells that an earlier run had answered
	Damaged int   // lines of its journal that were not as they had been written
}

// JournalName is the name of the file that holds the answers as they come.
const JournalName = "answers.journal"

// lockName is the file that keeps other runs out of a folder.
const lockName = ".lock"

// FileName is the name of the copy of the study file beside its results.
const FileName = "study.toml"

// Run answers every cell of a plan that has not been answered yet. When ctx ends, it returns its
// cause, and what has been answered is kept for the next run. The error wraps [ErrOther] if the
// folder holds something else, and durable.ErrLocked if another run is busy there.
func Run(ctx context.Context, p *Plan, opt Options) (*Result, error) {
	if err := os.MkdirAll(opt.Dir, 0o777); err != nil {
		return nil, err
	}
	unlock, err := durable.Lock(filepath.Join(opt.Dir, lockName))
	if err != nil {
		return nil, err
	}
	defer unlock()
	path := filepath.Join(opt.Dir, JournalName)
	j, err := openJournal(path, p, p.header(opt.Version, opt.Shard), opt.Fresh)
	if err != nil {
		return nil, err
	}
	if err := p.copyFile(opt.Dir); err != nil {
		return nil, errors.Join(err, j.f.Close())
	}
	r := &Result{Plan: p, Version: opt.Version, Resumed: len(j.cells), Damaged: j.bad}
	err = answer(ctx, p, j, opt)
	if e := errors.Join(j.f.Sync(), j.f.Close()); err == nil {
		err = e
	}
	if err == nil && j.mixed {
		err = j.rewrite(path) // in the order of the cells: the same bytes whatever came first
	}
	if err != nil {
		return nil, err
	}
	r.Rows = j.rows()
	return r, nil
}

func (p *Plan) copyFile(dir string) error {
	return durable.Replace(filepath.Join(dir, FileName), p.File.text, 0o644)
}

// answer fills the journal up.
func answer(ctx context.Context, p *Plan, j *journal, opt Options) error {
	open := p.open(j, opt.Shard)
	if opt.Progress != nil {
		opt.Progress(0, len(open))
	}
	threads := opt.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	type answered struct {
		cell int
		rows []Row
		err  error
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := make(chan answered, threads)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(threads, len(open)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(open) {
					return
				}
				rows, err := p.answer(ctx, p.Cell(open[i]))
				select {
				case answers <- answered{open[i], rows, err}:
				case <-ctx.Done():
				}
			}
		})
	}
	// Some arithmetic takes long and asks no context. It is not waited for: all that is written is
	// written here.
	for added := 0; added < len(open); {
		select {
		case a := <-answers:
			if a.err != nil {
				return a.err
			}
			if err := j.append(a.cell, a.rows); err != nil {
				return fmt.Errorf("the journal cannot be written: %w", err)
			}
			added++
			if opt.Progress != nil {
				opt.Progress(added, len(open))
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	wg.Wait()
	return nil
}

// open lists the cells that have no answer yet, in an order in which cheap and costly ones are
// mixed, so that the time left can be told from what is done: neighbours cost alike.
func (p *Plan) open(j *journal, s Shard) []int {
	n := p.Cells()
	step := coprime(n)
	out := make([]int, 0, s.Count(n))
	for i, cell := 0, 0; i < n; i, cell = i+1, (cell+step)%n {
		if _, done := j.cells[cell]; !done && s.Has(cell) {
			out = append(out, cell)
		}
	}
	return out
}

// coprime is a number about the golden section of n that shares no factor with it.
func coprime(n int) int {
	gcd := func(a, b int) int {
		for b != 0 {
			a, b = b, a%b
		}
		return a
	}
	step := int(float64(n)*0.6180339887) | 1
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

// answer asks all questions of a cell.
func (p *Plan) answer(ctx context.Context, c Cell) ([]Row, error) {
	var out []Row
	for i := range p.File.Asks {
		a := &p.File.Asks[i]
		params := p.params(a, c.Inputs)
		for _, engine := range a.Engines {
			row, err := p.ask(ctx, i, engine, params)
			if err != nil {
				return nil, err
			}
			row.Cell = c.Index
			out = append(out, row)
		}
	}
	return out, nil
}

// ask asks a question, unless it is known: one that does not take an axis is the same in many
// cells. Two cores may ask it at once, and get the same answer.
func (p *Plan) ask(ctx context.Context, ask int, engine string, params model.Params) (Row, error) {
	a := &p.File.Asks[ask]
	question := fmt.Sprintf("%d\n%s\n%v", p.File.Seed, a.Measure, params) // fmt sorts the keys of maps
	repeats := len(a.Without) > 0
	if repeats {
		if row, ok := p.known.Load(known{ask, engine, question}); ok {
			return row.(Row), nil
		}
	}
	seed := seedOf(question)
	got, err := p.engines[engine].Ask(ctx, a.Measure, params, model.Options{Seed: seed,
		RelErr: p.File.Precision.RelErr, Level: p.File.Precision.Level,
		Samples: p.File.Precision.Samples, Threads: 1})
	if ctx.Err() != nil {
		return Row{}, context.Cause(ctx)
	}
	row := newRow(ask, engine, seed, got, err)
	if repeats {
		p.known.Store(known{ask, engine, question}, row)
	}
	return row, nil
}

// known is the key of an answer that may be the same in several cells.
type known struct {
	ask              int
	engine, question string
}

// seedOf is that of the random stream of a question. It depends on what is asked, and not on where
// that stands in the study: one value more on an axis changes no other answer. It has 53 bits,
// which also readers without 64-bit integers keep.
func seedOf(question string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(question)) // never fails
	x := h.Sum64()
	x ^= x >> 29
	return x * 0xbf58476d1ce4e5b9 >> 11
}
