package scenario_test

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/scenario"
)

// threeHosts is a group of three hosts whose links lose 1 % of all messages, under a stamp load
// that syncs, with a crash of some host every so many operations.
func threeHosts(tb testing.TB, load string, ops, crashEvery int) *scenario.File {
	tb.Helper()
	var b strings.Builder
	b.WriteString(`schema = 1
name = "bench"
time_limit = "24h"
[[host]]
name = "A"
[[host]]
name = "B"
[[host]]
name = "C"
[[resource]]
name = "lv0"
strategy = "mars"
size = "64MiB"
replicas = ["A", "B", "C"]
[network]
loss = 0.01
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
flush_every = 20
`)
	fmt.Fprintf(&b, "ops = %d\n%s\n", ops, load)
	for i := crashEvery; i < ops; i += crashEvery {
		fmt.Fprintf(&b, "[[step]]\nwhen = \"acked(w) >= %d\"\ndo = \"crash\"\nhost = %q\n"+
			"restart_after = \"200ms\"\n", i, []string{"B", "C", "A"}[i/crashEvery%3])
	}
	f, err := scenario.Parse("bench.toml", []byte(b.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// BenchmarkThreeHosts runs whole scenarios, checks included. Busy is as much load as the group
// takes: what counts is events/s. Average is the load of an average container of a large hoster,
// 70 operations a second for the group: what counts is how much faster than the world it runs.
func BenchmarkThreeHosts(b *testing.B) {
	for _, c := range []struct {
		name, load      string
		ops, crashEvery int
	}{
		{"busy", "clients = 64\nwrite = 0.5", 100_000, 20_000},
		{"average", "clients = 7\nwrite = 0.5\nthink = \"100ms\"", 20_000, 4_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := threeHosts(b, c.load, c.ops, c.crashEvery)
			var events uint64
			var virtual float64
			b.ReportAllocs()
			defer debug.SetGCPercent(debug.SetGCPercent(400)) // as `pitch run` does
			began := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				res, err := scenario.Simulate(context.Background(), f,
					scenario.RunOptions{World: simulated(), Seed: uint64(i + 1)})
				if err != nil {
					b.Fatal(err)
				}
				if res.Counts.Acked < c.ops*9/10 {
					b.Fatalf("seed %d: %+v", i+1, res.Counts)
				}
				events += res.Counts.Events
				virtual += float64(res.Time)
			}
			used, real := cpuTime(b)-began, b.Elapsed()
			b.ReportMetric(float64(events)/real.Seconds()/1e6, "Mevents/s")
			b.ReportMetric(float64(events)/used.Seconds()/1e6, "Mevents/cpu-s")
			b.ReportMetric(virtual/float64(real), "virtual/real")
			b.ReportMetric(virtual/float64(used), "virtual/cpu")
			b.ReportMetric(float64(events)/float64(b.N), "events/op")
		})
	}
}

// cpuTime is what this process has used: the benchmarks' machines are often shared.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
