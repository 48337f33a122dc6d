package fleet

import (
	"context"
	"fmt"
	"testing"

	"github.com/container-football/pitch/node"
)

// tenYears is how long the benchmarks watch each fleet for, in hours.
const tenYears = 87_660

// BenchmarkFleet watches fleets for ten years, in which each host is down with p = 1e-4, for an
// hour in the mean.
func BenchmarkFleet(b *testing.B) {
	for _, hosts := range []int{1000, 3000, 10_000} {
		for _, placement := range []struct {
			name string
			make func(hosts int) Config
		}{
			{"pairs", func(n int) Config { return shards(n/2, 2) }},
			{"copysets", func(n int) Config { return copysets(n-n%3, 3, 10) }},
			{"bigcluster", func(n int) Config { return cluster(n, 3, n/3) }},
		} {
			b.Run(fmt.Sprintf("%s/hosts=%d", placement.name, hosts), func(b *testing.B) {
				cfg := down(placement.make(hosts), 1e-4)
				cfg.Hours = tenYears
				b.ReportAllocs()
				var events int64
				for b.Loop() {
					cfg.Seed++
					r, err := Run(context.Background(), cfg, nil)
					if err != nil {
						b.Fatal(err)
					}
					events += r.Events
				}
				b.ReportMetric(float64(events)/float64(b.N), "events/op")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			})
		}
	}
}

// down makes hosts be down with probability p at a random moment, for an hour in the mean.
func down(c Config, p float64) Config {
	c.Repair.Mean, c.Lifetime.Mean = 1, (1-p)/p
	return c
}

// shards are n groups of k hosts with one LV each.
func shards(n, k int) Config {
	c := Config{Hosts: n * k}
	for i := range n {
		c.Groups = append(c.Groups, Group{Members: numbers(i*k, k), Tolerate: k - 1})
		c.Volumes = append(c.Volumes, Class{Groups: []int32{int32(i)}, Count: 1})
	}
	return c
}

// cluster is one group of n hosts that is lost with any k of them, and all LVs with it.
func cluster(n, k, lvs int) Config {
	return Config{Hosts: n, Groups: []Group{{Members: numbers(0, n), Tolerate: k - 1}},
		Volumes: []Class{{Groups: []int32{0}, Count: lvs}}}
}

// copysets are n hosts cut into sets of k after each of so many random permutations. Each LV lies
// on two of the sets.
func copysets(n, k, permutations int) Config {
	c := Config{Hosts: n}
	random := node.NewStream(1, "copysets")
	for range permutations {
		order := numbers(0, n)
		for i := n - 1; i > 0; i-- {
			j := random.Below(uint64(i + 1))
			order[i], order[j] = order[j], order[i]
		}
		for ; len(order) >= k; order = order[k:] {
			c.Groups = append(c.Groups, Group{Members: order[:k], Tolerate: k - 1})
		}
	}
	all := uint64(len(c.Groups))
	for range n / k {
		c.Volumes = append(c.Volumes, Class{Count: 1,
			Groups: []int32{int32(random.Below(all)), int32(random.Below(all))}})
	}
	return c
}

// numbers are n of them from first on.
func numbers(first, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32(first + i)
	}
	return out
}
