package sim

import (
	"cmp"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestQueuePopsInTheOrderOfASort(t *testing.T) {
	random := node.NewStream(1, "queue")
	for range 200 {
		var q queue
		var want []entry // what is in q
		times := 1 + random.Below(50)
		for seq := range uint64(500) {
			if random.Chance(0.4) && len(want) > 0 {
				popSmallest(t, &q, &want)
				continue
			}
			e := entry{node.Time(random.Below(times)), seq, int32(seq)}
			q.push(e)
			want = append(want, e)
		}
		for len(want) > 0 {
			popSmallest(t, &q, &want)
		}
		if q.len() != 0 {
			t.Fatalf("%d entries are left", q.len())
		}
	}
}

func popSmallest(t *testing.T, q *queue, list *[]entry) {
	t.Helper()
	slices.SortFunc(*list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	if e := q.pop(); e != (*list)[0] {
		t.Fatalf("popped %+v, the smallest is %+v", e, (*list)[0])
	}
	*list = slices.Delete(*list, 0, 1)
}

func TestEventsOfOneInstantComeInTheOrderOfAsking(t *testing.T) {
	var q queue
	for seq := range uint64(1000) {
		q.push(entry{at: 7, seq: seq, slot: int32(seq)})
	}
	for seq := range uint64(1000) {
		if e := q.pop(); e.seq != seq {
			t.Fatalf("entry %d came %d. of all", e.seq, seq)
		}
	}
}

func TestPoolGivesSlicesOfTheLengthAskedForAndNeverOneTwice(t *testing.T) {
	var p pool
	random := node.NewStream(2, "pool")
	type held struct {
		b    []byte
		fill byte
	}
	var out []held
	for i := range 20_000 {
		if len(out) > 50 || len(out) > 0 && random.Chance(0.5) {
			k := int(random.Below(uint64(len(out))))
			if h := out[k]; slices.ContainsFunc(h.b, func(x byte) bool { return x != h.fill }) {
				t.Fatalf("somebody else wrote into a slice of %d bytes", len(h.b))
			}
			p.put(out[k].b)
			out = slices.Delete(out, k, k+1)
			continue
		}
		n := int(random.Below(1 << (1 + random.Below(14))))
		b := p.get(n)
		if len(b) != n {
			t.Fatalf("asked for %d bytes, got %d", n, len(b))
		}
		h := held{b, byte(i)}
		for k := range b {
			b[k] = h.fill
		}
		out = append(out, h)
	}
}

func TestPoolTakesForeignSlicesForNoMoreThanTheyHold(t *testing.T) {
	var p pool
	p.put(make([]byte, 100))
	p.put(make([]byte, 10)) // too small to be of use
	for _, n := range []int{1, 64, 65, 100, 128} {
		if b := p.get(n); len(b) != n {
			t.Fatalf("asked for %d bytes, got %d", n, len(b))
		}
	}
}
