package rare_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// question is something to ask, of each kind and each method.
type question struct {
	name  string
	exact float64
	ask   func(ctx context.Context, o draw.Options) (rare.Result, error)
}

func questions() []question {
	groups := shards(4, 6, 2)
	unlike := rare.Snapshot{Placement: shards(2, 3, 1), Each: []float64{0.01, 0.02, 0.03, 0.01, 0.005,
		0.01}, DomainDown: []float64{0.001}, FailRate: 1e-3,
		Topology: &place.Topology{Nodes: 6, Levels: []place.Level{{Name: "rack", Count: 3}}}}
	any := rare.Snapshot{Placement: oneCell(place.AllSubsets(8, place.Replicas(2)), 2, 3), Down: 0.01,
		FailRate: 1e-3}
	ring := rare.Snapshot{Placement: oneCell(place.Ring(10, 3, 2), 2, 7), Down: 0.01}
	snapshot := func(s rare.Snapshot, method string, hide bool,
	) func(context.Context, draw.Options) (rare.Result, error) {
		s.Method = method
		if hide {
			s.Placement = hidden(s.Placement)
		}
		return func(ctx context.Context, o draw.Options) (rare.Result, error) {
			in, err := s.Run(ctx, o)
			return in.Any, err
		}
	}
	of := func(s rare.Snapshot) float64 { return enumerate(s).any }
	outage := rare.Outage{Placement: shards(50, 3, 2), Failed: 10}
	outage.Method = rare.ImportanceSampling
	plain := outage
	plain.Method = rare.MonteCarlo
	dynamics := rare.Dynamics{Placement: groups, FailRate: 1e-4, RepairRate: 0.05}
	chain := markov.Group(6, 2, 1e-4, 0.05, markov.Parallel)
	lifetimes := rare.Lifetimes{Placement: groups, Life: rare.Exponential(1e4),
		Repair: rare.Exponential(20), Method: rare.ImportanceSampling}
	short := shards(20, 2, 1)
	// How often incidents begin in five clusters follows from one of them, and the four others.
	clusters := rare.Snapshot{Down: 0.15, FailRate: 1e-3, Method: rare.ImportanceSampling,
		Placement: &place.Placement{Name: "clusters", Cells: 5, LVs: 5, Objects: math.Inf(1),
			Cell: place.Ring(7, 3, 2)}}
	one := clusters
	one.Placement = oneCell(clusters.Placement.Cell, 1, math.Inf(1))
	cluster := enumerate(one)
	return []question{
		{"snapshot", of(any), snapshot(any, rare.MonteCarlo, false)},
		{"snapshot, around sets", of(any), snapshot(any, rare.ImportanceSampling, false)},
		{"snapshot, stratified", of(ring), snapshot(ring, rare.Stratified, false)},
		{"snapshot, listed", of(unlike), snapshot(unlike, rare.ImportanceSampling, false)},
		{"snapshot, tilted", of(unlike), snapshot(unlike, rare.ImportanceSampling, true)},
		{"outage", prob.AnyGroupLost(50, 3, 2, 10),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				h, err := plain.Run(ctx, o)
				return h.Any, err
			}},
		{"outage, around sets", prob.AnyGroupLost(50, 3, 2, 10),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				h, err := outage.Run(ctx, o)
				return h.Any, err
			}},
		{"loss", markov.LossOfAny(4, chain, 1000),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				return dynamics.Loss(ctx, 1000, o)
			}},
		{"mttdl", markov.FirstLoss(4, chain),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				return dynamics.MTTDL(ctx, o)
			}},
		{"mttdl, plainly", markov.FirstLoss(20, markov.Group(2, 1, 0.01, 0.05, markov.Parallel)),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				return rare.Dynamics{Placement: short, FailRate: 0.01, RepairRate: 0.05}.MTTDL(ctx, o)
			}},
		{"frequency", 5 * cluster.frequency * math.Pow(1-cluster.any, 4),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				in, err := clusters.Run(ctx, o)
				return in.Frequency, err
			}},
		{"aging", markov.LossOfAny(4, chain, 1000),
			func(ctx context.Context, o draw.Options) (rare.Result, error) {
				return lifetimes.Loss(ctx, 1000, o)
			}},
	}
}

// Intervals of 90 % hold the truth in about 90 % of all cases: not in fewer, but not in all either.
func TestIntervalsCoverTheTruth(t *testing.T) {
	const seeds, level = 200, 0.9
	for _, q := range questions() {
		covered := 0
		var mean float64
		for seed := range uint64(seeds) {
			o := draw.Options{Seed: seed, Name: "coverage", RelErr: 0.1, Level: level, Samples: 3000}
			r, err := q.ask(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Low <= q.exact*(1+1e-9) && q.exact*(1-1e-9) <= r.High {
				covered++
			}
			mean += r.Value / seeds
		}
		// 180 are expected, with a standard deviation of 4.2.
		if covered < 165 || covered > 197 {
			t.Errorf("%s: %d of %d intervals of %g hold %g; the mean is %g", q.name, covered, seeds,
				level, q.exact, mean)
		}
		if math.Abs(mean/q.exact-1) > 0.03 {
			t.Errorf("%s: mean %g over all seeds, exact %g", q.name, mean, q.exact)
		}
	}
}

func TestResultsDoNotDependOnThreads(t *testing.T) {
	for _, q := range questions() {
		var first rare.Result
		for i, threads := range []int{1, 2, 7} {
			o := draw.Options{Seed: 3, Name: "threads", Samples: 20000, RelErr: 0.001, Threads: threads}
			r, err := q.ask(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = r
			}
			if !reflect.DeepEqual(r, first) {
				t.Errorf("%s: with %d threads %v, with 1 %v", q.name, threads, r, first)
			}
		}
		if first.Hits == 0 {
			t.Errorf("%s: %v tells nothing", q.name, first)
		}
		other, err := q.ask(context.Background(),
			draw.Options{Seed: 4, Name: "threads", Samples: 20000, RelErr: 0.001})
		if err != nil {
			t.Fatal(err)
		}
		if other.Value == first.Value {
			t.Errorf("%s: another seed gives the same %v", q.name, other)
		}
	}
}

// Everything of a snapshot, and not only the first number, is the same for any number of threads.
func TestIncidentsDoNotDependOnThreads(t *testing.T) {
	s := rare.Snapshot{Placement: oneCell(place.Ring(60, 3, 5), 6, 20), Down: 0.02, FailRate: 1e-3,
		Common: rare.Common{Probability: 0.001, Down: 0.3}}
	ask := func(threads int) rare.Incidents {
		in, err := s.Run(context.Background(), draw.Options{Samples: 30000, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	one := ask(1)
	if len(one.Sizes.Bins()) < 3 {
		t.Errorf("sizes %v", one.Sizes.Bins())
	}
	for _, threads := range []int{2, 7} {
		if in := ask(threads); !reflect.DeepEqual(in, one) {
			t.Errorf("%d threads: %v, 1: %v", threads, in, one)
		}
	}
}

func TestCancelledQuestionsEnd(t *testing.T) {
	reason := errors.New("lunch")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	for _, q := range questions() {
		if _, err := q.ask(ctx, draw.Options{}); !errors.Is(err, reason) {
			t.Errorf("%s: %v", q.name, err)
		}
	}
	// Also in the middle: the wanted error is out of reach.
	for _, q := range questions() {
		if q.name == "snapshot, listed" || q.name == "outage, around sets" {
			continue // the same loops as others
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		calls := 0
		o := draw.Options{RelErr: 1e-9, Progress: func(draw.Estimate) {
			if calls++; calls == 3 {
				cancel(reason)
			}
		}}
		if _, err := q.ask(ctx, o); !errors.Is(err, reason) {
			t.Errorf("%s: %v", q.name, err)
		}
		if calls != 3 {
			t.Errorf("%s: %d rounds", q.name, calls)
		}
	}
}

// Without a hit there is an upper bound that holds, and no claim to have converged.
func TestNoHits(t *testing.T) {
	s := rare.Snapshot{Placement: shards(1, 3, 2), Down: 1e-3, FailRate: 1, Method: rare.MonteCarlo}
	in, err := s.Run(context.Background(), draw.Options{Samples: 10000})
	if err != nil {
		t.Fatal(err)
	}
	if in.Any.Hits != 0 || in.Any.Converged || in.Any.Low != 0 || in.Any.High < 1e-9 ||
		in.Any.High > 1e-3 {
		t.Errorf("%v: Wilson's bound for 0 of 10,000 is 3.8e-4", in.Any)
	}
	if f := in.Frequency; f.Converged || f.High != 3 {
		t.Errorf("%v: incidents can begin as often as nodes fail, 3 an hour", f)
	}
	if got := fmt.Sprint(in.Sizes.Quantile(0.5), in.Sizes.Mean()); got != "0 0" {
		t.Errorf("sizes of no incidents: %s", got)
	}
	d := rare.Dynamics{Placement: shards(1, 3, 2), FailRate: disk, RepairRate: day,
		Method: rare.MonteCarlo}
	r, err := d.Loss(context.Background(), 100, draw.Options{Samples: 10000})
	if err != nil || r.Hits != 0 || r.Converged || r.High < 1e-9 || r.High > 1e-3 {
		t.Errorf("%v, %v", r, err)
	}
}
