package sim_test

import (
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/node/nodetest"
	"github.com/container-football/pitch/sim"
)

func TestConformance(t *testing.T) {
	nodetest.Run(t, func(t *testing.T, s nodetest.Setup) nodetest.World {
		s.Geometry.Carry = 8
		w, err := sim.New(sim.Config{Hosts: s.Hosts, Seed: s.Seed, Wrap: s.Wrap(),
			Specs: func(node.ID) []node.Spec { return nodetest.Specs(s.Geometry) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.StartAll(); err != nil {
			t.Fatal(err)
		}
		return w
	})
}
