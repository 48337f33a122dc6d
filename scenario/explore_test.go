package scenario_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/container-football/pitch/scenario"
)

func TestExploreTmp(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("SEEDS"))
	if n == 0 {
		t.Skip()
	}
	files, _ := filepath.Glob("../scenarios/*.toml")
	for _, path := range files {
		f, err := scenario.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := 0
		if os.Getenv("RANDOM_FAULTS") != "" {
			f.Random = scenario.Random{Faults: []string{"drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow", "torn-write"}, Rate: scenario.FaultRate{Faults: 1, Ops: 100}, Until: scenario.Until{Event: "end"}}
		}
		for seed := uint64(1); seed <= uint64(n) && bad < 4; seed++ {
			res, err := scenario.Run(context.Background(), f, scenario.RunOptions{World: simulated(), Seed: seed})
			if err != nil {
				t.Errorf("%s seed %d: %v", path, seed, err)
				bad++
				continue
			}
			if res.Outcome != scenario.Passed {
				bad++
				t.Errorf("%s seed %d: %v: %s\n%v\n%v", path, seed, res.Outcome, res.Reason, res.Checks, res.Fired)
			}
		}
	}
}
