package reports

import (
	"gonum.org/v1/plot/vg"
)

// keyItem explains one kind of line or shade above the panels.
type keyItem struct {
	text   string
	sample func(d *drawing, x0, x1, y vg.Length)
	x      vg.Length
	row    int
}

const (
	keySample = 18 // width of a sample
	keyStep   = 13 // from row to row
)

// layKey lists what the picture has to explain, in as many rows as it takes.
func (d *drawing) layKey() {
	for i := range d.s.tracks {
		t := &d.s.tracks[i]
		d.key = append(d.key, keyItem{text: fit(style(8.5, black), t.name, 120),
			sample: func(d *drawing, x0, x1, y vg.Length) { d.fill(t.color, x0, y-3, x1, y+3) }})
	}
	d.key = append(d.key,
		keyItem{text: "durable log of the primary", sample: keyLine(primaryWidth)},
		keyItem{text: "of a secondary", sample: keyLine(secondaryWidth)},
		keyItem{text: "not applied yet", sample: keyBand})
	if d.s.cut != nil {
		d.key = append(d.key, keyItem{text: "cut off by the failover",
			sample: func(d *drawing, x0, x1, y vg.Length) { d.fill(cutShade, x0, y-4, x1, y+4) }})
	}
	x, row := d.left, 0
	for i := range d.key {
		w := keySample + 4 + style(8.5, black).Width(d.key[i].text)
		if x > d.left && x+w > d.right {
			x, row = d.left, row+1
		}
		d.key[i].x, d.key[i].row = x, row
		x += w + 14
	}
	d.keyRows = row + 1
}

func keyLine(width vg.Length) func(d *drawing, x0, x1, y vg.Length) {
	return func(d *drawing, x0, x1, y vg.Length) {
		d.line(grey, width, nil, vg.Point{X: x0, Y: y}, vg.Point{X: x1, Y: y})
	}
}

func keyBand(d *drawing, x0, x1, y vg.Length) {
	band, under := grey, grey
	band.A, under.A = bandAlpha, underAlpha
	d.fill(band, x0, y-4, x1, y+4)
	d.line(under, 0.5, nil, vg.Point{X: x0, Y: y - 4}, vg.Point{X: x1, Y: y - 4})
}

func (d *drawing) drawKey() {
	for i := range d.key {
		k := &d.key[i]
		y := d.y(d.keyTop + vg.Length(k.row*keyStep) + keyStep/2)
		k.sample(d, k.x, k.x+keySample, y)
		d.text(style(8.5, black), k.x+keySample+4, y, k.text)
	}
}
