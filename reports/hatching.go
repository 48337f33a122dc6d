package reports

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// hatching is what tells an area from others without colour.
type hatching struct {
	ground color.NRGBA
	ink    color.NRGBA
	lines  []float64   // directions, in quarters of a half turn from the horizontal
	step   vg.Length   // between lines or dots
	dashes []vg.Length // of lines, which are so wide then that they are rows of dots
	cross  vg.Length   // half the size of small crosses; 0: none
}

// Looks of regimes: their grounds differ in lightness by at least 4 of 100 (CIELAB).
var regimeLooks = []hatching{
	{ground: color.NRGBA{0xfc, 0xf8, 0xe6, 0xff}},
	{ground: color.NRGBA{0xd6, 0xe9, 0xf6, 0xff}, ink: color.NRGBA{0x74, 0xa4, 0xc6, 0xff},
		lines: []float64{1}, step: 8},
	{ground: color.NRGBA{0xf8, 0xd2, 0xb2, 0xff}, ink: color.NRGBA{0xb8, 0x6b, 0x34, 0xff},
		lines: []float64{0}, step: 5, dashes: []vg.Length{1.7, 8.3}},
	{ground: color.NRGBA{0xb2, 0xd4, 0xbd, 0xff}, ink: color.NRGBA{0x55, 0x92, 0x6d, 0xff},
		lines: []float64{3}, step: 6},
	{ground: color.NRGBA{0xd9, 0xb5, 0xd2, 0xff}, ink: color.NRGBA{0x96, 0x5f, 0x8b, 0xff},
		lines: []float64{1, 3}, step: 10},
	{ground: color.NRGBA{0x97, 0xb9, 0xd2, 0xff}, ink: color.NRGBA{0x4a, 0x76, 0x97, 0xff},
		lines: []float64{0}, step: 6},
	{ground: color.NRGBA{0xca, 0xa0, 0x68, 0xff}, ink: color.NRGBA{0x86, 0x5f, 0x2a, 0xff},
		lines: []float64{2}, step: 6},
	{ground: color.NRGBA{0x8f, 0x9e, 0x8a, 0xff}, ink: color.NRGBA{0x55, 0x65, 0x50, 0xff},
		lines: []float64{0, 2}, step: 9},
}

var (
	tieLook = hatching{ground: color.NRGBA{0xdc, 0xdc, 0xdc, 0xff},
		ink: color.NRGBA{0x6a, 0x6a, 0x6a, 0xff}, lines: []float64{0}, step: 2,
		dashes: []vg.Length{1, 3}}
	unknownLook = hatching{ground: color.NRGBA{0xff, 0xff, 0xff, 0xff},
		ink: color.NRGBA{0x9a, 0x9a, 0x9a, 0xff}, step: 12, cross: 1.6}
)

// lattice is a panel divided into cells: the edges, from the left and from the top.
type lattice struct {
	xs, ys []vg.Length // ascending
	in     func(i, j int) bool
}

// contains is true for a place within a cell that belongs to the area.
func (a *lattice) contains(x, y vg.Length) bool {
	i, okX := slot(a.xs, x)
	j, okY := slot(a.ys, y)
	return okX && okY && a.in(i, j)
}

// slot is the interval of ascending edges that v lies in.
func slot(edges []vg.Length, v vg.Length) (int, bool) {
	i, found := slices.BinarySearch(edges, v)
	if !found {
		i--
	}
	return i, i >= 0 && i < len(edges)-1
}

// hatch draws lines and crosses within an area. Their places follow from the sheet and an origin on
// it, so that they go on where an area is divided.
func (d *sheet) hatch(h hatching, a lattice, origin vg.Point) {
	for _, eighth := range h.lines {
		d.hatchLines(h, a, eighth*math.Pi/4, origin)
	}
	if h.cross == 0 {
		return
	}
	var path vg.Path
	x0, x1, y0, y1 := a.xs[0], a.xs[len(a.xs)-1], a.ys[0], a.ys[len(a.ys)-1]
	r, m := h.cross, h.cross*1.2
	for row := math.Ceil(float64((y0 - origin.Y) / h.step)); ; row++ {
		y := vg.Length(row)*h.step + origin.Y
		if y >= y1 {
			break
		}
		shift := origin.X + vg.Length(math.Mod(math.Abs(row), 2))*h.step/2
		for n := math.Ceil(float64((x0 - shift) / h.step)); vg.Length(n)*h.step+shift < x1; n++ {
			x := vg.Length(n)*h.step + shift
			if a.contains(x-m, y-m) && a.contains(x+m, y-m) && a.contains(x-m, y+m) &&
				a.contains(x+m, y+m) {
				path.Move(vg.Point{X: x - r, Y: d.y(y - r)})
				path.Line(vg.Point{X: x + r, Y: d.y(y + r)})
				path.Move(vg.Point{X: x - r, Y: d.y(y + r)})
				path.Line(vg.Point{X: x + r, Y: d.y(y - r)})
			}
		}
	}
	d.stroke(draw.LineStyle{Color: h.ink, Width: 0.6}, path)
}

func (d *sheet) stroke(s draw.LineStyle, path vg.Path) {
	if len(path) > 0 {
		d.c.SetLineStyle(s)
		d.c.Stroke(path)
	}
}

// hatchLines draws parallels, each cut to the cells of the area that it goes through.
func (d *sheet) hatchLines(h hatching, a lattice, angle float64, origin vg.Point) {
	sin, cos := math.Sincos(angle)
	dx, dy := vg.Length(cos), -vg.Length(sin) // from the top, so that 1 quarter rises
	nx, ny := -dy, dx                         // across the lines
	across, ends := newExtent(), newExtent()
	for _, x := range []vg.Length{a.xs[0], a.xs[len(a.xs)-1]} {
		for _, y := range []vg.Length{a.ys[0], a.ys[len(a.ys)-1]} {
			ends.add(float64((x-origin.X)*dx + (y-origin.Y)*dy))
			across.add(float64((x-origin.X)*nx + (y-origin.Y)*ny))
		}
	}
	var path vg.Path
	for k := math.Ceil(across.least / float64(h.step)); k*float64(h.step) <= across.most; k++ {
		off := vg.Length(k) * h.step
		place := func(t vg.Length) (x, y vg.Length) {
			return origin.X + off*nx + t*dx, origin.Y + off*ny + t*dy
		}
		cuts := []vg.Length{vg.Length(ends.least), vg.Length(ends.most)}
		if math.Abs(float64(dx)) > 1e-9 {
			for _, x := range a.xs {
				cuts = append(cuts, (x-origin.X-off*nx)/dx)
			}
		}
		if math.Abs(float64(dy)) > 1e-9 {
			for _, y := range a.ys {
				cuts = append(cuts, (y-origin.Y-off*ny)/dy)
			}
		}
		slices.Sort(cuts)
		for _, r := range runs(cuts, func(t vg.Length) bool { return a.contains(place(t)) }) {
			x0, y0 := place(h.dashed(r[0], k))
			x1, y1 := place(r[1])
			path.Move(vg.Point{X: x0, Y: d.y(y0)})
			path.Line(vg.Point{X: x1, Y: d.y(y1)})
		}
	}
	d.stroke(draw.LineStyle{Color: h.ink, Width: h.weight(), Dashes: h.dashes}, path)
}

func (h *hatching) weight() vg.Length {
	if len(h.dashes) > 0 {
		return h.dashes[0]
	}
	return 0.6
}

// dashed moves the beginning of the k-th line to where a dash begins, so that dashes stand in order
// whatever the area.
func (h *hatching) dashed(from vg.Length, k float64) vg.Length {
	if len(h.dashes) == 0 {
		return from
	}
	period := h.dashes[0] + h.dashes[1]
	shift := period / 2 * vg.Length(math.Mod(math.Abs(k), 2))
	return vg.Length(math.Ceil(float64((from-shift)/period)))*period + shift
}

// runs are the intervals between ascending cuts whose insides are in, neighbours joined.
func runs(cuts []vg.Length, in func(vg.Length) bool) [][2]vg.Length {
	var out [][2]vg.Length
	joined := false
	for i := 1; i < len(cuts); i++ {
		switch {
		case !in((cuts[i-1] + cuts[i]) / 2):
			joined = false
		case joined:
			out[len(out)-1][1] = cuts[i]
		default:
			out, joined = append(out, [2]vg.Length{cuts[i-1], cuts[i]}), true
		}
	}
	return out
}

// ground fills an area, without seams between its cells: as one path of its outlines, holes turned
// the other way.
func (d *sheet) ground(c color.Color, a lattice) {
	var path vg.Path
	for _, loop := range outlines(len(a.xs)-1, len(a.ys)-1, a.in) {
		for n, v := range loop {
			at := vg.Point{X: a.xs[v.i], Y: d.y(a.ys[v.j])}
			if n == 0 {
				path.Move(at)
			} else {
				path.Line(at)
			}
		}
		path.Close()
	}
	if len(path) > 0 {
		d.c.SetColor(c)
		d.c.Fill(path)
	}
}

// patch draws a sample of a hatching.
func (d *sheet) patch(h hatching, x0, y0, x1, y1 vg.Length) {
	in := func(int, int) bool { return true }
	d.ground(h.ground, lattice{[]vg.Length{x0, x1}, []vg.Length{y0, y1}, in})
	// A dot or a line goes through the middle, however small the sample is, and none lies on its
	// frame.
	by := min(1.2, (x1-x0)/4, (y1-y0)/4)
	d.hatch(h, lattice{[]vg.Length{x0 + by, x1 - by}, []vg.Length{y0 + by, y1 - by}, in},
		vg.Point{X: (x0+x1)/2 - h.weight()/2, Y: (y0 + y1) / 2})
	d.box(x0, y0, x1, y1, grey, 0.6)
}
