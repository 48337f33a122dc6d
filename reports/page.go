package reports

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// HTMLOptions is what a page shows besides the result.
type HTMLOptions struct {
	// Width is that of the timelines, as in TimelineOptions.
	Width float64
	// Links stand below the summary, in this order: other files of the run.
	Links []Link
}

// Link leads to a file beside the page.
type Link struct {
	Text string // such as "operations on the sector of the violation"
	Href string // relative to the page; a scheme other than http, https and mailto is made harmless
}

// HTML writes a page about one run that needs nothing but itself: the outcome, the command that
// repeats it, a timeline of each resource if the run has samples, the checks with their
// counterexamples, what was lost, what fired, and the counts.
func HTML(w io.Writer, res *scenario.Result, opt HTMLOptions) error {
	p := page{Title: clean(res.Scenario), World: clean(res.World), Seed: res.Seed,
		Outcome: res.Outcome.String(), Class: outcomeClass(res.Outcome),
		Reason: clean(res.Reason), Repeat: Repeat(res), Links: opt.Links, Facts: facts(res)}
	if res.Replay != nil {
		p.Description = clean(res.Replay.Description)
	}
	for _, name := range drawable(res) {
		var svg bytes.Buffer
		err := Timeline(&svg, res, TimelineOptions{Resource: name, Width: opt.Width,
			Untitled: true})
		if err != nil {
			return err
		}
		p.Timelines = append(p.Timelines, timeline{clean(name), inline(svg.String())})
	}
	p.Several = len(p.Timelines) > 1
	for i := range res.Checks {
		c := &res.Checks[i]
		p.Checks = append(p.Checks, checked{Name: clean(c.Check), Verdict: c.Verdict.String(),
			Class: verdictClass(c.Verdict), Note: clean(c.Note),
			Text: strings.Join(counterexample(c), "\n")})
	}
	for i := range res.Losses {
		l := &res.Losses[i]
		p.Losses = append(p.Losses, [][]string{
			{clean(l.Resource), "both logs", fmt.Sprint(l.Ops) + " acknowledged", size(l.Bytes),
				"up to " + lasting(l.For) + " old", fmt.Sprint(l.Records)},
			{clean(l.Resource), "the old primary", fmt.Sprint(l.Reported.Ops),
				size(l.Reported.Bytes), "over " + shortSpan(l.Reported.Age), ""},
		}...)
	}
	for _, f := range res.Fired {
		p.Fired = append(p.Fired, fired{span(f.At), firedText(f)})
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, &p); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	_, err := out.WriteTo(w)
	return err
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

type page struct {
	Title, World   string
	Seed           uint64
	Outcome, Class string
	Reason         string
	Description    string
	Repeat         string
	Links          []Link
	Several        bool // timelines
	Timelines      []timeline
	Checks         []checked
	Losses         [][]string
	Fired          []fired
	Facts          []fact
}

type timeline struct {
	Resource string
	SVG      template.HTML
}

type checked struct{ Name, Verdict, Class, Note, Text string }

type fired struct{ At, Text string }

type fact struct{ Name, Value string }

// inline makes a picture part of a page: without the prologue of a file.
// All text in it is escaped where it is drawn.
func inline(svg string) template.HTML {
	if i := strings.Index(svg, "<svg"); i >= 0 {
		svg = svg[i:]
	}
	return template.HTML(svg)
}

func facts(res *scenario.Result) []fact {
	c := &res.Counts
	out := []fact{
		{"acknowledged operations", fmt.Sprintf("%d: %s, %s", c.Acked, count(c.Reads, "read"),
			count(c.Writes, "write"))},
		{"without an answer", fmt.Sprint(c.Unknown)},
		{"refused by a host that was not primary", fmt.Sprint(c.Refused)},
		{"time in the world", span(res.Time)},
		{"time taken", lasting(res.Elapsed)},
	}
	if c.Events > 0 {
		out = append(out, fact{"events", fmt.Sprint(c.Events)})
	}
	if res.Digest != "" {
		out = append(out, fact{"digest of all events", clean(res.Digest)})
	}
	if res.File != "" {
		out = append(out, fact{"scenario file", clean(res.File)})
	}
	return out
}

func outcomeClass(o scenario.Outcome) string {
	switch o {
	case scenario.Passed:
		return "good"
	case scenario.Violated, scenario.Failed:
		return "bad"
	}
	return "unsure"
}

func verdictClass(v check.Verdict) string {
	switch v {
	case check.OK:
		return "good"
	case check.Violated:
		return "bad"
	}
	return "unsure"
}
