package markov

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// nodes is the chain over all sets of failed ones among n nodes. Sets for which lost is true are
// absorbing.
func nodes(n int, lambda, mu float64, lost func(set uint) bool) Dense {
	size := 1 << n
	d := Dense{make([][]float64, size), make([][]float64, size)}
	for set := range uint(size) {
		d.Rate[set] = make([]float64, size)
		d.Exit[set] = []float64{0}
		for i := range n {
			to, rate := set^1<<i, lambda
			if to < set {
				rate = mu
			}
			if lost(to) {
				d.Exit[set][0] += rate
			} else {
				d.Rate[set][to] += rate
			}
		}
	}
	return d
}

func pairLost(set uint) bool { return set&(set>>1)&0x55555555 != 0 }

// TestDenseByEnumeration lumps nothing: all sets of failed nodes of five pairs, and of a group.
func TestDenseByEnumeration(t *testing.T) {
	for _, repair := range []float64{0, lambda, mu} {
		h := nodes(8, lambda, repair, pairLost).MTTA()[0]
		if want := DegradedPairs(4, lambda, repair).MTTA(); math.Abs(h/want-1) > 1e-13 {
			t.Errorf("four pairs: %v, want %v", h, want)
		}
		d := nodes(7, lambda, repair, func(set uint) bool { return bits.OnesCount(set) > 3 })
		if want := Group(7, 3, lambda, repair,
			Parallel); math.Abs(d.MTTA()[0]/want.MTTA()-1) > 1e-13 {
			t.Errorf("a group: %v, want %v", d.MTTA()[0], want.MTTA())
		} else {
			start := make([]float64, 128)
			start[0] = 1
			for _, time := range []float64{0, 1e-3, 10, 8760} {
				states, absorbed := d.Transient(start, time)
				sum := absorbed[0]
				for _, x := range states {
					sum += x
				}
				if p := want.Loss(time); math.Abs(absorbed[0]-p) > 1e-11*p ||
					math.Abs(sum-1) > 1e-12 {
					t.Errorf("a group after %v: %v, want %v, the sum is %v", time, absorbed[0],
						p, sum)
				}
			}
		}
	}
}

// TestStationary: independent nodes, each down for λ/(λ+μ) of the time.
func TestStationary(t *testing.T) {
	d := nodes(8, lambda, mu, func(uint) bool { return false })
	down := lambda / (lambda + mu)
	for set, p := range d.Stationary() {
		k := bits.OnesCount(uint(set))
		want := math.Pow(down, float64(k)) * math.Pow(1-down, float64(8-k))
		if math.Abs(p/want-1) > 1e-13 {
			t.Errorf("%08b: %v, want %v", set, p, want)
		}
	}
}

// TestDenseByGauss draws chains of any shape and solves them in rational numbers.
func TestDenseByGauss(t *testing.T) {
	m := meter{t: t}
	r := rand.New(rand.NewPCG(11, 0))
	for n := 1; n <= 9; n++ {
		for range 12 {
			d := Dense{make([][]float64, n), make([][]float64, n)}
			draw := func() float64 { return math.Pow(10, 12*(r.Float64()-0.5)) }
			for i := range n {
				d.Rate[i], d.Exit[i] = make([]float64, n), []float64{0, 0, 0}
				for j := range n {
					if r.IntN(3) > 0 {
						d.Rate[i][j] = draw() // the diagonal, too, which is ignored
					}
				}
				d.Rate[i][(i+1)%n] = draw()
				if r.IntN(4) == 0 || i == 0 {
					d.Exit[i][r.IntN(3)] = draw()
				}
			}
			want := d.ratAbsorption()
			b := d.Absorption()
			for i, h := range d.MTTA() {
				m.check(1e-14, h, ratFloat(want[i][0]), "MTTA", n, i)
				for c := range b[i] {
					m.check(1e-14, b[i][c], ratFloat(want[i][1+c]), "absorption", n, i, c)
				}
			}
			if n > 1 {
				checkStationary(&m, Dense{Rate: d.Rate})
				checkHitting(&m, Dense{Rate: d.Rate})
			}
		}
	}
	m.report("dense chains", 2500)
}

func checkStationary(m *meter, d Dense) {
	n := len(d.Rate)
	A, B := make([][]*big.Rat, n), make([][]*big.Rat, n)
	for j := range n { // balance of state j, but the last equation is that for the sum
		A[j], B[j] = make([]*big.Rat, n), []*big.Rat{new(big.Rat)}
		for i := range n {
			A[j][i] = new(big.Rat)
			if i != j {
				A[j][i].SetFloat64(d.Rate[i][j])
			}
		}
		for i := range n {
			if i != j {
				A[j][j].Sub(A[j][j], new(big.Rat).SetFloat64(d.Rate[j][i]))
			}
		}
	}
	for i := range n {
		A[n-1][i].SetInt64(1)
	}
	B[n-1][0].SetInt64(1)
	want := gauss(A, B)
	for i, p := range d.Stationary() {
		m.check(1e-14, p, ratFloat(want[i][0]), "stationary", n, i)
	}
}

func checkHitting(m *meter, d Dense) {
	n := len(d.Rate)
	target := make([]bool, n)
	target[n/2], target[n-1] = true, true
	sub := Dense{make([][]float64, 0, n), make([][]float64, 0, n)}
	var others []int
	for i := range n {
		if !target[i] {
			others = append(others, i)
		}
	}
	for _, i := range others {
		row, exit := []float64{}, []float64{}
		for _, j := range others {
			row = append(row, d.Rate[i][j])
		}
		for j := range n {
			if target[j] {
				exit = append(exit, d.Rate[i][j])
			}
		}
		sub.Rate, sub.Exit = append(sub.Rate, row), append(sub.Exit, exit)
	}
	h := d.Hitting(target)
	if h[n/2] != 0 || h[n-1] != 0 {
		m.t.Errorf("targets are hit after %v and %v", h[n/2], h[n-1])
	}
	if len(others) == 0 {
		return
	}
	for a, row := range sub.ratAbsorption() {
		m.check(1e-14, h[others[a]], ratFloat(row[0]), "hitting", n, a)
	}
}

// TestRuin is the gambler's, whose chances are known since Huygens.
func TestRuin(t *testing.T) {
	const n = 19 // states 1 … 19 of 20
	d := Dense{make([][]float64, n), make([][]float64, n)}
	for i := range n {
		d.Rate[i], d.Exit[i] = make([]float64, n), make([]float64, 2)
		if i > 0 {
			d.Rate[i][i-1] = 3
		} else {
			d.Exit[i][0] = 3
		}
		if i < n-1 {
			d.Rate[i][i+1] = 1
		} else {
			d.Exit[i][1] = 1
		}
	}
	for i, b := range d.Absorption() {
		want := (math.Pow(3, float64(i+1)) - 1) / (math.Pow(3, 20) - 1)
		if math.Abs(b[1]/want-1) > 1e-14 || math.Abs(b[0]+b[1]-1) > 1e-15 {
			t.Errorf("with %d of 20: %v, want %v", i+1, b, want)
		}
	}
	start := make([]float64, n)
	start[9] = 1
	states, absorbed := d.Transient(start, 1e3)
	b := d.Absorption()[9]
	for c := range absorbed {
		if math.Abs(absorbed[c]/b[c]-1) > 1e-12 {
			t.Errorf("in the end: %v, want %v", absorbed, b)
		}
	}
	if states[0] > 1e-200 {
		t.Errorf("still playing with %v", states[0])
	}
}

// TestDenseTransient compares with the exponential of the matrix, state by state.
func TestDenseTransient(t *testing.T) {
	m := meter{t: t}
	r := rand.New(rand.NewPCG(13, 0))
	for i := range 40 {
		n := 1 + i%6
		d := Dense{make([][]float64, n), make([][]float64, n)}
		for i := range n {
			d.Rate[i], d.Exit[i] = make([]float64, n), []float64{r.Float64() * 1e-6, 0}
			for j := range n {
				if j != i && r.IntN(3) > 0 {
					d.Rate[i][j] = math.Pow(10, 4*(r.Float64()-0.5))
				}
			}
		}
		d.Exit[n-1][1] = r.Float64()
		time := math.Pow(10, 4*(r.Float64()-0.5))
		p := d.bigTransient(time, 500)
		start := make([]float64, n)
		start[0] = 1
		states, absorbed := d.Transient(start, time)
		for j, want := range p[0] {
			var got float64
			if j < n {
				got = states[j]
			} else {
				got = absorbed[j-n]
			}
			if w, _ := want.Float64(); w > 1e-250 {
				m.check(1e-11, got, want, n, time, j)
			}
		}
	}
	m.report("transient", 150)
}

func TestDenseTraps(t *testing.T) {
	inf := math.Inf(1)
	// 0 ↔ 1 → 2, which is a trap; 1 may exit.
	d := Dense{[][]float64{{0, 1, 0}, {1, 0, 1}, {0, 0, 0}}, [][]float64{nil, {1}, nil}}
	for i, h := range d.MTTA() {
		if h != inf {
			t.Errorf("from %d in %v", i, h)
		}
	}
	d.Rate[1][2] = 0
	if h := d.MTTA(); h[0] != 3 || h[1] != 2 || h[2] != inf {
		t.Errorf("without the way to the trap: %v", h)
	}
	states, absorbed := Dense{[][]float64{{0}}, nil}.Transient([]float64{1}, 5)
	if states[0] != 1 || len(absorbed) != 0 {
		t.Errorf("a chain at rest: %v, %v", states, absorbed)
	}
	if h := (Dense{[][]float64{{0}}, nil}).Hitting([]bool{true}); h[0] != 0 {
		t.Errorf("already there: %v", h)
	}
}

func BenchmarkDenseMTTA(b *testing.B) {
	d := nodes(10, lambda, mu, pairLost)
	for b.Loop() {
		d.MTTA()
	}
}
