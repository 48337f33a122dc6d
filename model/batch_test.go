package model_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/container-football/pitch/model"
)

// answers runs a batch and returns its replies by id.
func answers(t *testing.T, in string, opt model.Options, crossCheck bool) (map[string]model.Reply, int) {
	t.Helper()
	var out bytes.Buffer
	failed, err := model.Batch(context.Background(), strings.NewReader(in), &out, opt, crossCheck)
	if err != nil {
		t.Fatal(err)
	}
	replies := map[string]model.Reply{}
	for line := range strings.Lines(out.String()) {
		var r model.Reply
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		replies[r.ID] = r
	}
	return replies, failed
}

func TestEveryWorkedValueIsAnsweredByABatch(t *testing.T) {
	file, err := os.ReadFile("testdata/worked-values.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, failed := answers(t, string(file), model.Options{}, false)
	if failed > 0 {
		t.Errorf("%d lines failed", failed)
	}
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(file))
	for lines.Scan() {
		var want struct {
			ID     string
			Expect float64
			RelTol float64 `json:"rel_tol"`
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		n++
		r := got[want.ID]
		if r.Value == nil {
			t.Errorf("%s: no value; error %q", want.ID, r.Error)
			continue
		}
		if x := float64(*r.Value); math.Abs(x-want.Expect) > want.RelTol*math.Abs(want.Expect) {
			t.Errorf("%s: %.17g, expected %.17g: off by %.2g", want.ID, x, want.Expect, x/want.Expect-1)
		}
		if r.Method == "" {
			t.Errorf("%s: no method", want.ID)
		}
	}
	if n != 36 {
		t.Errorf("%d worked values, expected 36", n)
	}
}

// What the reference tells in its text, beyond the file of worked values.
func TestTheNumbersOfTheReferencePage(t *testing.T) {
	for _, c := range []struct {
		query  string
		expect float64
		tol    float64 // half of the last printed digit, relative
	}{
		{`{"measure":"mttdl.shards","params":{"M":100,"n":3,"tolerate":2,"lambda_per_h":1e-5,"mu_per_h":0.041666666666666664,"repair":"parallel"}}`, 5.79e9, 1e-3},
		{`{"measure":"mttdl.any-k","params":{"N":300,"k":3,"lambda_per_h":1e-5,"mu_per_h":0.041666666666666664,"rebuild":"pair-speed"}}`, 1.45e5, 5e-3},
		{`{"measure":"mttdl.any-k","params":{"N":300,"k":3,"lambda_per_h":1e-5,"mu_per_h":0.041666666666666664,"rebuild":"pair-speed","speed_up":299}}`, 1.16e10, 5e-3},
		{`{"measure":"mttdl.any-k","params":{"N":300,"k":3,"lambda_per_h":1e-5,"mu_per_h":0.041666666666666664,"rebuild":"critical-first"}}`, 8.68e11, 1e-3},
		{`{"measure":"outage.window-exact","params":{"N":5000,"R":3,"W":11,"F":50}}`, 0.2078, 2e-3}, // by simulation there
		{`{"measure":"outage.window-exact","params":{"N":5000,"R":3,"W":10,"F":50}}`, 0.1754, 2e-3},
	} {
		r, _ := answers(t, c.query, model.Options{}, false)
		if r[""].Value == nil {
			t.Errorf("%s: %s", c.query, r[""].Error)
			continue
		}
		if x := float64(*r[""].Value); math.Abs(x/c.expect-1) > c.tol {
			t.Errorf("%s: %g, expected %g", c.query, x, c.expect)
		}
	}
}

func TestABadLineDoesNotKeepTheOthersFromBeingAnswered(t *testing.T) {
	got, failed := answers(t, `{"id":"one","measure":"network.local-pair","params":{"p":0.5}}
{"id":"unknown measure","measure":"network.remote","params":{"p":0.5}}
{"id":"unknown parameter","measure":"network.local-pair","params":{"p":0.5,"q":1}}
{"id":"missing","measure":"network.local-pair"}
{"id":"out of range","measure":"network.local-pair","params":{"p":1.5}}
{"id":"a text","measure":"network.local-pair","params":{"p":"half"}}
{"id":"not whole","measure":"incident.shards","params":{"n":1.5,"k":1,"p":0}}
{"id":"k above N","measure":"mttdl.any-k","params":{"N":2,"k":3,"lambda_per_h":1,"mu_per_h":1,"rebuild":"declustered"}}
{"id":"negative rate","measure":"unavailability.group","params":{"k":1,"lambda_per_h":-1,"mu_per_h":1}}
{"id":"not divisible","measure":"incident","params":{"placement":"shards","N":10,"k":3,"p":0.1}}
{"id":"a typo","mesure":"network.local-pair"}
not JSON
{"id":"two","measure":"network.local-pair","params":{"p":0.25}}`, model.Options{}, false)
	for id, want := range map[string]string{
		"unknown measure":   `line 2: bad input: unknown measure "network.remote"; there are network.local-pair, network.remote-pair`,
		"unknown parameter": "line 3: parameter q = 1: network.local-pair does not take it; it takes p",
		"missing":           "line 4: parameter p is missing: a probability within 0 and 1 is needed",
		"out of range":      "line 5: parameter p = 1.5: must be a probability within 0 and 1",
		"a text":            "line 6: parameter p = half: must be a probability within 0 and 1",
		"not whole":         "line 7: parameter n = 1.5: must be an integer within 1 and 1e+08",
		"k above N":         "line 8: parameter k = 3: must be an integer within 1 and 2",
		"negative rate":     "line 9: parameter lambda_per_h = -1: must be a rate per hour of at least 0",
		"not divisible":     "line 10: parameter N = 10: 10 nodes must be divisible by the width of a shard (3)",
		"a typo":            `line 11: expected {"id": "…", "measure": "…", "params": {…}}: json: unknown field "mesure"`,
		"":                  `line 12: expected {"id": "…", "measure": "…", "params": {…}}`,
	} {
		if !strings.HasPrefix(got[id].Error, want) {
			t.Errorf("%s:\n got %s\nwant %s…", id, got[id].Error, want)
		}
	}
	if one, two := got["one"].Value, got["two"].Value; one == nil || *one != 0.25 || two == nil || *two != 0.0625 {
		t.Errorf("the good lines were not answered: %v, %v", one, two)
	}
	if failed != 11 {
		t.Errorf("%d failed, expected 11", failed)
	}
}

func FuzzBatch(f *testing.F) {
	file, err := os.ReadFile("testdata/worked-values.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		f.Add(line)
	}
	f.Add(`{"id":"x","measure":"incident","params":{"placement":"copysets","N":9,"k":3,"S":4,"p":0.1}}`)
	f.Fuzz(func(t *testing.T, line string) {
		// Small samples: that no input makes it panic or hang is what counts.
		if len(line) > 400 || strings.ContainsAny(line, "eE") && strings.Count(line, "9") > 6 {
			return
		}
		var out bytes.Buffer
		if _, err := model.Batch(context.Background(), strings.NewReader(line), &out,
			model.Options{Samples: 1000}, false); err != nil {
			t.Fatal(err)
		}
		for reply := range strings.Lines(out.String()) {
			if !json.Valid([]byte(reply)) {
				t.Fatalf("not JSON: %s", reply)
			}
		}
	})
}

// What was written comes back to the last bit, also what JSON has no number for.
func TestNumbersSurviveJSON(t *testing.T) {
	for _, x := range []float64{0, 0.1, -1e-308, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN()} {
		text, err := json.Marshal(model.Number(x))
		if err != nil {
			t.Fatal(err)
		}
		var got model.Number
		if err := json.Unmarshal(text, &got); err != nil ||
			float64(got) != x && !(math.IsNaN(x) && math.IsNaN(float64(got))) {
			t.Errorf("%g became %s and then %g, %v", x, text, got, err)
		}
	}
	var n model.Number
	if err := json.Unmarshal([]byte(`"1e5"`), &n); err == nil {
		t.Error("a word was read as a number")
	}
}
