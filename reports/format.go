package reports

import (
	"bytes"
	"fmt"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// format is a kind of file for pictures.
type format struct {
	name   string
	canvas func(w, h vg.Length, dpi int) vg.CanvasWriterTo
	text   func(string) string // makes text that fonts of this format can show
	noBold bool                // the PDF canvas looks bold fonts up under a name they do not have
}

var formats = []format{
	{name: "svg", text: clean, canvas: func(w, h vg.Length, _ int) vg.CanvasWriterTo {
		return &svgCanvas{Canvas: vgsvg.New(w, h)}
	}},
	{name: "png", text: clean, canvas: func(w, h vg.Length, dpi int) vg.CanvasWriterTo {
		return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))}
	}},
	{name: "pdf", text: latin, noBold: true, canvas: func(w, h vg.Length, _ int) vg.CanvasWriterTo {
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
	return nil, fmt.Errorf("timeline: no format %q; there are svg, png and pdf", name)
}

func (f *format) write(w io.Writer, d *drawing) error {
	width, height := d.size()
	c := f.canvas(width, height, d.opt.DPI)
	d.draw(draw.New(c))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return fmt.Errorf("timeline: %s: %w", f.name, err)
	}
	_, err := buf.WriteTo(w)
	return err
}
