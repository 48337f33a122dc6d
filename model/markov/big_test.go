package markov

import (
	"math"
	"math/big"
	"testing"
)

// The tests compare with a second, dumb implementation: Gauss in rational numbers for mean times,
// and the exponential of a matrix with as many bits as it takes for probabilities.

// generator is the matrix of a chain, absorbing states last.
func (c Chain) generator() Dense {
	n := len(c.Up)
	d := Dense{make([][]float64, n), make([][]float64, n)}
	for i := range n {
		d.Rate[i] = make([]float64, n)
		if i > 0 {
			d.Rate[i][i-1] = c.Down[i]
		}
		if i < n-1 {
			d.Rate[i][i+1] = c.Up[i]
		}
		d.Exit[i] = []float64{c.Kill[i]}
	}
	return d
}

// gauss solves A·X = B in rational numbers; A and B are overwritten.
func gauss(A, B [][]*big.Rat) [][]*big.Rat {
	n := len(A)
	for k := range n {
		p := k
		for p < n && A[p][k].Sign() == 0 {
			p++
		}
		A[k], A[p], B[k], B[p] = A[p], A[k], B[p], B[k]
		for i := range n {
			if i == k || A[i][k].Sign() == 0 {
				continue
			}
			f := new(big.Rat).Quo(A[i][k], A[k][k])
			for j := k; j < n; j++ {
				A[i][j].Sub(A[i][j], new(big.Rat).Mul(f, A[k][j]))
			}
			for j := range B[i] {
				B[i][j].Sub(B[i][j], new(big.Rat).Mul(f, B[k][j]))
			}
		}
	}
	for i := range n {
		for j := range B[i] {
			B[i][j].Quo(B[i][j], A[i][i])
		}
	}
	return B
}

// ratAbsorption solves for the mean time to absorption from all states, in column 0, and the
// probability of each class, in the others.
func (d Dense) ratAbsorption() [][]*big.Rat {
	n := len(d.Rate)
	A, B := make([][]*big.Rat, n), make([][]*big.Rat, n)
	for i := range n {
		A[i] = make([]*big.Rat, n)
		B[i] = []*big.Rat{big.NewRat(1, 1)}
		diagonal := new(big.Rat)
		for j := range n {
			x := new(big.Rat)
			if i != j {
				x.SetFloat64(d.Rate[i][j])
				diagonal.Add(diagonal, x)
			}
			A[i][j] = x.Neg(x)
		}
		for _, e := range d.Exit[i] {
			x := new(big.Rat).SetFloat64(e)
			diagonal.Add(diagonal, x)
			B[i] = append(B[i], x)
		}
		A[i][i] = diagonal
	}
	return gauss(A, B)
}

// bigTransient is exp(t·Q), row by row, with the absorbing states last: a Taylor series after
// halving, and squaring. Nothing is done against cancellation but to have enough bits.
func (d Dense) bigTransient(t float64, bits uint) [][]*big.Float {
	n := len(d.Rate)
	size := n + len(d.Exit[0])
	zero := func() *big.Float { return new(big.Float).SetPrec(bits) }
	matrix := func() [][]*big.Float {
		m := make([][]*big.Float, size)
		for i := range m {
			m[i] = make([]*big.Float, size)
			for j := range m[i] {
				m[i][j] = zero()
			}
		}
		return m
	}
	top, q := 0.0, matrix()
	for i := range n {
		sum := zero()
		for j := range size {
			x := 0.0
			if j < n && j != i {
				x = d.Rate[i][j]
			} else if j >= n {
				x = d.Exit[i][j-n]
			}
			q[i][j].SetFloat64(x)
			sum.Add(sum, q[i][j])
		}
		q[i][i].Neg(sum)
		f, _ := sum.Float64()
		top = max(top, f*t)
	}
	halvings := 20
	if top > 0 {
		halvings = max(0, math.Ilogb(top)) + 20
	}
	scale := new(big.Float).SetMantExp(new(big.Float).SetPrec(bits).SetFloat64(t), -halvings)
	for i := range q {
		for j := range q[i] {
			q[i][j].Mul(q[i][j], scale)
		}
	}
	x := zero()
	times := func(a, b [][]*big.Float) [][]*big.Float {
		p := matrix()
		for i := range a {
			for k := range a {
				if a[i][k].Sign() == 0 {
					continue
				}
				for j := range a {
					p[i][j].Add(p[i][j], x.Mul(a[i][k], b[k][j]))
				}
			}
		}
		return p
	}
	sum, term := matrix(), matrix()
	for i := range sum {
		sum[i][i].SetInt64(1)
		term[i][i].SetInt64(1)
	}
	for k := 1; k <= int(bits)/18; k++ {
		term = times(term, q)
		for i := range term {
			for j := range term {
				term[i][j].Quo(term[i][j], new(big.Float).SetPrec(bits).SetInt64(int64(k)))
				sum[i][j].Add(sum[i][j], term[i][j])
			}
		}
	}
	for range halvings {
		sum = times(sum, sum)
	}
	return sum
}

// off is the relative error of got.
func off(got float64, want *big.Float) float64 {
	if w, _ := want.Float64(); w == got {
		return 0
	}
	g := new(big.Float).SetPrec(want.Prec()).SetFloat64(got)
	d, _ := g.Quo(g.Sub(g, want), want).Float64()
	return math.Abs(d)
}

func ratFloat(x *big.Rat) *big.Float { return new(big.Float).SetPrec(200).SetRat(x) }

// meter keeps the largest error that a test has seen.
type meter struct {
	t     *testing.T
	worst float64
	n     int
	where []any
}

func (m *meter) check(limit, got float64, want *big.Float, where ...any) {
	m.t.Helper()
	d := off(got, want)
	if m.n++; d > m.worst {
		m.worst, m.where = d, where
	}
	if !(d <= limit) {
		m.t.Errorf("%v: got %v, want %.20g: off by %.3g", where, got, want, d)
	}
}

func (m *meter) close(limit, got, want float64, where ...any) {
	m.t.Helper()
	m.check(limit, got, new(big.Float).SetPrec(200).SetFloat64(want), where...)
}

func (m *meter) report(name string, least int) {
	m.t.Helper()
	if m.n < least {
		m.t.Errorf("%s: only %d values were compared", name, m.n)
	}
	m.t.Logf("%s: %d values, worst relative error %.2g at %v", name, m.n, m.worst, m.where)
}

// TestBig holds the exponential against the simplest chains, of which all is known.
func TestBig(t *testing.T) {
	two := Chain{[]float64{1, 0}, []float64{0, 0}, []float64{0, 2}}
	for _, time := range []float64{1e-30, 0.5, 3, 100} {
		// A sum of two exponential times of rates 1 and 2: (1-e⁻ᵗ)².
		want := math.Expm1(-time) * math.Expm1(-time)
		got, _ := two.generator().bigTransient(time, 400)[0][2].Float64()
		if math.Abs(got/want-1) > 1e-15 {
			t.Errorf("after %v: %v, want %v", time, got, want)
		}
	}
	if h := two.generator().ratAbsorption(); h[0][0].Cmp(big.NewRat(3, 2)) != 0 ||
		h[0][1].Cmp(big.NewRat(1, 1)) != 0 {
		t.Errorf("mean %v, absorbed %v", h[0][0], h[0][1])
	}
}
