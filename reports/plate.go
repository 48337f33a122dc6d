package reports

import (
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plate is a sheet with one panel: titles above it, ticks and labels along its axes, and below
// them a key and notes. Vertical places are counted from the top until they are drawn.
type plate struct {
	sheet
	title, subtitle          lettering
	xRule, yRule             ruler
	left, right, top, bottom vg.Length // of the panel
	xNotches, yNotches       []notch
	xLabel, yLabel           lettering
	key                      legend
	notes                    notes
}

const (
	tickLong  = 4
	tickShort = 2.2
)

// newPlate lays out what is above the panel.
func newPlate(s sheet, title, subtitle string) plate {
	p := plate{sheet: s}
	p.title = letter(bold(style(13, black)), title, s.width-2*edge, 2, 3)
	p.subtitle = letter(style(9, grey), subtitle, s.width-2*edge, 3, 4)
	p.left, p.right = edge, s.width-edge
	p.top = edge + p.title.height() + p.subtitle.height() + 8
	return p
}

// setY divides the vertical axis of a panel so high, and begins the panel right of its numbers.
func (p *plate) setY(y ruler, height vg.Length) {
	p.yRule, p.bottom = y, p.top+height
	p.yNotches = y.notches(height, true)
	p.yLabel = letter(style(10, black), y.Label, height, 2, 4)
	var widest vg.Length
	for _, n := range p.yNotches {
		widest = max(widest, room(style(notchSize, black), n.label))
	}
	p.left = edge + p.yLabel.height() + widest + tickLong + 6
}

// setX divides the horizontal axis. The left of the panel must be known; its right moves to where
// the last number has room.
func (p *plate) setX(x ruler) {
	p.xRule = x
	for range 5 { // a narrower panel may have other numbers
		p.xNotches = x.notches(p.right-p.left, false)
		var beyond vg.Length
		for _, n := range p.xNotches {
			half := room(style(notchSize, black), n.label) / 2
			beyond = max(beyond, p.alongX(n.at)+half-(p.width-4))
		}
		if beyond <= 0 {
			break
		}
		p.right -= beyond + 1
	}
	p.xLabel = letter(style(10, black), x.Label, p.right-p.left, 3, 5)
}

// close lays out what is below the panel, and ends the sheet there.
func (p *plate) close() {
	y := p.bottom + tickLong + 14 + p.xLabel.height() + 8
	y = p.key.lay(y, edge, p.width-edge)
	y = p.notes.lay(y, p.width-2*edge)
	p.height = y + edge - 4
}

// px and py are the places of values.
func (p *plate) px(v float64) vg.Length { return p.alongX(p.xRule.at(v)) }
func (p *plate) py(v float64) vg.Length { return p.alongY(p.yRule.at(v)) }

// alongX and alongY are places within the panel, from 0 to 1.
func (p *plate) alongX(at float64) vg.Length { return p.left + (p.right-p.left)*near(at) }
func (p *plate) alongY(at float64) vg.Length { return p.bottom - (p.bottom-p.top)*near(at) }

// near keeps what lies beyond the panel so near that lines can still be cut at its edges.
func near(at float64) vg.Length { return vg.Length(max(min(at, 1e6), -1e6)) }

// point is the place of a value on the canvas.
func (p *plate) point(x, y float64) vg.Point {
	return vg.Point{X: p.px(x), Y: p.y(p.py(y))}
}

// inside cuts lines and areas at the frame of the panel.
func (p *plate) inside() window {
	return window{vg.Rectangle{Min: vg.Point{X: p.left, Y: p.y(p.bottom)},
		Max: vg.Point{X: p.right, Y: p.y(p.top)}}}
}

func (p *plate) drawHead() {
	p.block(p.title, edge, edge-5)
	p.block(p.subtitle, edge, edge-5+p.title.height())
}

// drawGrid draws faint lines through the panel.
func (p *plate) drawGrid() {
	for _, n := range p.yNotches {
		if n.grid {
			p.across(p.left, p.right, p.alongY(n.at), faint, 0.5)
		}
	}
	for _, n := range p.xNotches {
		if n.grid {
			p.upright(p.alongX(n.at), p.top, p.bottom, faint, 0.5)
		}
	}
}

// drawAxes draws the frame, ticks outside it, their numbers, and what is counted.
func (p *plate) drawAxes() {
	p.box(p.left, p.top, p.right, p.bottom, grey, 0.8)
	s := style(notchSize, black)
	s.XAlign = draw.XRight
	for _, n := range p.yNotches {
		y := p.alongY(n.at)
		if n.label == "" {
			p.across(p.left-tickShort, p.left, y, grey, 0.5)
			continue
		}
		p.across(p.left-tickLong, p.left, y, grey, 0.8)
		p.text(s, p.left-tickLong-3, p.y(y), n.label)
	}
	s.XAlign = draw.XCenter
	for _, n := range p.xNotches {
		x := p.alongX(n.at)
		if n.label == "" {
			p.upright(x, p.bottom, p.bottom+tickShort, grey, 0.5)
			continue
		}
		p.upright(x, p.bottom, p.bottom+tickLong, grey, 0.8)
		p.text(s, x, p.y(p.bottom+tickLong+8), n.label)
	}
	label := p.xLabel
	label.style.XAlign = draw.XCenter
	p.block(label, (p.left+p.right)/2, p.bottom+tickLong+15)
	label = p.yLabel
	label.style.XAlign, label.style.Rotation = draw.XCenter, math.Pi/2
	for i, line := range label.lines {
		x := edge - 3 + label.step()*(vg.Length(i)+0.5)
		p.text(label.style, x, p.y((p.top+p.bottom)/2), line)
	}
}
