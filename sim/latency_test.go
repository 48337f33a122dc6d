package sim

import (
	"math"
	"math/big"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestLatencyHasItsMeanAndItsLeastValue(t *testing.T) {
	for _, l := range []Latency{
		{100 * node.Microsecond, 20 * node.Microsecond},
		{0, node.Millisecond},
		{5 * node.Millisecond, 0},
	} {
		random := node.NewStream(3, "latency")
		const n = 1_000_000
		least, sum := node.Time(math.MaxInt64), node.Time(0)
		for range n {
			d := l.draw(random.Uint64())
			least, sum = min(least, d), sum+d
		}
		if least < l.Base || least > l.Base+l.Jitter/1000 {
			t.Errorf("%+v: the least of %d draws is %v", l, n, least)
		}
		// The jitter's part must be within 1 %: its standard error is 0.1 % here.
		mean, want := float64(sum)/n-float64(l.Base), float64(l.Jitter)
		if math.Abs(mean-want) > 0.01*want {
			t.Errorf("%+v: the mean of the jitter is %.0f ns", l, mean)
		}
	}
}

func TestLatencyFollowsTheExponentialDistribution(t *testing.T) {
	// The logarithm is piecewise linear, so the shape is exponential only within 3 % of all draws.
	l, random := Latency{Jitter: node.Second}, node.NewStream(4, "latency")
	const n = 400_000
	for _, x := range []float64{0.5, 1, 2, 4} {
		beyond := 0
		for range n {
			if l.draw(random.Uint64()) > node.Time(x*float64(node.Second)) {
				beyond++
			}
		}
		if got, want := float64(beyond)/n, math.Exp(-x); math.Abs(got-want) > 0.03 {
			t.Errorf("%.3f of all draws are beyond %g means, expected about %.3f", got, x, want)
		}
	}
}

func TestLatencyIsAFunctionOfTheWordAlone(t *testing.T) {
	l := Latency{100, 1 << 40}
	// By hand: no leading zero and no bits below it make -log2(1/2) = 1; all 64 bits zero are
	// taken for the smallest word but one.
	for _, c := range []struct {
		word uint64
		want node.Time
	}{
		{1 << 63, 100 + (1<<40)*2/3},
		{1 << 62, 100 + (1<<40)*4/3},
		{3 << 62, 100 + (1<<40)/3},
		{math.MaxUint64, 100 + (1<<40)/(3<<15)},
		{1, 100 + (1<<40)*64*2/3},
		{0, 100 + (1<<40)*64*2/3},
	} {
		if got := l.draw(c.word); got != c.want {
			t.Errorf("draw(%#x) is %d, expected %d", c.word, got, c.want)
		}
	}
}

func TestTransferIsExactAndNeverOverflows(t *testing.T) {
	random := node.NewStream(5, "transfer")
	sizes := []int64{0, 1, 4096, 1 << 40, 1 << 60, math.MaxInt64}
	rates := []int64{1, 3, 125e6, 1e9, 1 << 40, math.MaxInt64}
	for range 2000 {
		sizes = append(sizes, int64(random.Uint64()>>(1+random.Below(60))))
		rates = append(rates, 1+int64(random.Uint64()>>(2+random.Below(60))))
	}
	for i := range sizes {
		for _, rate := range []int64{rates[i], rates[len(rates)-1-i]} {
			q := new(big.Int).Mul(big.NewInt(sizes[i]), big.NewInt(1e9))
			q.Div(q, big.NewInt(rate))
			want := forever
			if q.IsInt64() {
				want = min(forever, node.Time(q.Int64()))
			}
			if got := transfer(sizes[i], rate); got != want {
				t.Fatalf("%d bytes at %d/s take %d, expected %d", sizes[i], rate, got, want)
			}
		}
	}
}

func TestAMediumThatIsBusyForeverStaysSo(t *testing.T) {
	busy := node.Time(0)
	for range 100 {
		next := occupy(busy, node.Second, math.MaxInt64, 1)
		if next < busy || next < node.Second {
			t.Fatalf("after %d the medium is busy until %d", busy, next)
		}
		busy = next
	}
}
