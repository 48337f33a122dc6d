package reports

import (
	"fmt"

	"gonum.org/v1/plot/vg"
)

// keyEntry explains one kind of line or area below a panel.
type keyEntry struct {
	text   string
	sample func(x0, x1, y vg.Length) // draws it, y from the top

	x, y  vg.Length
	lines []string
}

// legend is a list of them, in columns of one width.
type legend struct{ entries []keyEntry }

const (
	sampleWidth = 24
	entryStep   = 13
)

func (k *legend) add(text string, sample func(x0, x1, y vg.Length)) {
	k.entries = append(k.entries, keyEntry{text: text, sample: sample})
}

// lay gives the entries their places between left and right, from y on, and returns where it
// ends: row by row, in as many columns as the longest text allows.
func (k *legend) lay(y, left, right vg.Length) vg.Length {
	if len(k.entries) == 0 {
		return y
	}
	s := style(9, black)
	var widest vg.Length
	for i := range k.entries {
		widest = max(widest, sampleWidth+6+room(s, k.entries[i].text)+14)
	}
	columns := max(1, min(int((right-left+14)/widest), len(k.entries)))
	step := (right - left + 14) / vg.Length(columns)
	if columns == len(k.entries) {
		step = widest
	}
	for i := 0; i < len(k.entries); i += columns {
		tall := 1
		for j := i; j < min(i+columns, len(k.entries)); j++ {
			e := &k.entries[j]
			e.x, e.y = left+step*vg.Length(j-i), y+entryStep/2
			e.lines = wrapTo(s, e.text, min(step, right-e.x)-sampleWidth-6, 3)
			tall = max(tall, len(e.lines))
		}
		y += vg.Length(tall-1)*11 + entryStep
	}
	return y + 6
}

func (p *plate) drawKey() {
	s := style(9, black)
	for _, e := range p.key.entries {
		e.sample(e.x, e.x+sampleWidth, e.y)
		for i, line := range e.lines {
			p.text(s, e.x+sampleWidth+6, p.y(e.y+vg.Length(i)*11), line)
		}
	}
}

// note is a footnote, with the markers of what it is about before it.
type note struct {
	text  string
	marks []func(at vg.Point)
	lines []string
	y     vg.Length
}

// notes are those of a figure.
type notes struct {
	list []note
	more int // that the sheet has no room for
	y    vg.Length
}

const (
	noteStep  = 10
	noteLines = 8
	markStep  = 9
)

func (n *notes) add(text string, marks ...func(at vg.Point)) {
	if text != "" {
		n.list = append(n.list, note{text: text, marks: marks})
	}
}

// lay breaks the notes into at most eight lines from y on, and returns where they end. If that is
// not enough for all, each gets its share, and what is cut is in the data.
func (n *notes) lay(y, width vg.Length) vg.Length {
	for most := noteLines; most > 0; most-- {
		lines := 0
		for i := range n.list {
			e := &n.list[i]
			e.lines = wrapTo(noteStyle, e.text, width-e.indent(), most)
			lines += len(e.lines)
		}
		if lines <= noteLines {
			break
		}
	}
	if len(n.list) > noteLines {
		n.more = len(n.list) - noteLines + 1
		n.list = n.list[:noteLines-1]
	}
	for i := range n.list {
		n.list[i].y = y + noteStep/2
		y += vg.Length(len(n.list[i].lines)) * noteStep
	}
	n.y = y + noteStep/2
	if n.more > 0 {
		y += noteStep
	}
	return y
}

var noteStyle = style(7.5, grey)

func (e *note) indent() vg.Length {
	if len(e.marks) == 0 {
		return 0
	}
	return vg.Length(len(e.marks))*markStep + 3
}

func (p *plate) drawNotes() {
	for i := range p.notes.list {
		e := &p.notes.list[i]
		for j, mark := range e.marks {
			mark(vg.Point{X: edge + markStep*(vg.Length(j)+0.5), Y: p.y(e.y)})
		}
		for j, line := range e.lines {
			p.text(noteStyle, edge+e.indent(), p.y(e.y+vg.Length(j)*noteStep), line)
		}
	}
	if p.notes.more > 0 {
		p.text(noteStyle, edge, p.y(p.notes.y),
			fmt.Sprintf("and %d more, in the data", p.notes.more))
	}
}
