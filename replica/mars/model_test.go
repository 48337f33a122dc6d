package mars_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// walk is a short random life of a group, held against a ledger: everything may happen that must
// not lose an acknowledged write.
type walk struct {
	*cluster
	load   *load
	random node.Stream
	told   map[node.Tag]bool // verbs that are under way
	steps  [walkEnd]int
	loose  bool // a volume may hold what no log has
}

// The steps of a walk.
const (
	walkWrites = iota
	walkAudit
	walkCrash
	walkHandover
	walkLinks
	walkDisks
	walkSwitches
	walkCopies
	walkPass
	walkEnd
)

func (w *walk) any() node.ID { return w.hosts[w.random.Below(uint64(len(w.hosts)))] }

// primary is whoever serves, or nobody: then there is little to ask for.
func (w *walk) primary() node.ID {
	if p := w.primaries(); len(p) > 0 {
		return p[0]
	}
	return 0
}

func (w *walk) step() {
	what := w.random.Below(walkEnd)
	w.steps[what]++
	switch what {
	case walkWrites:
		w.load.settle(0)
		if p := w.primary(); p != 0 {
			w.load.burst(p, int64(1+w.random.Below(8)))
		}
	case walkAudit:
		w.load.settle(0)
		if p := w.primary(); p != 0 && w.random.Chance(0.5) {
			w.states[p].Disk = faults.Disk{} // or a read of what is being logged never ends
			w.control(p)
			w.peek(p)
		}
	case walkCrash:
		id := w.any()
		w.pass(node.Time(w.random.Below(2000)) * node.Microsecond)
		w.crash(id, node.Unsynced(w.random.Below(3)))
		if !w.loose {
			w.checkImage(id)
		}
		w.load.settle(id)
		w.pass(node.Time(w.random.Below(100)) * node.Millisecond)
		w.up(id)
	case walkHandover:
		w.told[w.submit(w.any(), replica.OpPrimary, 0, 0, nil)] = true
	case walkLinks:
		l := faults.Link{}
		switch w.random.Below(4) {
		case 1:
			l = faults.Link{Loss: 0.3, Duplicate: 0.2, Reorder: 0.2}
		case 2:
			l.Delay = node.Time(w.random.Below(60)) * node.Millisecond
		case 3:
			l = faults.Link{To: w.any(), Cut: true}
		}
		from := w.any()
		w.states[from].Links = []faults.Link{l}
		w.control(from)
	case walkDisks:
		id := w.any()
		w.states[id].Disk = []faults.Disk{{}, {}, {Slow: 5}, {Full: true}}[w.random.Below(4)]
		w.control(id)
	case walkSwitches:
		verbs := []node.Op{replica.OpPauseReplay, replica.OpResumeReplay, replica.OpDisconnect,
			replica.OpConnect, replica.OpPauseSync, replica.OpResumeSync}
		w.told[w.submit(w.any(), verbs[w.random.Below(uint64(len(verbs)))], 0, 0, nil)] = true
	case walkCopies:
		verbs := []node.Op{replica.OpInvalidate, replica.OpLogRotate}
		w.told[w.submit(w.any(), verbs[w.random.Below(2)], 0, 0, nil)] = true
	case walkPass:
		w.pass(node.Time(w.random.Below(500)) * node.Millisecond)
	}
	w.pass(node.Time(w.random.Below(1500)) * node.Microsecond)
	if n := len(w.primaries()); n > 1 {
		w.fatalf("%d primaries without a forced failover", n)
	}
}

// peek reads one sector of whoever is primary now. It may refuse; it must not tell what never was.
func (w *walk) peek(p node.ID) {
	sector := int64(w.random.Below(8))
	tag := w.submit(p, node.OpRead, sector, 1, nil)
	w.pass(20 * node.Millisecond)
	if !w.answered(tag) {
		return
	}
	if o := w.wait(tag); o.Code == node.OK {
		v := uint64(o.Data[0]) | uint64(o.Data[1])<<8
		if !w.load.ledger.saw(sector, v) {
			w.fatalf("sector %d holds #%d, expected #%d or one of %v", sector, v,
				w.load.ledger.sure[sector], w.load.ledger.maybe[sector])
		}
	}
}

// handovers that are refused or given up say so with one of these.
func (w *walk) answers() {
	for tag := range w.told {
		if !w.answered(tag) {
			continue
		}
		switch o := w.wait(tag); o.Code {
		case node.OK, node.Refused, node.TimedOut, node.NotPrimary, node.Unknown:
		default:
			w.fatalf("a verb ended with %v %s", o.Code, o.Data)
		}
	}
}

func TestRandomLivesLoseNothingThatWasAcknowledged(t *testing.T) {
	runs := uint64(5000)
	if testing.Short() {
		runs = 300
	}
	var steps [walkEnd]int
	acked, moved := 0, 0
	for seed := range runs {
		w := &walk{told: make(map[node.Tag]bool), random: node.NewStream(seed, "walk")}
		w.cluster = begin(t, setup{seed: seed, hosts: 2 + int(seed%2), sectors: 16, faulty: true,
			cfg: mars.Config{Guard: 100 * node.Millisecond, HandoverTimeout: node.Second,
				Buffer: int64(512 << (seed % 8)), Tick: node.Time(5+seed%46) * node.Millisecond,
				Segment: 300 << (seed % 6), CopyChunk: 4096 << (seed % 5)}})
		w.about = fmt.Sprintf("seed %d", seed)
		w.role(1, replica.RolePrimary)
		w.load = newLoad(w.cluster)
		for range 12 {
			w.step()
		}
		p := w.finish()
		w.load.end()
		w.answers()
		w.verify(p, w.load.ledger, 16)
		if code := w.cluster.write(p, 0, 1<<40); code != node.OK {
			w.fatalf("write in the end: %v", code)
		}
		acked += w.load.acked
		if p != 1 {
			moved++
		}
		for i, n := range w.steps {
			steps[i] += n
		}
	}
	// A walk in which nothing happens would be in order as well.
	for i, n := range steps {
		if uint64(n) < runs {
			t.Errorf("step %d was taken %d times in %d runs", i, n, runs)
		}
	}
	if acked < 3*int(runs) || moved < int(runs)/10 {
		t.Errorf("%d writes acknowledged, %d primaries moved, in %d runs", acked, moved, runs)
	}
}
