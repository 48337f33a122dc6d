package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/container-football/pitch/scenario"
)

// Suite is one test suite of a JUnit file.
type Suite struct {
	Name  string // such as "nightly"; empty: "pitch"
	Cases []Case
}

// Case is one test case: a scenario, a world and a block of seeds.
type Case struct {
	Scenario string
	World    string
	First    uint64 // of the block of seeds
	Last     uint64 // of the block, inclusive

	// Results are the runs of the block that were made; all of them if it passed. What the
	// harness failed at is a result too, with the outcome Failed and the error as its reason.
	Results []*scenario.Result
	// Skipped says why nothing was run, such as that the world is not available; empty if runs
	// were made.
	Skipped string
	// Unstable says, if it is not empty, which seed gave two digests. It makes the case fail,
	// whatever the results say.
	Unstable string
	// Note is printed beside the outcome, such as which run was repeated after a time-out.
	Note string
}

// JUnit writes suites in the XML that Jenkins and GitLab read. A violation and a vacuous run are
// failures of these types, an unknown verdict and a failed harness are errors, and a case that
// was not run is skipped. The text of each begins with the command that repeats the run.
//
// Elements and attributes are those of the schema junit-10.xsd of Jenkins' xUnit plugin, in which
// the sum of skipped cases stands at each suite and not at the top.
func JUnit(w io.Writer, suites []Suite) error {
	doc := xmlSuites{Name: "pitch"}
	var total time.Duration
	for i := range suites {
		s, took := newXMLSuite(&suites[i])
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Errors += s.Errors
		total += took
		doc.Suites = append(doc.Suites, s)
	}
	doc.Time = seconds(total)
	out, err := xml.MarshalIndent(&doc, "", "  ")
	if err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}

type xmlSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Suites   []xmlSuite `xml:"testsuite"`
}

type xmlSuite struct {
	Name     string    `xml:"name,attr"`
	Tests    int       `xml:"tests,attr"`
	Failures int       `xml:"failures,attr"`
	Errors   int       `xml:"errors,attr"`
	Skipped  int       `xml:"skipped,attr"`
	Time     string    `xml:"time,attr"`
	Cases    []xmlCase `xml:"testcase"`
}

type xmlCase struct {
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Time    string    `xml:"time,attr"`
	Failure *xmlFault `xml:"failure"`
	Error   *xmlFault `xml:"error"`
	Skipped *xmlFault `xml:"skipped"`
	Out     *xmlText  `xml:"system-out"`
}

type xmlFault struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type xmlText struct {
	Text string `xml:",cdata"`
}

func newXMLSuite(s *Suite) (xmlSuite, time.Duration) {
	out := xmlSuite{Name: clean(s.Name), Tests: len(s.Cases)}
	if s.Name == "" {
		out.Name = "pitch"
	}
	var total time.Duration
	for i := range s.Cases {
		c, took := newXMLCase(&s.Cases[i])
		total += took
		switch {
		case c.Failure != nil:
			out.Failures++
		case c.Error != nil:
			out.Errors++
		case c.Skipped != nil:
			out.Skipped++
		}
		out.Cases = append(out.Cases, c)
	}
	out.Time = seconds(total)
	return out, total
}

func newXMLCase(c *Case) (xmlCase, time.Duration) {
	var took time.Duration
	for _, res := range c.Results {
		took += res.Elapsed
	}
	block := "seed " + seedRange(c.First, c.Last)
	if c.First != c.Last {
		block = "seeds " + seedRange(c.First, c.Last)
	}
	out := xmlCase{Class: clean(c.World + "." + c.Scenario), Time: seconds(took),
		Name: clean(fmt.Sprintf("%s in %s, %s", c.Scenario, c.World, block))}
	if c.Note != "" {
		out.Out = &xmlText{cleanLines(c.Note)}
	}
	bad := firstWorst(c.Results)
	switch {
	case c.Skipped != "" && len(c.Results) == 0:
		out.Skipped = &xmlFault{Message: clean(c.Skipped)}
	case len(c.Results) == 0:
		out.Error = &xmlFault{Message: "no run was made", Type: "harness"}
	case bad.Outcome == scenario.Failed:
		out.Error = c.fault(bad, "harness")
	case c.Unstable != "":
		out.Failure = &xmlFault{Message: clean(c.Unstable), Type: "nondeterministic",
			Text: c.text(bad)}
	case bad.Outcome == scenario.Violated:
		out.Failure = c.fault(bad, "violated")
	case bad.Outcome == scenario.Unknown:
		out.Error = c.fault(bad, "unknown")
	case bad.Outcome == scenario.Vacuous:
		out.Failure = c.fault(bad, "vacuous")
	}
	return out, took
}

// firstWorst is the first of the results with the worst outcome, or nil.
func firstWorst(results []*scenario.Result) *scenario.Result {
	var bad *scenario.Result
	for _, res := range results {
		if bad == nil || res.Outcome > bad.Outcome {
			bad = res
		}
	}
	return bad
}

func (c *Case) fault(bad *scenario.Result, kind string) *xmlFault {
	reason := bad.Reason
	if reason == "" {
		reason = bad.Outcome.String()
	}
	return &xmlFault{Message: clean(fmt.Sprintf("seed %d: %s", bad.Seed, reason)), Type: kind,
		Text: c.text(bad)}
}

// text tells about one run, the command first, and names the other seeds that did not pass.
func (c *Case) text(bad *scenario.Result) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", Repeat(bad))
	var others []uint64
	for _, res := range c.Results {
		if res != bad && res.Outcome != scenario.Passed {
			others = append(others, res.Seed)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(&out, "Other seeds that did not pass: %s\n\n", seeds(others))
	}
	if err := Details(&out, bad); err != nil {
		panic(fmt.Sprintf("reports: writing to memory: %v", err))
	}
	return cleanLines(out.String())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
