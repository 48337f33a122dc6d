package scenario

import "github.com/container-football/pitch/check"

// A primary that goes on without its log leaves, after a crash, any subset of the writes on its volume that nobody was
// told of. They are in no log, and yet they may take effect: readers see them, and the other members copy them. The
// checks that hold volumes against logs must not take them for foreign content; that all volumes are
// equal, and that reads agree, is left to the other checks.

// cell is one content of one sector.
type cell struct{ sector, id uint64 }

// unlogged are the contents that crashes without a log have left on volumes of a resource, as far as they are of
// writes without an answer.
func (r *runner) unlogged(resource int) (left map[cell]bool) {
	var open map[cell]bool
	for k := range r.images {
		im := &r.images[k]
		if im.resource != resource {
			continue
		}
		b, err := r.branchOf(resource, im.dump)
		if err != nil || !b.unlogged {
			continue // an unreadable one is told of where it is judged
		}
		if open == nil {
			open, left = r.unanswered(resource), make(map[cell]bool)
		}
		for sector, id := range b.image(im.dump, r.resources[resource].geo.Carry) {
			if c := (cell{uint64(sector), id}); open[c] {
				left[c] = true
			}
		}
	}
	return left
}

func (r *runner) unanswered(resource int) map[cell]bool {
	open := make(map[cell]bool)
	for k := range r.history {
		if op := &r.history[k]; op.Kind == check.Write && op.Unknown && op.Resource == r.resources[resource].res.Name {
			open[cell{op.Sector, op.ID}] = true
		}
	}
	return open
}

// asLogged is an image as the log alone would have left it: what is in left, and in no record, is what
// the first n records have written.
func asLogged(ids []uint64, records []check.Record, n int, left map[cell]bool) []uint64 {
	if len(left) == 0 {
		return ids
	}
	written := make(map[cell]bool)
	content := make(map[uint64]uint64)
	for k, rec := range records {
		for s := rec.Sector; s < rec.Sector+uint64(rec.N); s++ {
			written[cell{s, rec.ID}] = true
			if k < n {
				content[s] = rec.ID
			}
		}
	}
	out := append([]uint64(nil), ids...)
	for s, id := range ids {
		if c := (cell{uint64(s), id}); left[c] && !written[c] {
			out[s] = content[uint64(s)]
		}
	}
	return out
}
