package mars

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// Sets of sectors do what sets do, held against one bit a sector.
func TestRunsAreSets(t *testing.T) {
	const sectors = 64
	random := node.NewStream(3, "runs")
	for range 2000 {
		var s runs
		var want [sectors]bool
		for range 12 {
			first := int64(random.Below(sectors))
			n := 1 + int64(random.Below(uint64(sectors-first)))/4
			adds := random.Chance(0.6)
			if adds {
				s = s.add(first, n)
			} else {
				s = s.remove(first, first+n)
			}
			for i := first; i < first+n; i++ {
				want[i] = adds
			}
		}
		total, inside := int64(0), int64(0)
		for i := range int64(sectors) {
			if s.has(i) != want[i] {
				t.Fatalf("%v has sector %d: %v", s, i, s.has(i))
			}
			if want[i] {
				total++
				if i >= 10 && i < 50 {
					inside++
				}
			}
		}
		if s.sectors() != total || s.within(10, 50).sectors() != inside {
			t.Fatalf("%v has %d sectors, %d of them in [10, 50), expected %d and %d", s, s.sectors(),
				s.within(10, 50).sectors(), total, inside)
		}
		for i := 1; i < len(s); i++ {
			if s[i].First <= end(s[i-1]) {
				t.Fatalf("%v: neighbours are not joined", s)
			}
		}
		c := s.coarse(2)
		if len(c) > 2 {
			t.Fatalf("%v made coarse is %v", s, c)
		}
		for i := range int64(sectors) {
			if want[i] && !c.has(i) {
				t.Fatalf("%v made coarse is %v, without %d", s, c, i)
			}
		}
	}
}
