package model_test

import (
	"context"
	"testing"

	"github.com/container-football/pitch/model"
)

// A petabyte in twelve-disk servers of 16 TB: what the same capacity takes in pairs, with the
// applications on the same hosts, and in a BigCluster of three replicas beside them.
func TestAPetabyteInPairsAndInABigCluster(t *testing.T) {
	base := model.Params{"usable_tb": 1000.0, "disk_tb": 16.0, "disks_per_server": 12.0, "compute": 10.0}
	with := func(more model.Params) model.Params {
		out := model.Params{}
		for _, p := range []model.Params{base, more} {
			for name, v := range p {
				out[name] = v
			}
		}
		return out
	}
	pairs := with(model.Params{"placement": "shards", "k": 2.0})
	remote := with(model.Params{"placement": "remote-shards", "k": 2.0})
	big := with(model.Params{"placement": "bigcluster", "k": 3.0, "switch_ports": 8.0})
	coded := with(model.Params{"placement": "rs-bigcluster", "D": 8.0, "P": 4.0})
	for _, c := range []struct {
		measure string
		params  model.Params
		want    float64
	}{
		{"cost.disks", pairs, 125},     // 2,000 TB
		{"cost.servers", pairs, 12},    // 11 full ones make 6 pairs, and hold the applications
		{"cost.ports", pairs, 12},      // one each
		{"cost.paths", pairs, 6},       // one a pair
		{"cost.servers", remote, 22},   // 12 and 10
		{"cost.paths", remote, 42},     // each storage host to three frontends
		{"cost.disks", big, 188},       // 3,000 TB
		{"cost.servers", big, 26},      // 16 and 10
		{"cost.ports", big, 26 * 3},    // 26 hosts on 8-port switches take two tiers, 8·8/2 = 32
		{"cost.paths", big, 160 + 120}, // all with all
		{"cost.disks", coded, 94},      // 1,500 TB
		{"cost.euros", with(model.Params{"placement": "shards", "k": 2.0, "price_server": 5000.0,
			"price_tb": 20.0, "price_port": 100.0}), 12*5000 + 125*16*20 + 12*100},
	} {
		a, err := model.Ask(context.Background(), c.measure, c.params, model.Options{})
		if err != nil || a.Value != c.want {
			t.Errorf("%s of %v: %v, %v; want %v", c.measure, c.params["placement"], a.Value, err, c.want)
		}
	}
}

func TestPortsGrowWithTheTiersOfTheNetwork(t *testing.T) {
	ports := func(hosts, nof float64) float64 {
		a, err := model.Ask(context.Background(), "cost.ports", model.Params{"placement": "bigcluster",
			"k": 1.0, "usable_tb": hosts, "disk_tb": 1.0, "disks_per_server": 1.0, "compute": 0.0,
			"switch_ports": 48.0, "nof": nof}, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return a.Value / hosts
	}
	for _, c := range []struct{ hosts, nof, want float64 }{
		{48, 1, 1}, {49, 1, 3}, {1152, 1, 3}, {1153, 1, 5}, {27648, 1, 5}, {27649, 1, 7}, {1152, 10, 1.2},
	} {
		if got := ports(c.hosts, c.nof); got != c.want {
			t.Errorf("%g hosts at NOF %g: %g ports each, want %g", c.hosts, c.nof, got, c.want)
		}
	}
}

func TestScatterWidthIsHowManyCanHelp(t *testing.T) {
	for _, c := range []struct {
		params model.Params
		want   float64
	}{
		{model.Params{"placement": "shards", "n": 10.0, "k": 3.0}, 2},
		{model.Params{"placement": "bigcluster", "n": 10.0, "k": 3.0}, 29},
		{model.Params{"placement": "clusters", "clusters": 5.0, "n": 10.0, "k": 3.0}, 5},
		{model.Params{"placement": "window", "w": 4.0, "n": 10.0, "k": 3.0}, 8},
	} {
		a, err := model.Ask(context.Background(), "scatter", c.params, model.Options{})
		if err != nil || a.Value != c.want {
			t.Errorf("%v: %v, %v; want %v", c.params, a.Value, err, c.want)
		}
	}
}
