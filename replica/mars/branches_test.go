package mars_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// history is the log of one host, as its disk shows it.
type history struct {
	bytes   []byte
	records []mars.Record
	ends    []int64 // of all frames
}

func (c *cluster) history(id node.ID) (h history) {
	c.t.Helper()
	files := c.dump(id).Logs[0]
	for _, f := range files {
		h.bytes = append(h.bytes, f.Data...)
	}
	records, segs, err := mars.ScanLog(files)
	if err != nil {
		c.fatalf("host %d: %v", id, err)
	}
	h.records = records
	for _, r := range records {
		h.ends = append(h.ends, r.End)
	}
	for _, s := range segs {
		h.ends = append(h.ends, s.Start+segmentFrame)
	}
	return h
}

// fork is where the two histories part: the end of the last frame that both hold.
func (h history) fork(o history) (fork int64) {
	for _, end := range h.ends {
		if end <= int64(len(o.bytes)) && end > fork && bytes.Equal(h.bytes[:end], o.bytes[:end]) {
			fork = end
		}
	}
	return fork
}

// lost is what of h stands behind a fork, found by nothing but reading it.
func (h history) lost(fork int64, sectorSize int64) (l replica.Loss) {
	first := node.Time(-1)
	for _, r := range h.records {
		if r.Pos < fork {
			continue
		}
		if !r.Continues {
			l.Ops++
		}
		l.Bytes += int64(r.Sectors) * sectorSize
		if first < 0 {
			first = r.Stamp
		}
		l.Age = r.Stamp - first
	}
	return l
}

// With forced failovers, writes may be lost. But each host stays on one branch, who has left the
// designated one says so, and how much it has lost; and nobody else says so.
func TestRandomFailoversNeverMixBranches(t *testing.T) {
	runs := uint64(3000)
	if testing.Short() {
		runs = 300
	}
	splits, whole, quiet := 0, 0, 0
	for seed := range runs {
		w := &walk{told: make(map[node.Tag]bool), random: node.NewStream(seed, "branches")}
		w.cluster = begin(t, setup{seed: seed, hosts: 2 + int(seed%3), sectors: 16, faulty: true,
			cfg: mars.Config{Guard: 60 * node.Millisecond, HandoverTimeout: node.Second,
				Tick:    node.Time(5+seed%46) * node.Millisecond,
				Segment: 400 << (seed % 5), CopyChunk: 4096 << (seed % 3)}})
		w.about = fmt.Sprintf("seed %d", seed)
		w.role(1, replica.RolePrimary)
		w.fill(1, 0, 4, 1)
		value := uint64(100)
		for range 10 {
			id := w.any()
			switch w.random.Below(6) {
			case 0, 1: // users of whoever serves, on every side of a partition
				for _, p := range w.primaries() {
					for range w.random.Below(6) {
						value++
						w.submit(p, node.OpWrite, int64(w.random.Below(15)), 2, stamps(value, 2))
					}
				}
			case 2:
				w.cut(id, w.random.Chance(0.6))
			case 3:
				w.pass(node.Time(w.random.Below(2000)) * node.Microsecond)
				w.crash(id, node.Unsynced(w.random.Below(3)))
				w.checkImage(id)
				w.up(id)
			case 4:
				w.submit(id, replica.OpPrimaryForce, 0, 0, nil)
			case 5:
				w.submit(id, replica.OpPrimary, 0, 0, nil)
			}
			w.pass(node.Time(w.random.Below(80_000)) * node.Microsecond)
		}
		p := w.rest()
		if p == 0 {
			quiet++
			continue // it was handed over and never taken: somebody has to decide
		}
		main := w.history(p)
		cut := false
		for _, id := range w.hosts {
			w.checkImage(id)
			if id == p {
				continue
			}
			s, own := w.state(id), w.history(id)
			fork := own.fork(main)
			left := fork < int64(len(own.bytes))
			cut = cut || left
			if left && s.UpToDate {
				w.fatalf("host %d is up to date: it shares %d of its %d bytes with host %d\n%+v",
					id, fork, len(own.bytes), p, s)
			}
			if want := own.lost(fork, 4096); s.Lost != want {
				w.fatalf("host %d says that it lost %+v, its log says %+v", id, s.Lost, want)
			}
			if !left && (!s.UpToDate || !bytes.Equal(own.bytes, main.bytes)) {
				w.fatalf("host %d has not followed: %+v", id, s)
			}
			if !left && !bytes.Equal(w.volume(id), w.volume(p)) {
				w.fatalf("host %d has another volume", id)
			}
		}
		for _, id := range w.hosts { // all hear of it, and only if it is so
			if s := w.state(id); s.SplitBrain != cut {
				w.fatalf("host %d says split brain %v; the primary is host %d: %+v", id, s.SplitBrain,
					p, s)
			}
		}
		if cut {
			splits++
		} else {
			whole++
		}
	}
	if n := int(runs); splits < n/10 || whole < n/10 || quiet > n/2 {
		t.Errorf("of %d runs, %d ended in a split brain, %d without, %d without a primary", runs,
			splits, whole, quiet)
	}
}

// rest mends everything and waits until nothing moves any more. It returns the primary, or 0.
func (c *cluster) rest() node.ID {
	c.t.Helper()
	for _, id := range c.hosts {
		c.states[id].Links, c.states[id].Disk = nil, faults.Disk{}
		c.control(id)
	}
	c.pass(3 * node.Second)
	p := c.primaries()
	switch {
	case len(p) > 1:
		c.fatalf("%d primaries, though all can talk", len(p))
	case len(p) == 0:
		for _, id := range c.hosts {
			if c.state(id).Role == replica.RoleClosed {
				return 0
			}
		}
		c.fatalf("no primary, and none that has closed")
	}
	return p[0]
}

// Equal inputs make equal runs, down to every event.
func TestEqualRunsAreEqual(t *testing.T) {
	life := func(seed uint64) (uint64, uint64) {
		w := &walk{told: make(map[node.Tag]bool), random: node.NewStream(seed, "walk")}
		w.cluster = begin(t, setup{seed: seed, hosts: 3, sectors: 16, faulty: true})
		w.role(1, replica.RolePrimary)
		w.load = newLoad(w.cluster)
		for range 20 {
			w.step()
		}
		return w.sim.Digest(), w.sim.Events()
	}
	seen := make(map[uint64]bool)
	for seed := range uint64(50) {
		digest, events := life(seed)
		if again, n := life(seed); again != digest || n != events {
			t.Fatalf("seed %d: %d events, digest %#x, then %d events, digest %#x", seed, events,
				digest, n, again)
		}
		if events < 50 || seen[digest] {
			t.Fatalf("seed %d: %d events, a digest seen before: %v", seed, events, seen[digest])
		}
		seen[digest] = true
	}
}
