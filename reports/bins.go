package reports

import (
	"math"
	"slices"
)

const (
	maxSeries = 4
	maxMarks  = 6
	maxBins   = 80
)

// bins are those of a histogram.
type bins struct {
	edges   []float64 // one more than there are bins
	counts  [][]int   // of each series
	outside []int     // values of each series that the axis cannot show
	least   float64   // of all values that it can show
	most    float64
}

func (h *Histogram) bins() (*bins, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	e := newExtent()
	b := &bins{}
	at := make([][]float64, len(h.Series)) // values, as the axis counts
	for i, s := range h.Series {
		for _, v := range s.Values {
			if !h.X.shows(v) || !h.X.asked(v) {
				continue
			}
			e.add(v)
			at[i] = append(at[i], h.X.count(v))
		}
		slices.Sort(at[i])
		b.outside = append(b.outside, len(s.Values)-len(at[i]))
	}
	if e.empty() {
		return nil, ErrNoPoints
	}
	b.least, b.most = e.least, e.most
	lo, hi := h.X.count(e.least), h.X.count(e.most)
	if hi-lo <= 1e-9*max(math.Abs(lo), math.Abs(hi)) { // all alike
		half := 0.05
		if h.X.Linear {
			half = max(math.Abs(lo)/20, 0.05)
		}
		lo, hi = lo-half, hi+half
		if h.X.shows(h.X.value(lo)) {
			b.least = h.X.value(lo)
		}
		if h.X.shows(h.X.value(hi)) {
			b.most = h.X.value(hi)
		}
		lo, hi = h.X.count(b.least), h.X.count(b.most)
	}
	n := howMany(at, lo, hi)
	for i := range n + 1 {
		b.edges = append(b.edges, h.X.value(lo+(hi-lo)*float64(i)/float64(n)))
	}
	b.edges[0], b.edges[n] = b.least, b.most // whatever rounding made of them
	for _, list := range at {
		counts := make([]int, n)
		for _, v := range list {
			counts[min(max(int((v-lo)/(hi-lo)*float64(n)), 0), n-1)]++
		}
		b.counts = append(b.counts, counts)
	}
	return b, nil
}

func (h *Histogram) check() error {
	if err := h.X.check("X"); err != nil {
		return err
	}
	if len(h.Series) > maxSeries {
		return badFigure("%d samples; %d can be told apart", len(h.Series), maxSeries)
	}
	for _, s := range h.Series {
		if len(s.Marks) > maxMarks {
			return badFigure("sample %.40q has %d marks; there is room for %d", s.Name,
				len(s.Marks), maxMarks)
		}
	}
	return nil
}

// howMany is the number of bins for sorted samples between lo and hi: as narrow as the sample that
// needs the narrowest asks for.
func howMany(samples [][]float64, lo, hi float64) int {
	most := 1.0
	for _, s := range samples {
		if len(s) == 0 {
			continue
		}
		n := float64(len(s))
		// D. Freedman and P. Diaconis, On the histogram as a density estimator, 1981: the width is
		// twice the distance of the quartiles, over the cube root of the number of values.
		width := 2 * (s[len(s)*3/4] - s[len(s)/4]) / math.Cbrt(n)
		want := (hi - lo) / width
		if !(width > 0) { // half of the values are alike: as many as H. Sturges gives, 1926
			want = math.Log2(n) + 1
		}
		most = max(most, min(math.Ceil(want), maxBins))
	}
	return int(most)
}
