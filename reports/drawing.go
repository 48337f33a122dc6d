package reports

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// Measures of a timeline in points.
const (
	edge      = 14  // around everything
	axisLeft  = 56  // for numbers and names left of the panels
	logHeight = 230 // of the panel of logs
	ackHeight = 84  // of the panel of acknowledgements
	laneStep  = 15  // of one replica's bar
	between   = 10  // panels
	axisBelow = 34  // for the numbers below the last panel
	lineStep  = 12  // of small text
	maxLegend = 24  // what fired is listed up to this many
)

// drawing lays a story out. Vertical places are counted from the top until they are drawn.
type drawing struct {
	sheet
	s     *story
	opt   TimelineOptions
	unit  timeUnit
	marks []mark
	rows  int // of marks

	left       vg.Length // the panels' edges
	right      vg.Length
	head       []headline
	key        []keyItem
	keyRows    int
	keyTop     vg.Length // and all below: from the top
	top        vg.Length // of the panel of logs
	lanes      vg.Length
	acks       vg.Length
	legend     vg.Length
	legendRows int
}

// headline is a line of text above the panels.
type headline struct {
	text  string
	size  float64
	bold  bool
	color color.Color
}

// mark is the label of what fired at one place; several that are too close share one.
type mark struct {
	first, last int // numbers, from 1
	x           vg.Length
	row         int
}

func newDrawing(s *story, opt TimelineOptions, form *format) *drawing {
	d := &drawing{s: s, opt: opt, unit: unitFor(s.end)}
	d.form, d.width = form, vg.Length(opt.Width)
	d.left = edge + axisLeft
	d.right = vg.Length(opt.Width) - edge - 4
	if !opt.Untitled {
		d.head = headlines(s)
	}
	d.layKey()
	d.placeMarks()
	y := vg.Length(edge)
	for _, h := range d.head {
		y += vg.Length(h.size * 1.45)
	}
	y += 3
	d.keyTop = y
	y += vg.Length(d.keyRows*keyStep) + 6
	y += vg.Length(d.rows*13 + 3)
	d.top = y
	y += logHeight + between
	d.lanes = y
	y += vg.Length(laneStep*len(s.tracks)) + between
	d.acks = y
	y += ackHeight + axisBelow
	d.legend = y
	n := min(len(s.fired), maxLegend)
	d.legendRows = (n + 1) / 2
	y += vg.Length(d.legendRows * lineStep)
	if len(s.fired) > n {
		y += lineStep
	}
	d.height = y + edge
	return d
}

// headlines is the name of the run, what came of it, and what the scenario is about.
func headlines(s *story) []headline {
	res := s.res
	title := res.Scenario
	if s.several {
		title += ", " + s.resource
	}
	c := unsure
	switch res.Outcome {
	case scenario.Passed:
		c = good
	case scenario.Violated, scenario.Failed:
		c = lost
	}
	line := fmt.Sprintf("world %s, seed %d: %v", res.World, res.Seed, res.Outcome)
	if res.Reason != "" {
		line += " - " + res.Reason
	} else if n := len(res.Checks); n > 0 && res.Verdict == check.OK {
		line += fmt.Sprintf(" - all %s hold", count(n, "check"))
		if n == 1 {
			line = strings.Replace(line, "all 1 check hold", "the check holds", 1)
		}
	}
	out := []headline{{title, 14, true, black}, {line, 10, false, c}}
	if res.Replay != nil && res.Replay.Description != "" {
		out = append(out, headline{res.Replay.Description, 9, false, grey})
	}
	return out
}

// x is the horizontal place of a time.
func (d *drawing) x(t node.Time) vg.Length {
	return d.left + (d.right-d.left)*vg.Length(float64(t)/float64(max(d.s.end, 1)))
}

// placeMarks gives what fired numbers in as few rows as they need, at most three. If that is too
// narrow, those that are near each other share a mark, and more and more of them.
func (d *drawing) placeMarks() {
	for near := vg.Length(4); ; near *= 2 {
		d.marks = d.marks[:0]
		for i := range d.s.fired {
			x, n := d.x(d.s.fired[i].At), len(d.marks)
			if n > 0 && x-d.marks[n-1].x < near {
				d.marks[n-1].last = i + 1
				continue
			}
			d.marks = append(d.marks, mark{first: i + 1, last: i + 1, x: x})
		}
		if d.stack() {
			return
		}
	}
}

// stack gives each mark the lowest row in which it does not touch another, if there is one.
func (d *drawing) stack() bool {
	const maxRows = 3
	var ends [maxRows]vg.Length
	d.rows = 0
	for i := range d.marks {
		m := &d.marks[i]
		half := d.markWidth(m)/2 + 1
		for m.row < maxRows && m.x-half < ends[m.row] {
			m.row++
		}
		if m.row == maxRows {
			return false
		}
		ends[m.row] = m.x + half
		d.rows = max(d.rows, m.row+1)
	}
	return true
}

func (m *mark) text() string {
	if m.first == m.last {
		return fmt.Sprint(m.first)
	}
	return fmt.Sprintf("%d-%d", m.first, m.last)
}

func (d *drawing) markWidth(m *mark) vg.Length {
	return style(8, black).Width(m.text()) + 7
}

func (d *drawing) draw(c draw.Canvas) {
	d.blank(c)
	d.drawHead()
	d.drawKey()
	logs, acks := d.logAxis(), d.ackAxis()
	logs.grid(d)
	acks.grid(d)
	d.drawGap()
	d.drawMarks()
	d.drawLogs(logs)
	d.drawLanes()
	d.drawAcks(acks)
	logs.frame(d)
	acks.frame(d)
	d.drawTimes()
	d.drawLegend()
}

func (d *drawing) drawHead() {
	y := vg.Length(edge)
	for _, h := range d.head {
		s := style(h.size, h.color)
		if h.bold {
			s = bold(s)
		}
		step := vg.Length(h.size * 1.45)
		d.text(s, edge, d.y(y+step/2), fit(s, h.text, vg.Length(d.opt.Width)-2*edge))
		y += step
	}
}

// drawMarks draws a thin line through all panels for what fired, and its number on top.
func (d *drawing) drawMarks() {
	bottom := d.y(d.acks + ackHeight)
	s := style(8, color.White)
	s.XAlign = draw.XCenter
	for _, boxes := range []bool{false, true} { // no line shall cross a number
		for i := range d.marks {
			m := &d.marks[i]
			y := d.y(d.top-3) + vg.Length(m.row*13) + 6
			if !boxes {
				d.line(rule, 0.6, []vg.Length{2, 2}, vg.Point{X: m.x, Y: y},
					vg.Point{X: m.x, Y: bottom})
				continue
			}
			half := d.markWidth(m) / 2
			d.fill(grey, m.x-half, y-5.5, m.x+half, y+5.5)
			d.text(s, m.x, y+0.5, m.text())
		}
	}
}

func (d *drawing) drawTimes() {
	y := d.y(d.acks + ackHeight)
	s := style(8.5, black)
	s.XAlign = draw.XCenter
	for _, t := range axisTicks(0, float64(d.s.end)/d.unit.ns, int(d.opt.Width/70), 0) {
		x := d.x(node.Time(math.Round(t.Value * d.unit.ns)))
		d.line(black, 0.6, nil, vg.Point{X: x, Y: y}, vg.Point{X: x, Y: y - 3})
		d.text(s, x, y-9, t.Label)
	}
	d.text(s, (d.left+d.right)/2, y-21, "time ("+d.unit.name+")")
}

// drawLegend lists what fired, down the left column and then down the right one.
func (d *drawing) drawLegend() {
	fired := d.s.fired
	n := min(len(fired), maxLegend)
	half := (vg.Length(d.opt.Width) - 2*edge) / 2
	s := style(8.5, black)
	for i := range n {
		x := vg.Length(edge) + half*vg.Length(i/max(d.legendRows, 1))
		y := d.y(d.legend + vg.Length(i%max(d.legendRows, 1)*lineStep) + lineStep/2)
		number, at := style(8, grey), style(8.5, grey)
		number.XAlign, at.XAlign = draw.XRight, draw.XRight
		d.text(bold(number), x+14, y, fmt.Sprint(i+1))
		d.text(at, x+66, y, shortSpan(fired[i].At))
		d.text(s, x+74, y, fit(s, firedText(fired[i]), half-82))
	}
	if len(fired) > n {
		d.text(style(8.5, grey), edge+74, d.y(d.legend+vg.Length(d.legendRows*lineStep)+
			lineStep/2), fmt.Sprintf("and %d more", len(fired)-n))
	}
}
