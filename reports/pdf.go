package reports

import (
	"image/color"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
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

// latin turns text into the one-byte code that the fonts of a PDF use, as far as Latin-1 goes.
func latin(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r < 0x80 || r > 0xa0 && r <= 0xff:
			b.WriteByte(byte(r))
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
