package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// regimeMap lays a map of regimes out. Rows of cells count from the top, other than in the data.
type regimeMap struct {
	plate
	r      *Regimes
	xs, ys []vg.Length      // edges of the cells, from the left and from the top
	looks  map[int]hatching // of those who win somewhere
	wins   []int            // who they are, in order
	names  []regimeName
	lines  []contourLine
	taken  []vg.Rectangle // by text, from the top
}

// regimeName is a name within the area, or the letter that stands for it.
type regimeName struct {
	lines []string
	size  float64
	x, y  vg.Length // of the middle
}

type contourLine struct {
	points []vg.Point // from the top
	label  string
	at     vg.Point
}

func newRegimeMap(s sheet, r *Regimes) *regimeMap {
	m := &regimeMap{plate: newPlate(s, r.Title, r.Subtitle), r: r, looks: map[int]hatching{}}
	x, edgesX := cellEdges(r.XAt, r.X)
	y, edgesY := cellEdges(r.YAt, r.Y)
	m.setY(y, (m.right-edge-46)*0.74)
	m.setX(x)
	for _, at := range edgesX {
		m.xs = append(m.xs, m.alongX(x.place(at)))
	}
	for _, at := range slices.Backward(edgesY) {
		m.ys = append(m.ys, m.alongY(y.place(at)))
	}
	m.setLooks()
	letters := m.placeNames()
	m.placeContours()
	m.explain(letters)
	m.close()
	return m
}

// cellEdges are the edges of cells, as the axis counts, and the ruler that spans them.
func cellEdges(at []float64, a Axis) (ruler, []float64) {
	var c, edges []float64
	for _, v := range at {
		c = append(c, a.count(v))
	}
	half := 0.5 // of a decade, or of a unit, if there is but one cell
	if a.Linear {
		half = max(0.5, math.Abs(c[0])/10)
	}
	n := len(c)
	for i := 1; i < n; i++ {
		edges = append(edges, c[i-1]+(c[i]-c[i-1])/2)
	}
	if n == 1 {
		edges = []float64{c[0] - half, c[0] + half}
	} else {
		edges = append([]float64{2*c[0] - edges[0]}, append(edges, 2*c[n-1]-edges[n-2])...)
	}
	r := ruler{Axis: a, lo: edges[0], hi: edges[len(edges)-1]}
	return r, edges
}

// winner is who wins a cell, by its place on the sheet.
func (m *regimeMap) winner(i, j int) int { return m.r.Winner[len(m.r.YAt)-1-j][i] }

func (m *regimeMap) tie(i, j int) bool {
	return m.winner(i, j) >= 0 && m.r.tie(i, len(m.r.YAt)-1-j)
}

// area is where something is true.
func (m *regimeMap) area(in func(i, j int) bool) lattice { return lattice{m.xs, m.ys, in} }

// won is the area of a winner; -1: where nobody could be computed.
func (m *regimeMap) won(n int) lattice {
	return m.area(func(i, j int) bool { return m.winner(i, j) == n })
}

func (m *regimeMap) tied() lattice { return m.area(m.tie) }

// setLooks gives winners the looks of their places among the names, so that maps of the same
// contestants look alike, as far as there are as many looks as names.
func (m *regimeMap) setLooks() {
	for _, row := range m.r.Winner {
		for _, n := range row {
			if n >= 0 && !slices.Contains(m.wins, n) {
				m.wins = append(m.wins, n)
			}
		}
	}
	slices.Sort(m.wins)
	for k, n := range m.wins {
		if len(m.r.Names) <= len(regimeLooks) {
			k = n
		}
		m.looks[n] = regimeLooks[k]
	}
}

// placeNames writes each name into the largest part of its area, in the largest of a few sizes
// that fits, and returns the letters that stand for names that do not fit, by winner.
func (m *regimeMap) placeNames() map[int]string {
	letters := map[int]string{}
	for k, n := range m.wins {
		a := m.won(n)
		mask := a.largest()
		if mask == nil {
			continue
		}
		r := newRaster(&a, mask)
		if m.placeName(r, m.r.Names[n]) {
			continue
		}
		if letter := string(rune('A' + k)); m.placeName(r, letter) {
			letters[n] = letter
		}
	}
	return letters
}

func (m *regimeMap) placeName(r *raster, name string) bool {
	for _, size := range []float64{10, 9, 8} {
		s := bold(style(size, black))
		whole := room(s, name)
		for parts := range 3 {
			lines := wrapTo(s, name, whole/vg.Length(parts+1)*1.2, 4)
			if len(lines) != parts+1 || strings.HasSuffix(lines[parts], "…") {
				continue
			}
			w, h := boxOf(s, lines)
			if x, y, ok := r.place(w+6, h+6); ok {
				m.names = append(m.names, regimeName{lines, size, x, y})
				m.taken = append(m.taken, around(x, y, w, h))
				return true
			}
		}
	}
	return false
}

// boxOf is what lines of text need.
func boxOf(s draw.TextStyle, lines []string) (w, h vg.Length) {
	for _, line := range lines {
		w = max(w, room(s, line))
	}
	return w + 4, vg.Length(len(lines))*s.Font.Size*1.2 + 2
}

func around(x, y, w, h vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: x - w/2, Y: y - h/2},
		Max: vg.Point{X: x + w/2, Y: y + h/2}}
}

func touch(a, b vg.Rectangle) bool {
	return a.Min.X < b.Max.X && b.Min.X < a.Max.X && a.Min.Y < b.Max.Y && b.Min.Y < a.Max.Y
}

// explain fills the key with everybody's share of the map, and the notes with sources.
func (m *regimeMap) explain(letters map[int]string) {
	whole := (m.right - m.left) * (m.bottom - m.top)
	part := func(a lattice) string {
		var sum vg.Length
		for j := range len(a.ys) - 1 {
			for i := range len(a.xs) - 1 {
				if a.in(i, j) {
					sum += a.size(i, j)
				}
			}
		}
		return percent(float64(sum / whole))
	}
	patch := func(h hatching) func(x0, x1, y vg.Length) {
		return func(x0, x1, y vg.Length) { m.patch(h, x0, y-5, x1, y+5) }
	}
	var losers []string
	for n, name := range m.r.Names {
		if _, ok := m.looks[n]; !ok {
			losers = append(losers, name)
			continue
		}
		if letters[n] != "" {
			name = letters[n] + ": " + name
		}
		m.key.add(fmt.Sprintf("%s, %s of the map", name, part(m.won(n))), patch(m.looks[n]))
	}
	if share := part(m.tied()); share != percent(0) {
		m.key.add(fmt.Sprintf("runner-up within ×%s, %s of the map", brief(m.r.TieFactor), share),
			patch(tieLook))
	}
	if share := part(m.won(-1)); share != percent(0) {
		m.key.add("nobody could be computed, "+share+" of the map", patch(unknownLook))
	}
	if len(m.lines) > 0 {
		m.key.add("how many times better than the runner-up", func(x0, x1, y vg.Length) {
			m.across(x0, x1, y, contourInk, contourWidth)
		})
	}
	for i, l := range m.r.Lines {
		m.key.add(l.Name, func(x0, x1, y vg.Length) {
			m.line(guideInk, guideWidth, guideDashes[i], vg.Point{X: x0, Y: m.y(y)},
				vg.Point{X: x1, Y: m.y(y)})
		})
	}
	for _, l := range m.r.Lines {
		if l.Source != "" {
			m.notes.add(l.Name + ": " + l.Source)
		}
	}
	if len(losers) > 0 {
		m.notes.add("Nowhere the best: " + strings.Join(losers, ", "))
	}
	m.noteSources()
}

func (m *regimeMap) noteSources() {
	for n, source := range m.r.Sources {
		if slices.Index(m.r.Sources, source) != n {
			continue
		}
		var marks []func(vg.Point)
		for k, other := range m.r.Sources {
			if look, ok := m.looks[k]; ok && other == source {
				marks = append(marks, func(at vg.Point) {
					m.patch(look, at.X-3.6, m.height-at.Y-3, at.X+3.6, m.height-at.Y+3)
				})
			}
		}
		if len(marks) == 0 || source == "" {
			continue
		}
		m.notes.add(source, marks...)
	}
}

// percent writes a share so that only nothing is 0 % and only all is 100 %.
func percent(share float64) string {
	switch p := math.Round(share * 100); {
	case share == 0:
		return "0 %"
	case p == 0:
		return "< 1 %"
	case p == 100 && share < 1-1e-9:
		return "> 99 %"
	default:
		return fmt.Sprintf("%g %%", p)
	}
}
