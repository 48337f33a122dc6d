package scenario_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/sim"
)

// simulated is the sim world as scenarios use it. The wiring for users is in cmd/pitch; this is
// the same, without options.
func simulated() *scenario.WorldKind {
	k := &scenario.WorldKind{Name: "sim", Carry: func(uint32) uint32 { return 8 },
		Poll: 20 * node.Millisecond, Timeout: 5 * node.Second}
	k.Open = func(_ context.Context, s scenario.Setup) (scenario.World, error) {
		return started(sim.New(sim.Config{Archive: true, Hosts: len(s.File.Hosts), Seed: s.File.Seed, Wrap: scenario.Wrap,
			Specs: func(id node.ID) []node.Spec {
				specs, err := s.File.Specs(id, k)
				if err != nil {
					panic(err)
				}
				return specs
			}, Disk: sim.Disk{LogBytes: int64(s.File.Disk.Capacity)},
			Network: sim.Network{Bandwidth: bandwidth(s.File)}}))
	}
	return k
}

// started starts every host of a new simulation.
func started(s *sim.Sim, err error) (scenario.World, error) {
	if err != nil {
		return nil, err
	}
	return s, s.StartAll()
}

func TestShippedScenariosPassInTheSimulator(t *testing.T) {
	var all []*scenario.File
	for _, folder := range []string{".", "common", "beyond-mars", "mars-suite"} {
		files, err := filepath.Glob(filepath.Join("../scenarios", folder, "*.toml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no scenarios in %s: %v", folder, err)
		}
		for _, path := range files {
			list, err := scenario.Options{}.LoadAll(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, list...)
		}
	}
	for _, f := range all {
		t.Run(f.Name, func(t *testing.T) {
			for seed := uint64(1); seed <= 5; seed++ {
				res, err := scenario.Run(context.Background(), f,
					scenario.RunOptions{World: simulated(), Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				if res.Outcome != scenario.Passed {
					t.Fatalf("seed %d: %v: %s\n%v\n%v", seed, res.Outcome, res.Reason, res.Checks, res.Fired)
				}
				t.Logf("%v %+v %v %v", res.Elapsed, res.Counts, res.Losses, res.Fired)
			}
		})
	}
}

// bandwidth is that of the file where it is a part of the story, bytes a second.
func bandwidth(f *scenario.File) int64 {
	const usual = 1_000_000_000
	if b := int64(f.Network.Bandwidth); b != usual {
		return b / 8
	}
	return 0
}
