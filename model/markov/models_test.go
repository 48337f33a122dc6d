package markov

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// product is the chain of M groups with the tolerance of the given chain, lumped by how many
// groups are in each state.
func product(M int, c Chain) Dense {
	var states [][]int
	number := map[string]int{}
	key := func(s []int) string {
		b := make([]byte, len(s))
		for i, x := range s {
			b[i] = byte(x)
		}
		return string(b)
	}
	start := make([]int, len(c.Up))
	start[0] = M
	states = append(states, start)
	number[key(start)] = 0
	type move struct {
		from, to int
		rate     float64
	}
	var moves []move
	var exits []float64
	for at := 0; at < len(states); at++ {
		s := states[at]
		exit := 0.0
		for i, groups := range s {
			exit += float64(groups) * c.Kill[i]
			for _, step := range []int{-1, 1} {
				rate := c.Up[i]
				if step < 0 {
					rate = c.Down[i]
				}
				if rate == 0 || groups == 0 {
					continue
				}
				next := append([]int(nil), s...)
				next[i]--
				next[i+step]++
				n, known := number[key(next)]
				if !known {
					n = len(states)
					number[key(next)] = n
					states = append(states, next)
				}
				moves = append(moves, move{at, n, float64(groups) * rate})
			}
		}
		exits = append(exits, exit)
	}
	d := Dense{make([][]float64, len(states)), make([][]float64, len(states))}
	for i := range states {
		d.Rate[i] = make([]float64, len(states))
		d.Exit[i] = exits[i : i+1]
	}
	for _, m := range moves {
		d.Rate[m.from][m.to] += m.rate
	}
	return d
}

// TestFirstLossByProduct compares the integral with the exact chain of all groups together.
func TestFirstLossByProduct(t *testing.T) {
	m := meter{t: t}
	for _, c := range models() {
		if n := len(c.Up); n > 5 || n == 5 && c.Up[0] > 100*lambda {
			continue
		}
		for _, M := range []int{1, 2, 3, 7} {
			if len(c.Up) == 5 && M > 3 {
				continue
			}
			m.close(1e-12, FirstLoss(M, c), product(M, c).MTTA()[0], M, c)
		}
	}
	r := rand.New(rand.NewPCG(17, 0))
	for i := range 100 {
		c := randomChain(r, i%4, 2+i%24)
		M := 2 + i%5
		m.close(1e-12, FirstLoss(M, c), product(M, c).MTTA()[0], M, c)
	}
	triple := Group(3, 2, lambda, mu, Parallel)
	m.close(1e-12, FirstLoss(30, triple), product(30, triple).MTTA()[0], "30 triples")
	// Many failures at about the same time, none repaired: the integrand is a cliff.
	worn := newChain(25)
	for i := range worn.Up {
		worn.Up[i] = 1
	}
	worn = worn.lostBeyond()
	m.close(1e-12, FirstLoss(2, worn), product(2, worn).MTTA()[0], "25 steps")
	m.report("first loss", 400)
}

// TestFirstLossOfPairs goes up to a million pairs, whose lumped chain is exact.
func TestFirstLossOfPairs(t *testing.T) {
	m := meter{t: t}
	for _, M := range []int{1, 2, 10, 1000, 10_000, 1_000_000} {
		for _, repair := range []float64{0, 1e-9, lambda, 1e-3, mu, 1e3} {
			got := FirstLoss(M, Group(2, 1, lambda, repair, Parallel))
			m.close(1e-12, got, DegradedPairs(M, lambda, repair).MTTA(), M, repair)
		}
	}
	m.report("pairs", 36)
	// Not the mean of one group over the number of groups, if failures are not forgotten.
	never := Group(2, 1, lambda, 0, Serial)
	if r := FirstLoss(10_000, never) / (never.MTTA() / 10_000); r < 50 {
		t.Errorf("without repair, the first of 10,000 pairs lives %v times the naive time", r)
	}
}

// TestFirstLossWithoutRepair: the minimum of M·n exponential times if nothing is tolerated.
func TestFirstLossWithoutRepair(t *testing.T) {
	for _, M := range []int{1, 2, 1000, 1_000_000} {
		got, want := FirstLoss(M, Group(5, 0, lambda, 0, Serial)), 1/(5*lambda*float64(M))
		if math.Abs(got/want-1) > 1e-13 {
			t.Errorf("%d groups: %v, want %v", M, got, want)
		}
	}
}

// TestFirstLossOfTwo: of two units that wear out in n steps of rate 1, the first one lives for
// Σ C(i+j,i)/2^(i+j+1) over i, j < n. For large n the integrand is a cliff.
func TestFirstLossOfTwo(t *testing.T) {
	for _, n := range []int{1, 10, 100, 250} {
		c := newChain(n)
		for i := range c.Up {
			c.Up[i] = 1
		}
		want := 0.0
		row := make([]float64, n) // C(i+j,i)/2^(i+j+1) for one i
		for i := range n {
			for j := range n {
				switch {
				case i == 0 && j == 0:
					row[0] = 0.5
				case j == 0:
					row[0] /= 2
				case i == 0:
					row[j] = row[j-1] / 2
				default:
					row[j] = (row[j] + row[j-1]) / 2
				}
				want += row[j]
			}
		}
		if got := FirstLoss(2, c.lostBeyond()); math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%d steps: %v, want %v: off by %v", n, got, want, got/want-1)
		}
	}
}

func TestLatentUnreadable(t *testing.T) {
	for _, c := range []struct {
		rate, interval float64
		survivors      int
	}{{1e-12, 1, 1}, {1e-7, 336, 2}, {1e-3, 249, 3}, {1e-3, 251, 3}, {1, 100, 1}, {1e-4, 8760,
		10}} {
		bits := uint(400)
		x := new(big.Float).SetPrec(bits).SetFloat64(c.rate * c.interval)
		// (1-e⁻ˣ)/x by its series, whose terms alternate; 400 bits do not mind.
		clean := new(big.Float).SetPrec(bits).SetInt64(1)
		term := new(big.Float).SetPrec(bits).SetInt64(1)
		for k := int64(2); k < 600; k++ {
			term.Mul(term, x)
			term.Quo(term, new(big.Float).SetInt64(-k))
			clean.Add(clean, term)
		}
		all := new(big.Float).SetPrec(bits).SetInt64(1)
		for range c.survivors {
			all.Mul(all, clean)
		}
		want := all.Sub(new(big.Float).SetPrec(bits).SetInt64(1), all)
		if got := LatentUnreadable(c.rate, c.interval, c.survivors); !(off(got, want) < 1e-15) {
			t.Errorf("%+v: %v, want %.20g", c, got, want)
		}
	}
	inf := math.Inf(1)
	if LatentUnreadable(0, inf, 3) != 0 || LatentUnreadable(1, 0, 3) != 0 || LatentUnreadable(1,
		5, 0) != 0 ||
		LatentUnreadable(1e-9, inf, 1) != 1 {
		t.Error("the ends")
	}
}

// TestLatentErrors: a rebuild that always fails is no rebuild, and one that never does is as before.
func TestLatentErrors(t *testing.T) {
	for _, repair := range []Repair{Serial, Parallel} {
		a, b := Group(6, 2, lambda, mu, repair).MTTA(), GroupWithLatent(6, 2, lambda, mu,
			repair, 0).MTTA()
		if a != b {
			t.Errorf("%v: %v and %v", repair, a, b)
		}
		last := math.Inf(1)
		for _, u := range []float64{0, 1e-9, 1e-3, 0.5, 1} {
			h := GroupWithLatent(6, 2, lambda, mu, repair, u).MTTA()
			if h > last {
				t.Errorf("%v: u = %v makes %v of %v", repair, u, h, last)
			}
			last = h
		}
		// With u = 1, what is tolerated is in effect one failure less.
		if h := Group(6, 1, lambda, mu, repair).MTTA(); last < h || last > h*1.01 {
			t.Errorf("%v: certain errors leave %v, one unit less %v", repair, last, h)
		}
	}
	if a, b := Group(3, 0, lambda, mu, Serial).MTTA(), GroupWithLatent(3, 0, lambda, mu, Serial,
		0.5).MTTA(); a != b {
		t.Errorf("without redundancy %v and %v", a, b)
	}
}

// TestCriticalFirst has the rates of the reference's table for three replicas.
func TestCriticalFirst(t *testing.T) {
	for _, c := range []struct {
		N, k, i int
		want    float64
	}{{300, 3, 1, 299 * mu}, {300, 3, 2, 299 * 299 * mu / 2}, {50, 2, 1, 49 * mu}, {50, 4, 2,
		49 * 49 * mu / 3}, {50, 4, 3, 49 * 49 * 48 * mu / 6}} {
		if got := CriticalFirst(c.N, c.k, c.i, mu); math.Abs(got/c.want-1) > 1e-15 {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestAnyKIsAGroup: N nodes that lose with any k of them at pair speed are one group.
func TestAnyKIsAGroup(t *testing.T) {
	for k := 1; k <= 6; k++ {
		a, b := AnyK(9, k, lambda, mu, PairSpeed).MTTA(), Group(9, k-1, lambda, mu, Parallel).MTTA()
		if a != b {
			t.Errorf("k = %d: %v and %v", k, a, b)
		}
	}
}

func TestRebuildCrossover(t *testing.T) {
	for _, c := range [][2]int{{300, 3}, {30, 3}, {1000, 2}, {100, 4}, {10_000, 2}} {
		N, k := c[0], c[1]
		x, ok := RebuildCrossover(N, k, lambda, mu)
		if !ok {
			t.Errorf("%v: none", c)
			continue
		}
		any := AnyK(N, k, lambda, mu, DeclusteredBy(x)).MTTA()
		groups := FirstLoss(N/k, Group(k, k-1, lambda, mu, Parallel))
		if math.Abs(any/groups-1) > 1e-12 {
			t.Errorf("%v: at %v, %v and %v", c, x, any, groups)
		}
		// Two replicas tie where all nodes help; with three, all nodes are more than enough.
		if share := x / float64(N-1); k == 2 && (share < 0.5 || share > 2) || k == 3 && share >= 1 {
			t.Errorf("%v: %v, which is %v of all nodes", c, x, share)
		}
	}
	if x, ok := RebuildCrossover(3, 3, lambda, mu); !ok || math.Abs(x-1) > 1e-12 {
		t.Errorf("a single group crosses itself at %v, %v", x, ok)
	}
	if x, ok := RebuildCrossover(300, 3, lambda, 0); ok {
		t.Errorf("no repair, but a crossover at %v", x)
	}
}
