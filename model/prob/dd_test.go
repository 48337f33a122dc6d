package prob

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func ddBig(a dd) *big.Float { return bigAdd(bigFloat(a.hi), bigFloat(a.lo)) }

// ddOff is the relative error of a double-double number.
func ddOff(got dd, want *big.Float) float64 {
	if want.Sign() == 0 {
		return math.Abs(got.value())
	}
	d, _ := bigQuo(bigSub(ddBig(got), want), want).Float64()
	return math.Abs(d)
}

func TestDoubleDouble(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	draw := func() dd {
		x := math.Ldexp(1+r.Float64(), r.IntN(200)-100)
		return quickTwoSum(x, x*(r.Float64()-0.5)*0x1p-53)
	}
	var add, mul, div, log, exp float64
	for range 300 {
		a, b := draw(), draw()
		A, B := ddBig(a), ddBig(b)
		add = max(add, ddOff(a.plus(b), bigAdd(A, B)))
		mul = max(mul, ddOff(a.times(b), bigMul(A, B)))
		div = max(div, ddOff(a.over(b), bigQuo(A, B)))
		// An error of the logarithm counts against one, since exponents are sums of logarithms.
		l := bigLog(A)
		d, _ := bigSub(ddBig(a.log()), l).Float64()
		log = max(log, math.Abs(d)/math.Max(1, math.Abs(a.log().hi)))

		x := dd{(r.Float64() - 0.5) * 1400, 0}
		x = quickTwoSum(x.hi, x.hi*0x1p-54)
		f, k := x.exp()
		want := bigExp(ddBig(x))
		want.SetMantExp(want, -k)
		exp = max(exp, ddOff(f, want))
	}
	t.Logf("relative errors: + %.2g, * %.2g, / %.2g, log %.2g, exp %.2g", add, mul, div, log, exp)
	if add > 1e-31 || mul > 1e-31 || div > 1e-31 || log > 1e-30 || exp > 1e-28 {
		t.Errorf("too large")
	}
}

func TestLogFactorial(t *testing.T) {
	f := big.NewInt(1)
	worst := 0.0
	for n := 1; n <= 3000; n++ {
		f.Mul(f, big.NewInt(int64(n)))
		if n > 100 && n%37 != 0 {
			continue
		}
		d, _ := bigSub(ddBig(logFactorial(float64(n))), bigLog(bigInt(f))).Float64()
		worst = max(worst, math.Abs(d)/float64(n))
	}
	t.Logf("ln n! is off by %.2g·n", worst)
	if worst > 1e-28 {
		t.Errorf("too large")
	}
	// The series is its own continuation: ln n! - ln (n-1)! = ln n far out.
	for _, n := range []float64{1e4, 1e6, 1e9, 1e12, 1 << 52} {
		d := logFactorial(n).minus(logFactorial(n - 1)).minus(exactly(n).log())
		if math.Abs(d.value()) > 1e-29*n*math.Log(n) {
			t.Errorf("ln %v! - ln (%v-1)! is off by %v", n, n, d.value())
		}
	}
}

func TestChoose(t *testing.T) {
	m := meter{t: t}
	for n := 0; n <= 300; n++ {
		for k := 0; k <= n; k++ {
			want := new(big.Int).Binomial(int64(n), int64(k))
			got := Choose(n, k)
			if want.BitLen() <= 53 && got != float64(want.Int64()) {
				t.Fatalf("C(%d,%d) = %v, want %v", n, k, got, want)
			}
			m.check(1.2e-16, got, bigInt(want), n, k)
			if (n+k)%23 == 0 {
				m.check(2.3e-16, LogChoose(n, k), bigLog(bigInt(want)), "ln", n, k)
			}
		}
	}
	for _, c := range [][2]int{{1000, 500}, {1029, 514}, {5000, 50}, {1_000_000, 40},
		{2_000_000_000, 33}} {
		m.check(2.3e-16, Choose(c[0], c[1]), bigChoose(c[0], c[1]), c)
	}
	for _, c := range [][2]int{{1_000_000, 3}, {1_000_000, 1000}, {100_000, 50_000},
		{30_000, 29_990}} {
		m.check(2.3e-16, LogChoose(c[0], c[1]), bigLog(bigChoose(c[0], c[1])), "ln", c)
	}
	m.report("C(n,k)", 47_000)

	if c := Choose(1029, 514); math.IsInf(c, 1) || c < 1e308 {
		t.Errorf("C(1029,514) = %v", c)
	}
	if c := Choose(1030, 515); !math.IsInf(c, 1) {
		t.Errorf("C(1030,515) = %v", c)
	}
	if Choose(5, 6) != 0 || Choose(5, -1) != 0 || !math.IsInf(LogChoose(5, 6), -1) {
		t.Error("choices outside the range")
	}
}

func TestChooseRatio(t *testing.T) {
	m := meter{t: t}
	for _, b := range []int{1, 5, 50, 300, 5000, 100_000} {
		for _, a := range []int{0, 1, b / 100, b / 2, b - 1, b} {
			for _, k := range []int{0, 1, 2, 3, 64, 65, 100, b / 3, b} {
				if a < 0 || k > b || k > 2000 {
					continue
				}
				m.check(4e-16, ChooseRatio(a, b, k), bigQuo(bigChoose(a, k), bigChoose(b, k)),
					a, b, k)
			}
		}
	}
	m.report("C(a,k)/C(b,k)", 150)
}
