package reports

import (
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// piece is a part of a line of text: as it is, raised or lowered.
type piece struct {
	text string
	up   int // 1: an exponent; -1: an index; 0: neither
}

// Few fonts have all raised and lowered characters. They are drawn as small ordinary ones.
var (
	raised  = letters("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵏ", "0123456789+−()nik")
	lowered = letters("₀₁₂₃₄₅₆₇₈₉ₖₙₘᵢ", "0123456789knmi")
	// What the fonts of pictures lack altogether is written in other words.
	spelt = map[rune]string{'⌈': "ceil(", '⌉': ")", '⌊': "floor(", '⌋': ")", '∈': "in", '∪': "or",
		'∝': "~", '≪': "<<", '≫': ">>", '\ufffd': "?"}
)

func letters(from, to string) map[rune]string {
	out := map[rune]string{}
	plain := []rune(to)
	for i, r := range []rune(from) {
		out[r] = string(plain[i])
	}
	return out
}

const (
	small = 0.72 // size of what is raised or lowered, of the text around it
	lift  = 0.36 // how far it is raised, of the size of the text
	sink  = 0.16
)

// pieces splits text at what is raised or lowered.
func pieces(text string) []piece {
	text = clean(text)
	if !strings.ContainsFunc(text, special) {
		if text == "" {
			return nil
		}
		return []piece{{text, 0}}
	}
	var out []piece
	for _, r := range text {
		s, up := string(r), 0
		if plain, ok := raised[r]; ok {
			s, up = plain, 1
		} else if plain, ok := lowered[r]; ok {
			s, up = plain, -1
		} else if words, ok := spelt[r]; ok {
			s = words
		}
		if n := len(out) - 1; n >= 0 && out[n].up == up {
			out[n].text += s
			continue
		}
		out = append(out, piece{s, up})
	}
	return out
}

// special is true for what pieces may change: nothing below the raised 2.
func special(r rune) bool { return r >= '²' }

// width is that of the piece in a text of this style.
func (p piece) width(s draw.TextStyle) vg.Length {
	if p.up != 0 {
		s.Font.Size *= small
	}
	return s.Width(p.text)
}

// textWidth is how wide a line of text is.
func textWidth(s draw.TextStyle, text string) vg.Length {
	var w vg.Length
	for _, p := range pieces(text) {
		w += p.width(s)
	}
	return w
}

// room is what a text must be given: viewers without our fonts take wider ones, and not all of
// them heed the width that a text says it has.
func room(s draw.TextStyle, text string) vg.Length { return 1.15 * textWidth(s, text) }

// setter is a canvas that raises and lowers parts of a text by itself, and aligns it, so that both
// are right in whatever font the text is shown.
type setter interface {
	set(draw.XAlignment) // how the next text is aligned
}

// text draws a line of text.
func (d *sheet) text(s draw.TextStyle, x, y vg.Length, text string) {
	list := pieces(text)
	if len(list) == 0 {
		return
	}
	if c, ok := d.c.Canvas.(setter); ok {
		c.set(s.XAlign)
		s.XAlign = draw.XLeft
		d.c.FillText(s, vg.Point{X: x, Y: y}, clean(text))
		return
	}
	if len(list) == 1 && list[0].up == 0 {
		d.c.FillText(s, vg.Point{X: x, Y: y}, list[0].text)
		return
	}
	sin, cos := math.Sincos(s.Rotation)
	along := vg.Point{X: vg.Length(cos), Y: vg.Length(sin)}
	above := vg.Point{X: -along.Y, Y: along.X}
	at := vg.Point{X: x, Y: y}.Add(along.Scale(textWidth(s, text) * vg.Length(s.XAlign)))
	s.XAlign = draw.XLeft
	for _, p := range list {
		part, to := s, at
		if p.up != 0 {
			part.Font.Size *= small
			shift := baseLine(s) - baseLine(part) + s.Font.Size*lift
			if p.up < 0 {
				shift = baseLine(s) - baseLine(part) - s.Font.Size*sink
			}
			to = to.Add(above.Scale(shift))
		}
		d.c.FillText(part, to, p.text)
		at = at.Add(along.Scale(d.advance(part, p.text)))
	}
}

// advance is how far the text after this one is moved by it.
func (d *sheet) advance(s draw.TextStyle, text string) vg.Length {
	if !d.form.unkerned {
		return s.Width(text)
	}
	var w vg.Length
	for _, r := range text {
		w += s.Width(string(r))
	}
	return w
}

// baseLine is how far the base line of a text lies above the place where it is drawn.
func baseLine(s draw.TextStyle) vg.Length {
	e := s.FontExtents()
	return (e.Ascent+e.Descent)*vg.Length(s.YAlign) - e.Ascent + s.Font.Size
}

// fit cuts text so that it is at most width wide.
func fit(s draw.TextStyle, text string, width vg.Length) string {
	if text = clean(text); textWidth(s, text) <= width {
		return text
	}
	r := []rune(text)
	// Text is wider than nothing; halving finds the longest that fits.
	lo, hi := 0, len(r)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if textWidth(s, string(r[:mid])+"…") <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return strings.TrimRight(string(r[:lo]), " ") + "…"
}

// wrapTo breaks text at spaces into lines that fit a width in any font, at most so many; what is
// left over is cut.
func wrapTo(s draw.TextStyle, text string, width vg.Length, most int) []string {
	width /= 1.15
	var out []string
	words := strings.Fields(clean(text))
	for len(words) > 0 {
		if len(out) == most-1 {
			return append(out, fit(s, strings.Join(words, " "), width))
		}
		n := 1
		for n < len(words) && textWidth(s, strings.Join(words[:n+1], " ")) <= width {
			n++
		}
		out = append(out, fit(s, strings.Join(words[:n], " "), width))
		words = words[n:]
	}
	return out
}

// lettering is text of several lines.
type lettering struct {
	style draw.TextStyle
	lines []string
}

// letter breaks text into so many lines at most. If that would cut it, it is written smaller, in
// as many as the second number says.
func letter(s draw.TextStyle, text string, width vg.Length, most, small int) lettering {
	l := lettering{s, wrapTo(s, text, width, most)}
	if n := len(l.lines); n == most && strings.HasSuffix(l.lines[n-1], "…") {
		s.Font.Size *= 0.84
		l = lettering{s, wrapTo(s, text, width, small)}
	}
	return l
}

// step is from line to line.
func (l *lettering) step() vg.Length { return l.style.Font.Size * 1.3 }

func (l *lettering) height() vg.Length { return vg.Length(len(l.lines)) * l.step() }

// block writes the lines from a place on, counted from the top.
func (d *sheet) block(l lettering, x, top vg.Length) {
	for i, line := range l.lines {
		d.text(l.style, x, d.y(top+l.step()*(vg.Length(i)+0.5)), line)
	}
}
