package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/model/drives"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/scenario/iolog"
)

// conclude prints what the runs have shown, writes the files that were asked for, and returns the
// worst outcome.
func (c *runCmd) conclude(s *streams, all []done, skipped int, single bool) error {
	worst := scenario.Passed
	shown := 0
	var results []*scenario.Result
	for i := range all {
		d := &all[i]
		if d.res == nil {
			skipped++ // the budget ran out
			continue
		}
		if badInput(d.err) {
			return usageError{errors.New(d.res.Reason)}
		}
		results = append(results, d.res)
		worst = max(worst, d.res.Outcome)
		if !single && (d.res.Outcome == scenario.Passed || shown >= c.Keep) {
			continue
		}
		shown++
		if err := c.show(s, d, single); err != nil {
			return err
		}
		worst = max(worst, d.res.Outcome)
	}
	if len(results) == 0 {
		fmt.Fprintf(s.out, "0 passed, 0 failed, %d skipped\n", skipped)
		if len(all) > 0 {
			fmt.Fprintf(s.err, "pitch: nothing was run: the budget of %v was over before\n", c.Budget)
			return exit(scenario.Unknown.ExitCode())
		}
		return usageError{fmt.Errorf("nothing was run: no scenario names the world %s",
			strings.Join(c.World, " or "))}
	}
	if len(results) > 1 {
		fmt.Fprintln(s.out)
		if err := reports.Summary(s.out, results); err != nil {
			return err
		}
	}
	if err := c.files(s, all, results); err != nil {
		return err
	}
	fmt.Fprintln(s.out)
	agreement(s.out, results)
	if err := reports.Total(s.out, results, skipped); err != nil {
		return err
	}
	if worst != scenario.Passed {
		return exit(worst.ExitCode())
	}
	return nil
}

// agreement says whether worlds have come to the same verdict on the same scenario and seed.
func agreement(w io.Writer, results []*scenario.Result) {
	type run struct {
		file, scenario string
		seed           uint64
	}
	first := map[run]*scenario.Result{}
	compared, apart := 0, 0
	for _, res := range results {
		key := run{res.File, res.Scenario, res.Seed}
		other := first[key]
		if other == nil {
			first[key] = res
			continue
		}
		compared++
		if other.Verdict != res.Verdict || other.Outcome != res.Outcome {
			apart++
			fmt.Fprintf(w, "the worlds DISAGREE on %s, seed %d: %v in %s, %v in %s\n", res.Scenario,
				res.Seed, other.Outcome, other.World, res.Outcome, res.World)
		}
	}
	if compared > 0 && apart == 0 {
		fmt.Fprintf(w, "the worlds agree on %s\n", count(compared, "verdict"))
	}
}

// badInput says whether an error is the user's to mend.
func badInput(err error) bool {
	var (
		usage usageError
		file  *scenario.Error
		trace *iolog.Error
		hist  *check.ParseError
		table *drives.TableError
	)
	return errors.Is(err, model.ErrBadInput) || errors.As(err, &table) ||
		errors.As(err, &usage) || errors.As(err, &file) || errors.As(err, &trace) ||
		errors.As(err, &hist)
}

// show writes the bundle of one run and prints what it has shown. One of many seeds was run
// without samples; a simulation is run again with them, for the picture, and must then be the
// same to the last event.
func (c *runCmd) show(s *streams, d *done, single bool) error {
	res := d.res
	if !single && d.world.Name == "sim" && d.err == nil {
		again, err := runJob(s.ctx, d.job, "", true, &bar{})
		if err != nil {
			return err
		}
		if again.Digest != res.Digest {
			d.unstable = fmt.Sprintf("two equal runs with seed %d have different digests, %s and %s: the "+
				"simulation is not deterministic", d.seed, res.Digest, again.Digest)
			d.res.Outcome, d.res.Reason = scenario.Failed, d.unstable
			return reports.Details(s.out, d.res)
		}
		res = again
	}
	fmt.Fprintln(s.out)
	if d.err == nil {
		dir := d.folder(c.Out)
		files, err := writeBundle(dir, d.file, res)
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		fmt.Fprintf(s.out, "bundle  %s: %s\n", dir, files)
	}
	return reports.Details(s.out, res)
}

func (c *runCmd) files(s *streams, all []done, results []*scenario.Result) error {
	if c.JSON != "" {
		if err := writeFile(c.JSON, func(f *os.File) error {
			return reports.WriteJSON(f, results)
		}); err != nil {
			return err
		}
	}
	if c.JUnit != "" {
		suites := []reports.Suite{{Cases: junitCases(all)}}
		if err := writeFile(c.JUnit, func(f *os.File) error {
			return reports.JUnit(f, suites)
		}); err != nil {
			return err
		}
	}
	if c.GitHub {
		annotate(s.out, all)
	}
	return nil
}

// junitCases makes one case of each block of seeds.
func junitCases(all []done) []reports.Case {
	var cases []reports.Case
	for i := range all {
		d := &all[i]
		n := slices.IndexFunc(cases, func(c reports.Case) bool {
			return c.Scenario == d.file.Name && c.World == d.world.Name
		})
		if n < 0 {
			n = len(cases)
			cases = append(cases, reports.Case{Scenario: d.file.Name, World: d.world.Name,
				First: d.seed, Last: d.seed, Skipped: "the budget ran out"})
		}
		if d.unstable != "" {
			cases[n].Unstable = d.unstable
		}
		if d.res != nil {
			cases[n].Skipped, cases[n].Last = "", d.seed
			cases[n].Results = append(cases[n].Results, d.res)
		}
	}
	return cases
}

// writable says whether a result can be written once it is there, unless no path is given.
func writable(path string) error {
	if path == "" {
		return nil
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(filepath.Dir(path), ".pitch-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if info, serr := os.Stat(path); err == nil && serr == nil && info.IsDir() {
		err = syscall.EISDIR
	}
	if err != nil {
		return inaccessible(path, "written", err)
	}
	return nil
}

// writeFile writes a file whole or not at all.
func writeFile(path string, write func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err = write(f); err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
