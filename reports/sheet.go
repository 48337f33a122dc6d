package reports

import (
	"image/color"
	"strings"

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

// bold makes a style heavier, if the format has such a font.
func (d *sheet) bold(s draw.TextStyle) draw.TextStyle {
	if !d.form.noBold {
		s.Font.Weight = xfont.WeightBold
	}
	return s
}

func (d *sheet) text(s draw.TextStyle, x, y vg.Length, text string) {
	d.c.FillText(s, vg.Point{X: x, Y: y}, d.form.text(text))
}

// fit cuts text so that it is at most width wide.
func fit(s draw.TextStyle, text string, width vg.Length) string {
	if text = clean(text); s.Width(text) <= width {
		return text
	}
	r := []rune(text)
	// Text is wider than nothing; halving finds the longest that fits.
	lo, hi := 0, len(r)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if s.Width(string(r[:mid])+"...") <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return strings.TrimRight(string(r[:lo]), " ") + "..."
}

func (d *sheet) fill(c color.Color, x0, y0, x1, y1 vg.Length) {
	d.c.FillPolygon(c, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

func (d *sheet) line(c color.Color, width vg.Length, dashes []vg.Length, pts ...vg.Point) {
	d.c.StrokeLines(draw.LineStyle{Color: c, Width: width, Dashes: dashes}, pts)
}
