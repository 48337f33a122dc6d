package strict_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict"
)

// plan is a format that uses whatever there is.
type plan struct {
	Name    string         `toml:"name" req:"yes" pattern:"slug"`
	Seed    uint64         `toml:"seed" default:"1" min:"1" max:"99"`
	Count   int            `toml:"count" default:"-1"`
	Fast    bool           `toml:"fast" default:"true"`
	Limit   float64        `toml:"limit" default:"none" min:"0"`
	Share   float64        `toml:"share"`
	Ratio   *float64       `toml:"ratio" min:"0" max:"1"`
	Size    length         `toml:"size" default:"2m" min:"1m" max:"9m"`
	Step    *length        `toml:"step" min:"1m"`
	Colours []string       `toml:"colours" default:"red blue" enum:"colours"`
	Weights []float64      `toml:"weights" default:"0.5 2" min:"0"`
	Lengths []length       `toml:"lengths"`
	Values  []any          `toml:"values" min:"1" max:"100" pattern:"slug"`
	Grid    [][]float64    `toml:"grid" items:"2"`
	Params  map[string]any `toml:"params" max:"1000" enum:"colours"`
	Design  *design        `toml:"design"`
	Look    look           `toml:"look"`
	Group   group          `toml:"group"`
	Cases   []testCase     `toml:"case"`
	Shapes  []shape        `toml:"shape"`

	Path string `toml:"-"`
	// own shows that a struct may hold what is the package's own.
	own *strict.Document
}

type design struct {
	Kind   string `toml:"kind" req:"yes" enum:"colours"`
	Points int    `toml:"points" default:"16" min:"1"`
}

type look struct {
	Title string `toml:"title" default:"none yet"`
}

// group needs a key, so it is left out as a whole or not at all.
type group struct {
	Title   string     `toml:"title" default:"all"`
	Members []testCase `toml:"member" req:"yes"`
}

type testCase struct {
	Name   string         `toml:"name" req:"yes"`
	Weight float64        `toml:"weight" default:"1" min:"0"`
	Params map[string]any `toml:"params"`
}

type shape struct {
	Kind  string   `toml:"kind" req:"yes"`
	At    length   `toml:"at"`
	After string   `toml:"after"`
	Side  *float64 `toml:"side"`
	Round bool     `toml:"round" default:"true"`
	More  *look    `toml:"more"`
}

// length is written like "3m".
type length int

func (l length) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%dm", int(l)), nil }

func (l *length) UnmarshalText(text []byte) error {
	digits, ok := strings.CutSuffix(string(text), "m")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || n > 1e6 {
		return wrongLength{at: len([]rune(digits))}
	}
	*l = length(n)
	return nil
}

// wrongLength is an error that tells its place: where the unit should be.
type wrongLength struct{ at int }

func (wrongLength) Error() string { return "expected metres" }

var format = strict.Format{
	Name:  "plan",
	Enums: map[string][]string{"colours": {"red", "green", "blue"}},
	Patterns: map[string]strict.Pattern{
		"slug": {Form: regexp.MustCompile(`^[a-z-]+$`), What: "lower-case letters"},
	},
	Texts: map[reflect.Type]strict.TextForm{
		reflect.TypeFor[length](): {What: `a length such as "3m"`, Pattern: `m$`,
			Offset: func(err error) (int, bool) {
				var w wrongLength
				return w.at, errors.As(err, &w)
			}},
	},
	Unions: map[reflect.Type]*strict.Union{
		reflect.TypeFor[shape](): {
			Decider: "kind",
			Common:  []string{"kind", "at", "after"},
			Variants: []strict.Variant{
				{Name: "square", Required: []string{"side"}, Optional: []string{"round"},
					Doc: "four sides"},
				{Name: "dot", Optional: []string{"more"}, Doc: "none"},
			},
			OneOf: []string{"after", "at"},
		},
	},
	Sentinels: map[string]int64{"none": -1},
	Descriptions: map[string]string{
		"name": "Name.", "seed": "Seed.", "count": "Count.", "fast": "Fast.", "limit": "Limit.",
		"share": "Share.", "ratio": "Ratio.", "size": "Size.", "step": "Step.",
		"colours": "Colours.", "weights": "Weights.", "lengths": "Lengths.", "values": "Values.",
		"grid": "Grid.", "params": "Parameters.",
		"design": "Design.", "design.kind": "Kind.", "design.points": "Points.",
		"look": "Look.", "look.title": "Title.",
		"group": "Group.", "group.title": "Title.", "group.member": "Member.",
		"group.member.name": "Name.", "group.member.weight": "Weight.",
		"group.member.params": "Parameters.",

		"case": "Case.", "case.name": "Name.", "case.weight": "Weight.", "case.params": "More.",
		"shape": "Shape.", "shape.kind": "Kind.", "shape.at": "At.", "shape.after": "After.",
		"shape.side": "Side.", "shape.round": "Round.", "shape.more": "More.",
		"shape.more.title": "Title.",
	},
}

// parse reads a plan as the package of a format would: with a check of its own.
func parse(data string) (*plan, error) {
	p := &plan{}
	doc, err := format.Decode("t.toml", []byte(data), p)
	if err == nil {
		err = doc.Err()
	}
	if err != nil {
		return nil, err
	}
	p.own = doc
	p.validate()
	p.own = nil // plans are compared without it
	return p, doc.Err()
}

// validate checks what tags cannot say.
func (p *plan) validate() {
	if p.Grid != nil && len(p.Grid) < 2 {
		p.own.Value("grid", "a grid has at least two rows")
	}
	for i := range p.Shapes {
		at := strict.Index("shape", i)
		if p.own.Has(strict.Join(at, "at")) == p.own.Has(strict.Join(at, "after")) {
			p.own.Key(at, "a shape has either at or after")
		}
	}
}

// full holds every key of a plan.
const full = `name = "x"
seed = 2
count = 7
fast = false
limit = 3
share = 0.25
ratio = 1
size = "3m"
step = "4m"
colours = ["green"]
weights = [1, 2.5, 1]
lengths = ["1m", "1m"]
values = ["a", "b"]
grid = [[1, 2], [3]]
case = [{ name = "one", params = { n = 1 } }, { name = "two" }]

[params]
n = 1000
p = 1e-3
kind = "red"
on = true
"odd name" = -1
"" = 0

[design]
kind = "blue"

[look]
title = "t"

[[group.member]]
name = "m"

[[shape]]
kind = "square"
at = "0m"
side = 1.5

[[shape]]
kind = "dot"
after = "x"
[shape.more]
`

func ptr[T any](v T) *T { return &v }

// fullPlan is what full says.
func fullPlan() *plan {
	return &plan{Name: "x", Seed: 2, Count: 7, Limit: 3, Share: 0.25, Ratio: ptr(1.0), Size: 3,
		Step: ptr(length(4)), Colours: []string{"green"}, Weights: []float64{1, 2.5, 1},
		Lengths: []length{1, 1}, Values: []any{"a", "b"}, Grid: [][]float64{{1, 2}, {3}},
		Params: map[string]any{"n": 1000.0, "p": 1e-3, "kind": "red", "on": true,
			"odd name": -1.0, "": 0.0},
		Design: &design{Kind: "blue", Points: 16}, Look: look{Title: "t"},
		Group: group{Title: "all", Members: []testCase{{Name: "m", Weight: 1}}},
		Cases: []testCase{{Name: "one", Weight: 1, Params: map[string]any{"n": 1.0}},
			{Name: "two", Weight: 1}},
		Shapes: []shape{{Kind: "square", Side: ptr(1.5), Round: true},
			{Kind: "dot", After: "x", More: &look{Title: "none yet"}}}}
}

func TestEveryKindOfKeyIsRead(t *testing.T) {
	got, err := parse(full)
	if err != nil {
		t.Fatal(err)
	}
	if want := fullPlan(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWhatIsNotThereIsADefaultOrNil(t *testing.T) {
	got, err := parse(`name = "x"`)
	if err != nil {
		t.Fatal(err)
	}
	want := &plan{Name: "x", Seed: 1, Count: -1, Fast: true, Limit: -1, Size: 2,
		Colours: []string{"red", "blue"}, Weights: []float64{0.5, 2},
		Look: look{Title: "none yet"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// An empty table is there, though.
	got, err = parse("name = \"x\"\n[params]\n")
	if err != nil || got.Params == nil {
		t.Errorf("params: %v, %v", got.Params, err)
	}
}

func TestOpenListsHoldNumbersOrStrings(t *testing.T) {
	got, err := parse("name = \"x\"\nvalues = [1, 2.5, 99]\n")
	if err != nil || !reflect.DeepEqual(got.Values, []any{1.0, 2.5, 99.0}) {
		t.Errorf("%v, %v", got, err)
	}
}
