package prob

import (
	"math"
	"math/bits"
	"testing"
)

// enumerateRing says for every number of failures how many sets lose something, and how many
// there are.
func enumerateRing(N, R, W int) (bad, all []float64) {
	bad, all = make([]float64, N+1), make([]float64, N+1)
	window := min(W+1, N)
	for set := range uint(1) << N {
		F := bits.OnesCount(set)
		all[F]++
		twice := uint64(set) | uint64(set)<<N
		for i := range N {
			if bits.OnesCount64(twice>>i&(1<<window-1)) >= R {
				bad[F]++
				break
			}
		}
	}
	return bad, all
}

// TestRingByEnumeration fails every set of nodes of every ring of up to 12 nodes.
func TestRingByEnumeration(t *testing.T) {
	n, sparse := 0, 0
	for N := 1; N <= 12; N++ {
		for R := 2; R <= 6; R++ {
			for W := 1; W <= N+1; W++ {
				bad, all := enumerateRing(N, R, W)
				for F := range bad {
					got, ok := AnyWindowLost(N, R, W, F)
					want := bad[F] / all[F]
					if !ok || math.Abs(got-want) > 2e-14 {
						t.Errorf("N=%d R=%d W=%d F=%d: %v, %v, want %v", N, R, W, F, got, ok, want)
					}
					if n++; F*(W-1) >= N || R == 2 || F < R || W >= N-1 {
						continue
					}
					sparse++
					if math.Abs(got-want) > 2e-15*want {
						t.Errorf("N=%d R=%d W=%d F=%d: %v, want %v", N, R, W, F, got, want)
					}
				}
			}
		}
	}
	if n < 4000 || sparse < 100 {
		t.Errorf("only %d and %d values", n, sparse)
	}
}

// TestRingTwoWays compares the sets that are bad with those that are good, and both with the walk
// that closes the ring from every state, where enumeration is out of the question.
func TestRingTwoWays(t *testing.T) {
	for _, c := range [][4]int{
		{100, 3, 4, 9}, {300, 3, 10, 20}, {1000, 4, 6, 30}, {300, 5, 6, 40}, {2000, 3, 11,
			150}, {500, 6, 6, 20},
	} {
		N, R, W, F := c[0], c[1], c[2], c[3]
		states, _ := gapStates(R, W)
		r := newRing(states, N, F)
		good, bad := r.sparse()
		if math.Abs(good+bad-1) > 1e-13 {
			t.Errorf("%v: %v good, %v bad", c, good, bad)
		}
		if d := r.denseGood(); math.Abs(d-good) > 1e-13*good {
			t.Errorf("%v: %v good, or %v", c, good, d)
		}
	}
}

// TestRingPublished holds Facebook's ring. The values are from a count in integers, by a walk over
// gaps that begins with each possible first gap. Monte Carlo runs gave 20.78 % and 17.54 %.
func TestRingPublished(t *testing.T) {
	for W, want := range map[int]float64{11: 0.20803131151010465, 10: 0.1752203822232462} {
		got, ok := AnyWindowLost(5000, 3, W, 50)
		if !ok || math.Abs(got/want-1) > 1e-13 {
			t.Errorf("W = %d: %v, %v, want %v", W, got, ok, want)
		}
	}
	// The closed form is larger: overlapping copysets fail together.
	if p := WindowLossApprox(5000, 3, 11, 50); p < 0.208031 {
		t.Errorf("the closed form is %v", p)
	}
}

// TestRingSmallProbabilities compares with the exact count where only as many nodes fail as there
// are copies: N·C(W,R-1) of C(N,R) sets are lost.
func TestRingSmallProbabilities(t *testing.T) {
	for _, c := range [][3]int{{100_000, 2, 5}, {100_000, 3, 5}, {50_000, 4, 10},
		{20_000, 5, 7}, {5000, 6, 6}} {
		N, R, W := c[0], c[1], c[2]
		want := float64(N) * Choose(W, R-1) / Choose(N, R)
		got, ok := AnyWindowLost(N, R, W, R)
		if !ok || math.Abs(got/want-1) > 1e-11 {
			t.Errorf("%v: %v, %v, want %v", c, got, ok, want)
		}
	}
}

func TestRingTooLarge(t *testing.T) {
	for _, c := range [][4]int{{100_000, 5, 40, 3000}, {10_000, 12, 60, 100},
		{1_000_000, 3, 10, 5000}} {
		if p, ok := AnyWindowLost(c[0], c[1], c[2], c[3]); ok {
			t.Errorf("%v: %v", c, p)
		}
	}
	if p, ok := AnyWindowLost(1_000_000_000, 2, 10, 3000); !ok || p < 0.085 || p > 0.087 {
		t.Errorf("a closed form does not mind: %v, %v", p, ok)
	}
}

// FuzzWindow looks for rings that get safer with more failures or wider windows.
func FuzzWindow(f *testing.F) {
	f.Add(uint16(200), uint8(3), uint8(5), uint8(12))
	f.Add(uint16(40), uint8(4), uint8(6), uint8(20))
	f.Fuzz(func(t *testing.T, n uint16, r, w, failures uint8) {
		N, R, W := 2+int(n)%400, 2+int(r)%4, 1+int(w)%8
		F := int(failures) % min(N, 60)
		p, ok := AnyWindowLost(N, R, W, F)
		if !ok || !(p >= 0 && p <= 1+1e-13) {
			t.Fatalf("N=%d R=%d W=%d F=%d: %v, %v", N, R, W, F, p, ok)
		}
		for _, more := range [][3]int{{R, W, F + 1}, {R, W + 1, F}, {R - 1, W, F}} {
			if more[0] < 2 {
				continue
			}
			if q, _ := AnyWindowLost(N, more[0], more[1], more[2]); q < p-1e-13 {
				t.Errorf("N=%d R=%d W=%d F=%d: %v, but %v for %v", N, R, W, F, p, q, more)
			}
		}
	})
}

func BenchmarkWindowExact(b *testing.B) {
	for b.Loop() {
		AnyWindowLost(5000, 3, 11, 50)
	}
}

// With every node failed there is no gap left to count; from some number of failures on, some
// window must hold R of them.
func TestManyFailuresAreAlwaysSomewhereWithinAWindow(t *testing.T) {
	for _, c := range []struct{ N, R, W int }{{12, 3, 4}, {30, 3, 10}, {20, 2, 3}, {15, 4, 5}} {
		for F := c.R; F <= c.N; F++ {
			p, ok := AnyWindowLost(c.N, c.R, c.W, F)
			must := F*(c.W+1) > (c.R-1)*c.N
			if !ok || !(p > 0 && p <= 1) || must && p != 1 {
				t.Errorf("%d of %d nodes, %d within %d+1: %v, %v", F, c.N, c.R, c.W, p, ok)
			}
		}
	}
}
