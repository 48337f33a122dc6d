package reports

import (
	"bytes"
	"fmt"
	"io"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svgCanvas draws pictures whose text fits whatever font the reader has: few computers have
// Liberation, so fonts of the same measures are named too, and every text says how wide it is.
type svgCanvas struct {
	*vgsvg.Canvas
	widths []vg.Length // of the texts, in order
}

var _ vg.CanvasWriterTo = (*svgCanvas)(nil)

// FillString also notes the width of the text.
func (c *svgCanvas) FillString(f font.Face, at vg.Point, text string) {
	c.widths = append(c.widths, f.Width(text))
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
		fmt.Fprintf(&out, `<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" `,
			c.widths[i].Points())
		before, text, _ := bytes.Cut(part, []byte(">"))
		out.Write(bytes.Replace(before, []byte("font-family:Liberation Sans;"),
			[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"), 1))
		out.WriteString(">")
		out.Write(text)
	}
	return out.WriteTo(w)
}
