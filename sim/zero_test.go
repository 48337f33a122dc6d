package sim

import (
	"testing"

	"github.com/container-football/pitch/node"
)

// terabyte is a volume of 1 TiB.
func terabyte(t *testing.T) (*rig, *volume) {
	t.Helper()
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: 1 << 28, SectorSize: 4096, Carry: 8}}}
	r := newRig(t, Config{Hosts: 1}, spec)
	return r, r.hosts[0].devices[0].volumes[0]
}

func (v *volume) allocated() int {
	n := 0
	for _, p := range v.pages {
		if p != nil {
			n++
		}
	}
	return n
}

func TestZeroTakesNoMemoryAndGivesPagesBack(t *testing.T) {
	r, v := terabyte(t)
	r.on(1, func(out *node.Effects) {
		for i := range int64(10) {
			out.Write(0, node.Tag(i), i<<20, numbered(1))
		}
		out.Zero(0, 20, 0, 1<<28)
		out.Zero(0, 21, 1<<27, 1<<20)
	})
	r.run(node.Second)
	if n := v.allocated(); n != 0 {
		t.Errorf("%d pages stand for zeros", n)
	}
	r.on(1, func(out *node.Effects) { out.Sync(0, 1) })
	r.run(node.Second)
	if len(v.pending) != 0 || cap(v.pending) > 0 && v.pending[:1][0].zeroed != nil {
		t.Error("what was zeroed is kept, though nothing can bring it back")
	}
	for _, s := range r.take(1) {
		if s.ev.Code != node.OK {
			t.Errorf("%v ended with %v", s.ev.Op, s.ev.Code)
		}
		if s.at > 100*node.Millisecond && s.ev.Op == node.OpZero {
			t.Errorf("a zero took %v: it is charged as if it moved content", s.at)
		}
	}
}

func TestPagesComeBackWhenAZeroIsLost(t *testing.T) {
	r, v := terabyte(t)
	r.on(1, func(out *node.Effects) { out.Write(0, 1, pageSectors, numbered(7)) })
	r.run(node.Second)
	r.on(1, func(out *node.Effects) { out.Sync(0, 2) })
	r.run(node.Second)
	r.on(1, func(out *node.Effects) {
		out.Zero(0, 3, 0, 1<<28)
		out.Write(0, 4, pageSectors+1, numbered(8))
		out.Zero(0, 5, pageSectors, pageSectors)
	})
	r.run(node.Second)
	r.crash(1, node.LoseAll)
	var b [24]byte
	v.copyOut(b[:], pageSectors)
	if number(b[:]) != 7 || number(b[8:]) != 0 || v.allocated() != 1 {
		t.Errorf("the sectors hold %d and %d, %d pages", number(b[:]), number(b[8:]), v.allocated())
	}
}

// What a smaller volume has no room for is gone for good, also if a crash takes back writes that
// were made before.
func TestShrinkingDropsWhatACrashCouldBringBack(t *testing.T) {
	const n = 2 * pageSectors
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: n, SectorSize: 4096, Carry: 8}}}
	for _, mode := range []node.Unsynced{node.LoseAll, node.Keep} {
		for seed := range seeds(t) {
			random := node.NewStream(seed, "shrink")
			r := newRig(t, Config{Hosts: 1, Seed: seed}, spec)
			cut := int64(1 + random.Below(n-1))
			for i := range 20 {
				r.on(1, func(out *node.Effects) {
					at := int64(random.Below(n - 10))
					switch {
					case i == 5:
						out.Sync(0, 1)
					case random.Chance(0.3):
						out.Zero(0, 1, at, int64(1+random.Below(uint64(n-at))))
					default:
						var data []byte
						for range 10 {
							data = append(data, numbered(uint64(i+1))...)
						}
						out.Write(0, 1, at, data)
					}
				})
				r.run(node.Second)
			}
			before := r.dump(1).Volumes[0]
			r.on(1, func(out *node.Effects) { out.Resize(0, 1, cut) })
			r.run(node.Second)
			r.on(1, func(out *node.Effects) { out.Resize(0, 1, n) })
			r.run(node.Second)
			r.crash(1, mode)
			after := r.dump(1).Volumes[0]
			for s := range int64(n) {
				got, want := number(after[8*s:]), number(before[8*s:])
				if s >= cut && got != 0 || mode == node.Keep && s < cut && got != want {
					t.Fatalf("seed %d, cut at %d: sector %d holds %d, before it was %d", seed, cut, s, got, want)
				}
			}
		}
	}
}

func TestVolumeCannotGrowWithoutBound(t *testing.T) {
	r, _ := terabyte(t)
	r.on(1, func(out *node.Effects) { out.Resize(0, 1, 1<<60) })
	r.run(node.Second)
	if got := r.take(1); len(got) != 1 || got[0].ev.Code != node.NoSpace {
		t.Errorf("%+v", got)
	}
}
