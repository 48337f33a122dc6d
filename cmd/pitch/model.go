package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/scenario"
)

type modelCmd struct {
	Ask      modelAskCmd      `cmd:"" default:"withargs" help:"Answer one question, or a batch of them."`
	Table    modelTableCmd    `cmd:"" help:"Compare placements under one set of parameters."`
	Drives   modelDrivesCmd   `cmd:"" help:"Read failure rates from a table of drive statistics."`
	Measures modelMeasuresCmd `cmd:"" help:"List what can be asked, or explain one measure."`
}

func (modelCmd) Help() string {
	return `Reliability of replicated storage, of any placement and under any mix of failures:

  pitch model measures                       what can be asked
  pitch model incident --placement shards -n 100 -k 2 -p 1e-4
  pitch model table -n 100 -k 3              shards, copysets, clusters side by side
  pitch model drives fleet.csv               failure rates from drive statistics
  pitch model --batch < queries.jsonl

A command that is none of those below is a measure for ask, whose help lists all parameters.`
}

// precision are the flags of estimates.
type precision struct {
	RelErr  float64 `default:"0.05" help:"Relative error at which an estimate stops."`
	Level   float64 `default:"0.95" help:"Confidence of intervals."`
	Samples int64   `default:"100000000" help:"Most samples of an estimate."`
	Seed    uint64  `default:"1" help:"Seed of estimates."`
	Threads int     `default:"0" help:"Cores to use; 0: all. Results do not depend on it."`
}

func (p *precision) options() (model.Options, error) {
	switch {
	case !(p.RelErr > 0 && p.RelErr < 10):
		return model.Options{}, usageError{fmt.Errorf("--rel-err %g: must be above 0 and below 10", p.RelErr)}
	case !(p.Level > 0 && p.Level < 1):
		return model.Options{}, usageError{fmt.Errorf("--level %g: must be above 0 and below 1", p.Level)}
	case p.Samples < 1:
		return model.Options{}, usageError{fmt.Errorf("--samples %d: must be at least 1", p.Samples)}
	}
	return model.Options{Seed: p.Seed, RelErr: p.RelErr, Level: p.Level, Samples: p.Samples,
		Threads: p.Threads}, nil
}

type modelAskCmd struct {
	Measure    string  `arg:"" optional:"" help:"What to compute; 'pitch model measures' lists them."`
	Batch      bool    `help:"Answer JSON lines from standard input, one JSON line each."`
	CrossCheck bool    `help:"Compute with a second method, too, and compare."`
	Simulate   bool    `help:"Estimate by simulation even where arithmetic would do."`
	Fleet      float64 `placeholder:"YEARS" help:"Let hosts fail and be repaired for so many years of virtual time, and measure."`
	JSON       bool    `name:"json" help:"Print the answer as a JSON line."`
	Drives     string  `placeholder:"FILE" help:"Take lambda-per-h from a table of drive statistics (CSV)."`
	DriveModel string  `placeholder:"NAME" help:"Of this model of drive only."`
	precision
	modelParams
}

func (c *modelAskCmd) Help() string {
	return `Answers with the best method that applies, and names it: a closed form, an exact sum, a Markov
chain, an enumeration of all states, or a simulation with a confidence interval.

  pitch model downtime --placement shards -n 1000 -k 2 -p 1e-4 -T 10000
  pitch model incident --placement bigcluster -n 100 -k 3 -p 1e-4
  pitch model size --placement clusters --clusters 10 -n 100 -k 2 -p 1e-3
  pitch model mttdl --placement shards -n 100 -k 3 --lambda-per-h 1e-5 --mu-per-h 0.04
  pitch model outage --placement copysets -N 300 -k 3 -S 4 -F 3 --cross-check
  pitch model unavailability --placement copysets -n 100 -k 2 -S 4 \
    --lambda-per-h 1e-3 --mu-per-h 1 --fleet 100 --cross-check
  pitch model --batch < queries.jsonl

A line of a batch is {"id": "…", "measure": "…", "params": {…}}; parameters have the names of the
flags below, with _ in place of -. A line that cannot be answered gets an error, the others are
answered, and the exit code is 64. With --cross-check, answers that disagree give exit code 1.`
}

func (c *modelAskCmd) Run(s *streams) error {
	opt, err := c.options()
	if err != nil {
		return err
	}
	opt.Simulate = c.Simulate
	if c.Batch {
		if c.Measure != "" || len(c.params()) > 0 || c.Drives != "" {
			return usageError{errors.New("--batch takes its questions from standard input: " +
				"give no measure and no parameters beside it")}
		}
		failed, err := await(s.ctx, func() (int, error) {
			return model.Batch(s.ctx, s.in, s.out, opt, c.CrossCheck)
		})
		if err == nil && failed > 0 {
			return usageError{fmt.Errorf("%d of the lines could not be answered; see their \"error\"", failed)}
		}
		return err
	}
	if c.Measure == "" {
		return usageError{errors.New("no measure is given; `pitch model measures` lists them")}
	}
	params := c.params()
	fleet, err := c.rates(params)
	if err != nil {
		return err
	}
	stop := showProgress(s, &opt)
	defer stop()
	if c.CrossCheck {
		return c.check(s, params, opt, stop)
	}
	a, err := await(s.ctx, func() (model.Answer, error) { return c.ask(s.ctx, params, opt) })
	stop()
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.out, model.NewReply(c.Measure, a))
	}
	printAnswer(s.out, c.Measure, a)
	return c.alsoAt(s, fleet, params, opt)
}

// ask answers by arithmetic or sampling, or in virtual time.
func (c *modelAskCmd) ask(ctx context.Context, params model.Params, opt model.Options) (
	model.Answer, error) {
	if c.Fleet == 0 {
		return model.Ask(ctx, c.Measure, params, opt)
	}
	return fleetEngine{years: c.Fleet}.Ask(ctx, c.Measure, params, opt)
}

// crossCheck compares the best method with the one that has least in common with it, or with what
// happens in virtual time.
func (c *modelAskCmd) crossCheck(ctx context.Context, params model.Params, opt model.Options) (
	check model.Check, err error) {
	if c.Fleet == 0 {
		return model.CrossCheck(ctx, c.Measure, params, opt)
	}
	if check.First, err = model.Ask(ctx, c.Measure, params, opt); err != nil {
		return check, err
	}
	check.Second, err = c.ask(ctx, params, opt)
	check.Agree = check.First.Agrees(check.Second, 1e-9)
	return check, err
}

// await returns what f does, or, when ctx ends first, that it was cancelled: some arithmetic takes
// long and asks no context, and a terminal may be waited for. What f goes on to do ends with the
// program.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (c *modelAskCmd) check(s *streams, params model.Params, opt model.Options, stop func()) error {
	check, err := await(s.ctx, func() (model.Check, error) { return c.crossCheck(s.ctx, params, opt) })
	stop()
	if err != nil {
		return err
	}
	if c.JSON {
		if err := printJSON(s.out, model.NewCheckedReply(c.Measure, check)); err != nil {
			return err
		}
	} else {
		printAnswer(s.out, c.Measure, check.First)
		fmt.Fprintln(s.out)
		printAnswer(s.out, c.Measure, check.Second)
		fmt.Fprintln(s.out, "\nthe two methods "+map[bool]string{true: "agree", false: "DISAGREE"}[check.Agree])
	}
	if !check.Agree {
		return exit(scenario.Violated.ExitCode())
	}
	return nil
}

// printAnswer says what an answer is, where it comes from, and how sure it is.
func printAnswer(w io.Writer, measure string, a model.Answer) {
	unit, formula := "", ""
	if m, err := model.Find(measure); err == nil {
		unit, formula = m.Unit, m.Formula
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s %s\n", measure, figure(a.Value), unit)
	if i := a.Interval; i != nil {
		fmt.Fprintf(t, "interval\t%s to %s (%g %%)\n", figure(i.Low), figure(i.High), i.Level*100)
	}
	if a.Interval == nil && a.Sampling == nil {
		fmt.Fprintf(t, "method\t%s: %s\n", a.Method, formula)
	} else {
		fmt.Fprintf(t, "method\t%s\n", a.Method)
	}
	if n := a.Sampling; n != nil {
		fmt.Fprintf(t, "samples\t%d, %d hits worth %.4g, seed %d\n", n.Samples, n.Hits, n.ESS, n.Seed)
		if !n.Converged {
			fmt.Fprintf(t, "\tcoarse: the wanted relative error was not reached\n")
		}
	}
	if d := a.Sizes; d != nil {
		fmt.Fprintf(t, "quantiles\tmedian %g, 90 %%: %g, 99 %%: %g, largest %g\n", d.P50, d.P90, d.P99, d.Max)
	}
	if a.Note != "" {
		fmt.Fprintf(t, "note\t%s\n", a.Note)
	}
	_ = t.Flush() // to a terminal or a pipe; what follows fails the same way
	if a.Sizes != nil {
		printSizes(w, a.Sizes)
	}
}

// printSizes draws the distribution of incident sizes, the twelve likeliest.
func printSizes(w io.Writer, d *model.Sizes) {
	at, share := d.Likeliest(12)
	fmt.Fprintln(w, "\nvolumes down  share of incidents")
	for i := range at {
		bar := strings.Repeat("#", int(share[i]*40+0.5))
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%12g  %-9s %s", at[i], percent(share[i]), bar), " "))
	}
	if rest := len(d.At) - len(at); rest > 0 {
		fmt.Fprintf(w, "%12s  %d other sizes\n", "", rest)
	}
}

func percent(x float64) string { return strconv.FormatFloat(x*100, 'g', 3, 64) + " %" }

// figure prints a number with the digits that people want.
func figure(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// showProgress shows how far an estimate has come, on a terminal; the function that it returns
// ends that.
func showProgress(s *streams, opt *model.Options) (stop func()) {
	f := terminal(s.err)
	if f == nil {
		return func() {}
	}
	var bar *progressbar.ProgressBar
	wanted := opt.RelErr
	opt.Progress = func(relErr float64, samples int64) {
		if bar == nil {
			bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(f),
				progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		bar.Describe(fmt.Sprintf("%d samples, relative error %.3g of %.3g", samples, relErr, wanted))
		bar.Add(1)
	}
	return func() {
		if bar != nil {
			bar.Finish()
		}
	}
}
