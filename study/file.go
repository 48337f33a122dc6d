package study

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/container-football/pitch/internal/strict"
)

// Format is the value of `schema` that this package reads.
const Format = 1

// Error is one complaint about a study file, with its place.
type Error = strict.Error

// A File is a study as its file has it, with every default filled in. Struct tags are the format.
type File struct {
	Schema int    `toml:"schema" req:"yes" min:"1" max:"1"`
	Name   string `toml:"name" req:"yes" pattern:"slug"`
	Title  string `toml:"title" req:"yes"`
	About  string `toml:"about"`
	Seed   uint64 `toml:"seed" default:"1"`
	// Params are parameters that are the same in all cells, by the names of package model.
	Params      map[string]any `toml:"params"`
	Precision   Precision      `toml:"precision"`
	Fleet       Fleet          `toml:"fleet"`
	Axes        []Axis         `toml:"axis"`
	Design      Design         `toml:"design"`
	Uncertain   []Uncertain    `toml:"uncertain"`
	Sensitivity Sensitivity    `toml:"sensitivity"`
	Asks        []Ask          `toml:"ask" req:"yes"`
	Plots       []Plot         `toml:"plot"`

	// Path is the name that the file was read under.
	Path string `toml:"-"`
	// Hash is the SHA-256 of the file, in hexadecimal: results carry it.
	Hash string `toml:"-"`

	doc  *strict.Document // where everything stands, for complaints
	text []byte
}

// Precision says how exact estimates must be.
type Precision struct {
	RelErr  float64 `toml:"rel_err" default:"0.05" min:"1e-6" max:"10"`
	Level   float64 `toml:"level" default:"0.95" min:"0.5" max:"0.9999"`
	Samples int64   `toml:"samples" default:"10000000" min:"1"`
}

// Fleet says what the engine "fleet" simulates: hosts that fail and are repaired in virtual time.
type Fleet struct {
	Years    float64 `toml:"years" default:"10" min:"0.001" max:"10000"`
	Lifetime string  `toml:"lifetime" default:"exponential" enum:"lifetimes"`
	Repair   string  `toml:"repair" default:"exponential" enum:"repairs"`
}

// An Axis is a parameter and the values that it takes; axes are crossed.
type Axis struct {
	Param  string   `toml:"param" req:"yes"`
	Values []any    `toml:"values"`
	From   *float64 `toml:"from"`
	To     *float64 `toml:"to"`
	// Points is the number of values from From to To, both included.
	Points int    `toml:"points" min:"2" max:"1000000"`
	Scale  string `toml:"scale" default:"linear" enum:"scales"`
	// Whole rounds the values to whole numbers and drops those that are there twice.
	Whole bool `toml:"whole" default:"false"`
}

// Design says how the uncertain inputs are sampled together.
type Design struct {
	Kind   string `toml:"kind" default:"sobol" enum:"designs"`
	Points int    `toml:"points" default:"256" min:"1" max:"1048576"`
}

// Uncertain is an input that is not known exactly. Distribution decides which other keys count.
type Uncertain struct {
	Param        string `toml:"param" req:"yes"`
	Distribution string `toml:"distribution" req:"yes"`
	// Low and High are the bounds of uniform, log-uniform and triangular, and the 5 % and 95 %
	// quantiles of normal and log-normal.
	Low  *float64 `toml:"low"`
	High *float64 `toml:"high"`
	Mode *float64 `toml:"mode"`
	// Events seen in Hours of observation: a rate, known as well as they tell.
	Events *float64 `toml:"events" min:"0"`
	Hours  *float64 `toml:"hours" min:"1e-300"`
	Whole  bool     `toml:"whole" default:"false"`
}

// Sensitivity asks which input moves the outcome most: each uncertain input goes to its 5 % and
// 95 % quantile and a step up and down while the others stay at their medians.
type Sensitivity struct {
	Of []string `toml:"of"`
	// Step is how far the elasticity is measured, as a share of the median.
	Step float64 `toml:"step" default:"0.01" min:"1e-6" max:"0.5"`
}

// An Ask is a question that is asked in every cell.
type Ask struct {
	Name    string         `toml:"name" req:"yes" pattern:"label"`
	Measure string         `toml:"measure" req:"yes"`
	Params  map[string]any `toml:"params"`
	// Without lists parameters of the study that this question does not take.
	Without []string `toml:"without"`
	Engines []string `toml:"engines" default:"best" enum:"engines"`
}

// A Plot is a picture of the results. Kind decides which other keys count.
type Plot struct {
	Name     string `toml:"name" req:"yes" pattern:"slug"`
	Kind     string `toml:"kind" req:"yes"`
	Title    string `toml:"title" req:"yes"`
	Subtitle string `toml:"subtitle"`
	// X and Y are axes of the study. Every other axis makes a curve, or a picture, of each value.
	X string `toml:"x"`
	Y string `toml:"y"`
	// Only keeps to some values of axes.
	Only map[string]any `toml:"only"`
	Asks []string       `toml:"asks"` // default: all
	Ask  string         `toml:"ask"`  // for pictures of one question; default: the first
	// Lines are questions whose answers are drawn as lines over a map: places on its second axis.
	Lines []string `toml:"lines"`

	XLabel string   `toml:"x_label"`
	YLabel string   `toml:"y_label"`
	XScale string   `toml:"x_scale" default:"log" enum:"scales"`
	YScale string   `toml:"y_scale" default:"log" enum:"scales"`
	XMin   *float64 `toml:"x_min"`
	XMax   *float64 `toml:"x_max"`
	YMin   *float64 `toml:"y_min"`
	YMax   *float64 `toml:"y_max"`

	Best string  `toml:"best" default:"highest" enum:"best"`
	Tie  float64 `toml:"tie" default:"1.1" min:"1" max:"1000"`
}

// Load reads and checks a study file.
func Load(path string) (*File, error) {
	data, err := format.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse reads and checks a study. The error is an [Error]: the first complaint in the file.
// Whether the questions make sense together with their parameters is checked by [File.Plan].
func Parse(name string, data []byte) (*File, error) {
	f := &File{Path: name, text: data}
	doc, err := format.Decode(name, data, f)
	if err != nil {
		return nil, err
	}
	f.doc = doc
	if err := doc.Err(); err != nil {
		return nil, err // the struct is not whole
	}
	f.validate()
	if err := doc.Err(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	f.Hash = hex.EncodeToString(sum[:])
	return f, nil
}
