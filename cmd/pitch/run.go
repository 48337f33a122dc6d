package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/scenario"
)

type runCmd struct {
	Scenarios []string      `arg:"" name:"scenario" help:"Scenario files, or folders of them."`
	World     []string      `enum:"sim,local" placeholder:"sim|local" help:"Run in this world only (default: every world that the scenario names)."`
	Seed      *uint64       `placeholder:"N" help:"Seed (default: the scenario's)." xor:"seed"`
	Seeds     seedRange     `placeholder:"A..B" help:"Run once with each of these seeds." xor:"seed"`
	Variant   string        `placeholder:"NAME" help:"Of files that stand for several scenarios, run only this one."`
	Budget    time.Duration `placeholder:"DURATION" help:"Begin no further run after this time."`
	Out       string        `default:"out" placeholder:"DIR" help:"Folder for bundles (default: out)."`
	JUnit     string        `name:"junit" placeholder:"FILE" help:"Write JUnit XML."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write all results as JSON."`
	GitHub    bool          `name:"github" help:"Print ::error annotations for GitHub."`
	Jobs      int           `placeholder:"N" help:"Simulations at a time (default: one a core)."`
	Trace     string        `placeholder:"FILE" help:"Write every event of a simulation, one line each: for a single run."`
	Keep      int           `default:"8" placeholder:"N" help:"Bundles of failed runs to write at the most (default: 8)."`
}

func (c *runCmd) Help() string {
	return `Without --seeds each scenario runs once in each of its worlds, with its own seed, and
leaves a bundle: the scenario, replay.toml with every random choice written out, the history, the
verdict, a picture and a report. With --seeds only runs that fail leave one.`
}

// seedRange is A..B, both included.
type seedRange struct{ from, to uint64 }

func (r *seedRange) UnmarshalText(text []byte) error {
	a, b, ok := strings.Cut(string(text), "..")
	from, err1 := strconv.ParseUint(a, 10, 63)
	to, err2 := strconv.ParseUint(b, 10, 63)
	if !ok || err1 != nil || err2 != nil || from > to {
		return fmt.Errorf("expected A..B with A <= B, such as 1..1000, found %q", text)
	}
	*r = seedRange{from, to}
	return nil
}

// gcPercent lets the heap of simulations, which is small, grow more between collections than Go
// would: a fifth of the time is saved.
const gcPercent = 400

func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// job is one run.
type job struct {
	file  *scenario.File
	path  string
	world *scenario.WorldKind
	seed  uint64
}

// folder is where the bundle of a job goes.
func (j *job) folder(out string) string {
	return filepath.Join(out, fmt.Sprintf("%s-%s-%d", j.file.Name, j.world.Name, j.seed))
}

// done is how it ended. A failure of the harness is a result too. Without one it was not run.
type done struct {
	job
	res *scenario.Result
	err error
	// unstable says which digests differ, if the same seed gave two.
	unstable string
}

func (j *job) repeat() string {
	variant := ""
	if j.file.Variant != "" {
		variant = " --variant " + j.file.Variant
	}
	return fmt.Sprintf("%s run %s%s --world %s --seed %d", program(), j.path, variant, j.world.Name,
		j.seed)
}

// program is how this program was called, for commands to copy.
func program() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) && !filepath.IsAbs(os.Args[0]) {
		return os.Args[0]
	}
	return "pitch"
}

func worldNamed(name string) *scenario.WorldKind {
	if name == "local" {
		return localWorld()
	}
	return simWorld(nil)
}

func (c *runCmd) Run(s *streams) error {
	began := time.Now()
	tuneGC()
	jobs, skipped, err := c.jobs()
	if err != nil {
		return err
	}
	if c.Trace != "" && (len(jobs) != 1 || jobs[0].world.Name != "sim") {
		return usageError{fmt.Errorf("--trace is for one run in the simulator; here are %s: name one "+
			"scenario, --world sim, and one seed", count(len(jobs), "run"))}
	}
	for _, path := range []string{c.JSON, c.JUnit, c.Trace} {
		if err := writable(path); err != nil {
			return err
		}
	}
	single := c.Seeds == (seedRange{})
	fmt.Fprintf(s.out, "pitch %s: %s of %s", version(), count(len(jobs), "run"),
		count(len(jobFiles(jobs)), "scenario"))
	if !single {
		fmt.Fprintf(s.out, ", seeds %d..%d", c.Seeds.from, c.Seeds.to)
	}
	fmt.Fprintln(s.out)
	if c.Trace != "" {
		var all []done
		err := writeFile(c.Trace, func(f *os.File) (err error) {
			all, err = c.traced(s, f, jobs)
			return err
		})
		if err != nil {
			return err
		}
		return c.conclude(s, all, skipped, true)
	}
	bar := newBar(s.err, len(jobs), single)
	all := c.runAll(s.ctx, jobs, single, bar, began)
	bar.finish()
	if err := s.ctx.Err(); err != nil {
		return err
	}
	return c.conclude(s, all, skipped, single)
}

// traced runs the one job and writes every event of it.
func (c *runCmd) traced(s *streams, f *os.File, jobs []job) ([]done, error) {
	w := bufio.NewWriter(f)
	jobs[0].world = simWorld(w)
	all := c.runAll(s.ctx, jobs, true, &bar{}, time.Now())
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	return all, w.Flush()
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// jobs lists all runs in the order of the command line.
func (c *runCmd) jobs() (jobs []job, skipped int, err error) {
	paths, err := scenarioFiles(c.Scenarios)
	if err != nil {
		return nil, 0, err
	}
	var files []*scenario.File
	for _, path := range paths {
		all, err := scenario.Options{Strategies: scenario.Strategies()}.LoadAll(path)
		if err != nil {
			return nil, 0, err
		}
		if files, err = c.chosen(files, all); err != nil {
			return nil, 0, err
		}
	}
	for _, f := range files {
		worlds := c.World
		if len(worlds) == 0 {
			worlds = f.Worlds
		}
		for _, name := range worlds {
			if !slices.Contains(f.Worlds, name) {
				skipped++
				continue
			}
			seeds := c.Seeds
			if seeds == (seedRange{}) {
				seeds = seedRange{f.Seed, f.Seed}
				if c.Seed != nil {
					seeds = seedRange{*c.Seed, *c.Seed}
				}
			}
			w := worldNamed(name)
			for seed := seeds.from; ; seed++ {
				jobs = append(jobs, job{f, f.Path, w, seed})
				if seed == seeds.to {
					break
				}
			}
		}
	}
	if c.Budget > 0 {
		// What the budget lets be run is to be some of everything.
		slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(a.seed, b.seed) })
	}
	return jobs, skipped, nil
}

// chosen appends the scenarios of one file that are to be run.
func (c *runCmd) chosen(files, all []*scenario.File) ([]*scenario.File, error) {
	if c.Variant == "" {
		return append(files, all...), nil
	}
	var names []string
	for _, f := range all {
		if f.Variant == c.Variant {
			return append(files, f), nil
		}
		names = append(names, f.Variant)
	}
	if len(names) == 1 {
		return nil, usageError{fmt.Errorf("%s: no variant %q: there is but one scenario in this file",
			all[0].Path, c.Variant)}
	}
	return nil, usageError{fmt.Errorf("%s: no variant %q; there are %s", all[0].Path, c.Variant,
		strings.Join(names, ", "))}
}

// scenarioFiles replaces folders by the scenarios in them.
func scenarioFiles(args []string) ([]string, error) {
	var paths []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, unreadable(arg, err)
		}
		if !info.IsDir() {
			paths = append(paths, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.toml"))
		if err != nil || len(found) == 0 {
			return nil, usageError{fmt.Errorf("%s: no *.toml in this folder", arg)}
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

func jobFiles(jobs []job) []string {
	var paths []string
	for i := range jobs {
		paths = append(paths, jobs[i].path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// runAll runs simulations side by side and real processes one run at a time, which are to have the
// machine to themselves. Results stand in the order of the jobs, whatever finished first.
func (c *runCmd) runAll(ctx context.Context, jobs []job, single bool, bar *bar,
	began time.Time) []done {
	all := make([]done, len(jobs))
	run := func(i int) {
		all[i].job = jobs[i]
		if c.Budget > 0 && time.Since(began) > c.Budget || ctx.Err() != nil {
			return // no result: not run
		}
		j := &jobs[i]
		res, err := runJob(ctx, *j, j.folder(c.Out), single, bar)
		if err != nil {
			again := fmt.Sprintf("%s in %s, seed %d: ", j.file.Name, j.world.Name, j.seed)
			res = &scenario.Result{Scenario: j.file.Name, File: j.path, World: j.world.Name,
				Seed: j.seed, Outcome: scenario.Failed, Repeat: j.repeat(),
				Reason: strings.TrimPrefix(err.Error(), again)} // the report begins with it
		}
		if !single && (res.Outcome == scenario.Passed || j.world.Name == "sim") {
			// Of a sweep only what failed is shown, and a simulation can be run again for that.
			res.History, res.Replay = nil, nil
		}
		all[i].res, all[i].err = res, err
		bar.step()
	}
	n := c.Jobs
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range n {
		workers.Go(func() {
			for i := range next {
				run(i)
			}
		})
	}
	for i := range jobs {
		if jobs[i].world.Name != "local" {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	for i := range jobs {
		if jobs[i].world.Name == "local" {
			run(i)
		}
	}
	return all
}

// runJob runs a job. If the harness fails, the logs of the processes, if there were any, are in
// folder.
func runJob(ctx context.Context, j job, folder string, samples bool,
	bar *bar) (res *scenario.Result, err error) {
	opt := scenario.RunOptions{World: j.world, Seed: j.seed, Samples: samples}
	if j.world.Name == "local" {
		if opt.Dir, err = os.MkdirTemp("", "pitch-"); err != nil {
			return nil, err
		}
		defer func() {
			if err != nil && ctx.Err() == nil {
				err = keepLogs(opt.Dir, folder, err)
			}
			if rerr := os.RemoveAll(opt.Dir); err == nil && rerr != nil {
				err = fmt.Errorf("cleaning up: %w", rerr)
			}
		}()
		opt.Progress = bar.ops
	}
	if res, err = scenario.Run(ctx, j.file, opt); err == nil {
		res.Repeat = j.repeat()
	}
	return res, err
}

// bar is the progress on a terminal; elsewhere it is silent.
type bar struct {
	bar *progressbar.ProgressBar
	mu  sync.Mutex
}

func newBar(w io.Writer, total int, single bool) *bar {
	b := &bar{}
	f := terminal(w)
	if f == nil {
		return b
	}
	b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f),
		progressbar.OptionSetDescription("runs"), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(!single), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond))
	return b
}

func (b *bar) step() {
	if b.bar != nil {
		b.mu.Lock()
		b.bar.Add(1)
		b.mu.Unlock()
	}
}

func (b *bar) ops(done, total int) {
	if b.bar != nil {
		b.mu.Lock()
		b.bar.Describe(fmt.Sprintf("runs (%d of %d operations)", done, total))
		b.mu.Unlock()
	}
}

func (b *bar) finish() {
	if b.bar != nil {
		b.bar.Finish()
	}
}
