package reports

import (
	"io"
	"strconv"
)

// Histogram is the distribution of one sample or of a few: outlines over bins that all of them
// share.
type Histogram struct {
	Title, Subtitle string
	X               Axis     // linear or logarithmic; values that it cannot show are counted below
	Series          []Sample // at most four can be told apart
}

// A Sample is a list of values of one kind.
type Sample struct {
	Name   string
	Source string    // which method or inputs it comes from
	Values []float64 // in any order
	Marks  []Mark    // at most six
}

// A Mark is a value that a vertical line points out, such as the median.
type Mark struct {
	Label string // the value is written after it
	At    float64
}

// Draw draws the histogram: the share of each sample, of all its values, that a bin has. The bins
// are equally wide as the axis counts, and as wide as Freedman and Diaconis (1981) give for the
// sample that needs the narrowest, but at most 80.
func (h *Histogram) Draw(w io.Writer, opt FigureOptions) error {
	b, err := h.bins()
	if err != nil {
		return err
	}
	return drawFigure(w, opt, func(s sheet) (picture, error) { return newOutlines(s, h, b), nil })
}

// WriteCSV writes a row a series and bin, the bins as they are drawn. What no bin holds is in rows
// without low and high.
func (h *Histogram) WriteCSV(w io.Writer) error {
	b, err := h.bins()
	if err != nil {
		return err
	}
	t := newTable(w, "series", "source", "low", "high", "count", "share")
	for i, s := range h.Series {
		all := len(s.Values)
		for j, n := range b.counts[i] {
			t.row(s.Name, s.Source, exact(b.edges[j]), exact(b.edges[j+1]), strconv.Itoa(n),
				exact(share(n, all)))
		}
		if n := b.outside[i]; n > 0 {
			t.row(s.Name, s.Source, "", "", strconv.Itoa(n), exact(share(n, all)))
		}
	}
	return t.end()
}

func share(n, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}
