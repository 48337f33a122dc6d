package place

import (
	"fmt"
	"math"
	"math/rand/v2"

	streams "github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/prob"
)

// A Layout is a placement as lists that a simulator can run. Nodes are numbered through all cells.
type Layout struct {
	Nodes   int
	Groups  []Group
	Volumes []Class
	// Aggregate says that groups stand for more sets than are listed: which LVs are down is
	// known, but not which share of the storage is lost.
	Aggregate bool
}

// A Group is a set of nodes that loses something of each LV on it while more than Tolerate of them
// are down.
type Group struct {
	Members  []int32
	Tolerate int
}

// A Class is a number of LVs that are down while any of these groups is lost. A group that stands
// there twice holds twice as much of each of them.
type Class struct {
	Groups []int32
	Count  int
}

// Layout lists the sets of a placement, and which of them each LV lies on. Where LVs have a finite
// number of objects, each object is drawn by itself, from a stream of this seed. most bounds the
// members of all groups and the groups of all LVs, each added up.
//
// All sets of k among n nodes (a BigCluster) are one group of the n nodes that tolerates k-1
// failures: with so many objects that every set holds some of every LV, one more failure always
// hits a set. What depends on the pattern of failures and not on their number alone, a locally
// repairable code or replicas in different failure domains, cannot be said by groups.
func (p *Placement) Layout(most int, seed uint64) (*Layout, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Cell.Code().LRC != nil {
		return nil, fmt.Errorf("placement %s: %v survives some patterns of failures and not others of "+
			"as many, which a list of groups cannot say", p.Name, p.Cell.Code())
	}
	if !math.IsInf(p.Objects, 1) && p.Objects != math.Floor(p.Objects) {
		return nil, fmt.Errorf("placement %s: %g objects of a volume cannot be listed one by one",
			p.Name, p.Objects)
	}
	l := &lister{place: p, layout: &Layout{Nodes: p.Nodes()}}
	members, entries := l.need()
	a, apart := p.Cell.(Apart)
	switch {
	case apart && !l.finite():
		return nil, fmt.Errorf("placement %s: replicas in different ones of %d failure domains cannot "+
			"be listed for infinitely many objects; give a number of objects", p.Name, a.g)
	case members > float64(most) || entries > float64(most):
		return nil, fmt.Errorf("placement %s: its list has %.4g members of groups and %.4g objects of "+
			"volumes; at most %d each are allowed", p.Name, members, entries, most)
	case l.finite():
		l.draw(seed)
	default:
		l.list()
	}
	return l.layout, nil
}

// lister makes a layout.
type lister struct {
	place  *Placement
	layout *Layout
}

// finite says whether the objects of an LV are drawn one by one.
func (l *lister) finite() bool {
	return !math.IsInf(l.place.Objects, 1) && l.place.Cell.Nodes() > l.place.Cell.Code().Width
}

// need is how many members and how many entries of LVs the lists will have.
func (l *lister) need() (members, entries float64) {
	p, cells := l.place, float64(l.place.Cells)
	width := float64(p.Cell.Code().Width)
	sets := 1.0
	switch pool := p.Cell.(type) {
	case *Sets:
		sets = float64(pool.Len())
	case Windows:
		sets = float64(pool.n) * prob.Choose(pool.w, pool.r-1)
	default:
		width = float64(p.Cell.Nodes()) // one group of all
	}
	if !l.finite() {
		return cells * sets * width, cells * sets
	}
	entries = float64(p.LVs) * p.Objects
	if _, listed := p.Cell.(*Sets); listed {
		return cells * sets * width, entries
	}
	return entries * float64(p.Cell.Code().Width), entries
}

// list takes every set of every cell; all LVs of a cell lie on all of its sets.
func (l *lister) list() {
	p := l.place
	for c := range p.Cells {
		var groups []int32
		l.each(func(members []int32) {
			groups = append(groups, l.add(c, members))
		})
		l.layout.Volumes = append(l.layout.Volumes, Class{Groups: groups, Count: p.LVsPerCell()})
	}
}

// each goes through the sets of a cell.
func (l *lister) each(yield func(members []int32)) {
	switch pool := l.place.Cell.(type) {
	case *Sets:
		pool.Each(func(members []int32) bool {
			yield(members)
			return true
		})
	case Windows:
		pool.each(yield)
	default:
		all := make([]int32, pool.Nodes())
		for i := range all {
			all[i] = int32(i)
		}
		l.layout.Aggregate = pool.Nodes() > pool.Code().Width
		yield(all)
	}
}

// add lists a set of cell c and returns its number.
func (l *lister) add(c int, members []int32) int32 {
	group := Group{Members: make([]int32, len(members)), Tolerate: l.place.Cell.Code().Tolerate}
	for i, m := range members {
		group.Members[i] = int32(c*l.place.Cell.Nodes()) + m
	}
	l.layout.Groups = append(l.layout.Groups, group)
	return int32(len(l.layout.Groups) - 1)
}

// draw lists, for each LV, the sets that its objects lie on.
func (l *lister) draw(seed uint64) {
	p := l.place
	pool, listed := p.Cell.(*Sets)
	if listed {
		for c := range p.Cells {
			l.each(func(members []int32) { l.add(c, members) })
		}
	}
	for lv := range p.LVs {
		// A stream for each LV: with more of them, or more objects, those before stay where they are.
		random := streams.Stream(seed, "objects of "+p.Name, uint64(lv))
		cell := lv / p.LVsPerCell()
		class := Class{Count: 1}
		for range int(p.Objects) {
			if listed {
				class.Groups = append(class.Groups, int32(cell*pool.Len()+random.IntN(pool.Len())))
				continue
			}
			class.Groups = append(class.Groups, l.add(cell, drawSet(p.Cell, random)))
		}
		l.layout.Volumes = append(l.layout.Volumes, class)
	}
}

// drawSet draws one of the sets of a pool that does not list them.
func drawSet(pool Pool, random *rand.Rand) []int32 {
	width := pool.Code().Width
	switch pool := pool.(type) {
	case Windows:
		first := int32(random.IntN(pool.n))
		set := []int32{first}
		for _, d := range draw(pool.w, width-1, random) {
			set = append(set, (first+1+d)%int32(pool.n))
		}
		return set
	case Apart:
		set := draw(pool.g, width, random) // domains
		for i, d := range set {
			set[i] = d + int32(pool.g*random.IntN(pool.n/pool.g))
		}
		return set
	}
	return draw(pool.Nodes(), width, random)
}

// each goes through all sets of the ring: node i with each choice of r-1 among the w after it.
func (w Windows) each(yield func(members []int32)) {
	set, after := make([]int32, w.r), make([]int, w.r-1)
	for first := range w.n {
		for i := range after {
			after[i] = i + 1
		}
		for more := true; more; more = nextChoice(after, w.w) {
			set[0] = int32(first)
			for i, d := range after {
				set[i+1] = int32((first + d) % w.n)
			}
			yield(set)
		}
	}
}

// nextChoice goes on to the next ascending choice of numbers within 1 and n; false after the last.
func nextChoice(choice []int, n int) bool {
	for i := len(choice) - 1; i >= 0; i-- {
		if choice[i] < n-len(choice)+1+i {
			choice[i]++
			for j := i + 1; j < len(choice); j++ {
				choice[j] = choice[j-1] + 1
			}
			return true
		}
	}
	return false
}
