package fleet

import (
	"fmt"
	"math"
	"testing"

	"github.com/container-football/pitch/node"
)

// These numbers must come out on every CPU: the tests run with GOARCH=386, too. They change when
// streams or their use change, and only then.
func TestResultsAreTheSameOnEveryCPU(t *testing.T) {
	mixed := down(copysets(60, 3, 4), 0.05)
	mixed.Lifetime.Form, mixed.Lifetime.Shape = Weibull, 1.7
	mixed.Repair.Form = Uniform
	racks := Domains{Count: 6, Lifetime: Law{Mean: 500, Form: Weibull, Shape: 0.8},
		Repair: Law{Mean: 3, Form: Constant}}
	for h := range mixed.Hosts {
		racks.Of = append(racks.Of, int32(h/10))
	}
	mixed.Domains = []Domains{racks}
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"pairs", down(shards(50, 2), 0.01),
			"39486 events, 193 episodes, cba9b714d6342f54, a77ae3334313bc5e"},
		{"cluster", down(cluster(50, 3, 10), 0.02),
			"39645 events, 3556 episodes, 255190a653f90e59, 71eb94c9b64d3903"},
		{"mixed", mixed,
			"120431 events, 374 episodes, 1ecf2e79460e4e9a, 146b282edb0b8495"},
	} {
		c.cfg.Hours, c.cfg.Seed = 20_000, 42
		r := watch(t, c.cfg)
		estimates := math.Float64bits(r.Downtime)
		for _, e := range []Estimate{r.Hosts, r.Volumes, r.Storage, r.Incident, r.Frequency, r.Size} {
			for _, x := range []float64{e.Value, e.Low, e.High} {
				estimates = node.Hash(estimates, math.Float64bits(x))
			}
		}
		got := fmt.Sprintf("%d events, %d episodes, %016x, %016x", r.Events, r.Episodes,
			r.Digest, estimates)
		if got != c.want {
			t.Errorf("%s: %s, expected %s", c.name, got, c.want)
		}
	}
}
