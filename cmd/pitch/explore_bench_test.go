package main

import (
	"testing"

	"github.com/container-football/pitch/explore"
	"github.com/container-football/pitch/scenario"
)

// exploredScenario has three hosts and 400 operations.
const exploredScenario = `
schema = 1
name = "explored"
[[host]]
name = "A"
[[host]]
name = "B"
[[host]]
name = "C"
[[resource]]
name = "r"
strategy = "mars"
size = "16MiB"
replicas = ["A", "B", "C"]
[[workload]]
name = "w"
on = "r"
kind = "stamp"
clients = 4
ops = 400
op_sectors = 4
`

func explored400(tb testing.TB) *scenario.File {
	tb.Helper()
	f, err := scenario.Parse("explored.toml", []byte(exploredScenario))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// BenchmarkExplore is how many schedules of a three-host scenario with 400 operations one core runs, with all checks.
func BenchmarkExplore(b *testing.B) {
	f, world := explored400(b), simWorld(nil)
	faults := 0
	for i := 0; b.Loop(); i++ {
		rep := explore.RunJob(b.Context(), f, world, explore.Job{Name: explore.Name{uint64(i)}})
		if rep.Sign != "" {
			b.Fatalf("schedule %d: %s: %s", i, rep.Sign, rep.Reason)
		}
		faults += len(rep.Fired)
	}
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "schedules/core-min")
	b.ReportMetric(float64(faults)/float64(b.N), "kinds-of-faults/op")
}
