package scenario_test

import (
	"context"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// TestLeasesFence runs the shipped pair: the same faults let two hosts acknowledge at once without a
// lease, and do not with one. A pair with a witness goes on with one host dead.
func TestLeasesFence(t *testing.T) {
	for name, want := range map[string]check.Verdict{"fencing-without-lease": check.Violated,
		"fencing-with-lease": check.OK, "fencing-witness": check.OK} {
		f := loaded(t, "../scenarios/beyond-mars/"+name+".toml")
		for seed := range uint64(20) {
			res, err := scenario.Run(context.Background(), f,
				scenario.RunOptions{World: simulated(), Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			if res.Outcome != scenario.Passed || res.Verdict != want {
				t.Errorf("%s, seed %d: %v, %v: %s\n%v", name, seed, res.Outcome, res.Verdict, res.Reason,
					res.Checks)
			}
		}
	}
}

// TestNoFaultBreaksALease adds faults of every kind: with leases nobody serves beside another one.
func TestNoFaultBreaksALease(t *testing.T) {
	seeds, passed := uint64(100), uint64(0)
	if testing.Short() {
		seeds = 10
	}
	for _, name := range []string{"fencing-with-lease", "fencing-witness"} {
		f := loaded(t, "../scenarios/beyond-mars/"+name+".toml")
		f.Random = everyFault
		f.Expect.Checks = []string{"linearizable", "one-primary", "fenced"}
		f.Expect.MustFire = nil
		for seed := range seeds {
			res, err := scenario.Run(context.Background(), f,
				scenario.RunOptions{World: simulated(), Seed: seed})
			switch {
			case err != nil:
				t.Error(err)
			case res.Outcome == scenario.Violated:
				t.Errorf("%s, seed %d: %s\n%v\n%v", name, seed, res.Reason, res.Checks, res.Fired)
			case res.Outcome == scenario.Passed:
				passed++
			default:
				t.Logf("%s, seed %d: %v: %s", name, seed, res.Outcome, res.Reason)
			}
		}
	}
	if passed < seeds {
		t.Errorf("%d of %d runs passed: this shows little", passed, 2*seeds)
	}
}
