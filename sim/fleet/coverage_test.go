package fleet

import (
	"fmt"
	"testing"
)

// An interval of 95 % must hold the truth in 95 of 100 runs, whether a run sees one episode or a
// thousand, and whether they come one by one or in clumps. Each line is about 200 runs in which so
// many episodes are expected. Intervals that rest on a handful of cases may cover more.
func TestIntervalsCoverTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	for _, c := range []struct {
		name     string
		cfg      Config
		p        float64
		truth    truth
		episodes []float64
	}{
		{"pairs", shards(10, 2), 0.02, ofShards(10, 2, 0.02, 1), []float64{1, 3, 10, 30, 100, 500}},
		{"many pairs", shards(60, 2), 0.02, ofShards(60, 2, 0.02, 1), []float64{10, 100, 500}},
		{"triples", shards(10, 3), 0.1, ofShards(10, 3, 0.1, 1), []float64{10, 100}},
		{"one host", shards(1, 1), 0.01, ofShards(1, 1, 0.01, 1), []float64{1, 10, 1000}},
		{"pairs that are often down", shards(50, 2), 0.1, ofShards(50, 2, 0.1, 1),
			[]float64{10, 100, 500}},
		{"cluster", cluster(20, 2, 10), 0.01, ofCluster(20, 2, 10, 0.01, 1), []float64{10, 100, 1000}},
		{"cluster, in clumps", cluster(50, 4, 10), 0.02, ofCluster(50, 4, 10, 0.02, 1),
			[]float64{10, 100}},
		{"cluster, often down", cluster(50, 2, 20), 0.05, ofCluster(50, 2, 20, 0.05, 1),
			[]float64{10, 1000}},
	} {
		for _, form := range []Form{Exponential, Constant} {
			for _, episodes := range c.episodes {
				cfg := down(c.cfg, c.p)
				cfg.Repair.Form = form
				cfg.Hours = episodes / c.truth.frequency
				t.Run(fmt.Sprintf("%s, %v repairs, %g", c.name, form, episodes), func(t *testing.T) {
					c.truth.cover(t, cfg)
				})
			}
		}
	}
	t.Run("few racks, many pairs", func(t *testing.T) {
		const p, q = 0.02, 0.001
		cfg := down(shards(50, 2), p)
		racks := Domains{Count: 10, Repair: Law{Mean: 5}, Lifetime: Law{Mean: 5 * (1 - q) / q}}
		for h := range cfg.Hosts {
			racks.Of = append(racks.Of, int32(h/10))
		}
		cfg.Domains, cfg.Hours = []Domains{racks}, 5000 // some ten racks fail
		lv := q + (1-q)*p*p
		truth{host: 1 - (1-p)*(1-q), lv: lv}.cover(t, cfg)
	})
	t.Run("infant mortality", func(t *testing.T) {
		cfg := down(shards(10, 1), 0.01)
		cfg.Lifetime.Form, cfg.Lifetime.Shape, cfg.Hours = Weibull, 0.6, 3000
		ofShards(10, 1, 0.01, 1).cover(t, cfg)
	})
	t.Run("wear-out", func(t *testing.T) {
		cfg := down(shards(10, 2), 0.05)
		cfg.Lifetime.Form, cfg.Lifetime.Shape, cfg.Hours = Weibull, 5, 3000
		ofShards(10, 2, 0.05, 1).cover(t, cfg)
	})
}

func (w truth) cover(t *testing.T, cfg Config) {
	const runs, least = 200, 0.88
	wants := []struct {
		name  string
		value float64
		of    func(r *Result) Estimate
	}{
		{"hosts", w.host, func(r *Result) Estimate { return r.Hosts }},
		{"LVs", w.lv, func(r *Result) Estimate { return r.Volumes }},
		{"storage", w.lv, func(r *Result) Estimate { return r.Storage }},
		{"incident", w.incident, func(r *Result) Estimate { return r.Incident }},
		{"frequency", w.frequency, func(r *Result) Estimate { return r.Frequency }},
		{"size", w.size, func(r *Result) Estimate { return r.Size }},
	}
	if w.incident == 0 {
		wants = wants[:3] // the others are not known by simple arithmetic
	}
	covered := make([]int, len(wants))
	width := make([]float64, len(wants))
	for seed := range uint64(runs) {
		cfg.Seed = 1000 + seed
		r := watch(t, cfg)
		for i, want := range wants {
			e := want.of(&r)
			if e.Low <= want.value*(1+1e-9) && want.value*(1-1e-9) <= e.High {
				covered[i]++
			}
			width[i] += (e.High - e.Low) / want.value / runs
		}
	}
	text := ""
	for i, want := range wants {
		share := float64(covered[i]) / runs
		if share < least {
			t.Errorf("%s: %.1f %% of the intervals hold %g", want.name, 100*share, want.value)
		}
		text += fmt.Sprintf("  %s %.1f %% (±%.2g)", want.name, 100*share, width[i]/2)
	}
	t.Log(text)
}
