package reports

import (
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// pngCanvas sets letters right: the canvas below moves letters that attract each other, such as T
// and a comma, by what is right for text of one size only, so that small text runs together
// (opentype.Face.Kern of golang.org/x/image does not heed the size).
type pngCanvas struct{ vgimg.PngCanvas }

var _ vg.CanvasWriterTo = pngCanvas{}

func newPNG(w, h vg.Length, dpi int) pngCanvas {
	return pngCanvas{vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))}}
}

// FillString draws what stands between two such places at once, each part where it belongs.
func (c pngCanvas) FillString(f font.Face, at vg.Point, text string) {
	from, before := 0, ""
	for i, r := range text {
		letter := string(r)
		attracted := f.Width(before+letter) - f.Width(before) - f.Width(letter)
		if before != "" && math.Abs(float64(attracted)) > 1e-6 {
			c.part(f, at, text, from, i)
			from = i
		}
		before = letter
	}
	c.part(f, at, text, from, len(text))
}

func (c pngCanvas) part(f font.Face, at vg.Point, text string, from, to int) {
	// Up to the first letter of the part, since that is what the one before attracts.
	first := text[from:to]
	for i := range first {
		if i > 0 {
			first = first[:i]
			break
		}
	}
	at.X += f.Width(text[:from]+first) - f.Width(first)
	c.PngCanvas.FillString(f, at, text[from:to])
}
