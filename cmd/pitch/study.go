package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/study"
)

type studyCmd struct {
	Run   studyRunCmd   `cmd:"" default:"withargs" help:"Run studies: all that has no answer yet, then tables and plots."`
	Merge studyMergeCmd `cmd:"" help:"Put the shards of a study together."`
}

func (studyCmd) Help() string {
	return `Sweeps of the reliability modeler's parameters, with tables and plots:

  pitch study studies/bigcluster-vs-sharding.toml
  pitch study studies                                all studies of a folder
  pitch study my.toml --shard 3/7                    one part, for one machine of seven
  pitch study merge out/my.*of7                      all parts together

A study that was interrupted or killed goes on where it stopped, and ends with the same bytes.`
}

// studyOutput are the flags about what is written.
type studyOutput struct {
	Out     string   `default:"out" placeholder:"DIR" help:"Where results go, each study in a folder of its name."`
	Formats []string `default:"svg,png,pdf" enum:"svg,png,pdf,none" help:"Kinds of pictures: svg, png, pdf or none."`
	Fresh   bool     `help:"Throw away what an earlier run left there."`
}

type studyRunCmd struct {
	Studies []string    `arg:"" name:"study" help:"Study files, or folders of them."`
	Shard   study.Shard `placeholder:"I/N" help:"Run only the I-th of N parts; 'pitch study merge' puts them together."`
	Threads int         `default:"0" help:"Cores to use; 0: all. Results do not depend on it."`
	studyOutput
}

func (c *studyRunCmd) Help() string {
	return `Writes into OUT/NAME: NAME.csv, NAME.jsonl and NAME.parquet (the same tidy table: one row a cell,
question and engine), a picture of each plot with its data beside it, NAME.md (questions, methods,
agreement, uncertainty), and answers.journal, from which a run that was stopped goes on.

Exit codes: 0; 1 if an estimate contradicts an exact answer; 64 if a study is wrong or some of its
questions have no answer; 130 interrupted.`
}

func (c *studyRunCmd) Run(s *streams) error {
	paths, err := studyFiles(c.Studies)
	if err != nil {
		return err
	}
	var plans []*study.Plan
	for _, path := range paths {
		p, err := loadStudy(path)
		if err != nil {
			return err
		}
		plans = append(plans, p)
	}
	var all error
	for i, p := range plans {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		err := c.one(s, p)
		var code exit
		if err != nil && !errors.As(err, &code) {
			return err
		}
		if all == nil || code == exit(exitUsage) {
			all = err
		}
	}
	return all
}

// studyFiles expands folders.
func studyFiles(args []string) ([]string, error) {
	var out []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, unreadable(arg, err)
		}
		if !info.IsDir() {
			out = append(out, arg)
			continue
		}
		found, err := filepath.Glob(filepath.Join(arg, "*.toml"))
		if err != nil || len(found) == 0 {
			return nil, usageError{fmt.Errorf("%s: holds no study (*.toml)", arg)}
		}
		out = append(out, found...)
	}
	return out, nil
}

func loadStudy(path string) (*study.Plan, error) {
	f, err := study.Load(path)
	if err != nil {
		return nil, usageError{err}
	}
	p, err := f.Plan(newFleetEngine)
	if err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

func newFleetEngine(f study.Fleet) study.Engine {
	return fleetEngine{years: f.Years, lifetime: f.Lifetime, repair: f.Repair}
}

func (c *studyRunCmd) one(s *streams, p *study.Plan) error {
	f := p.File
	dir := filepath.Join(c.Out, f.Name)
	part := ""
	if c.Shard.Of > 1 {
		dir += fmt.Sprintf(".%dof%d", c.Shard.Part, c.Shard.Of)
		part = fmt.Sprintf(", shard %s: %d of them", c.Shard, c.Shard.Count(p.Cells()))
	}
	fmt.Fprintf(s.out, "%s: %s\n%s cells x %s%s; seed %d, input %.12s, pitch %s\n", f.Name, f.Title,
		thousands(p.Cells()), plural(len(f.Asks), "question"), part, f.Seed, f.Hash, build())
	progress, stop := studyProgress(s)
	r, err := study.Run(s.ctx, p, study.Options{Dir: dir, Shard: c.Shard, Fresh: c.Fresh, Version: build(),
		Threads: c.Threads, Progress: progress})
	stop()
	if err != nil {
		return studyError(s.ctx, dir, err)
	}
	if r.Damaged > 0 {
		fmt.Fprintf(s.out, "%s of an earlier run could not be trusted and was answered anew\n",
			plural(r.Damaged, "line"))
	}
	if r.Resumed > 0 {
		fmt.Fprintf(s.out, "%s of %s cells had been answered by an earlier run\n", thousands(r.Resumed),
			thousands(c.Shard.Count(p.Cells())))
	}
	if c.Shard.Of > 1 {
		fmt.Fprintf(s.out, "%s\nwhen all shards are there: pitch study merge %s.*of%d\n", dir,
			filepath.Join(c.Out, f.Name), c.Shard.Of)
		return nil
	}
	return c.write(s, r, dir)
}

// studyError says what to do about a run that could not go on.
func studyError(ctx context.Context, dir string, err error) error {
	switch {
	case errors.Is(err, study.ErrOther):
		return usageError{fmt.Errorf("%w; --fresh throws it away, --out puts results elsewhere", err)}
	case errors.Is(err, durable.ErrLocked):
		return usageError{err}
	case ctx.Err() != nil:
		return interrupted{err, fmt.Sprintf("what has been answered is in %s, and the same command goes on "+
			"from there", dir)}
	}
	return err
}

// studyProgress shows how far a study has come and how long it will take, on a terminal.
func studyProgress(s *streams) (report func(done, of int), stop func()) {
	f := terminal(s.err)
	if f == nil {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(done, of int) {
			if bar == nil {
				bar = progressbar.NewOptions(of, progressbar.OptionSetWriter(f),
					progressbar.OptionSetPredictTime(true), progressbar.OptionShowCount(),
					progressbar.OptionSetDescription("cells"), progressbar.OptionSetWidth(30),
					progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
			}
			_ = bar.Set(done) // fails only beyond its end
		}, func() {
			if bar != nil {
				bar.Finish()
			}
		}
}

// write makes the tables and pictures of a complete study.
func (o *studyOutput) write(s *streams, r *study.Result, dir string) error {
	name := r.Plan.File.Name
	var lines, pictures []string
	put := func(file string, write func(w io.Writer) error) error {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			return err
		}
		return durable.Replace(filepath.Join(dir, file), text.Bytes(), 0o644)
	}
	for _, t := range []struct {
		ext   string
		write func(io.Writer, *study.Result) error
	}{{"csv", reports.WriteStudyCSV}, {"jsonl", reports.WriteStudyJSON}, {"parquet", reports.WriteStudyParquet}} {
		if err := put(name+"."+t.ext, func(w io.Writer) error { return t.write(w, r) }); err != nil {
			return err
		}
	}
	for _, p := range reports.StudyPlots(r) {
		base := name + "-" + p.Name
		if err := put(base+".csv", p.Picture.WriteCSV); err != nil {
			return err
		}
		for _, format := range o.formats() {
			if err := put(base+"."+format, func(w io.Writer) error {
				return p.Picture.Draw(w, reports.FigureOptions{Format: format})
			}); err != nil {
				return fmt.Errorf("%s: plot %s: %w", r.Plan.File.Path, p.Name, err)
			}
		}
		if slices.Contains(o.Formats, "svg") {
			pictures = append(pictures, base+".svg")
		}
		lines = append(lines, also(filepath.Join(dir, base), append(o.formats(), "csv")))
	}
	if err := put(name+".md", func(w io.Writer) error {
		return reports.WriteStudySummary(w, r, pictures)
	}); err != nil {
		return err
	}
	lines = append(lines, also(filepath.Join(dir, name), []string{"md", "csv", "jsonl", "parquet"}))
	return concludeStudy(s, r, lines)
}

// formats are the kinds of pictures to draw.
func (o *studyOutput) formats() []string {
	return slices.DeleteFunc(slices.Clone(o.Formats), func(f string) bool { return f == "none" })
}

// also names a file that is there in several forms.
func also(base string, forms []string) string {
	line := base + "." + forms[0]
	for i, form := range forms[1:] {
		line += map[bool]string{true: "  and ", false: ", "}[i == 0] + "." + form
	}
	return line
}

// concludeStudy says what came out, and gives the exit code.
func concludeStudy(s *streams, r *study.Result, lines []string) error {
	f := r.Plan.File
	far := 0
	for _, a := range r.Agreements() {
		fmt.Fprintf(s.out, "%s: %s agrees with %s in %d of %s, within the interval", f.Asks[a.Ask].Name, a.Engine,
			a.Reference, a.Inside, plural(a.Cells, "cell"))
		if a.Far > 0 {
			fmt.Fprintf(s.out, "; CONTRADICTS it in %d, most in cell %d", a.Far, a.FarthestAt)
		}
		fmt.Fprintln(s.out)
		far += a.Far
	}
	fmt.Fprintln(s.out, strings.Join(lines, "\n"))
	if n := r.Failed(); n > 0 {
		fmt.Fprintf(s.out, "%s of %s answers could not be given; see the column \"error\"\n", thousands(n),
			thousands(len(r.Rows)))
		return exit(exitUsage)
	}
	if far > 0 {
		return exit(scenario.Violated.ExitCode())
	}
	return nil
}

// thousands writes a whole number with commas.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

var _ study.Engine = fleetEngine{}
