package reports

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func (l *chart) draw(c draw.Canvas) {
	l.blank(c)
	l.drawHead()
	l.drawGrid()
	for i := range l.f.Curves {
		if !l.looks[i].points {
			l.drawBand(i)
		}
	}
	for i := range l.f.Curves {
		if !l.looks[i].points {
			l.drawCurve(i)
		}
	}
	l.drawAxes()
	for i := range l.f.Curves {
		if l.looks[i].points {
			l.drawPoints(i)
		}
	}
	l.drawNames()
	l.drawKey()
	l.drawNotes()
}

// low is the place of the lower end of an interval. What the axis cannot show lies below it.
func (l *chart) low(v float64) vg.Length {
	if !l.f.Y.shows(v) {
		return l.y(l.bottom + 20)
	}
	return l.y(l.py(v))
}

// drawBand shades the intervals of a curve, and draws their edges thinly, so that bands that lie
// over each other can be told apart.
func (l *chart) drawBand(curve int) {
	c := &l.f.Curves[curve]
	var up, down []vg.Point
	flush := func() {
		if len(up) > 1 {
			fill, line := shades[l.looks[curve].shade], shades[l.looks[curve].shade]
			fill.A, line.A = 0x28, 0x90
			clip := l.inside()
			for _, list := range [][]vg.Point{up, down} {
				for _, part := range clip.ClipLinesXY(list) {
					l.line(line, 0.4, nil, part...)
				}
			}
			slices.Reverse(down)
			l.c.FillPolygon(fill, clip.ClipPolygonXY(append(up, down...)))
		}
		up, down = nil, nil
	}
	for i := range c.X {
		low, high, ok := c.interval(i)
		if !ok || !l.f.X.shows(c.X[i]) || !l.f.Y.shows(high) {
			flush()
			continue
		}
		up = append(up, l.point(c.X[i], high))
		down = append(down, vg.Point{X: l.px(c.X[i]), Y: l.low(low)})
	}
	flush()
}

// parts are the points of a curve between its gaps, on the canvas.
func (l *chart) parts(curve int) [][]vg.Point {
	c := &l.f.Curves[curve]
	var out [][]vg.Point
	gap := true
	for i := range c.X {
		if !l.f.X.shows(c.X[i]) || !l.f.Y.shows(c.Y[i]) {
			gap = true
			continue
		}
		if gap {
			out = append(out, nil)
		}
		gap = false
		out[len(out)-1] = append(out[len(out)-1], l.point(c.X[i], c.Y[i]))
	}
	clip := l.inside()
	var seen [][]vg.Point
	for _, part := range out {
		if len(part) == 1 {
			if clip.Contains(part[0]) {
				seen = append(seen, part)
			}
			continue
		}
		seen = append(seen, clip.ClipLinesXY(part)...)
	}
	return seen
}

func (l *chart) drawCurve(curve int) {
	look := l.looks[curve]
	group, shade := groups[look.group], shades[look.shade]
	for _, part := range l.parts(curve) {
		if len(part) == 1 { // alone between gaps
			l.mark(part[0], curve, 3.6)
			continue
		}
		l.line(shade, group.width, group.dashes, part...)
	}
	if look.bare {
		return
	}
	// Markers of different groups stand apart where their lines run together.
	offset := 20 + vg.Length(look.group*26)
	for _, part := range l.parts(curve) {
		at := spaced(part, 78, offset)
		if len(at) == 0 && len(part) > 1 {
			at = part[len(part)/2 : len(part)/2+1]
		}
		for _, p := range at {
			l.mark(p, curve, 3.6)
		}
	}
}

// drawPoints draws the markers of a curve at its points, with error bars.
func (l *chart) drawPoints(curve int) {
	c := &l.f.Curves[curve]
	shade := shades[l.looks[curve].shade]
	for i := range c.X {
		if !l.xRule.within(c.X[i]) {
			continue
		}
		if low, high, ok := c.interval(i); ok && l.f.Y.shows(high) && high > low {
			l.errorBar(shade, l.px(c.X[i]), l.low(low), l.y(l.py(high)), !l.f.Y.shows(c.Y[i]))
		}
		if l.yRule.within(c.Y[i]) {
			l.mark(l.point(c.X[i], c.Y[i]), curve, 3.6)
		}
	}
}

// errorBar draws an interval, whose ends have caps where the panel has room for them. One of which
// only the upper end is known ends in an arrow.
func (l *chart) errorBar(c color.Color, x, low, high vg.Length, arrow bool) {
	const cap, tip = 3, 5
	bottom, top := l.y(l.bottom), l.y(l.top)
	if high < bottom || low > top {
		return
	}
	a, b := max(low, bottom), min(high, top)
	l.line(c, 0.9, nil, vg.Point{X: x, Y: a}, vg.Point{X: x, Y: b})
	if low >= bottom {
		l.line(c, 0.9, nil, vg.Point{X: x - cap, Y: a}, vg.Point{X: x + cap, Y: a})
	}
	if high <= top {
		l.line(c, 0.9, nil, vg.Point{X: x - cap, Y: b}, vg.Point{X: x + cap, Y: b})
	}
	if arrow && low < bottom {
		l.c.FillPolygon(c,
			[]vg.Point{{X: x, Y: a}, {X: x - cap, Y: a + tip}, {X: x + cap, Y: a + tip}})
	}
}

// mark draws the marker of a curve: its shape stands for the shade, its filling for the group.
func (l *chart) mark(at vg.Point, curve int, r vg.Length) {
	look := l.looks[curve]
	shade := shades[look.shade]
	if look.bare {
		l.line(shade, groups[look.group].width, groups[look.group].dashes,
			vg.Point{X: at.X - r, Y: at.Y}, vg.Point{X: at.X + r, Y: at.Y})
		return
	}
	l.c.FillPolygon(shade, corners(at, r, look.shade))
	if look.group == 0 {
		return
	}
	l.c.FillPolygon(color.White, corners(at, r-1.2, look.shade))
	switch look.group {
	case 2:
		l.c.FillPolygon(shade, corners(at, r*0.36, 0))
	case 3:
		l.line(shade, 0.9, nil, vg.Point{X: at.X - r*0.9, Y: at.Y},
			vg.Point{X: at.X + r*0.9, Y: at.Y})
	}
}

// sample draws how a curve looks, for its name.
func (l *chart) sample(curve int, x0, x1, y vg.Length) {
	look := l.looks[curve]
	group, shade := groups[look.group], shades[look.shade]
	middle := vg.Point{X: (x0 + x1) / 2, Y: l.y(y)}
	switch {
	case look.points && len(l.f.Curves[curve].Low) > 0:
		l.line(shade, 0.9, nil, vg.Point{X: middle.X, Y: middle.Y - 5.5},
			vg.Point{X: middle.X, Y: middle.Y + 5.5})
	case !look.points:
		l.line(shade, group.width, group.dashes, vg.Point{X: x0, Y: l.y(y)},
			vg.Point{X: x1, Y: l.y(y)})
	}
	if !look.bare {
		l.mark(middle, curve, 3.6)
	}
}

// corners are those of a circle, a square, a triangle, a diamond, a hexagon or a triangle on its
// tip, all of about the same area.
func corners(at vg.Point, r vg.Length, shape int) []vg.Point {
	kinds := []struct{ n, turn, size float64 }{
		{24, 0, 1}, {4, 0.5, 1.2}, {3, 0.75, 1.3}, {4, 0, 1.3}, {6, 0, 1.1}, {3, 0.25, 1.3}}
	k := kinds[shape%len(kinds)]
	var out []vg.Point
	for i := range int(k.n) {
		angle := 2 * math.Pi * (float64(i) + k.turn) / k.n
		out = append(out, vg.Point{X: at.X + r*vg.Length(k.size*math.Cos(angle)),
			Y: at.Y + r*vg.Length(k.size*math.Sin(angle))})
	}
	return out
}

// spaced are points along a line, at equal horizontal distances from an offset on.
func spaced(line []vg.Point, step, offset vg.Length) []vg.Point {
	var out []vg.Point
	if len(line) == 0 {
		return nil
	}
	next := line[0].X + offset
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		for ; next <= b.X && b.X > a.X; next += step {
			t := (next - a.X) / (b.X - a.X)
			out = append(out, vg.Point{X: next, Y: a.Y + (b.Y-a.Y)*t})
		}
	}
	return out
}

// drawNames writes each curve's name beside the panel, after a sample of it, joined to its end by
// a thin line.
func (l *chart) drawNames() {
	for _, n := range l.names {
		if n.from < l.right-6 {
			l.line(rule, 0.4, []vg.Length{1, 2.5}, vg.Point{X: n.from + 6, Y: l.y(n.end)},
				vg.Point{X: l.right, Y: l.y(n.end)})
		}
		x := l.right + nameLead
		l.line(rule, 0.5, nil, vg.Point{X: l.right, Y: l.y(n.end)}, vg.Point{X: x - 2, Y: l.y(n.y)})
		l.sample(n.curve, x, x+nameSample, n.y)
		s := style(9, shades[l.looks[n.curve].shade])
		l.text(s, x+nameSample+5, l.y(n.y-0.5), l.f.Curves[n.curve].Name)
	}
}
