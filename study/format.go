package study

import (
	"reflect"
	"regexp"

	"github.com/container-football/pitch/internal/strict"
)

// Kinds of plots.
const (
	Curves    = "curves"
	Regimes   = "regimes"
	Histogram = "histogram"
	Tornado   = "tornado"
)

var format = &strict.Format{
	Name: "study",
	Enums: map[string][]string{
		"engines":   {"best", "simulation", "fleet"},
		"scales":    {"linear", "log"},
		"designs":   {"sobol", "latin-hypercube", "random"},
		"lifetimes": {"exponential", "uniform"},
		"repairs":   {"exponential", "constant", "uniform"},
		"best":      {"highest", "lowest"},
	},
	Patterns: map[string]strict.Pattern{
		"slug": {Form: regexp.MustCompile(`^[a-z0-9-]{1,64}$`),
			What: "1 to 64 lower-case letters, digits and hyphens"},
		"label": {Form: regexp.MustCompile(`^[^\x00-\x1f]{1,60}$`),
			What: "1 to 60 characters on one line"},
	},
	Unions: map[reflect.Type]*strict.Union{
		reflect.TypeFor[Uncertain](): {
			Decider: "distribution",
			Common:  []string{"param", "distribution", "whole"},
			Variants: []strict.Variant{
				{Name: "uniform", Required: []string{"low", "high"},
					Doc: "all values from low to high are as likely"},
				{Name: "log-uniform", Required: []string{"low", "high"},
					Doc: "all orders of magnitude from low to high are as likely"},
				{Name: "triangular", Required: []string{"low", "mode", "high"},
					Doc: "from low to high, likeliest at mode"},
				{Name: "normal", Required: []string{"low", "high"},
					Doc: "normal, 5 % below low and 5 % above high"},
				{Name: "log-normal", Required: []string{"low", "high"},
					Doc: "its logarithm is normal, 5 % below low and 5 % above high"},
				{Name: "observed", Required: []string{"events", "hours"},
					Doc: "a rate of which so many events were seen in so many hours"},
			},
		},
		reflect.TypeFor[Plot](): {
			Decider: "kind",
			Common:  []string{"name", "kind", "title", "subtitle", "only", "x_label"},
			Variants: []strict.Variant{
				{Name: Curves, Required: []string{"x"},
					Optional: []string{"asks", "y_label", "x_scale", "y_scale", "x_min", "x_max",
						"y_min", "y_max"},
					Doc: "the answers over an axis, with their intervals"},
				{Name: Regimes, Required: []string{"x", "y"},
					Optional: []string{"asks", "lines", "y_label", "x_scale", "y_scale", "best", "tie"},
					Doc:      "which answer is best over two axes"},
				{Name: Histogram, Optional: []string{"asks", "x_scale"},
					Doc: "the distribution of the answers over the uncertain inputs"},
				{Name: Tornado, Optional: []string{"ask", "x_scale"},
					Doc: "how far each uncertain input moves the answer"},
			},
		},
	},
	Descriptions: descriptions,
}

// Schema returns a JSON Schema (draft 2020-12) of study files, for editors.
func Schema() ([]byte, error) { return format.Schema("pitch study", &File{}) }
