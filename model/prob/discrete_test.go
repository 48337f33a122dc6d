package prob

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestPoissonBinomialByEnumeration adds up all 2ⁿ outcomes in rational numbers.
func TestPoissonBinomialByEnumeration(t *testing.T) {
	m := meter{t: t}
	r := rand.New(rand.NewPCG(3, 0))
	for n := range 9 {
		ps := make([]float64, n)
		for i := range ps {
			ps[i] = math.Ldexp(r.Float64(), -r.IntN(60)*(i%2))
		}
		want := make([]*big.Rat, n+2)
		for k := range want {
			want[k] = new(big.Rat)
		}
		one := big.NewRat(1, 1)
		for set := range 1 << n {
			p, k := big.NewRat(1, 1), 0
			for i := range ps {
				x := new(big.Rat).SetFloat64(ps[i])
				if set>>i&1 == 1 {
					k++
				} else {
					x.Sub(one, x)
				}
				p.Mul(p, x)
			}
			want[k].Add(want[k], p)
		}
		got := PoissonBinomial(ps)
		tail := new(big.Rat)
		for k := n + 1; k >= 0; k-- {
			tail.Add(tail, want[k])
			m.check(2e-15, PoissonBinomialTail(ps, k), bigRat(tail), "tail", n, k)
			if k <= n {
				m.check(2e-15, got[k], bigRat(want[k]), "pmf", n, k)
			}
		}
	}
	m.report("unequal trials", 90)
}

func TestPoissonBinomialIsBinomial(t *testing.T) {
	ps := make([]float64, 300)
	for i := range ps {
		ps[i] = 0.01
	}
	b := Binomial{N: 300, P: 0.01}
	for k, p := range PoissonBinomial(ps) {
		if b.PMF(k) < 1e-300 {
			break
		}
		if math.Abs(p-b.PMF(k)) > 1e-13*b.PMF(k) ||
			math.Abs(PoissonBinomialTail(ps, k)-b.Tail(k)) > 1e-13*b.Tail(k) {
			t.Errorf("P[X = %d] = %v, want %v", k, p, b.PMF(k))
		}
	}
}

func TestDistributions(t *testing.T) {
	a, b := Binomial{N: 30, P: 0.2}, Binomial{N: 12, P: 0.2}
	sum := Convolve(a.Slice(0, 30), b.Slice(0, 12))
	both := Binomial{N: 42, P: 0.2}
	for k := range sum {
		if math.Abs(sum[k]/both.PMF(k)-1) > 1e-14 {
			t.Errorf("P[sum = %d] = %v, want %v", k, sum[k], both.PMF(k))
		}
		if math.Abs(TailOf(sum, k)/both.Tail(k)-1) > 1e-14 {
			t.Errorf("P[sum ≥ %d] = %v, want %v", k, TailOf(sum, k), both.Tail(k))
		}
	}
	if len(sum) != 43 || Convolve(nil, sum) != nil || TailOf(sum, 43) != 0 || TailOf(sum,
		-3) != TailOf(sum, 0) {
		t.Error("lengths")
	}
	if m := Mean(sum); math.Abs(m-8.4) > 1e-13 {
		t.Errorf("mean %v", m)
	}
	for _, level := range []float64{0, 1e-9, 0.01, 0.5, 0.99, 1 - 1e-12, 1} {
		k := Quantile(sum, level)
		if level < 1 && both.Tail(k+1) > 1-level+1e-15 || k > 0 && both.Tail(k) < 1-level-1e-15 {
			t.Errorf("quantile %v is %d, above it %v", level, k, both.Tail(k+1))
		}
	}
	if Quantile(nil, 0.5) != -1 || Quantile([]float64{1, 1}, 0.5) != 0 || Quantile([]float64{1,
		1, 0}, 1) != 1 {
		t.Error("small quantiles")
	}
}
