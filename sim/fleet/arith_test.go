package fleet

import (
	"math"
	"testing"

	"github.com/container-football/pitch/node"
)

// off is the relative difference.
func off(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Abs(want)
}

func TestTheLogarithmIsAsGoodAsThatOfPackageMath(t *testing.T) {
	random := node.NewStream(1, "log")
	worst := 0.0
	see := func(x float64) {
		if d := off(log(x), math.Log(x)); d > worst {
			worst = d
			if d > 1e-15 {
				t.Errorf("log(%g) = %.17g, expected %.17g", x, log(x), math.Log(x))
			}
		}
	}
	for range 300_000 {
		see(unit(&random))
		see(0.5 + unit(&random))         // around 1, where digits are lost easily
		see(1 + (unit(&random)-0.5)/1e6) // and very close to it
		see(math.Ldexp(1+unit(&random), int(random.Below(2000))-1000))
	}
	for _, x := range []float64{1, 2, 0.5, math.E, 0x1p-1022, math.MaxFloat64, math.Sqrt2,
		math.Sqrt2 / 2, math.Nextafter(1, 0), math.Nextafter(1, 2), 0x1p-53} {
		see(x)
	}
	t.Logf("worst relative difference %.2g", worst)
}

func TestTheExponentialFunctionAndItsKin(t *testing.T) {
	random := node.NewStream(1, "exp")
	for range 200_000 {
		if x := 1400 * (unit(&random) - 0.5); off(exp(x), math.Exp(x)) > 1e-15 {
			t.Fatalf("exp(%g) = %.17g, expected %.17g", x, exp(x), math.Exp(x))
		}
		if x := 60 * unit(&random); off(exp(logGamma(x)), math.Gamma(x)) > 1e-13 {
			t.Fatalf("Γ(%g) = %.17g, expected %.17g", x, exp(logGamma(x)), math.Gamma(x))
		}
		x, y := 10*unit(&random), 4*unit(&random)
		if off(pow(x, y), math.Pow(x, y)) > 1e-14 {
			t.Fatalf("%g^%g = %.17g, expected %.17g", x, y, pow(x, y), math.Pow(x, y))
		}
	}
	if exp(-800) != 0 || !math.IsInf(exp(800), 1) || exp(0) != 1 {
		t.Error(exp(-800), exp(800), exp(0))
	}
}

// Values of tables: Abramowitz and Stegun 26.8 (χ², twice a Gamma variate of half the degrees of
// freedom), 26.10 (Student), 26.1 (normal), and Garwood's limits of a Poisson mean.
func TestQuantilesAreThoseOfTables(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"normal 0.975", normalQuantile(0.975), 1.959963984540054},
		{"normal 0.01", normalQuantile(0.01), -2.3263478740408408},
		{"normal 0.5", normalQuantile(0.5) + 1, 1},
		{"student 1, 0.975", studentQuantile(1, 0.975), 12.706204736174698},
		{"student 2, 0.975", studentQuantile(2, 0.975), 4.302652729749464},
		{"student 39, 0.975", studentQuantile(39, 0.975), 2.022690920036762},
		{"student 10, 0.95", studentQuantile(10, 0.95), 1.812461122811676},
		{"chi square 1, 0.95", 2 * gammaQuantile(0.5, 0.95), 3.841458820694124},
		{"chi square 10, 0.05", 2 * gammaQuantile(5, 0.05), 3.940299136119041},
		{"chi square 100, 0.99", 2 * gammaQuantile(50, 0.99), 135.80672317102676},
		{"no case seen, 95 %", gammaQuantile(1, 0.975), 3.6888794541139363},
		{"10 cases, low", gammaQuantile(10, 0.025), 4.795388697291894},
		{"10 cases, high", gammaQuantile(11, 0.975), 18.39035604216459},
	} {
		if off(c.got, c.want) > 1e-9 {
			t.Errorf("%s: %.15g, expected %.15g", c.what, c.got, c.want)
		}
	}
	// Where the approximation of large shapes begins, it is as good as needed.
	for _, q := range []float64{0.005, 0.025, 0.5, 0.975, 0.995} {
		exact, near := gammaQuantile(10_000, q), gammaQuantile(10_000.0001, q)
		if math.Abs(near-exact) > 0.02 { // a standard deviation is 100
			t.Errorf("quantile %g of shape 1e4: %.10g, by Wilson and Hilferty %.10g", q, exact, near)
		}
	}
}
