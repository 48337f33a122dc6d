package reports_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/container-football/pitch/reports"
)

func curve(t *testing.T, f *reports.Curves, name string) reports.Curve {
	t.Helper()
	for _, c := range f.Curves {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no curve %q", name)
	return reports.Curve{}
}

// at is the value of a curve at x.
func at(t *testing.T, c reports.Curve, x float64) float64 {
	t.Helper()
	for i := range c.X {
		if c.X[i] == x {
			return c.Y[i]
		}
	}
	t.Fatalf("%s has no point at %g", c.Name, x)
	return 0
}

// The shapes that the figure of the guide has.
func TestTheSeedFigureHasTheShapesOfTheGuide(t *testing.T) {
	f := reports.SeedFigure(t)
	names := []string{"k = 1", "k = 2", "k = 3", "k = 4"}
	limit := curve(t, f, "limit: all down")
	for i, k := range names {
		shards, big := curve(t, f, "shards; exact weighted, "+k), curve(t, f, "BigCluster, "+k)
		// Shards: straight, slope 1, 1/p apart.
		for j := range shards.X {
			if want := shards.X[j] * math.Pow(1e-4, float64(i)); math.Abs(shards.Y[j]/want-1) > 1e-9 {
				t.Errorf("shards, %s at %g: %g, expected %g", k, shards.X[j], shards.Y[j], want)
			}
		}
		// BigCluster: the same servers at n = 1, never below the shards, never above the limit.
		if a, b := at(t, big, 1), at(t, shards, 1); math.Abs(a/b-1) > 1e-9 {
			t.Errorf("%s at n = 1: %g and %g", k, a, b)
		}
		for j := range big.X {
			if big.Y[j] < shards.Y[j]*(1-1e-9) || big.Y[j] > limit.Y[j] {
				t.Errorf("BigCluster, %s at %g: %g is not between %g and %g", k, big.X[j], big.Y[j],
					shards.Y[j], limit.Y[j])
			}
		}
		// n·C(kn,k)·p^k at first, which is slope k+1 from n ≈ 10 on.
		slope := math.Log10(at(t, big, 100)/at(t, big, 10)) - float64(i+2)
		if slope > 0.25 || slope < -0.3 {
			t.Errorf("BigCluster, %s: slope off by %g", k, slope)
		}
		// Near n = 1/p all have merged with the limit.
		if share := at(t, big, 10000) / at(t, limit, 10000); share < 0.56 || share > 0.64 {
			t.Errorf("BigCluster, %s at 10,000: %g of the limit", k, share)
		}
	}
	// What the guide prints for n = 1, k = 3 is half of what it must be there.
	if x := at(t, curve(t, f, "weighted as printed, k = 3"), 1); math.Abs(x/5e-9-1) > 1e-9 {
		t.Errorf("as printed: %g", x)
	}
}

// With s = 1, each mount counts: n times as much everywhere.
func TestMountpointsAreNTimesTheServices(t *testing.T) {
	services, mounts := reports.SeedFigure(t), reports.SeedFigure(t, "s = 0", "s = 1")
	for i, c := range services.Curves {
		for j, n := range c.X {
			if y := mounts.Curves[i].Y[j]; math.Abs(y/(c.Y[j]*n)-1) > 1e-9 {
				t.Errorf("%s at %g: %g and %g", c.Name, n, c.Y[j], y)
			}
		}
	}
}

func TestAFigureIsDrawnInEveryFormatAndAlwaysTheSame(t *testing.T) {
	f := reports.SeedFigure(t)
	for format, magic := range map[string]string{"svg": "<?xml", "png": "\x89PNG", "pdf": "%PDF"} {
		var one, two bytes.Buffer
		for _, w := range []*bytes.Buffer{&one, &two} {
			if err := f.Draw(w, reports.FigureOptions{Format: format}); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.HasPrefix(one.String(), magic) || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: %d bytes, begins %q", format, one.Len(), one.String()[:min(5, one.Len())])
		}
	}
	var svg bytes.Buffer
	if err := f.Draw(&svg, reports.FigureOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Curves { // every curve can be told by its name
		if n := strings.Count(svg.String(), ">"+c.Name+"<"); n != 1 {
			t.Errorf("%s: its name stands there %d times", c.Name, n)
		}
	}
}

func TestTheDataOfAFigureIsExact(t *testing.T) {
	f := reports.SeedFigure(t, "[1, 2, 3, 4]", "[1, 2]", "10_000\npoints", "20\npoints")
	var b bytes.Buffer
	if err := f.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	i := 1
	for _, c := range f.Curves {
		for j := range c.X {
			y, err := strconv.ParseFloat(rows[i][3], 64)
			if err != nil || rows[i][0] != c.Name || rows[i][1] != c.Source || y != c.Y[j] {
				t.Errorf("row %d: %v, expected %s %v %v", i, rows[i], c.Name, c.X[j], c.Y[j])
			}
			i++
		}
	}
	if i != len(rows) {
		t.Errorf("%d rows, expected %d", len(rows), i)
	}
}

func TestAFigureThatCannotBeDrawnSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		f    reports.Curves
		opt  reports.FigureOptions
		want string
	}{
		"nothing":   {reports.Curves{}, reports.FigureOptions{}, "no point that its axes can show"},
		"zeros":     {reports.Curves{Curves: []reports.Curve{{X: []float64{1}, Y: []float64{0}}}}, reports.FigureOptions{}, "no point that its axes can show"},
		"infinite":  {reports.Curves{Curves: []reports.Curve{{X: []float64{1}, Y: []float64{math.Inf(1)}}}}, reports.FigureOptions{}, "no point that its axes can show"},
		"a format":  {reports.Curves{}, reports.FigureOptions{Format: "gif"}, `no format "gif"`},
		"too small": {reports.Curves{}, reports.FigureOptions{Width: 10}, "width 10 is not within 360 and 4000"},
		"NaN":       {reports.Curves{}, reports.FigureOptions{Width: math.NaN()}, "is not within 360 and 4000"},
		"DPI":       {reports.Curves{}, reports.FigureOptions{DPI: 10000}, "10000 DPI is not within"},
	} {
		err := c.f.Draw(&bytes.Buffer{}, c.opt)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %s", name, err, c.want)
		}
	}
}

// A figure with one point, intervals, and names as long as a page must not break.
func TestHostileFigures(t *testing.T) {
	for _, c := range []reports.Curve{
		{Name: "one point", X: []float64{3}, Y: []float64{7}},
		{Name: strings.Repeat("long ", 400), X: []float64{1, 10}, Y: []float64{1e-300, 1e300}},
		{Name: "<b>&\x00", X: []float64{1, 10, 100}, Y: []float64{1, math.NaN(), 3},
			Low: []float64{0.5, 1, 2}, High: []float64{2, 3, math.Inf(1)}},
	} {
		f := reports.Curves{Title: c.Name, Subtitle: c.Name, Curves: []reports.Curve{c, c, c}}
		for _, format := range []string{"svg", "png", "pdf"} {
			var b bytes.Buffer
			if err := f.Draw(&b, reports.FigureOptions{Format: format, DPI: 36, Width: 400}); err != nil {
				t.Errorf("%.10s as %s: %v", c.Name, format, err)
			}
		}
	}
}
