package scenario_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/scenario"
)

// everyFault is a lot of generated faults of every kind.
var everyFault = scenario.Random{
	Faults: []string{"drop", "delay", "duplicate", "reorder", "partition", "pause", "crash",
		"disk-slow", "torn-write"},
	Rate: scenario.FaultRate{Faults: 2, Ops: 100}, Until: scenario.Until{Event: "end"},
}

// TestNoFaultMakesAShippedScenarioViolateAnything adds generated faults to every shipped scenario.
// A run may then be vacuous (what had to happen could not) or run out of time, but not often.
func TestNoFaultMakesAShippedScenarioViolateAnything(t *testing.T) {
	perScenario := uint64(100)
	if testing.Short() {
		perScenario = 4
	}
	for _, path := range shippedFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			f := loaded(t, path)
			f.Random = everyFault
			f.Expect.MaxUnknown, f.Expect.MaxStall = scenario.Unbounded, 0 // faults are felt
			for i := range f.Resources {                                   // a crash may take what was promised to nobody
				if a := &f.Resources[i].Ack; *a == "submitted" || *a == "logged" {
					*a = "durable"
				}
			}
			passed, fired := uint64(0), 0
			for seed := uint64(1000); seed < 1000+perScenario; seed++ {
				res, err := scenario.Run(context.Background(), f,
					scenario.RunOptions{World: simulated(), Seed: seed})
				switch {
				case err != nil:
					t.Error(err)
				case res.Outcome == scenario.Violated:
					t.Errorf("seed %d: %s\n%v\n%v", seed, res.Reason, res.Checks, res.Fired)
				case res.Outcome == scenario.Passed:
					passed++
				default:
					t.Logf("seed %d: %v: %s", seed, res.Outcome, res.Reason)
				}
				if res != nil {
					fired += len(res.Fired)
				}
			}
			if passed < perScenario/2 || fired < 6*int(perScenario) {
				t.Errorf("%d of %d runs passed, %d faults fired: this shows little", passed,
					perScenario, fired)
			}
		})
	}
}

// TestALossIsJudgedWhenItHasBeenCounted lets the old primary crash again and again after a failover
// by force: when all is at rest it must have counted what its log holds beyond the fork.
func TestALossIsJudgedWhenItHasBeenCounted(t *testing.T) {
	f := loaded(t, "../scenarios/forced-failover.toml")
	f.Random = everyFault
	lost := 0
	for seed := uint64(1000); seed < 1100; seed++ {
		res, err := scenario.Run(context.Background(), f,
			scenario.RunOptions{World: simulated(), Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range res.Losses {
			lost += l.Records
		}
		for _, c := range res.Checks {
			if c.Violation != nil && strings.Contains(c.Violation.Summary, " reports ") {
				t.Errorf("seed %d: %s: %s", seed, c.Check, c.Violation.Summary)
			}
		}
	}
	if lost == 0 {
		t.Error("nothing was ever lost: the test shows nothing")
	}
}

func shippedFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../scenarios/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	return files
}

func loaded(t testing.TB, path string) *scenario.File {
	t.Helper()
	f, err := scenario.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
