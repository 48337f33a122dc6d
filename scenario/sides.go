package scenario

import (
	"math"
	"slices"

	"github.com/container-football/pitch/check"
)

// sides tells who of two branches an operation belongs to that was served under an epoch of both.
// A primary that is replaced by force where it cannot hear of it serves on under its epoch, while
// the new one, which has left that epoch at the fork, serves under one of its own. Which of the two
// went on in the end, people decide.
type sides struct {
	r *runner
	// Of the last epoch that both branches have: which of them is longer there.
	shared           epoch
	oldOn, newOn     bool
	oldFrom, newFrom int64           // when a client first called under an epoch of one branch alone
	newIDs           map[uint64]bool // that only the new log holds
	oldIDs           map[uint64]bool // that only the old log holds
}

func (r *runner) sidesOf(h check.History, old, p *final) *sides {
	s := &sides{r: r, oldFrom: math.MaxInt64, newFrom: math.MaxInt64}
	k := 0
	for k < min(len(old.branch.epochs), len(p.branch.epochs)) &&
		old.branch.epochs[k] == p.branch.epochs[k] {
		k++
	}
	if k == 0 {
		return s
	}
	s.shared = old.branch.epochs[k-1]
	fork := sameUpTo(old.branch.records, p.branch.records)
	s.oldOn = fork < old.branch.endOf(k-1)
	s.newOn = fork < p.branch.endOf(k-1)
	s.oldFrom = r.firstUnder(h, old.branch.epochs[k:])
	s.newFrom = r.firstUnder(h, p.branch.epochs[k:])
	s.oldIDs, s.newIDs = idsFrom(&old.branch, fork), idsFrom(&p.branch, fork)
	return s
}

// endOf is how many records a branch has up to the end of its k-th epoch.
func (b *branch) endOf(k int) int {
	if k+1 < len(b.epochs) {
		return b.epochs[k+1].first
	}
	return len(b.records)
}

func idsFrom(b *branch, from int) map[uint64]bool {
	ids := make(map[uint64]bool)
	for i := from; i < len(b.records); i++ {
		ids[b.records[i].ID] = true
	}
	delete(ids, 0) // nobody's
	return ids
}

// firstUnder is when the first operation was called that was served under one of the epochs.
func (r *runner) firstUnder(h check.History, epochs []epoch) int64 {
	first := int64(math.MaxInt64)
	for i := range h {
		if op := &h[i]; slices.ContainsFunc(epochs, func(e epoch) bool { return r.under(op, e) }) {
			first = min(first, op.Call)
		}
	}
	return first
}

// under says whether an operation was served under an epoch.
func (r *runner) under(op *check.Op, e epoch) bool {
	return !op.Unknown && op.Epoch == e.number && op.Host == r.file.HostName(e.origin)
}

// onlyNew says whether an operation under the shared epoch belongs to the new branch alone: it
// wrote or read what only this one has, or it read when the old one had left that epoch.
func (s *sides) onlyNew(op *check.Op) bool {
	if !s.newOn || !s.r.under(op, s.shared) {
		return false
	}
	return s.newIDs[op.ID] || op.Kind == check.Read && op.Return >= s.oldFrom
}

// markStale returns a history in which reads under the shared epoch have epoch 0 if they belong to
// the old branch alone: if somebody uses that side on purpose, after the new one has left the
// epoch. Nobody fences a primary that cannot hear, so it may read what is stale on the new side.
func (s *sides) markStale(h check.History) check.History {
	if !s.oldOn {
		return h
	}
	for i := range h {
		op := &h[i]
		if op.Kind == check.Read && s.r.under(op, s.shared) && op.Return >= s.newFrom &&
			s.r.pinned(op) {
			op.Epoch = 0
		}
	}
	return h
}

// pinned says whether an operation is of a workload that stays where it is.
func (r *runner) pinned(op *check.Op) bool {
	return op.Client != FinalReader && r.loads[op.Client/1024%len(r.loads)].load.Host != ""
}
