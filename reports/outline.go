package reports

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// outline lays a histogram out.
type outline struct {
	plate
	h       *Histogram
	b       *bins
	marks   []markAt // from the left
	upright bool     // their labels are turned, since side by side they would be too wide
	labels  vg.Length
}

// markAt is a mark and the place of its label above the panel.
type markAt struct {
	series  int
	text    string
	x, over vg.Length // of the line, and of the middle of the label
}

const markLead = 14 // from the panel to labels of marks

// Outlines of samples differ in weight and dash.
var outlineLooks = []draw.LineStyle{
	{Color: shades[0], Width: 1.9},
	{Color: shades[1], Width: 1},
	{Color: shades[2], Width: 1.2, Dashes: []vg.Length{5, 2.5}},
	{Color: shades[3], Width: 1.4, Dashes: []vg.Length{1.4, 2.2}},
}

func newOutlines(s sheet, h *Histogram, b *bins) *outline {
	o := &outline{plate: newPlate(s, h.Title, h.Subtitle), h: h, b: b}
	e := extent{b.least, b.most}
	highest := 0.0
	for i, sample := range h.Series {
		for _, m := range sample.Marks {
			if h.X.shows(m.At) && h.X.asked(m.At) {
				e.add(m.At)
			}
		}
		for _, n := range b.counts[i] {
			highest = max(highest, 100*share(n, len(sample.Values)))
		}
	}
	x := h.X.over(e.least, e.most)
	x.pad(e.least, e.most)
	height := (o.right - edge - 46) * 0.5
	// How high the labels of marks are depends on the width of the panel, and that on the numbers
	// along its left; so the panel is laid out once, and again below the labels.
	y := Axis{Label: "share of all values (%)", Linear: true}.over(0, 1.03*highest)
	o.setY(y, height)
	o.setX(x)
	o.placeMarks()
	o.top += o.labels
	o.setY(y, height)
	o.explain()
	o.close()
	return o
}

// placeMarks finds places for the labels of marks: side by side, or turned if that is too wide.
func (o *outline) placeMarks() {
	var hidden string
	for i, s := range o.h.Series {
		for _, m := range s.Marks {
			text := clean(m.Label) + ": " + brief(m.At)
			if !o.xRule.within(m.At) {
				hidden += ", " + text
				continue
			}
			o.marks = append(o.marks, markAt{series: i, text: text, x: o.px(m.At)})
		}
	}
	if hidden != "" {
		o.notes.add("Beyond the axis: " + hidden[2:])
	}
	if len(o.marks) == 0 {
		return
	}
	slices.SortStableFunc(o.marks, func(a, b markAt) int { return cmp.Compare(a.x, b.x) })
	var want, size []vg.Length
	var whole, longest vg.Length
	for i := range o.marks {
		m := &o.marks[i]
		m.text = fit(markStyle, m.text, 110)
		want = append(want, m.x)
		size = append(size, room(markStyle, m.text)+8)
		whole += size[i]
		longest = max(longest, size[i])
	}
	o.labels = markLead + 10
	if o.upright = whole > o.width-2*edge; o.upright {
		for i := range size {
			size[i] = 11
		}
		o.labels = markLead + longest
	}
	for i, x := range spread(want, size, edge, o.width-edge) {
		o.marks[i].over = x
	}
}

var markStyle = style(8.5, black)

// explain fills the key and the notes.
func (o *outline) explain() {
	for i, s := range o.h.Series {
		text := fmt.Sprintf("%s, %d values", s.Name, len(s.Values))
		if n := o.b.outside[i]; n > 0 {
			text += fmt.Sprintf(", %d of them not on this axis", n)
		}
		o.key.add(text, func(x0, x1, y vg.Length) { o.sample(i, x0, x1, y) })
	}
	var sources []string
	for _, s := range o.h.Series {
		if s.Source != "" && !slices.Contains(sources, s.Source) {
			sources = append(sources, s.Source)
		}
	}
	for _, source := range sources {
		if len(o.h.Series) == 1 {
			o.notes.add("Source: " + source)
			continue
		}
		var marks []func(vg.Point)
		for i, s := range o.h.Series {
			if s.Source == source {
				marks = append(marks, func(at vg.Point) { o.flag(i, at, 2.6) })
			}
		}
		o.notes.add(source, marks...)
	}
}

// flag is the marker of a sample: on its marks, in the key and before its source.
func (o *outline) flag(series int, at vg.Point, r vg.Length) {
	o.c.FillPolygon(shades[series], corners(at, r, series))
}

// sample draws a bit of an outline.
func (o *outline) sample(series int, x0, x1, y vg.Length) {
	s := outlineLooks[series]
	w := (x1 - x0) / 4
	low, high := o.y(y+5), o.y(y-4)
	steps := []vg.Point{{X: x0, Y: low}, {X: x0 + w, Y: low}, {X: x0 + w, Y: high},
		{X: x0 + 3*w, Y: high}, {X: x0 + 3*w, Y: low}, {X: x1, Y: low}}
	o.c.FillPolygon(light(series), steps[1:5])
	o.c.StrokeLines(s, steps)
	o.flag(series, vg.Point{X: (x0 + x1) / 2, Y: o.y(y + 1)}, 2.6)
}

func light(series int) color.NRGBA {
	c := shades[series]
	c.A = 0x1c
	return c
}

func (o *outline) draw(c draw.Canvas) {
	o.blank(c)
	o.drawHead()
	o.drawGrid()
	for i := range o.h.Series {
		o.drawSeries(i)
	}
	o.drawMarks()
	o.drawAxes()
	o.drawKey()
	o.drawNotes()
}

func (o *outline) drawSeries(series int) {
	s := &o.h.Series[series]
	floor := o.y(o.bottom)
	if o.b.outside[series] == len(s.Values) {
		return
	}
	points := []vg.Point{{X: o.px(o.b.edges[0]), Y: floor}}
	for j, n := range o.b.counts[series] {
		y := o.y(o.py(100 * share(n, len(s.Values))))
		points = append(points, vg.Point{X: o.px(o.b.edges[j]), Y: y},
			vg.Point{X: o.px(o.b.edges[j+1]), Y: y})
	}
	points = append(points, vg.Point{X: o.px(o.b.edges[len(o.b.edges)-1]), Y: floor})
	clip := o.inside()
	o.c.FillPolygon(light(series), clip.ClipPolygonXY(points))
	o.c.StrokeLines(outlineLooks[series], clip.ClipLinesXY(points)...)
}

// drawMarks draws each mark as a line through the panel, which ends in the marker of its sample
// and is joined to its label.
func (o *outline) drawMarks() {
	top := o.y(o.top)
	for _, m := range o.marks {
		c := shades[m.series]
		o.line(c, 0.9, []vg.Length{3, 2}, vg.Point{X: m.x, Y: o.y(o.bottom)},
			vg.Point{X: m.x, Y: top})
		o.line(c, 0.5, nil, vg.Point{X: m.x, Y: top}, vg.Point{X: m.x, Y: top + 4},
			vg.Point{X: m.over, Y: top + markLead - 3})
		s := markStyle
		s.Color = c
		if o.upright {
			s.Rotation = math.Pi / 2
			o.text(s, m.over, top+markLead, m.text)
			continue
		}
		s.XAlign = draw.XCenter
		o.text(s, m.over, top+markLead+3, m.text)
	}
	for _, m := range o.marks {
		o.flag(m.series, vg.Point{X: m.x, Y: top}, 3.2)
	}
}
