package rare_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/markov"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/rare"
)

// chainOf is a second, dumb implementation of Dynamics of one cell: a Markov chain whose states
// are the failed nodes in the order of their failures, solved as a whole. sets are those of the
// pool.
func chainOf(d rare.Dynamics, sets [][]int32) markov.Dense {
	p := d.Placement
	n, tolerate := p.Cell.Nodes(), p.Cell.Code().Tolerate
	speed := d.Speedup
	if speed == 0 {
		speed = float64(n - 1)
	}
	var states [][]int
	var grow func(down []int)
	grow = func(down []int) {
		states = append(states, slices.Clone(down))
		for i := range n {
			if !slices.Contains(down, i) {
				grow(append(down, i))
			}
		}
	}
	grow(nil)
	at := map[string]int{}
	for i, s := range states {
		at[fmt.Sprint(s)] = i
	}
	lacking := func(down []int) (most int, worst [][]int, lost float64) {
		for _, set := range sets {
			var ranks []int // of the failures, last one first
			for rank, i := range down {
				if slices.Contains(set, int32(i)) {
					ranks = append([]int{rank}, ranks...)
				}
			}
			if len(ranks) > tolerate {
				lost++
			}
			if len(ranks) > most {
				most, worst = len(ranks), nil
			}
			if len(ranks) == most {
				worst = append(worst, ranks)
			}
		}
		return most, worst, lost / float64(len(sets))
	}
	hit := func(down []int) float64 {
		_, _, lost := lacking(down)
		return 1 - math.Pow(1-p.HitGivenLost(lost), float64(p.LVs))
	}
	c := markov.Dense{Rate: make([][]float64, len(states)), Exit: make([][]float64, len(states))}
	move := func(from int, to []int, rate, loss float64) {
		c.Rate[from][at[fmt.Sprint(to)]] += rate * (1 - loss)
		c.Exit[from][0] += rate * loss
	}
	for s, down := range states {
		c.Rate[s], c.Exit[s] = make([]float64, len(states)), make([]float64, 1)
		for i := range n {
			if slices.Contains(down, i) {
				continue
			}
			next := append(slices.Clone(down), i)
			loss := 0.0
			if before, after := hit(down), hit(next); after > before {
				loss = (after - before) / (1 - before)
			}
			move(s, next, d.FailRate, loss)
		}
		if len(down) == 0 {
			continue
		}
		rates := make([]float64, len(down))
		most, worst, _ := lacking(down)
		for rank := range down {
			switch d.Repair {
			case rare.Serial:
				rates[0] = d.RepairRate
			case rare.Declustered:
				rates[rank] = d.RepairRate * speed / float64(len(down))
			case rare.CriticalFirst:
				oldest := slices.MinFunc(worst, slices.Compare)
				rates[oldest[len(oldest)-1]] = d.RepairRate * speed
			default:
				rates[rank] = d.RepairRate
			}
		}
		for rank, rate := range rates {
			next := slices.Delete(slices.Clone(down), rank, rank+1)
			loss := 0.0
			if less, _, _ := lacking(next); most == tolerate && less < tolerate {
				loss = d.SectorErrors
			}
			move(s, next, rate, loss)
		}
	}
	return c
}

func TestDynamicsOfAnyPoolIsItsMarkovChain(t *testing.T) {
	const lambda, mu = 2e-3, 0.2
	inf := math.Inf(1)
	listed := func(n, k int, objects float64, lvs int, sets ...[]int32) (*place.Placement, [][]int32) {
		pool := must[*place.Sets](t)(place.Listed(n, place.Replicas(k), sets))
		return oneCell(pool, lvs, objects), sets
	}
	for _, c := range []struct {
		name    string
		objects float64
		sectors float64
		n, k    int
		sets    [][]int32
	}{
		{"ring of pairs", inf, 0, 5, 2, [][]int32{{0, 1}, {1, 2}, {2, 3}, {3, 4}}},
		{"triples", inf, 0, 5, 3, [][]int32{{0, 1, 2}, {2, 3, 4}, {0, 3, 4}}},
		{"triples, sector errors", inf, 0.02, 5, 3, [][]int32{{0, 1, 2}, {2, 3, 4}}},
		{"few objects", 2, 0, 5, 2, [][]int32{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}}},
		{"few objects, busy", 1, 0, 5, 2, [][]int32{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}}},
	} {
		mu := mu
		if c.name == "few objects, busy" {
			mu = 0.004
		}
		p, sets := listed(c.n, c.k, c.objects, 2, c.sets...)
		for _, repair := range []string{"", rare.Serial, rare.Declustered, rare.CriticalFirst} {
			d := rare.Dynamics{Placement: p, FailRate: lambda, RepairRate: mu, Repair: repair,
				SectorErrors: c.sectors}
			chain := chainOf(d, sets)
			start := make([]float64, len(chain.Rate))
			start[0] = 1
			for _, hours := range []float64{3, 200} {
				_, absorbed := chain.Transient(start, hours)
				for _, method := range []string{rare.MonteCarlo, rare.FailureBiasing} {
					if method == rare.MonteCarlo && absorbed[0] < 1e-3 {
						continue // not in finite time
					}
					t.Run(fmt.Sprint(c.name, "/", repair, "/", hours, "/", method), func(t *testing.T) {
						d := d
						d.Method = method
						r, err := d.Loss(context.Background(), hours, options(t.Name(), 0.03))
						if err != nil {
							t.Fatal(err)
						}
						near(t, "loss", r, absorbed[0], 0.03)
					})
				}
			}
			t.Run(c.name+"/"+repair+"/mttdl", func(t *testing.T) {
				d := d
				d.Method = rare.FailureBiasing
				r, err := d.MTTDL(context.Background(), options(t.Name(), 0.02))
				if err != nil {
					t.Fatal(err)
				}
				near(t, "mttdl", r, chain.MTTA()[0], 0.02)
			})
		}
	}
}

const disk, day = 1e-5, 1.0 / 24

// Fleets as they are, whose losses are beyond any plain simulation.
func TestRareLossesAreThoseOfTheMarkovChain(t *testing.T) {
	any3 := func(n int) *place.Placement {
		return oneCell(place.AllSubsets(n, place.Replicas(3)), 1, math.Inf(1))
	}
	rs := func(n int) *place.Placement {
		return oneCell(place.AllSubsets(n, place.ReedSolomon(10, 4)), 1, math.Inf(1))
	}
	rsChain := func(n int) markov.Chain { return markov.AnyK(n, 5, disk, day, markov.PairSpeed) }
	for _, c := range []struct {
		name  string
		d     rare.Dynamics
		chain markov.Chain
	}{
		{"RS(10,4)", rare.Dynamics{Placement: shards(1, 14, 4)},
			markov.Group(14, 4, disk, day, markov.Parallel)},
		{"RS(10,4), serial", rare.Dynamics{Placement: shards(1, 14, 4), Repair: rare.Serial},
			markov.Group(14, 4, disk, day, markov.Serial)},
		{"pair with sector errors", rare.Dynamics{Placement: shards(1, 2, 1), SectorErrors: 0.01},
			markov.GroupWithLatent(2, 1, disk, day, markov.Parallel, 0.01)},
		{"any 3 of 300", rare.Dynamics{Placement: any3(300)},
			markov.AnyK(300, 3, disk, day, markov.PairSpeed)},
		{"any 3 of 300, declustered", rare.Dynamics{Placement: any3(300), Repair: rare.Declustered},
			markov.AnyK(300, 3, disk, day, markov.Declustered)},
		{"any 3 of 300, critical first", rare.Dynamics{Placement: any3(300),
			Repair: rare.CriticalFirst}, markov.AnyK(300, 3, disk, day, markov.CriticalFirst)},
		{"RS among 100", rare.Dynamics{Placement: rs(100)}, rsChain(100)},
		// A failure often begins a loss while an older one is still being repaired.
		{"RS among 1000", rare.Dynamics{Placement: rs(1000)}, rsChain(1000)},
	} {
		c.d.FailRate, c.d.RepairRate = disk, day
		for _, hours := range []float64{24, 8760, 5 * 8760} {
			name := fmt.Sprint(c.name, " within ", hours, " h")
			r, err := c.d.Loss(context.Background(), hours, options(name, 0.03))
			if err != nil {
				t.Fatal(err)
			}
			near(t, name, r, c.chain.Loss(hours), 0.03)
			if !r.Converged {
				t.Errorf("%s: %v did not converge", name, r)
			}
		}
		r, err := c.d.MTTDL(context.Background(), options(c.name, 0.02))
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name, r, c.chain.MTTA(), 0.02)
	}
}

// The time to the first loss of many groups is not that of one over their number, and the
// probability of a loss is not their number times that of one.
func TestManyCells(t *testing.T) {
	for _, c := range []struct {
		cells      int
		lambda, mu float64
		method     string
	}{
		{100, disk, day, rare.FailureBiasing},
		{200, 3e-3, day, rare.MonteCarlo}, // within days
		{20, 0.01, 0.02, rare.MonteCarlo},
	} {
		chain := markov.Group(3, 2, c.lambda, c.mu, markov.Parallel)
		d := rare.Dynamics{Placement: shards(c.cells, 3, 2), FailRate: c.lambda, RepairRate: c.mu}
		name := fmt.Sprint(c.cells, " triples")
		r, err := d.MTTDL(context.Background(), options(name, 0.02))
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, r, markov.FirstLoss(c.cells, chain), 0.02)
		if r.Method != c.method {
			t.Errorf("%s: method %s, want %s", name, r.Method, c.method)
		}
		hours := markov.FirstLoss(c.cells, chain) / 2
		r, err = d.Loss(context.Background(), hours, options(name, 0.02))
		if err != nil {
			t.Fatal(err)
		}
		near(t, name, r, markov.LossOfAny(c.cells, chain, hours), 0.02)
	}
}

// Biased failures must find the few nodes that matter in a large pool of few sets.
func TestCopysetsDynamics(t *testing.T) {
	// Disjoint sets in one cell are as many groups, of which the exact answer is known.
	stripes := must[*place.Sets](t)(place.Stripes(200, place.Replicas(3)))
	d := rare.Dynamics{Placement: oneCell(stripes, 1, math.Inf(1)), FailRate: disk, RepairRate: day}
	r, err := d.Loss(context.Background(), 8760, options("stripes", 0.02))
	if err != nil {
		t.Fatal(err)
	}
	chain := markov.Group(3, 2, disk, day, markov.Parallel)
	near(t, "200 triples in one cell", r, markov.LossOfAny(200, chain, 8760), 0.02)
	// Windows that reach one node on are a ring of pairs. Losses within the year are so rare that
	// each pair of neighbours is on its own, to first order.
	d.Placement = oneCell(place.Ring(600, 2, 1), 1, math.Inf(1))
	r, err = d.Loss(context.Background(), 876, options("ring", 0.01))
	if err != nil {
		t.Fatal(err)
	}
	pair := markov.Group(2, 1, disk, day, markov.Parallel).Loss(876)
	if !r.Converged || r.Low > 600*pair || r.High < 0.97*600*pair {
		t.Errorf("ring of pairs: %v, between 0.97 and 1 times %.6g expected", r, 600*pair)
	}
}

func TestDynamicsWithoutRepair(t *testing.T) {
	d := rare.Dynamics{Placement: shards(1, 6, 3), FailRate: disk}
	chain := markov.Group(6, 3, disk, 0, markov.Parallel)
	for _, hours := range []float64{10, 1000, 100000} {
		r, err := d.Loss(context.Background(), hours, options("no repair", 0.02))
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprint(hours), r, chain.Loss(hours), 0.02)
	}
	r, err := d.MTTDL(context.Background(), options("no repair", 0.02))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mttdl", r, chain.MTTA(), 0.02)
}

// Where some node is always down there are no cycles to speak of, and the answer is an error.
func TestDynamicsThatAreTooBusy(t *testing.T) {
	pool := must[*place.Sets](t)(place.Stripes(2000, place.Replicas(5)))
	d := rare.Dynamics{Placement: oneCell(pool, 1, math.Inf(1)), FailRate: 1e-4, RepairRate: day,
		Method: rare.FailureBiasing}
	if r, err := d.MTTDL(context.Background(), draw.Options{}); !errors.Is(err, rare.ErrTooBusy) {
		t.Errorf("%v, %v", r, err)
	}
}

func TestDynamicsInput(t *testing.T) {
	ctx, p := context.Background(), shards(1, 2, 1)
	for name, d := range map[string]rare.Dynamics{
		"no placement": {FailRate: 1},
		"no failures":  {Placement: p},
		"repair":       {Placement: p, FailRate: 1, Repair: "prayer"},
		"sectors":      {Placement: p, FailRate: 1, SectorErrors: 2},
	} {
		if _, err := d.MTTDL(ctx, draw.Options{}); !errors.Is(err, rare.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Loss(ctx, 1, draw.Options{}); !errors.Is(err, rare.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := rare.Dynamics{Placement: p, FailRate: disk, RepairRate: day}
	if _, err := d.Loss(ctx, -1, draw.Options{}); !errors.Is(err, rare.ErrInput) {
		t.Error(err)
	}
	d.Method = rare.Stratified
	if _, err := d.Loss(ctx, 1, draw.Options{}); !errors.Is(err, rare.ErrMethod) {
		t.Error(err)
	}
	d.Method = rare.MonteCarlo
	d.Placement = shards(1, 14, 4)
	if _, err := d.MTTDL(ctx, draw.Options{}); !errors.Is(err, rare.ErrTooRare) {
		t.Error(err)
	}
}
