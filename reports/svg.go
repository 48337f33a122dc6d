package reports

import (
	"bytes"
	"fmt"
	"html"
	"io"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svgCanvas draws pictures whose text fits whatever font the reader has: few computers have
// Liberation, so fonts of the same measures are named too, and every text says how wide it is.
// Exponents are part of the text that they belong to, so that they follow it in any font.
type svgCanvas struct {
	*vgsvg.Canvas
	texts []svgText // in order
	align draw.XAlignment
}

type svgText struct {
	size, width vg.Length
	attrs       string
	pieces      []piece
}

var (
	_ vg.CanvasWriterTo = (*svgCanvas)(nil)
	_ setter            = (*svgCanvas)(nil)
)

func (c *svgCanvas) set(a draw.XAlignment) { c.align = a }

// FillString also notes the width of the text and what of it is raised or lowered.
func (c *svgCanvas) FillString(f font.Face, at vg.Point, text string) {
	t := svgText{size: f.Font.Size, pieces: pieces(text)}
	for _, p := range t.pieces {
		w := f.Width(p.text)
		if p.up != 0 {
			w *= small
		}
		t.width += w
	}
	switch {
	case c.align < -0.7:
		t.attrs = `text-anchor="end" `
	case c.align < -0.3:
		t.attrs = `text-anchor="middle" `
	}
	if len(t.pieces) > 1 {
		t.attrs += `xml:space="preserve" ` // the space after an exponent
	}
	c.texts, c.align = append(c.texts, t), draw.XLeft
	c.Canvas.FillString(f, at, text)
}

// WriteTo writes what was drawn. The parts that it changes cannot come from text, in which every
// "<" is escaped.
func (c *svgCanvas) WriteTo(w io.Writer) (int64, error) {
	var drawn, out bytes.Buffer
	if _, err := c.Canvas.WriteTo(&drawn); err != nil {
		return 0, err
	}
	const tag = "<text "
	parts := bytes.Split(drawn.Bytes(), []byte(tag))
	out.Write(parts[0])
	for i, part := range parts[1:] {
		fmt.Fprintf(&out, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s`,
			c.texts[i].width.Points(), c.texts[i].attrs)
		before, text, _ := bytes.Cut(part, []byte(">"))
		out.Write(bytes.Replace(before, []byte("font-family:Liberation Sans;"),
			[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"), 1))
		out.WriteString(">")
		c.texts[i].write(&out)
		_, after, _ := bytes.Cut(text, []byte("</text>"))
		out.WriteString("</text>")
		out.Write(after)
	}
	return out.WriteTo(w)
}

// write writes what stands within the element of a text.
func (t *svgText) write(out *bytes.Buffer) {
	var at vg.Length // of the base line, downwards
	for i, p := range t.pieces {
		to, size := vg.Length(0), t.size
		switch p.up {
		case 1:
			to, size = -lift*t.size, small*t.size
		case -1:
			to, size = sink*t.size, small*t.size
		}
		text := html.EscapeString(p.text)
		if i == 0 && p.up == 0 {
			out.WriteString(text)
			continue
		}
		fmt.Fprintf(out, `<tspan dy="%.4g" font-size="%.4gpx">%s</tspan>`, (to - at).Points(),
			size.Points(), text)
		at = to
	}
}
