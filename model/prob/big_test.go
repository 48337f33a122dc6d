package prob

import (
	"math"
	"math/big"
	"testing"
)

// The tests below compare with a second, dumb implementation in big.Float, of so many bits that
// nobody needs to think about rounding, or in big.Rat.

const precision = 400

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

func bigInt(x *big.Int) *big.Float { return new(big.Float).SetPrec(precision).SetInt(x) }

func bigRat(x *big.Rat) *big.Float { return new(big.Float).SetPrec(precision).SetRat(x) }

func bigAdd(x, y *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Add(x, y) }
func bigSub(x, y *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Sub(x, y) }
func bigMul(x, y *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Mul(x, y) }
func bigQuo(x, y *big.Float) *big.Float { return new(big.Float).SetPrec(precision).Quo(x, y) }

func bigPow(x *big.Float, n int) *big.Float {
	r := bigFloat(1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r.Mul(r, x)
		}
		x = bigMul(x, x)
	}
	return r
}

// bigExp is the Taylor series after halving.
func bigExp(x *big.Float) *big.Float {
	const halvings = 40
	y := new(big.Float).SetPrec(precision).SetMantExp(x, -halvings)
	sum, term := bigFloat(1), bigFloat(1)
	for i := 1; i < 200 && term.Sign() != 0; i++ {
		term = bigQuo(bigMul(term, y), bigFloat(float64(i)))
		sum.Add(sum, term)
		if term.MantExp(nil) < sum.MantExp(nil)-precision {
			break
		}
	}
	for range halvings {
		sum = bigMul(sum, sum)
	}
	return sum
}

// bigLog is 2·artanh((m-1)/(m+1)) + e·ln 2 for x = m·2^e.
func bigLog(x *big.Float) *big.Float {
	m := new(big.Float).SetPrec(precision)
	e := x.MantExp(m)
	return bigAdd(artanh2(m), bigMul(bigFloat(float64(-e)), artanh2(bigFloat(0.5))))
}

// artanh2 is ln m for m in [1/2, 1].
func artanh2(m *big.Float) *big.Float {
	one := bigFloat(1)
	y := bigQuo(bigSub(m, one), bigAdd(m, one))
	sum, power := bigFloat(0), bigFloat(2)
	power.Mul(power, y)
	for k := 1; power.Sign() != 0 && k < 600; k += 2 {
		sum.Add(sum, bigQuo(power, bigFloat(float64(k))))
		power = bigMul(power, bigMul(y, y))
	}
	return sum
}

// bigChoose is C(n,k), possibly with enough digits only.
func bigChoose(n, k int) *big.Float {
	return bigInt(new(big.Int).Binomial(int64(n), int64(k)))
}

func bigOnceOrMore(p, m *big.Float) *big.Float {
	one := bigFloat(1)
	return bigSub(one, bigExp(bigMul(m, bigLog(bigSub(one, p)))))
}

// off is the relative error of got. Results below the smallest normal double have fewer digits,
// and may be anything as small.
func off(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	if math.Abs(w) < 0x1p-1022 {
		if math.Abs(got-w) <= 0x1p-1060 {
			return 0
		}
		return 1
	}
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	d := bigQuo(bigSub(bigFloat(got), want), want)
	x, _ := d.Float64()
	return math.Abs(x)
}

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

func (m *meter) report(name string, least int) {
	m.t.Helper()
	if m.n < least {
		m.t.Errorf("%s: only %d values were compared", name, m.n)
	}
	m.t.Logf("%s: %d values, worst relative error %.2g at %v", name, m.n, m.worst, m.where)
}

// TestBig holds the yardstick itself against published digits.
func TestBig(t *testing.T) {
	for _, c := range []struct {
		got  *big.Float
		want string
	}{
		{bigLog(bigFloat(2)), "0.69314718055994530941723212145817656807550013436026"},
		{bigLog(bigFloat(10)), "2.3025850929940456840179914546843642076011014886288"},
		{bigExp(bigFloat(1)), "2.7182818284590452353602874713526624977572470937000"},
		{bigExp(bigFloat(-100)), "3.7200759760208359629596958038631183373588922923768e-44"},
	} {
		want, _, err := big.ParseFloat(c.want, 10, precision, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := bigQuo(bigSub(c.got, want), want).Float64()
		if math.Abs(d) > 1e-49 {
			t.Errorf("got %.50g, want %s", c.got, c.want)
		}
	}
}
