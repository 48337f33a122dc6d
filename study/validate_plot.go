package study

import (
	"slices"

	"github.com/container-football/pitch/internal/strict"
)

func (f *File) checkPlots() {
	names := map[string]bool{}
	for i := range f.Plots {
		p := &f.Plots[i]
		path := strict.Index("plot", i)
		if names[p.Name] {
			f.doc.Value(path+".name", "name: %q stands twice", p.Name)
		}
		names[p.Name] = true
		f.checkPlotAxes(path, p)
		asks := p.Asks
		for j, name := range asks {
			if !slices.Contains(f.asks(), name) {
				f.doc.Value(strict.Index(path+".asks", j), "asks: %s",
					expected("asks", name, f.asks()))
			}
		}
		for j, name := range p.Lines {
			at := strict.Index(path+".lines", j)
			switch i := slices.Index(f.asks(), name); {
			case i < 0:
				f.doc.Value(at, "lines: %s", expected("asks", name, f.asks()))
			case !slices.Contains(f.Asks[i].Without, p.Y):
				f.doc.Value(at, "lines: expected a question without %s, and %q takes it", p.Y, name)
			}
		}
		if p.Ask != "" && !slices.Contains(f.asks(), p.Ask) {
			f.doc.Value(path+".ask", "ask: %s", expected("asks", p.Ask, f.asks()))
		}
		switch {
		case p.Kind == Histogram && len(f.Uncertain) == 0:
			f.doc.Value(path+".kind", "a histogram needs [[uncertain]] inputs")
		case p.Kind == Tornado && len(f.Sensitivity.Of) == 0:
			f.doc.Value(path+".kind", "a tornado needs [sensitivity] of uncertain inputs")
		case p.Kind == Regimes && p.X != "" && p.X == p.Y:
			f.doc.Value(path+".y", "y: expected another axis than x = %q", p.X)
		}
	}
}

func (f *File) checkPlotAxes(path string, p *Plot) {
	for _, axis := range []struct{ key, name string }{{"x", p.X}, {"y", p.Y}} {
		if axis.name == "" {
			continue
		}
		i := slices.Index(f.axes(), axis.name)
		if i < 0 {
			f.doc.Value(path+"."+axis.key, "%s: %s", axis.key, expected("axes", axis.name, f.axes()))
			continue
		}
		if len(f.Axes[i].Values) > 0 {
			if _, number := f.Axes[i].Values[0].(float64); !number {
				f.doc.Value(path+"."+axis.key, "%s: expected an axis of numbers, and %q has words",
					axis.key, axis.name)
			}
		}
	}
	for name, value := range p.Only {
		at := strict.Join(path+".only", name)
		i := slices.Index(f.axes(), name)
		switch {
		case i < 0:
			f.doc.Key(at, "only: %s", expected("axes", name, f.axes()))
		case name == p.X || name == p.Y:
			f.doc.Key(at, "only: %q is an axis of the picture", name)
		case f.expandable(i) && !slices.Contains(f.Axes[i].expand(), value):
			f.doc.Value(at, "only: %v is not a value of the axis %s", value, name)
		}
	}
}

// expandable says whether an axis is complete: complaints about it may be pending.
func (f *File) expandable(i int) bool {
	a := &f.Axes[i]
	return a.Values != nil || a.From != nil && a.To != nil && a.Points >= 2 && *a.To > *a.From &&
		(a.Scale != "log" || *a.From > 0)
}
