package rare

import (
	"math/bits"
	"math/rand/v2"

	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
)

// Outages of shards and of windows are what one wants millions of in a second. Their trials work
// on bits, without a probe, and draw two numbers from one word of random bits.

// shardTrial is for cells of one set each.
type shardTrial struct {
	general  trial
	cells    uint64
	width    uint64
	tolerate int
	// words has, by cell, the number of the trial that wrote it last, and the members that are
	// down as bits below it: one look tells whether a node was drawn before and what it costs.
	words []uint64
	now   uint64
}

func newShardTrial(p *place.Placement, general trial) *shardTrial {
	code := p.Cell.Code()
	return &shardTrial{general: general, cells: uint64(p.Cells), width: uint64(code.Width),
		tolerate: code.Tolerate, words: make([]uint64, p.Cells)}
}

func (t *shardTrial) run(r *rand.Rand, failed int) outcome {
	if 2*failed > int(t.cells*t.width) {
		return t.general.run(r, failed) // nodes are rather drawn in order
	}
	if t.now++; t.now>>32 != 0 {
		clear(t.words)
		t.now = 1
	}
	lost := 0
	for failed > 0 {
		cell, member := two(r, t.cells, t.width)
		w := t.words[cell]
		if w>>32 != t.now {
			w = t.now << 32
		}
		if w>>member&1 != 0 {
			continue
		}
		w |= 1 << member
		t.words[cell] = w
		if bits.OnesCount32(uint32(w)) == t.tolerate+1 {
			lost++
		}
		failed--
	}
	if lost == 0 {
		return outcome{}
	}
	share := float64(lost) / float64(t.cells)
	return outcome{any: 1, lvs: share, storage: share}
}

// two draws a number below a and one below b, both below 2^32, exactly uniform (Lemire, ACM TOMACS
// 29, 2019).
func two(r *rand.Rand, a, b uint64) (uint64, uint64) {
	for {
		u := r.Uint64()
		x, y := u>>32*a, u&0xffffffff*b
		if low := x & 0xffffffff; low < a && low < (1<<32-a)%a {
			continue
		}
		if low := y & 0xffffffff; low < b && low < (1<<32-b)%b {
			continue
		}
		return x >> 32, y >> 32
	}
}

// windowTrial is for one ring with windows below 64 nodes.
type windowTrial struct {
	general trial
	p       *place.Placement
	n, w    int
	r       int
	mask    uint64
	words   []uint64  // a bit for each node of the ring, and the first ones once more
	sets    []float64 // by failed nodes after one: sets that it is the first member of, and lost
	all     float64
	nodes   []uint32
}

func newWindowTrial(p *place.Placement, w int, general trial) *windowTrial {
	n, r := p.Cell.Nodes(), p.Cell.Code().Width
	t := &windowTrial{general: general, p: p, n: n, w: w, r: r, mask: 1<<w - 1,
		words: make([]uint64, (n+w)/64+2), all: float64(n) * prob.Choose(w, r-1)}
	for i := range w + 1 {
		t.sets = append(t.sets, prob.Choose(i, r-1))
	}
	return t
}

func (t *windowTrial) run(r *rand.Rand, failed int) outcome {
	if 2*failed > t.n {
		return t.general.run(r, failed)
	}
	t.nodes = t.nodes[:0]
	n := uint64(t.n)
	for failed > 0 {
		a, b := two(r, n, n)
		if t.set(a) {
			failed--
		}
		if failed > 0 && t.set(b) {
			failed--
		}
	}
	var lost float64
	for _, i := range t.nodes {
		at := i + 1
		after := t.words[at>>6]>>(at&63) | t.words[at>>6+1]<<1<<(63-at&63)
		lost += t.sets[bits.OnesCount64(after&t.mask)]
	}
	for _, i := range t.nodes {
		t.words[i>>6] = 0
		if int(i) < t.w {
			t.words[(int(i)+t.n)>>6] = 0
		}
	}
	if lost == 0 {
		return outcome{}
	}
	share := lost / t.all
	hit := t.p.HitGivenLost(share)
	return outcome{any: union(hit, float64(t.p.LVs)), lvs: hit, storage: share}
}

// set takes a node down, and says whether it was up.
func (t *windowTrial) set(i uint64) bool {
	if t.words[i>>6]>>(i&63)&1 != 0 {
		return false
	}
	t.words[i>>6] |= 1 << (i & 63)
	if int(i) < t.w { // it is also after the last ones
		j := i + uint64(t.n)
		t.words[j>>6] |= 1 << (j & 63)
	}
	t.nodes = append(t.nodes, uint32(i))
	return true
}
