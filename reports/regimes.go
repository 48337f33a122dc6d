package reports

import (
	"io"
	"math"
	"strconv"
)

// Regimes is a map over two parameters of who wins where: cells of one winner form areas, which
// differ in lightness and hatching and bear the winner's name.
type Regimes struct {
	Title, Subtitle string
	X, Y            Axis      // Min and Max are not heeded: the axes span the cells
	XAt, YAt        []float64 // centres of the cells, ascending

	Names   []string // contestants
	Sources []string // of each, which formula or method it comes from; empty, or as many as Names

	Winner [][]int     // [y][x]: index into Names; -1: nobody could be computed
	Tie    [][]bool    // [y][x]: the runner-up is within the tie factor; nil: nowhere
	Margin [][]float64 // [y][x]: winner over runner-up, from 1 on; NaN: none; nil: no contours

	TieFactor float64 // what the legend says of ties, such as 1.1

	Lines []Line // over the map, at most three
}

// A Line is a guide over a map, such as a limit of what is possible.
type Line struct {
	Name   string
	Source string    // which formula or method it comes from
	X, Y   []float64 // of equal length; points that an axis cannot show are left out
}

// maxRegimes is how many winners can be told apart by lightness and hatching.
var maxRegimes = len(regimeLooks)

// Draw draws the map. An edge between cells lies halfway between their centres, as the axis
// counts. The legend gives the share of the map that each contestant wins, by area as drawn. At
// most eight contestants may win somewhere.
func (r *Regimes) Draw(w io.Writer, opt FigureOptions) error {
	if err := r.check(); err != nil {
		return err
	}
	return drawFigure(w, opt, func(s sheet) (picture, error) { return newRegimeMap(s, r), nil })
}

// WriteCSV writes a row a cell. Where nobody could be computed the winner is empty. Lines follow,
// one row a point, with the name in place of a winner and no margin.
func (r *Regimes) WriteCSV(w io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	t := newTable(w, "x", "y", "winner", "source", "tie", "margin")
	for j, y := range r.YAt {
		for i, x := range r.XAt {
			var winner, source, tie, margin string
			if n := r.Winner[j][i]; n >= 0 {
				winner, tie = r.Names[n], strconv.FormatBool(r.tie(i, j))
				if len(r.Sources) > 0 {
					source = r.Sources[n]
				}
			}
			if r.Margin != nil {
				margin = exact(r.Margin[j][i])
			}
			t.row(exact(x), exact(y), winner, source, tie, margin)
		}
	}
	for _, l := range r.Lines {
		for i := range l.X {
			t.row(exact(l.X[i]), exact(l.Y[i]), l.Name, l.Source, "", "")
		}
	}
	return t.end()
}

func (r *Regimes) tie(i, j int) bool { return r.Tie != nil && r.Tie[j][i] }

// check says which of the lists contradict each other.
func (r *Regimes) check() error {
	if len(r.XAt) == 0 || len(r.YAt) == 0 {
		return ErrNoPoints
	}
	if err := ascending("XAt", r.XAt, r.X); err != nil {
		return err
	}
	if err := ascending("YAt", r.YAt, r.Y); err != nil {
		return err
	}
	if n := len(r.Sources); n != 0 && n != len(r.Names) {
		return badFigure("%d sources for %d names", n, len(r.Names))
	}
	if err := square(r, "Winner", r.Winner); err != nil {
		return err
	}
	if err := square(r, "Tie", r.Tie); r.Tie != nil && err != nil {
		return err
	}
	if err := square(r, "Margin", r.Margin); r.Margin != nil && err != nil {
		return err
	}
	wins := make([]bool, len(r.Names))
	winners := 0
	for j := range r.Winner {
		for i, n := range r.Winner[j] {
			if n < -1 || n >= len(r.Names) {
				return badFigure("Winner[%d][%d] is %d, of %d names", j, i, n, len(r.Names))
			}
			if n >= 0 && !wins[n] {
				wins[n] = true
				winners++
			}
			if r.Margin != nil && r.Margin[j][i] < 1 {
				return badFigure("Margin[%d][%d] is %g, below 1", j, i, r.Margin[j][i])
			}
		}
	}
	if winners > maxRegimes {
		return badFigure("%d contestants win somewhere; %d can be told apart", winners, maxRegimes)
	}
	if len(r.Lines) > len(guideDashes) {
		return badFigure("%d lines; %d can be told apart", len(r.Lines), len(guideDashes))
	}
	for _, l := range r.Lines {
		if len(l.X) != len(l.Y) {
			return badFigure("line %s has %d X and %d Y", l.Name, len(l.X), len(l.Y))
		}
	}
	if math.IsNaN(r.TieFactor) || math.IsInf(r.TieFactor, 0) {
		return badFigure("TieFactor is %g", r.TieFactor)
	}
	return nil
}

// ascending checks the centres of cells along an axis.
func ascending(what string, at []float64, a Axis) error {
	for i, v := range at {
		if !a.shows(v) {
			return badFigure("%s[%d] is %g, which its axis cannot show", what, i, v)
		}
		if i > 0 && v <= at[i-1] {
			return badFigure("%s[%d] is %g after %g: not ascending", what, i, v, at[i-1])
		}
	}
	return nil
}

// square checks that a list has a row a cell along y, each with a value a cell along x.
func square[T any](r *Regimes, what string, rows [][]T) error {
	if len(rows) != len(r.YAt) {
		return badFigure("%s has %d rows for %d values of YAt", what, len(rows), len(r.YAt))
	}
	for j := range rows {
		if len(rows[j]) != len(r.XAt) {
			return badFigure("%s[%d] has %d cells for %d values of XAt", what, j, len(rows[j]),
				len(r.XAt))
		}
	}
	return nil
}
