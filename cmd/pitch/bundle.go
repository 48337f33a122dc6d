package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/reports"
	"github.com/container-football/pitch/scenario"
)

// Files of a bundle.
const (
	bundleReplay  = "replay.toml"
	bundleVerdict = "verdict.json"
)

// writeBundle writes all that a run has shown into one folder, and returns the names of the files
// for people. The folder can be moved: it holds the traces that the scenario reads, too.
func writeBundle(dir string, f *scenario.File, res *scenario.Result) (string, error) {
	b := &bundle{dir: dir}
	loads := slices.Clone(f.Workloads)
	for i := range loads {
		if w := &loads[i]; w.Kind == scenario.KindIOLog {
			from := f.Resolve(w.File)
			w.File = traceName(loads[:i], w.File)
			b.copy(w.File, from)
		}
	}
	given, literal := *f, *res.Replay
	given.Workloads, literal.Workloads = loads, loads
	source, err := given.Marshal()
	if err != nil {
		return "", err
	}
	replay, err := literal.Marshal()
	if err != nil {
		return "", err
	}
	b.bytes("scenario.toml", source)
	b.bytes(bundleReplay, replay)
	b.write("history.jsonl", func(w *os.File) error { return check.WriteHistory(w, res.History) })
	b.write(bundleVerdict, func(w *os.File) error {
		return reports.WriteJSON(w, []*scenario.Result{res})
	})
	b.write("report.txt", func(w *os.File) error { return reports.Details(w, res) })
	for i := range res.Logs {
		l := &res.Logs[i]
		for _, file := range l.Files {
			b.bytes(filepath.Join("logs", l.Host, l.Resource, disk.SegmentName(file.ID)), file.Data)
		}
	}
	var links []reports.Link
	if v := shown(res); v != nil {
		b.write("register.html", func(w *os.File) error {
			return check.WriteHTML(w, res.History, v)
		})
		links = append(links, reports.Link{Text: "operations on the sector of the violation",
			Href: "register.html"})
	}
	if len(res.Samples) > 0 {
		b.write("timeline.svg", func(w *os.File) error {
			return reports.Timeline(w, res, reports.TimelineOptions{})
		})
	}
	b.write("report.html", func(w *os.File) error {
		return reports.HTML(w, res, reports.HTMLOptions{Links: links})
	})
	if len(res.Logs) > 0 {
		b.names = append(b.names, "logs")
	}
	return strings.Join(b.names, ", "), b.err
}

// traceName is what a trace is called in the bundle: as its file, unless another one is.
func traceName(before []scenario.Workload, file string) string {
	name := filepath.Base(file)
	for i := range before {
		if before[i].File == name {
			return fmt.Sprintf("%d-%s", len(before)+1, name)
		}
	}
	return name
}

// shown is the first violation that has operations to draw.
func shown(res *scenario.Result) *check.Violation {
	for i := range res.Checks {
		if v := res.Checks[i].Violation; v != nil && len(v.Ops) > 0 {
			return v
		}
	}
	return nil
}

// bundle writes files until one fails.
type bundle struct {
	dir   string
	names []string
	err   error
}

func (b *bundle) write(name string, write func(*os.File) error) {
	if b.err == nil {
		b.err = writeFile(filepath.Join(b.dir, name), write)
		if filepath.Dir(name) == "." {
			b.names = append(b.names, name)
		}
	}
}

func (b *bundle) bytes(name string, data []byte) {
	b.write(name, func(w *os.File) error { _, err := w.Write(data); return err })
}

func (b *bundle) copy(name, from string) {
	b.write(name, func(w *os.File) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
}

type replayCmd struct {
	Bundle string `arg:"" help:"Folder that a run has left."`
	Out    string `default:"out/replay" placeholder:"DIR" help:"Folder for the bundle of the new run (default: out/replay)."`
}

func (c *replayCmd) Help() string {
	return `Runs replay.toml of the bundle in the same world. A simulation must come to the same
digest, event for event: if not, the exit code is 70. Real processes need not.`
}

func (c *replayCmd) Run(s *streams) error {
	f, err := scenario.Options{Strategies: scenario.Strategies()}.Load(
		filepath.Join(c.Bundle, bundleReplay))
	if err != nil {
		return err
	}
	old, err := readVerdict(filepath.Join(c.Bundle, bundleVerdict))
	if err != nil {
		return usageError{err}
	}
	j := job{file: f, path: f.Path, world: worldNamed(old.World), seed: old.Seed}
	fmt.Fprintf(s.out, "pitch %s: replay of %s in %s, seed %d\n\n", version(), old.Scenario,
		old.World, old.Seed)
	dir := filepath.Join(c.Out, filepath.Base(filepath.Clean(c.Bundle)))
	res, err := runJob(s.ctx, j, dir, true, newBar(s.err, 1, true))
	if err != nil {
		return err
	}
	res.Repeat = "pitch replay " + c.Bundle
	files, err := writeBundle(dir, f, res)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "bundle  %s: %s\n", dir, files)
	if err := reports.Details(s.out, res); err != nil {
		return err
	}
	if res.Digest != old.Digest {
		return fmt.Errorf("the digest is %s, but the bundle has %s: this is not the same run. Was it "+
			"made by this version of pitch? If so, the simulation is not deterministic",
			res.Digest, old.Digest)
	}
	if res.Digest != "" {
		fmt.Fprintf(s.out, "the digest is that of the bundle: %s\n", res.Digest)
	}
	if res.Outcome != old.Outcome {
		fmt.Fprintf(s.out, "the outcome is %v; in the bundle it was %v\n", res.Outcome, old.Outcome)
	}
	if res.Outcome != scenario.Passed {
		return exit(res.Outcome.ExitCode())
	}
	return nil
}

func readVerdict(path string) (*scenario.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	results, err := reports.ReadJSON(f)
	if err == nil && len(results) != 1 {
		err = errors.New("expected exactly one result")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if w := results[0].World; w != "sim" && w != "local" {
		return nil, fmt.Errorf("%s: world %q, expected sim or local", path, w)
	}
	return results[0], nil
}
