package reports

import (
	"math"

	"gonum.org/v1/plot/vg"
)

// corner is where cells meet: i edges from the left, j from the top.
type corner struct{ i, j int }

// outlines are the borders of an area of cells, as loops with the area at one side: outer borders
// turn one way and those of holes the other.
func outlines(nx, ny int, in func(i, j int) bool) [][]corner {
	is := func(i, j int) bool { return i >= 0 && j >= 0 && i < nx && j < ny && in(i, j) }
	next := map[corner][]corner{}
	var starts []corner
	edge := func(a, b corner) {
		next[a] = append(next[a], b)
		starts = append(starts, a)
	}
	for j := range ny {
		for i := range nx {
			if !is(i, j) {
				continue
			}
			if !is(i, j-1) {
				edge(corner{i, j}, corner{i + 1, j})
			}
			if !is(i+1, j) {
				edge(corner{i + 1, j}, corner{i + 1, j + 1})
			}
			if !is(i, j+1) {
				edge(corner{i + 1, j + 1}, corner{i, j + 1})
			}
			if !is(i-1, j) {
				edge(corner{i, j + 1}, corner{i, j})
			}
		}
	}
	var loops [][]corner
	for _, start := range starts {
		var loop []corner
		for at := start; len(next[at]) > 0; {
			to := next[at][0]
			next[at] = next[at][1:]
			// What goes straight on needs no corner of its own.
			if n := len(loop); n > 1 && straight3(loop[n-2], loop[n-1], at) {
				loop = loop[:n-1]
			}
			loop = append(loop, at)
			at = to
		}
		if len(loop) > 0 {
			loops = append(loops, loop)
		}
	}
	return loops
}

func straight3(a, b, c corner) bool { return a.i == b.i && b.i == c.i || a.j == b.j && b.j == c.j }

// largest is the connected part of an area that covers most of the sheet, as a mask over cells
// [j][i]; nil if the area is empty.
func (a *lattice) largest() [][]bool {
	nx, ny := len(a.xs)-1, len(a.ys)-1
	seen := grid[bool](nx, ny)
	var best []corner
	most := vg.Length(0)
	for j := range ny {
		for i := range nx {
			if seen[j][i] || !a.in(i, j) {
				continue
			}
			seen[j][i] = true
			part, size := []corner{{i, j}}, vg.Length(0)
			for n := 0; n < len(part); n++ {
				c := part[n]
				size += a.size(c.i, c.j)
				for _, by := range []corner{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
					to := corner{c.i + by.i, c.j + by.j}
					if to.i >= 0 && to.j >= 0 && to.i < nx && to.j < ny && !seen[to.j][to.i] &&
						a.in(to.i, to.j) {
						seen[to.j][to.i] = true
						part = append(part, to)
					}
				}
			}
			if size > most {
				best, most = part, size
			}
		}
	}
	if best == nil {
		return nil
	}
	mask := grid[bool](nx, ny)
	for _, c := range best {
		mask[c.j][c.i] = true
	}
	return mask
}

// size is the area of a cell on the sheet.
func (a *lattice) size(i, j int) vg.Length {
	return (a.xs[i+1] - a.xs[i]) * (a.ys[j+1] - a.ys[j])
}

func grid[T any](nx, ny int) [][]T {
	out := make([][]T, ny)
	for j := range out {
		out[j] = make([]T, nx)
	}
	return out
}

// raster is an area in squares of a few points, with sums over all squares above and to the left,
// so that one can ask at once whether a rectangle lies within the area.
type raster struct {
	x, y, step vg.Length
	nx, ny     int
	sums       []int32
}

func newRaster(a *lattice, in [][]bool) *raster {
	r := &raster{x: a.xs[0], y: a.ys[0], step: 3}
	w, h := a.xs[len(a.xs)-1]-r.x, a.ys[len(a.ys)-1]-r.y
	r.nx, r.ny = int(w/r.step), int(h/r.step)
	r.sums = make([]int32, (r.nx+1)*(r.ny+1))
	for j := range r.ny {
		cellJ, okJ := slot(a.ys, r.y+r.step*(vg.Length(j)+0.5))
		for i := range r.nx {
			var one int32
			cellI, okI := slot(a.xs, r.x+r.step*(vg.Length(i)+0.5))
			if okI && okJ && in[cellJ][cellI] {
				one = 1
			}
			k := (j+1)*(r.nx+1) + i + 1
			r.sums[k] = one + r.sums[k-1] + r.sums[k-r.nx-1] - r.sums[k-r.nx-2]
		}
	}
	return r
}

// filled is true if all squares from (i, j) on, w to the right and h down, are in the area.
func (r *raster) filled(i, j, w, h int) bool {
	row := r.nx + 1
	n := r.sums[(j+h)*row+i+w] - r.sums[j*row+i+w] - r.sums[(j+h)*row+i] + r.sums[j*row+i]
	return int(n) == w*h
}

// place is the middle of a rectangle so wide and high within the area, where there is most room
// around it; false if there is none.
func (r *raster) place(w, h vg.Length) (x, y vg.Length, ok bool) {
	find := func(scale vg.Length) bool {
		nw, nh := int(math.Ceil(float64(w*scale/r.step))), int(math.Ceil(float64(h*scale/r.step)))
		var sumX, sumY, n int
		for j := 0; j+nh <= r.ny; j++ {
			for i := 0; i+nw <= r.nx; i++ {
				if r.filled(i, j, nw, nh) {
					sumX, sumY, n = sumX+i, sumY+j, n+1
				}
			}
		}
		if n == 0 {
			return false
		}
		// Of all such places, the one nearest to their middle.
		best := math.Inf(1)
		for j := 0; j+nh <= r.ny; j++ {
			for i := 0; i+nw <= r.nx; i++ {
				if !r.filled(i, j, nw, nh) {
					continue
				}
				far := math.Hypot(float64(i-sumX/n), float64(j-sumY/n))
				if far < best {
					best = far
					x = r.x + r.step*(vg.Length(i)+vg.Length(nw)/2)
					y = r.y + r.step*(vg.Length(j)+vg.Length(nh)/2)
				}
			}
		}
		return true
	}
	if !find(1) {
		return 0, 0, false
	}
	lo, hi := vg.Length(1), vg.Length(40)
	for range 9 {
		if mid := (lo + hi) / 2; find(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	find(lo)
	return x, y, true
}
