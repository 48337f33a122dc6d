package reports

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	contourWidth = 0.7
	borderWidth  = 1.8
	fewCells     = 8 // along an axis: with fewer, lines between them would be guesses
)

var (
	contourInk = color.NRGBA{0x38, 0x38, 0x38, 0xff}
	guideInk   = color.NRGBA{0x8e, 0x3a, 0x00, 0xff}
	halo       = color.NRGBA{0xff, 0xff, 0xff, 0xd8}
)

func (m *regimeMap) draw(c draw.Canvas) {
	m.blank(c)
	m.drawHead()
	unknown := m.won(-1)
	m.ground(unknownLook.ground, unknown)
	m.hatch(unknownLook, unknown, vg.Point{})
	for _, n := range m.wins {
		m.ground(m.looks[n].ground, m.won(n))
		// Ties have a hatching of their own.
		clear := m.area(func(i, j int) bool { return m.winner(i, j) == n && !m.tie(i, j) })
		m.hatch(m.looks[n], clear, vg.Point{})
	}
	m.ground(tieLook.ground, m.tied())
	m.hatch(tieLook, m.tied(), vg.Point{})
	m.drawContours()
	m.drawBorders()
	m.drawLines()
	for _, n := range m.names {
		m.drawName(n)
	}
	m.drawAxes()
	m.drawKey()
	m.drawNotes()
}

// drawBorders draws the lines between cells of different winners, those in one line at once.
func (m *regimeMap) drawBorders() {
	nx, ny := len(m.xs)-1, len(m.ys)-1
	edges := func(n int, at func(int) vg.Length, differs func(int) bool,
		line func(a, b vg.Length)) {
		for from := 0; from < n; from++ {
			to := from
			for to < n && differs(to) {
				to++
			}
			if to > from {
				line(at(from)-borderWidth/2, at(to)+borderWidth/2) // so that corners are whole
				from = to
			}
		}
	}
	for i := 1; i < nx; i++ {
		edges(ny, func(j int) vg.Length { return m.ys[j] },
			func(j int) bool { return m.winner(i-1, j) != m.winner(i, j) },
			func(a, b vg.Length) {
				m.upright(m.xs[i], max(a, m.top), min(b, m.bottom), black, borderWidth)
			})
	}
	for j := 1; j < ny; j++ {
		edges(nx, func(i int) vg.Length { return m.xs[i] },
			func(i int) bool { return m.winner(i, j-1) != m.winner(i, j) },
			func(a, b vg.Length) {
				m.across(max(a, m.left), min(b, m.right), m.ys[j], black, borderWidth)
			})
	}
}

// guideDashes are those of lines over the map.
var guideDashes = [][]vg.Length{{7, 4}, {2, 3}, {9, 3, 2, 3}}

const guideWidth = 1.6

// drawLines draws the guides, on a lighter ground, so that they are seen on any hatching.
func (m *regimeMap) drawLines() {
	clip := m.inside()
	for n, l := range m.r.Lines {
		var points []vg.Point
		for i := range l.X {
			if m.r.X.shows(l.X[i]) && m.r.Y.shows(l.Y[i]) {
				points = append(points, m.point(l.X[i], l.Y[i]))
			}
		}
		for _, part := range clip.ClipLinesXY(points) {
			m.line(halo, guideWidth+2, nil, part...)
			m.line(guideInk, guideWidth, guideDashes[n], part...)
		}
	}
}

func (m *regimeMap) drawName(n regimeName) {
	s := bold(style(n.size, black))
	w, h := boxOf(s, n.lines)
	m.fill(halo, n.x-w/2, m.y(n.y-h/2), n.x+w/2, m.y(n.y+h/2))
	s.XAlign = draw.XCenter
	step := vg.Length(n.size * 1.2)
	for i, line := range n.lines {
		m.text(s, n.x, m.y(n.y+(vg.Length(i)-vg.Length(len(n.lines)-1)/2)*step-0.5), line)
	}
}

func (m *regimeMap) drawContours() {
	for _, c := range m.lines {
		var points []vg.Point
		for _, p := range c.points {
			points = append(points, vg.Point{X: p.X, Y: m.y(p.Y)})
		}
		m.line(contourInk, contourWidth, nil, points...)
	}
	s := contourStyle
	s.XAlign = draw.XCenter
	for _, c := range m.lines {
		w := textWidth(contourStyle, c.label) + 3
		m.fill(halo, c.at.X-w/2, m.y(c.at.Y-4), c.at.X+w/2, m.y(c.at.Y+4))
		m.text(s, c.at.X, m.y(c.at.Y-0.5), c.label)
	}
}

var contourStyle = style(7.5, black)

// placeContours finds the lines along which a winner is 2, 10, 100 and 1000 times better than the
// runner-up, those with room for a label.
func (m *regimeMap) placeContours() {
	if m.r.Margin == nil || len(m.r.XAt) < fewCells || len(m.r.YAt) < fewCells {
		return
	}
	for _, n := range m.wins {
		f := m.margins(n)
		for _, level := range []float64{2, 10, 100, 1000} {
			label := "×" + brief(level)
			w := room(contourStyle, label) + 2
			for _, points := range f.contour(math.Log10(level)) {
				if at, ok := m.labelPlace(points, w, 9); ok {
					m.lines = append(m.lines, contourLine{points, label, at})
					m.taken = append(m.taken, around(at.X, at.Y, w, 9))
				}
			}
		}
	}
}

// margins are how many times better than the runner-up this contestant is, as powers of ten, at
// the middles of cells and on the frame. Where another wins they are negative: between two
// contestants that is exactly how much worse it is. What is infinite is left out, since nothing
// can be interpolated towards it.
func (m *regimeMap) margins(n int) *field {
	nx, ny := len(m.xs)-1, len(m.ys)-1
	middles := func(edges []vg.Length, centre func(n int) vg.Length) []vg.Length {
		out := []vg.Length{edges[0]}
		for n := range len(edges) - 1 {
			out = append(out, centre(n))
		}
		return append(out, edges[len(edges)-1])
	}
	f := &field{
		xs: middles(m.xs, func(n int) vg.Length { return m.px(m.r.XAt[n]) }),
		ys: middles(m.ys, func(n int) vg.Length { return m.py(m.r.YAt[ny-1-n]) }),
	}
	value := func(i, j int) float64 {
		v := math.Log10(m.r.Margin[ny-1-j][i])
		switch w := m.winner(i, j); {
		case w < 0 || math.IsInf(v, 0):
			return math.NaN()
		case w == n:
			return v
		}
		return -v
	}
	f.values, f.own = grid[float64](nx+2, ny+2), grid[bool](nx+2, ny+2)
	for j := range f.values {
		for i := range f.values[j] {
			// The frame is half a cell away, where a straight line arrives with half a step more.
			ci, cj := min(max(i-1, 0), nx-1), min(max(j-1, 0), ny-1)
			bi, bj := min(max(2*ci-i+1, 0), nx-1), min(max(2*cj-j+1, 0), ny-1)
			v := value(ci, cj)
			f.values[j][i] = v + (v-value(bi, bj))/2
			f.own[j][i] = m.winner(ci, cj) == n
		}
	}
	return f
}

// labelPlace is the place on a line, as near to its middle as can be, where a label touches neither
// other text nor the frame.
func (m *regimeMap) labelPlace(line []vg.Point, w, h vg.Length) (vg.Point, bool) {
	whole := length(line)
	if whole < 2*w {
		return vg.Point{}, false
	}
	for n := 0.0; n < float64(whole/12); n++ {
		for _, side := range []float64{-1, 1} {
			at := along(line, whole/2+vg.Length(side*n*6))
			box := around(at.X, at.Y, w, h)
			free := box.Min.X > m.left+2 && box.Max.X < m.right-2 && box.Min.Y > m.top+2 &&
				box.Max.Y < m.bottom-2
			for _, other := range m.taken {
				free = free && !touch(box, other)
			}
			if free {
				return at, true
			}
		}
	}
	return vg.Point{}, false
}
