package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// Details writes about one result: its outcome and why, what fired and when, the counts, each
// check with its counterexample, what failovers have lost, and last the command that repeats the
// run. Times are those of the world, so equal runs give equal text.
func (t Text) Details(w io.Writer, res *scenario.Result) error {
	var out strings.Builder
	line := func(text string) { out.WriteString(wrap(text, t.width(), 2) + "\n") }

	fmt.Fprintf(&out, "%s in %s, seed %d: %s\n", clean(res.Scenario), clean(res.World), res.Seed,
		t.paint(res.Outcome.String(), res.Outcome))
	if res.Replay != nil && res.Replay.Description != "" {
		line("  " + clean(res.Replay.Description))
	}
	if res.Reason != "" {
		line("  " + clean(res.Reason))
	}
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"What happened", firedLines(res)},
		{"Operations", countLines(res)},
		{"Checks", t.checkLines(res)},
		{"Lost by forced failover", lossLines(res)},
	} {
		if len(section.lines) == 0 {
			continue
		}
		out.WriteString("\n" + section.title + "\n")
		for _, l := range section.lines {
			line("  " + l)
		}
	}
	out.WriteByte('\n')
	if res.Digest != "" {
		fmt.Fprintf(&out, "digest: %s\n", clean(res.Digest))
	}
	fmt.Fprintf(&out, "repeat: %s\n", Repeat(res))
	_, err := io.WriteString(w, out.String())
	return err
}

func firedLines(res *scenario.Result) []string {
	width := 0
	for _, f := range res.Fired {
		width = max(width, len(span(f.At)))
	}
	var out []string
	for _, f := range res.Fired {
		out = append(out, pad(span(f.At), width, true)+"  "+firedText(f))
	}
	return out
}

// firedText is the text of what fired, with the name of the step if it has one.
func firedText(f scenario.Fired) string {
	text := strings.TrimSpace(clean(f.Text))
	if f.Name != "" && f.Verb != scenario.DoWait {
		text += " (" + clean(f.Name) + ")"
	}
	return text
}

func countLines(res *scenario.Result) []string {
	c := &res.Counts
	parts := []string{fmt.Sprintf("%d acknowledged: %s, %s", c.Acked, count(c.Reads, "read"),
		count(c.Writes, "write"))}
	if flushes := c.Acked - c.Reads - c.Writes; flushes > 0 {
		parts[0] += ", " + count(flushes, "other")
	}
	if c.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d without an answer", c.Unknown))
	}
	if c.Refused > 0 {
		parts = append(parts, fmt.Sprintf("%s by a host that was not primary",
			count(c.Refused, "refusal")))
	}
	out := []string{strings.Join(parts, "; ")}
	last := span(res.Time) + " in the time of the world"
	if c.Events > 0 {
		last += fmt.Sprintf(", %d events", c.Events)
	}
	return append(out, last)
}

func (t Text) checkLines(res *scenario.Result) []string {
	var out []string
	for i := range res.Checks {
		c := &res.Checks[i]
		verdict := pad(c.Verdict.String(), len("violated"), false)
		text := t.paintVerdict(verdict, c.Verdict) + "  " + clean(c.Check)
		if c.Note != "" {
			text += " (" + clean(c.Note) + ")"
		}
		out = append(out, text)
		for _, l := range counterexample(c) {
			out = append(out, "    "+l)
		}
	}
	return out
}

// counterexample is the lines of a violation as check.Violation tells it, the argument last. Each
// part stays on its line, whatever names are in it.
func counterexample(c *check.Result) []string {
	v := c.Violation
	if v == nil {
		return nil
	}
	out := []string{clean(v.Summary)}
	for _, op := range v.Ops {
		out = append(out, "  "+clean(op.String()))
	}
	for _, r := range v.Records {
		out = append(out, "  "+clean(r.String()))
	}
	for _, why := range v.Why {
		out = append(out, "- "+clean(why))
	}
	return out
}

// lossLines tells each loss twice: as the logs of both sides tell it, and as the old primary
// reported it on its return.
func lossLines(res *scenario.Result) []string {
	var out []string
	for i := range res.Losses {
		l := &res.Losses[i]
		name := clean(l.Resource)
		out = append(out,
			fmt.Sprintf("%s, by both logs: %s of %s, up to %s old; %s cut off", name,
				count(l.Ops, "acknowledged write"), size(l.Bytes), lasting(l.For),
				count(l.Records, "record")),
			fmt.Sprintf("%s, as the old primary says: %s of %s over %s", name,
				count(int(l.Reported.Ops), "write"), size(l.Reported.Bytes),
				shortSpan(l.Reported.Age)))
	}
	return out
}
