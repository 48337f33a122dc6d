package reports

import (
	"gonum.org/v1/plot/vg"
)

// spread gives labels along a line places of their own, in their order, so that the squares of
// their distances from where they want to be are least. They stay between lo and hi if these have
// room for all. want ascends; both it and what is returned are middles.
func spread(want, size []vg.Length, lo, hi vg.Length) []vg.Length {
	// Without what stands between, all places only have to ascend: neighbours that do not share
	// their mean (this is isotonic regression, by pooling neighbours).
	type pool struct {
		sum vg.Length
		n   int
	}
	mean := func(p pool) vg.Length { return p.sum / vg.Length(p.n) }
	before := make([]vg.Length, len(want)) // what stands before a label, and half of it
	var pools []pool
	for i := range want {
		before[i] = size[i] / 2
		if i > 0 {
			before[i] += before[i-1] + size[i-1]/2
		}
		p := pool{want[i] - before[i], 1}
		for len(pools) > 0 && mean(pools[len(pools)-1]) > mean(p) {
			last := pools[len(pools)-1]
			p.sum, p.n = p.sum+last.sum, p.n+last.n
			pools = pools[:len(pools)-1]
		}
		pools = append(pools, p)
	}
	var whole vg.Length
	for _, s := range size {
		whole += s
	}
	var out []vg.Length
	for _, p := range pools {
		at := max(min(mean(p), hi-whole), lo)
		for range p.n {
			out = append(out, at+before[len(out)])
		}
	}
	return out
}
