package rare_test

import (
	"context"
	"math"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/rare"
)

// All benchmarks are of one core.

func benchOutage(b *testing.B, o rare.Outage) {
	o.Method = rare.MonteCarlo
	var trials int64
	for b.Loop() {
		h, err := o.Run(context.Background(), draw.Options{Threads: 1, RelErr: 1e-9, Samples: 1 << 20})
		if err != nil {
			b.Fatal(err)
		}
		trials += h.Any.N
	}
	b.ReportMetric(float64(trials)/b.Elapsed().Seconds(), "trials/s")
}

func BenchmarkOutageShards(b *testing.B) {
	benchOutage(b, rare.Outage{Placement: shards(1667, 3, 2), Failed: 50})
}

func BenchmarkOutageWindows(b *testing.B) {
	benchOutage(b, rare.Outage{Placement: oneCell(place.Ring(5000, 3, 10), 5000, math.Inf(1)),
		Failed: 50})
}

func BenchmarkOutageCopysets(b *testing.B) {
	pool := must[*place.Sets](b)(place.Copysets(4998, 3, 10, random(1)))
	benchOutage(b, rare.Outage{Placement: oneCell(pool, 4998, math.Inf(1)), Failed: 50})
}

// The estimate takes 5 % at 95 % as its goal; relerr is what all runs together missed it by.
func BenchmarkLossRS104FailureBiasing(b *testing.B) {
	const exact = 2.8812365352526843e-12
	d := rare.Dynamics{Placement: shards(1, 14, 4), FailRate: disk, RepairRate: day}
	var paths, runs int64
	var squares float64
	for b.Loop() {
		r, err := d.Loss(context.Background(), 8760, draw.Options{Seed: uint64(runs), Threads: 1})
		if err != nil {
			b.Fatal(err)
		}
		paths += r.N
		squares += math.Pow(r.Value/exact-1, 2)
		runs++
	}
	b.ReportMetric(float64(paths)/float64(runs), "paths/op")
	b.ReportMetric(math.Sqrt(squares/float64(runs)), "relerr")
}

// A mission is a year of a pair.
func BenchmarkMirrorMissions(b *testing.B) {
	d := rare.Dynamics{Placement: shards(1, 2, 1), FailRate: disk, RepairRate: day,
		Method: rare.MonteCarlo}
	var missions int64
	for b.Loop() {
		r, err := d.Loss(context.Background(), 8760,
			draw.Options{Threads: 1, RelErr: 1e-9, Samples: 1 << 20})
		if err != nil {
			b.Fatal(err)
		}
		missions += r.N
	}
	b.ReportMetric(float64(missions)/b.Elapsed().Seconds(), "missions/s")
}

func BenchmarkLossWeibull(b *testing.B) {
	l := rare.Lifetimes{Placement: shards(1, 14, 4), Life: rare.Weibull(1.2, 1e5),
		Repair: rare.Constant(24)}
	var seed uint64
	for b.Loop() {
		if _, err := l.Loss(context.Background(), 8760, draw.Options{Seed: seed, Threads: 1}); err != nil {
			b.Fatal(err)
		}
		seed++
	}
}

func BenchmarkSnapshotTriples(b *testing.B) {
	s := rare.Snapshot{Placement: oneCell(place.AllSubsets(3000, place.Replicas(3)), 1000,
		math.Inf(1)), Down: 1e-4, FailRate: disk}
	var seed uint64
	for b.Loop() {
		if _, err := s.Run(context.Background(), draw.Options{Seed: seed, Threads: 1}); err != nil {
			b.Fatal(err)
		}
		seed++
	}
}
