package fleet

import (
	"fmt"
	"math"
	"testing"
)

// What is stationary from its beginning has no warm-up: after however short a time, as many hosts
// are down as ever, and as many have failed or come back as that time allows for.
func TestFleetsBeginInTheirStationaryState(t *testing.T) {
	const hosts = 100_000
	for _, lifetime := range []Law{{Mean: 9}, {Form: Uniform, Mean: 9},
		{Form: Weibull, Shape: 0.6, Mean: 9}, {Form: Weibull, Shape: 4, Mean: 9}} {
		for _, repair := range []Form{Exponential, Constant, Uniform} {
			for _, hours := range []float64{0.05, 0.5, 2, 10} {
				t.Run(fmt.Sprintf("%v %v %g", lifetime, repair, hours), func(t *testing.T) {
					cfg := cluster(hosts, 1, 1)
					cfg.Lifetime, cfg.Repair, cfg.Hours = lifetime, Law{Form: repair, Mean: 1}, hours
					r := watch(t, cfg)
					if math.Abs(r.Hosts.Value-0.1) > 4*math.Sqrt(0.09/hosts) {
						t.Errorf("%g of the hosts are down", r.Hosts.Value)
					}
					// A renewal process comes to more or less than Poisson's variance, by far less than 4.
					if d := float64(r.Events) - cfg.Events(); math.Abs(d) > 5*math.Sqrt(2*cfg.Events()) {
						t.Errorf("%d events, expected %g", r.Events, cfg.Events())
					}
				})
			}
		}
	}
}

// Random numbers belong to hosts: one more of them, or one domain more, changes nothing about the
// others.
func TestOneMoreHostShiftsNoOther(t *testing.T) {
	cfg := down(shards(20, 2), 0.05)
	racks := Domains{Count: 4, Lifetime: Law{Mean: 100}, Repair: Law{Mean: 2}}
	for h := range cfg.Hosts {
		racks.Of = append(racks.Of, int32(h%4))
	}
	cfg.Domains = []Domains{racks}
	cfg.Hours = 10_000
	before := watch(t, cfg)
	cfg.Hosts += 3
	cfg.Domains[0].Count++
	cfg.Domains[0].Of = append(cfg.Domains[0].Of, 4, 4, 0)
	after := watch(t, cfg)
	if after.Downtime != before.Downtime || after.Episodes != before.Episodes ||
		before.Episodes < 100 {
		t.Errorf("%g LV-hours in %d episodes, with three hosts more %g in %d", before.Downtime,
			before.Episodes, after.Downtime, after.Episodes)
	}
	if after.Events <= before.Events || after.Digest == before.Digest {
		t.Error("the new hosts do nothing")
	}
}
