package reports

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// tornadoBars lays a tornado out.
type tornadoBars struct {
	plate
	t          *Tornado
	rows       []barRow // from the top
	elasticity bool     // is written at the right
}

// barRow is a bar with its name and the labels of its ends.
type barRow struct {
	Bar
	name      []string
	y, tall   vg.Length // of the middle; of the bar
	low, high barEnd
}

// barEnd is one end of a bar.
type barEnd struct {
	at    float64 // output; the base if there is none
	label string
	room  vg.Length // that the label needs, and what is between it and the bar
	side  int       // -1: the label is at the left of the end; 1: at the right
	shift float64   // of the middle, in heights of a bar
	tall  float64   // share of the height
}

const (
	barsShown = 40
	barHeight = 15
	twoHeight = 23 // of a bar whose ends lie at one side of the base
	rowGap    = 9
	endGap    = 8 // beside the label of an end, both sides together
)

var (
	lowLook   = regimeLooks[1]
	highLook  = hatching{ground: color.NRGBA{0x4f, 0x86, 0xb3, 0xff}}
	nameStyle = style(9, black)
	endStyle  = style(8, black)
)

func newBars(s sheet, t *Tornado) *tornadoBars {
	b := &tornadoBars{plate: newPlate(s, t.Title, t.Subtitle), t: t}
	bars := t.bySwing()
	if more := len(bars) - barsShown; more > 0 {
		b.notes.add(fmt.Sprintf("%d more inputs, of smaller swings, are in the data.", more))
		bars = bars[:barsShown]
	}
	if t.Source != "" {
		b.notes.add("Source: " + t.Source)
	}
	var widest vg.Length
	column := room(nameStyle, "elasticity")
	for _, bar := range bars {
		r := barRow{Bar: bar, name: wrapTo(nameStyle, bar.Name, s.width*0.27, 3)}
		for _, line := range r.name {
			widest = max(widest, room(nameStyle, line))
		}
		b.rows = append(b.rows, r)
		if !math.IsNaN(bar.Elasticity) {
			b.elasticity = true
			column = max(column, room(nameStyle, signed(bar.Elasticity)))
		}
	}
	b.left += widest + 10
	b.right -= 12
	if b.elasticity {
		b.right -= column - 4
	}
	b.top += 16 // for the label of the base
	y := b.top + rowGap
	for i := range b.rows {
		r := &b.rows[i]
		r.low, r.high = b.ends(r.Bar)
		r.tall = barHeight
		if r.low.side == r.high.side {
			r.tall = twoHeight
		}
		tall := max(r.tall, vg.Length(len(r.name))*11)
		r.y = y + tall/2
		y += tall + rowGap
	}
	b.bottom = y
	for was := vg.Length(0); was != b.right; { // numbers may make the panel narrower
		was = b.right
		b.setX(b.ruler())
	}
	b.dropNegative()
	patch := func(h hatching) func(x0, x1, y vg.Length) {
		return func(x0, x1, y vg.Length) { b.patch(h, x0, y-5, x1, y+5) }
	}
	b.key.add("at the low input", patch(lowLook))
	b.key.add("at the high input", patch(highLook))
	b.close()
	return b
}

// ends are those of a bar. Labels stand outside, away from the base. If both ends lie at one side
// of it, each has half of the height.
func (b *tornadoBars) ends(bar Bar) (low, high barEnd) {
	low, high = b.end(bar.Low, bar.LowInput), b.end(bar.High, bar.HighInput)
	base := b.t.X.count(b.t.Base)
	l, h := b.t.X.count(low.at), b.t.X.count(high.at)
	switch {
	case l == base && h == base:
		low.side, high.side = -1, 1
	case l == base:
		high.side = sideOf(h, base)
		low.side = -high.side
	case h == base:
		low.side = sideOf(l, base)
		high.side = -low.side
	default:
		low.side, high.side = sideOf(l, base), sideOf(h, base)
	}
	if low.side == high.side {
		low.shift, low.tall = -0.25, 0.5
		high.shift, high.tall = 0.25, 0.5
	}
	return low, high
}

func sideOf(v, base float64) int {
	if v < base {
		return -1
	}
	return 1
}

func (b *tornadoBars) end(v float64, input string) barEnd {
	e := barEnd{at: v, label: clean(input), tall: 1}
	if !b.t.X.shows(v) {
		e.at = b.t.Base
		if e.label += ": no value"; !math.IsNaN(v) {
			e.label = clean(input) + ": gives " + brief(v)
		}
	}
	// Labels at both sides of a bar leave it a fifth of the panel.
	wide := (b.right-b.left)*0.4 - endGap
	e.label = fit(endStyle, e.label, min(max(44, (b.right-b.left)*0.2), wide/1.15))
	e.room = room(endStyle, e.label) + endGap
	return e
}

// ruler spans all ends, and leaves room for their labels, as little as they need.
func (b *tornadoBars) ruler() ruler {
	e := newExtent()
	e.add(b.t.Base)
	for _, r := range b.rows {
		e.add(r.low.at)
		e.add(r.high.at)
	}
	a := b.t.X
	if a.Min != 0 {
		e.add(a.Min)
	}
	if a.Max != 0 {
		e.add(a.Max)
	}
	s := ruler{Axis: a, lo: a.count(e.least), hi: a.count(e.most)}
	if s.hi-s.lo < max(a.shortest(s.lo, s.hi), 1e-6*math.Abs(s.hi)) {
		half := 0.05
		if a.Linear {
			half = 0.05 * math.Abs(s.hi)
			if half < 1e-280 {
				half = 1
			}
		}
		s.lo, s.hi = s.lo-half, s.hi+half
	}
	width := float64(b.right - b.left)
	used, before := 0.2, width*0.4 // if labels are wider than the panel
	for u := 0.98; u > 0.2; u -= 0.02 {
		if least, most := b.slack(s, u*width); least <= most {
			used, before = u, (least+most)/2
			break
		}
	}
	unit := (s.hi - s.lo) / (used * width)
	s.lo -= before * unit
	s.hi = s.lo + width*unit
	return s
}

// slack is how far from the left of the panel a ruler so long may begin, so that labels stay
// within.
func (b *tornadoBars) slack(s ruler, length float64) (least, most float64) {
	most = float64(b.right-b.left) - length
	for _, r := range b.rows {
		for _, end := range []barEnd{r.low, r.high} {
			at, w := s.at(end.at)*length, float64(end.room)
			if end.side < 0 {
				least = max(least, w-at)
			} else {
				most = min(most, float64(b.right-b.left)-w-at)
			}
		}
	}
	return least, most
}

// dropNegative leaves out numbers below 0 where only room for labels goes that far.
func (b *tornadoBars) dropNegative() {
	least := b.t.Base
	for _, r := range b.rows {
		least = min(least, r.low.at, r.high.at)
	}
	if least >= 0 && b.t.X.Linear {
		b.xNotches = slices.DeleteFunc(b.xNotches, func(n notch) bool {
			return b.xRule.lo+(b.xRule.hi-b.xRule.lo)*n.at < -1e-9*b.xRule.hi
		})
	}
}

func (b *tornadoBars) draw(c draw.Canvas) {
	b.blank(c)
	b.drawHead()
	b.drawGrid()
	for i := range b.rows {
		b.drawRow(&b.rows[i])
	}
	b.drawBase()
	b.drawAxes()
	b.drawKey()
	b.drawNotes()
}

func (b *tornadoBars) drawRow(r *barRow) {
	s := nameStyle
	s.XAlign = draw.XRight
	for i, line := range r.name {
		y := r.y + (vg.Length(i)-vg.Length(len(r.name)-1)/2)*11
		b.text(s, b.left-8, b.y(y-0.5), line)
	}
	b.drawEnd(r, r.low, lowLook)
	b.drawEnd(r, r.high, highLook)
	if b.elasticity {
		b.text(s, b.width-edge, b.y(r.y-0.5), signed(r.Elasticity))
	}
}

func (b *tornadoBars) drawEnd(r *barRow, e barEnd, look hatching) {
	base, at := b.px(b.t.Base), b.px(e.at)
	y := r.y + vg.Length(e.shift)*r.tall
	half := vg.Length(e.tall) * r.tall / 2
	if math.Abs(float64(at-base)) > 0.3 {
		b.patch(look, min(base, at), y-half, max(base, at), y+half)
	}
	s := endStyle
	x := at + 4
	if e.side < 0 {
		s.XAlign = draw.XRight
		x = at - 4
	}
	b.text(s, x, b.y(y-0.5), e.label)
}

// drawBase draws the line of the base and what it is, above the panel.
func (b *tornadoBars) drawBase() {
	x := b.px(b.t.Base)
	b.upright(x, b.top-4, b.bottom, black, 1.4)
	s := nameStyle
	text := "base " + brief(b.t.Base)
	half := room(s, text) / 2
	s.XAlign = draw.XCenter
	b.text(s, max(min(x, b.right-half), b.left+half), b.y(b.top-10), text)
	if b.elasticity {
		s.XAlign = draw.XRight
		b.text(s, b.width-edge, b.y(b.top-10), "elasticity")
	}
}

// signed writes an elasticity.
func signed(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0) || math.Abs(v) >= 1000:
		return brief(v)
	}
	return minus(fmt.Sprintf("%+.2f", v))
}
