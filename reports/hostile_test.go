package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// spoiled is a run in which every text from outside is hostile.
func spoiled(t *testing.T) *scenario.Result {
	res := simulate(t, "forced-failover")
	const evil = `</text></svg></pre><script>alert(1)</script>` + hostile
	res.Scenario, res.World, res.Reason, res.Digest = evil, evil, evil, evil
	res.File, res.Repeat = evil, evil
	res.Replay.Description = evil
	for i := range res.Replay.Hosts {
		res.Replay.Hosts[i].Name += evil
	}
	for i := range res.Fired {
		res.Fired[i].Text, res.Fired[i].Name = evil, evil
	}
	res.Checks = append(res.Checks, check.Result{Check: evil, Verdict: check.Violated, Note: evil,
		Violation: &check.Violation{Summary: evil, Why: []string{evil}}})
	res.Losses[0].Reported.Ops = 1 << 40
	return res
}

func TestHostileTextIsHarmless(t *testing.T) {
	res := spoiled(t)
	writers := map[string]func(io.Writer) error{
		"svg":     func(w io.Writer) error { return Timeline(w, res, TimelineOptions{}) },
		"pdf":     func(w io.Writer) error { return Timeline(w, res, TimelineOptions{Format: "pdf"}) },
		"page":    func(w io.Writer) error { return HTML(w, res, HTMLOptions{}) },
		"details": func(w io.Writer) error { return Details(w, res) },
		"summary": func(w io.Writer) error { return Summary(w, []*scenario.Result{res}) },
		"junit": func(w io.Writer) error {
			return JUnit(w, []Suite{{Cases: []Case{{Scenario: res.Scenario, World: res.World,
				Results: []*scenario.Result{res}}}}})
		},
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			text := out.String()
			if name == "pdf" {
				return
			}
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\u202e\ufffe") {
				t.Error("characters came through that no text may have")
			}
			if strings.Contains(text, "\n::error::") {
				t.Error("a name began a line of its own")
			}
			if name == "svg" || name == "page" {
				if strings.Contains(text, "<script") {
					t.Error("markup came through")
				}
			}
			if name == "svg" || name == "junit" {
				wellFormed(t, &out)
			}
		})
	}
}

func wellFormed(t *testing.T, r io.Reader) {
	t.Helper()
	d := xml.NewDecoder(r)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	res := simulate(t, "forced-failover")
	links := []Link{{"drawn", "violation.html"}, {"evil", "javascript:alert(1)"}}
	var out, again bytes.Buffer
	for _, w := range []*bytes.Buffer{&out, &again} {
		if err := HTML(w, res, HTMLOptions{Links: links}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("two pages of one result differ")
	}
	page := out.String()
	for _, want := range []string{"<svg", `<a href="violation.html">drawn</a>`, Repeat(res),
		"<h2>Checks</h2>", "<h2>Lost by forced failover</h2>", "<h2>What happened</h2>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"<?xml", "javascript:", " src=", "<link", "@import", "url("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	res.Samples = nil
	out.Reset()
	if err := HTML(&out, res, HTMLOptions{}); err != nil || strings.Contains(out.String(), "<svg") {
		t.Errorf("without samples: %v", err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"scenarios/a-b.toml": "scenarios/a-b.toml", "": "''",
		"a b": "'a b'", "it's": `'it'\''s'`, "-x": "'-x'", "$(x)": "'$(x)'"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, not %s", in, got, want)
		}
	}
}

func TestSeeds(t *testing.T) {
	for want, list := range map[string][]uint64{"": {}, "7": {7}, "1..3": {3, 1, 2, 2},
		"1,3..4,9 and 2 more": {1, 3, 4, 9, 11, 13}} {
		if got := seeds(list); got != want {
			t.Errorf("seeds(%v) = %q, not %q", list, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	if got := span(0) + ", " + span(82500208) + ", " + shortSpan(82500208) + ", " +
		shortSpan(999999) + ", " + shortSpan(-1234567); got !=
		"0 s, 82.5 ms, 82.5 ms, 1 ms, -1.23 ms" {
		t.Error(got)
	}
}

func TestWrapKeepsNumbersWithTheirUnits(t *testing.T) {
	if got := wrap("  one two 12 ms three", 13, 2); got != "  one two\n    12 ms\n    three" {
		t.Errorf("%q", got)
	}
}
