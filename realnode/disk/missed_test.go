package disk

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
)

// Whatever way a large read takes, past the page cache or through it, it sees what was written last,
// also where only a part of it is in the cache.
func TestLargeReadsSeeWhatWasWrittenLast(t *testing.T) {
	const sectors = 4 << 20 / 4096
	g := node.Geometry{Sectors: sectors, SectorSize: 4096, Carry: 4096}
	v, err := OpenVolume(filepath.Join(t.TempDir(), "volume"), g)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want := make([]byte, sectors*4096)
	random := node.NewStream(5, "large reads")
	for round := range 200 {
		first := int64(random.Below(sectors))
		n := 1 + int64(random.Below(uint64(sectors-first)))
		if random.Chance(0.5) {
			n = min(n, 3) // buffered
		}
		data := bytes.Repeat([]byte{byte(round)}, int(n)*4096)
		copy(want[first*4096:], data)
		do(t, v, Request{Op: node.OpWrite, Off: first, N: n, Data: data, Seq: uint64(round + 1)})
		first = int64(random.Below(sectors - 64))
		n = 64 + int64(random.Below(uint64(sectors-first-64)))
		if got := do(t, v, Request{Op: node.OpRead, Off: first, N: n}); !bytes.Equal(got, want[first*4096:(first+n)*4096]) {
			t.Fatalf("round %d: %d sectors from %d on are not what was written", round, n, first)
		}
	}
}

// The first miss of a place is read past the cache, the second one is kept.
func TestMissedOnce(t *testing.T) {
	var m missedOnce
	const mib = 1 << 20
	for i, c := range []struct {
		off, n int64
		first  bool
	}{{0, mib, true}, {0, mib, false}, {0, mib, true}, {200 * mib, 4 * mib, true}, {201 * mib, mib, false},
		{200 * mib, 4 * mib, true}} {
		if got := m.first(c.off, c.n); got != c.first {
			t.Errorf("%d: %v", i, got)
		}
	}
}
