package strict_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict/stricttest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden schema anew; review the difference")

func TestSchema(t *testing.T) {
	got, err := format.Schema("a plan", &plan{})
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/schema.json"
	if *rewrite {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the schema is another one than in %s:\n%s", golden, got)
	}
	if again, err := format.Schema("a plan", plan{}); err != nil || string(again) != string(got) {
		t.Errorf("the schema of a value is not that of a pointer (%v)", err)
	}
}

// TestSchemaAgreesWithDecoder holds the schema to what the decoder takes and refuses.
func TestSchemaAgreesWithDecoder(t *testing.T) {
	schema, err := format.Schema("a plan", &plan{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sound := range []string{full, "name = 'x'", "name = 'x'\nvalues = [1, 2.5]",
		"name = 'x'\n[params]", string(format.Write(fullPlan()))} {
		if _, err := parse(sound); err != nil {
			t.Error(err)
		}
		if err := stricttest.Conforms(schema, []byte(sound)); err != nil {
			t.Errorf("%v:\n%s", err, sound)
		}
	}
	for _, wrong := range []string{"", "x = 1", "seed = -1", "seed = 0", "count = 1.5", "fast = 1",
		"limit = -1", "ratio = 2", "ratio = 'x'", "size = 1", "size = '1'", "step = 3",
		"colours = []", "colours = ['pink']", "colours = ['red', 'red']", "weights = []",
		"weights = [-1]", "weights = ['x']", "lengths = [1]", "values = []", "values = [1, 'x']",
		"values = [true]", "values = [1, 1]", "values = [0]", "values = ['X']", "grid = [1]",
		"grid = [[]]", "grid = [[1]]", "params = 1", "params = {n = []}", "params = {n = 1001}",
		"params = {n = 'pink'}", "params = {n = {}}", "design = {}", "design = {kind = 'pink'}",
		"design = {kind = 'red', x = 1}", "look = {x = 1}", "case = []", "case = [{}]",
		"case = [{name = 'x', params = {n = [1]}}]", "shape = [{kind = 'dot'}]",
		"shape = [{kind = 'dot', at = '1m', after = 'x'}]", "shape = [{kind = 'x', at = '1m'}]",
		"shape = [{kind = 'dot', at = '1m', side = 1}]", "shape = [{kind = 'square', at = '1m'}]",
	} {
		text := wrong
		if text != "" {
			text = "name = 'x'\n" + wrong
		}
		if _, err := parse(text); err == nil {
			t.Errorf("the decoder takes %s", wrong)
		}
		if stricttest.Conforms(schema, []byte(text)) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
}

func TestConformsRefusesWhatItDoesNotKnow(t *testing.T) {
	for schema, want := range map[string]string{
		`{"maxItems": 1}`:     "does not know",
		`{"type": ["string"]`: "schema:",
	} {
		err := stricttest.Conforms([]byte(schema), []byte("x = 1"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", schema, err)
		}
	}
	if stricttest.Conforms([]byte("{}"), []byte("x =")) == nil {
		t.Error("a text that is no TOML conforms")
	}
}
