package model

import (
	"strconv"
	"strings"

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
