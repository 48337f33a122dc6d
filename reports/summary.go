package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// Text is how text is written. The zero value is plain and 100 columns wide.
type Text struct {
	Color bool // ANSI colours for verdicts; off unless someone asks, as logs are files too
	Width int  // columns at which sentences are broken; 0: 100. Tables may be wider.
}

// Summary writes a plain table of results. See [Text.Summary].
func Summary(w io.Writer, results []*scenario.Result) error { return Text{}.Summary(w, results) }

// Details writes about one result in plain text. See [Text.Details].
func Details(w io.Writer, res *scenario.Result) error { return Text{}.Details(w, res) }

// Total writes the last line of a run: how many results passed and how many did not, and how many
// runs were skipped because their world was not there.
func Total(w io.Writer, results []*scenario.Result, skipped int) error {
	passed := 0
	for _, res := range results {
		if res.Outcome == scenario.Passed {
			passed++
		}
	}
	_, err := fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, len(results)-passed,
		skipped)
	return err
}

// maxReasons bounds how many failed seeds of one line of the table are told one by one.
const maxReasons = 5

// Summary writes one line for each scenario and world: the seeds that were run, the worst
// outcome, the operations acknowledged over all seeds, the most acknowledged writes that one run
// has lost ("-" where nothing was failed over by force), and the digest of the last run. Below
// are the reasons of what did not pass, each with the command that repeats it.
func (t Text) Summary(w io.Writer, results []*scenario.Result) error {
	head := []string{"scenario", "world", "seeds", "verdict", "acked", "lost", "digest"}
	right := []bool{4: true, 5: true, 6: false}
	rows := [][]string{head}
	groups := blocks(results)
	for _, b := range groups {
		rows = append(rows, b.row())
	}
	width := make([]int, len(head))
	for _, row := range rows {
		for c, cell := range row {
			width[c] = max(width[c], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for i, row := range rows {
		var line strings.Builder
		for c, cell := range row {
			text := pad(cell, width[c], right[c])
			if i > 0 && head[c] == "verdict" {
				text = t.paint(text, worst(groups[i-1].results))
			}
			line.WriteString(text + "  ")
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	for _, b := range groups {
		t.reasons(&out, b)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (b block) row() []string {
	acked, most, failedOver := 0, 0, false
	for _, res := range b.results {
		acked += res.Counts.Acked
		n, some := lostOps(res)
		most, failedOver = max(most, n), failedOver || some
	}
	lost, digest := "-", "-"
	if failedOver {
		lost = strconv.Itoa(most)
	}
	if d := b.results[len(b.results)-1].Digest; d != "" {
		digest = clean(d)
	}
	return []string{clean(b.scenario), clean(b.world), seedsOf(b.results), outcome(b.results),
		strconv.Itoa(acked), lost, digest}
}

// outcome is the worst outcome, and of how many runs if they do not agree.
func outcome(results []*scenario.Result) string {
	o, n := worst(results), 0
	for _, res := range results {
		if res.Outcome == o {
			n++
		}
	}
	if n == len(results) {
		return o.String()
	}
	return fmt.Sprintf("%v (%d of %d)", o, n, len(results))
}

func (t Text) reasons(out *strings.Builder, b block) {
	told, left := 0, 0
	for _, res := range b.results {
		if res.Outcome == scenario.Passed {
			continue
		}
		if told++; told > maxReasons {
			left++
			continue
		}
		line := fmt.Sprintf("%s in %s, seed %d: ", clean(res.Scenario), clean(res.World), res.Seed)
		line += res.Outcome.String()
		if res.Reason != "" {
			line += ": " + clean(res.Reason)
		}
		fmt.Fprintf(out, "\n%s\n  repeat: %s\n", wrap(line, t.width(), 2), Repeat(res))
	}
	if left > 0 {
		fmt.Fprintf(out, "\n%s in %s: %s did not pass either\n", clean(b.scenario),
			clean(b.world), count(left, "more run"))
	}
}

func (t Text) width() int {
	if t.Width <= 0 {
		return 100
	}
	return t.Width
}

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

func (t Text) paint(s string, o scenario.Outcome) string {
	switch {
	case !t.Color:
		return s
	case o == scenario.Passed:
		return green + s + reset
	case o == scenario.Violated || o == scenario.Failed:
		return red + s + reset
	}
	return yellow + s + reset
}

func (t Text) paintVerdict(s string, v check.Verdict) string {
	switch v {
	case check.OK:
		return t.paint(s, scenario.Passed)
	case check.Violated:
		return t.paint(s, scenario.Violated)
	}
	return t.paint(s, scenario.Unknown)
}
