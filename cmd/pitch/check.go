package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

type checkCmd struct {
	History string        `arg:"" help:"JSON lines, one operation a line: see docs/reference/history.md."`
	Oracle  bool          `help:"Use porcupine, the general checker, instead of our own."`
	Timeout time.Duration `default:"60s" help:"How long porcupine may take."`
	HTML    string        `placeholder:"FILE" help:"Draw the register that is violated, with porcupine."`
}

func (c *checkCmd) Help() string {
	return `Checks that every sector behaved like one register (linearizability). Each write of a
sector must carry an id of its own. The last line is the verdict; the exit code is 0 if it is ok,
1 if violated, 2 if unknown.`
}

func (c *checkCmd) Run(s *streams) error {
	f, err := os.Open(c.History)
	if err != nil {
		return unreadable(c.History, err)
	}
	defer f.Close()
	h, err := check.ReadHistory(f, c.History)
	if err != nil {
		return err
	}
	var res check.Result
	if c.Oracle {
		res = check.LinearizablePorcupine(h, c.Timeout)
	} else {
		res = check.Linearizable(h, check.LinOptions{})
	}
	fmt.Fprintf(s.out, "%s: %d sector operations by %d clients\n", c.History, len(h), clients(h))
	fmt.Fprintln(s.out, res)
	if n := epochs(h); res.Verdict == check.Violated && n > 1 {
		fmt.Fprintf(s.out, "note: the history spans %d epochs. What a forced failover has lost looks "+
			"like a violation here;\n`pitch run` and `pitch replay` judge it with the logs of both "+
			"sides.\n", n)
	}
	if c.HTML != "" && res.Violation != nil {
		err := writeFile(c.HTML, func(w *os.File) error { return check.WriteHTML(w, h, res.Violation) })
		if err != nil {
			return err
		}
		fmt.Fprintln(s.out, "picture:", c.HTML)
	}
	switch res.Verdict {
	case check.Violated:
		return exit(scenario.Violated.ExitCode())
	case check.Unknown:
		return exit(scenario.Unknown.ExitCode())
	}
	return nil
}

// epochs is how many epochs the operations were served under, as far as they say.
func epochs(h check.History) int {
	n := distinct(h, func(op *check.Op) uint64 { return op.Epoch })
	if slices.ContainsFunc(h, func(op check.Op) bool { return op.Epoch == 0 }) {
		n-- // it was not recorded
	}
	return n
}

func clients(h check.History) int {
	return distinct(h, func(op *check.Op) int { return op.Client })
}

// distinct counts the values that operations have.
func distinct[T cmp.Ordered](h check.History, of func(*check.Op) T) int {
	all := make([]T, len(h))
	for i := range h {
		all[i] = of(&h[i])
	}
	slices.Sort(all)
	return len(slices.Compact(all))
}
