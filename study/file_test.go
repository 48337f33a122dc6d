package study

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict/stricttest"
)

// Each broken study is the small one with one thing replaced. What is wanted is the place and
// what was expected.
func TestABrokenStudySaysWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"no TOML", `seed   = 7`, `seed = = 7`, "small.toml:5:"},
		{"a misspelt key", `rel_err`, `rel_er`, `small.toml:11:1: unknown key "rel_er" in [precision]; did you mean "rel_err"?`},
		{"a misspelt parameter", `param  = "n"`, `param = "lambda_per_hour"`,
			`small.toml:14:9: unknown parameter "lambda_per_hour"; did you mean "lambda_per_h"?`},
		{"a parameter that is not one", `p = 0.01`, `probability = 0.01`, `small.toml:8:1: unknown parameter "probability"`},
		{"a parameter set twice", `param  = "k"`, `param  = "p"`, `small.toml:18:10: param: "p" is set by params already`},
		{"an axis without values", `values = [2, 4, 6, 8]`, ``, `small.toml:13:1: missing key "from": an axis needs values, or from, to and points`},
		{"an axis of both kinds", `values = [2, 4, 6, 8]`, "values = [2, 4]\nfrom = 1", `small.toml:16:1: from does not go with values`},
		{"an axis that ends before it begins", `to     = 3`, `to = 0`, `small.toml:20:6: to: expected more than from = 1, found 0`},
		{"words beside numbers", `[2, 4, 6, 8]`, `[2, "four"]`, `small.toml:15:14: values:`},
		{"a value that cannot be", `[2, 4, 6, 8]`, `[2, 2.5]`, `small.toml:15:14: shards asks incident: parameter n = 2.5: must be an integer`},
		{"a value that cannot be on a range", `from   = 1`, `from = 0.5`, `small.toml:19:8: shards asks incident: parameter k = 0.5: must be an integer`},
		{"an unknown measure", `measure = "incident"`, `measure = "incidents"`, `small.toml:25:11: unknown measure "incidents"`},
		{"a missing parameter", `p = 0.01`, `# nothing`, `small.toml:25:11: shards asks incident: parameter p is missing`},
		{"a parameter out of range", `p = 0.01`, `p = 2`, `small.toml:8:5: shards asks incident: parameter p = 2: must be a probability within 0 and 1`},
		{"an unknown placement", `"bigcluster"`, `"biglcuster"`, `small.toml:32:25: BigCluster asks incident: parameter placement = biglcuster: must be one of shards, bigcluster`},
		{"an unknown engine", `"simulation"]`, `"simulator"]`, `small.toml:27:20: engines: expected "best", "simulation" or "fleet", found "simulator"; did you mean "simulation"?`},
		{"an engine that is not there", `"simulation"]`, `"fleet"]`, `small.toml:27:20: the engine "fleet" is not available here`},
		{"two questions of one name", `"BigCluster"`, `"shards"`, `small.toml:30:11: name: "shards" stands twice`},
		{"a question that sets an axis", `{ placement = "shards" }`, `{ placement = "shards", k = 2 }`,
			`small.toml:26:35: k varies over the study; name it in without, too`},
		{"without what is not there", `engines = ["best", "simulation"]`, `without = ["T"]`, `small.toml:27:12: without: "T" is not a parameter of the study`},
		{"a design of nothing", `[precision]`, "[design]\npoints = 4\n\n[precision]", `small.toml:10:1: there is nothing to sample: no [[uncertain]] input`},
		{"another version", `schema = 1`, `schema = 2`, `small.toml:2:10: schema: expected 1, found 2`},
	} {
		text := strings.Replace(small, c.old, c.new, 1)
		if text == small {
			t.Fatalf("%s: nothing was replaced", c.name)
		}
		f, err := Parse("small.toml", []byte(text))
		if err == nil {
			_, err = f.Plan(nil)
		}
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

func TestAnAxisNoQuestionTakesIsAnError(t *testing.T) {
	text := strings.ReplaceAll(small, `measure = "incident"`, "measure = \"incident\"\nwithout = [\"k\"]")
	text = strings.ReplaceAll(text, `params  = { `, `params = { k = 2, `)
	_, err := Parse("small.toml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "small.toml:18:10: no question takes k") {
		t.Error(err)
	}
}

// sampled is a study with uncertain inputs and all kinds of plots.
const sampled = `
schema = 1
name   = "sampled"
title  = "What p is not known exactly does"

[params]
n = 3
T = 10

[[axis]]
param  = "k"
values = [1, 2]

[design]
points = 64

[[uncertain]]
param        = "p"
distribution = "log-normal"
low          = 0.001
high         = 0.01

[sensitivity]
of = ["p"]

[[ask]]
name    = "downtime"
measure = "downtime.shards"

[[plot]]
name  = "bands"
kind  = "curves"
title = "Bands"
x     = "k"

[[plot]]
name  = "spread"
kind  = "histogram"
title = "Spread"

[[plot]]
name  = "swing"
kind  = "tornado"
title = "Swing"
`

func TestABrokenPlotSaysWhereAndWhat(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an axis that is not there", `x     = "k"`, `x     = "n"`, `s.toml:34:9: x: expected "k", found "n"`},
		{"a misspelt kind", `"histogram"`, `"histogramm"`, `s.toml:38:9: kind: expected "curves", "regimes", "histogram" or "tornado", found "histogramm"; did you mean "histogram"?`},
		{"a key of another kind", `title = "Swing"`, "title = \"Swing\"\nx = \"k\"", `s.toml:45:1: key "x" does not belong to kind = "tornado"`},
		{"bounds upside down", `high         = 0.01`, `high = 0.0001`, `s.toml:21:8: high: expected more than low = 0.001, found 0.0001`},
		{"a logarithm of nothing", `low          = 0.001`, `low = 0`, `s.toml:20:7: low: expected more than 0 for log-normal, found 0`},
		{"a key of another distribution", `high         = 0.01`, "high = 0.01\nmode = 0.005", `s.toml:22:1: key "mode" does not belong to distribution = "log-normal"`},
		{"no tornado without sensitivity", `of = ["p"]`, ``, `s.toml:43:9: a tornado needs [sensitivity] of uncertain inputs`},
		{"sensitivity of what is certain", `of = ["p"]`, `of = ["n"]`, `s.toml:24:7: of: expected "p", found "n"`},
		{"another value than the axis has", `title = "Spread"`, "title = \"Spread\"\nonly = { k = 3 }", `s.toml:40:14: only: 3 is not a value of the axis k`},
		{"two plots of one name", `"swing"`, `"spread"`, `s.toml:42:9: name: "spread" stands twice`},
	} {
		text := strings.Replace(sampled, c.old, c.new, 1)
		_, err := Parse("s.toml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
}

// Every key is described, for editors and for the reference, and bounds and defaults are possible.
func TestTheFormatIsSound(t *testing.T) {
	if err := format.Check(&File{}); err != nil {
		t.Error(err)
	}
}

// Whoever changes the format must keep the shipped studies readable. That they can be run is
// shown where the engine fleet is known, in cmd/pitch.
func TestShippedStudiesAreReadable(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../studies/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d studies, %v", len(files), err)
	}
	for _, path := range files {
		f, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if data, err := os.ReadFile(path); err != nil || stricttest.Conforms(schema, data) != nil {
			t.Errorf("%s does not conform to the schema: %v", path, stricttest.Conforms(schema, data))
		}
		if f.Name+".toml" != filepath.Base(path) {
			t.Errorf("%s is named %q", path, f.Name)
		}
		if f.About == "" || len(f.Plots) == 0 {
			t.Errorf("%s says nothing of itself, or has no picture", path)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add(sampled)
	files, _ := filepath.Glob("../studies/*.toml")
	for _, path := range files {
		if data, err := os.ReadFile(path); err == nil {
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("fuzz.toml", []byte(text))
		if err == nil && len(text) < 1<<12 {
			for i := range file.Axes { // a plan of anything may take long, its axes must not
				if file.Axes[i].Points < 1000 {
					file.Axes[i].expand()
				}
			}
			return
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no complaint about the file", err)
		}
		if e != nil && strings.ContainsAny(e.Error(), "\n\r") {
			t.Fatalf("%q is more than a line", e.Error())
		}
	})
}
