package scenario

import (
	"bytes"
	"slices"
	"testing"
)

func TestASectorSaysWhichWriteItIsFrom(t *testing.T) {
	for _, size := range []int{8, 512, 4096} {
		b := bytes.Repeat([]byte{0xaa}, size)
		for _, id := range []uint64{0, 1, 77, damaged - 1} {
			fillStamp(b, id, 5)
			if got, ok := readStamp(b, 5); got != id || !ok {
				t.Errorf("%d bytes written with id %d read as %d, %v", size, id, got, ok)
			}
		}
	}
}

func TestASectorThatNobodyWroteAsAWholeIsDamaged(t *testing.T) {
	whole, other := make([]byte, 4096), make([]byte, 4096)
	fillStamp(whole, 9, 100)
	fillStamp(other, 8, 100)
	check := func(what string, b []byte, sector uint64) {
		t.Helper()
		if id, ok := readStamp(b, sector); ok || id&damaged == 0 {
			t.Errorf("%s: reads as %d, %v", what, id, ok)
		}
	}
	check("a sector that belongs elsewhere", whole, 101)
	for i := range whole {
		b := slices.Clone(whole)
		b[i] ^= 1
		check("a flipped bit", b, 100)
	}
	for cut := 8; cut < len(whole); cut += 8 {
		check("new content that ends in old", slices.Concat(whole[:cut], other[cut:]), 100)
		check("content that ends in nothing", slices.Concat(whole[:cut], make([]byte, 4096-cut)), 100)
		check("nothing that ends in content", slices.Concat(make([]byte, cut), whole[cut:]), 100)
	}
}

func TestStampsOfManySectorsKnowTheirPlaces(t *testing.T) {
	var b []byte
	for i := range uint64(4) {
		one := make([]byte, 512)
		fillStamp(one, 3*i, 40+i)
		b = append(b, one...)
	}
	if got := readStamps(b, 512, 40); !slices.Equal(got, []uint64{0, 3, 6, 9}) {
		t.Errorf("read %v", got)
	}
	got := readStamps(b, 512, 41)
	if slices.ContainsFunc(got[1:], func(id uint64) bool { return id&damaged == 0 }) {
		t.Errorf("one sector farther they read as %v", got)
	}
}
