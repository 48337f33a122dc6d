package rare_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// small are placements of which all states can be enumerated, of all kinds of pools.
func small(t *testing.T) map[string]*place.Placement {
	sets := must[*place.Sets](t)
	return map[string]*place.Placement{
		"triples":       shards(3, 3, 2),
		"groups":        shards(2, 4, 1),
		"any of 6":      oneCell(place.AllSubsets(6, place.Replicas(2)), 3, math.Inf(1)),
		"any, objects":  oneCell(place.AllSubsets(7, place.Replicas(3)), 2, 5),
		"two clusters":  {Name: "two", Cells: 2, LVs: 4, Objects: 2, Cell: place.AllSubsets(4, place.Replicas(2))},
		"RS among more": oneCell(place.AllSubsets(7, place.ReedSolomon(3, 2)), 1, 1),
		"copysets":      oneCell(sets(place.Copysets(9, 3, 4, random(1))), 3, math.Inf(1)),
		"copysets, few": oneCell(sets(place.Copysets(9, 3, 4, random(2))), 3, 2),
		"ring":          oneCell(place.Ring(9, 3, 3), 3, 4),
		"apart":         oneCell(place.AllApart(8, 2, 4), 2, 3),
		"stripes":       {Name: "stripes", Cells: 2, LVs: 2, Objects: math.Inf(1), Cell: sets(place.Stripes(2, place.Replicas(2)))},
		"tiered":        oneCell(sets(place.Tiered(6, 3, 3, 4, random(3))), 2, 3),
		"LRC":           oneCell(place.AllSubsets(7, lrc(4, 2, 1)), 1, 1),
		"LRC, more":     oneCell(place.AllSubsets(7, lrc(2, 1, 1)), 2, 3),
	}
}

var names = []string{"triples", "groups", "any of 6", "any, objects", "two clusters",
	"RS among more", "copysets", "copysets, few", "ring", "apart", "stripes", "tiered", "LRC", "LRC, more"}

func lrc(data, groups, global int) place.Code {
	return place.LocallyRepairable(place.LRC{Data: data, Groups: groups, Global: global})
}

func compare(t *testing.T, s rare.Snapshot, exact enumeration, relErr float64) {
	t.Helper()
	in, err := s.Run(context.Background(), options(t.Name(), relErr))
	if err != nil {
		t.Fatal(err)
	}
	if s.Method != rare.Auto && in.Any.Method != s.Method {
		t.Errorf("asked for %s, got %s", s.Method, in.Any.Method)
	}
	near(t, "any", in.Any, exact.any, relErr)
	near(t, "lvs", in.LVs, exact.lvs, 2*relErr)
	near(t, "storage", in.Storage, exact.storage, 4*relErr)
	near(t, "frequency", in.Frequency, exact.frequency, 4*relErr)
	bins := in.Sizes.Bins()
	if len(bins) == 0 {
		t.Fatal("no sizes")
	}
	var mean float64
	seen := 0.0
	for _, b := range bins {
		want := exact.sizes[b.LVs] / exact.any
		// Sizes have no intervals; they come from as many samples as the rest.
		if math.Abs(b.Share-want) > 6*relErr {
			t.Errorf("share of incidents with %d LVs: %.4f, exact %.4f", b.LVs, b.Share, want)
		}
		mean += b.Share * float64(b.LVs)
		seen += b.Share
	}
	if math.Abs(seen-1) > 1e-9 || math.Abs(mean-in.Sizes.Mean()) > 1e-9*mean {
		t.Errorf("sizes add up to %g, mean %g or %g", seen, mean, in.Sizes.Mean())
	}
}

// Nodes that are all alike: every method against all 2^N states.
func TestSnapshotOfAlikeNodesIsThatOfAllStates(t *testing.T) {
	placements := small(t)
	for _, name := range names {
		p := placements[name]
		common := rare.Snapshot{Placement: p, Down: 0.07, FailRate: 1e-3}
		exact := enumerate(common)
		for _, method := range []string{rare.MonteCarlo, rare.Stratified, rare.ImportanceSampling} {
			t.Run(name+"/"+method, func(t *testing.T) {
				s := common
				s.Method = method
				compare(t, s, exact, 0.02)
			})
		}
		t.Run(name+"/tilted", func(t *testing.T) {
			s := common
			s.Placement, s.Method = hidden(p), rare.ImportanceSampling
			compare(t, s, exact, 0.02)
		})
	}
}

// Every node has a probability and a rate of its own, one of them fails never, and racks and rooms
// fail, too: around listed sets, and tilted, and as it is.
func TestSnapshotOfUnlikeNodesInDomains(t *testing.T) {
	placements := small(t)
	for _, name := range names {
		p := placements[name]
		if p.Nodes()%2 != 0 {
			continue
		}
		n := p.Nodes()
		common := rare.Snapshot{Placement: p, DomainDown: []float64{0.02, 0.01},
			DomainRates: []float64{1e-3, 2e-3},
			Topology: &place.Topology{Nodes: n, Across: 0,
				Levels: []place.Level{{Name: "rack", Count: n / 2}, {Name: "room", Count: 1}}}}
		if n%4 == 0 {
			common.Topology.Levels[1].Count = 2
		}
		for i := range n {
			common.Each = append(common.Each, []float64{0.05, 0.02, 0.08, 0}[(i+i/4)%4])
			common.FailRates = append(common.FailRates, []float64{1e-3, 2e-3, 5e-4, 0}[(i+i/4)%4])
		}
		exact := enumerate(common)
		for _, method := range []string{rare.MonteCarlo, rare.ImportanceSampling} {
			t.Run(name+"/"+method, func(t *testing.T) {
				s := common
				s.Method = method
				compare(t, s, exact, 0.03)
			})
		}
		t.Run(name+"/tilted", func(t *testing.T) {
			s := common
			s.Placement, s.Method = hidden(p), rare.ImportanceSampling
			compare(t, s, exact, 0.03)
		})
	}
}

// An outage of everything is a mixture of two moments, and must be so for unlike nodes, too.
func TestSnapshotWithCommonCause(t *testing.T) {
	p := small(t)["triples"]
	each := []float64{0.05, 0.02, 0.08, 0.01, 0.05, 0.02, 0.03, 0.04, 0.05}
	for _, s := range []rare.Snapshot{
		{Placement: p, Down: 0.05, FailRate: 1e-3},
		{Placement: p, Each: each, FailRate: 1e-3},
	} {
		const weight, q = 0.01, 0.4
		quiet := enumerate(s)
		struck := s
		struck.Down = 1 - (1-q)*(1-s.Down)
		struck.Each = nil
		for _, x := range s.Each {
			struck.Each = append(struck.Each, 1-(1-q)*(1-x))
		}
		bad := enumerate(struck)
		s.Common = rare.Common{Probability: weight, Down: q}
		in, err := s.Run(context.Background(), options("common", 0.02))
		if err != nil {
			t.Fatal(err)
		}
		if !in.Any.Converged {
			t.Errorf("%v did not converge", in.Any)
		}
		near(t, "any", in.Any, (1-weight)*quiet.any+weight*bad.any, 0.02)
		near(t, "storage", in.Storage, (1-weight)*quiet.storage+weight*bad.storage, 0.1)
		near(t, "frequency", in.Frequency, (1-weight)*quiet.frequency+weight*bad.frequency, 0.1)
	}
}

// Real losses are far rarer than what can be enumerated; there are closed forms for some.
func TestRareSnapshots(t *testing.T) {
	ctx := context.Background()
	const p = 1e-4
	run := func(s rare.Snapshot) rare.Incidents {
		t.Helper()
		in, err := s.Run(ctx, options("rare", 0.01))
		if err != nil {
			t.Fatal(err)
		}
		if in.Any.Method != rare.ImportanceSampling || !in.Any.Converged {
			t.Errorf("%v did not converge by importance sampling", in.Any)
		}
		return in
	}
	in := run(rare.Snapshot{Placement: shards(100, 3, 2), Down: p})
	near(t, "100 triples", in.Any, prob.AtLeastOnce(p*p*p, 100), 0.01)
	in = run(rare.Snapshot{Placement: oneCell(place.AllSubsets(300, place.Replicas(3)), 100,
		math.Inf(1)), Down: p})
	near(t, "any 3 of 300", in.Any, prob.Binomial{N: 300, P: p}.Tail(3), 0.01)
	near(t, "its storage", in.Storage, p*p*p, 0.01)

	// The law of a pool knows what is lost given the number of failures.
	ring := place.Ring(2000, 3, 10)
	var want float64
	for f, q := range (prob.Binomial{N: 2000, P: p}).Slice(0, 30) {
		lost, ok := ring.AnyLost(f)
		if !ok {
			t.Fatal("no law")
		}
		want += q * lost
	}
	in = run(rare.Snapshot{Placement: oneCell(ring, 1, math.Inf(1)), Down: p})
	near(t, "windows", in.Any, want, 0.01)

	// Two replicas in two of ten racks: r is the probability that a rack is down.
	const r = 1e-5
	pairs := shards(100, 2, 1)
	racks := &place.Topology{Nodes: 200, Across: 0, Levels: []place.Level{{Name: "rack", Count: 10}}}
	q := 1 - (1-r)*(1-p)
	in = run(rare.Snapshot{Placement: pairs, Down: p, Topology: racks, DomainDown: []float64{r}})
	near(t, "storage of pairs in racks", in.Storage, q*q, 0.02)
	// Of the ten racks five pairs hold 20 pairs of nodes each; given their racks these fail alone.
	down := prob.AtLeastOnce(p*p, 20)
	one := prob.AtLeastOnce(p, 20)
	pair := (1-r)*(1-r)*down + 2*r*(1-r)*one + r*r
	near(t, "pairs in racks", in.Any, prob.AtLeastOnce(pair, 5), 0.01)
	in = run(rare.Snapshot{Placement: hidden(pairs), Down: p, Topology: racks,
		DomainDown: []float64{r}})
	near(t, "pairs in racks, tilted", in.Any, prob.AtLeastOnce(pair, 5), 0.01)
}

// Where losses are common the mixtures of tilted samples are mostly what the model is, and must
// still be so exactly.
func TestTiltedSnapshotOfCommonLosses(t *testing.T) {
	for _, p := range []*place.Placement{shards(3, 3, 2), shards(2, 4, 1)} {
		s := rare.Snapshot{Placement: hidden(p), Down: 0.3, Method: rare.ImportanceSampling,
			FailRate: 1e-3, DomainDown: []float64{0.2},
			Topology: &place.Topology{Nodes: p.Nodes(), Across: -1,
				Levels: []place.Level{{Name: "rack", Count: p.Cells}}}}
		exact := enumerate(s)
		in, err := s.Run(context.Background(), options("common", 0.004))
		if err != nil {
			t.Fatal(err)
		}
		near(t, "any", in.Any, exact.any, 0.004)
		near(t, "storage", in.Storage, exact.storage, 0.004)
		near(t, "frequency", in.Frequency, exact.frequency, 0.01)
	}
}

// What cannot be estimated says so: all nodes of a large sparse pool are tilted, which practically
// never hits a set.
func TestSnapshotThatDoesNotConvergeSaysSo(t *testing.T) {
	sets := must[*place.Sets](t)(place.Copysets(300, 3, 2, random(1)))
	s := rare.Snapshot{Placement: hidden(oneCell(sets, 1, math.Inf(1))), Down: 1e-6,
		Method: rare.ImportanceSampling}
	in, err := s.Run(context.Background(), draw.Options{Name: "hopeless", Samples: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if in.Any.Converged {
		t.Errorf("%v converged", in.Any)
	}
	if in.Any.Hits > 5 || in.Any.High < 1e-16 {
		t.Errorf("%v: an interval without hits must not be narrow", in.Any)
	}
}

func TestSnapshotInput(t *testing.T) {
	p := shards(2, 2, 1)
	for name, s := range map[string]rare.Snapshot{
		"no placement":   {},
		"probability":    {Placement: p, Down: 1.5},
		"not a number":   {Placement: p, Down: math.NaN()},
		"length":         {Placement: p, Each: []float64{0.1}},
		"rate":           {Placement: p, Down: 0.1, FailRate: math.Inf(1)},
		"domains alone":  {Placement: p, Down: 0.1, DomainDown: []float64{0.1}},
		"other topology": {Placement: p, Down: 0.1, Topology: &place.Topology{Nodes: 6, Across: -1}},
	} {
		if _, err := s.Run(context.Background(), draw.Options{}); !errors.Is(err, rare.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range []rare.Snapshot{
		{Placement: p, Down: 0.1, Method: "magic"},
		{Placement: p, Each: []float64{0.1, 0.2, 0.3, 0.4}, Method: rare.Stratified},
	} {
		if _, err := s.Run(context.Background(), draw.Options{}); !errors.Is(err, rare.ErrMethod) {
			t.Errorf("%s: %v", s.Method, err)
		}
	}
	in, err := rare.Snapshot{Placement: p, FailRate: 1}.Run(context.Background(), draw.Options{})
	if err != nil || in.Any.Value != 0 || in.Any.High != 0 {
		t.Errorf("nodes that never fail: %v, %v", in.Any, err)
	}
}

// Sizes of incidents in many cells are those of one, but for those moments with several.
func TestSizesOfManyCells(t *testing.T) {
	s := rare.Snapshot{Placement: shards(6, 2, 1), Down: 0.3, Method: rare.ImportanceSampling}
	in, err := s.Run(context.Background(), options("sizes", 0.01))
	if err != nil {
		t.Fatal(err)
	}
	all := prob.Binomial{N: 6, P: 0.09}
	for _, b := range in.Sizes.Bins() {
		want := all.PMF(b.LVs) / all.Tail(1)
		if math.Abs(b.Share-want) > 0.02 {
			t.Errorf("%d shards at once: %.4f, exact %.4f", b.LVs, b.Share, want)
		}
	}
	if got := in.Sizes.Quantile(0.5); got != 1 {
		t.Errorf("median %d", got)
	}
	if got := in.Sizes.Quantile(1); got < 3 {
		t.Errorf("largest %d", got)
	}
}
