package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/explore"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

type shrinkCmd struct {
	Bundle string        `arg:"" help:"Folder that a failed run has left, or a scenario that fails."`
	Seed   *uint64       `placeholder:"N" help:"Seed (default: the scenario's)."`
	Check  string        `placeholder:"NAME" help:"Check that is to stay violated (default: the first that is)."`
	Budget time.Duration `default:"1m" placeholder:"DURATION" help:"Stop after this time, with what there is (default: 1m)."`
	Out    string        `placeholder:"DIR" help:"Folder for the smaller bundle (default: that of the bundle, with -shrunk)."`
}

func (c *shrinkCmd) Help() string {
	return `Leaves out of a failing run in the simulator whatever is not needed for the failure: steps, hosts, clients,
operations; makes times shorter and settings plain. The same check has to stay violated. What is left is a bundle
with a scenario that everybody can read and run.

  pitch shrink out/my-scenario-sim-17
  pitch shrink my.toml --seed 17`
}

func (c *shrinkCmd) Run(s *streams) error {
	path := c.Bundle
	if info, err := os.Stat(path); err != nil {
		return unreadable(path, err)
	} else if info.IsDir() {
		path = filepath.Join(path, bundleReplay)
	}
	f, err := scenario.Options{Strategies: scenario.Strategies()}.Load(path)
	if err != nil {
		return err
	}
	if !slices.Contains(f.Worlds, "sim") {
		return usageError{fmt.Errorf("%s does not run in the simulator: only what happens there can be shrunk", path)}
	}
	if c.Seed != nil {
		f.Seed = *c.Seed
	}
	f = f.Literal(f.Seed)
	rep := explore.RunJob(s.ctx, f, simWorld(nil), explore.Job{})
	if c.Check != "" {
		rep.Sign, rep.Class = c.Check, ""
	}
	if rep.Sign == "" {
		fmt.Fprintf(s.out, "%s, seed %d: %v. There is nothing to shrink.\n", f.Name, f.Seed, rep.Outcome)
		return usageError{fmt.Errorf("%s does not fail in the simulator", path)}
	}
	was := explore.SizeOf(f)
	shrunk, err := shrink(s, f, &rep, c.Budget)
	switch {
	case errors.Is(err, explore.ErrPasses):
		return usageError{fmt.Errorf("%s does not violate the check %s", path, rep.Sign)}
	case err != nil:
		return err
	}
	dir := c.Out
	if dir == "" {
		dir = strings.TrimSuffix(strings.TrimSuffix(c.Bundle, "/"), ".toml") + "-shrunk"
	}
	shrunk.File.Path = filepath.Join(dir, bundleReplay)
	res, err := showShrunk(s, shrunk, was, rep.Sign, dir)
	if err == nil && res != nil {
		err = exit(res.Outcome.ExitCode())
	}
	return err
}

// shrink makes a scenario smaller that fails like a report says, with progress.
func shrink(s *streams, f *scenario.File, as *explore.Report, budget time.Duration) (*explore.Shrunk, error) {
	ctx, cancel := context.WithTimeout(s.ctx, budget)
	defer cancel()
	p := newExploreProgress(s.err, 0, 0)
	got, err := explore.Shrink(ctx, f, explore.Shrinking{Fails: explore.Fails(simWorld(nil), as.Sign, as.Class),
		Progress: func(runs int, left explore.Size) {
			if p.bar != nil {
				p.line(fmt.Sprintf("shrinking: %d runs, left are %s", runs, sizeText(left)))
			}
		}})
	p.finish()
	if err == nil {
		err = s.ctx.Err()
	}
	return got, err
}

func sizeText(z explore.Size) string {
	return fmt.Sprintf("%s, %s, %s, %s", count(z.Steps, "step"), count(z.Ops, "operation"), count(z.Clients, "client"),
		count(z.Hosts, "host"))
}

// showShrunk writes the bundle of what is left, and prints it. A machine that panics leaves the scenario
// alone, and no result.
func showShrunk(s *streams, shrunk *explore.Shrunk, was explore.Size, sign, dir string) (*scenario.Result, error) {
	done := ""
	if !shrunk.Done {
		done = "; the time was over, there may be less"
	}
	fmt.Fprintf(s.out, "shrunk  from %s\n        to %s, in %s%s\n", sizeText(was), sizeText(explore.SizeOf(shrunk.File)),
		count(shrunk.Runs, "run"), done)
	text, err := shrunk.File.Marshal()
	if err != nil {
		return nil, err
	}
	again := fmt.Sprintf("%s run %s --world sim", program(), filepath.Join(dir, bundleReplay))
	if sign == explore.SignPanic {
		err := writeFile(filepath.Join(dir, bundleReplay), func(w *os.File) error { _, err := w.Write(text); return err })
		fmt.Fprintf(s.out, "repeat  %s\n", again)
		return nil, err
	}
	res, err := scenario.Run(s.ctx, shrunk.File, scenario.RunOptions{World: simWorld(nil), Seed: shrunk.File.Seed, Samples: true})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(res.Checks, func(r check.Result) bool { return r.Check == sign && r.Verdict == check.Violated }) {
		return nil, fmt.Errorf("%s, seed %d: the last run does not violate %s, one before did: the simulation is not "+
			"deterministic", shrunk.File.Name, shrunk.File.Seed, sign)
	}
	res.Repeat = again
	files, err := writeBundle(dir, shrunk.File, res)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	fmt.Fprintf(s.out, "bundle  %s: %s\n", dir, files)
	return res, reports.Details(s.out, res)
}
