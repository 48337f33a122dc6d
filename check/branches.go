package check

import "fmt"

const nameAcross = "linearizable across a failover"

// Failover describes a forced failover for the checks that look at both of its sides.
type Failover struct {
	OldLog, NewLog []Record // whole logs of the old and of the new primary
	OldEpoch       uint64   // the last epoch of the old primary; the new one's are higher

	// Deposed, if set, tells of an answered operation whether it was served under an epoch that
	// the new primary's history does not have: by an old primary that came back, or went on,
	// where it could not hear of the failover. It belongs to the old branch alone. To serve what
	// is stale is what a failover by force risks as long as nobody fences the old primary.
	Deposed func(op *Op) bool

	// OnlyNew, if set, tells of an answered operation whether it was served behind the fork by a
	// primary whose history is the one that went on, though its epoch is not after OldEpoch: the
	// old branch had left that epoch by then. It belongs to the surviving branch alone.
	OnlyNew func(op *Op) bool
}

// Branches splits a history at a forced failover. The old branch is what the old primary
// served: all of the epochs up to OldEpoch but for what Failover.OnlyNew speaks of, and the
// unanswered writes of any, because it may have been the old primary that carried them out. The surviving branch is what is left if
// the loss had never been: all but the writes that only the old log holds, the reads that
// returned them, and what a deposed primary served. Both keep the order of h.
//
// Op.Epoch must be recorded, and the history be about one resource.
func Branches(h History, f Failover) (old, surviving History) {
	lost := f.lost(h)
	for i := range h {
		op := &h[i]
		onlyNew := f.OnlyNew != nil && !op.Unknown && f.OnlyNew(op)
		if op.Epoch <= f.OldEpoch && !onlyNew || op.Kind == Write && op.Unknown {
			old = append(old, *op)
		}
		if !lost[i] && !(f.Deposed != nil && !op.Unknown && f.Deposed(op)) {
			surviving = append(surviving, *op)
		}
	}
	return old, surviving
}

// lost tells for each operation whether it wrote or read what only the old log holds.
func (f Failover) lost(h History) []bool {
	fork := 0
	for fork < min(len(f.OldLog), len(f.NewLog)) && sameWrite(f.OldLog[fork], f.NewLog[fork]) {
		fork++
	}
	all := newStamps(h, func(op *Op) bool { return op.Kind == Write || !op.Unknown })
	lost, kept := make([]bool, len(h)), make([]bool, len(h))
	all.mark(f.OldLog[fork:], lost)
	all.mark(f.NewLog, kept)
	for i := range lost {
		lost[i] = lost[i] && !kept[i]
	}
	return lost
}

// LinearizableAcross checks a history with a forced failover in it: each of its two
// [Branches] must be linearizable on its own, and no read of an epoch after OldEpoch may
// return what was lost. The worst of the three answers is returned.
//
// A primary that serves on after it was replaced is found as soon as one of its reads
// returns what the new primary has overwritten: such a read was lost by nobody and belongs
// to the surviving branch too, unless Failover.Deposed speaks of it.
func LinearizableAcross(h History, f Failover, opt LinOptions) Result {
	if note := mixed(h); note != "" {
		return undecided(nameAcross, "%s", note)
	}
	lost := f.lost(h)
	for i := range h {
		if op := &h[i]; lost[i] && op.Kind == Read && op.Epoch > f.OldEpoch {
			return violated(nameAcross, resurrected(h, i, f.OldEpoch))
		}
	}
	old, surviving := Branches(h, f)
	result := ok(nameAcross)
	for _, branch := range []struct {
		name string
		h    History
	}{{"surviving branch", surviving}, {"old branch", old}} {
		r := Linearizable(branch.h, opt)
		if r.Verdict == OK || result.Verdict == Worst(result.Verdict, r.Verdict) {
			continue
		}
		note := branch.name
		if r.Note != "" {
			note += ": " + r.Note
		}
		result = Result{nameAcross, r.Verdict, r.Violation, note}
	}
	return result
}

// resurrected explains a read of something lost; the write is shown if the history has it.
func resurrected(h History, read int, oldEpoch uint64) Violation {
	r := &h[read]
	v := Violation{
		Summary: fmt.Sprintf("%s: the lost #%d came back", r.place(), r.ID),
		Why: []string{fmt.Sprintf("#%d is in the log of epoch %d behind the fork, but not in the "+
			"log that went on; epoch %d must not know it", r.ID, oldEpoch, r.Epoch)},
	}
	for i := range h {
		if w := &h[i]; w.Kind == Write && w.Sector == r.Sector && w.ID == r.ID {
			v.Ops = append(v.Ops, *w)
			break
		}
	}
	v.Ops = append(v.Ops, *r)
	return v
}
