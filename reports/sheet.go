package reports

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	black  = color.NRGBA{0x1a, 0x1a, 0x1a, 0xff}
	grey   = color.NRGBA{0x5c, 0x5c, 0x5c, 0xff}
	rule   = color.NRGBA{0x9a, 0x9a, 0x9a, 0xff}
	faint  = color.NRGBA{0xe6, 0xe6, 0xe6, 0xff}
	lost   = color.NRGBA{0xb3, 0x26, 0x1e, 0xff}
	good   = color.NRGBA{0x00, 0x6d, 0x4b, 0xff}
	unsure = color.NRGBA{0x8a, 0x5a, 0x00, 0xff}
)

// sheet is what every picture is drawn on. Vertical places are counted from the top until they are
// drawn.
type sheet struct {
	form          *format
	c             draw.Canvas
	width, height vg.Length
}

func newSheet(form *format, width float64) sheet {
	return sheet{form: form, width: vg.Length(width)}
}

func (d *sheet) size() (w, h vg.Length) { return d.width, d.height }

// blank begins a picture on a white ground.
func (d *sheet) blank(c draw.Canvas) {
	d.c = c
	d.fill(color.White, 0, 0, d.width, d.height)
}

// y is the vertical place of what is counted from the top.
func (d *sheet) y(fromTop vg.Length) vg.Length { return d.height - fromTop }

// style is a text style of this size in points, starting at the left of the base line.
func style(size float64, c color.Color) draw.TextStyle {
	return draw.TextStyle{Color: c, Handler: plot.DefaultTextHandler, YAlign: draw.YCenter,
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}}
}

// bold makes a style heavier.
func bold(s draw.TextStyle) draw.TextStyle {
	s.Font.Weight = xfont.WeightBold
	return s
}

func (d *sheet) fill(c color.Color, x0, y0, x1, y1 vg.Length) {
	d.c.FillPolygon(c, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func (d *sheet) line(c color.Color, width vg.Length, dashes []vg.Length, pts ...vg.Point) {
	d.c.StrokeLines(draw.LineStyle{Color: c, Width: width, Dashes: dashes}, pts)
}

// across and upright draw lines, box a frame; places are counted from the top.
func (d *sheet) across(x0, x1, y vg.Length, c color.Color, width vg.Length) {
	d.line(c, width, nil, vg.Point{X: x0, Y: d.y(y)}, vg.Point{X: x1, Y: d.y(y)})
}

func (d *sheet) upright(x, y0, y1 vg.Length, c color.Color, width vg.Length) {
	d.line(c, width, nil, vg.Point{X: x, Y: d.y(y0)}, vg.Point{X: x, Y: d.y(y1)})
}

func (d *sheet) box(x0, y0, x1, y1 vg.Length, c color.Color, width vg.Length) {
	a, b := d.y(y0), d.y(y1)
	d.line(c, width, nil, vg.Point{X: x0, Y: a}, vg.Point{X: x1, Y: a}, vg.Point{X: x1, Y: b},
		vg.Point{X: x0, Y: b}, vg.Point{X: x0, Y: a})
}
