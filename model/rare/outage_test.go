package rare_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"testing"

	"github.com/container-football/pitch/model/draw"
	"github.com/container-football/pitch/model/place"
	"github.com/container-football/pitch/model/prob"
	"github.com/container-football/pitch/model/rare"
)

// outages adds up all choices of failed nodes.
func outages(p *place.Placement, failed int) enumeration {
	n := p.Nodes()
	look, down := looker(p), make([]bool, n)
	var sum enumeration
	choices := 0.0
	for state := range 1 << n {
		if bits.OnesCount(uint(state)) != failed {
			continue
		}
		for i := range down {
			down[i] = state>>i&1 == 1
		}
		e := look(down)
		sum.any, sum.lvs, sum.storage = sum.any+e.any, sum.lvs+e.lvs, sum.storage+e.storage
		choices++
	}
	sum.any, sum.lvs, sum.storage = sum.any/choices, sum.lvs/choices, sum.storage/choices
	return sum
}

func TestOutageOfSomeNodesIsThatOfAllChoices(t *testing.T) {
	placements := small(t)
	for _, name := range names {
		p := placements[name]
		tolerate := p.Cell.Code().Tolerate
		for _, failed := range []int{tolerate + 1, tolerate + 2, p.Nodes() - 1} {
			exact := outages(p, failed)
			for _, method := range []string{rare.MonteCarlo, rare.ImportanceSampling} {
				t.Run(fmt.Sprint(name, "/", method, "/", failed), func(t *testing.T) {
					h, err := rare.Outage{Placement: p, Failed: failed, Method: method}.Run(
						context.Background(), options(t.Name(), 0.02))
					if err != nil {
						t.Fatal(err)
					}
					near(t, "any", h.Any, exact.any, 0.02)
					near(t, "storage", h.Storage, exact.storage, 0.05)
					near(t, "lvs", h.LVs, exact.lvs*float64(p.LVs), 0.05)
				})
			}
		}
	}
}

func TestOutageWhereEachNodeFails(t *testing.T) {
	placements := small(t)
	for _, name := range names {
		p := placements[name]
		exact := enumerate(rare.Snapshot{Placement: p, Down: 0.1})
		for _, method := range []string{rare.Auto, rare.MonteCarlo, rare.ImportanceSampling} {
			t.Run(name+"/"+method, func(t *testing.T) {
				h, err := rare.Outage{Placement: p, Each: 0.1, Method: method}.Run(
					context.Background(), options(t.Name(), 0.02))
				if err != nil {
					t.Fatal(err)
				}
				near(t, "any", h.Any, exact.any, 0.02)
				near(t, "storage", h.Storage, exact.storage, 0.06)
				near(t, "lvs", h.LVs, exact.lvs*float64(p.LVs), 0.06)
			})
		}
	}
}

// The outage of the copysets paper, and rarer ones, against closed forms.
func TestPublishedOutages(t *testing.T) {
	ring := oneCell(place.Ring(5000, 3, 11), 5000, math.Inf(1))
	lost, ok := place.Ring(5000, 3, 11).AnyLost(50)
	if !ok {
		t.Fatal("no law")
	}
	triples := shards(1667, 3, 2)
	for _, c := range []struct {
		name   string
		o      rare.Outage
		method string
		exact  float64
	}{
		{"windows, 1 %", rare.Outage{Placement: ring, Failed: 50}, rare.MonteCarlo, lost},
		{"triples, 1 %", rare.Outage{Placement: triples, Failed: 50}, rare.ImportanceSampling,
			prob.AnyGroupLost(1667, 3, 2, 50)},
		{"triples, plainly", rare.Outage{Placement: triples, Failed: 50, Method: rare.MonteCarlo},
			rare.MonteCarlo, prob.AnyGroupLost(1667, 3, 2, 50)},
		{"triples, three nodes", rare.Outage{Placement: triples, Failed: 3},
			rare.ImportanceSampling, prob.AnyGroupLost(1667, 3, 2, 3)},
		{"triples, 1 % each", rare.Outage{Placement: triples, Each: 0.01}, rare.ImportanceSampling,
			prob.BernoulliShardsLoss(1667, 3, 0.01)},
		{"triples, 0.001 % each", rare.Outage{Placement: triples, Each: 1e-5},
			rare.ImportanceSampling, prob.BernoulliShardsLoss(1667, 3, 1e-5)},
	} {
		h, err := c.o.Run(context.Background(), options(c.name, 0.05))
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name, h.Any, c.exact, 0.05)
		if h.Any.Method != c.method || !h.Any.Converged {
			t.Errorf("%s: %v, method %s expected", c.name, h.Any, c.method)
		}
	}
}

func TestOutageInput(t *testing.T) {
	p := shards(2, 2, 1)
	for name, o := range map[string]rare.Outage{
		"too many": {Placement: p, Failed: 5},
		"both":     {Placement: p, Failed: 1, Each: 0.1},
		"negative": {Placement: p, Failed: -1},
	} {
		if _, err := o.Run(context.Background(), draw.Options{}); !errors.Is(err, rare.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := rare.Outage{Placement: p, Failed: 2, Method: rare.Stratified}
	if _, err := o.Run(context.Background(), draw.Options{}); !errors.Is(err, rare.ErrMethod) {
		t.Error(err)
	}
	// As many failures as nothing is lost by: never a hit, and known to be none.
	h, err := rare.Outage{Placement: p, Failed: 1}.Run(context.Background(), draw.Options{})
	if err != nil || h.Any.Value != 0 || h.Any.High != 0 || !h.Any.Converged {
		t.Errorf("%v, %v", h.Any, err)
	}
}
