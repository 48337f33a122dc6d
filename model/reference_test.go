package model_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/model"
)

var rewrite = flag.Bool("rewrite", false, "write docs/reference/measures.md anew")

// The reference is made from the measures themselves, so that it cannot fall behind.
func TestTheReferencePageListsAllMeasures(t *testing.T) {
	const path = "../docs/reference/measures.md"
	var b strings.Builder
	b.WriteString(`# Measures

What ` + "`pitch model MEASURE`" + ` and the lines of ` + "`pitch model --batch`" + ` can ask. On the command line, parameters are
flags of the same name with ` + "`-`" + ` in place of ` + "`_`" + `; ` + "`pitch model measures NAME`" + ` prints the same. This page is made from the code
(` + "`go test ./model -run Reference -rewrite`" + `). What the measures mean, and where they end, is told in
[Reliability](../explanation/reliability.md).

`)
	section := ""
	for _, m := range model.Measures() {
		s := "For any placement"
		if strings.Contains(m.Name, ".") {
			s = "Fixed formulas"
		}
		if s != section {
			fmt.Fprintf(&b, "## %s\n\n", s)
			section = s
		}
		fmt.Fprintf(&b, "### `%s`\n\n%s (%s).\n\n", m.Name, sentence(m.Summary), m.Unit)
		fmt.Fprintf(&b, "- formula: %s\n- source: %s\n- parameters: %s\n", cell(m.Formula), source(m.Source),
			code(m.Params))
		if len(m.Options) > 0 {
			fmt.Fprintf(&b, "- may be given: %s\n", code(m.Options))
		}
		b.WriteString("\n")
	}
	b.WriteString("## Parameters\n\n| parameter | meaning |\n|---|---|\n")
	for _, p := range model.ParamNames() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p, model.Explain(p))
	}
	fmt.Fprintf(&b, "\nPlacements: %s.\n", code(model.Placements()))
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Errorf("%s is not what the measures say; go test ./model -run Reference -rewrite", path)
	}
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
func cell(s string) string     { return strings.ReplaceAll(s, "|", `\|`) }

func source(s string) string {
	if strings.HasPrefix(s, "docs/") {
		return "[Reliability](../" + strings.TrimPrefix(s, "docs/") + ")"
	}
	return s
}

func code(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}

// Parameters that a fixed formula lists are those that it takes, and no others; each is needed.
func TestEachFormulaTakesTheParametersThatItLists(t *testing.T) {
	plausible := model.Params{"n": 6., "k": 2., "p": 0.1, "T": 10., "s": 1., "N": 12., "R": 3., "F": 4.,
		"chunks_per_node": 10., "S": 4., "w": 4., "W": 4., "M": 4., "q": 0.1, "r": 0.1, "G": 2., "m": 3.,
		"p_network": 0.01, "p_frontend": 0.01, "D": 4., "P": 2., "afr": 0.01, "days": 3., "l": 2.,
		"tolerate": 1., "lambda_per_h": 1e-3, "mu_per_h": 0.1, "repair": "parallel",
		"rebuild": "declustered", "speed_up": 2., "t_h": 100., "shape": 1.2, "scale_h": 1e4,
		"placement": "bigcluster", "usable_tb": 100., "disk_tb": 10., "disks_per_server": 12., "compute": 5.,
		"raid": 1.2, "fill": 0.8, "switch_ports": 48., "nof": 2., "price_server": 6000., "price_tb": 20.,
		"price_port": 100.}
	formulas := 0
	for _, m := range model.Measures() {
		if !strings.Contains(m.Name, ".") {
			continue
		}
		formulas++
		all := model.Params{}
		for _, p := range slices.Concat(m.Params, m.Options) {
			all[p] = plausible[p]
		}
		if m.Name == "ec.lrc-decodable-fraction" {
			all["r"] = 2. // not a rack here
		}
		if strings.HasPrefix(m.Name, "cost.") { // of replicas, not of a code
			delete(all, "D")
			delete(all, "P")
		}
		if _, err := model.Ask(t.Context(), m.Name, all, model.Options{}); err != nil {
			t.Errorf("%s with all that it lists: %v", m.Name, err)
		}
		for _, p := range m.Params {
			without := maps.Clone(all)
			delete(without, p)
			var bad *model.ParamError
			if _, err := model.Ask(t.Context(), m.Name, without, model.Options{}); !errors.As(err, &bad) ||
				bad.Name != p {
				t.Errorf("%s without %s: %v", m.Name, p, err)
			}
		}
		all["t_c"] = 1.
		if _, err := model.Ask(t.Context(), m.Name, all, model.Options{}); err == nil {
			t.Errorf("%s takes a parameter that it does not list", m.Name)
		}
	}
	if formulas < 30 {
		t.Errorf("only %d formulas", formulas)
	}
}

// Every parameter is explained, and taken by something.
func TestEachParameterIsTakenBySomeMeasure(t *testing.T) {
	used := []string{"placement"}
	for _, m := range model.Measures() {
		used = append(used, slices.Concat(m.Params, m.Options)...)
	}
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(used, model.ParamNames()) {
		t.Errorf("taken: %v\nexplained: %v", used, model.ParamNames())
	}
}
