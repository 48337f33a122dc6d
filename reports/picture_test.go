package reports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// With PITCH_REPORTS_OUT the pictures stay there, in three widths, to be looked at.
func TestPicturesAreSoundInEveryFormatAndAlwaysTheSame(t *testing.T) {
	for name, pic := range figures(t) {
		for _, format := range []string{"svg", "png", "pdf"} {
			keepFigure(t, name, format, pic)
			var one, two bytes.Buffer
			for _, w := range []*bytes.Buffer{&one, &two} {
				if err := pic.Draw(w, FigureOptions{Format: format, Width: 500, DPI: 40}); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			if !bytes.Equal(one.Bytes(), two.Bytes()) {
				t.Errorf("%s.%s: two drawings differ", name, format)
			}
			switch format {
			case "svg":
				wellFormed(t, &one)
			case "png":
				if im, err := png.Decode(&one); err != nil || im.Bounds().Dx() != 278 {
					t.Errorf("%s: %v", name, err)
				}
			case "pdf":
				if b := one.Bytes(); !bytes.HasPrefix(b, []byte("%PDF-")) ||
					!bytes.HasSuffix(bytes.TrimSpace(b), []byte("%%EOF")) {
					t.Errorf("%s: no PDF", name)
				}
			}
		}
	}
}

func keepFigure(t *testing.T, name, format string, pic Picture) {
	t.Helper()
	dir := os.Getenv("PITCH_REPORTS_OUT")
	for _, width := range []float64{360, 760, 1500} {
		if dir == "" {
			continue
		}
		var b bytes.Buffer
		if err := pic.Draw(&b, FigureOptions{Format: format, Width: width}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("%s-%g.%s", name, width, format))
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// small figures, one of each kind, as goldens.
func smallFigures() map[string]Picture {
	regimes := contest(9, 8, Axis{Label: "n, units"}, Axis{Label: "p", Linear: true}, 1, 1e3, 0.1, 0.8,
		[]string{"sharding", "big cluster"}, func(n int, x, y float64) float64 {
			return []float64{x * y, 40 * y * y}[n]
		})
	regimes.Title, regimes.Sources = "Who loses least", []string{"n·p", "40·p²"}
	return map[string]Picture{
		"curves": &Curves{Title: "Loss", Subtitle: "exact and estimated", X: Axis{Label: "n"},
			Y: Axis{Label: "probability", Linear: true}, Curves: []Curve{
				{Name: "exact", Source: "1−(1−p)ⁿ", X: []float64{1, 10, 100}, Y: []float64{0.1, 0.2, 0.5}},
				{Name: "10³ draws", Source: "Monte Carlo", X: []float64{1, 10, 100}, Points: true, Group: 1,
					Y: []float64{0.12, 0.19, 0.5}, Low: []float64{0.1, 0.17, 0.45}, High: []float64{0.14, 0.2, 0.6}},
			}},
		"regimes": regimes,
		"histogram": &Histogram{Title: "Two samples", X: Axis{Label: "hours"}, Series: []Sample{
			{Name: "a", Source: "drawn", Values: []float64{1, 2, 2, 3, 3, 3, 4, 5, 9}, Marks: []Mark{{"median", 3}}},
			{Name: "b", Source: "measured", Values: []float64{2, 4, 6, 7, 7, 8, -1}}}},
		"tornado": &Tornado{Title: "Inputs", X: Axis{Label: "loss"}, Base: 2e-5, Source: "p²", Bars: []Bar{
			{"repair", "6 h", "2 d", 1e-5, 8e-5, 1}, {"rate", "1 %", "2 %", 1.8e-5, 2.4e-5, math.NaN()}}},
	}
}

func TestPictureGoldens(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors may round the last digit of a place otherwise")
	}
	for name, pic := range smallFigures() {
		var svg, data bytes.Buffer
		if err := errors.Join(pic.Draw(&svg, FigureOptions{Width: 360}), pic.WriteCSV(&data)); err != nil {
			t.Fatal(err)
		}
		golden(t, "figure-"+name+".svg", svg.Bytes())
		golden(t, "figure-"+name+".csv", data.Bytes())
	}
}

// What a picture shows can be read without colour: looks differ in more than that.
func TestLooksDifferWithoutColour(t *testing.T) {
	var lights []float64
	for _, look := range append(slices.Clone(regimeLooks), tieLook, unknownLook) {
		c := look.ground // lightness as in CIELAB, from the luminance of sRGB
		linear := func(v uint8) float64 { return math.Pow((float64(v)/255+0.055)/1.055, 2.4) }
		y := 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
		lights = append(lights, 116*math.Cbrt(y)-16)
	}
	regimes := slices.Clone(lights[:len(regimeLooks)])
	slices.Sort(regimes)
	for i := 1; i < len(regimes); i++ {
		if regimes[i]-regimes[i-1] < 4 || regimes[0] < 60 {
			t.Errorf("lightnesses %.1f are dark or too near each other", regimes)
			break
		}
	}
	kinds := map[string]bool{}
	for _, look := range append(slices.Clone(regimeLooks), tieLook, unknownLook) {
		kind := strings.Join([]string{exact(float64(look.step)), exact(float64(len(look.dashes))),
			exact(float64(look.cross)), joinFloats(look.lines)}, " ")
		if kinds[kind] {
			t.Errorf("two looks have the hatching %s", kind)
		}
		kinds[kind] = true
	}
	many := curveFigures()["many"]
	looks, err := many.looks()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[curveLook]bool{}
	for _, l := range looks {
		if seen[l] {
			t.Errorf("two curves look like %+v", l)
		}
		seen[l] = true
	}
	many.Curves = append(many.Curves, Curve{Name: "one more"})
	if err := many.Draw(io.Discard, FigureOptions{}); !errors.Is(err, ErrBadFigure) ||
		!strings.Contains(err.Error(), "24 lines and 24 sets of points can be told apart") {
		t.Errorf("25 curves: %v", err)
	}
}

func joinFloats(list []float64) (out string) {
	for _, v := range list {
		out += exact(v) + ","
	}
	return out
}

func TestBadFiguresSayWhy(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	cell := func(change func(*Regimes)) *Regimes {
		r := &Regimes{XAt: []float64{1, 2}, YAt: []float64{1}, Names: []string{"a"}, Winner: [][]int{{0, 0}}}
		change(r)
		return r
	}
	nine := contest(9, 1, Axis{}, Axis{}, 1, 9, 1, 1, strings.Split("abcdefghi", ""), func(n int, x, _ float64) float64 {
		return math.Abs(math.Log10(x)*8/math.Log10(9) - float64(n))
	})
	for want, pic := range map[string]Picture{
		"curve \"a\" has 1 X and 0 Y":          &Curves{Curves: []Curve{{Name: "a", X: []float64{1}}}},
		"1 X, 1 Low and 0 High":                &Curves{Curves: []Curve{{X: []float64{1}, Y: []float64{1}, Low: []float64{1}}}},
		"an interval from 2 to 1":              &Curves{Curves: []Curve{{X: []float64{1}, Y: []float64{1}, Low: []float64{2}, High: []float64{1}}}},
		"group -1":                             &Curves{Curves: []Curve{{Group: -1}}},
		"the X axis cannot reach from 2 to 1":  &Curves{X: Axis{Min: 2, Max: 1}},
		"the Y axis cannot reach from -1 to 0": &Curves{Y: Axis{Min: -1}},
		"to NaN":                               &Histogram{X: Axis{Max: nan}},
		"XAt[1] is 1 after 2: not ascending":   cell(func(r *Regimes) { r.XAt = []float64{2, 1} }),
		"YAt[0] is -1, which its axis":         cell(func(r *Regimes) { r.YAt[0] = -1 }),
		"YAt[0] is NaN":                        cell(func(r *Regimes) { r.YAt[0] = nan }),
		"Winner has 0 rows for 1 values":       cell(func(r *Regimes) { r.Winner = nil }),
		"Tie[0] has 0 cells for 2":             cell(func(r *Regimes) { r.Tie = [][]bool{nil} }),
		"Margin[0] has 3 cells for 2":          cell(func(r *Regimes) { r.Margin = [][]float64{{1, 2, 3}} }),
		"Margin[0][1] is 0.5, below 1":         cell(func(r *Regimes) { r.Margin = [][]float64{{inf, 0.5}} }),
		"Winner[0][1] is 1, of 1 names":        cell(func(r *Regimes) { r.Winner[0][1] = 1 }),
		"2 sources for 1 names":                cell(func(r *Regimes) { r.Sources = []string{"", ""} }),
		"TieFactor is NaN":                     cell(func(r *Regimes) { r.TieFactor = nan }),
		"9 contestants win somewhere; 8 can":   nine,
		"5 samples; 4 can be told apart":       &Histogram{Series: make([]Sample, 5)},
		"has 7 marks; there is room for 6":     &Histogram{Series: []Sample{{Marks: make([]Mark, 7)}}},
		"the base is 0, which the axis cannot": &Tornado{Bars: make([]Bar, 1)},
	} {
		for _, err := range []error{pic.Draw(io.Discard, FigureOptions{}), pic.WriteCSV(io.Discard)} {
			if !errors.Is(err, ErrBadFigure) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, expected %s", err, want)
			}
		}
	}
	for name, pic := range map[string]Picture{"curves": &Curves{}, "regimes": &Regimes{},
		"histogram": &Histogram{}, "tornado": &Tornado{},
		"values": &Histogram{Series: []Sample{{Values: []float64{nan, inf, 0}}}},
		"limits": &Curves{X: Axis{Min: 5}, Curves: []Curve{{X: []float64{1}, Y: []float64{1}}}}} {
		if err := pic.Draw(io.Discard, FigureOptions{}); !errors.Is(err, ErrNoPoints) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestABigPNGIsRefused(t *testing.T) {
	err := smallFigures()["curves"].Draw(io.Discard, FigureOptions{Format: "png", Width: 4000, DPI: 600})
	if err == nil || !strings.Contains(err.Error(), "million") {
		t.Errorf("%v", err)
	}
}

// Every value is in one bin, the bins are equally wide, and the shares are of all values.
func TestBinsHoldWhatTheyShould(t *testing.T) {
	for name, h := range histogramFigures() {
		var data bytes.Buffer
		if err := h.WriteCSV(&data); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&data).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, row := range rows[1:] {
			n, err := strconv.Atoi(row[4])
			if err != nil {
				t.Fatal(err)
			}
			found[row[0]] += n
			if row[2] == "" {
				continue
			}
			low, _ := strconv.ParseFloat(row[2], 64)
			high, _ := strconv.ParseFloat(row[3], 64)
			for _, s := range h.Series {
				if s.Name != row[0] {
					continue
				}
				in := 0
				for _, v := range s.Values {
					if v >= low && v < high || v == high && row[3] == rows[len(rows)-1][3] {
						in++
					}
				}
				// A value at an edge may be on either side of it after a logarithm.
				if in < n-1 || in > n+1 || row[5] != exact(share(n, len(s.Values))) {
					t.Errorf("%s: %v, but %d values are there", name, row, in)
				}
			}
		}
		for _, s := range h.Series {
			if found[s.Name] != len(s.Values) {
				t.Errorf("%s, %s: %d values of %d", name, s.Name, found[s.Name], len(s.Values))
			}
		}
	}
}

func TestTheTornadoIsSortedBySwing(t *testing.T) {
	log := tornadoFigures()["log"]
	var names []string
	for _, b := range log.bySwing() {
		names = append(names, strings.Fields(b.Name)[0])
	}
	if got := strings.Join(names, " "); got != "scatter nodes annual hours not latent capacity nothing infinite" {
		t.Error(got)
	}
}

// A label stands in the largest part of its area, all of it.
func TestNamesStandWithinTheirAreas(t *testing.T) {
	for name, r := range regimeFigures() {
		m := newRegimeMap(newSheet(&formats[0], 600), r)
		for _, n := range m.names {
			w, h := boxOf(bold(style(n.size, black)), n.lines)
			i, okX := slot(m.xs, n.x)
			j, okY := slot(m.ys, n.y)
			if !okX || !okY {
				t.Errorf("%s: %v is off the map", name, n.lines)
				continue
			}
			a := m.won(m.winner(i, j))
			for _, x := range []vg.Length{n.x - w/2, n.x + w/2} {
				for _, y := range []vg.Length{n.y - h/2, n.y + h/2} {
					if !a.contains(x, y) {
						t.Errorf("%s: %v reaches beyond its area", name, n.lines)
					}
				}
			}
		}
	}
}
