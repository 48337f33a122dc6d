package model

import (
	"math"
	"strconv"
	"strings"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
)

// A system is the subject of a question about any placement: who lies where, what fails how often,
// and what stands between a volume and its user.
type system struct {
	place  *place.Placement
	name   string // keys the random streams
	static failures
	access access
	motion motion
}

// failures is what is down at a random moment.
type failures struct {
	p      float64   // of a server; each fails alone
	cv     float64   // of p, which is uncertain and the same for all servers
	table  []float64 // of server i in place of p; nil: all alike
	lambda float64   // failures of a server per hour; 0: not given
	rates  bool      // how often something begins counts, too
	topo   place.Topology
	levels []float64 // probability that a domain is down, by level of topo
	begins []float64 // how often a domain that is up goes down, per hour, by level; only with rates
}

// alike says whether servers fail independently and with equal probability, once p is known.
func (f *failures) alike() bool { return f.table == nil && len(f.levels) == 0 }

// access is what a volume needs besides its storage.
type access struct {
	network, frontend float64 // probabilities of being down
	frontends         int
	remote            float64 // share of the volumes that need them
}

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

func readCode(a *args, kind string) place.Code {
	switch kind {
	case "rs", "rs-bigcluster":
		d := a.whole("D", 1, 1000)
		return place.ReedSolomon(d, a.whole("P", 0, 1000))
	case "lrc", "lrc-bigcluster":
		lrc := place.LRC{Data: a.whole("D", 1, 200), Groups: a.whole("L", 1, 200),
			Global: a.whole("P", 0, 200)}
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

// readStatic reads a system for questions about a random moment.
func readStatic(a *args, what parts) *system {
	s := &system{place: readPlacement(a)}
	if a.err != nil {
		return s
	}
	s.static = readFailures(a, s.place, what)
	s.access = readAccess(a, s.place, what)
	s.name = s.place.Name
	return s
}

// parts are what a measure can take into account.
type parts struct {
	rates   bool // needs failure and repair rates
	network bool
}

func readFailures(a *args, pl *place.Placement, what parts) failures {
	f := failures{rates: what.rates}
	switch {
	case what.rates || a.has("lambda_per_h"):
		f.lambda = a.rate("lambda_per_h")
		f.p = f.lambda / (f.lambda + a.rate("mu_per_h"))
	case a.has("p_table"):
		f.table = readTable(a, pl.Nodes())
	default:
		f.p = a.probability("p")
		f.cv = a.numberOr("p_cv", 0, 0, 10)
		if f.cv > 0 && f.cv*f.cv >= (1-f.p)/f.p {
			a.fail("p_cv", "is more than any distribution within 0 and 1 has with mean p = %g", f.p)
		}
	}
	if pl.Name == "tiered" && a.has("p_backup") {
		if f.cv > 0 || f.table != nil {
			a.fail("p_backup", "cannot be given together with p_cv or p_table")
		}
		backup := a.probability("p_backup")
		f.table = make([]float64, pl.Nodes())
		for i := range f.table {
			f.table[i] = f.p
			if i >= pl.Nodes()-a.whole("backup", 1, pl.Nodes()) {
				f.table[i] = backup
			}
		}
	}
	readLevels(a, pl, &f)
	return f
}

func readTable(a *args, nodes int) []float64 {
	text, ok := a.given["p_table"].(string)
	var values []float64
	for field := range strings.SplitSeq(text, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil || !(x >= 0 && x <= 1) {
			ok = false
		}
		values = append(values, x)
	}
	if !ok || len(values) > nodes {
		a.fail("p_table", "must be at most %d probabilities within 0 and 1, separated by commas", nodes)
		return nil
	}
	table := make([]float64, nodes)
	for i := range table {
		table[i] = values[i%len(values)]
	}
	return table
}

func readLevels(a *args, pl *place.Placement, f *failures) {
	f.topo = place.Topology{Nodes: pl.Nodes(), Across: -1}
	across := a.choice("across", "none", "rack", "room", "site")
	for _, level := range []struct{ one, many string }{
		{"rack", "racks"}, {"room", "rooms"}, {"site", "sites"}} {
		if !a.has(level.many) {
			if across == level.one {
				a.fail("across", "says %s, so %s must be given", level.one, level.many)
			}
			continue
		}
		if across == level.one {
			f.topo.Across = len(f.topo.Levels)
		}
		f.topo.Levels = append(f.topo.Levels,
			place.Level{Name: level.one, Count: a.whole(level.many, 1, pl.Nodes())})
		down := a.probability("p_" + level.one)
		f.levels = append(f.levels, down)
		if f.rates {
			// Up for 1/rate hours, then down for some, which makes down the share of the latter.
			hours := a.rate("hours_" + level.one)
			f.begins = append(f.begins, down/(1-down)/hours)
		}
		if a.err == nil {
			if err := f.topo.Validate(); err != nil {
				a.fail(level.many, "%v", err)
			}
		}
	}
	if f.cv > 0 && len(f.levels) > 0 {
		a.fail("p_cv", "cannot be given together with racks, rooms or sites")
	}
}

func readAccess(a *args, pl *place.Placement, what parts) access {
	acc := access{}
	needs := pl.Name == "remote-shards" || pl.Name == "flexible-shards"
	if !what.network {
		return acc
	}
	if needs || a.has("p_network") {
		acc.network = a.probability("p_network")
	}
	if needs || a.has("p_frontend") {
		acc.frontend = a.probabilityOr("p_frontend", 0)
		acc.frontends = a.wholeOr("frontends", pl.LVs, 1, pl.LVs)
	}
	if acc.network > 0 || acc.frontend > 0 || needs {
		acc.remote = 1
		if pl.Name == "flexible-shards" {
			acc.remote = a.probability("remote")
		} else {
			acc.remote = a.probabilityOr("remote", 1)
		}
	}
	return acc
}
