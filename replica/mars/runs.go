package mars

import (
	"slices"
	"sort"

	"github.com/container-football/pitch/node"
)

// runs is a set of sectors: ascending, none empty, neighbours joined. Where there would be too many,
// [runs.coarse] makes it a larger set of fewer runs, which is as good for those who use it: the
// sectors of these sets are copied, and one more copied is a cost, not an error.
type runs []node.Run

func end(r node.Run) int64 { return r.First + r.N }

// find returns the index of the first run that ends behind a sector.
func (s runs) find(sector int64) int {
	return sort.Search(len(s), func(i int) bool { return end(s[i]) > sector })
}

// has says whether a sector is in the set.
func (s runs) has(sector int64) bool {
	i := s.find(sector)
	return i < len(s) && s[i].First <= sector
}

// sectors is how many there are.
func (s runs) sectors() (n int64) {
	for i := range s {
		n += s[i].N
	}
	return n
}

// add puts n sectors from first on into the set.
func (s runs) add(first, n int64) runs {
	if n <= 0 {
		return s
	}
	last := first + n
	from := sort.Search(len(s), func(i int) bool { return end(s[i]) >= first })
	to := from
	for ; to < len(s) && s[to].First <= last; to++ {
		first, last = min(first, s[to].First), max(last, end(s[to]))
	}
	return slices.Replace(s, from, to, node.Run{First: first, N: last - first})
}

// remove takes the sectors of [first, last) out.
func (s runs) remove(first, last int64) runs {
	from := s.find(first)
	to := from
	var put [2]node.Run
	n := 0
	for ; to < len(s) && s[to].First < last; to++ {
		if r := s[to]; r.First < first {
			put[n] = node.Run{First: r.First, N: first - r.First}
			n++
		}
		if r := s[to]; end(r) > last {
			put[n] = node.Run{First: last, N: end(r) - last}
			n++
		}
	}
	if from == to {
		return s
	}
	return slices.Replace(s, from, to, put[:n]...)
}

// within returns what of the set lies in [first, last).
func (s runs) within(first, last int64) (out runs) {
	for i := s.find(first); i < len(s) && s[i].First < last; i++ {
		from, to := max(s[i].First, first), min(end(s[i]), last)
		out = append(out, node.Run{First: from, N: to - from})
	}
	return out
}

// coarse returns a set of at most limit runs that holds all of s: the smallest gaps are filled.
func (s runs) coarse(limit int) runs {
	if len(s) <= limit {
		return s
	}
	gaps := make([]int64, 0, len(s)-1)
	for i := 1; i < len(s); i++ {
		gaps = append(gaps, s[i].First-end(s[i-1]))
	}
	slices.Sort(gaps)
	fill := gaps[len(s)-limit-1] // so many gaps have to go; others of this size go with them
	out := runs{s[0]}
	for _, r := range s[1:] {
		last := &out[len(out)-1]
		if r.First-end(*last) <= fill {
			last.N = end(r) - last.First
		} else {
			out = append(out, r)
		}
	}
	return out
}

// union is the set of the sectors of a list, in its memory: it sorts runs and joins those that overlap or touch.
func union(list []node.Run) runs {
	slices.SortFunc(list, func(a, b node.Run) int {
		switch {
		case a.First < b.First:
			return -1
		case a.First > b.First:
			return 1
		}
		return 0
	})
	n := 0
	for _, r := range list {
		if n > 0 && r.First <= list[n-1].First+list[n-1].N {
			last := &list[n-1]
			last.N = max(last.N, r.First+r.N-last.First)
			continue
		}
		list[n] = r
		n++
	}
	return list[:n]
}
