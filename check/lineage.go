package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

const nameLineage = "lineage"

// Epoch is one node of the tree of epochs: a time under one primary, and the records that it
// added. The path of an epoch is what its log became: the first Fork records of its parent's
// path, and then Log.
type Epoch struct {
	Number uint64   // at least 1 and more than Parent
	Parent uint64   // 0: none, it begins with the empty log
	Origin string   // the primary
	Fork   int      // number of records of the parent's path that it went on from
	Log    []Record // what it added
}

// Replica is what one replica says of itself, and what it holds.
type Replica struct {
	Name   string
	Epoch  uint64   // whose path it follows
	InSync bool     // whether it says that it is consistent and connected
	Image  []uint64 // as for PrefixStrict; nil: not known

	// While it replays, its image is only as good as PrefixWindow says for Lo and Hi records
	// of its path. If both are 0 the image must be a prefix.
	Lo, Hi int
}

// Lineage checks that history forked only where replicas say so. An epoch has one origin; two
// replicas that are both in sync follow one path, so that the epoch of one descends from that
// of the other; and the image of each replica comes from its own path alone: content of two
// branches in one image is a chimera, which no volume ever was.
//
// The verdict is Unknown if an epoch or a parent is missing, or a fork beyond its parent's path.
func Lineage(epochs []Epoch, replicas []Replica) Result {
	t, r := newTree(epochs)
	if r.Verdict != OK {
		return r
	}
	for i, a := range replicas {
		if _, found := t.find(a.Epoch); !found {
			return undecided(nameLineage, "%s follows epoch %d, which is not given",
				a.Name, a.Epoch)
		}
		for _, b := range replicas[:i] {
			if a.InSync && b.InSync && !t.descends(a.Epoch, b.Epoch) &&
				!t.descends(b.Epoch, a.Epoch) {
				return violated(nameLineage, Violation{
					Summary: fmt.Sprintf("%s and %s both say that they are in sync, "+
						"but follow different branches", b.Name, a.Name),
					Why: []string{t.sentence(b), t.sentence(a),
						"neither epoch descends from the other"},
				})
			}
		}
	}
	return t.judgeAll(replicas)
}

// tree is the epochs by number.
type tree []Epoch

// newTree checks that the epochs are a tree; the result is OK if so.
func newTree(epochs []Epoch) (tree, Result) {
	t := tree(slices.Clone(epochs))
	slices.SortStableFunc(t, func(a, b Epoch) int { return cmp.Compare(a.Number, b.Number) })
	length := make([]int, len(t)) // of each path
	for i, e := range t {
		if i > 0 && t[i-1].Number == e.Number {
			return nil, violated(nameLineage, Violation{
				Summary: fmt.Sprintf("epoch %d began twice: at %s and at %s",
					e.Number, t[i-1].Origin, e.Origin),
			})
		}
		if e.Number <= e.Parent {
			return nil, violated(nameLineage, Violation{
				Summary: fmt.Sprintf("epoch %d of %s went on from epoch %d: numbers must grow",
					e.Number, e.Origin, e.Parent),
			})
		}
		if e.Parent != 0 {
			p, found := t[:i].find(e.Parent)
			if !found {
				return nil, undecided(nameLineage, "epoch %d went on from epoch %d, which is "+
					"not given", e.Number, e.Parent)
			}
			length[i] = length[p]
		}
		if e.Fork < 0 || e.Fork > length[i] {
			return nil, undecided(nameLineage, "epoch %d forks after %d records, but its "+
				"parent has only %d", e.Number, e.Fork, length[i])
		}
		length[i] = e.Fork + len(e.Log)
	}
	return t, ok(nameLineage)
}

// find returns the place of an epoch.
func (t tree) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(t, number, func(e Epoch, n uint64) int {
		return cmp.Compare(e.Number, n)
	})
}

// descends tells whether old is young or one of its ancestors. Parents have lower numbers, so
// this ends.
func (t tree) descends(young, old uint64) bool {
	for young > old {
		i, _ := t.find(young)
		young = t[i].Parent
	}
	return young == old
}

// path returns the records that lead to the end of an epoch.
func (t tree) path(number uint64) []Record {
	var parts [][]Record
	limit := math.MaxInt // how far the epoch in hand counts, from the beginning of its path
	for number != 0 {
		i, _ := t.find(number)
		e := &t[i]
		if limit > e.Fork {
			parts = append(parts, e.Log[:min(len(e.Log), limit-e.Fork)])
		}
		limit = min(limit, e.Fork)
		number = e.Parent
	}
	slices.Reverse(parts)
	return slices.Concat(parts...)
}

func (t tree) sentence(r Replica) string {
	i, _ := t.find(r.Epoch)
	return fmt.Sprintf("%s follows epoch %d of %s, which went on from epoch %d after %d records",
		r.Name, r.Epoch, t[i].Origin, t[i].Parent, t[i].Fork)
}

// judgeAll checks the images, each against the path of its epoch. The epochs of replicas in
// sync descend from each other, so these images must fit the youngest of their paths too.
func (t tree) judgeAll(replicas []Replica) Result {
	var youngest uint64
	for _, a := range replicas {
		if a.InSync {
			youngest = max(youngest, a.Epoch)
		}
	}
	worst := ok(nameLineage)
	note := func(r Result) {
		if worst.Verdict != Worst(worst.Verdict, r.Verdict) {
			worst = r
		}
	}
	for _, a := range replicas {
		if a.Image == nil {
			continue
		}
		note(t.judge(a, t.path(a.Epoch)))
		if a.InSync && a.Epoch != youngest {
			path := t.path(youngest)
			a.Lo, a.Hi = min(a.Lo, len(path)), min(a.Hi, len(path))
			note(t.judge(a, path))
		}
	}
	return worst
}

// judge checks the image of one replica against a path.
func (t tree) judge(a Replica, path []Record) Result {
	var r Result
	if a.Lo == 0 && a.Hi == 0 {
		r = PrefixStrict(path, a.Image, PrefixOptions{})
	} else {
		r = PrefixWindow(path, a.Image, a.Lo, a.Hi)
	}
	r.Check = nameLineage
	if r.Verdict == Violated {
		if v := t.chimera(a, path); v != nil {
			r.Violation = v
		}
		r.Violation.Summary = a.Name + ": " + r.Violation.Summary
	}
	return r
}

// chimera looks for content that the path of the replica never had, but another epoch did.
func (t tree) chimera(a Replica, path []Record) *Violation {
	own := make([]bool, len(a.Image))
	for s := range a.Image {
		own[s] = a.Image[s] == 0
	}
	for i := range path {
		for s := path[i].Sector; s < path[i].Sector+uint64(path[i].N); s++ {
			own[s] = own[s] || path[i].ID == a.Image[s]
		}
	}
	for s := range own {
		if own[s] {
			continue
		}
		for i := range t {
			if r := firstWriter(t[i].Log, s, a.Image[s]); r != nil {
				return &Violation{
					Summary: fmt.Sprintf("the image holds #%d of another branch", r.ID),
					Records: []Record{*r},
					Why: []string{t.sentence(a), fmt.Sprintf("sector %d holds #%d, which only "+
						"epoch %d of %s wrote", s, r.ID, t[i].Number, t[i].Origin)},
				}
			}
		}
	}
	return nil
}
