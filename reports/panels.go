package reports

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// scale is the vertical axis of a panel, from 0 to max.
type scale struct {
	label  string
	top    vg.Length // of the panel, from the top of the picture
	height vg.Length
	max    float64
	ticks  []plot.Tick
}

func newScale(label string, top, height vg.Length, most, overhead float64) *scale {
	a := &scale{label: label, top: top, height: height, max: max(most, 1) * (1 + overhead)}
	a.ticks = axisTicks(0, max(most, 1)*(1+overhead/2), int(height/26), 1)
	return a
}

func (a *scale) y(d *drawing, v float64) vg.Length {
	return d.y(a.top+a.height) + a.height*vg.Length(v/a.max)
}

func (a *scale) grid(d *drawing) {
	for _, t := range a.ticks {
		y := a.y(d, t.Value)
		d.line(faint, 0.6, nil, vg.Point{X: d.left, Y: y}, vg.Point{X: d.right, Y: y})
	}
}

func (a *scale) frame(d *drawing) {
	s := style(8.5, black)
	s.XAlign = draw.XRight
	for _, t := range a.ticks {
		y := a.y(d, t.Value)
		d.line(black, 0.6, nil, vg.Point{X: d.left - 3, Y: y}, vg.Point{X: d.left, Y: y})
		d.text(s, d.left-5, y, t.Label)
	}
	low, high := d.y(a.top+a.height), d.y(a.top)
	d.line(black, 0.6, nil, vg.Point{X: d.left, Y: high}, vg.Point{X: d.left, Y: low},
		vg.Point{X: d.right, Y: low})
	s.XAlign, s.Rotation = draw.XCenter, math.Pi/2
	d.text(s, edge+5, (low+high)/2, a.label)
}

func (d *drawing) logAxis() *scale {
	return newScale("log records", d.top, logHeight, float64(d.s.top), 0.14)
}

func (d *drawing) dot(p point, a *scale, applied bool) vg.Point {
	v := p.durable
	if applied {
		v = p.applied
	}
	return vg.Point{X: d.x(p.at), Y: a.y(d, v)}
}

// drawLogs draws the branch that was cut off below all, then what is not yet applied, then the
// lines; those of primaries first, because they are thick and others often lie upon them.
func (d *drawing) drawLogs(a *scale) {
	d.shadeCut(a)
	for i := range d.s.tracks {
		t := &d.s.tracks[i]
		for _, l := range t.lines {
			d.drawBand(a, t, l)
		}
	}
	for _, primary := range []bool{true, false} {
		for i := range d.s.tracks {
			t := &d.s.tracks[i]
			for _, l := range t.lines {
				if l.primary == primary {
					d.drawLine(a, t, l)
				}
			}
		}
	}
	d.drawEnds(a)
	d.labelCut(a)
}

// Widths of lines, and how much the band below a line hides.
const (
	primaryWidth   = 4
	secondaryWidth = 1.3
	bandAlpha      = 0x50
	underAlpha     = 0xa0
)

func (d *drawing) drawBand(a *scale, t *track, l stretch) {
	if l.unseen || len(l.points) < 2 {
		return
	}
	pts := d.thin(l.points)
	var poly, low []vg.Point
	for _, p := range pts {
		poly = append(poly, d.dot(p, a, false))
		low = append(low, d.dot(p, a, true))
	}
	edgeLine := slices.Clone(low)
	slices.Reverse(low)
	band, under := t.color, t.color
	band.A, under.A = bandAlpha, underAlpha
	d.c.FillPolygon(band, append(poly, low...))
	d.line(under, 0.5, nil, edgeLine...)
}

func (d *drawing) drawLine(a *scale, t *track, l stretch) {
	if len(l.points) < 2 {
		return
	}
	var pts []vg.Point
	for _, p := range d.thin(l.points) {
		pts = append(pts, d.dot(p, a, false))
	}
	switch {
	case l.unseen:
		d.line(t.color, 0.8, []vg.Length{1, 3}, pts...)
	case l.primary:
		d.line(t.color, primaryWidth, nil, pts...)
	default:
		d.line(t.color, secondaryWidth, nil, pts...)
	}
}

// thin leaves points out that lie within a quarter of a point of the one before: nobody sees
// them, and a long run has many.
func (d *drawing) thin(pts []point) []point {
	if len(pts) < 1000 {
		return pts
	}
	out := []point{pts[0]}
	for i := 1; i < len(pts); i++ {
		if i == len(pts)-1 || d.x(pts[i].at)-d.x(out[len(out)-1].at) >= 0.25 {
			out = append(out, pts[i])
		}
	}
	return out
}

// drawEnds marks where replicas went down with a cross, and where they came back with a ring.
func (d *drawing) drawEnds(a *scale) {
	for i := range d.s.tracks {
		t := &d.s.tracks[i]
		for _, down := range t.lanes {
			if !down.down {
				continue
			}
			for _, l := range t.lines {
				first, last := l.points[0], l.points[len(l.points)-1]
				switch {
				case last.at == down.from:
					d.cross(d.dot(last, a, false))
				case first.at >= down.to && d.cameBack(t, down, first):
					d.ring(t.color, d.dot(first, a, false))
				}
			}
		}
	}
}

// cameBack says whether p is the first that was seen of a replica after it was down.
func (d *drawing) cameBack(t *track, down lane, p point) bool {
	for _, l := range t.lines {
		if at := l.points[0].at; at >= down.to && at < p.at {
			return false
		}
	}
	return true
}

func (d *drawing) cross(at vg.Point) {
	for _, up := range []vg.Length{4, -4} {
		d.line(black, 1.6, nil, vg.Point{X: at.X - 4, Y: at.Y - up},
			vg.Point{X: at.X + 4, Y: at.Y + up})
	}
}

func (d *drawing) ring(c color.Color, at vg.Point) {
	for _, g := range []draw.GlyphStyle{
		{Color: c, Radius: 4, Shape: draw.CircleGlyph{}},
		{Color: color.White, Radius: 2.5, Shape: draw.CircleGlyph{}},
	} {
		d.c.DrawGlyphNoClip(g, at)
	}
}

var cutShade = color.NRGBA{0xb3, 0x26, 0x1e, 0x38}

func (d *drawing) shadeCut(a *scale) {
	if d.s.cut == nil {
		return
	}
	for _, run := range d.s.cut.above() {
		poly := []vg.Point{{X: d.x(run[0].at), Y: a.y(d, d.s.cut.fork)}}
		for _, p := range d.thin(run) {
			poly = append(poly, d.dot(p, a, false))
		}
		end := d.x(run[len(run)-1].at)
		d.c.FillPolygon(cutShade, append(poly, vg.Point{X: end, Y: a.y(d, d.s.cut.fork)}))
	}
}

// labelCut writes what was lost above the branch that was cut off, where it has grown to its
// end: logs grow, so there is nothing above and to the left of it.
func (d *drawing) labelCut(a *scale) {
	if d.s.cut == nil {
		return
	}
	runs := d.s.cut.above()
	if len(runs) == 0 {
		return
	}
	run := runs[0]
	high := run[len(run)-1]
	text := count(d.s.cut.ops, "acknowledged write") + " lost"
	s := bold(style(9.5, lost))
	w := s.Width(text)
	x := max(d.left+6, d.x(high.at)-w-6)
	y := a.y(d, high.durable) + 13
	d.fill(color.NRGBA{0xff, 0xff, 0xff, 0xd8}, x-3, y-7, x+w+3, y+7)
	d.text(s, x, y, text)
}

// drawLanes draws the roles over time, one bar for each replica.
func (d *drawing) drawLanes() {
	for i := range d.s.tracks {
		t := &d.s.tracks[i]
		top := d.y(d.lanes + vg.Length(i*laneStep))
		mid := top - laneStep/2
		s := bold(style(8.5, t.color))
		s.XAlign = draw.XRight
		d.text(s, d.left-5, mid, fit(s, t.name, axisLeft-8))
		for _, l := range t.lanes {
			d.drawLane(t, l, top-1, top-laneStep+1, mid)
		}
	}
}

func (d *drawing) drawLane(t *track, l lane, top, bottom, mid vg.Length) {
	x0, x1 := d.x(l.from), d.x(l.to)
	ink, text := black, lanes[l.role]
	switch {
	case l.down:
		d.line(rule, 0.8, []vg.Length{2, 2}, vg.Point{X: x0, Y: mid}, vg.Point{X: x1, Y: mid})
		ink, text = grey, "down"
	case l.role == replica.RolePrimary:
		d.fill(t.color, x0, bottom, x1, top)
		text = "primary"
		if luminance(t.color) < 0.3 {
			ink = color.NRGBA{0xff, 0xff, 0xff, 0xff}
		}
	case l.role == replica.RoleSecondary:
		d.fill(tint(t.color, 0.25), x0, bottom, x1, top)
		text = "secondary"
		if l.split {
			text = "secondary, its branch cut off"
			d.fill(cutShade, x0, bottom, x1, top)
		}
	default:
		d.fill(faint, x0, bottom, x1, top)
	}
	s := style(7.5, ink)
	s.XAlign = draw.XCenter
	w := s.Width(text)
	if x1-x0 < w+4 {
		return
	}
	if l.down {
		d.fill(color.White, (x0+x1-w)/2-3, bottom, (x0+x1+w)/2+3, top)
	}
	d.text(s, (x0+x1)/2, mid, text)
}

// lanes is what bars say of roles that last only a moment.
var lanes = map[replica.Role]string{replica.RoleBooting: "booting",
	replica.RoleRecovering: "recovering", replica.RoleClosed: "closed",
	replica.RoleDefective: "defective"}

// tint mixes a colour with white; part is how much of the colour is left.
func tint(c color.NRGBA, part float64) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8(255 - (255-float64(v))*part + 0.5) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// luminance is the relative luminance of a colour, as WCAG 2 defines it, with the exponent
// rounded.
func luminance(c color.NRGBA) float64 {
	lin := func(v uint8) float64 { return math.Pow(float64(v)/255, 2.2) }
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}

// bins counts acknowledgements per time and host.
func (d *drawing) bins() (width node.Time, counts [][]int, most int) {
	width = max(1, node.Time(nice(float64(d.s.end)/120)))
	counts = make([][]int, int(d.s.end/width)+1)
	for _, a := range d.s.acks {
		i := int(a.at / width)
		if counts[i] == nil {
			counts[i] = make([]int, len(d.s.tracks)+1)
		}
		counts[i][a.host]++
	}
	for _, bin := range counts {
		sum := 0
		for _, n := range bin {
			sum += n
		}
		most = max(most, sum)
	}
	return width, counts, most
}

func (d *drawing) ackAxis() *scale {
	width, _, most := d.bins()
	return newScale("acks / "+span(width), d.acks, ackHeight, float64(most), 0.5)
}

func (d *drawing) drawAcks(a *scale) {
	width, counts, _ := d.bins()
	for i, bin := range counts {
		x0 := d.x(node.Time(i) * width)
		x1 := min(d.x(node.Time(i+1)*width), d.right)
		from := 0
		for h, n := range bin {
			if n == 0 {
				continue
			}
			c := rule
			if h < len(d.s.tracks) {
				c = d.s.tracks[h].color
			}
			d.fill(c, x0+0.3, a.y(d, float64(from)), x1-0.3, a.y(d, float64(from+n)))
			from += n
		}
	}
	d.labelGap()
}

func (d *drawing) drawGap() {
	if g := d.s.gap; g.to > g.from {
		d.fill(color.NRGBA{0xff, 0xf0, 0xc2, 0xff}, d.x(g.from), d.y(d.acks+ackHeight), d.x(g.to),
			d.y(d.acks))
	}
}

// labelGap says how long the longest time without an acknowledgement was, in the part of the
// panel that bars never reach.
func (d *drawing) labelGap() {
	g := d.s.gap
	if g.to <= g.from {
		return
	}
	text := fmt.Sprintf("longest time without an ack: %s", shortSpan(g.to-g.from))
	s := style(8.5, unsure)
	w := s.Width(text)
	mid := (d.x(g.from) + d.x(g.to)) / 2
	x := min(max(mid-w/2, d.left+6), d.right-w-4)
	y := d.y(d.acks + 9)
	d.fill(color.NRGBA{0xff, 0xff, 0xff, 0xd8}, x-3, y-6, x+w+3, y+6)
	d.text(s, x, y, text)
}
