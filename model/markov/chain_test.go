package markov

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const (
	lambda = 1e-5
	mu     = 0.041666666666666664 // a day
)

// TestPublished holds the worked values of reliability-cases.jsonl, and those in the text beside
// it, which have three digits.
func TestPublished(t *testing.T) {
	pair, triple := Group(2, 1, lambda, mu, Parallel), Group(3, 2, lambda, mu, Parallel)
	for _, c := range []struct {
		name             string
		got, want, limit float64
	}{
		{"ctmc-mirror2-serial", Group(2, 1, lambda, mu, Serial).MTTA(), 208483333.33333334, 1e-14},
		{"ctmc-mirror3-parallel", triple.MTTA(), 579189998148.1482, 1e-14},
		{"ctmc-rs-10-4-serial", Group(14, 4, lambda, mu, Serial).MTTA(), 126187070772969.03, 1e-14},
		{"ctmc-shards-pairs-M100", FirstLoss(100, pair), 2084857.0761046119, 1e-13},
		{"ctmc-shards-pairs-M100, lumped", DegradedPairs(100, lambda, mu).MTTA(),
			2084857.0761046119, 1e-14},
		{"ctmc-shards-triples-M10", FirstLoss(10, triple), 57918999847.20315, 1e-13},
		{"ctmc-anyk-N200-k2-fast", AnyK(200, 2, lambda, mu, Declustered).MTTA(),
			2084335.8458961474, 1e-14},
		{"ctmc-ploss-rs-10-4-parallel-8760h", Group(14, 4, lambda, mu, Parallel).Loss(8760),
			2.8812365352526843e-12, 1e-13},
		{"ctmc-anyk-N300-k3-prioritised", AnyK(300, 3, lambda, mu, CriticalFirst).MTTA(),
			868275687679.9614, 1e-14},
		{"triples", FirstLoss(100, triple), 5.79e9, 1e-3},
		{"any-3 at pair speed", AnyK(300, 3, lambda, mu, PairSpeed).MTTA(), 1.45e5, 1e-3},
		{"any-3 with (N-1)-fold rebuild", AnyK(300, 3, lambda, mu, DeclusteredBy(299)).MTTA(),
			1.16e10, 2e-3},
		{"any-3 with critical data first", AnyK(300, 3, lambda, mu, CriticalFirst).MTTA(),
			8.68e11, 1e-3},
	} {
		if !(math.Abs(c.got/c.want-1) <= c.limit) {
			t.Errorf("%s: %v, want %v: off by %.3g", c.name, c.got, c.want, c.got/c.want-1)
		}
	}
}

// randomChain draws rates over many powers of ten; some are zero.
func randomChain(r *rand.Rand, m, decades int) Chain {
	c := newChain(m + 1)
	draw := func(zero float64) float64 {
		if r.Float64() < zero {
			return 0
		}
		return math.Pow(10, (r.Float64()-0.5)*float64(decades))
	}
	for i := range m + 1 {
		if i < m {
			c.Up[i] = draw(0)
		}
		if i > 0 {
			c.Down[i] = draw(0.1)
		}
		c.Kill[i] = draw(0.7)
	}
	c.Kill[m] = draw(0)
	return c
}

// TestMTTAByGauss solves a thousand chains, most of them absurdly stiff, in rational numbers.
func TestMTTAByGauss(t *testing.T) {
	chain, dense := meter{t: t}, meter{t: t}
	r := rand.New(rand.NewPCG(7, 0))
	for i := range 1000 {
		c := randomChain(r, i%9, 2+i%40)
		want := c.generator().ratAbsorption()
		chain.check(1e-14, c.MTTA(), ratFloat(want[0][0]), c)
		for s, h := range c.generator().MTTA() {
			dense.check(1e-14, h, ratFloat(want[s][0]), c, s)
		}
		longest := new(big.Rat)
		for _, row := range want {
			if row[0].Cmp(longest) > 0 {
				longest = row[0]
			}
		}
		chain.check(1e-14, c.longest(), ratFloat(longest), "longest", c)
	}
	for _, c := range models() {
		want := c.generator().ratAbsorption()
		chain.check(1e-14, c.MTTA(), ratFloat(want[0][0]), c)
	}
	chain.report("MTTA", 2000)
	dense.report("dense MTTA", 4000)
}

// models are chains of every constructor, stiff and not.
func models() (all []Chain) {
	for _, mu := range []float64{0, 1e-9, lambda, 1. / 24, 1e3} {
		for _, repair := range []Repair{Serial, Parallel} {
			all = append(all,
				Group(1, 0, lambda, mu, repair),
				Group(2, 1, lambda, mu, repair),
				Group(3, 2, lambda, mu, repair),
				Group(14, 4, lambda, mu, repair),
				Group(8, 7, lambda, mu, repair),
				GroupWithLatent(6, 2, lambda, mu, repair, 1e-6),
				GroupWithLatent(6, 2, lambda, mu, repair, 1),
			)
		}
		all = append(all,
			DegradedPairs(1, lambda, mu),
			DegradedPairs(9, lambda, mu),
			AnyK(300, 3, lambda, mu, PairSpeed),
			AnyK(300, 3, lambda, mu, Declustered),
			AnyK(300, 4, lambda, mu, CriticalFirst),
			AnyK(20, 5, lambda, mu, DeclusteredBy(7)),
		)
	}
	return all
}

// TestMTTAExtremes goes where numbers end: thousands of states, means beyond 1e308, chains that
// cannot be lost.
func TestMTTAExtremes(t *testing.T) {
	inf := math.Inf(1)
	// A walk with rates up u and down d to a loss beyond m: the textbook sum of products.
	for _, c := range []struct {
		m       int
		up, d   float64
		decades int
	}{{100, 1e-5, 1, 1000}, {40, 1e-5, 100, 300}, {2000, 1, 1, 10}, {300, 1e-3, 1,
		1000}, {10_000, 1, 1e-3, 10}} {
		chain := newChain(c.m + 1)
		for i := range chain.Up {
			chain.Up[i] = c.up
			if i > 0 {
				chain.Down[i] = c.d
			}
		}
		chain = chain.lostBeyond()
		bits := uint(200)
		sum, ratio := new(big.Float).SetPrec(bits), new(big.Float).SetPrec(bits).SetFloat64(c.d)
		ratio.Quo(ratio, new(big.Float).SetFloat64(c.up))
		passage := new(big.Float).SetPrec(bits) // mean time from i to i+1: 1/u + d/u·(that before)
		first := new(big.Float).SetPrec(bits).SetInt64(1)
		first.Quo(first, new(big.Float).SetFloat64(c.up))
		for range chain.Up {
			passage.Mul(passage, ratio)
			passage.Add(passage, first)
			sum.Add(sum, passage)
		}
		got := chain.MTTA()
		if want, _ := sum.Float64(); math.IsInf(want, 1) && got == inf {
			continue
		}
		if d := off(got, sum); !(d < 1e-12) {
			t.Errorf("%+v: %v, want %.20g", c, got, sum)
		}
	}
	for _, c := range []struct {
		name  string
		chain Chain
		want  float64
	}{
		{"no loss", Chain{[]float64{1, 0}, []float64{0, 1}, []float64{0, 0}}, inf},
		{"a trap", Chain{[]float64{1, 0}, []float64{0, 0}, []float64{1, 0}}, inf},
		{"a trap out of reach", Chain{[]float64{0, 1, 0}, []float64{0, 0, 0},
			[]float64{2, 0, 0}}, 0.5},
		{"nothing happens", Chain{[]float64{0}, []float64{0}, []float64{0}}, inf},
		{"a loss rate", Chain{[]float64{0}, []float64{0}, []float64{4}}, 0.25},
	} {
		if got := c.chain.MTTA(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := FirstLoss(2, c.chain); math.IsInf(c.want, 1) != math.IsInf(got, 1) ||
			!math.IsInf(got, 1) && math.Abs(got-c.want/2) > 1e-14 {
			t.Errorf("%s: the first of two %v", c.name, got)
		}
	}
	// On the way to a loss, which is far up, everything may get very small.
	deep := newChain(30)
	for i := range 29 {
		deep.Up[i], deep.Down[i+1] = 1, 1e10
	}
	deep.Kill[29] = 1e-10
	want := deep.generator().ratAbsorption()[0][0]
	if got := deep.MTTA(); got < 1e299 || off(got, ratFloat(want)) > 1e-14 {
		t.Errorf("a deep valley: %v, want %.20g", got, ratFloat(want))
	}
}

// TestLossByExponential compares with the exponential of the matrix, from times much shorter than
// a failure takes to those of certain loss.
func TestLossByExponential(t *testing.T) {
	loss, survival, jensen := meter{t: t}, meter{t: t}, meter{t: t}
	compare := func(c Chain, time float64) {
		rate := c.uniformised().rate
		bits := uint(400 + max(0, 2.2*math.Log2(rate*time)))
		p := c.generator().bigTransient(time, bits)[0]
		want := p[len(p)-1]
		w, _ := want.Float64()
		if w < 3e-300 {
			return
		}
		up := new(big.Float).SetPrec(bits)
		for _, x := range p[:len(p)-1] {
			up.Add(up, x)
		}
		u := c.Until(time)
		loss.check(3e-13, u.Loss(time), want, c, time)
		if s, _ := up.Float64(); s > 1e-80 { // the big numbers cancel beyond
			survival.check(3e-13*(1-math.Log(s)), u.Survival(time), up, "survival", c, time)
		}
		if rate*time < 3e5 {
			jensen.check(3e-11, c.Uniformise(time), want, "uniformised", c, time)
		}
	}
	for _, c := range models() {
		for _, time := range []float64{1e-40, 1, 8760, 1e5, 1e10, 1e14} {
			if time <= 8760 || c.uniformised().rate > 0.01 || time == 1e5 {
				compare(c, time)
			}
		}
	}
	r := rand.New(rand.NewPCG(9, 0))
	for i := range 80 {
		c := randomChain(r, 1+i%5, 2+i%20)
		compare(c, math.Pow(10, r.Float64()*15-7))
	}
	loss.report("Loss", 300)
	survival.report("Survival", 200)
	jensen.report("Uniformise", 120)
}

// TestUntil evaluates at many times what was prepared once.
func TestUntil(t *testing.T) {
	c := Group(14, 4, lambda, mu, Parallel)
	u := c.Until(1e9)
	last := 0.0
	for time := 1e-3; time <= 1e9; time *= 3.7 {
		got, want := u.Loss(time), c.Loss(time)
		if math.Abs(got/want-1) > 1e-13 || got < last {
			t.Errorf("after %v: %v, want %v", time, got, want)
		}
		last = got
		states, lost := u.At(time)
		sum := lost
		for _, x := range states {
			sum += x
		}
		if len(states) != 5 || math.Abs(sum-1) > 1e-13 || math.Abs(lost/want-1) > 1e-13 {
			t.Errorf("after %v: %v and %v lost", time, states, lost)
		}
	}
	if u.Loss(0) != 0 || u.Survival(0) != 1 || c.Loss(0) != 0 {
		t.Error("lost before the start")
	}
	idle := Chain{[]float64{0}, []float64{0}, []float64{0}}
	if idle.Loss(5) != 0 || idle.Survival(5) != 1 || idle.Uniformise(5) != 0 {
		t.Error("lost for no reason")
	}
	if a, b := LossOfAny(1000, c,
		8760), -math.Expm1(1000*math.Log1p(-c.Loss(8760))); math.Abs(a/b-1) > 1e-14 {
		t.Errorf("any of 1000: %v, want %v", a, b)
	}
	if LossOfAny(0, c, 8760) != 0 || LossOfAny(1_000_000, c, 1e20) != 1 {
		t.Error("any of none, or of very many at last")
	}
}

// TestUntilLarge is a chain of many states, with a loss from each.
func TestUntilLarge(t *testing.T) {
	c, pair := DegradedPairs(60, lambda, mu), Group(2, 1, lambda, mu, Parallel)
	for _, time := range []float64{1, 8760, 1e7, 1e9} {
		got, want := c.Loss(time), LossOfAny(60, pair, time)
		if math.Abs(got/want-1) > 1e-12 {
			t.Errorf("after %v: %v, want %v", time, got, want)
		}
	}
}

func FuzzChain(f *testing.F) {
	f.Add(uint64(1), 3, 20, 100.0)
	f.Add(uint64(2), 0, 2, 1e-9)
	f.Add(uint64(3), 12, 40, 1e12)
	f.Fuzz(func(t *testing.T, seed uint64, m, decades int, time float64) {
		if m < 0 || m > 20 || decades < 0 || decades > 60 || !(time >= 1e-30 && time <= 1e30) {
			t.Skip()
		}
		c := randomChain(rand.New(rand.NewPCG(seed, 0)), m, decades)
		u := c.Until(2 * time)
		l1, s1, l2 := u.Loss(time), u.Survival(time), u.Loss(2*time)
		if !(l1 >= 0 && l1 <= 1 && s1 >= 0) || math.Abs(l1+s1-1) > 1e-13 || l2 < l1*(1-1e-12) {
			t.Errorf("%v: lost %v, not lost %v; after twice the time lost %v", c, l1, s1, l2)
		}
		// Markov's inequality.
		if mean := c.MTTA(); !(mean > 0) || s1 > mean/time*(1+1e-12) {
			t.Errorf("%v: a mean of %v, but after %v not lost with %v", c, mean, time, s1)
		}
		// Repair helps.
		better := Chain{c.Up, append([]float64(nil), c.Down...), c.Kill}
		for i := 1; i <= m; i++ {
			better.Down[i] *= 2
		}
		sorted := true
		for i := 1; i <= m; i++ {
			sorted = sorted && c.Kill[i] >= c.Kill[i-1]
		}
		if sorted && better.MTTA() < c.MTTA()*(1-1e-12) {
			t.Errorf("%v: better repair makes %v of %v", c, better.MTTA(), c.MTTA())
		}
	})
}

func TestPanicsNameValues(t *testing.T) {
	for name, f := range map[string]func(){
		"lengths":   func() { Chain{[]float64{1}, nil, nil}.MTTA() },
		"the top":   func() { Chain{[]float64{1}, []float64{0}, []float64{1}}.MTTA() },
		"group":     func() { Group(2, 2, 1, 1, Serial) },
		"latent":    func() { GroupWithLatent(2, 1, 1, 1, Serial, 2) },
		"any k":     func() { AnyK(2, 3, 1, 1, PairSpeed) },
		"pairs":     func() { DegradedPairs(0, 1, 1) },
		"first":     func() { FirstLoss(0, Group(2, 1, 1, 1, Serial)) },
		"time":      func() { Group(2, 1, 1, 1, Serial).Loss(-1) },
		"late":      func() { Group(2, 1, 1, 1, Serial).Until(1).Loss(2) },
		"crossover": func() { RebuildCrossover(10, 3, 1, 1) },
		"dense":     func() { Dense{[][]float64{{0, 1}}, nil}.MTTA() },
		"exits":     func() { Dense{[][]float64{{0}}, [][]float64{{1}, {1}}}.MTTA() },
		"classes":   func() { Dense{[][]float64{{0, 1}, {1, 0}}, [][]float64{{1}, {1, 2}}}.MTTA() },
		"start":     func() { Dense{[][]float64{{0}}, nil}.Transient(nil, 1) },
		"targets":   func() { Dense{[][]float64{{0}}, nil}.Hitting(nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	if s := fmt.Sprint(Serial, Parallel, Repair(7)); s != "serial parallel Repair(7)" {
		t.Error(s)
	}
}

func BenchmarkPairs10000MTTDL(b *testing.B) {
	c := DegradedPairs(10_000, lambda, mu)
	for b.Loop() {
		c.MTTA()
	}
}

// BenchmarkPairs10000 makes the chain as well.
func BenchmarkPairs10000(b *testing.B) {
	for b.Loop() {
		DegradedPairs(10_000, lambda, mu).MTTA()
	}
}

func BenchmarkRS104MTTDL(b *testing.B) {
	c := Group(14, 4, lambda, mu, Serial)
	for b.Loop() {
		c.MTTA()
	}
}

func BenchmarkLossRS104(b *testing.B) {
	c := Group(14, 4, lambda, mu, Serial)
	for b.Loop() {
		c.Loss(8760)
	}
}

func BenchmarkFirstLoss(b *testing.B) {
	for _, c := range []struct {
		name  string
		M     int
		chain Chain
	}{
		{"10000-pairs", 10_000, Group(2, 1, lambda, mu, Parallel)},
		{"1000-rs10+4", 1000, Group(14, 4, lambda, mu, Serial)},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				FirstLoss(c.M, c.chain)
			}
		})
	}
}
