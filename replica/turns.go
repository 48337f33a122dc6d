package replica

import "slices"

// Turns hands out turns to copy among the replicas of one host, which are told by numbers. Who has waited
// longest comes first; of those who were seen to wait at the same time, who has the lowest number. The zero
// value is ready for use.
type Turns struct {
	queue []uint32 // who waits, and has for how long
	given []uint32 // who was given a turn and has not said yet that it has it
}

// TurnOf is what one replica has said last.
type TurnOf struct {
	Number uint32
	Waits  bool // Status.SyncWaits
	Has    bool // Status.SyncTurn
}

// Next returns who is to be given a turn now, so that no more than limit replicas have one at a time.
// List is what all replicas of the host that run have said last. A limit of 0 or less gives none.
//
// Whoever is returned counts as having its turn until Answered is called, and then for what it says.
func (t *Turns) Next(limit int, list []TurnOf) (give []uint32) {
	var waits []uint32
	used := len(t.given)
	for _, r := range list {
		switch {
		case slices.Contains(t.given, r.Number): // counted
		case r.Has:
			used++
		case r.Waits:
			waits = append(waits, r.Number)
		}
	}
	slices.Sort(waits)
	t.queue = slices.DeleteFunc(t.queue, func(n uint32) bool { return !slices.Contains(waits, n) })
	for _, n := range waits {
		if !slices.Contains(t.queue, n) {
			t.queue = append(t.queue, n)
		}
	}
	n := min(max(0, limit-used), len(t.queue))
	give = slices.Clone(t.queue[:n])
	t.queue = slices.Delete(t.queue, 0, n)
	t.given = append(t.given, give...)
	return give
}

// Answered is called when it is known what has become of a turn that was given: the replica has said what
// it makes of it, or has ended.
func (t *Turns) Answered(number uint32) {
	t.given = slices.DeleteFunc(t.given, func(n uint32) bool { return n == number })
}
