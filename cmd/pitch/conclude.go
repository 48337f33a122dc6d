package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

// conclude prints what the runs have shown, writes the files that were asked for, and returns the
// worst outcome.
func (c *runCmd) conclude(s *streams, all []done, skipped int, single bool) error {
	worst := scenario.Passed
	passed, failed, bundles := 0, 0, 0
	var results []*scenario.Result
	for i := range all {
		d := &all[i]
		switch {
		case d.err != nil:
			var usage usageError
			var file *scenario.Error
			if errors.As(d.err, &usage) || errors.As(d.err, &file) {
				return d.err
			}
			fmt.Fprintf(s.out, "\nfailed: %v\n  pitch run %s --world %s --seed %d\n", d.err, d.path,
				d.world.Name, d.seed)
			worst, failed = scenario.Failed, failed+1
			continue
		case d.res == nil:
			skipped++ // the budget ran out
			continue
		}
		results = append(results, d.res)
		worst = max(worst, d.res.Outcome)
		if d.res.Outcome == scenario.Passed {
			passed++
		} else {
			failed++
		}
		if !single && (d.res.Outcome == scenario.Passed || bundles >= c.Keep) {
			continue
		}
		bundles++
		if err := c.show(s, d, single); err != nil {
			return err
		}
	}
	if len(results) > 1 {
		fmt.Fprintln(s.out)
		reports.Summary(s.out, results)
	}
	if err := c.files(s, all, results); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	if worst == scenario.Passed && passed == 0 {
		return usageError{errNoRuns}
	}
	if worst != scenario.Passed {
		return exit(worst.ExitCode())
	}
	return nil
}

// show writes the bundle of one run and prints what it has shown. A failure out of many seeds was
// run without samples; a simulation is run again with them, for the picture.
func (c *runCmd) show(s *streams, d *done, single bool) error {
	res := d.res
	if !single && d.world.Name == "sim" {
		again, err := runJob(s.ctx, d.job, true, &bar{})
		if err != nil {
			return err
		}
		if again.Digest != res.Digest {
			return fmt.Errorf("%s, seed %d: two equal runs have different digests, %s and %s: the "+
				"simulation is not deterministic", d.path, d.seed, res.Digest, again.Digest)
		}
		res = again
	}
	dir := filepath.Join(c.Out, fmt.Sprintf("%s-%s-%d", res.Scenario, res.World, res.Seed))
	if err := writeBundle(dir, d.file, res); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	fmt.Fprintln(s.out)
	reports.Details(s.out, res)
	fmt.Fprintf(s.out, "bundle: %s (report.html, timeline.svg, history.jsonl)\n", dir)
	return nil
}

func (c *runCmd) files(s *streams, all []done, results []*scenario.Result) error {
	if c.JSON != "" {
		if err := writeFile(c.JSON, func(f *os.File) error {
			return reports.WriteJSON(f, results)
		}); err != nil {
			return err
		}
	}
	if c.JUnit == "" && !c.GitHub {
		return nil
	}
	suites := junitSuites(all)
	if c.JUnit != "" {
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

var _ = context.Canceled
