package reports

import (
	"math"

	"gonum.org/v1/plot/vg"
)

// field is a value at each crossing of some lines, whose places are counted from the left and from
// the top; NaN where there is none.
type field struct {
	xs, ys []vg.Length
	values [][]float64
	own    [][]bool // contours stay at this side of the middle between crossings in and out of it
}

// contour are the lines along which the field has this value, interpolated between neighbours.
func (f *field) contour(level float64) [][]vg.Point {
	nx := len(f.xs)
	// A line crosses the edge right of node n at 2n, and the one below it at 2n+1.
	links := map[int][]int{}
	places := map[int]vg.Point{}
	var order []int
	for j := range len(f.ys) - 1 {
		for i := range nx - 1 {
			for _, s := range f.segments(i, j, level) {
				for k, e := range s {
					places[e] = f.crossing(e, level)
					links[e] = append(links[e], s[1-k])
				}
				order = append(order, s[0], s[1])
			}
		}
	}
	var out [][]vg.Point
	walk := func(e int) {
		line := []vg.Point{places[e]}
		for len(links[e]) > 0 {
			to := links[e][0]
			links[e] = links[e][1:]
			for k, back := range links[to] {
				if back == e {
					links[to] = append(links[to][:k:k], links[to][k+1:]...)
					break
				}
			}
			line = append(line, places[to])
			e = to
		}
		if len(line) > 1 {
			out = append(out, line)
		}
	}
	for _, e := range order { // open lines from their ends, then closed ones
		if len(links[e]) == 1 {
			walk(e)
		}
	}
	for _, e := range order {
		walk(e)
	}
	return out
}

// segments are pairs of edges of a square that a line joins.
func (f *field) segments(i, j int, level float64) [][2]int {
	nx := len(f.xs)
	v := [4]float64{f.values[j][i], f.values[j][i+1], f.values[j+1][i+1], f.values[j+1][i]}
	sum, above := 0.0, 0
	for k, x := range v {
		if math.IsNaN(x) {
			return nil
		}
		sum += x
		if x >= level {
			above |= 1 << k
		}
	}
	if above == 0 || above == 15 {
		return nil
	}
	n := j*nx + i
	top, right, bottom, left := 2*n, 2*(n+1)+1, 2*(n+nx), 2*n+1
	if above > 7 && above != 10 { // the line is the same if above and below change places
		above = 15 - above
	}
	switch above {
	case 1:
		return [][2]int{{left, top}}
	case 2:
		return [][2]int{{top, right}}
	case 3:
		return [][2]int{{left, right}}
	case 4:
		return [][2]int{{right, bottom}}
	case 6:
		return [][2]int{{top, bottom}}
	case 7:
		return [][2]int{{left, bottom}}
	}
	// A saddle: opposite corners are above; the middle decides which are joined.
	if (above == 5) == (sum/4 >= level) {
		return [][2]int{{top, right}, {left, bottom}}
	}
	return [][2]int{{left, top}, {right, bottom}}
}

// crossing is where a line crosses an edge.
func (f *field) crossing(edge int, level float64) vg.Point {
	n := edge / 2
	i, j := n%len(f.xs), n/len(f.xs)
	i2, j2 := i+1, j
	if edge%2 == 1 {
		i2, j2 = i, j+1
	}
	a, b := f.values[j][i], f.values[j2][i2]
	t := 0.5
	if a != b {
		t = min(max((level-a)/(b-a), 0), 1)
	}
	if in, to := f.own[j][i], f.own[j2][i2]; in && !to {
		t = min(t, 0.5)
	} else if to && !in {
		t = max(t, 0.5)
	}
	between := func(p, q vg.Length) vg.Length { return p + (q-p)*vg.Length(t) }
	return vg.Point{X: between(f.xs[i], f.xs[i2]), Y: between(f.ys[j], f.ys[j2])}
}

func distance(a, b vg.Point) vg.Length {
	return vg.Length(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y)))
}

// length is that of a line.
func length(line []vg.Point) vg.Length {
	var out vg.Length
	for i := 1; i < len(line); i++ {
		out += distance(line[i-1], line[i])
	}
	return out
}

// along is the point of a line so far from its beginning.
func along(line []vg.Point, far vg.Length) vg.Point {
	for i := 1; i < len(line); i++ {
		step := distance(line[i-1], line[i])
		if far <= step && step > 0 {
			return line[i-1].Add(line[i].Sub(line[i-1]).Scale(far / step))
		}
		far -= step
	}
	return line[len(line)-1]
}
