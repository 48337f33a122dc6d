package reports

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// probe is a canvas that notes where text stands, in a font that is wider than ours.
type probe struct {
	w, h  vg.Length
	wider vg.Length
	align draw.XAlignment
	at    []float64 // angles that text is turned by
	texts []probed
}

type probed struct {
	text string
	box  vg.Rectangle
}

func (p *probe) set(a draw.XAlignment)               { p.align = a }
func (p *probe) Size() (w, h vg.Length)              { return p.w, p.h }
func (p *probe) SetLineWidth(vg.Length)              {}
func (p *probe) SetLineDash([]vg.Length, vg.Length)  {}
func (p *probe) SetColor(color.Color)                {}
func (p *probe) Scale(float64, float64)              {}
func (p *probe) Stroke(path vg.Path)                 { p.check(path) }
func (p *probe) Fill(path vg.Path)                   { p.check(path) }
func (p *probe) DrawImage(vg.Rectangle, image.Image) {}
func (p *probe) WriteTo(io.Writer) (int64, error)    { return 0, nil }
func (p *probe) Push()                               { p.at = append(p.at, p.at[len(p.at)-1]) }
func (p *probe) Pop()                                { p.at = p.at[:len(p.at)-1] }
func (p *probe) Rotate(angle float64)                { p.at[len(p.at)-1] += angle }
func (p *probe) Translate(by vg.Point)               { panic("no picture is moved") }

// check panics if anything is drawn at no place at all, or far off the sheet.
func (p *probe) check(path vg.Path) {
	for _, c := range path {
		if x, y := c.Pos.X, c.Pos.Y; !(x > -1 && x < p.w+1 && y > -1 && y < p.h+1) {
			panic(fmt.Sprintf("drawn at %v, off a sheet of %v × %v", c.Pos, p.w, p.h))
		}
	}
}

func (p *probe) FillString(f font.Face, at vg.Point, text string) {
	var w vg.Length
	for _, part := range pieces(text) {
		x := f.Width(part.text)
		if part.up != 0 {
			x *= small
		}
		w += x * p.wider
	}
	left := at.X + w*vg.Length(p.align)
	p.align = draw.XLeft
	size := f.Font.Size
	corner := func(x, y vg.Length) vg.Point {
		sin, cos := math.Sincos(p.at[len(p.at)-1])
		return vg.Point{X: x*vg.Length(cos) - y*vg.Length(sin), Y: x*vg.Length(sin) + y*vg.Length(cos)}
	}
	a, b := corner(left, at.Y-size*0.2), corner(left+w, at.Y+size*0.72)
	p.texts = append(p.texts, probed{text, vg.Rectangle{
		Min: vg.Point{X: min(a.X, b.X), Y: min(a.Y, b.Y)}, Max: vg.Point{X: max(a.X, b.X), Y: max(a.Y, b.Y)}}})
}

// probeFigure draws a figure and returns where its text stands.
func probeFigure(pic Picture, width float64, wider vg.Length) (p *probe, err error) {
	form := &format{name: "probe", canvas: func(w, h vg.Length, _ int) vg.CanvasWriterTo {
		p = &probe{w: w, h: h, wider: wider, at: make([]float64, 1)}
		return p
	}}
	formats = append(formats, *form)
	defer func() { formats = formats[:len(formats)-1] }()
	return p, pic.Draw(io.Discard, FigureOptions{Format: "probe", Width: width})
}

// Labels never touch each other nor leave the sheet, also in fonts that are wider than ours.
func TestLabelsStandApart(t *testing.T) {
	for name, pic := range figures(t) {
		for _, wider := range []vg.Length{1, 1.15} {
			for _, width := range []float64{360, 430, 560, 760, 1500} {
				p, err := probeFigure(pic, width, wider)
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for _, fault := range p.faults() {
					t.Errorf("%s, width %g, font %g: %s", name, width, wider, fault)
				}
			}
		}
	}
}

func (p *probe) faults() (out []string) {
	for i, a := range p.texts {
		if b := a.box; b.Min.X < 0 || b.Min.Y < 0 || b.Max.X > p.w || b.Max.Y > p.h {
			out = append(out, fmt.Sprintf("%q leaves the sheet: %v of %v × %v", a.text, b, p.w, p.h))
		}
		for _, b := range p.texts[:i] {
			if touch(a.box, b.box) {
				out = append(out, fmt.Sprintf("%q at %v touches %q at %v", a.text, a.box, b.text, b.box))
			}
		}
	}
	return out
}
