package prob

import (
	"math"
	"math/big"
	"math/bits"
	"testing"
)

// bigLostGroups counts with integers: coefficients of A^(M-l)·B^l by plain multiplication.
func bigLostGroups(M, R, tolerate, F int) []*big.Float {
	var A, B []*big.Int
	for j := 0; j <= R; j++ {
		c := new(big.Int).Binomial(int64(R), int64(j))
		if j <= tolerate {
			A, B = append(A, c), append(B, new(big.Int))
		} else {
			A, B = append(A, new(big.Int)), append(B, c)
		}
	}
	times := func(a, b []*big.Int) []*big.Int {
		p := make([]*big.Int, min(len(a)+len(b)-1, F+1))
		for i := range p {
			p[i] = new(big.Int)
		}
		for i, x := range a {
			for j, y := range b {
				if i+j < len(p) && x.Sign() != 0 && y.Sign() != 0 {
					p[i+j].Add(p[i+j], new(big.Int).Mul(x, y))
				}
			}
		}
		return p
	}
	powers := make([][]*big.Int, M+1) // of A
	powers[0] = []*big.Int{big.NewInt(1)}
	for m := 1; m <= M; m++ {
		powers[m] = times(powers[m-1], A)
	}
	pmf := make([]*big.Float, M+1)
	lost := []*big.Int{big.NewInt(1)}
	for l := range pmf {
		ways := new(big.Int)
		for i, x := range powers[M-l] {
			if j := F - i; j >= 0 && j < len(lost) {
				ways.Add(ways, new(big.Int).Mul(x, lost[j]))
			}
		}
		ways.Mul(ways, new(big.Int).Binomial(int64(M), int64(l)))
		pmf[l] = bigQuo(bigInt(ways), bigChoose(M*R, F))
		lost = times(lost, B)
	}
	return pmf
}

// bigInclusionExclusion is the alternating sum for plain replication, in integers.
func bigInclusionExclusion(M, R, F int) *big.Float {
	sum := new(big.Int)
	for j := 1; j <= M && R*j <= F; j++ {
		term := new(big.Int).Binomial(int64(M), int64(j))
		term.Mul(term, new(big.Int).Binomial(int64(R*(M-j)), int64(F-R*j)))
		if j%2 == 0 {
			term.Neg(term)
		}
		sum.Add(sum, term)
	}
	return bigQuo(bigInt(sum), bigChoose(R*M, F))
}

// TestLostGroupsByEnumeration fails every set of nodes of small clusters.
func TestLostGroupsByEnumeration(t *testing.T) {
	n := 0
	for _, c := range [][2]int{{1, 1}, {1, 4}, {2, 3}, {3, 1}, {3, 4}, {4, 3}, {6, 2}, {2, 6}} {
		M, R := c[0], c[1]
		for tolerate := 0; tolerate <= R; tolerate++ {
			ways := make([][]float64, M*R+1) // by failures and lost groups
			for F := range ways {
				ways[F] = make([]float64, M+1)
			}
			for set := range 1 << (M * R) {
				lost := 0
				for g := range M {
					if bits.OnesCount(uint(set>>(g*R)&(1<<R-1))) > tolerate {
						lost++
					}
				}
				ways[bits.OnesCount(uint(set))][lost]++
			}
			for F := range ways {
				got := LostGroups(M, R, tolerate, F)
				for l, w := range ways[F] {
					want, g := w/Choose(M*R, F), 0.0
					if l < len(got) {
						g = got[l]
					}
					if n++; math.Abs(g-want) > 1e-15*want {
						t.Errorf("M=%d R=%d tolerate=%d F=%d: %v with %d lost groups, want %v",
							M, R, tolerate, F, g, l, want)
					}
				}
				none := ways[F][0] / Choose(M*R, F)
				any := (Choose(M*R, F) - ways[F][0]) / Choose(M*R, F)
				if math.Abs(AnyGroupLost(M, R, tolerate, F)-any) > 1e-15*any ||
					math.Abs(NoGroupLost(M, R, tolerate, F)-none) > 1e-15*none {
					t.Errorf("M=%d R=%d tolerate=%d F=%d: any %v, none %v, want %v and %v", M,
						R, tolerate,
						F, AnyGroupLost(M, R, tolerate, F), NoGroupLost(M, R, tolerate,
							F), any, none)
				}
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d values", n)
	}
}

// TestLostGroupsAgainstBig goes from losses that hardly ever happen to those that always do.
func TestLostGroupsAgainstBig(t *testing.T) {
	m := meter{t: t}
	for _, c := range [][4]int{
		{40, 3, 2, 3}, {40, 3, 2, 30}, {40, 3, 2, 75}, {40, 3, 2, 118}, {40, 3, 2, 120}, {40, 3,
			2, 0},
		{60, 2, 1, 10}, {60, 2, 1, 60}, {30, 5, 2, 20}, {30, 5, 4, 100}, {12, 14, 4, 30}, {12,
			14, 4, 5},
		{12, 14, 4, 150}, {10, 20, 19, 25}, {30, 1, 0, 7},
	} {
		M, R, tolerate, F := c[0], c[1], c[2], c[3]
		want := bigLostGroups(M, R, tolerate, F)
		tail, _ := bigTails(want)
		m.check(2e-14, AnyGroupLost(M, R, tolerate, F), tail[1], "any", c)
		m.check(2e-14, NoGroupLost(M, R, tolerate, F), want[0], "none", c)
		got := LostGroups(M, R, tolerate, F)
		for l, w := range want {
			g := 0.0
			if l < len(got) {
				g = got[l]
			}
			if x, _ := w.Float64(); x > 1e-290 || g > 1e-290 {
				m.check(1e-13, g, w, "pmf", c, l)
			}
		}
		if s := TailOf(got, 0); math.Abs(s-1) > 1e-14 {
			t.Errorf("%v: the sum is %v", c, s)
		}
	}
	for _, c := range [][3]int{{1667, 3, 3}, {1667, 3, 50}, {1667, 3, 600}, {10_000, 2, 300},
		{10_000, 3, 300}, {3000, 5, 6}} {
		any := bigInclusionExclusion(c[0], c[1], c[2])
		m.check(5e-14, AnyGroupLost(c[0], c[1], c[1]-1, c[2]), any, "inclusion-exclusion", c)
		none := bigSub(bigFloat(1), any)
		m.check(5e-14, NoGroupLost(c[0], c[1], c[1]-1, c[2]), none, "inclusion-exclusion, none", c)
	}
	m.report("lost groups", 160)
	// reliability-cases.jsonl: sharding-exact-M1667-R3-F50.
	if got := AnyGroupLost(1667, 3, 2, 50); math.Abs(got/0.001567295389506785-1) > 1e-13 {
		t.Errorf("outage.shards is %v", got)
	}
}

func TestGroupsGrowWorse(t *testing.T) {
	last := 0.0
	for F := range 121 {
		p := AnyGroupLost(40, 3, 2, F)
		if p < last*(1-1e-13) {
			t.Errorf("%d failures lose with %v, fewer with %v", F, p, last)
		}
		if m := Mean(LostGroups(40, 3, 2, F)); math.Abs(m-40*ChooseRatio(F, 120, 3)) > 1e-13*m {
			t.Errorf("%d failures lose %v groups on average", F, m)
		}
		last = p
	}
	if last != 1 {
		t.Errorf("at last %v", last)
	}
}

func BenchmarkLostGroups(b *testing.B) {
	for _, c := range []struct {
		name string
		M, F int
	}{{"1667-triples-50", 1667, 50}, {"10000-triples-300", 10_000, 300}} {
		b.Run(c.name+"/any", func(b *testing.B) {
			for b.Loop() {
				AnyGroupLost(c.M, 3, 2, c.F)
			}
		})
		b.Run(c.name+"/distribution", func(b *testing.B) {
			for b.Loop() {
				LostGroups(c.M, 3, 2, c.F)
			}
		})
	}
}
