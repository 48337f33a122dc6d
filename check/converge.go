package check

import (
	"fmt"
	"slices"
)

const nameConverges = "converges"

// Image is the content of one replica: IDs[s] is the id in sector s, 0 at first.
type Image struct {
	Name string // of the replica
	IDs  []uint64
}

// Converges checks that all replicas hold what the primary holds. It is a claim about rest:
// after the last write has been replayed everywhere. The counterexample names up to three
// sectors of the first replica that differs.
func Converges(primary Image, replicas ...Image) Result {
	for _, r := range replicas {
		if len(r.IDs) != len(primary.IDs) {
			return violated(nameConverges, Violation{
				Summary: fmt.Sprintf("%s has %d sectors, %s has %d",
					primary.Name, len(primary.IDs), r.Name, len(r.IDs)),
			})
		}
		if !slices.Equal(r.IDs, primary.IDs) {
			return violated(nameConverges, difference(primary, r))
		}
	}
	return ok(nameConverges)
}

func difference(primary, r Image) Violation {
	var v Violation
	n := 0
	for s, id := range primary.IDs {
		if r.IDs[s] == id {
			continue
		}
		if n++; n <= 3 {
			v.Why = append(v.Why, fmt.Sprintf("sector %d: %s holds %s, %s holds %s",
				s, primary.Name, content(id), r.Name, content(r.IDs[s])))
		}
	}
	v.Summary = fmt.Sprintf("%s and %s differ in %d of %d sectors",
		primary.Name, r.Name, n, len(r.IDs))
	return v
}
