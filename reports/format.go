package reports

import (
	"bytes"
	"fmt"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is what can be drawn: a timeline, or curves.
type picture interface {
	size() (w, h vg.Length) // in points
	draw(draw.Canvas)
}

// format is a kind of file for pictures.
type format struct {
	name   string
	canvas func(w, h vg.Length, dpi int) vg.CanvasWriterTo

	unkerned bool // the distance of two letters does not depend on which they are
}

var formats = []format{
	{name: "svg", canvas: func(w, h vg.Length, _ int) vg.CanvasWriterTo {
		return &svgCanvas{Canvas: vgsvg.New(w, h)}
	}},
	{name: "png", canvas: func(w, h vg.Length, dpi int) vg.CanvasWriterTo {
		return newPNG(w, h, dpi)
	}},
	{name: "pdf", unkerned: true, canvas: func(w, h vg.Length, _ int) vg.CanvasWriterTo {
		return newPDF(w, h)
	}},
}

func formatOf(name string) (*format, error) {
	if name == "" {
		name = formats[0].name
	}
	for i := range formats {
		if formats[i].name == name {
			return &formats[i], nil
		}
	}
	return nil, fmt.Errorf("no format %q for pictures; there are svg, png and pdf", name)
}

// mostDots is how many million dots a png may have: they take at least four bytes each.
const mostDots = 200

// write draws p; dpi is that of a png.
func (f *format) write(w io.Writer, p picture, dpi int) error {
	width, height := p.size()
	if f.name == "png" {
		scale := float64(dpi) / vg.Inch.Points()
		if dots := width.Points() * height.Points() * scale * scale / 1e6; dots > mostDots {
			return fmt.Errorf("picture as png: it would have %.0f million dots, the most is %d; "+
				"take a smaller width or resolution", dots, mostDots)
		}
	}
	c := f.canvas(width, height, dpi)
	p.draw(draw.New(c))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return fmt.Errorf("picture as %s: %w", f.name, err)
	}
	_, err := buf.WriteTo(w)
	return err
}

// settle fills in the width of a picture in points and the resolution of a png, or says what is
// wrong with them.
func settle(what string, width *float64, least float64, dpi *int) error {
	if *width == 0 {
		*width = 760
	}
	if !(*width >= least && *width <= 4000) {
		return fmt.Errorf("%s: width %g is not within %g and 4000 points", what, *width, least)
	}
	if *dpi == 0 {
		*dpi = 144
	}
	if *dpi < 36 || *dpi > 600 {
		return fmt.Errorf("%s: %d DPI is not within 36 and 600", what, *dpi)
	}
	return nil
}
