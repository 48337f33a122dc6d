package study

import (
	"math"
	"slices"
)

// Rows are in the order of cells, questions and engines, and so each has a fixed place.

// perCell is the number of rows of a cell.
func (p *Plan) perCell() int {
	n := 0
	for i := range p.File.Asks {
		n += len(p.File.Asks[i].Engines)
	}
	return n
}

// Row returns the answer of an engine to a question in a cell of a complete result. engine 0 is
// the first that the question names.
func (r *Result) Row(cell, ask, engine int) *Row {
	at := cell * r.Plan.perCell()
	for i := range ask {
		at += len(r.Plan.File.Asks[i].Engines)
	}
	return &r.Rows[at+engine]
}

// Complete says whether every cell of the study is there: a shard has only some.
func (r *Result) Complete() bool { return len(r.Rows) == r.Plan.Cells()*r.Plan.perCell() }

// Methods are those by which an engine answered a question, in the order of the cells of a complete
// result.
func (r *Result) Methods(ask, engine int) []string {
	var out []string
	for cell := range r.Plan.Cells() {
		if row := r.Row(cell, ask, engine); row.Error == "" && !slices.Contains(out, row.Method) {
			out = append(out, row.Method)
		}
	}
	return out
}

// Failed counts the rows that have no value.
func (r *Result) Failed() int {
	n := 0
	for i := range r.Rows {
		if r.Rows[i].Error != "" {
			n++
		}
	}
	return n
}

// grids is the number of combinations of the axes.
func (p *Plan) grids() int { return p.Cells() / p.perGrid() }

// Grid numbers the combinations of the axes: at holds an index into the values of each.
func (p *Plan) Grid(at []int) int {
	grid := 0
	for i, values := range p.axes {
		grid = grid*len(values) + at[i]
	}
	return grid
}

// Axes are the values of the axes in a cell.
func (p *Plan) Axes(c Cell) []any { return c.Inputs[:len(p.axes)] }

// A Spread is the distribution of an answer over the uncertain inputs, in one combination of the
// axes.
type Spread struct {
	Axes         []any // parallel to the file's axes
	Ask, Engine  int
	Values       []float64 // of all points of the design that have an answer, ascending
	Mean         float64
	P5, P50, P95 float64
	AtMedians    float64 // with all uncertain inputs at their medians; NaN if that was not asked
}

// Spread is the distribution of an answer in one combination of the axes, see [Plan.Grid], of a
// complete result.
func (r *Result) Spread(grid, ask, engine int) Spread {
	p := r.Plan
	first := grid * p.perGrid()
	s := Spread{Axes: p.Axes(p.Cell(first)), Ask: ask, Engine: engine, AtMedians: math.NaN()}
	for i := range p.design {
		if x := float64(r.Row(first+i, ask, engine).Value); !math.IsNaN(x) {
			s.Values = append(s.Values, x)
		}
	}
	if len(p.variations) > 0 {
		s.AtMedians = float64(r.Row(first+len(p.design), ask, engine).Value)
	}
	s.finish()
	return s
}

// Spreads are the distributions of all answers over the uncertain inputs; nil if there are none.
func (r *Result) Spreads() []Spread {
	var out []Spread
	if len(r.Plan.File.Uncertain) > 0 && r.Complete() {
		r.Plan.each(func(grid, ask, engine int) { out = append(out, r.Spread(grid, ask, engine)) })
	}
	return out
}

// each goes through all combinations of the axes, questions and engines.
func (p *Plan) each(f func(grid, ask, engine int)) {
	for grid := range p.grids() {
		for ask := range p.File.Asks {
			for engine := range p.File.Asks[ask].Engines {
				f(grid, ask, engine)
			}
		}
	}
}

// Answer is what a picture shows for one combination of the axes: the value with its interval, or
// with uncertain inputs the median with the 5 % and 95 % quantiles. What is not known is NaN.
func (r *Result) Answer(grid, ask, engine int) (value, low, high float64) {
	if len(r.Plan.File.Uncertain) > 0 {
		s := r.Spread(grid, ask, engine)
		return s.P50, s.P5, s.P95
	}
	row := r.Row(grid, ask, engine)
	return float64(row.Value), float64(row.Low), float64(row.High)
}

func (s *Spread) finish() {
	slices.Sort(s.Values)
	n := len(s.Values)
	s.Mean, s.P5, s.P50, s.P95 = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	if n == 0 {
		return
	}
	s.Mean = 0
	for _, x := range s.Values {
		s.Mean += x / float64(n)
	}
	quantile := func(q float64) float64 { return s.Values[min(n-1, int(q*float64(n)))] }
	s.P5, s.P50, s.P95 = quantile(tails), quantile(0.5), quantile(1-tails)
}

// A Swing is how far one uncertain input moves an answer, in one combination of the axes.
type Swing struct {
	Axes        []any
	Ask, Engine int
	Param       string
	LowInput    float64 // its 5 % quantile
	HighInput   float64 // its 95 % quantile
	Base        float64 // the answer with all inputs at their medians
	Low, High   float64 // the answers with this one at its quantiles
	Elasticity  float64 // d ln answer / d ln input at the medians; NaN if one of them is not above 0
}

// Swings are those of all answers and inputs that the study asks for.
func (r *Result) Swings() []Swing {
	var out []Swing
	if len(r.Plan.variations) > 0 && r.Complete() {
		r.Plan.each(func(grid, ask, engine int) { out = append(out, r.SwingsAt(grid, ask, engine)...) })
	}
	return out
}

// SwingsAt are those of an answer in one combination of the axes of a complete result. The
// variations come after the points of the design: the base, and then four of each input.
func (r *Result) SwingsAt(grid, ask, engine int) []Swing {
	p := r.Plan
	first := grid*p.perGrid() + len(p.design)
	value := func(i int) float64 { return float64(r.Row(first+i, ask, engine).Value) }
	var out []Swing
	for i := 1; i < len(p.variations); i += 4 {
		j := p.variations[i].input
		input := func(i int) float64 { return p.variations[i].values[j].(float64) }
		s := Swing{Axes: p.Axes(p.Cell(first)), Ask: ask, Engine: engine,
			Param: p.File.Uncertain[j].Param, LowInput: input(i), HighInput: input(i + 1),
			Base: value(0), Low: value(i), High: value(i + 1)}
		s.Elasticity = math.Log(value(i+3)/value(i+2)) / math.Log(input(i+3)/input(i+2))
		if math.IsInf(s.Elasticity, 0) {
			s.Elasticity = math.NaN()
		}
		out = append(out, s)
	}
	return out
}

// An Agreement counts how often the answers of two engines can both be right.
type Agreement struct {
	Ask        int
	Engine     string
	Reference  string // the first engine of the question
	Cells      int    // in which both have an answer, and one of them an interval
	Inside     int    // cells in which they differ by no more than the half width of the interval
	Far        int    // cells in which they differ by more than three of them
	Farthest   float64
	FarthestAt int // the cell in which they differ most, in half widths
}

// farAway is how many half widths two answers may differ by before they contradict each other:
// about six standard errors, which chance does not do.
const farAway = 3

// Agreements compares the engines of every question that has several, each with the first.
func (r *Result) Agreements() []Agreement {
	var out []Agreement
	if !r.Complete() {
		return nil
	}
	for ask := range r.Plan.File.Asks {
		for e := 1; e < len(r.Plan.File.Asks[ask].Engines); e++ {
			if a := r.agreement(ask, e); a.Cells > 0 {
				out = append(out, a)
			}
		}
	}
	return out
}

func (r *Result) agreement(ask, engine int) Agreement {
	engines := r.Plan.File.Asks[ask].Engines
	a := Agreement{Ask: ask, Engine: engines[engine], Reference: engines[0]}
	for cell := range r.Plan.Cells() {
		x, y := r.Row(cell, ask, engine), r.Row(cell, ask, 0)
		if x.Error != "" || y.Error != "" || !x.Estimate() && !y.Estimate() {
			continue
		}
		off := apart(x, y)
		a.Cells++
		if off <= 1 {
			a.Inside++
		}
		if !(off <= farAway) {
			a.Far++
		}
		if off > a.Farthest || a.Cells == 1 {
			a.Farthest, a.FarthestAt = off, cell
		}
	}
	return a
}

// apart is how far two answers differ, in half widths of their intervals towards each other, which
// add up like standard errors.
func apart(x, y *Row) float64 {
	if x.Value == y.Value {
		return 0
	}
	if x.Value > y.Value {
		x, y = y, x
	}
	var up, down float64
	if x.Estimate() {
		up = float64(x.High - x.Value)
	}
	if y.Estimate() {
		down = float64(y.Value - y.Low)
	}
	return float64(y.Value-x.Value) / math.Hypot(up, down)
}
