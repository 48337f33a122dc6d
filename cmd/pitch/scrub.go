package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/container-football/pitch/internal/durable"
	"github.com/container-football/pitch/realnode/daemon"
	"github.com/container-football/pitch/scenario"
)

type scrubCmd struct {
	Dir      string `arg:"" help:"Data folder of a daemon that does not run."`
	Resource string `placeholder:"NAME" help:"Look at this resource only."`
	JSON     bool   `name:"json" help:"Print all of it as JSON."`
}

func (c *scrubCmd) Help() string {
	return `Reads everything in a data folder, and compares: definitions, every block of every log and
the chain of its frames, every block of every volume with its checksum. Holes are skipped.

  systemctl stop pitch-node
  pitch scrub /var/lib/pitch

After a kill or a power failure some blocks do not fit their checksums yet; those that the log is
going to write again are counted, and are no damage. An append to a log that was cut short by a
kill is none, either. Nothing is repaired: see "When something is wrong" in
docs/how-to/run-a-node.md.

Exit codes: 0 clean; 1 damaged; 64 no data folder, or a daemon uses it; 130 interrupted.`
}

func (c *scrubCmd) Run(s *streams) error {
	progress, stop := scrubProgress(s)
	r, err := daemon.Scrub(s.ctx, c.Dir, daemon.ScrubOptions{Resource: c.Resource,
		Build: buildReplica, Judge: judgeLogs, Progress: progress})
	stop()
	switch {
	case errors.Is(err, daemon.ErrNoData), errors.Is(err, daemon.ErrNewer):
		return usageError{err}
	case errors.Is(err, durable.ErrLocked):
		return usageError{fmt.Errorf("%w: stop the daemon first", err)}
	case err != nil && s.ctx.Err() != nil:
		return interrupted{err, "nothing was changed"}
	case err != nil:
		return err
	}
	if c.JSON {
		err = printJSON(s.out, r)
	} else {
		printScrubbed(s, r)
	}
	if err == nil && len(r.Findings) > 0 {
		err = exit(scenario.Violated.ExitCode())
	}
	return err
}

func printScrubbed(s *streams, r *daemon.Scrubbed) {
	for _, f := range r.Findings {
		if f.Resource != "" {
			fmt.Fprintf(s.out, "%s: ", f.Resource)
		}
		fmt.Fprintf(s.out, "%s: %s\n", f.File, f.What)
	}
	fmt.Fprintf(s.out, "%s, %s read", plural(r.Resources, "resource"), human(r.Bytes))
	if r.Unsettled > 0 {
		fmt.Fprintf(s.out, ", %s to be written again from the log", plural(int(r.Unsettled), "block"))
	}
	if len(r.Findings) == 0 {
		fmt.Fprintln(s.out, ": clean")
		return
	}
	fmt.Fprintf(s.out, ": DAMAGED, %s\n", plural(len(r.Findings), "finding"))
}

// scrubProgress shows how much has been read, on a terminal.
func scrubProgress(s *streams) (report func(done, of int64), stop func()) {
	f := terminal(s.err)
	if f == nil {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	return func(done, of int64) {
			if bar == nil {
				bar = progressbar.NewOptions64(of, progressbar.OptionSetWriter(f),
					progressbar.OptionSetPredictTime(true), progressbar.OptionShowBytes(true),
					progressbar.OptionSetDescription("scrub"), progressbar.OptionSetWidth(30),
					progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
			}
			_ = bar.Set64(done) // fails only beyond its end
		}, func() {
			if bar != nil {
				bar.Finish()
			}
		}
}
