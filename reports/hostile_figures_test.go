package reports

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// dice make figures of whatever bytes there are; beyond their end all is 0.
type dice struct{ bytes []byte }

func (d *dice) next() int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b)
}

func (d *dice) upTo(n int) int { return d.next() % (n + 1) }
func (d *dice) coin() bool     { return d.next()%2 == 1 }

var nasty = []float64{0, -1, 1, math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, 1e-310, math.MaxFloat64,
	-math.MaxFloat64, 1e300, 9.99e299, 1e15, 1e15 + 1, 1 + 1e-15, 1e-9, 0.1, -1e-300}

func (d *dice) value() float64 {
	if n := d.next(); n < len(nasty)*2 {
		return nasty[n/2]
	}
	return math.Pow(10, float64(d.next())/20-6) * (1 + float64(d.next())/256)
}

func (d *dice) values(n int) (out []float64) {
	for range n {
		out = append(out, d.value())
	}
	return out
}

func (d *dice) text() string {
	return []string{"", "name", hostile, strings.Repeat("long ", d.upTo(60)), "x²₃", strings.Repeat("w", d.upTo(90)),
		"10⁻⁷ ⌈x⌉ ∈ λ", "   ", "two words"}[d.upTo(8)]
}

func (d *dice) axis() Axis {
	a := Axis{Label: d.text(), Linear: d.coin()}
	if d.upTo(3) == 0 {
		a.Min = d.value()
	}
	if d.upTo(3) == 0 {
		a.Max = d.value()
	}
	return a
}

func (d *dice) figure() Picture {
	title, sub := d.text(), d.text()
	switch d.upTo(3) {
	case 0:
		f := &Curves{Title: title, Subtitle: sub, X: d.axis(), Y: d.axis()}
		for range d.upTo(12) {
			n := d.upTo(9)
			c := Curve{Name: d.text(), Source: d.text(), X: d.values(n), Y: d.values(n), Points: d.coin(),
				Bare: d.upTo(5) == 0, Group: d.upTo(4), Shade: d.upTo(7)}
			if d.coin() {
				c.Low, c.High = d.values(n), d.values(n)
				for i := range c.Low {
					if d.next() > 10 && c.Low[i] > c.High[i] {
						c.Low[i], c.High[i] = c.High[i], c.Low[i]
					}
				}
			}
			f.Curves = append(f.Curves, c)
		}
		return f
	case 1:
		return d.regimes(title, sub)
	case 2:
		h := &Histogram{Title: title, Subtitle: sub, X: d.axis()}
		for range d.upTo(4) {
			s := Sample{Name: d.text(), Source: d.text(), Values: d.values(d.upTo(60))}
			for range d.upTo(6) {
				s.Marks = append(s.Marks, Mark{d.text(), d.value()})
			}
			h.Series = append(h.Series, s)
		}
		return h
	default:
		t := &Tornado{Title: title, Subtitle: sub, X: d.axis(), Base: d.value(), Source: d.text()}
		for range d.upTo(45) {
			t.Bars = append(t.Bars, Bar{d.text(), d.text(), d.text(), d.value(), d.value(), d.value()})
		}
		return t
	}
}

func (d *dice) regimes(title, sub string) *Regimes {
	r := &Regimes{Title: title, Subtitle: sub, X: d.axis(), Y: d.axis(), TieFactor: d.value()}
	ascend := func(n int) (out []float64) {
		at := math.Abs(d.value())
		for range n {
			out = append(out, at)
			at = at*(1+float64(d.next())/100) + 0.001
		}
		return out
	}
	r.XAt, r.YAt = ascend(d.upTo(14)), ascend(d.upTo(14))
	for range d.upTo(9) {
		r.Names, r.Sources = append(r.Names, d.text()), append(r.Sources, d.text())
	}
	for range d.upTo(4) {
		n := d.upTo(5)
		r.Lines = append(r.Lines, Line{d.text(), d.text(), d.values(n), d.values(n)})
	}
	nx, ny := len(r.XAt), len(r.YAt)
	r.Winner, r.Tie, r.Margin = grid[int](nx, ny), grid[bool](nx, ny), grid[float64](nx, ny)
	for j := range ny {
		for i := range nx {
			r.Winner[j][i] = d.upTo(len(r.Names)) - 1
			r.Tie[j][i] = d.upTo(4) == 0
			if r.Margin[j][i] = d.value(); d.next() > 1 {
				r.Margin[j][i] = math.Abs(r.Margin[j][i]) + 1
			}
		}
	}
	return r
}

// tryFigure draws what the bytes say: it must come to an end, either with an error that says what
// is wrong, or with a picture whose labels stand apart.
func tryFigure(t *testing.T, data []byte, width float64) {
	pic := (&dice{data}).figure()
	csv := pic.WriteCSV(io.Discard)
	p, err := probeFigure(pic, width, 1.1)
	if err != nil {
		if !errors.Is(err, ErrNoPoints) && !errors.Is(err, ErrBadFigure) {
			t.Errorf("%+v: %v", pic, err)
		}
		return
	}
	if csv != nil {
		t.Errorf("%+v is drawn, but its data are not written: %v", pic, csv)
	}
	for _, fault := range p.faults() {
		t.Errorf("width %g: %s in %+.1000v", width, fault, pic)
	}
}

func FuzzFigures(f *testing.F) {
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, data []byte, width uint16) { tryFigure(t, data, 360+float64(width%1141)) })
}

// drawEverywhere is about the canvases: they get what the probe gets, and must carry it.
func drawEverywhere(t *testing.T, pic Picture) {
	t.Helper()
	for _, format := range []string{"svg", "png", "pdf"} {
		var b bytes.Buffer
		if err := pic.Draw(&b, FigureOptions{Format: format, Width: 400, DPI: 40}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if format == "svg" {
			if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
				t.Errorf("%+.500v: a place that is no number", pic)
			}
			wellFormed(t, &b)
		}
	}
}

func TestRandomFigures(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	n := 250
	if testing.Short() {
		n = 100
	}
	drawn := 0
	for i := range n {
		data := make([]byte, 1+r.IntN(3000))
		for k := range data {
			data[k] = byte(r.Uint32())
		}
		if i%2 == 0 { // sound values, for figures that are drawn
			for k := range data {
				data[k] |= 0x40
			}
		}
		tryFigure(t, data, 360+r.Float64()*1140)
		if _, err := probeFigure((&dice{data}).figure(), 760, 1); err == nil {
			drawn++
			if drawn%10 == 0 {
				drawEverywhere(t, (&dice{data}).figure())
			}
		}
		if t.Failed() {
			t.Fatalf("figure %d", i)
		}
	}
	if drawn < n/10 {
		t.Errorf("only %d of %d were drawn", drawn, n)
	}
}

// Every two hostile numbers together, as data and as ends of axes.
func TestNastyNumbers(t *testing.T) {
	for _, a := range nasty {
		for _, b := range nasty {
			for _, x := range []Axis{{Min: a}, {Max: b, Linear: true}} {
				two := []float64{a, b}
				one := [][]int{{0}}
				for _, pic := range []Picture{
					&Curves{X: x, Y: x, Curves: []Curve{{X: two, Y: two, Points: true}}},
					&Curves{X: x, Curves: []Curve{{X: []float64{1, 2}, Y: two}}},
					&Regimes{X: x, XAt: two[:1], YAt: two[1:], Names: []string{"a"}, Winner: one},
					&Histogram{X: x, Series: []Sample{{Values: two, Marks: []Mark{{"m", b}}}}},
					&Tornado{X: x, Base: a, Bars: []Bar{{"n", "1", "2", b, a, b}}},
				} {
					p, err := probeFigure(pic, 360, 1.1)
					if err == nil && len(p.faults()) > 0 {
						t.Errorf("%+v: %v", pic, p.faults())
					}
				}
			}
		}
	}
}
