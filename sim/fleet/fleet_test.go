package fleet

import (
	"context"
	"math"
	"testing"
)

func watch(t *testing.T, cfg Config) Result {
	t.Helper()
	r, err := Run(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// agrees fails when the truth is not within the interval: the tests that use it ask for 99.9 %.
func agrees(t *testing.T, what string, e Estimate, want float64) {
	t.Helper()
	if !(e.Low <= want && want <= e.High) || !(e.Low <= e.Value && e.Value <= e.High) {
		t.Errorf("%s: %.6g within %.6g and %.6g, expected %.6g", what, e.Value, e.Low, e.High, want)
	}
}

// truth is what holds of a fleet at a random moment, by arithmetic.
type truth struct{ host, lv, incident, frequency, size float64 }

// ofShards is about n groups of k hosts.
func ofShards(n, k int, p, repair float64) truth {
	lv := math.Pow(p, float64(k))
	any := 1 - math.Pow(1-lv, float64(n))
	// The last member of a group fails, while no other group is lost.
	fails := p / repair // per hour and host, at a random moment
	begins := float64(n*k) * fails * math.Pow(p, float64(k-1)) * math.Pow(1-lv, float64(n-1))
	return truth{p, lv, any, begins, float64(n) * lv / any}
}

// ofCluster is about n hosts, any k of which take all LVs down.
func ofCluster(n, k, lvs int, p, repair float64) truth {
	exactly := func(n, j int) float64 {
		x := math.Pow(1-p, float64(n-j))
		for i := range j {
			x *= p * float64(n-i) / float64(i+1)
		}
		return x
	}
	below := 0.0
	for j := range k {
		below += exactly(n, j)
	}
	begins := float64(n) * p / repair * exactly(n-1, k-1)
	return truth{p, 1 - below, 1 - below, begins, float64(lvs)}
}

func (w truth) check(t *testing.T, r Result) {
	t.Helper()
	agrees(t, "hosts", r.Hosts, w.host)
	agrees(t, "LVs", r.Volumes, w.lv)
	agrees(t, "storage", r.Storage, w.lv)
	agrees(t, "incident", r.Incident, w.incident)
	agrees(t, "frequency", r.Frequency, w.frequency)
	agrees(t, "size", r.Size, w.size)
}

// How long times last in the mean is all that a random moment knows of them: whatever their form, a
// pair is down for p² of the time.
func TestWhatHoldsAtARandomMomentDoesNotDependOnTheFormOfTimes(t *testing.T) {
	for _, lifetime := range []Law{{Form: Exponential}, {Form: Uniform},
		{Form: Weibull, Shape: 0.7}, {Form: Weibull, Shape: 3}} {
		for _, repair := range []Form{Exponential, Constant, Uniform} {
			t.Run(lifetime.Form.String()+" "+repair.String(), func(t *testing.T) {
				cfg := down(shards(30, 2), 0.05)
				lifetime.Mean = cfg.Lifetime.Mean
				cfg.Lifetime, cfg.Repair.Form = lifetime, repair
				cfg.Hours, cfg.Seed, cfg.Level = 60_000, 7, 0.999
				ofShards(30, 2, 0.05, 1).check(t, watch(t, cfg))
			})
		}
	}
}

func TestFleetsAgreeWithArithmetic(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		p    float64
		want truth
	}{
		{"single hosts", shards(20, 1), 0.01, ofShards(20, 1, 0.01, 1)},
		{"pairs", shards(100, 2), 0.02, ofShards(100, 2, 0.02, 1)},
		{"triples", shards(50, 3), 0.1, ofShards(50, 3, 0.1, 1)},
		{"cluster of pairs", cluster(40, 2, 20), 0.01, ofCluster(40, 2, 20, 0.01, 1)},
		{"cluster of triples", cluster(60, 3, 20), 0.02, ofCluster(60, 3, 20, 0.02, 1)},
		{"cluster, down most of the time", cluster(60, 2, 30), 0.1, ofCluster(60, 2, 30, 0.1, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := down(c.cfg, c.p)
			cfg.Hours, cfg.Seed, cfg.Level = 100_000, 3, 0.999
			r := watch(t, cfg)
			c.want.check(t, r)
			if got := r.Downtime; off(got, r.Volumes.Value*r.Hours*float64(r.lvs())) > 1e-9 {
				t.Errorf("%g LV-hours", got)
			}
		})
	}
}

// lvs is the number of LVs, from the mean over them and the sum.
func (r Result) lvs() int { return int(math.Round(r.Downtime / r.Hours / r.Volumes.Value)) }

// A rack takes its hosts with it: a pair is down with both hosts, with its rack, or with both of
// its racks.
func TestHostsGoDownWithTheirDomains(t *testing.T) {
	const p, q = 0.02, 0.01
	for _, apart := range []bool{false, true} {
		cfg := down(shards(50, 2), p)
		racks := Domains{Name: "rack", Count: 10, Repair: Law{Mean: 5},
			Lifetime: Law{Mean: 5 * (1 - q) / q}}
		for h := range cfg.Hosts {
			of := h / 10
			if apart {
				of = h % 10
			}
			racks.Of = append(racks.Of, int32(of))
		}
		cfg.Domains = []Domains{racks}
		cfg.Hours, cfg.Seed, cfg.Level = 200_000, 11, 0.999
		r := watch(t, cfg)
		host := 1 - (1-p)*(1-q)
		lv := q + (1-q)*p*p
		if apart {
			lv = host * host
		}
		agrees(t, "hosts", r.Hosts, host)
		agrees(t, "LVs", r.Volumes, lv)
	}
}

// Ten years of nothing do not prove that nothing ever happens.
func TestWithoutAnEpisodeThereIsAnUpperBound(t *testing.T) {
	cfg := down(shards(10, 3), 1e-4)
	cfg.Hours = tenYears
	r := watch(t, cfg)
	if r.Episodes != 0 || r.Volumes.Value != 0 || r.Size.Value != 0 {
		t.Fatalf("%+v", r)
	}
	begin := -math.Log(0.025) / tenYears // such a rate would have stayed unseen with 2.5 %
	for _, c := range []struct {
		what string
		e    Estimate
		high float64
	}{
		{"frequency", r.Frequency, begin},
		{"incident", r.Incident, begin},    // for an hour each: as long as a repair takes
		{"LVs", r.Volumes, begin / 10},     // one of ten
		{"storage", r.Storage, begin / 10}, // the same
	} {
		if c.e.Low != 0 || off(c.e.High, c.high) > 1e-6 {
			t.Errorf("%s: %+v, expected at most %g", c.what, c.e, c.high)
		}
	}
	if r.Size.Low != 1 || r.Size.High != 10 {
		t.Errorf("size %+v", r.Size)
	}
}

func TestNoIntervalIsEmpty(t *testing.T) {
	for _, hours := range []float64{0.001, 0.1, 3, 100, 5000} {
		for seed := range uint64(30) {
			for _, cfg := range []Config{down(shards(3, 1), 0.3), down(cluster(30, 2, 5), 0.5),
				down(shards(5, 2), 0.01)} {
				cfg.Hours, cfg.Seed = hours, seed
				r := watch(t, cfg)
				for i, e := range []Estimate{r.Hosts, r.Volumes, r.Storage, r.Incident, r.Frequency} {
					if !(e.Low <= e.Value && e.Value <= e.High && e.Low < e.High && e.Low >= 0) ||
						i < 4 && e.High > 1 || math.IsInf(e.High, 1) {
						t.Fatalf("%g hours, seed %d, estimate %d: %+v", hours, seed, i, e)
					}
				}
				if e := r.Size; !(e.Low <= e.High) || e.Value != 0 && !(e.Low <= e.Value && e.Value <= e.High) {
					t.Fatalf("%g hours, seed %d: size %+v", hours, seed, e)
				}
			}
		}
	}
}

func TestTheDistributionOfSizesAddsUp(t *testing.T) {
	cfg := down(shards(40, 2), 0.1)
	cfg.Hours = 10_000
	r := watch(t, cfg)
	var hours, lvHours float64
	last := int64(0)
	for _, s := range r.Sizes {
		if s.LVs <= last || s.Hours <= 0 {
			t.Errorf("%+v after %d", s, last)
		}
		last = s.LVs
		hours += s.Hours
		lvHours += s.Hours * float64(s.LVs)
	}
	if off(hours, r.Incident.Value*r.Hours) > 1e-9 || off(lvHours, r.Downtime) > 1e-9 ||
		off(lvHours/hours, r.Size.Value) > 1e-9 || len(r.Sizes) < 4 {
		t.Errorf("%g hours, %g LV-hours: %+v", hours, lvHours, r)
	}
}
