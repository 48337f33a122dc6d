package daemon

import (
	"cmp"
	"slices"
	"sort"

	"github.com/container-football/pitch/node"
)

// JoinRuns sorts runs, and makes one of those that overlap or touch each other.
func JoinRuns(runs []node.Run) []node.Run {
	slices.SortFunc(runs, func(a, b node.Run) int { return cmp.Compare(a.First, b.First) })
	out := runs[:0]
	for _, r := range runs {
		if n := len(out); n > 0 && r.First <= out[n-1].First+out[n-1].N {
			out[n-1].N = max(out[n-1].N, r.First+r.N-out[n-1].First)
			continue
		}
		out = append(out, r)
	}
	return out
}

// overlaps says whether a run has anything in common with runs as JoinRuns leaves them.
func overlaps(runs []node.Run, r node.Run) bool {
	i := sort.Search(len(runs), func(i int) bool { return runs[i].First+runs[i].N > r.First })
	return i < len(runs) && runs[i].First < r.First+r.N
}
