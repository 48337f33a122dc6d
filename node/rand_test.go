package node_test

import (
	"math"
	"testing"

	"github.com/container-football/pitch/node"
)

func draw(s node.Stream, n int) (list []uint64) {
	for range n {
		list = append(list, s.Uint64())
	}
	return list
}

func TestStreamsDoNotDisturbOneAnother(t *testing.T) {
	alone := draw(node.NewStream(7, "a"), 50)
	a, b := node.NewStream(7, "a"), node.NewStream(7, "b")
	for i, want := range alone {
		for range i % 4 {
			b.Uint64()
		}
		if got := a.Uint64(); got != want {
			t.Fatalf("draw %d depends on another stream", i)
		}
	}
}

func TestStreamsOfOtherNamesAndSeedsDiffer(t *testing.T) {
	seen := make(map[uint64]string)
	for _, name := range []string{"", "a", "b", "aa", "ab", "ba", "a\x00", "\x00a", "link 1-2",
		"link 2-1", "link 1-20"} {
		for _, seed := range []uint64{0, 1, 2, 1 << 63} {
			for i, v := range draw(node.NewStream(seed, name), 100) {
				if old, ok := seen[v]; ok {
					t.Fatalf("%q, seed %d, draw %d has been drawn by %s", name, seed, i, old)
				}
				seen[v] = name
			}
		}
	}
}

func TestZeroStreamIsValid(t *testing.T) {
	var s node.Stream
	if a, b := s.Uint64(), s.Uint64(); a == b || a == 0 {
		t.Errorf("it draws %d, then %d", a, b)
	}
}

// The values are those of SplitMix64 with seed 0, as its authors' program prints them.
func TestZeroStreamIsSplitMix64(t *testing.T) {
	var s node.Stream
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := s.Uint64(); got != want {
			t.Errorf("draw %d is %#x, expected %#x", i, got, want)
		}
	}
}

func TestChanceKnowsNeverAndAlways(t *testing.T) {
	for _, word := range []uint64{0, 1, 1 << 11, 1 << 63, math.MaxUint64} {
		if node.Chance(word, 0) || node.Chance(word, -1) {
			t.Errorf("word %#x happens with probability 0", word)
		}
		if !node.Chance(word, 1) || !node.Chance(word, 2) {
			t.Errorf("word %#x does not happen with probability 1", word)
		}
		if node.Chance(word, math.NaN()) {
			t.Errorf("word %#x happens with no probability at all", word)
		}
	}
	if !node.Chance(1<<63-1, 0.5) || node.Chance(1<<63, 0.5) {
		t.Error("half of all words are not those below 2^63")
	}
}

func TestChanceDrawsOnceWhateverIsAsked(t *testing.T) {
	for _, p := range []float64{0, 0.3, 1} {
		a, b := node.NewStream(1, "x"), node.NewStream(1, "x")
		a.Chance(p)
		b.Uint64()
		if a != b {
			t.Errorf("chance %v does not draw once", p)
		}
	}
}

func TestBelowStaysBelowAndIsEven(t *testing.T) {
	s := node.NewStream(3, "below")
	for _, n := range []uint64{1, 2, 3, 1000, 1 << 31} {
		for range 1000 {
			if v := s.Below(n); v >= n {
				t.Fatalf("below %d: %d", n, v)
			}
		}
	}
	// Ten thousand throws into ten boxes. The sum of squared deviations over the expectation has
	// nine degrees of freedom: one time in a thousand it is above 27.88. The seed is fixed.
	var box [10]float64
	for range 10_000 {
		box[s.Below(10)]++
	}
	chi := 0.0
	for _, n := range box {
		chi += (n - 1000) * (n - 1000) / 1000
	}
	if chi > 27.88 || chi < 1 {
		t.Errorf("chi squared %v of %v", chi, box)
	}
}

func TestBitsAndChancesAreFair(t *testing.T) {
	s := node.NewStream(4, "bits")
	var ones [64]int
	hits := 0
	const n = 10_000
	for range n {
		w := s.Uint64()
		for b := range ones {
			ones[b] += int(w >> b & 1)
		}
		if s.Chance(0.1) {
			hits++
		}
	}
	for b, k := range ones { // five standard deviations are 250
		if k < n/2-250 || k > n/2+250 {
			t.Errorf("bit %d is set in %d of %d words", b, k, n)
		}
	}
	if hits < 850 || hits > 1150 { // five standard deviations are 150
		t.Errorf("%d of %d happen with probability 0.1", hits, n)
	}
}

func TestHashDependsOnBothAndOnTheirOrder(t *testing.T) {
	seen := make(map[uint64]bool)
	for h := range uint64(100) {
		for v := range uint64(100) {
			x := node.Hash(h, v)
			if seen[x] {
				t.Fatalf("hash of %d and %d is that of others", h, v)
			}
			seen[x] = true
		}
	}
}
