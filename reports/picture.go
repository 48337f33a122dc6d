package reports

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// A Picture is a figure of data: it can be drawn, and gives its data. Equal figures give equal
// bytes, on one platform. What they show can be read without colour, at widths from 360 points on.
type Picture interface {
	// Draw draws the figure. The error is [ErrNoPoints] or [ErrBadFigure], or says which option
	// is wrong, or is of w.
	Draw(w io.Writer, opt FigureOptions) error

	// WriteCSV writes the data, exact to the last digit, in one row a point, cell, bin or bar. The
	// error is [ErrBadFigure] or of w.
	WriteCSV(w io.Writer) error
}

var (
	_ Picture = (*Curves)(nil)
	_ Picture = (*Regimes)(nil)
	_ Picture = (*Histogram)(nil)
	_ Picture = (*Tornado)(nil)
)

// ErrNoPoints is returned for a figure of which nothing can be drawn: it has no finite value, or
// on a logarithmic axis none above 0.
var ErrNoPoints = errors.New("the figure has no point that its axes can show")

// ErrBadFigure is returned for a figure whose parts contradict each other, such as lists of unequal
// lengths; what is wrong stands before it.
var ErrBadFigure = errors.New("the figure cannot be drawn as it is")

func badFigure(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadFigure, fmt.Sprintf(format, args...))
}

// FigureOptions is how a figure is drawn.
type FigureOptions struct {
	Format string  // "svg", "png" or "pdf"; empty: svg
	Width  float64 // points of 1/72 inch, 360 to 4000; 0: 760. The height follows from it
	DPI    int     // of a png, 36 to 600; 0: 144
}

// drawFigure settles the options and draws what lay makes for a format and width.
func drawFigure(w io.Writer, opt FigureOptions, lay func(sheet) (picture, error)) error {
	if err := settle("figure", &opt.Width, 360, &opt.DPI); err != nil {
		return err
	}
	form, err := formatOf(opt.Format)
	if err != nil {
		return err
	}
	p, err := lay(newSheet(form, opt.Width))
	if err != nil {
		return err
	}
	return form.write(w, p, opt.DPI)
}

// table writes CSV and keeps the first error.
type table struct {
	out *csv.Writer
	err error
}

func newTable(w io.Writer, head ...string) *table {
	t := &table{out: csv.NewWriter(w)}
	t.row(head...)
	return t
}

func (t *table) row(cells ...string) {
	if t.err == nil {
		t.err = t.out.Write(cells)
	}
}

func (t *table) end() error {
	t.out.Flush()
	if t.err == nil {
		t.err = t.out.Error()
	}
	return t.err
}

// exact is a number to the last digit.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// exactAt is a number of a list, and nothing beyond its end.
func exactAt(list []float64, i int) string {
	if i >= len(list) {
		return ""
	}
	return exact(list[i])
}

// finite is true for what a linear axis can show. Numbers that are larger than all that is ever
// measured count as infinite, so that their differences do not overflow.
func finite(v float64) bool { return math.Abs(v) < 1e300 }

// loggable is true for what a logarithmic axis can show.
func loggable(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
