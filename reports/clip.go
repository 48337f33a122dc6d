package reports

import (
	"gonum.org/v1/plot/vg"
)

// window cuts lines and areas at its edges. What lies far outside is cut as well as what lies near:
// nothing that it returns is outside.
type window struct{ vg.Rectangle }

// Contains is true for a point within the window or on its edge.
func (w window) Contains(p vg.Point) bool {
	return p.X >= w.Min.X && p.X <= w.Max.X && p.Y >= w.Min.Y && p.Y <= w.Max.Y
}

// held moves a point that rounding has put outside.
func (w window) held(p vg.Point) vg.Point {
	return vg.Point{X: max(min(p.X, w.Max.X), w.Min.X), Y: max(min(p.Y, w.Max.Y), w.Min.Y)}
}

// ClipLinesXY returns the parts of a line that lie within the window.
func (w window) ClipLinesXY(line []vg.Point) [][]vg.Point {
	var out [][]vg.Point
	joined := false
	for i := 1; i < len(line); i++ {
		from, to, ok := w.segment(line[i-1], line[i])
		if !ok {
			joined = false
			continue
		}
		if !joined {
			out = append(out, []vg.Point{from})
		}
		out[len(out)-1] = append(out[len(out)-1], to)
		joined = w.Contains(line[i])
	}
	return out
}

// segment is the part of a straight line that lies within: after it has entered both the stripe
// between left and right and the one between bottom and top, before it has left either (Liang and
// Barsky 1984).
func (w window) segment(a, b vg.Point) (from, to vg.Point, ok bool) {
	enter, leave := vg.Length(0), vg.Length(1)
	stripe := func(a, b, lo, hi vg.Length) bool {
		if a == b {
			return a >= lo && a <= hi
		}
		first, last := (lo-a)/(b-a), (hi-a)/(b-a)
		enter, leave = max(enter, min(first, last)), min(leave, max(first, last))
		return enter <= leave
	}
	if !stripe(a.X, b.X, w.Min.X, w.Max.X) || !stripe(a.Y, b.Y, w.Min.Y, w.Max.Y) {
		return a, b, false
	}
	at := func(t vg.Length) vg.Point { return w.held(a.Add(b.Sub(a).Scale(t))) }
	from, to = at(enter), at(leave)
	if leave == 1 {
		to = w.held(b) // exactly
	}
	return from, to, true
}

// ClipPolygonXY returns the part of an area that lies within the window: cut at one edge after the
// other (Sutherland and Hodgman 1974).
func (w window) ClipPolygonXY(area []vg.Point) []vg.Point {
	for _, depth := range []func(vg.Point) vg.Length{ // how far inside of an edge a point is
		func(p vg.Point) vg.Length { return p.X - w.Min.X },
		func(p vg.Point) vg.Length { return w.Max.X - p.X },
		func(p vg.Point) vg.Length { return p.Y - w.Min.Y },
		func(p vg.Point) vg.Length { return w.Max.Y - p.Y },
	} {
		var cut []vg.Point
		for i, b := range area {
			a := area[(i+len(area)-1)%len(area)]
			from, to := depth(a), depth(b)
			if (from < 0) != (to < 0) {
				cut = append(cut, a.Add(b.Sub(a).Scale(from/(from-to))))
			}
			if to >= 0 {
				cut = append(cut, b)
			}
		}
		area = cut
	}
	for i := range area {
		area[i] = w.held(area[i])
	}
	return area
}
