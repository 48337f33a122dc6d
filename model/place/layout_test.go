package place_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/container-football/pitch/model/place"
)

// down is what a layout says when these nodes are down: which LVs are, and how many pairs of an LV
// and a lost group there are.
func down(l *place.Layout, nodes []bool) (lvs []bool, share float64) {
	lost := make([]bool, len(l.Groups))
	for g, group := range l.Groups {
		failed := 0
		for _, m := range group.Members {
			if nodes[m] {
				failed++
			}
		}
		lost[g] = failed > group.Tolerate
	}
	entries, lostEntries := 0, 0
	for _, class := range l.Volumes {
		isDown := false
		for _, g := range class.Groups {
			entries += class.Count
			if lost[g] {
				isDown = true
				lostEntries += class.Count
			}
		}
		for range class.Count {
			lvs = append(lvs, isDown)
		}
	}
	return lvs, float64(lostEntries) / float64(entries)
}

// Whatever nodes are down, a layout and the probes of the placement's cells must see the same.
func TestALayoutLosesWhatTheProbesLose(t *testing.T) {
	forever := math.Inf(1)
	random := random(3)
	triples, pairs := place.Replicas(3), place.Replicas(2)
	for _, c := range []struct {
		name      string
		place     place.Placement
		aggregate bool
	}{
		{"shards", place.Placement{Cells: 5, LVs: 10, Cell: place.AllSubsets(3, triples)}, false},
		{"shards with objects", place.Placement{Cells: 5, LVs: 10, Objects: 7,
			Cell: place.AllSubsets(3, triples)}, false},
		{"rs", place.Placement{Cells: 3, LVs: 3,
			Cell: place.AllSubsets(6, place.ReedSolomon(4, 2))}, false},
		{"bigcluster", place.Placement{Cells: 1, LVs: 4, Cell: place.AllSubsets(12, triples)}, true},
		{"clusters", place.Placement{Cells: 3, LVs: 6, Cell: place.AllSubsets(5, pairs)}, true},
		{"rs-bigcluster", place.Placement{Cells: 1, LVs: 4,
			Cell: place.AllSubsets(10, place.ReedSolomon(3, 2))}, true},
		{"copysets", place.Placement{Cells: 1, LVs: 4,
			Cell: must[*place.Sets](t)(place.Copysets(12, 3, 4, random))}, false},
		{"groups", place.Placement{Cells: 2, LVs: 4,
			Cell: must[*place.Sets](t)(place.Groups(9, place.ReedSolomon(2, 1), 6, random))}, false},
		{"striped", place.Placement{Cells: 2, LVs: 4,
			Cell: must[*place.Sets](t)(place.Stripes(3, pairs))}, false},
		{"tiered", place.Placement{Cells: 1, LVs: 4,
			Cell: must[*place.Sets](t)(place.Tiered(8, 3, 3, 1, random))}, false},
		{"window", place.Placement{Cells: 1, LVs: 4, Cell: place.Ring(13, 3, 5)}, false},
		{"window of one", place.Placement{Cells: 1, LVs: 4, Cell: place.Ring(9, 1, 1)}, false},
		{"two windows", place.Placement{Cells: 2, LVs: 4, Cell: place.Ring(9, 2, 4)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.place.Objects == 0 {
				c.place.Objects = forever
			}
			l, err := c.place.Layout(10_000, 1)
			if err != nil {
				t.Fatal(err)
			}
			if l.Nodes != c.place.Nodes() || l.Aggregate != c.aggregate {
				t.Errorf("%d nodes, aggregate %v", l.Nodes, l.Aggregate)
			}
			for range 300 {
				nodes := make([]bool, l.Nodes)
				cells := make([]place.Probe, c.place.Cells)
				for cell := range cells {
					cells[cell] = c.place.Cell.Probe()
					for i := range c.place.Cell.Nodes() {
						if random.Float64() < 0.3 {
							cells[cell].Fail(i)
							nodes[cell*c.place.Cell.Nodes()+i] = true
						}
					}
				}
				lvs, share := down(l, nodes)
				want := 0.0
				for i, isDown := range lvs {
					probe := cells[i/c.place.LVsPerCell()]
					if isDown != (probe.Lost() > 0) {
						t.Fatalf("%v: LV %d is down: %v, but %g of its cell is lost", nodes, i, isDown, probe.Lost())
					}
				}
				for _, probe := range cells {
					want += probe.Lost() / float64(len(cells))
				}
				if !l.Aggregate && math.Abs(share-want) > 1e-12 {
					t.Fatalf("%v: %g of the storage is lost, expected %g", nodes, share, want)
				}
			}
		})
	}
}

// With a finite number of objects each LV has sets of its own, and over many LVs as many are down
// as HitGivenLost says.
func TestObjectsAreDrawnByThemselves(t *testing.T) {
	random := random(4)
	for name, pool := range map[string]place.Pool{
		"subsets":  place.AllSubsets(12, place.Replicas(3)),
		"shards":   place.AllSubsets(9, place.ReedSolomon(4, 2)),
		"copysets": must[*place.Sets](t)(place.Copysets(12, 3, 6, random)),
		"window":   place.Ring(12, 3, 5),
		"apart":    place.AllApart(12, 3, 6),
	} {
		t.Run(name, func(t *testing.T) {
			const lvs, objects = 20_000, 4
			p := place.Placement{Name: name, Cells: 2, LVs: lvs, Objects: objects, Cell: pool}
			l, err := p.Layout(1_000_000, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Volumes) != lvs || l.Aggregate {
				t.Fatalf("%d classes, aggregate %v", len(l.Volumes), l.Aggregate)
			}
			for range 5 {
				nodes := make([]bool, l.Nodes)
				hit, lost := 0.0, 0.0
				for cell := range 2 {
					probe := pool.Probe()
					for i := range pool.Nodes() {
						if random.Float64() < 0.4 {
							probe.Fail(i)
							nodes[cell*pool.Nodes()+i] = true
						}
					}
					hit += p.HitGivenLost(probe.Lost()) / 2
					lost += probe.Lost() / 2
				}
				isDown, share := down(l, nodes)
				got := 0.0
				for _, d := range isDown {
					if d {
						got += 1. / lvs
					}
				}
				if math.Abs(got-hit) > 5*math.Sqrt(0.25/lvs) || math.Abs(share-lost) > 5*math.Sqrt(0.25/lvs) {
					t.Errorf("%g of the LVs are down, expected %g; %g of the storage, expected %g", got, hit,
						share, lost)
				}
			}
		})
	}
}

func TestLayoutsCanBeRepeated(t *testing.T) {
	lay := func(lvs int, objects float64, seed uint64) *place.Layout {
		p := place.Placement{Name: "x", Cells: 1, LVs: lvs, Objects: objects, Cell: place.Ring(30, 3, 9)}
		return must[*place.Layout](t)(p.Layout(1000, seed))
	}
	some := lay(10, 3, 1)
	if !reflect.DeepEqual(some, lay(10, 3, 1)) {
		t.Error("the same seed gives another layout")
	}
	if reflect.DeepEqual(some, lay(10, 3, 2)) {
		t.Error("another seed gives the same layout")
	}
	if more := lay(12, 3, 1); !reflect.DeepEqual(more.Groups[:30], some.Groups) {
		t.Error("with two more LVs the others lie elsewhere")
	}
}

func TestWhatCannotBeListedSaysWhy(t *testing.T) {
	for want, p := range map[string]place.Placement{
		"survives some patterns": {Cells: 1, LVs: 1, Objects: 5,
			Cell: place.AllSubsets(20, place.LocallyRepairable(place.LRC{Data: 6, Groups: 2, Global: 2}))},
		"give a number of objects": {Cells: 1, LVs: 1, Cell: place.AllApart(12, 3, 4)},
		"2.5 objects": {Cells: 1, LVs: 1, Objects: 2.5,
			Cell: place.Ring(12, 3, 4)},
		"1.35e+06 members": {Cells: 1, LVs: 1, Cell: place.Ring(10_000, 3, 10)},
		"3e+09 objects": {Cells: 1, LVs: 3, Objects: 1e9,
			Cell: place.AllSubsets(9, place.Replicas(3))},
		"2e+04 members of groups and 1e+04 obj": {Cells: 10_000, LVs: 10_000,
			Cell: place.AllSubsets(2, place.Replicas(2))},
		"no pool": {Cells: 1, LVs: 1},
	} {
		if p.Objects == 0 {
			p.Objects = math.Inf(1)
		}
		if l, err := p.Layout(15_000, 1); err == nil || !strings.Contains(err.Error(), want) || l != nil {
			t.Errorf("%v, expected %s", err, want)
		}
	}
}
