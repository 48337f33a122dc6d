package queue

import (
	"cmp"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestQueuePopsInTheOrderOfASort(t *testing.T) {
	random := node.NewStream(1, "queue")
	for range 200 {
		var q Queue
		var want []Entry // what is in q
		times := 1 + random.Below(50)
		for seq := range uint64(500) {
			if random.Chance(0.4) && len(want) > 0 {
				popSmallest(t, &q, &want)
				continue
			}
			e := Entry{node.Time(random.Below(times)), seq, int32(seq)}
			q.Push(e)
			want = append(want, e)
		}
		for len(want) > 0 {
			popSmallest(t, &q, &want)
		}
		if q.Len() != 0 {
			t.Fatalf("%d entries are left", q.Len())
		}
	}
}

func popSmallest(t *testing.T, q *Queue, list *[]Entry) {
	t.Helper()
	slices.SortFunc(*list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Seq, b.Seq))
	})
	if e := q.Pop(); e != (*list)[0] {
		t.Fatalf("popped %+v, the smallest is %+v", e, (*list)[0])
	}
	*list = slices.Delete(*list, 0, 1)
}

func TestEventsOfOneInstantComeInTheOrderOfAsking(t *testing.T) {
	var q Queue
	for seq := range uint64(1000) {
		q.Push(Entry{At: 7, Seq: seq, Slot: int32(seq)})
	}
	for seq := range uint64(1000) {
		if e := q.Pop(); e.Seq != seq {
			t.Fatalf("entry %d came %d. of all", e.Seq, seq)
		}
	}
}
