package strict_test

import (
	"reflect"
	"testing"
)

func TestWriteIsInverse(t *testing.T) {
	for _, p := range []*plan{
		fullPlan(),
		{Name: "x", Seed: 1, Limit: 5e-324, Size: 9, Colours: []string{"blue"},
			Weights: []float64{0}, Values: []any{1.5, 99.0, 7.0}},
		{Name: "x", Seed: 99, Limit: -1, Size: 1, Colours: []string{"blue"},
			Weights: []float64{1e300}, Params: map[string]any{},
			Look: look{Title: "\x00\t\n\"\\"},
			Cases: []testCase{{Name: "", Weight: 1e9,
				Params: map[string]any{"\x7f": false, "é": 1.0}}},
			Shapes: []shape{{Kind: "dot", At: 7}, {Kind: "dot", More: &look{}}}},
	} {
		text := format.Write(p)
		got, err := parse(string(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("got  %+v\nwant %+v\nfrom\n%s", got, p, text)
		}
		if again := format.Write(*got); string(again) != string(text) {
			t.Errorf("written a second time it is\n%s\nnot\n%s", again, text)
		}
	}
}

func TestWriteLeavesOutWhatDoesNotCount(t *testing.T) {
	p := &plan{Name: "x", Limit: -1, Shapes: []shape{{Kind: "dot", At: 1, After: "y", Round: true}}}
	const want = `name = "x"
seed = 0
count = 0
fast = false
size = "0m"

[look]
title = ""

[[shape]]
kind = "dot"
after = "y"
`
	if got := string(format.Write(p)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
