package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/scenario"
)

var rewrite = flag.Bool("rewrite", false, "write the goldens anew; review the difference")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; with -rewrite it becomes:\n%s", name, got)
	}
}

const hostile = "a<b>&\"'\x00\x1b[31m]]>\u202e\ufffe\xff\n::error::"

func passed(seed uint64) *scenario.Result {
	return &scenario.Result{Scenario: "planned-handover", File: "scenarios/planned-handover.toml",
		World: "sim", Seed: seed, Verdict: check.OK,
		Checks: []check.Result{{Check: "linearizable", Verdict: check.OK},
			{Check: "rpo", Verdict: check.OK, Note: "no forced failover"}},
		Counts: scenario.Counts{Acked: 902, Reads: 485, Writes: 415, Refused: 8, Events: 6971},
		Fired: []scenario.Fired{
			{At: 128687123, Step: 0, Verb: "primary", Name: "to-B", Text: "primary lv0 on B"},
			{At: 1241919000, Step: -1, Verb: "restart", Text: "restart A"}},
		Digest: fmt.Sprintf("%016x", 0xc0ffee+seed), Time: 1352776000, Elapsed: 30 * time.Millisecond}
}

func violated(seed uint64) *scenario.Result {
	v := &check.Violation{
		Summary: "sector 17 of lv3: client 3's read of #12 is stale, #14 had replaced it",
		Ops: []check.Op{
			{Client: 1, Kind: check.Write, Resource: "lv3", Sector: 17, ID: 12, Call: 10e6,
				Return: 11e6, Host: "A", Epoch: 1},
			{Client: 3, Kind: check.Read, Resource: "lv3", Sector: 17, ID: 12, Call: 14e6,
				Unknown: true, Host: "B", Epoch: 2}},
		Records: []check.Record{{Seq: 5, Sector: 17, N: 1, ID: 12}},
		Why: []string{"every value is written once, so it stays for one unbroken time: one of the " +
			"two must be gone before the other comes"},
	}
	return &scenario.Result{Scenario: "forced-failover", File: "my scenarios/forced-failover.toml",
		World: "local", Seed: seed, Outcome: scenario.Violated,
		Reason:  "linearizable: " + v.Summary,
		Verdict: check.Violated,
		Checks: []check.Result{
			{Check: "linearizable", Verdict: check.Violated, Violation: v},
			{Check: "prefix", Verdict: check.Unknown, Note: "A at its crash at 141 ms. torn"}},
		Losses: []scenario.Loss{{Resource: "lv3", Ops: 49, Records: 50, Bytes: 200704,
			For: 57098828, Reported: replica.Loss{Ops: 50, Bytes: 204800, Age: 57114 * 1000}}},
		Counts: scenario.Counts{Acked: 599, Reads: 311, Writes: 288, Unknown: 1},
		Fired: []scenario.Fired{{At: 0, Verb: "partition", Text: "partition A | B"},
			{At: 141775689, Step: 1, Verb: "crash", Text: "crash A, unsynced data: lose-some"}},
		Time: node.Time(2 * time.Second), Elapsed: 2100 * time.Millisecond}
}

func with(res *scenario.Result, o scenario.Outcome, reason string) *scenario.Result {
	res.Outcome, res.Reason = o, reason
	return res
}

func TestSummary(t *testing.T) {
	var out bytes.Buffer
	results := []*scenario.Result{passed(3), passed(1), violated(7), passed(2), violated(9),
		with(passed(11), scenario.Vacuous, "crash did not happen")}
	results[5].Scenario = hostile
	if err := Summary(&out, results); err != nil {
		t.Fatal(err)
	}
	if err := Total(&out, results, 2); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.txt", out.Bytes())
	out.Reset()
	if err := (Text{Color: true}).Summary(&out, results); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary-color.txt", out.Bytes())
}

func TestDetails(t *testing.T) {
	for name, res := range map[string]*scenario.Result{"passed": passed(5), "violated": violated(7)} {
		var out bytes.Buffer
		if err := Details(&out, res); err != nil {
			t.Fatal(err)
		}
		golden(t, "details-"+name+".txt", out.Bytes())
	}
}

func suites() []Suite {
	bad := violated(7)
	bad.Scenario, bad.Reason = hostile, hostile
	return []Suite{
		{Cases: []Case{
			{Scenario: "planned-handover", World: "sim", First: 1, Last: 2,
				Results: []*scenario.Result{passed(1), passed(2)}, Note: "seed 2 took three attempts"},
			{Scenario: "forced-failover", World: "local", First: 7, Last: 9,
				Results: []*scenario.Result{passed(8), violated(7), violated(9)}},
			{Scenario: "planned-handover", World: "hosts", First: 5, Last: 5,
				Skipped: "no hosts are configured"},
		}},
		{Name: "nightly " + hostile, Cases: []Case{
			{Scenario: hostile, World: "local", First: 7, Last: 7, Results: []*scenario.Result{bad}},
			{Scenario: "planned-handover", World: "sim", First: 1, Last: 1, Results: []*scenario.Result{
				with(passed(1), scenario.Vacuous, "crash did not happen")}},
			{Scenario: "planned-handover", World: "sim", First: 2, Last: 2, Results: []*scenario.Result{
				with(passed(2), scenario.Unknown, "the time limit was reached")}},
			{Scenario: "planned-handover", World: "sim", First: 3, Last: 3, Results: []*scenario.Result{
				with(passed(3), scenario.Failed, "reading the disks of A: no such file")}},
			{Scenario: "planned-handover", World: "sim", First: 4, Last: 4,
				Results:  []*scenario.Result{passed(4)},
				Unstable: "seed 4 gave the digests 01 and 02"},
			{Scenario: "planned-handover", World: "sim", First: 5, Last: 5},
		}},
	}
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := JUnit(&out, suites()); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", out.Bytes())
}

// junitSchema is which attributes and children an element may have: those that we use of
// junit-10.xsd, where "*" marks an attribute that must be there and "#" stands for text.
var junitSchema = map[string][2]string{
	"testsuites": {"name time tests failures errors", "testsuite"},
	"testsuite":  {"name* tests* failures* errors* skipped time", "testcase"},
	"testcase":   {"name* classname time", "failure error skipped system-out"},
	"failure":    {"message type", "#"},
	"error":      {"message type", "#"},
	"skipped":    {"message type", "#"},
	"system-out": {"", "#"},
}

func TestJUnitKeepsToTheSchema(t *testing.T) {
	var out bytes.Buffer
	if err := JUnit(&out, suites()); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	var path []string
	text := ""
	d := xml.NewDecoder(&out)
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name := tok.Name.Local
			if len(path) > 0 {
				parent := path[len(path)-1]
				if !slices.Contains(strings.Fields(junitSchema[parent][1]), name) {
					t.Errorf("%s may not be in %s", name, parent)
				}
			}
			checkAttributes(t, tok)
			for _, a := range tok.Attr {
				if a.Name.Local == "type" {
					name += " " + a.Value
				}
			}
			found[name]++
			path, text = append(path, tok.Name.Local), ""
		case xml.EndElement:
			if tok.Name.Local == "failure" && !strings.HasPrefix(text, "pitch run ") {
				t.Errorf("the text does not begin with the command: %q", text)
			}
			path = path[:len(path)-1]
		case xml.CharData:
			in := ""
			if len(path) > 0 {
				in = path[len(path)-1]
			}
			if junitSchema[in][1] != "#" && strings.TrimSpace(string(tok)) != "" {
				t.Errorf("text in %s: %q", in, tok)
			}
			text += string(tok)
		}
	}
	want := map[string]int{"testsuites": 1, "testsuite": 2, "testcase": 9, "failure violated": 2,
		"failure vacuous": 1, "failure nondeterministic": 1, "error unknown": 1,
		"error harness": 2, "skipped": 1, "system-out": 1}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("found %v, not %v", found, want)
	}
}

func checkAttributes(t *testing.T, e xml.StartElement) {
	t.Helper()
	schema, ok := junitSchema[e.Name.Local]
	if !ok {
		t.Errorf("no element %s", e.Name.Local)
	}
	allowed := strings.Fields(schema[0])
	for _, a := range e.Attr {
		name := a.Name.Local
		i := slices.IndexFunc(allowed, func(s string) bool { return strings.Trim(s, "*") == name })
		if i < 0 {
			t.Errorf("%s has no attribute %s", e.Name.Local, name)
			continue
		}
		allowed = slices.Delete(allowed, i, i+1)
	}
	for _, a := range allowed {
		if strings.HasSuffix(a, "*") {
			t.Errorf("%s lacks the attribute %s", e.Name.Local, a)
		}
	}
}

func TestJSONReadsBack(t *testing.T) {
	results := []*scenario.Result{passed(1), violated(7),
		with(passed(2), scenario.Failed, "no such file")}
	var out bytes.Buffer
	if err := WriteJSON(&out, results); err != nil {
		t.Fatal(err)
	}
	golden(t, "results.json", out.Bytes())
	back, err := ReadJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		results[i].Repeat = Repeat(results[i])
		if !reflect.DeepEqual(back[i], results[i]) {
			t.Errorf("result %d comes back as\n%+v, not\n%+v", i, back[i], results[i])
		}
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for _, text := range []string{``, `[]`, `{"schema":2}`, `{"schema":1,"results":[{}]}`,
		`{"schema":1,"results":[null]}`, `{"schema":1,"results":[{"seed":1,"outcome":"fine"}]}`,
		`{"schema":1,"results":[{"seed":1,"outcome":"passed","checks":[{"violation":{"ops":[{}]}}]}]}`} {
		if _, err := ReadJSON(strings.NewReader(text)); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}
