package reports

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
	"github.com/container-football/pitch/sim"
)

// simulate runs a shipped scenario and keeps its samples.
func simulate(t *testing.T, name string) *scenario.Result {
	t.Helper()
	f, err := scenario.Load(filepath.Join("..", "scenarios", name+".toml"))
	if err != nil {
		t.Fatal(err)
	}
	k := &scenario.WorldKind{Name: "sim", Carry: func(uint32) uint32 { return 8 },
		Poll: 5 * node.Millisecond, Timeout: 5 * node.Second}
	k.Open = func(_ context.Context, s scenario.Setup) (scenario.World, error) {
		w, err := sim.New(sim.Config{Hosts: len(s.File.Hosts), Seed: s.File.Seed,
			Wrap: scenario.Wrap, Specs: func(id node.ID) []node.Spec {
				specs, err := s.File.Specs(id, k)
				if err != nil {
					panic(err)
				}
				return specs
			}})
		if err != nil {
			return nil, err
		}
		return w, w.StartAll()
	}
	res, err := scenario.Run(context.Background(), f,
		scenario.RunOptions{World: k, Seed: f.Seed, Samples: true})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestLook(t *testing.T) {
	for _, name := range []string{"forced-failover", "partition-catch-up", "planned-handover", "three-hosts", "quiet-run", "secondary-crash"} {
		res := simulate(t, name)
		for _, f := range []string{"svg", "png", "pdf"} {
			var b bytes.Buffer
			if err := Timeline(&b, res, TimelineOptions{Format: f}); err != nil {
				t.Fatal(err)
			}
			os.MkdirAll("/tmp/look", 0o777)
			os.WriteFile("/tmp/look/"+name+"."+f, b.Bytes(), 0o666)
		}
	}
}
