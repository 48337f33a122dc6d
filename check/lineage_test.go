package check

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestConverges(t *testing.T) {
	a := Image{"A", []uint64{1, 2, 3, 4, 5}}
	expect(t, "alone", Converges(a), OK, "")
	expect(t, "equal", Converges(a, Image{"B", []uint64{1, 2, 3, 4, 5}}), OK, "")
	expect(t, "size", Converges(a, Image{"B", nil}), Violated, "A has 5 sectors, B has 0")
	b, c := Image{"B", a.IDs}, Image{"C", []uint64{1, 9, 0, 9, 9}}
	const want = `converges: violated
  A and C differ in 4 of 5 sectors
  - sector 1: A holds #2, C holds #9
  - sector 2: A holds #3, C holds the initial content #0
  - sector 3: A holds #4, C holds #9`
	if got := Converges(a, b, c).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Epoch 2 and epoch 3 both went on from epoch 1: B without #2, C with it.
var fork = []Epoch{
	{Number: 1, Origin: "A", Log: []Record{{1, 0, 1, 1}, {2, 1, 1, 2}}},
	{Number: 2, Origin: "B", Parent: 1, Fork: 1, Log: []Record{{2, 2, 1, 3}}},
	{Number: 3, Origin: "C", Parent: 1, Fork: 2, Log: []Record{{3, 3, 1, 4}}},
	{Number: 4, Origin: "D", Parent: 2, Fork: 2, Log: []Record{{3, 0, 1, 5}}},
}

func TestLineage(t *testing.T) {
	for _, c := range []struct {
		name     string
		epochs   []Epoch
		replicas []Replica
		want     Verdict
		text     string
	}{
		{"fine", fork, []Replica{
			{Name: "A", Epoch: 1, Image: []uint64{1, 2, 0, 0}},
			{Name: "B", Epoch: 4, InSync: true, Image: []uint64{5, 0, 3, 0}},
			{Name: "C", Epoch: 3, Image: []uint64{1, 2, 0, 4}},
			{Name: "D", Epoch: 2, InSync: true, Image: []uint64{1, 0, 3, 0}},
		}, OK, ""},
		{"split brain", fork, []Replica{
			{Name: "B", Epoch: 2, InSync: true}, {Name: "C", Epoch: 3, InSync: true},
		}, Violated, "B and C both say that they are in sync"},
		{"chimera", fork, []Replica{{Name: "B", Epoch: 4, Image: []uint64{1, 0, 3, 4}}},
			Violated, "B: the image holds #4 of another branch"},
		{"behind the fork", fork, []Replica{{Name: "B", Epoch: 4, Image: []uint64{1, 2, 3, 0}}},
			Violated, "only epoch 1 of A wrote"},
		{"gap", fork, []Replica{{Name: "C", Epoch: 3, Image: []uint64{1, 0, 0, 4}}},
			Violated, "C: the image has #4 but misses the earlier #2"},
		{"nobody's", fork, []Replica{{Name: "C", Epoch: 3, Image: []uint64{8, 0, 0, 0}}},
			Violated, "foreign content"},
		{"replaying", fork, []Replica{
			{Name: "C", Epoch: 3, Image: []uint64{1, 0, 0, 4}, Lo: 1, Hi: 3}}, OK, ""},
		{"in sync, but past the fork", fork, []Replica{
			{Name: "A", Epoch: 1, InSync: true, Image: []uint64{1, 2, 0, 0}},
			{Name: "B", Epoch: 2, InSync: true, Image: []uint64{1, 0, 3, 0}},
		}, Violated, "A: the image holds #2 of another branch"},
		{"two at once", append(fork[:2:2], Epoch{Number: 2, Origin: "C"}), nil,
			Violated, "epoch 2 began twice: at B and at C"},
		{"backwards", []Epoch{{Number: 1, Parent: 2}, {Number: 2}}, nil, Violated, "must grow"},
		{"itself", []Epoch{{Number: 1, Parent: 1}}, nil, Violated, "must grow"},
		{"no parent", fork[1:2], nil, Unknown, "epoch 1, which is not given"},
		{"no epoch", fork, []Replica{{Name: "E", Epoch: 7}}, Unknown, "E follows epoch 7"},
		{"long fork", []Epoch{{Number: 1, Fork: 1}}, nil, Unknown, "its parent has only 0"},
		{"does not fit", fork, []Replica{{Name: "A", Epoch: 1, Image: []uint64{}}}, Unknown, ""},
	} {
		expect(t, c.name, Lineage(c.epochs, c.replicas), c.want, c.text)
	}
}

// TestLineageOfRandomTrees grows trees, in which every prefix of a path is accepted, and mixes
// two branches, which is not.
func TestLineageOfRandomTrees(t *testing.T) {
	mixed := 0
trees:
	for i := range 3_000 {
		r := rand.New(rand.NewPCG(14, uint64(i)))
		paths := [][]Record{nil}
		var epochs []Epoch
		id := uint64(0)
		for n := range 1 + r.IntN(6) {
			parent := r.IntN(n + 1)
			e := Epoch{Number: uint64(n + 1), Parent: uint64(parent),
				Fork: r.IntN(len(paths[parent]) + 1)}
			for range r.IntN(4) {
				id++
				e.Log = append(e.Log, Record{id, r.Uint64N(6), 1, id})
			}
			epochs = append(epochs, e)
			paths = append(paths, append(paths[parent][:e.Fork:e.Fork], e.Log...))
		}
		var replicas []Replica
		for n := range epochs {
			path := paths[n+1]
			replicas = append(replicas, Replica{Name: "r", Epoch: uint64(n + 1),
				Image: after(path, 6, r.IntN(len(path)+1))})
		}
		r.Shuffle(len(epochs), func(i, j int) { epochs[i], epochs[j] = epochs[j], epochs[i] })
		if got := Lineage(epochs, replicas); got.Verdict != OK {
			t.Fatalf("tree %d: %v\n%+v\n%+v", i, got, epochs, replicas)
		}
		for n := range replicas {
			own := make(map[uint64]bool)
			for _, rec := range paths[n+1] {
				own[rec.ID] = true
			}
			for _, rec := range paths[1+r.IntN(len(epochs))] {
				if !own[rec.ID] {
					replicas[n].Image[rec.Sector] = rec.ID
					expect(t, "mixed", Lineage(epochs, replicas), Violated, "of another branch")
					mixed++
					continue trees
				}
			}
		}
	}
	if mixed < 1000 {
		t.Error("only", mixed, "images were mixed")
	}
}

func TestOnePrimary(t *testing.T) {
	a := Tenure{"lv1", 1, "A", 0, 10}
	expect(t, "none", OnePrimary(nil), OK, "")
	expect(t, "handover", OnePrimary([]Tenure{{"lv1", 1, "B", 10, 20}, a}), OK, "")
	expect(t, "other epoch", OnePrimary([]Tenure{{"lv1", 2, "B", 5, 20}, a}), OK, "")
	expect(t, "other resource", OnePrimary([]Tenure{{"lv2", 1, "B", 5, 20}, a}), OK, "")
	expect(t, "same host", OnePrimary([]Tenure{{"lv1", 1, "A", 5, 20}, a}), OK, "")
	expect(t, "both", OnePrimary([]Tenure{{"lv1", 1, "B", 5, 20}, a}), Violated,
		"A and B served at once for 5 ns\n  - A served lv1 in epoch 1 from 0 ns to 10 ns")
	expect(t, "to the end", OnePrimary([]Tenure{
		{"", 0, "A", 5, math.MaxInt64}, {"", 0, "B", 7, math.MaxInt64}}), Violated,
		"A and B served at once to the end\n  - A served from 5 ns on")
	expect(t, "backwards", OnePrimary([]Tenure{{"", 0, "A", 5, 4}}), Unknown, "backwards")
}

func TestOnePrimaryAgainstPairs(t *testing.T) {
	var count [3]int
	for i := range 50_000 {
		r := rand.New(rand.NewPCG(15, uint64(i)))
		tenures := make([]Tenure, 1+r.IntN(6))
		for i := range tenures {
			from := r.Int64N(40)
			tenures[i] = Tenure{"", r.Uint64N(2), string(rune('A' + r.IntN(3))), from,
				from + r.Int64N(8)}
		}
		want := OK
		for _, a := range tenures {
			for _, b := range tenures {
				if a.Epoch == b.Epoch && a.Host != b.Host && a.From < b.To && b.From < a.To &&
					a.From < a.To && b.From < b.To {
					want = Violated
				}
			}
		}
		if got := OnePrimary(tenures); got.Verdict != want {
			t.Fatalf("case %d: %v, want %v\n%v", i, got, want, tenures)
		}
		count[want]++
	}
	if count[OK] < 5000 || count[Violated] < 5000 {
		t.Error(count)
	}
}
