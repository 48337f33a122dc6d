package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/container-football/pitch/model"
)

type modelMeasuresCmd struct {
	Name string `arg:"" optional:"" help:"Explain this measure."`
}

func (c *modelMeasuresCmd) Run(s *streams) error {
	if c.Name != "" {
		return c.explain(s)
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "For any placement:\t")
	fixed := false
	for _, m := range model.Measures() {
		if !fixed && strings.Contains(m.Name, ".") {
			fixed = true
			fmt.Fprintln(t, "\t\nFixed formulas:\t")
		}
		fmt.Fprintf(t, "  %s\t%s\n", m.Name, m.Summary)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "\n`pitch model measures NAME` gives the formula and the parameters.")
	return err
}

func (c *modelMeasuresCmd) explain(s *streams) error {
	m, err := model.Find(c.Name)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\n", m.Name, m.Summary)
	fmt.Fprintf(t, "formula\t%s\n", m.Formula)
	fmt.Fprintf(t, "unit\t%s\n", m.Unit)
	fmt.Fprintf(t, "source\t%s\n", m.Source)
	for i, list := range [][]string{m.Params, m.Options} {
		if len(list) > 0 {
			fmt.Fprintf(t, "\t\n%s\t\n", []string{"parameters:", "may be given:"}[i])
		}
		for _, p := range list {
			fmt.Fprintf(t, "  %s\t%s\n", p, model.Explain(p))
		}
	}
	return t.Flush()
}
