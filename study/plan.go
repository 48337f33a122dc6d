package study

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/container-football/pitch/model"
)

// An Engine answers questions. Implementations may be asked by several goroutines at once.
type Engine interface {
	// Check says what is wrong with a question, without answering it. The error wraps
	// [model.ErrBadInput], and is a [model.ParamError] where it is about one parameter.
	Check(measure string, p model.Params) error
	// Ask answers it. The answer depends on the arguments alone, not on the number of cores.
	Ask(ctx context.Context, measure string, p model.Params, opt model.Options) (model.Answer, error)
}

// mostCells bounds a study: a journal of so many cells still fits into memory.
const mostCells = 10_000_000

// A Plan is a study with all that follows from its file: which cells there are, and what is asked
// in each.
type Plan struct {
	File    *File
	Columns []string // the inputs of a cell: the axes' parameters, then the uncertain ones

	axes       [][]any
	design     [][]any     // a row of uncertain inputs for each point; one empty row if there are none
	variations []variation // of each cell of the axes, after the points of the design
	engines    map[string]Engine
	known      sync.Map // answers that are the same in several cells, by question
}

// variation is one step of the sensitivity analysis, from the medians of the uncertain inputs.
type variation struct {
	role   string
	input  int // index into File.Uncertain; -1: none
	values []any
}

// Roles of cells: a point of the design, or a variation.
const (
	RolePoint = "point"
	RoleBase  = "base" // all uncertain inputs at their medians
	RoleLow   = "low"  // one of them at its 5 % quantile
	RoleHigh  = "high" // one of them at its 95 % quantile
	RoleDown  = "down" // one of them a step below its median
	RoleUp    = "up"   // one of them a step above its median
)

// A Cell is one combination of inputs.
type Cell struct {
	Index  int
	Role   string
	Varied string // the input that a variation is about
	Inputs []any  // float64, string or bool; parallel to Plan.Columns
}

// Plan lays the cells out and checks that its questions can be asked. fleet makes the engine that
// simulates in virtual time; nil: a study that asks for it is refused.
func (f *File) Plan(fleet func(Fleet) Engine) (*Plan, error) {
	p := &Plan{File: f, engines: map[string]Engine{"best": best{}, "simulation": best{simulate: true}}}
	if fleet != nil {
		p.engines["fleet"] = fleet(f.Fleet)
	}
	cells := 1
	for i := range f.Axes {
		values := f.Axes[i].expand()
		p.axes = append(p.axes, values)
		p.Columns = append(p.Columns, f.Axes[i].Param)
		cells = min(cells*len(values), mostCells+1)
	}
	for i := range f.Uncertain {
		p.Columns = append(p.Columns, f.Uncertain[i].Param)
	}
	p.sample()
	if cells*p.perGrid() > mostCells {
		f.doc.Key("axis", "the axes and the design make more than %d cells", mostCells)
		return nil, f.doc.Err()
	}
	p.check()
	if err := f.doc.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// sample draws the uncertain inputs and lays out their variations.
func (p *Plan) sample() {
	f := p.File
	p.design = [][]any{nil}
	if len(f.Uncertain) == 0 {
		return
	}
	p.design = nil
	for _, u := range f.Design.points(f.Seed, f.Uncertain) {
		row := make([]any, len(u))
		for j := range u {
			row[j] = f.Uncertain[j].quantile(u[j])
		}
		p.design = append(p.design, row)
	}
	if len(f.Sensitivity.Of) == 0 {
		return
	}
	medians := make([]any, len(f.Uncertain))
	for j := range f.Uncertain {
		medians[j] = f.Uncertain[j].quantile(0.5)
	}
	p.variations = []variation{{RoleBase, -1, medians}}
	for j := range f.Uncertain {
		v := &f.Uncertain[j]
		if !slices.Contains(f.Sensitivity.Of, v.Param) {
			continue
		}
		median := medians[j].(float64)
		for _, to := range []struct {
			role string
			at   float64
		}{
			{RoleLow, v.quantile(tails)}, {RoleHigh, v.quantile(1 - tails)},
			{RoleDown, tidy(median * (1 - f.Sensitivity.Step))},
			{RoleUp, tidy(median * (1 + f.Sensitivity.Step))},
		} {
			values := slices.Clone(medians)
			values[j] = to.at
			p.variations = append(p.variations, variation{to.role, j, values})
		}
	}
}

func (p *Plan) perGrid() int { return len(p.design) + len(p.variations) }

// Cells is their number.
func (p *Plan) Cells() int {
	n := p.perGrid()
	for _, values := range p.axes {
		n *= len(values)
	}
	return n
}

// Cell is one of them, within 0..Cells()-1: the last axis varies fastest, and in each combination
// of the axes come first the points of the design, then the variations.
func (p *Plan) Cell(index int) Cell {
	c := Cell{Index: index, Role: RolePoint, Inputs: make([]any, len(p.Columns))}
	inner, grid := index%p.perGrid(), index/p.perGrid()
	for i := len(p.axes) - 1; i >= 0; i-- {
		c.Inputs[i] = p.axes[i][grid%len(p.axes[i])]
		grid /= len(p.axes[i])
	}
	var values []any
	if inner < len(p.design) {
		values = p.design[inner]
	} else {
		v := p.variations[inner-len(p.design)]
		c.Role, values = v.role, v.values
		if v.input >= 0 {
			c.Varied = p.File.Uncertain[v.input].Param
		}
	}
	copy(c.Inputs[len(p.axes):], values)
	return c
}

// Values lists what a column of inputs may be: those of its axis, or nil for an uncertain input,
// which is a number.
func (p *Plan) Values(column int) []any {
	if column < len(p.axes) {
		return p.axes[column]
	}
	return nil
}

// params are those of a question in a cell.
func (p *Plan) params(a *Ask, inputs []any) model.Params {
	out := model.Params{}
	maps.Copy(out, p.File.Params)
	for i, name := range p.Columns {
		out[name] = inputs[i]
	}
	for _, name := range a.Without {
		delete(out, name)
	}
	maps.Copy(out, a.Params)
	return out
}
