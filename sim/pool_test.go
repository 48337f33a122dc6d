package sim

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

func TestPoolGivesSlicesOfTheLengthAskedForAndNeverOneTwice(t *testing.T) {
	var p pool
	random := node.NewStream(2, "pool")
	type held struct {
		b    []byte
		fill byte
	}
	var out []held
	for i := range 20_000 {
		if len(out) > 50 || len(out) > 0 && random.Chance(0.5) {
			k := int(random.Below(uint64(len(out))))
			if h := out[k]; slices.ContainsFunc(h.b, func(x byte) bool { return x != h.fill }) {
				t.Fatalf("somebody else wrote into a slice of %d bytes", len(h.b))
			}
			p.put(out[k].b)
			out = slices.Delete(out, k, k+1)
			continue
		}
		n := int(random.Below(1 << (1 + random.Below(14))))
		b := p.get(n)
		if len(b) != n {
			t.Fatalf("asked for %d bytes, got %d", n, len(b))
		}
		h := held{b, byte(i)}
		for k := range b {
			b[k] = h.fill
		}
		out = append(out, h)
	}
}

func TestPoolTakesForeignSlicesForNoMoreThanTheyHold(t *testing.T) {
	var p pool
	p.put(make([]byte, 100))
	p.put(make([]byte, 10)) // too small to be of use
	for _, n := range []int{1, 64, 65, 100, 128} {
		if b := p.get(n); len(b) != n {
			t.Fatalf("asked for %d bytes, got %d", n, len(b))
		}
	}
}
