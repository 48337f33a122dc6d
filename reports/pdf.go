package reports

import (
	"image/color"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgpdf"
)

// pdfCanvas keeps colours that shine through as light as they are: the canvas below takes the
// components that color.Color multiplies with alpha, and then applies alpha again.
type pdfCanvas struct{ *vgpdf.Canvas }

var _ vg.CanvasWriterTo = pdfCanvas{}

func newPDF(w, h vg.Length) pdfCanvas {
	settlePDF()
	return pdfCanvas{vgpdf.New(w, h)}
}

// SetColor sets the colour of lines, fills and text.
func (c pdfCanvas) SetColor(clr color.Color) {
	if n, ok := clr.(color.NRGBA); ok {
		clr = straight(n)
	}
	c.Canvas.SetColor(clr)
}

// straight is a colour whose components are not multiplied with alpha.
type straight color.NRGBA

// RGBA returns 16 bits of each component.
func (c straight) RGBA() (r, g, b, a uint32) {
	return uint32(c.R) * 0x101, uint32(c.G) * 0x101, uint32(c.B) * 0x101, uint32(c.A) * 0x101
}

// settlePDF makes equal pictures equal files: without the time at which they were made, and
// with resources in order. The library has such defaults only for all documents together.
var settlePDF = sync.OnceFunc(func() {
	fpdf.SetDefaultCatalogSort(true)
	fpdf.SetDefaultCreationDate(time.Unix(0, 0).UTC())
	fpdf.SetDefaultModificationDate(time.Unix(0, 0).UTC())
})

// FillString draws a text: as text where the one font that the canvas below can embed has all of
// it, whose letters are of one byte, and else as outlines, such as what is bold or has an integral.
func (c pdfCanvas) FillString(f font.Face, at vg.Point, text string) {
	coded, ok := windows(text)
	if !ok || f.Font.Weight == xfont.WeightBold {
		c.outlines(f, at, text)
		return
	}
	c.Canvas.FillString(f, at, coded)
}

// windows turns text into the code page 1252; false if that lacks a letter.
func windows(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		at := strings.IndexRune(above, r)
		switch {
		case r < 0x80 || r >= 0xa0 && r <= 0xff:
			b.WriteByte(byte(r))
		case r == '−': // no one can tell it from a dash
			b.WriteByte(0x96)
		case at >= 0:
			b.WriteByte(byte(0x80 + len([]rune(above[:at]))))
		default:
			return "", false
		}
	}
	return b.String(), true
}

// above are the letters from 0x80 on; a space is none.
const above = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"

// outlines fills the shapes of the letters.
func (c pdfCanvas) outlines(f font.Face, at vg.Point, text string) {
	var buf sfnt.Buffer
	units := fixed.Int26_6(f.Face.UnitsPerEm()) // so that a unit of the font is a unit here
	scale := f.Font.Size / vg.Length(units)
	done := ""
	for _, r := range text {
		glyph, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		from := vg.Point{X: at.X + f.Width(done), Y: at.Y}
		done += string(r)
		segments, err := f.Face.LoadGlyph(&buf, glyph, units, nil)
		if err != nil || len(segments) == 0 {
			continue
		}
		place := func(p fixed.Point26_6) vg.Point {
			return from.Add(vg.Point{X: vg.Length(p.X) * scale, Y: -vg.Length(p.Y) * scale})
		}
		var path vg.Path
		for i, s := range segments {
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if i > 0 {
					path.Close()
				}
				path.Move(place(s.Args[0]))
			case sfnt.SegmentOpLineTo:
				path.Line(place(s.Args[0]))
			case sfnt.SegmentOpQuadTo:
				path.QuadTo(place(s.Args[0]), place(s.Args[1]))
			case sfnt.SegmentOpCubeTo:
				path.CubeTo(place(s.Args[0]), place(s.Args[1]), place(s.Args[2]))
			}
		}
		path.Close()
		c.Fill(path)
	}
}
