package place_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/model/place"
)

func TestValidate(t *testing.T) {
	good := place.Placement{Name: "x", Cells: 4, LVs: 8, Objects: 1,
		Cell: place.AllSubsets(3, place.Replicas(3))}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	if good.Nodes() != 12 || good.LVsPerCell() != 2 {
		t.Errorf("%d nodes, %d LVs a cell", good.Nodes(), good.LVsPerCell())
	}
	for what, change := range map[string]func(*place.Placement){
		"no pool": func(p *place.Placement) { p.Cell = nil },
		"cells":   func(p *place.Placement) { p.Cells = 0 },
		"LVs":     func(p *place.Placement) { p.LVs = 7 },
		"objects": func(p *place.Placement) { p.Objects = 0.5 },
		" NaN":    func(p *place.Placement) { p.Objects = math.NaN() },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), "placement x") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// An LV is down unless all its objects lie on sets that are not lost.
func TestHitGivenLost(t *testing.T) {
	for _, c := range []struct{ objects, share, want float64 }{
		{1, 0, 0}, {math.Inf(1), 0, 0}, {1, 0.25, 0.25}, {2, 0.25, 1 - 0.75*0.75}, {1, 1, 1},
		{math.Inf(1), 1e-9, 1}, {3, 1, 1}, {1e6, 1e-12, 1e-6 * (1 - 5e-7)},
	} {
		p := place.Placement{Objects: c.objects}
		if got := p.HitGivenLost(c.share); math.Abs(got-c.want) > 1e-12*c.want {
			t.Errorf("%g objects, %g lost: %.17g, want %.17g", c.objects, c.share, got, c.want)
		}
	}
}

// Copysets are permutations cut into pieces: every node is in one set of each, and so shares sets
// with no more others than the scatter width.
func TestCopysetsArePermutations(t *testing.T) {
	const n, r, scatter = 60, 3, 10
	s := must[*place.Sets](t)(place.Copysets(n, r, scatter, random(1)))
	sets := setsOf(s)
	if len(sets) != scatter/(r-1)*n/r || s.Len() != len(sets) {
		t.Fatalf("%d sets", len(sets))
	}
	for p := range scatter / (r - 1) {
		var nodes []int
		for _, set := range sets[p*n/r : (p+1)*n/r] {
			nodes = append(nodes, set...)
		}
		slices.Sort(nodes)
		for i, node := range nodes {
			if i != node {
				t.Fatalf("permutation %d: %v", p, nodes)
			}
		}
	}
	peers := make([]map[int]bool, n)
	for _, set := range sets {
		for _, i := range set {
			for _, j := range set {
				if peers[i] == nil {
					peers[i] = map[int]bool{}
				}
				peers[i][j] = true
			}
		}
	}
	sum := 0
	for i, p := range peers {
		if len(p)-1 > scatter || len(p)-1 < scatter-4 {
			t.Errorf("node %d shares sets with %d others", i, len(p)-1)
		}
		sum += len(p) - 1
	}
	if got, want := place.ScatterWidth(s), float64(sum)/n; math.Abs(got-want) > 1e-12 {
		t.Errorf("scatter width %g, want %g", got, want)
	}
	again := must[*place.Sets](t)(place.Copysets(n, r, scatter, random(1)))
	if !slices.EqualFunc(sets, setsOf(again), slices.Equal[[]int]) {
		t.Error("the same seed gives other sets")
	}
	if other := must[*place.Sets](t)(place.Copysets(n, r, scatter, random(2))); slices.EqualFunc(sets,
		setsOf(other), slices.Equal[[]int]) {
		t.Error("another seed gives the same sets")
	}
	// A scatter width below that of one permutation is that of one.
	if s := must[*place.Sets](t)(place.Copysets(9, 3, 1, random(1))); s.Len() != 3 || !s.Disjoint() {
		t.Errorf("%d sets", s.Len())
	}
	if s.Disjoint() {
		t.Error("five permutations are not disjoint")
	}
}

func TestOtherPoolsOfListedSets(t *testing.T) {
	tiered := must[*place.Sets](t)(place.Tiered(20, 5, 3, 2, random(1)))
	for set := range tiered.Each {
		if set[0] >= 20 || set[1] >= 20 || set[2] < 20 || set[2] >= 25 {
			t.Errorf("primary tier below 20, backup from 20 to 24: %v", set)
		}
	}
	if tiered.Len() != 2*10 {
		t.Errorf("%d sets", tiered.Len())
	}
	groups := must[*place.Sets](t)(place.Groups(10, place.ReedSolomon(2, 1), 50, random(1)))
	if groups.Len() != 50 || groups.Code() != place.ReedSolomon(2, 1) {
		t.Errorf("%d sets of %v", groups.Len(), groups.Code())
	}
	stripes := must[*place.Sets](t)(place.Stripes(5, place.Replicas(2)))
	if stripes.Nodes() != 10 || stripes.Len() != 5 || !stripes.Disjoint() {
		t.Errorf("%d nodes, %d sets", stripes.Nodes(), stripes.Len())
	}
	count := 0
	for range stripes.Each {
		if count++; count == 2 {
			break
		}
	}
	if count != 2 {
		t.Errorf("stopped after %d sets", count)
	}
}

// What cannot be placed is an error, and neither an endless loop nor a pool that holds nothing.
func TestImpossiblePools(t *testing.T) {
	pair := place.Replicas(2)
	for what, make := range map[string]func() (*place.Sets, error){
		"no sets":     func() (*place.Sets, error) { return place.Listed(4, pair, nil) },
		"narrow":      func() (*place.Sets, error) { return place.Listed(4, pair, [][]int32{{1}}) },
		"double":      func() (*place.Sets, error) { return place.Listed(4, pair, [][]int32{{1, 1}}) },
		"outside":     func() (*place.Sets, error) { return place.Listed(4, pair, [][]int32{{1, 4}}) },
		"uneven":      func() (*place.Sets, error) { return place.Copysets(10, 3, 2, random(1)) },
		"no replicas": func() (*place.Sets, error) { return place.Copysets(10, 0, 2, random(1)) },
		"too wide":    func() (*place.Sets, error) { return place.Groups(3, place.ReedSolomon(3, 1), 2, random(1)) },
		"no stripes":  func() (*place.Sets, error) { return place.Stripes(0, pair) },
		"no primary":  func() (*place.Sets, error) { return place.Tiered(4, 2, 1, 2, random(1)) },
		"uneven tier": func() (*place.Sets, error) { return place.Tiered(5, 2, 3, 2, random(1)) },
		"no backup":   func() (*place.Sets, error) { return place.Tiered(4, 0, 3, 2, random(1)) },
		"no such codes": func() (*place.Sets, error) {
			return place.Stripes(2, place.LocallyRepairable(place.LRC{Data: 2, Groups: 1, Global: 1}))
		},
	} {
		if s, err := make(); err == nil {
			t.Errorf("%s: %d sets", what, s.Len())
		}
	}
}

// Copysets of one replica are the nodes themselves.
func TestCopysetsWithoutReplicas(t *testing.T) {
	if s := must[*place.Sets](t)(place.Copysets(5, 1, 0, random(1))); s.Len() != 5 {
		t.Errorf("%d sets", s.Len())
	}
}

func TestTopologyIsNestedAndEven(t *testing.T) {
	for _, topo := range []place.Topology{
		{Nodes: 120, Across: -1, Levels: []place.Level{{Name: "rack", Count: 12},
			{Name: "room", Count: 4}, {Name: "site", Count: 2}}},
		{Nodes: 120, Across: 0, Levels: []place.Level{{Name: "rack", Count: 12},
			{Name: "room", Count: 4}, {Name: "site", Count: 2}}},
		{Nodes: 120, Across: 1, Levels: []place.Level{{Name: "rack", Count: 12},
			{Name: "room", Count: 4}, {Name: "site", Count: 2}}},
		{Nodes: 120, Across: 2, Levels: []place.Level{{Name: "rack", Count: 12},
			{Name: "room", Count: 4}, {Name: "site", Count: 2}}},
		{Nodes: 9, Across: 0, Levels: []place.Level{{Name: "rack", Count: 9}}},
	} {
		if err := topo.Validate(); err != nil {
			t.Fatal(err)
		}
		for l, level := range topo.Levels {
			in := make([]int, level.Count)
			parent := map[int]int{}
			for node := range topo.Nodes {
				d := topo.Of(l, node)
				in[d]++
				if l+1 == len(topo.Levels) {
					continue
				}
				outer := topo.Of(l+1, node)
				if was, ok := parent[d]; ok && was != outer {
					t.Fatalf("across %d: %s %d is in %s %d and %d", topo.Across, level.Name, d,
						topo.Levels[l+1].Name, was, outer)
				}
				parent[d] = outer
			}
			for d, nodes := range in {
				if nodes != topo.Nodes/level.Count {
					t.Errorf("across %d: %s %d has %d nodes", topo.Across, level.Name, d, nodes)
				}
			}
		}
		if topo.Across < 0 {
			continue
		}
		count := topo.Levels[topo.Across].Count
		for node := range topo.Nodes { // neighbours are apart
			if topo.Of(topo.Across, node) != node%count {
				t.Errorf("across %d: node %d is in %d", topo.Across, node, topo.Of(topo.Across, node))
			}
		}
	}
	for what, bad := range map[string]place.Topology{
		"uneven":     {Nodes: 10, Levels: []place.Level{{Name: "rack", Count: 3}}},
		"not nested": {Nodes: 12, Levels: []place.Level{{Name: "rack", Count: 4}, {Name: "room", Count: 3}}},
		"no domains": {Nodes: 12, Levels: []place.Level{{Name: "rack"}}},
		"across":     {Nodes: 12, Across: 1, Levels: []place.Level{{Name: "rack", Count: 4}}},
		"below":      {Nodes: 12, Across: -2, Levels: []place.Level{{Name: "rack", Count: 4}}},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestScatterWidths(t *testing.T) {
	for _, c := range []struct {
		pool place.Pool
		want float64
	}{
		{place.AllSubsets(10, place.Replicas(2)), 9}, {place.Ring(20, 3, 5), 10},
		{place.AllApart(12, 2, 3), 8},
		{must[*place.Sets](t)(place.Stripes(4, place.Replicas(3))), 2},
	} {
		if got := place.ScatterWidth(c.pool); got != c.want {
			t.Errorf("%v: %g, want %g", c.pool, got, c.want)
		}
	}
}
