package check

import (
	"cmp"
	"slices"
	"sort"
)

// stamps finds the operations of a history that a log record is about: those on one of its
// sectors with its id. It is a sorted list rather than a map of sectors, so that a record over
// very many sectors costs no more than what it finds.
type stamps struct {
	h     History
	order []int32 // by id, sector and place in the history
}

// newStamps lists the operations that want accepts.
func newStamps(h History, want func(*Op) bool) stamps {
	var order []int32
	for i := range h {
		if want(&h[i]) {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &h[i], &h[j]
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Sector, b.Sector),
			cmp.Compare(i, j))
	})
	return stamps{h, order}
}

// mark sets out[i] for each listed operation i that a record of the log is about.
func (t stamps) mark(log []Record, out []bool) {
	for i := range log {
		r := &log[i]
		n := sort.Search(len(t.order), func(n int) bool {
			op := &t.h[t.order[n]]
			return op.ID > r.ID || op.ID == r.ID && op.Sector >= r.Sector
		})
		for ; n < len(t.order); n++ {
			op := &t.h[t.order[n]]
			if op.ID != r.ID || !r.covers(op.Sector) {
				break
			}
			out[t.order[n]] = true
		}
	}
}

// acknowledged accepts the writes whose client was told that they are done.
func acknowledged(op *Op) bool { return op.Kind == Write && !op.Unknown }

// mixed says that h holds operations on several resources, or returns "".
func mixed(h History) string {
	for i := range h {
		if h[i].Resource != h[0].Resource {
			return "the history is about several resources, a log about one"
		}
	}
	return ""
}
