package prob

import (
	"math"
	"math/big"
	"testing"
)

// bigBinomial is the whole distribution, by the recurrence from P[X = 0] up, or from P[X = N] down
// for p = 1.
func bigBinomial(n int, p float64) []*big.Float {
	P := bigFloat(p)
	Q := bigSub(bigFloat(1), P)
	pmf := make([]*big.Float, n+1)
	if Q.Sign() == 0 {
		for k := range pmf {
			pmf[k] = bigFloat(0)
		}
		pmf[n] = bigFloat(1)
		return pmf
	}
	odds := bigQuo(P, Q)
	pmf[0] = bigPow(Q, n)
	for k := 1; k <= n; k++ {
		f := bigQuo(bigFloat(float64(n-k+1)), bigFloat(float64(k)))
		pmf[k] = bigMul(bigMul(pmf[k-1], f), odds)
	}
	return pmf
}

// bigTails is P[X ≥ k] for k = 0 … n+1, and P[X < k].
func bigTails(pmf []*big.Float) (tail, below []*big.Float) {
	n := len(pmf)
	tail, below = make([]*big.Float, n+1), make([]*big.Float, n+1)
	tail[n], below[0] = bigFloat(0), bigFloat(0)
	for k := n - 1; k >= 0; k-- {
		tail[k] = bigAdd(tail[k+1], pmf[k])
	}
	for k := range n {
		below[k+1] = bigAdd(below[k], pmf[k])
	}
	return tail, below
}

// TestBinomialAgainstBig goes from one trial to ten thousand, and from probabilities near
// zero to one, and everywhere from the first term to the last.
func TestBinomialAgainstBig(t *testing.T) {
	ps := []float64{0, 1e-300, 1e-17, 1e-9, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9999, 1 - 0x1p-53, 1}
	pmfs, tails := meter{t: t}, meter{t: t}
	compare := func(n int, p float64, step int) {
		b := Binomial{N: n, P: p}
		pmf := bigBinomial(n, p)
		tail, below := bigTails(pmf)
		mean := int(b.Mean())
		for k := 0; k <= n+1; k++ {
			if k > 20 && k < n-20 && (k < mean-2 || k > mean+2) && k%step != 0 {
				continue
			}
			if k <= n {
				pmfs.check(5e-16, b.PMF(k), pmf[k], "PMF", n, p, k)
			}
			tails.check(4e-14, b.Tail(k), tail[k], "Tail", n, p, k)
			tails.check(4e-14, b.Below(k), below[k], "Below", n, p, k)
		}
	}
	for _, n := range []int{0, 1, 2, 3, 10, 40, 171, 1000} {
		for _, p := range ps {
			compare(n, p, 7)
		}
	}
	for _, p := range []float64{1e-4, 0.01, 0.7} {
		compare(10_000, p, 97)
	}
	pmfs.report("P[X = k]", 4000)
	tails.report("P[X ≥ k], P[X < k]", 8000)
}

// TestBinomialMillion is what a large cluster asks for.
func TestBinomialMillion(t *testing.T) {
	m := meter{t: t}
	for _, c := range []struct {
		p  float64
		ks []int
	}{
		{1e-4, []int{1, 10, 50, 99, 100, 101, 150, 250, 300}},
		{0.5, []int{480_000, 490_000, 499_990, 500_000, 500_001, 501_000, 505_000, 510_000}},
	} {
		b := Binomial{N: 1_000_000, P: c.p}
		below, last := bigFloat(0), c.ks[len(c.ks)-1]
		q := bigSub(bigFloat(1), bigFloat(c.p))
		odds, term := bigQuo(bigFloat(c.p), q), bigPow(q, b.N)
		x := bigFloat(0)
		next := 0
		for k := 0; k <= last; k++ {
			if k == c.ks[next] {
				m.check(4e-14, b.Tail(k), bigSub(bigFloat(1), below), "Tail", b, k)
				m.check(4e-14, b.Below(k), below, "Below", b, k)
				m.check(5e-16, b.PMF(k), term, "PMF", b, k)
				next++
			}
			below.Add(below, term)
			term.Mul(term, x.SetInt64(int64(b.N-k)))
			term.Quo(term, x.SetInt64(int64(k+1)))
			term.Mul(term, odds)
		}
	}
	m.report("a million trials", 51)
}

func TestBinomialPublished(t *testing.T) {
	// reliability-cases.jsonl: mars-n100-k2 and mars-n10000-k3, incident.bigcluster.
	for _, c := range []struct {
		n, k int
		want float64
	}{
		{200, 2, 0.00019639250446967503},
		{30_000, 3, 0.5768211215548027},
		{3, 3, 1e-12},
	} {
		if got := (Binomial{N: c.n, P: 1e-4}).Tail(c.k); math.Abs(got/c.want-1) > 1e-14 {
			t.Errorf("P[Bin(%d,1e-4) ≥ %d] = %v, want %v", c.n, c.k, got, c.want)
		}
	}
}

func TestBinomialSlice(t *testing.T) {
	m := meter{t: t}
	for _, b := range []Binomial{{0, 0.5}, {5, 0}, {5, 1}, {40, 0.1}, {10_000, 1e-4},
		{10_000, 0.3}, {3000, 0.999}} {
		pmf := bigBinomial(b.N, b.P)
		lo, hi := b.Support(1e-30)
		if lo > 0 || hi < b.N {
			outside := bigFloat(0)
			for k, p := range pmf {
				if k < lo || k > hi {
					outside.Add(outside, p)
				}
			}
			if o, _ := outside.Float64(); o > 1e-30 || o < 1e-33 && b.P > 0 && b.P < 1 {
				t.Errorf("%+v: %v is outside of %d … %d", b, o, lo, hi)
			}
		}
		for _, r := range [][2]int{{lo, hi}, {0, b.N}, {b.N / 2, b.N}, {0, b.N / 3}} {
			for i, p := range b.Slice(r[0], r[1]) {
				if i%3 == 0 || i < 10 {
					m.check(3e-14, p, pmf[r[0]+i], b, r[0]+i)
				}
			}
		}
		n, sum := lo, 0.0
		for k, p := range b.All(1e-30) {
			if k != n {
				t.Fatalf("%+v: %d after %d", b, k, n-1)
			}
			n++
			sum += p
		}
		if n != hi+1 || math.Abs(sum-1) > 1e-13 {
			t.Errorf("%+v: %d values with the sum %v", b, n-lo, sum)
		}
	}
	m.report("slices", 10_000)
	for range (Binomial{N: 100, P: 0.5}).All(1e-9) {
		break // a loop may end early
	}
	if lo, hi := (Binomial{N: 50, P: 0.5}).Support(0); lo != 0 || hi != 50 {
		t.Errorf("the whole support is %d … %d", lo, hi)
	}
}

// bigHypergeometric is P[X = k] for all k.
func bigHypergeometric(h Hypergeometric) []*big.Float {
	pmf := make([]*big.Float, h.Draws+1)
	for k := range pmf {
		ways := new(big.Int)
		if k <= h.K && h.Draws-k <= h.N-h.K {
			ways.Binomial(int64(h.K), int64(k))
			rest := new(big.Int).Binomial(int64(h.N-h.K), int64(h.Draws-k))
			ways.Mul(ways, rest)
		}
		pmf[k] = bigQuo(bigInt(ways), bigChoose(h.N, h.Draws))
	}
	return pmf
}

func TestHypergeometricAgainstBig(t *testing.T) {
	m := meter{t: t}
	for _, h := range []Hypergeometric{
		{0, 0, 0}, {1, 1, 1}, {1, 0, 1}, {10, 3, 4}, {10, 10, 4}, {10, 7, 8}, {52, 13, 13}, {60,
			59, 30},
		{100, 50, 50}, {1000, 3, 900}, {5000, 50, 3}, {5000, 50, 50}, {5000, 2500, 400},
		{30_000, 300, 1000}, {1_000_000, 1000, 300}, {1_000_000, 999_000, 300},
	} {
		pmf := bigHypergeometric(h)
		tail, below := bigTails(pmf)
		for k := -1; k <= h.Draws+1; k++ {
			if k >= 0 && k <= h.Draws {
				m.check(5e-16, h.PMF(k), pmf[k], "PMF", h, k)
			} else if h.PMF(k) != 0 {
				t.Errorf("%+v: P[X = %d] = %v", h, k, h.PMF(k))
			}
			i := max(0, min(k, h.Draws+1))
			m.check(1e-14, h.Tail(k), tail[i], "Tail", h, k)
			m.check(1e-14, h.Below(k), below[i], "Below", h, k)
		}
	}
	m.report("hypergeometric", 7000)
}

func TestPoissonAgainstBig(t *testing.T) {
	m := meter{t: t}
	for _, mean := range []float64{1e-200, 1e-9, 0.1, 1, 3.7, 50, 1000} {
		pmf := make([]*big.Float, 1500)
		pmf[0] = bigExp(bigFloat(-mean))
		for k := 1; k < len(pmf); k++ {
			pmf[k] = bigMul(pmf[k-1], bigQuo(bigFloat(mean), bigFloat(float64(k))))
		}
		tail, below := bigTails(pmf)
		p := Poisson{Mean: mean}
		for k := range 1400 {
			m.check(5e-16, p.PMF(k), pmf[k], "PMF", mean, k)
			m.check(2e-14, p.Below(k), below[k], "Below", mean, k)
			if mean < 100 || k < 1200 { // the series was cut off
				m.check(2e-14, p.Tail(k), tail[k], "Tail", mean, k)
			}
		}
	}
	m.report("Poisson", 20_000)
	if p := (Poisson{}); p.PMF(0) != 1 || p.PMF(1) != 0 || p.Tail(0) != 1 || p.Tail(1) != 0 ||
		p.Below(0) != 0 || p.Below(1) != 1 {
		t.Error("nothing is expected, and yet it happens")
	}
}

func FuzzBinomial(f *testing.F) {
	f.Add(200, 1e-4, 2)
	f.Add(1_000_000, 0.5, 500_000)
	f.Add(14, 0.999999, 11)
	f.Fuzz(func(t *testing.T, n int, p float64, k int) {
		if n < 0 || n > 2_000_000 || !(p >= 0 && p <= 1) || k < -1 || k > n+1 {
			t.Skip()
		}
		b := Binomial{N: n, P: p}
		tail, below, pmf := b.Tail(k), b.Below(k), b.PMF(k)
		if math.Abs(tail+below-1) > 1e-13 {
			t.Errorf("%+v at %d: %v and %v", b, k, tail, below)
		}
		if next := b.Tail(k + 1); next > tail*(1+1e-13)+1e-300 ||
			math.Abs(tail-next-pmf) > 1e-13*tail+1e-300 {
			t.Errorf("%+v: %v above %d, then %v, between them %v", b, tail, k, next, pmf)
		}
		if more := (Binomial{N: n + 1, P: p}).Tail(k); more < tail*(1-1e-13)-1e-300 {
			t.Errorf("%+v: one trial more makes %v of %v", b, more, tail)
		}
		if more := (Binomial{N: n, P: p + (1-p)/2}).Tail(k); more < tail*(1-1e-13)-1e-300 {
			t.Errorf("%+v: a larger probability makes %v of %v", b, more, tail)
		}
	})
}

func BenchmarkTail(b *testing.B) {
	for _, c := range []struct {
		name string
		d    Binomial
		k    int
	}{
		{"rs10+4", Binomial{14, 1e-3}, 5},
		{"30000-nodes", Binomial{30_000, 1e-4}, 3},
		{"million-coins", Binomial{1_000_000, 0.5}, 500_100},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.d.Tail(c.k)
			}
		})
	}
}
