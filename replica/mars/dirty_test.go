package mars

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// What is remembered of deleted log never lacks anything, however many segments there were, and tells
// new steps apart.
func TestDirtiedLacksNothing(t *testing.T) {
	const sectors, segments = 100_000, 1000 // a region is 8 sectors
	var d dirtied
	random := node.NewStream(1, "dirtied")
	at := make([][2]int64, segments)
	for i := range at {
		d.begin(Segment{Nr: uint64(i + 1), Epoch: uint64(i / 300), Origin: 1, Start: int64(i) * 1000}, sectors)
		at[i] = [2]int64{int64(random.Below(sectors - 1000)), int64(1 + random.Below(1000))}
		d.changed(at[i][0], at[i][1], sectors)
	}
	if len(d.steps) > dirtySteps {
		t.Errorf("%d steps", len(d.steps))
	}
	for from := range at {
		step := d.at(uint64(from + 1))
		if step < 0 {
			continue // everything
		}
		got := d.since(step, segments*1000, sectors)
		for i := from; i < segments; i++ {
			if in := got.within(at[i][0], at[i][0]+at[i][1]); in.sectors() != at[i][1] {
				t.Fatalf("from segment %d on, %v lacks a part of %v", from+1, got, at[i])
			}
		}
	}
	last := d.since(d.at(segments), segments*1000, sectors)
	if n := last.sectors(); n > at[segments-1][1]+16 || n < at[segments-1][1] {
		t.Errorf("of the newest segment %d sectors are remembered, it has changed %d", n, at[segments-1][1])
	}
	if d.forget(); d.at(segments) != -1 {
		t.Error("it was not forgotten")
	}
}

func TestStagingSurvivesItsEncoding(t *testing.T) {
	s := resync{on: true, based: true, nr: 7, least: 99, pending: runs{{First: 3, N: 4}}, sweep: true,
		marks:  []copyMark{{version{4, 2}, mark{5, 6, 7}}},
		staged: staging{on: true, install: true, base: mark{1, 2, 3}, end: 44}}
	got, err := decodeResync(s.encode())
	if err != nil || got.staged != s.staged || !got.sweep || got.marks[0] != s.marks[0] ||
		!slices.Equal(got.pending, s.pending) {
		t.Errorf("%+v, %v", got, err)
	}
	b := s.encode()
	if _, err := decodeResync(b[:len(b)-1]); err == nil {
		t.Error("a part was read")
	}
}
