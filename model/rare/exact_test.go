package rare_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/rare"
)

// enumeration is a second, dumb implementation of a snapshot: it adds up all states of all nodes
// and domains.
type enumeration struct {
	any, lvs, storage, frequency float64
	sizes                        []float64 // by LVs down: probability
}

func enumerate(s rare.Snapshot) enumeration {
	type cause struct {
		p, rate float64
		nodes   []int
	}
	var causes []cause
	n := s.Placement.Nodes()
	for i := range n {
		c := cause{s.Down, s.FailRate, []int{i}}
		if s.Each != nil {
			c.p = s.Each[i]
		}
		if s.FailRates != nil {
			c.rate = s.FailRates[i]
		}
		causes = append(causes, c)
	}
	for l, p := range s.DomainDown {
		for d := range s.Topology.Levels[l].Count {
			c := cause{p: p}
			if s.DomainRates != nil {
				c.rate = s.DomainRates[l]
			}
			for i := range n {
				if s.Topology.Of(l, i) == d {
					c.nodes = append(c.nodes, i)
				}
			}
			causes = append(causes, c)
		}
	}
	look := looker(s.Placement)
	states := make([]enumeration, 1<<len(causes))
	for state := range states {
		down := make([]bool, n)
		for i, c := range causes {
			for _, node := range c.nodes {
				down[node] = down[node] || state>>i&1 == 1
			}
		}
		states[state] = look(down)
	}
	e := enumeration{sizes: make([]float64, s.Placement.LVs+1)}
	for state, now := range states {
		p, begins := 1.0, 0.0
		for i, c := range causes {
			if state>>i&1 == 1 {
				p *= c.p
				continue
			}
			p *= 1 - c.p
			begins += c.rate * (states[state|1<<i].any - now.any)
		}
		e.any += p * now.any
		e.lvs += p * now.lvs
		e.storage += p * now.storage
		e.frequency += p * begins
		for size, q := range now.sizes {
			e.sizes[size] += p * q
		}
	}
	return e
}

// looker says what a state of the nodes costs, in the mean over the placements of the objects.
func looker(p *place.Placement) func(down []bool) enumeration {
	probe, n, lvs := p.Cell.Probe(), p.Cell.Nodes(), p.LVsPerCell()
	return func(down []bool) enumeration {
		e := enumeration{sizes: []float64{1}}
		none := 1.0
		for c := range p.Cells {
			probe.Reset()
			for m := range n {
				if down[c*n+m] {
					probe.Fail(m)
				}
			}
			hit := p.HitGivenLost(probe.Lost())
			e.storage += probe.Lost() / float64(p.Cells)
			e.lvs += hit / float64(p.Cells)
			for range lvs {
				none *= 1 - hit
				next := make([]float64, len(e.sizes)+1)
				for size, q := range e.sizes {
					next[size] += q * (1 - hit)
					next[size+1] += q * hit
				}
				e.sizes = next
			}
		}
		e.any = 1 - none
		return e
	}
}

// opaque hides what kind of pool this is, so that only what works on any pool is used.
type opaque struct{ place.Pool }

func hidden(p *place.Placement) *place.Placement {
	q := *p
	q.Cell = opaque{p.Cell}
	return &q
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// near fails unless the estimate is precise, by its own account, and agrees with the exact value
// within 4.5 standard errors: by chance once in 150,000 times, and seeds are fixed.
func near(t *testing.T, what string, r rare.Result, exact, relErr float64) {
	t.Helper()
	if exact == 0 {
		t.Errorf("%s: nothing to compare with", what)
		return
	}
	err := math.Abs(r.Value - exact)
	if err > 4.5*r.StdErr+1e-9*exact {
		t.Errorf("%s: %v, exact %.6g: %.1f standard errors apart", what, r, exact, err/r.StdErr)
	}
	if !(r.StdErr <= relErr*exact) || r.Hits < 100 {
		t.Errorf("%s: %v: too coarse to tell anything", what, r)
	}
}

func options(name string, relErr float64) draw.Options {
	return draw.Options{Seed: 1, Name: name, RelErr: relErr, Samples: 5_000_000}
}

func shards(cells, width, tolerate int) *place.Placement {
	return &place.Placement{Name: "shards", Cells: cells, LVs: cells, Objects: math.Inf(1),
		Cell: place.AllSubsets(width, place.Code{Width: width, Tolerate: tolerate})}
}

func oneCell(pool place.Pool, lvs int, objects float64) *place.Placement {
	return &place.Placement{Name: "cell", Cells: 1, LVs: lvs, Objects: objects, Cell: pool}
}
