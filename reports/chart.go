package reports

import (
	"cmp"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
)

// chart lays curves out.
type chart struct {
	plate
	f     *Curves
	looks []curveLook
	names []nameAt // beside the panel; none if they stand below it
}

// nameAt is the name of a curve beside the panel.
type nameAt struct {
	curve  int
	from   vg.Length // where the curve ends
	end, y vg.Length // how high it ends and where the name stands, from the top
}

const (
	nameStep    = 12
	nameLead    = 10 // from the panel to the sample before a name
	nameSample  = 20
	nameAllSpan = nameLead + nameSample + 5
)

// Colours that differ in lightness and for the colour-blind (Okabe and Ito 2008, darkened).
var shades = []color.NRGBA{
	{0x1a, 0x1a, 0x1a, 0xff}, {0x00, 0x5a, 0x9c, 0xff}, {0xb3, 0x4a, 0x00, 0xff},
	{0x00, 0x7a, 0x5a, 0xff}, {0x8e, 0x3a, 0x73, 0xff}, {0x6b, 0x6b, 0x6b, 0xff},
}

var groups = []struct {
	width  vg.Length
	dashes []vg.Length
}{
	{2.4, nil}, {1.1, nil}, {1, []vg.Length{5, 3}}, {1.2, []vg.Length{1, 2.5}},
}

const bareGroup = 3

func newChart(s sheet, f *Curves) (*chart, error) {
	reach, err := f.reach()
	if err != nil {
		return nil, err
	}
	looks, err := f.looks()
	if err != nil {
		return nil, err
	}
	l := &chart{plate: newPlate(s, f.Title, f.Subtitle), f: f, looks: looks}
	var widest vg.Length
	for _, c := range f.Curves {
		widest = max(widest, room(style(9, black), c.Name))
	}
	beside := widest+nameAllSpan <= s.width*0.36
	if beside {
		l.right -= widest + nameAllSpan
	}
	height := (l.right - edge - 46) * 0.74
	if beside {
		height = max(height, vg.Length(nameStep*(len(f.Curves)+1)))
	}
	y := f.Y.over(reach.yLeast, reach.yMost)
	foot := y.lo
	y.pad(reach.yLeast, reach.yMost)
	if f.Y.Linear && foot == 0 {
		y.lo = 0 // what begins there stands on the axis
	}
	l.setY(y, height)
	x := f.X.tight(reach.xLeast, reach.xMost)
	if slices.ContainsFunc(f.Curves, func(c Curve) bool { return c.Points }) {
		x.pad(reach.xLeast, reach.xMost)
	}
	l.setX(x)
	if beside {
		l.placeNames()
	} else {
		for i, c := range f.Curves {
			l.key.add(c.Name, func(x0, x1, y vg.Length) { l.sample(i, x0, x1, y) })
		}
	}
	l.noteGaps()
	l.noteSources()
	l.close()
	return l, nil
}

// placeNames gives each curve's name a place of its own as near to the curve's end as the others
// allow.
func (l *chart) placeNames() {
	for i, c := range l.f.Curves {
		for j := len(c.X) - 1; j >= 0; j-- {
			if l.f.X.shows(c.X[j]) && l.f.Y.shows(c.Y[j]) {
				end := min(max(l.py(c.Y[j]), l.top), l.bottom)
				from := min(max(l.px(c.X[j]), l.left), l.right)
				l.names = append(l.names, nameAt{i, from, end, end})
				break
			}
		}
	}
	slices.SortStableFunc(l.names, func(a, b nameAt) int { return cmp.Compare(a.end, b.end) })
	var want, size []vg.Length
	for _, n := range l.names {
		want, size = append(want, n.end), append(size, nameStep)
	}
	for i, y := range spread(want, size, l.top-nameStep/2, l.bottom+nameStep) {
		l.names[i].y = y
	}
}

// noteGaps says which curves are not there at all.
func (l *chart) noteGaps() {
	text, n := "", 0
	for i, c := range l.f.Curves {
		if !l.visible(i) {
			text += ", " + c.Name
			n++
		}
	}
	if n > 0 {
		l.notes.add("Without a point that these axes show: " + text[2:])
	}
}

// visible is true if anything of a curve can be seen.
func (l *chart) visible(curve int) bool {
	c := &l.f.Curves[curve]
	for i := range c.X {
		if l.xRule.within(c.X[i]) && l.yRule.within(c.Y[i]) {
			return true
		}
		if _, high, ok := c.interval(i); ok && l.xRule.within(c.X[i]) && l.yRule.within(high) {
			return true
		}
	}
	// A line may also go through the panel between points that lie outside.
	return !l.looks[curve].points && len(l.parts(curve)) > 0
}

// noteSources lists the distinct sources, each after the markers of its curves.
func (l *chart) noteSources() {
	var sources []string
	for _, c := range l.f.Curves {
		if !slices.Contains(sources, c.Source) {
			sources = append(sources, c.Source)
		}
	}
	lines := 0 // that have no markers
	for _, look := range l.looks {
		if look.bare {
			lines++
		}
	}
	for _, source := range sources {
		if source == "" {
			continue
		}
		if len(sources) == 1 {
			l.notes.add("Source: " + source)
			continue
		}
		var marks []func(vg.Point)
		var bare []string // that cannot be told apart by markers
		for i, c := range l.f.Curves {
			if c.Source == source {
				marks = append(marks, func(at vg.Point) { l.mark(at, i, 2.6) })
				if l.looks[i].bare {
					bare = append(bare, c.Name)
				}
			}
		}
		if len(bare) > 0 && lines > 1 {
			source = strings.Join(bare, "; ") + ": " + source
		}
		l.notes.add(source, marks...)
	}
}
