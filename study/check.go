package study

import (
	"errors"
	"slices"
	"strings"

	"github.com/container-football/pitch/internal/strict"
	"github.com/container-football/pitch/model"
)

// mostTried bounds how many values of an axis are tried before a run.
const mostTried = 64

// check asks the engines whether the questions make sense, so that a misspelling is found before
// hours of work. Some combinations of a grid may be impossible, such as more failures than nodes;
// so a question is wrong only if it is in the first cell and in the last, and a value of an axis
// only if it is beside the first values of the other axes and beside the last.
func (p *Plan) check() {
	first, last := p.Cell(0), p.Cell(p.Cells()-1)
	if last.Role != RolePoint { // the variations of the last combination lie beside its points
		last = p.Cell(p.Cells() - len(p.variations) - 1)
	}
	for i := range p.File.Asks {
		a := &p.File.Asks[i]
		path := strict.Index("ask", i)
		if _, err := model.Find(a.Measure); err != nil {
			p.File.doc.Value(path+".measure", "%s", plain(err))
			continue
		}
		for j, name := range a.Engines {
			engine := p.engines[name]
			if engine == nil {
				p.File.doc.Value(strict.Index(path+".engines", j), "the engine %q is not available here", name)
				continue
			}
			err := engine.Check(a.Measure, p.params(a, first.Inputs))
			if err != nil && engine.Check(a.Measure, p.params(a, last.Inputs)) != nil {
				p.complain(path, a, err)
				continue
			}
			p.checkAxes(a, engine, first.Inputs, last.Inputs)
		}
	}
}

func (p *Plan) checkAxes(a *Ask, engine Engine, first, last []any) {
	for i, values := range p.axes {
		if slices.Contains(a.Without, p.Columns[i]) {
			continue
		}
		for at := 0; at < len(values); at += 1 + len(values)/mostTried {
			wrong := func(beside []any) error {
				inputs := slices.Clone(beside)
				inputs[i] = values[at]
				err := engine.Check(a.Measure, p.params(a, inputs))
				var pe *model.ParamError
				if errors.As(err, &pe) && pe.Name == p.Columns[i] {
					return err
				}
				return nil
			}
			if err := wrong(first); err != nil && wrong(last) != nil {
				p.File.doc.Value(p.valuePath(i, at), "%s asks %s: %s", a.Name, a.Measure, plain(err))
				break
			}
		}
	}
}

// valuePath is where a value of an axis stands, or comes from.
func (p *Plan) valuePath(axis, value int) string {
	path := strict.Index("axis", axis)
	switch {
	case p.File.Axes[axis].Values != nil:
		return strict.Index(path+".values", value)
	case value == 0:
		return path + ".from"
	}
	return path + ".to"
}

// complain puts what is wrong with a question where it can be mended.
func (p *Plan) complain(path string, a *Ask, err error) {
	doc, f := p.File.doc, p.File
	var pe *model.ParamError
	if !errors.As(err, &pe) {
		doc.Value(path+".measure", "%s: %s", a.Measure, plain(err))
		return
	}
	where := path + ".measure"
	switch {
	case a.Params[pe.Name] != nil:
		where = path + ".params." + pe.Name
	case f.Params[pe.Name] != nil:
		where = "params." + pe.Name
	default:
		for i := range f.Axes {
			if f.Axes[i].Param == pe.Name {
				where = p.valuePath(i, 0)
			}
		}
		for i := range f.Uncertain {
			if f.Uncertain[i].Param == pe.Name {
				where = strict.Index("uncertain", i) + ".param"
			}
		}
	}
	doc.Value(where, "%s asks %s: %s", a.Name, a.Measure, plain(err))
}

// plain is the text of an error without the words "bad input": the complaint says that already.
func plain(err error) string {
	return strings.TrimPrefix(err.Error(), model.ErrBadInput.Error()+": ")
}
