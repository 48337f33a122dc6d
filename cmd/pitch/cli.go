package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/container-football/pitch/scenario"
)

// Exit codes besides those of scenario.Outcome.
const (
	exitUsage       = 64
	exitHarness     = 70
	exitInterrupted = 130
)

// cli is the command line. Each command has a file of its own.
type cli struct {
	Run     runCmd     `cmd:"" help:"Run scenarios, check what they show, and report."`
	Replay  replayCmd  `cmd:"" help:"Run what a bundle holds once more and compare."`
	Explore exploreCmd `cmd:"" help:"Look for faults that break a promise, and shrink what is found."`
	Shrink  shrinkCmd  `cmd:"" help:"Make a failing run as small as it can be."`
	Check   checkCmd   `cmd:"" help:"Judge a recorded history."`
	Model   modelCmd   `cmd:"" help:"Answer questions about reliability: one, a batch, a table or a plot."`
	Study   studyCmd   `cmd:"" help:"Sweep the modeler's parameters: tables and plots."`
	Schema  schemaCmd  `cmd:"" help:"Print the JSON Schema of scenario or study files, for editors."`
	Log     logCmd     `cmd:"" help:"Read the transaction log of a replica."`
	CA      caCmd      `cmd:"" name:"ca" help:"Make and look after the certificates of a cluster's hosts."`
	Node    nodeCmd    `cmd:"" help:"Run the daemon of one host."`
	Vol     volCmd     `cmd:"" help:"Administer the volumes of a host that runs the daemon."`
	Host    hostCmd    `cmd:"" help:"Show and administer the cluster of a host that runs the daemon."`
	Scrub   scrubCmd   `cmd:"" help:"Look for damage in the data folder of a daemon that does not run."`
	Version versionCmd `cmd:"" help:"Print the version."`

	ExploreWorker exploreWorkerCmd `cmd:"" hidden:"" help:"Run schedules for pitch explore."`

	Completion completionCmd `cmd:"" help:"Print what lets a shell complete command lines."`
	Man        manCmd        `cmd:"" help:"Write the manual pages."`
}

// streams is where a command reads and writes.
type streams struct {
	ctx      context.Context
	in       io.Reader
	out, err io.Writer
}

// terminal is what w writes to, if somebody watches it there; else nil.
func terminal(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// exit is an error that only carries an exit code: all has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is bad input: exit code 64.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// interrupted is an error that says what an interrupted command leaves.
type interrupted struct {
	error
	left string
}

func (i interrupted) Unwrap() error { return i.error }

const description = `Tests replicated block storage, in a simulator and on real processes.

A scenario is a TOML file: hosts, a replicated volume, a workload, faults, and what is expected.
` + "`pitch run`" + ` runs it in every world that it names, checks the history of all operations and
the content of all replicas, and says what held and what did not.

  pitch run scenarios/forced-failover.toml
  pitch run scenarios/*.toml --world sim --seeds 1..1000
  pitch run my.toml --junit junit.xml --github
  pitch replay out/forced-failover-sim-7
  pitch explore scenarios/ --budget 5m
  pitch check history.jsonl
  pitch model downtime --placement shards -n 1000 -k 2 -p 1e-4 -T 10000
  pitch model table -n 100 -k 3
  pitch study studies/bigcluster-vs-sharding.toml

Exit codes: 0 as expected; 1 a check was violated; 2 unknown, a checker or the time ran out;
3 vacuous, a fault or step that must happen did not; 64 bad input or usage; 70 pitch itself
failed; 130 interrupted. Of several runs the worst counts: 70, 1, 2, 3, 0.`

// newParser makes the parser of the command line.
func newParser(more ...kong.Option) (*kong.Kong, error) {
	return kong.New(new(cli), append(more, kong.Name("pitch"), kong.Description(description),
		explanations(), words(), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, Tree: true}))...)
}

// Main runs the command line and returns the exit code.
func Main(args []string, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := -1
	parser, err := newParser(kong.Writers(out, errw), kong.Exit(func(n int) { code = n }))
	if err != nil {
		fmt.Fprintln(errw, "pitch:", err)
		return exitHarness
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == completeWord {
		complete(out, parser.Model.Node, args[1:])
		return 0
	}
	k, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		fmt.Fprintf(errw, "pitch: %v\nTry `%s --help`.\n", err, helpful(err))
		return exitUsage
	}
	err = k.Run(&streams{ctx: ctx, in: os.Stdin, out: out, err: errw})
	return report(ctx, err, errw)
}

// helpful is the command whose help tells more about an error in the command line.
func helpful(err error) string {
	var e *kong.ParseError
	if errors.As(err, &e) && e.Context != nil {
		if cmd := e.Context.Selected(); cmd != nil {
			return cmd.FullPath()
		}
	}
	return "pitch"
}

// unreadable turns an error of the file system into one about an argument.
func unreadable(path string, err error) error { return inaccessible(path, "read", err) }

func inaccessible(path, what string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return usageError{fmt.Errorf("%s: cannot be %s: %w", path, what, err)}
}

// report says what went wrong and returns the exit code for it.
func report(ctx context.Context, err error, w io.Writer) int {
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		left := "every process that was started has been ended"
		var i interrupted
		if errors.As(err, &i) {
			left = i.left
		}
		fmt.Fprintln(w, "pitch: interrupted;", left)
		return exitInterrupted
	}
	var late tooLate
	if errors.As(err, &late) {
		fmt.Fprintln(w, "pitch:", err)
		return scenario.Unknown.ExitCode()
	}
	fmt.Fprintln(w, "pitch:", err)
	if badInput(err) {
		return exitUsage
	}
	return exitHarness
}

type versionCmd struct{}

func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintln(s.out, "pitch", version())
	return err
}

// version is that of the module, or the revision that the binary was built from.
func version() string {
	v, _ := revision()
	return v
}

// revision is the version, and whether it says exactly which source the binary was built from.
func revision() (v string, exact bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)", false
	}
	v, exact = info.Main.Version, info.Main.Version != "(devel)"
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v, exact = s.Value[:min(12, len(s.Value))], true
		case "vcs.modified": // comes after the revision
			exact = exact && s.Value != "true"
		}
	}
	return v, exact
}

// build is the version, with a hash of the binary where the version may stand for several: answers
// of different builds must not be taken for those of one.
var build = sync.OnceValue(func() string {
	v, exact := revision()
	if exact {
		return v
	}
	path, err := os.Executable()
	if err != nil {
		return v
	}
	f, err := os.Open(path)
	if err != nil {
		return v
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return v
	}
	return fmt.Sprintf("%s-%.4x", v, h.Sum(nil))
})
