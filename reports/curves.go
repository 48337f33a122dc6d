package reports

import (
	"io"
	"math"
)

// Curves is a set of curves over two axes. What it shows can be read without colour: every curve
// ends in its name, and lines differ by dash, weight and marker, too.
type Curves struct {
	Title, Subtitle string
	X, Y            Axis
	Curves          []Curve
}

// A Curve is a line through points, in their order.
type Curve struct {
	Name   string    // at its end, and in the data
	Source string    // which formula or method it comes from; below the picture, and in the data
	X, Y   []float64 // of equal length; where an axis cannot show a point, the line has a gap

	// Low and High, where given, are an interval around each Y, drawn as a band, or as error bars.
	// Where one of the two is NaN there is none. An interval whose lower end a logarithmic axis
	// cannot show reaches down to the axis, even if it cannot show Y either.
	Low, High []float64

	Points bool // markers with error bars only, for estimates laid over exact lines
	Bare   bool // a line without markers, such as one with points laid over it

	Group int // weight, dash and filling; curves of one kind share it. There are 4
	Shade int // colour and marker, for curves that correspond to each other. There are 6
}

// Draw draws the curves. Those that would look like an earlier one, and those whose group or shade
// is beyond what there is, get the next look that is free; [ErrBadFigure] is returned if there is
// none, which is beyond 24 lines or 24 sets of points.
func (f *Curves) Draw(w io.Writer, opt FigureOptions) error {
	if err := f.check(); err != nil {
		return err
	}
	return drawFigure(w, opt, func(s sheet) (picture, error) { return newChart(s, f) })
}

// WriteCSV writes a row a point, also of those that the axes cannot show.
func (f *Curves) WriteCSV(w io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	t := newTable(w, "curve", "source", "x", "y", "low", "high")
	for _, c := range f.Curves {
		for i := range c.X {
			t.row(c.Name, c.Source, exact(c.X[i]), exact(c.Y[i]), exactAt(c.Low, i),
				exactAt(c.High, i))
		}
	}
	return t.end()
}

func (f *Curves) check() error {
	if err := f.X.check("X"); err != nil {
		return err
	}
	if err := f.Y.check("Y"); err != nil {
		return err
	}
	for _, c := range f.Curves {
		if len(c.Y) != len(c.X) {
			return badFigure("curve %.40q has %d X and %d Y", c.Name, len(c.X), len(c.Y))
		}
		if len(c.Low) != len(c.High) || len(c.Low) != 0 && len(c.Low) != len(c.X) {
			return badFigure("curve %.40q has %d X, %d Low and %d High", c.Name, len(c.X),
				len(c.Low), len(c.High))
		}
		for i := range c.Low {
			if c.Low[i] > c.High[i] {
				return badFigure("curve %.40q has an interval from %g to %g", c.Name, c.Low[i],
					c.High[i])
			}
		}
		if c.Group < 0 || c.Shade < 0 {
			return badFigure("curve %.40q has group %d and shade %d", c.Name, c.Group, c.Shade)
		}
	}
	_, err := f.looks()
	return err
}

// curveLook is how a curve is told from the others.
type curveLook struct {
	group, shade int
	points       bool
	bare         bool // a line without markers, such as a limit: the only one of its group
}

// looks are those of the curves, in their order, no two alike.
func (f *Curves) looks() ([]curveLook, error) {
	taken := map[curveLook]bool{}
	out := make([]curveLook, len(f.Curves))
	last := 0 // curves of the last group
	for i, c := range f.Curves {
		l := curveLook{group: c.Group, shade: c.Shade % len(shades), points: c.Points}
		// Another group of the same shade comes first: the shade says what corresponds.
		for tries := 0; l.group >= len(groups) || taken[l]; tries++ {
			l.group++
			if l.group >= len(groups) {
				l.group = 0
			}
			if tries > 0 && tries%len(groups) == 0 {
				l.shade = (l.shade + 1) % len(shades)
			}
			if tries > len(groups)*(len(shades)+1) {
				return nil, badFigure("%d curves: %d lines and %d sets of points can be told apart",
					len(f.Curves), len(groups)*len(shades), len(groups)*len(shades))
			}
		}
		taken[l] = true
		if l.group == bareGroup {
			last++
		}
		out[i] = l
	}
	for i := range out {
		out[i].bare = f.Curves[i].Bare || out[i].group == bareGroup && last == 1 && !out[i].points
	}
	return out, nil
}

// interval is that of a point; false if it has none.
func (c *Curve) interval(i int) (low, high float64, ok bool) {
	if i >= len(c.Low) || math.IsNaN(c.Low[i]) || math.IsNaN(c.High[i]) {
		return 0, 0, false
	}
	return c.Low[i], c.High[i], true
}

// reach is what both axes of a figure have to show.
type reach struct{ xLeast, xMost, yLeast, yMost float64 }

// reach is that of the points within the ends that the axes were given, with their intervals. The
// error is ErrNoPoints.
func (f *Curves) reach() (reach, error) {
	xs, ys := newExtent(), newExtent()
	var bounds []float64
	for _, c := range f.Curves {
		for i := range c.X {
			if !f.X.shows(c.X[i]) || !f.X.asked(c.X[i]) {
				continue
			}
			if low, high, ok := c.interval(i); ok {
				bounds = append(bounds, low, high)
				if f.Y.shows(high) && !f.Y.shows(c.Y[i]) && f.Y.asked(high) {
					xs.add(c.X[i])
					ys.add(high)
				}
			}
			if f.Y.shows(c.Y[i]) && f.Y.asked(c.Y[i]) {
				xs.add(c.X[i])
				ys.add(c.Y[i])
			}
		}
	}
	if xs.empty() {
		return reach{}, ErrNoPoints
	}
	// Intervals count, too, but one that reaches decades down must not flatten all else.
	least, most := ys.least/100, ys.most*100
	for _, v := range bounds {
		if f.Y.shows(v) && f.Y.asked(v) && (f.Y.Linear || v >= least && v <= most) {
			ys.add(v)
		}
	}
	return reach{xs.least, xs.most, ys.least, ys.most}, nil
}
