package reports

import (
	"cmp"
	"encoding/csv"
	"errors"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Figure is a set of curves over two logarithmic axes. What it shows can be read without
// colour: every curve ends in its name, and lines differ by dash, weight and marker, too.
type Figure struct {
	Title, Subtitle string // of one line each
	X, Y            Axis
	Curves          []Curve
}

// An Axis is one of the two.
type Axis struct {
	Label    string  // what is counted, and in which unit
	Min, Max float64 // 0: from the data
}

// A Curve is a line through points.
type Curve struct {
	Name   string    // at its end, and in the data
	Source string    // which formula or method it comes from; in the data
	X, Y   []float64 // of equal length; points that are not above 0 are left out

	// Low and High, where given, are an interval around each Y, drawn as a band.
	Low, High []float64

	Group int // 0 to 3: its weight and dash; curves of one kind share it
	Shade int // 0 to 5: its colour and marker, the same for curves that correspond to each other
}

// ErrNoPoints is returned for a figure of which nothing can be drawn on logarithmic axes.
var ErrNoPoints = errors.New("the figure has no point above 0 in both directions")

// FigureOptions is how a figure is drawn.
type FigureOptions struct {
	Format string  // "svg", "png" or "pdf"; empty: svg
	Width  float64 // points of 1/72 inch, 360 to 4000; 0: 760
	DPI    int     // of a png, 36 to 600; 0: 144
}

// Draw draws the figure. The error is [ErrNoPoints], or says which option is wrong, or is of w.
func (f *Figure) Draw(w io.Writer, opt FigureOptions) error {
	if err := settle("figure", &opt.Width, 360, &opt.DPI); err != nil {
		return err
	}
	form, err := formatOf(opt.Format)
	if err != nil {
		return err
	}
	l, err := newLogLog(f, vg.Length(opt.Width), form)
	if err != nil {
		return err
	}
	return form.write(w, l, opt.DPI)
}

// WriteCSV writes the data of the figure, one row a point, exact to the last digit.
func (f *Figure) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"curve", "source", "x", "y", "low", "high"}); err != nil {
		return err
	}
	exact := func(list []float64, i int) string {
		if i >= len(list) {
			return ""
		}
		return strconv.FormatFloat(list[i], 'g', -1, 64)
	}
	for _, c := range f.Curves {
		for i := range c.X {
			if err := out.Write([]string{c.Name, c.Source, exact(c.X, i), exact(c.Y, i),
				exact(c.Low, i), exact(c.High, i)}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// logLog lays a figure out.
type logLog struct {
	sheet
	f                        *Figure
	xAxis, yAxis             decades
	left, right, top, bottom vg.Length // of the panel; top and bottom from the top
	names                    []nameAt
}

// decades is an axis from 10^lo to 10^hi.
type decades struct{ lo, hi float64 }

func (d decades) at(v float64) float64 { return (math.Log10(v) - d.lo) / (d.hi - d.lo) }

// nameAt is the name of a curve beside the panel.
type nameAt struct {
	curve  int
	end, y vg.Length // where the curve ends and where the name stands, from the top
}

const nameStep = 12

func newLogLog(f *Figure, width vg.Length, form *format) (*logLog, error) {
	l := &logLog{f: f}
	l.form, l.width = form, width
	var xs, ys []float64
	var widest vg.Length
	for _, c := range f.Curves {
		for i := range c.X {
			if loggable(c.X[i]) && loggable(c.Y[i]) {
				xs, ys = append(xs, c.X[i]), append(ys, c.Y[i])
			}
		}
		widest = max(widest, style(9, black).Width(clean(c.Name)))
	}
	if len(xs) == 0 {
		return nil, ErrNoPoints
	}
	l.xAxis, l.yAxis = f.X.decades(xs), f.Y.decades(ys)
	// Viewers without our fonts take wider ones, and not all of them heed the width that a text
	// says it has.
	l.left, l.right = edge+48, width-edge-min(widest*1.15, width/3)-20
	l.top = edge + 22
	if f.Subtitle != "" {
		l.top += 14
	}
	l.bottom = l.top + max((l.right-l.left)*0.78, vg.Length(nameStep*(len(f.Curves)+1)))
	l.height = l.bottom + 40 + edge
	l.placeNames()
	return l, nil
}

func loggable(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

func (a Axis) decades(values []float64) decades {
	lo, hi := a.Min, a.Max
	if lo == 0 {
		lo = slices.Min(values)
	}
	if hi == 0 {
		hi = slices.Max(values)
	}
	d := decades{math.Floor(math.Log10(lo) + 1e-9), math.Ceil(math.Log10(hi) - 1e-9)}
	if d.hi <= d.lo {
		d.hi = d.lo + 1
	}
	return d
}

func (l *logLog) point(x, y float64) vg.Point {
	return vg.Point{X: l.left + (l.right-l.left)*vg.Length(l.xAxis.at(x)), Y: l.y(l.vertical(y))}
}

// vertical is the place of a value, from the top, within the panel.
func (l *logLog) vertical(y float64) vg.Length {
	return l.bottom - (l.bottom-l.top)*vg.Length(l.yAxis.at(y))
}

// placeNames gives each curve's name a place of its own as near to the curve's end as the others
// allow: in order from above, pushed down by the one before, and back up from below.
func (l *logLog) placeNames() {
	for i, c := range l.f.Curves {
		for j := len(c.X) - 1; j >= 0; j-- {
			if loggable(c.X[j]) && loggable(c.Y[j]) {
				end := min(max(l.vertical(c.Y[j]), l.top), l.bottom)
				l.names = append(l.names, nameAt{i, end, end})
				break
			}
		}
	}
	slices.SortStableFunc(l.names, func(a, b nameAt) int { return cmp.Compare(a.end, b.end) })
	for i := range l.names {
		if i > 0 {
			l.names[i].y = max(l.names[i].y, l.names[i-1].y+nameStep)
		}
	}
	limit := l.bottom + nameStep/2
	for i := len(l.names) - 1; i >= 0; i-- {
		l.names[i].y = min(l.names[i].y, limit)
		limit = l.names[i].y - nameStep
	}
}

// Colours that differ in lightness and for the colour-blind (Okabe and Ito 2008, darkened).
var shades = []color.NRGBA{
	{0x1a, 0x1a, 0x1a, 0xff}, {0x00, 0x5a, 0x9c, 0xff}, {0xb3, 0x4a, 0x00, 0xff},
	{0x00, 0x7a, 0x5a, 0xff}, {0x8e, 0x3a, 0x73, 0xff}, {0x6b, 0x6b, 0x6b, 0xff},
}

var groups = []struct {
	width  vg.Length
	dashes []vg.Length
	filled bool
}{
	{2.4, nil, true}, {1.1, nil, false}, {1, []vg.Length{5, 3}, false}, {1.2, []vg.Length{1, 2.5}, false},
}

func (l *logLog) draw(c draw.Canvas) {
	l.blank(c)
	l.drawTitles()
	l.drawGrid()
	for i := range l.f.Curves {
		l.drawBand(&l.f.Curves[i])
	}
	for i := range l.f.Curves {
		l.drawCurve(i)
	}
	l.drawFrame()
	l.drawNames()
}

func (l *logLog) drawTitles() {
	l.text(l.bold(style(13, black)), edge, l.y(edge+6), fit(style(13, black), l.f.Title, l.width-2*edge))
	if l.f.Subtitle != "" {
		s := style(9, grey)
		l.text(s, edge, l.y(edge+23), fit(s, l.f.Subtitle, l.width-2*edge))
	}
}

// drawGrid draws a line for each decade, and labels as many as fit.
func (l *logLog) drawGrid() {
	step := every(l.yAxis.hi-l.yAxis.lo, float64((l.bottom-l.top)/18))
	for e := l.yAxis.lo; e <= l.yAxis.hi; e++ {
		y := l.y(l.vertical(math.Pow(10, e)))
		l.line(faint, 0.5, nil, vg.Point{X: l.left, Y: y}, vg.Point{X: l.right, Y: y})
		if math.Mod(e, step) == 0 {
			l.power(l.left-5, y, int(e), draw.XRight)
		}
	}
	step = every(l.xAxis.hi-l.xAxis.lo, float64((l.right-l.left)/40))
	for e := l.xAxis.lo; e <= l.xAxis.hi; e++ {
		x := l.point(math.Pow(10, e), math.Pow(10, l.yAxis.lo)).X
		l.line(faint, 0.5, nil, vg.Point{X: x, Y: l.y(l.top)}, vg.Point{X: x, Y: l.y(l.bottom)})
		if math.Mod(e, step) == 0 {
			l.power(x, l.y(l.bottom+11), int(e), draw.XCenter)
		}
	}
}

// every is of how many decades one gets a label.
func every(decades, room float64) float64 {
	for _, step := range []float64{1, 2, 4, 10, 20, 50} {
		if decades/step <= room {
			return step
		}
	}
	return 100
}

// power writes a power of ten, the near ones in full.
func (l *logLog) power(x, y vg.Length, e int, align draw.XAlignment) {
	s, small := style(9, black), style(6.5, black)
	base, exponent := "10", strconv.Itoa(e)
	if e >= 0 && e <= 4 {
		base, exponent = strconv.Itoa(int(math.Pow(10, float64(e)))), ""
	}
	width := s.Width(base) + small.Width(exponent)
	switch align {
	case draw.XRight:
		x -= width
	case draw.XCenter:
		x -= width / 2
	}
	l.text(s, x, y, base)
	l.text(small, x+s.Width(base), y+3.5, exponent)
}

func (l *logLog) drawFrame() {
	corners := []vg.Point{{X: l.left, Y: l.y(l.top)}, {X: l.right, Y: l.y(l.top)},
		{X: l.right, Y: l.y(l.bottom)}, {X: l.left, Y: l.y(l.bottom)}, {X: l.left, Y: l.y(l.top)}}
	l.line(rule, 0.8, nil, corners...)
	s := style(10, black)
	s.XAlign = draw.XCenter
	l.text(s, (l.left+l.right)/2, l.y(l.bottom+30), l.f.X.Label)
	s.Rotation = math.Pi / 2
	s.YAlign = draw.YTop
	l.text(s, edge-4, l.y((l.top+l.bottom)/2), l.f.Y.Label)
}

// inside clips lines to the panel.
func (l *logLog) inside() draw.Canvas {
	return draw.Canvas{Canvas: l.c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: l.left, Y: l.y(l.bottom)}, Max: vg.Point{X: l.right, Y: l.y(l.top)}}}
}

func (l *logLog) drawBand(c *Curve) {
	if len(c.Low) != len(c.X) || len(c.High) != len(c.X) {
		return
	}
	var up, down []vg.Point
	for i := range c.X {
		if loggable(c.X[i]) && loggable(c.Low[i]) && loggable(c.High[i]) {
			up, down = append(up, l.point(c.X[i], c.High[i])), append(down, l.point(c.X[i], c.Low[i]))
		}
	}
	slices.Reverse(down)
	if len(up) > 0 {
		shade := shades[c.Shade%len(shades)]
		shade.A = 0x30
		clip := l.inside()
		l.c.FillPolygon(shade, clip.ClipPolygonXY(append(up, down...)))
	}
}

func (l *logLog) drawCurve(index int) {
	c := &l.f.Curves[index]
	group, shade := groups[c.Group%len(groups)], shades[c.Shade%len(shades)]
	var points []vg.Point
	for i := range c.X {
		if loggable(c.X[i]) && loggable(c.Y[i]) {
			points = append(points, l.point(c.X[i], c.Y[i]))
		}
	}
	clip := l.inside()
	for _, part := range clip.ClipLinesXY(points) {
		l.line(shade, group.width, group.dashes, part...)
	}
	if c.Group == 3 {
		return // a bare line, such as a limit
	}
	for _, at := range spaced(points, 78, 20+vg.Length(c.Group*26)) {
		if clip.Contains(at) {
			l.marker(at, group.filled, c.Shade, shade)
		}
	}
}

// marker stands for the shade: a shape of its own, solid or hollow.
func (l *logLog) marker(at vg.Point, filled bool, shape int, c color.Color) {
	const r = 3.6
	l.c.FillPolygon(c, corners(at, r, shape))
	if !filled {
		l.c.FillPolygon(color.White, corners(at, r-1.2, shape))
	}
}

// corners are those of a circle, a square, a triangle, a diamond, a hexagon or a triangle on its
// tip, all of about the same area.
func corners(at vg.Point, r vg.Length, shape int) []vg.Point {
	kinds := []struct{ n, turn, size float64 }{
		{24, 0, 1}, {4, 0.5, 1.2}, {3, 0.75, 1.3}, {4, 0, 1.3}, {6, 0, 1.1}, {3, 0.25, 1.3}}
	k := kinds[shape%len(kinds)]
	var out []vg.Point
	for i := range int(k.n) {
		angle := 2 * math.Pi * (float64(i) + k.turn) / k.n
		out = append(out, vg.Point{X: at.X + r*vg.Length(k.size*math.Cos(angle)),
			Y: at.Y + r*vg.Length(k.size*math.Sin(angle))})
	}
	return out
}

// spaced are points along a line, at equal horizontal distances from an offset on.
func spaced(line []vg.Point, step, offset vg.Length) []vg.Point {
	var out []vg.Point
	if len(line) == 0 {
		return nil
	}
	next := line[0].X + offset
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		for ; next <= b.X && b.X > a.X; next += step {
			t := (next - a.X) / (b.X - a.X)
			out = append(out, vg.Point{X: next, Y: a.Y + (b.Y-a.Y)*t})
		}
	}
	return out
}

// drawNames writes each curve's name beside the panel, joined to its end by a thin line, with its
// marker in front.
func (l *logLog) drawNames() {
	for _, n := range l.names {
		c := &l.f.Curves[n.curve]
		shade := shades[c.Shade%len(shades)]
		l.line(rule, 0.5, nil, vg.Point{X: l.right, Y: l.y(n.end)},
			vg.Point{X: l.right + 8, Y: l.y(n.y)})
		x := l.right + 15
		if c.Group != 3 {
			l.marker(vg.Point{X: x, Y: l.y(n.y)}, groups[c.Group%len(groups)].filled, c.Shade, shade)
		}
		s := style(9, shade)
		l.text(s, x+8, l.y(n.y-0.5), fit(s, c.Name, l.width-x-8-2))
	}
}
