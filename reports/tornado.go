package reports

import (
	"cmp"
	"io"
	"math"
	"slices"
)

// Tornado is how far an output swings when one input at a time goes from its low to its high value.
type Tornado struct {
	Title, Subtitle string
	X               Axis    // the value of the output
	Base            float64 // output at the central inputs
	Source          string  // which formula or method it comes from
	Bars            []Bar   // in any order; drawn by swing, the largest on top
}

// A Bar is the swing that one input causes.
type Bar struct {
	Name                string  // of the input
	LowInput, HighInput string  // its values, with units
	Low, High           float64 // output there; what the axis cannot show is said to have no value
	Elasticity          float64 // d ln output / d ln input at the base; NaN: none
}

// Draw draws the 40 bars of the largest swing; the others are in the data.
func (t *Tornado) Draw(w io.Writer, opt FigureOptions) error {
	if err := t.check(); err != nil {
		return err
	}
	return drawFigure(w, opt, func(s sheet) (picture, error) { return newBars(s, t), nil })
}

// WriteCSV writes a row a bar, the largest swing first.
func (t *Tornado) WriteCSV(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	out := newTable(w, "input", "low_input", "high_input", "low", "high", "base", "elasticity",
		"source")
	for _, b := range t.bySwing() {
		elasticity := ""
		if !math.IsNaN(b.Elasticity) {
			elasticity = exact(b.Elasticity)
		}
		out.row(b.Name, b.LowInput, b.HighInput, exact(b.Low), exact(b.High), exact(t.Base),
			elasticity, t.Source)
	}
	return out.end()
}

func (t *Tornado) check() error {
	if len(t.Bars) == 0 {
		return ErrNoPoints
	}
	if err := t.X.check("X"); err != nil {
		return err
	}
	if !t.X.shows(t.Base) {
		return badFigure("the base is %g, which the axis cannot show", t.Base)
	}
	return nil
}

// swing is the distance of the two ends, as the axis counts.
func (t *Tornado) swing(b Bar) float64 {
	low, high := t.end(b.Low), t.end(b.High)
	return math.Abs(high - low)
}

// end is an end of a bar, as the axis counts; an end that it cannot show lies at the base.
func (t *Tornado) end(v float64) float64 {
	if !t.X.shows(v) {
		v = t.Base
	}
	return t.X.count(v)
}

// bySwing are the bars, the largest swing first.
func (t *Tornado) bySwing() []Bar {
	bars := slices.Clone(t.Bars)
	slices.SortStableFunc(bars, func(a, b Bar) int { return cmp.Compare(t.swing(b), t.swing(a)) })
	return bars
}
