package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/container-football/pitch/model"
	"github.com/container-football/pitch/study"
)

// A StudyPlot is a picture of a study, with the name of its files.
type StudyPlot struct {
	Name    string
	Picture Picture
}

// StudyPlots makes the pictures that the file of a complete study asks for. A plot of kinds that
// have room for one combination of the other axes becomes a picture of each.
func StudyPlots(res *study.Result) []StudyPlot {
	var out []StudyPlot
	for i := range res.Plan.File.Plots {
		b := newPlotter(res, &res.Plan.File.Plots[i])
		if b.spec.Kind == study.Curves {
			out = append(out, StudyPlot{b.spec.Name, b.curves()})
			continue
		}
		for _, at := range b.combinations(b.others(nil)) {
			suffix, title := b.label(at)
			var p Picture
			switch b.spec.Kind {
			case study.Regimes:
				p = b.regimes(at, title)
			case study.Histogram:
				p = b.histogram(at, title)
			case study.Tornado:
				p = b.tornado(at, title)
			}
			out = append(out, StudyPlot{b.spec.Name + suffix, p})
		}
	}
	return out
}

// plotter makes one plot. A combination of the axes is an index into the values of each.
type plotter struct {
	res  *study.Result
	file *study.File
	spec *study.Plot
	asks []int // that are shown
	only []int // index of the value of an axis that the plot keeps to; -1: it may vary
}

func newPlotter(res *study.Result, spec *study.Plot) *plotter {
	b := &plotter{res: res, file: res.Plan.File, spec: spec}
	names := spec.Asks
	if spec.Ask != "" {
		names = []string{spec.Ask}
	}
	for i := range b.file.Asks {
		if names == nil || slices.Contains(names, b.file.Asks[i].Name) {
			b.asks = append(b.asks, i)
		}
	}
	for i := range b.file.Axes {
		at := -1
		if value, ok := spec.Only[b.file.Axes[i].Param]; ok {
			at = slices.Index(res.Plan.Values(i), value)
		}
		b.only = append(b.only, at)
	}
	return b
}

// axis is the index of the axis of that name; -1: none.
func (b *plotter) axis(name string) int {
	return slices.IndexFunc(b.file.Axes, func(a study.Axis) bool { return a.Param == name })
}

// others are the axes that vary besides those of the picture itself. If ask is given, those that
// it does not take are left out.
func (b *plotter) others(ask *study.Ask) []int {
	var out []int
	for i := range b.file.Axes {
		name := b.file.Axes[i].Param
		if name == b.spec.X || name == b.spec.Y || b.only[i] >= 0 ||
			ask != nil && slices.Contains(ask.Without, name) {
			continue
		}
		out = append(out, i)
	}
	return out
}

// combinations are all of the values of some axes; the others are at the value that the plot keeps
// to, or at their first.
func (b *plotter) combinations(axes []int) [][]int {
	base := make([]int, len(b.file.Axes))
	for i, at := range b.only {
		base[i] = max(at, 0)
	}
	out := [][]int{base}
	for _, axis := range axes {
		var next [][]int
		for _, at := range out {
			for v := range b.res.Plan.Values(axis) {
				one := slices.Clone(at)
				one[axis] = v
				next = append(next, one)
			}
		}
		out = next
	}
	return out
}

// label names a combination, for a file and for a title.
func (b *plotter) label(at []int) (suffix, title string) {
	for _, axis := range b.others(nil) {
		name, value := b.file.Axes[axis].Param, inputText(b.res.Plan.Values(axis)[at[axis]])
		suffix += "-" + name + "-" + value
		title += ", " + name + " = " + value
	}
	return strings.ReplaceAll(suffix, "_", "-"), title
}

// numbers are the values of an axis of numbers.
func (b *plotter) numbers(axis int) []float64 {
	var out []float64
	for _, v := range b.res.Plan.Values(axis) {
		x, _ := v.(float64)
		out = append(out, x)
	}
	return out
}

// source says where the answers to a question come from: formula, literature, methods.
func (b *plotter) source(ask, engine int) string {
	a := &b.file.Asks[ask]
	m, err := model.Find(a.Measure)
	if err != nil {
		return a.Measure // a plan has no such question
	}
	methods := b.res.Methods(ask, engine)
	how := strings.Join(methods, ", ")
	if a.Engines[engine] == "best" && !slices.ContainsFunc(methods, estimated) {
		how = m.Formula + "; " + how
	}
	literature := ""
	if !strings.HasPrefix(m.Source, "docs/") { // our own documentation is no source
		literature = "; " + m.Source
	}
	return a.Measure + ": " + how + literature
}

func estimated(method string) bool {
	switch model.Method(method) {
	case model.ClosedForm, model.Exact, model.Enumeration, model.Markov, model.Quadrature:
		return false
	}
	return true
}

// subtitle is that of the file, or else what is the same for all that is shown.
func (b *plotter) subtitle() string {
	if b.spec.Subtitle != "" {
		return b.spec.Subtitle
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(b.file.Params)) {
		parts = append(parts, name+" = "+inputText(b.file.Params[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(b.spec.Only)) {
		parts = append(parts, name+" = "+inputText(b.spec.Only[name]))
	}
	return strings.Join(parts, ", ")
}

// inputAxis is the axis of a picture that shows a parameter.
func inputAxis(label, param, scale string) Axis {
	if label == "" {
		label = param + ": " + model.Explain(param)
	}
	return Axis{Label: label, Linear: scale == "linear"}
}

// outputAxis is the axis of a picture that shows answers.
func (b *plotter) outputAxis(label, scale string) Axis {
	if label == "" {
		if m, err := model.Find(b.file.Asks[b.asks[0]].Measure); err == nil {
			label = fmt.Sprintf("%s (%s)", m.Summary, m.Unit)
		}
	}
	return Axis{Label: label, Linear: scale == "linear"}
}

func limit(a Axis, low, high *float64) Axis {
	if low != nil {
		a.Min = *low
	}
	if high != nil {
		a.Max = *high
	}
	return a
}

// curves makes a curve of each question, engine and combination of the other axes.
func (b *plotter) curves() Picture {
	x := b.axis(b.spec.X)
	f := &Curves{Title: b.spec.Title, Subtitle: b.subtitle(),
		X: limit(inputAxis(b.spec.XLabel, b.spec.X, b.spec.XScale), b.spec.XMin, b.spec.XMax),
		Y: limit(b.outputAxis(b.spec.YLabel, b.spec.YScale), b.spec.YMin, b.spec.YMax)}
	most := 1 // combinations that a question has
	for _, ask := range b.asks {
		most = max(most, len(b.combinations(b.others(&b.file.Asks[ask]))))
	}
	names := b.names()
	for nth, ask := range b.asks {
		a := &b.file.Asks[ask]
		for engine := range a.Engines {
			for i, at := range b.combinations(b.others(a)) {
				c := b.curve(names[nth], ask, engine, at, x)
				// Colours for what there is more of, weights and dashes for the rest.
				switch {
				case most == 1:
					c.Shade = nth
				case len(b.asks) <= 4:
					c.Group, c.Shade = nth, i
				default:
					c.Group, c.Shade = i, nth
				}
				f.Curves = append(f.Curves, c)
			}
		}
	}
	return f
}

// engineNames say in a picture what an engine does.
var engineNames = map[string]string{"best": "computed", "simulation": "sampled", "fleet": "simulated"}

// names are those of the questions that are shown, without a tail that all of them have after a
// colon: names of questions differ in the whole study, and often name the measure there.
func (b *plotter) names() []string {
	var out []string
	tail := ""
	for i, ask := range b.asks {
		name := b.file.Asks[ask].Name
		out = append(out, name)
		_, after, _ := strings.Cut(name, ": ")
		if i == 0 {
			tail = after
		} else if after != tail {
			tail = ""
		}
	}
	if len(out) > 1 && tail != "" {
		for i := range out {
			out[i] = strings.TrimSuffix(out[i], ": "+tail)
		}
	}
	return out
}

func (b *plotter) curve(name string, ask, engine int, at []int, x int) Curve {
	a := &b.file.Asks[ask]
	c := Curve{Name: name, Source: b.source(ask, engine)}
	for _, axis := range b.others(a) {
		c.Name += fmt.Sprintf(", %s = %s", b.file.Axes[axis].Param,
			inputText(b.res.Plan.Values(axis)[at[axis]]))
	}
	if len(a.Engines) > 1 {
		c.Name += ", " + engineNames[a.Engines[engine]]
	}
	intervals := false
	at = slices.Clone(at)
	for i, v := range b.numbers(x) {
		at[x] = i
		value, low, high := b.res.Answer(b.res.Plan.Grid(at), ask, engine)
		if math.IsNaN(value) {
			continue
		}
		c.X, c.Y = append(c.X, v), append(c.Y, value)
		if math.IsNaN(low) {
			low, high = value, value
		} else {
			intervals = true
		}
		c.Low, c.High = append(c.Low, low), append(c.High, high)
	}
	if !intervals {
		c.Low, c.High = nil, nil
	}
	if len(a.Engines) > 1 {
		c.Points = intervals && a.Engines[engine] != "best"
		c.Bare = !c.Points
	}
	return c
}

func (b *plotter) regimes(at []int, title string) Picture {
	x, y := b.axis(b.spec.X), b.axis(b.spec.Y)
	r := &Regimes{Title: b.spec.Title + title, Subtitle: b.subtitle(),
		X: inputAxis(b.spec.XLabel, b.spec.X, b.spec.XScale), XAt: b.numbers(x),
		Y: inputAxis(b.spec.YLabel, b.spec.Y, b.spec.YScale), YAt: b.numbers(y), TieFactor: b.spec.Tie}
	for _, ask := range b.asks {
		r.Names = append(r.Names, b.file.Asks[ask].Name)
		r.Sources = append(r.Sources, b.source(ask, 0))
	}
	for _, name := range b.spec.Lines {
		r.Lines = append(r.Lines, b.line(name, at, x))
	}
	at = slices.Clone(at)
	for j := range r.YAt {
		var winner []int
		var tie []bool
		var margin []float64
		for i := range r.XAt {
			at[x], at[y] = i, j
			w, m := b.winner(b.res.Plan.Grid(at))
			winner, margin = append(winner, w), append(margin, m)
			tie = append(tie, m <= b.spec.Tie)
		}
		r.Winner, r.Tie, r.Margin = append(r.Winner, winner), append(r.Tie, tie), append(r.Margin, margin)
	}
	return r
}

// line is the answers to a question over the axis from left to right, as places on the other one.
func (b *plotter) line(name string, at []int, x int) Line {
	ask := slices.IndexFunc(b.file.Asks, func(a study.Ask) bool { return a.Name == name })
	l := Line{Name: name, Source: b.source(ask, 0)}
	at = slices.Clone(at)
	for i, v := range b.numbers(x) {
		at[x] = i
		if y, _, _ := b.res.Answer(b.res.Plan.Grid(at), ask, 0); !math.IsNaN(y) {
			l.X, l.Y = append(l.X, v), append(l.Y, y)
		}
	}
	return l
}

// winner is which question has the best answer, as an index into those shown, and how many times
// better it is than the next; NaN if there is no other.
func (b *plotter) winner(grid int) (best int, margin float64) {
	best, margin = -1, math.NaN()
	var first, second float64
	for i, ask := range b.asks {
		value, _, _ := b.res.Answer(grid, ask, 0)
		if b.spec.Best == "lowest" {
			value = 1 / value
		}
		switch {
		case math.IsNaN(value):
			continue
		case best < 0:
			best, first, second = i, value, math.NaN()
		case value > first:
			best, first, second = i, value, first
		case !(value <= second):
			second = value
		}
	}
	if best >= 0 && !math.IsNaN(second) {
		margin = first / second
		if first == second { // also where both are 0 or infinite
			margin = 1
		}
	}
	return best, margin
}

func (b *plotter) histogram(at []int, title string) Picture {
	h := &Histogram{Title: b.spec.Title + title, Subtitle: b.subtitle(),
		X: b.outputAxis(b.spec.XLabel, b.spec.XScale)}
	grid := b.res.Plan.Grid(at)
	for _, ask := range b.asks {
		s := b.res.Spread(grid, ask, 0)
		sample := Sample{Name: b.file.Asks[ask].Name, Source: b.source(ask, 0), Values: s.Values}
		if len(s.Values) > 0 {
			sample.Marks = []Mark{{"median", s.P50}}
		}
		if len(b.asks) == 1 && len(s.Values) > 0 {
			sample.Marks = []Mark{{"5 %", s.P5}, {"median", s.P50}, {"95 %", s.P95}}
		}
		h.Series = append(h.Series, sample)
	}
	return h
}

func (b *plotter) tornado(at []int, title string) Picture {
	ask := b.asks[0]
	t := &Tornado{Title: b.spec.Title + title, Subtitle: b.subtitle(),
		X: b.outputAxis(b.spec.XLabel, b.spec.XScale), Source: b.source(ask, 0)}
	for _, s := range b.res.SwingsAt(b.res.Plan.Grid(at), ask, 0) {
		t.Base = s.Base
		t.Bars = append(t.Bars, Bar{Name: s.Param, LowInput: short(s.LowInput),
			HighInput: short(s.HighInput), Low: s.Low, High: s.High, Elasticity: s.Elasticity})
	}
	return t
}
