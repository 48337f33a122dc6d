package check

import (
	"math/rand/v2"
	"testing"
)

// TestTables compares both tables with maps, on keys that share resources, sectors and ids,
// low ones and high ones.
func TestTables(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 0))
	resources := []string{"lv1", "lv2", "", "lv3"}
	for _, direct := range []uint64{0, 100} {
		var regs registers
		table := newClusters(0, direct)
		wantReg := make(map[register]uint32)
		type key struct {
			reg uint32
			id  uint64
		}
		wantCluster := make(map[key]int)
		for range 200_000 {
			k := register{resources[r.IntN(4)], r.Uint64N(30) << (r.IntN(2) * 12)}
			reg := regs.find(k.resource, k.sector)
			want, found := wantReg[k]
			if !found {
				want = uint32(len(wantReg))
				wantReg[k] = want
			}
			if reg != want || regs.keys[reg] != k {
				t.Fatalf("%v: number %d, want %d", k, reg, want)
			}
			c := key{reg, r.Uint64N(150) << (r.IntN(2) * 57)}
			n, found := wantCluster[c]
			if !found {
				n = len(wantCluster)
				wantCluster[c] = n
			}
			got := table.find(c.reg, c.id)
			if got != &table.all[n] || got.reg != c.reg || got.id != c.id {
				t.Fatalf("%v: got %+v, want number %d", c, got, n)
			}
		}
		if len(table.all) != len(wantCluster) || len(regs.keys) != len(wantReg) {
			t.Error(len(table.all), len(wantCluster), len(regs.keys), len(wantReg))
		}
	}
}
