package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/container-football/pitch/explore"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

type exploreCmd struct {
	Scenarios []string      `arg:"" name:"scenario" help:"Scenario files, or folders of them."`
	Budget    time.Duration `placeholder:"DURATION" help:"Look for so long (default: 1m, unless --runs is given); what is found is shrunk after that."`
	Runs      int           `placeholder:"N" help:"Try so many schedules."`
	Seed      uint64        `default:"1" placeholder:"N" help:"Seed of the first schedule (default: 1)."`
	Schedule  string        `placeholder:"NAME" help:"Run only this one, such as 17.3, of each scenario."`
	Fresh     float64       `default:"0.5" placeholder:"SHARE" help:"Schedules that are drawn anew, as a share; the others change one that led to new states (default: 0.5)."`
	Twice     float64       `default:"0.05" placeholder:"SHARE" help:"Runs that are made twice, to compare their digests (default: 0.05)."`
	Shrink    time.Duration `default:"1m" placeholder:"DURATION" help:"How long to make what is found smaller, each; 0: not at all (default: 1m)."`
	Corpus    string        `default:"out/corpus" placeholder:"DIR" help:"Folder of what was found before: it is run first (default: out/corpus)."`
	Out       string        `default:"out" placeholder:"DIR" help:"Folder for bundles (default: out)."`
	JUnit     string        `name:"junit" placeholder:"FILE" help:"Write JUnit XML."`
	JSON      string        `name:"json" placeholder:"FILE" help:"Write what was found as JSON."`
	GitHub    bool          `name:"github" help:"Print ::error annotations for GitHub."`
	Jobs      int           `placeholder:"N" help:"Simulations at a time (default: one a core)."`
	Keep      int           `default:"8" placeholder:"N" help:"Findings to shrink and to write bundles of, at the most (default: 8)."`
}

func (c *exploreCmd) Help() string {
	return `Runs each scenario again and again in the simulator, with other faults each time: a random subset
of all kinds, few or many. What each run has to show is what the strategy promises; how long users may wait and
what must happen are left aside, for they depend on the faults. Schedules that lead the replicas into states
which were not seen before are changed and tried again.

What fails is made smaller until every step and operation is needed, and leaves a bundle and an entry in the
corpus. A scenario that expects a violation is left out.

  pitch explore scenarios/ --budget 5m --junit out.xml
  pitch explore my.toml --runs 10000 --jobs 2`
}

// explored is what was found of one kind in one scenario.
type explored struct {
	first  explore.Report
	count  int
	dir    string
	result *scenario.Result // of what is left after shrinking
	shrunk *explore.Shrunk
	was    explore.Size
}

func (c *exploreCmd) Run(s *streams) error {
	files, left, err := c.load()
	if err != nil {
		return err
	}
	for _, path := range []string{c.JSON, c.JUnit} {
		if err := writable(path); err != nil {
			return err
		}
	}
	corpus, err := c.readCorpus()
	if err != nil {
		return err
	}
	if len(files) == 0 {
		verb := "were"
		if len(left) == 1 {
			verb = "was"
		}
		return usageError{fmt.Errorf("nothing to explore: %s %s left out: %s", count(len(left), "scenario"), verb,
			strings.Join(left, "; "))}
	}
	e := &explore.Explorer{Files: files, Corpus: corpus, Jobs: c.Jobs, Seed: c.Seed, Runs: c.Runs, Fresh: c.Fresh,
		Twice: c.Twice, Start: c.worker(files, corpus)}
	if e.Jobs <= 0 {
		e.Jobs = runtime.GOMAXPROCS(0)
	}
	if c.Schedule != "" {
		if err := c.only(e); err != nil {
			return err
		}
	}
	budget := c.Budget
	if budget == 0 && c.Runs == 0 && c.Schedule == "" {
		budget = time.Minute
	}
	fmt.Fprintf(s.out, "pitch %s: exploring %s", version(), count(len(files), "scenario"))
	if budget > 0 {
		fmt.Fprintf(s.out, " for %v", budget)
	}
	if n := len(corpus); n > 0 {
		fmt.Fprintf(s.out, ", %s of the corpus first", count(n, "schedule"))
	}
	fmt.Fprintln(s.out)
	for _, why := range left {
		fmt.Fprintln(s.out, "left out:", why)
	}
	found, totals, err := c.look(s, e, budget)
	if err != nil {
		return err
	}
	return c.conclude(s, e, found, totals, len(left))
}

// load reads the scenarios, and says why some are left out.
func (c *exploreCmd) load() (files []*scenario.File, left []string, err error) {
	paths, err := scenarioFiles(c.Scenarios)
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		all, err := scenario.Options{Strategies: scenario.Strategies()}.LoadAll(path)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range all {
			switch {
			case !slices.Contains(f.Worlds, "sim"):
				left = append(left, f.Name+" does not run in the simulator")
			case f.Expect.Verdict == "violated":
				left = append(left, f.Name+" expects a violation")
			default:
				files = append(files, f)
			}
		}
	}
	return files, left, nil
}

// readCorpus reads what has failed before. The folder need not be there.
func (c *exploreCmd) readCorpus() (files []*scenario.File, err error) {
	if c.Schedule != "" {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(c.Corpus, "*.toml"))
	if err != nil {
		return nil, usageError{err}
	}
	for _, path := range paths {
		f, err := scenario.Options{Strategies: scenario.Strategies()}.Load(path)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// only has the explorer run one schedule of each scenario.
func (c *exploreCmd) only(e *explore.Explorer) error {
	name, err := explore.ParseName(c.Schedule)
	if err != nil {
		return usageError{fmt.Errorf("--schedule: %w", err)}
	}
	for i := range e.Files {
		e.First = append(e.First, explore.Job{File: i, Name: name, Twice: true})
	}
	e.Runs = -1
	return nil
}

// worker returns what starts a worker: this program once more.
func (c *exploreCmd) worker(files, corpus []*scenario.File) func() (explore.Worker, error) {
	args := []string{workerWord}
	for _, f := range slices.Concat(files, corpus) {
		args = append(args, f.Path+variantMark+f.Variant)
	}
	return func() (explore.Worker, error) {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(self, args...)
		cmd.Stderr = os.Stderr
		return explore.Spawn(cmd, time.Minute)
	}
}

// workerWord is the command that workers are started with. It is for this program alone.
const workerWord = "explore-worker"

// variantMark stands between a path and the variant of its file. No path holds it.
const variantMark = "\x1f"

type exploreWorkerCmd struct {
	Files []string `arg:""`
}

func (c *exploreWorkerCmd) Run(s *streams) error {
	var files []*scenario.File
	for _, arg := range c.Files {
		path, variant, _ := strings.Cut(arg, variantMark)
		all, err := scenario.Options{Strategies: scenario.Strategies()}.LoadAll(path)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(f *scenario.File) bool { return f.Variant == variant })
		if i < 0 {
			return fmt.Errorf("%s: no variant %q", path, variant)
		}
		files = append(files, all[i])
	}
	tuneGC()
	return explore.Serve(s.ctx, s.in, s.out, files, simWorld(nil))
}

// look explores until the budget ends, and gathers what fails.
func (c *exploreCmd) look(s *streams, e *explore.Explorer, budget time.Duration) ([]*explored, explore.Totals, error) {
	ctx := s.ctx
	if budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget)
		defer cancel()
	}
	var found []*explored
	p := newExploreProgress(s.err, budget, c.Runs)
	e.Done = func(rep explore.Report, t explore.Totals) {
		if rep.Sign != "" {
			i := slices.IndexFunc(found, func(f *explored) bool {
				return f.first.File == rep.File && f.first.Sign == rep.Sign && f.first.Class == rep.Class
			})
			if i < 0 {
				i = len(found)
				found = append(found, &explored{first: rep})
				p.say("found: %s of %s, schedule %s: %s", rep.Sign, e.File(rep.File).Name, scheduleText(rep.Name), rep.Reason)
			}
			found[i].count++
		}
		p.runs(t, len(found))
	}
	totals, err := e.Run(ctx)
	p.finish()
	if err == nil {
		err = s.ctx.Err()
	}
	return found, totals, err
}

// conclude shrinks what was found, and reports.
func (c *exploreCmd) conclude(s *streams, e *explore.Explorer, found []*explored, t explore.Totals, left int) error {
	fmt.Fprintf(s.out, "\n%s, %s, %s of replicas, %s compared with their second one",
		count(t.Runs, "run"), count(t.Ops, "operation"), count(t.States, "state"), count(t.Repeated, "run"))
	if t.Unknown > 0 {
		fmt.Fprintf(s.out, ", %d that could not be judged or did not end in time", t.Unknown)
	}
	fmt.Fprintf(s.out, "\nfaults that took place, in so many runs: %s\n", firedText(t.Fired))
	var all []done
	var shown [][2]string // signs and classes
	failed := 0
	for _, f := range found {
		failed += f.count
		switch {
		case slices.Contains(shown, [2]string{f.first.Sign, f.first.Class}): // most likely the same mistake
			fmt.Fprintf(s.out, "\nalso    %s of %s, in %s\nagain   %s\n", f.first.Sign, e.File(f.first.File).Name,
				count(f.count, "run"), c.repeat(e.File(f.first.File), f.first.Name))
		case len(shown) >= c.Keep:
			fmt.Fprintf(s.out, "\nnot shrunk, for --keep is %d: %s of %s, schedule %s\n", c.Keep, f.first.Sign,
				e.File(f.first.File).Name, f.first.Name)
		default:
			shown = append(shown, [2]string{f.first.Sign, f.first.Class})
			if err := c.show(s, e, f); err != nil {
				return err
			}
		}
		res := f.result
		if res == nil {
			file := e.File(f.first.File)
			res = &scenario.Result{Scenario: file.Name, File: file.Path, World: "sim", Outcome: f.first.Outcome,
				Reason: f.first.Reason, Repeat: c.repeat(file, f.first.Name)}
		}
		file := e.File(f.first.File)
		all = append(all, done{job: job{file: file, path: file.Path, world: simWorld(nil)}, res: res})
	}
	if err := c.files(s, e, all, t); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n%d passed, %d failed, %d skipped\n", t.Runs-failed-t.Unknown, failed, left+t.Unknown)
	worst := scenario.Passed
	for _, f := range found {
		worst = max(worst, f.first.Outcome)
	}
	if t.Runs == 0 {
		worst = scenario.Unknown
	}
	if worst != scenario.Passed {
		return exit(worst.ExitCode())
	}
	return nil
}

func firedText(fired map[string]int) string {
	var kinds []string
	for kind := range fired {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", kind, fired[kind])
	}
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

func (c *exploreCmd) repeat(f *scenario.File, name explore.Name) string {
	if len(name) == 0 {
		return fmt.Sprintf("%s run %s --world sim", program(), f.Path)
	}
	return fmt.Sprintf("%s explore %s --schedule %s", program(), f.Path, name)
}

// scheduleText is the name of a schedule for people.
func scheduleText(n explore.Name) string {
	if len(n) == 0 {
		return "of the corpus"
	}
	return n.String()
}

// show shrinks one finding, writes its bundle and its entry in the corpus, and prints it.
func (c *exploreCmd) show(s *streams, e *explore.Explorer, f *explored) error {
	file := e.File(f.first.File)
	fmt.Fprintf(s.out, "\nFOUND   %s of %s, in %s, first with schedule %s\n        %s\n", f.first.Sign, file.Name,
		count(f.count, "run"), scheduleText(f.first.Name), f.first.Reason)
	fmt.Fprintf(s.out, "again   %s\n", c.repeat(file, f.first.Name))
	literal := explore.Schedule(file, f.first.Name)
	f.dir = filepath.Join(c.Out, file.Name+"-explored-"+kindInPath(&f.first))
	if f.first.Sign == explore.SignDigest || f.first.Sign == explore.SignHarness {
		return nil // it cannot be trusted to come again
	}
	f.was = explore.SizeOf(literal)
	f.shrunk = &explore.Shrunk{File: literal}
	if c.Shrink > 0 {
		var err error
		if f.shrunk, err = shrink(s, literal, &f.first, c.Shrink); err != nil {
			if errors.Is(err, explore.ErrPasses) {
				return fmt.Errorf("%s, schedule %s, failed in a worker and does not fail here: the simulation is "+
					"not deterministic", file.Name, f.first.Name)
			}
			return err
		}
	}
	entry := filepath.Join(c.Corpus, fmt.Sprintf("%s-%s.toml", file.Name, kindInPath(&f.first)))
	if f.first.File >= len(e.Files) {
		entry = file.Path
	}
	f.shrunk.File.Description = fmt.Sprintf("What is left of schedule %s of %s, in which %s fails.",
		scheduleText(f.first.Name), file.Name, f.first.Sign)
	text, err := f.shrunk.File.Marshal()
	if err != nil {
		return err
	}
	if err := writeFile(entry, func(w *os.File) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	f.shrunk.File.Path = entry
	fmt.Fprintf(s.out, "corpus  %s\n", entry)
	f.result, err = showShrunk(s, f.shrunk, f.was, f.first.Sign, f.dir)
	return err
}

// kindInPath tells findings of a scenario apart in names of files: by the check, and the way in which it failed.
func kindInPath(rep *explore.Report) string {
	h := fnv.New32a()
	h.Write([]byte(rep.Class))
	return fmt.Sprintf("%s-%04x", strings.ReplaceAll(rep.Sign, " ", "-"), h.Sum32()&0xffff)
}

func (c *exploreCmd) files(s *streams, e *explore.Explorer, all []done, t explore.Totals) error {
	var results []*scenario.Result
	for i := range all {
		results = append(results, all[i].res)
	}
	if c.JSON != "" {
		if err := writeFile(c.JSON, func(f *os.File) error { return reports.WriteJSON(f, results) }); err != nil {
			return err
		}
	}
	if c.JUnit != "" {
		if err := writeFile(c.JUnit, func(f *os.File) error {
			return reports.JUnit(f, []reports.Suite{{Name: "pitch explore", Cases: c.cases(e, all, t)}})
		}); err != nil {
			return err
		}
	}
	if c.GitHub {
		annotate(s.out, all)
	}
	return nil
}

// cases makes a test case of each scenario.
func (c *exploreCmd) cases(e *explore.Explorer, all []done, t explore.Totals) (cases []reports.Case) {
	for i, f := range slices.Concat(e.Files, e.Corpus) {
		one := reports.Case{Scenario: f.Name, World: "sim", First: c.Seed, Last: c.Seed}
		if n := t.ByFile[i]; n > 0 {
			one.Note = fmt.Sprintf("%s of %s", count(n, "schedule"), f.Path)
			one.Results = []*scenario.Result{{Scenario: f.Name, World: "sim", Outcome: scenario.Passed}}
		} else {
			one.Skipped = "the budget ran out"
		}
		for k := range all {
			if all[k].file == f {
				one.Results = append(one.Results, all[k].res)
			}
		}
		cases = append(cases, one)
	}
	return cases
}
