package explore

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// Job is one schedule to be run.
type Job struct {
	File  int  `json:"file"`            // index in the list of scenarios
	Name  Name `json:"name"`            // of the schedule; empty: the scenario as it is
	Twice bool `json:"twice,omitempty"` // to see whether both runs are the same
}

// Report is what the run of a [Job] has shown.
type Report struct {
	Job
	Outcome scenario.Outcome `json:"outcome"`
	// Sign is what failed: the name of the violated check, "panic", "harness" or "digest"; empty if nothing.
	Sign string `json:"sign,omitempty"`
	// Class is how it failed, without names and numbers: failures of one class are most likely one mistake.
	Class    string   `json:"class,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	Digest   string   `json:"digest,omitempty"`
	Ops      int      `json:"ops"`
	Fired    []string `json:"fired,omitempty"` // kinds of faults that took place
	Coverage []uint64 `json:"coverage,omitempty"`

	failed []failure // all that failed
}

// failure is one thing that failed.
type failure struct{ sign, class string }

// classOf is a summary without its names and numbers, up to its first colon.
func classOf(summary string, f *scenario.File) string {
	summary, _, _ = strings.Cut(summary, ":")
	words := strings.FieldsFunc(summary, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
	for i, w := range words {
		named := f.HostID(w) != 0 || strings.ContainsAny(w, "0123456789") ||
			slices.ContainsFunc(f.Resources, func(r scenario.Resource) bool { return r.Name == w })
		if named {
			words[i] = "_"
		}
	}
	return strings.Join(words, " ")
}

// What fails besides checks.
const (
	SignPanic   = "panic"   // a machine panicked
	SignHarness = "harness" // the run could not be ended or judged
	SignDigest  = "digest"  // the same schedule went two ways
)

// RunJob runs a schedule of f.
func RunJob(ctx context.Context, f *scenario.File, world *scenario.WorldKind, j Job) Report {
	rep := run(ctx, Schedule(f, j.Name), world)
	rep.Job = j
	if j.Twice && rep.Digest != "" && ctx.Err() == nil {
		if again := run(ctx, Schedule(f, j.Name), world); again.Digest != rep.Digest {
			rep.Outcome, rep.Sign = scenario.Failed, SignDigest
			rep.Reason = fmt.Sprintf("two equal runs have the digests %s and %s: the simulation is not "+
				"deterministic", rep.Digest, again.Digest)
		}
	}
	return rep
}

func run(ctx context.Context, f *scenario.File, world *scenario.WorldKind) (rep Report) {
	defer func() {
		if p := recover(); p != nil {
			rep.Outcome, rep.Sign, rep.failed = scenario.Failed, SignPanic, []failure{{sign: SignPanic}}
			rep.Reason = fmt.Sprintf("%v, at %s", p, where(debug.Stack()))
		}
	}()
	res, err := scenario.Run(ctx, f, scenario.RunOptions{World: world, Seed: f.Seed, Coverage: true})
	if err != nil {
		return Report{Outcome: scenario.Failed, Sign: SignHarness, failed: []failure{{sign: SignHarness}}, Reason: err.Error()}
	}
	rep = Report{Outcome: res.Outcome, Reason: res.Reason, Digest: res.Digest, Ops: res.Counts.Acked,
		Coverage: res.Coverage}
	for i := range res.Fired {
		if kind := res.Fired[i].Verb; res.Fired[i].Step >= 0 && !slices.Contains(rep.Fired, kind) {
			rep.Fired = append(rep.Fired, kind)
		}
	}
	if res.Outcome == scenario.Violated {
		for i := range res.Checks {
			if c := &res.Checks[i]; c.Verdict == check.Violated {
				rep.failed = append(rep.failed, failure{c.Check, classOf(c.Violation.Summary, f)})
			}
		}
	}
	if len(rep.failed) > 0 {
		rep.Sign, rep.Class = rep.failed[0].sign, rep.failed[0].class
	}
	return rep
}

// where is the line that panicked.
func where(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if strings.HasPrefix(lines[i], "panic(") && i+3 < len(lines) {
			return strings.TrimSpace(lines[i+3])
		}
	}
	return "an unknown place"
}

// Fails says, for [Shrink], whether a scenario fails with the given sign, and in the given class unless that
// is empty.
func Fails(world *scenario.WorldKind, sign, class string) func(context.Context, *scenario.File) (bool, error) {
	return func(ctx context.Context, f *scenario.File) (bool, error) {
		rep := run(ctx, f, world)
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return slices.ContainsFunc(rep.failed, func(f failure) bool {
			return f.sign == sign && (class == "" || f.class == class)
		}), nil
	}
}
