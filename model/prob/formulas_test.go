package prob

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestPublished holds the worked values of reliability-cases.jsonl.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		name             string
		got, want, limit float64
	}{
		{"shard-someincident-n10000-k2", BernoulliShardsLoss(10_000, 2, 1e-4),
			9.999500066661251e-05, 1e-14},
		{"copyset-random-ramcloud-N5000", RandomReplicationLoss(5000, 3, 8000, 50),
			0.9999964605380065, 1e-13},
		{"copyset-replication-facebook-N5000-S10", CopysetReplicationLoss(5000, 3, 10, 50),
			0.007814018348329187, 1e-13},
		{"copyset-facebook-buddygroup-C11", WindowLossApprox(5000, 3, 11, 50),
			0.22808204776235957, 1e-13},
		{"backblaze-17+3", ECAnnualLoss(17, 3, 0.00405, 6.5), 7.35379949877955e-12, 1e-13},
		{"azure-lrc-6-2-2", LRCDecodableFraction(6, 2, 2), 6. / 7, 1e-15},
		{"mars-n10000-k3-s0/incident", BernoulliAnyLoss(10_000, 3, 1e-4), 0.5768211215548027,
			1e-14},
	} {
		if !(math.Abs(c.got/c.want-1) <= c.limit) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestAtLeastOnce(t *testing.T) {
	m := meter{t: t}
	for _, p := range []float64{1e-60, 1e-20, 1e-9, 1e-4, 0.1, 0.5, 0.9, 1 - 0x1p-53} {
		for _, n := range []float64{1e-9, 0.3, 1, 2.5, 14, 1e4, 13333333.25, 1e15, 1e300} {
			if p*n > 1e4 {
				continue
			}
			m.check(1e-15, AtLeastOnce(p, n), bigOnceOrMore(bigFloat(p), bigFloat(n)), p, n)
		}
	}
	m.report("1-(1-p)^m", 40)
	inf := math.Inf(1)
	for _, c := range [][3]float64{{0, inf, 0}, {0, 5, 0}, {1, 0, 0}, {1, 1e-300, 1},
		{1, inf, 1}, {1e-300, inf, 1}, {0.5, inf, 1}, {1e-300, 2, 2e-300}} {
		if got := AtLeastOnce(c[0], c[1]); got != c[2] {
			t.Errorf("p = %v, m = %v: %v", c[0], c[1], got)
		}
	}
}

// TestCopysetsAgainstBig evaluates the closed forms again, with logarithms of 400 bits.
func TestCopysetsAgainstBig(t *testing.T) {
	m := meter{t: t}
	for _, N := range []int{10, 100, 5000, 100_000} {
		for _, R := range []int{2, 3, 5} {
			for _, F := range []int{0, R - 1, R, N / 100, N / 10, N} {
				for _, x := range []float64{1, 7.5, 8000} {
					share := bigQuo(bigChoose(F, R), bigChoose(N, R))
					if share.Cmp(bigFloat(1)) < 0 {
						chunks := bigFloat(float64(N) * x / float64(R))
						m.check(2e-14, RandomReplicationLoss(N, R, x, F), bigOnceOrMore(share,
							chunks),
							"random", N, R, x, F)
					}
					sets := bigQuo(bigMul(bigFloat(x), bigFloat(float64(N))),
						bigFloat(float64(R*(R-1))))
					if p := bigQuo(sets, bigChoose(N, R)); p.Cmp(bigFloat(0.9)) < 0 {
						m.check(2e-14, CopysetReplicationLoss(N, R, x, F), bigOnceOrMore(p,
							bigChoose(F, R)),
							"copysets", N, R, x, F)
					}
				}
				w := 2 * R
				sets := bigMul(bigFloat(float64(N)), bigChoose(w, R-1))
				if p := bigQuo(sets, bigChoose(N, R)); p.Cmp(bigFloat(0.9)) < 0 {
					m.check(2e-14, WindowLossApprox(N, R, w, F), bigOnceOrMore(p, bigChoose(F,
						R)), "window", N, R, F)
				}
			}
		}
	}
	m.report("closed forms", 400)
	// So many sets that their number is no double: 2·N of C(N,R), all of C(N-1,R) failing.
	if got, want := CopysetReplicationLoss(3000, 1000, 999*1000,
		2999), -math.Expm1(-3e6*2/3*1000/1000); math.Abs(got-want) > 1e-14 {
		t.Errorf("huge sets: %v, want %v", got, want)
	}
}

// TestBernoulliLosses adds up over the number of failures, in big numbers.
func TestBernoulliLosses(t *testing.T) {
	m := meter{t: t}
	for _, c := range []struct {
		M, R      int
		q, chunks float64
	}{{4, 3, 1e-9, 10}, {10, 3, 0.01, 100}, {100, 3, 0.01, 8000}, {100, 2, 1e-6, 1}, {50, 3,
		0.6, 3}, {40, 5, 0.02, 1e6}} {
		N := c.M * c.R
		pmf := bigBinomial(N, c.q)
		sum := bigFloat(0)
		for F, p := range pmf {
			if F < N {
				share := bigQuo(bigChoose(F, c.R), bigChoose(N, c.R))
				p = bigMul(p, bigOnceOrMore(share, bigFloat(float64(c.M)*c.chunks)))
			}
			sum.Add(sum, p)
		}
		m.check(2e-14, BernoulliRandomLoss(c.M, c.R, c.q, c.chunks), sum, "random", c)
		all := bigOnceOrMore(bigPow(bigFloat(c.q), c.R), bigFloat(float64(c.M)))
		m.check(1e-15, BernoulliShardsLoss(c.M, c.R, c.q), all, "shards", c)
		tail, _ := bigTails(pmf)
		m.check(1e-14, BernoulliAnyLoss(c.M, c.R, c.q), tail[c.R], "any", c)
	}
	m.report("Bernoulli failures", 18)
	if BernoulliRandomLoss(10, 3, 0, 100) != 0 || BernoulliRandomLoss(10, 3, 1, 100) != 1 {
		t.Error("certain outages")
	}
}

func TestBackblazeAgainstBig(t *testing.T) {
	m := meter{t: t}
	for _, c := range []struct {
		data, parity int
		afr, days    float64
	}{{17, 3, 0.00405, 6.5}, {17, 3, 0.01, 0.5}, {1, 1, 0.3, 30}, {100, 0, 0.001, 365}, {10, 10,
		0.01, 2}} {
		shard := bigSub(bigFloat(1), bigExp(bigQuo(bigFloat(-c.afr*c.days), bigFloat(365))))
		n := c.data + c.parity
		tail := bigFloat(0)
		for k := c.parity + 1; k <= n; k++ {
			up := bigPow(bigSub(bigFloat(1), shard), n-k)
			tail.Add(tail, bigMul(bigMul(bigChoose(n, k), bigPow(shard, k)), up))
		}
		want := bigOnceOrMore(tail, bigQuo(bigFloat(365), bigFloat(c.days)))
		m.check(1e-14, ECAnnualLoss(c.data, c.parity, c.afr, c.days), want, c)
	}
	m.report("annual loss", 5)
}

// TestLRCByRank takes a random code over a large field, which is maximally recoverable but for bad
// luck, and asks Gauss which patterns of erasures it can decode.
func TestLRCByRank(t *testing.T) {
	const prime = 2147483647
	for _, c := range [][3]int{{4, 2, 2}, {6, 2, 2}, {6, 3, 1}, {5, 2, 2}, {4, 0, 2}, {3, 3, 1},
		{4, 1, 0}} {
		k, l, r := c[0], c[1], c[2]
		n := k + l + r
		rng := rand.New(rand.NewPCG(5, 0))
		rows, group := make([][]int64, n), make([]int, n) // a row makes a fragment of the data
		for i := range rows {
			rows[i], group[i] = make([]int64, k), -1
		}
		at := 0
		for g := range l {
			size := k / l
			if g < k%l {
				size++
			}
			for range size {
				rows[at][at], group[at] = 1, g
				rows[k+g][at] = rng.Int64N(prime-1) + 1
				at++
			}
			group[k+g] = g
		}
		for ; at < k; at++ {
			rows[at][at] = 1
		}
		for i := k + l; i < n; i++ {
			for j := range k {
				rows[i][j] = rng.Int64N(prime-1) + 1
			}
		}
		bad := make([]float64, n+1)
		for set := range uint(1) << n {
			perGroup, global := make([]int, l), 0
			var left [][]int64
			for i := range n {
				switch {
				case set>>i&1 == 0:
					left = append(left, append([]int64(nil), rows[i]...))
				case i >= k+l:
					global++
				case group[i] >= 0:
					perGroup[group[i]]++
				}
			}
			decodable := rank(left, k, prime) == k
			if !decodable {
				bad[bits.OnesCount(set)]++
			}
			if l > 0 && LRCDecodable(k, l, r, perGroup, global) != decodable {
				t.Fatalf("LRC%v: erasures %v and %d: decodable %v", c, perGroup, global, decodable)
			}
		}
		unavailable := 0.0
		for e := range bad {
			want := bad[e] / Choose(n, e)
			if got := LRCLossGiven(k, l, r, e); math.Abs(got-want) > 1e-15*want {
				t.Errorf("LRC%v with %d erasures: %v, want %v", c, e, got, want)
			}
			unavailable += bad[e] * math.Pow(0.03, float64(e)) * math.Pow(0.97, float64(n-e))
		}
		if got := LRCUnavailable(k, l, r, 0.03); math.Abs(got/unavailable-1) > 1e-13 {
			t.Errorf("LRC%v: unavailable %v, want %v", c, got, unavailable)
		}
	}
}

// rank is that of the rows over the integers modulo a prime.
func rank(rows [][]int64, columns int, prime int64) int {
	r := 0
	for c := range columns {
		pivot := -1
		for i := r; i < len(rows); i++ {
			if rows[i][c] != 0 {
				pivot = i
				break
			}
		}
		if pivot < 0 {
			continue
		}
		rows[r], rows[pivot] = rows[pivot], rows[r]
		inverse := new(big.Int).ModInverse(big.NewInt(rows[r][c]), big.NewInt(prime)).Int64()
		for i := r + 1; i < len(rows); i++ {
			f := rows[i][c] * inverse % prime
			for j := c; j < columns; j++ {
				rows[i][j] = ((rows[i][j]-f*rows[r][j]%prime)%prime + prime) % prime
			}
		}
		r++
	}
	return r
}

func TestECIsLRCWithoutGroups(t *testing.T) {
	for _, p := range []float64{1e-9, 1e-3, 0.2} {
		got, want := LRCUnavailable(10, 0, 4, p), ECUnavailable(10, 14, p)
		if math.Abs(got/want-1) > 1e-13 || want != (Binomial{14, p}).Tail(5) {
			t.Errorf("p = %v: %v, want %v", p, got, want)
		}
	}
}

func TestWeibull(t *testing.T) {
	m := meter{t: t}
	for _, shape := range []float64{0.5, 1, 2, 4} { // whose powers are exact for these times
		for _, time := range []float64{1e-16, 1.0 / 16, 1, 4} {
			x := math.Pow(time, shape)
			m.check(5e-16, WeibullCDF(time*1024, shape, 1024), bigSub(bigFloat(1),
				bigExp(bigFloat(-x))), shape, time)
		}
	}
	m.report("Weibull", 16)
	// A constant rate: each of 3 units is lost by the median age with 1/2.
	if got := WeibullGroupLossNoRepair(3, 1, 1, 1000, 1000*math.Ln2); math.Abs(got-0.5) > 1e-15 {
		t.Errorf("two of three at the median age: %v", got)
	}
	if got, want := WeibullGroupLossNoRepair(4, 3, 2, 1000,
		1), 1e-24*(1-2e-6); math.Abs(got/want-1) > 1e-11 {
		t.Errorf("all four, early: %v, want %v", got, want)
	}
}
