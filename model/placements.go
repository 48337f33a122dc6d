package model

import (
	"math"
	"strings"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
)

// placements are the names of the parameter "placement".
var placements = []string{"shards", "bigcluster", "copysets", "window", "groups", "clusters",
	"striped", "tiered", "rs", "rs-bigcluster", "lrc", "lrc-bigcluster", "remote-shards",
	"flexible-shards"}

// Placements lists the names that the parameter "placement" may have.
func Placements() []string { return placements }

// readPlacement reads where replicas lie. The random choices of a placement (copysets, groups,
// tiers) come from a stream of their own, so that they are the same for every question.
func readPlacement(a *args) *place.Placement {
	if !a.has("placement") {
		a.fail("placement", "must be one of %s", strings.Join(placements, ", "))
		return nil
	}
	kind := a.choice("placement", placements...)
	if a.err != nil {
		return nil
	}
	b := &builder{args: a, kind: kind, code: readCode(a, kind)}
	if a.err != nil {
		return nil
	}
	pl := b.build()
	if a.err == nil {
		if err := pl.Validate(); err != nil {
			a.fail("placement", "%v", err)
		}
	}
	return pl
}

// mostShards bounds the parameters of an LRC, whose patterns are counted one number at a time.
const mostShards = 100

func readCode(a *args, kind string) place.Code {
	switch kind {
	case "rs", "rs-bigcluster":
		d := a.whole("D", 1, 1000)
		return place.ReedSolomon(d, a.whole("P", 0, 1000))
	case "lrc", "lrc-bigcluster":
		lrc := place.LRC{Data: a.whole("D", 1, mostShards), Groups: a.whole("L", 1, mostShards),
			Global: a.whole("P", 0, mostShards)}
		if a.err == nil && lrc.Data%lrc.Groups != 0 {
			a.fail("L", "must divide the data shards evenly (D = %d)", lrc.Data)
		}
		return place.LocallyRepairable(lrc)
	}
	return place.Replicas(a.whole("k", 1, 1000))
}

// builder makes placements. n counts volumes and N nodes; either follows from the other by the
// rule of the published model, one volume for each k nodes.
type builder struct {
	*args
	kind string
	code place.Code
	n, N int
}

func (b *builder) build() *place.Placement {
	b.size()
	if b.err != nil {
		return nil
	}
	p := &place.Placement{Name: b.kind, LVs: b.n, Cells: 1, Objects: math.Inf(1)}
	w := b.code.Width
	switch b.kind {
	case "shards", "remote-shards", "flexible-shards", "rs", "lrc":
		b.divides("N", b.N, w, "the width of a shard")
		p.Cells, p.Cell = b.N/w, place.AllSubsets(w, b.code)
	case "clusters":
		p.Cells = b.whole("clusters", 1, b.N)
		b.divides("clusters", b.N, p.Cells, "the clusters")
		if b.err == nil && b.N/p.Cells < w {
			b.fail("clusters", "must leave each cluster %d nodes or more of N = %d", w, b.N)
		}
		p.Cell = place.AllSubsets(b.N/p.Cells, b.code)
	case "striped":
		wide := b.whole("stripe", 1, b.N/w)
		b.divides("N", b.N, w*wide, "a stripe's nodes")
		p.Cells, p.Cell = b.N/(w*wide), b.sets(place.Stripes(wide, b.code))
	default:
		p.Cell = b.oneCell()
	}
	if b.err == nil && p.LVs%p.Cells != 0 {
		name := "n"
		if !b.has("n") {
			name = "N"
		}
		b.fail(name, "the %d volumes must be divisible by the %d cells (shards, stripes or clusters)",
			p.LVs, p.Cells)
	}
	if b.objects() {
		p.Objects = b.numberOr("objects", p.Objects, 1, math.Inf(1))
	}
	return p
}

// objects says whether volumes may lie on fewer sets than their cell has.
func (b *builder) objects() bool {
	switch b.kind {
	case "shards", "remote-shards", "flexible-shards", "rs", "lrc", "striped":
		return false
	}
	return true
}

func (b *builder) oneCell() place.Pool {
	r := b.code.Width
	random := draw.Stream(0, "placement", 0)
	switch b.kind {
	case "copysets":
		b.divides("N", b.N, r, "the replicas")
		s := b.whole("S", max(1, r-1), b.N-1)
		if b.err == nil && r > 1 && s%(r-1) != 0 {
			b.fail("S", "must be a multiple of k-1 = %d", r-1)
		}
		if r < 2 {
			b.fail("k", "must be at least 2 for copysets")
		}
		if b.err != nil {
			return nil
		}
		return b.sets(place.Copysets(b.N, r, s, random))
	case "window":
		w := b.whole("w", max(1, r-1), max(1, (b.N-1)/2))
		return place.Ring(b.N, r, w)
	case "groups":
		return b.sets(place.Groups(b.N, b.code, b.whole("groups", 1, 10_000_000), random))
	case "tiered":
		n2 := b.whole("backup", 1, b.N-1)
		if b.err == nil && r < 2 {
			b.fail("k", "must be at least 2: one replica lies on the backup tier")
		}
		b.divides("N", b.N-n2, max(1, r-1), "the replicas of the primary tier")
		s := b.wholeOr("S", max(1, r-2), max(1, r-2), max(1, b.N-n2-1))
		if b.err != nil {
			return nil
		}
		return b.sets(place.Tiered(b.N-n2, n2, r, s, random))
	}
	if g := b.apart(); g > 0 {
		return place.AllApart(b.N, r, g)
	}
	return place.AllSubsets(b.N, b.code)
}

// apart is the number of domains that a BigCluster spreads replicas over; 0 for none.
func (b *builder) apart() int {
	if b.kind != "bigcluster" || b.given["across"] == nil {
		return 0
	}
	levels := map[string]string{"rack": "racks", "room": "rooms", "site": "sites"}
	across, _ := b.given["across"].(string)
	name, ok := levels[across]
	if !ok {
		return 0
	}
	g := b.whole(name, 1, b.N)
	b.divides(name, b.N, g, "the domains")
	if b.err == nil && g < b.code.Width {
		b.fail(name, "must be at least k = %d, to hold each replica in another one", b.code.Width)
	}
	return g
}

// size reads n and N.
func (b *builder) size() {
	w := b.code.Width
	const most = 10_000_000
	switch hasN := b.has("N"); {
	case hasN:
		b.N = b.whole("N", w, most)
		b.n = b.wholeOr("n", max(1, b.N/w), 1, most)
	default:
		b.n = b.whole("n", 1, most/w)
		b.N = b.n * w
	}
	if b.has("per_shard") {
		if b.has("n") {
			b.fail("per_shard", "give it or n, not both")
		}
		b.n = b.N / w * b.whole("per_shard", 1, 1_000_000)
	}
}

func (b *builder) divides(name string, whole, part int, what string) {
	if b.err == nil && whole%part != 0 {
		b.fail(name, "%d nodes must be divisible by %s (%d)", whole, what, part)
	}
}

func (b *builder) sets(s *place.Sets, err error) place.Pool {
	if err != nil {
		b.fail("placement", "%v", err)
		return nil
	}
	return s
}
