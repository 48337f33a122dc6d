package mars_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// Volumes are copied while everything goes on that makes copies wrong: writes to what is copied and
// what is not, late, doubled and reordered messages, slow disks, crashes of all sides, handovers,
// failovers, and beginning anew. In the end every copy is what the primary holds.
func TestRandomLivesWithCopies(t *testing.T) {
	runs := uint64(2500)
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		runs = 40_000
	case testing.Short():
		runs = 300
	}
	const sectors = 96
	copies, during, acked := 0, 0, 0
	for seed := range runs {
		random := node.NewStream(seed, "copies")
		joiners := int(seed % 2)
		c := begin(t, setup{seed: seed, hosts: 3, joiners: joiners, sectors: sectors, faulty: true,
			cfg: mars.Config{CopyChunk: 4096 << random.Below(3), Segment: 512 << random.Below(8),
				Tick:     node.Time(3+random.Below(20)) * node.Millisecond,
				Persist:  node.Time(random.Below(3)) * 3 * node.Millisecond,
				Ack:      []mars.Ack{mars.AckDurable, mars.AckLogged, mars.AckSubmitted, mars.AckRemote}[random.Below(4)],
				LogLimit: int64(random.Below(4)) * 8192,
				Guard:    20 * node.Millisecond, HandoverTimeout: 300 * node.Millisecond},
			disk: sim.Disk{Write: sim.Latency{Jitter: node.Time(1+random.Below(400)) * node.Microsecond},
				Sync: sim.Latency{Base: 50 * node.Microsecond, Jitter: 50 * node.Microsecond}}})
		c.about = fmt.Sprintf("seed %d", seed)
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, sectors, 1)
		value := uint64(1000)
		forced := seed%3 == 0
		if joiners > 0 {
			c.submit(1, replica.OpAddMember, 0, 0, address(3))
		}
		for range 40 {
			for _, p := range c.primaries() {
				for range random.Below(8) {
					value++
					op, at := node.Op(node.OpWrite), int64(random.Below(sectors))
					data := stamp(value)
					if random.Chance(0.1) {
						op, data = node.OpZero, nil
					}
					c.submit(p, op, at, 1, data)
					acked++
				}
			}
			id := node.ID(1 + random.Below(3))
			switch random.Below(12) {
			case 0, 10:
				c.crash(id, node.Unsynced(random.Below(3)))
				c.checkImage(id)
				c.pass(node.Time(random.Below(5)) * node.Millisecond)
				c.up(id)
			case 1, 2:
				c.submit(id, replica.OpInvalidate, 0, int64(random.Below(2)), nil)
			case 3:
				c.submit(id, replica.OpPrimary, 0, 0, nil)
			case 4:
				if forced {
					c.submit(id, replica.OpPrimaryForce, 0, 0, nil)
				}
			case 5:
				c.links(faults.Link{Loss: 0.1 * float64(random.Below(2)), Duplicate: 0.2, Reorder: 0.4,
					Delay: node.Time(random.Below(1500)) * node.Microsecond})
			case 6:
				c.states[id].Links = []faults.Link{{To: node.ID(1 + random.Below(3)), Cut: true}}
				c.control(id)
			case 7:
				c.disk(id, faults.Disk{Slow: 1 + 3*float64(random.Below(2))})
			case 8:
				c.submit(id, replica.OpLogRotate, 0, 0, nil)
			case 9:
				c.states[id].Links = nil
				c.control(id)
			}
			c.pass(node.Time(random.Below(6000)) * node.Microsecond)
			for _, h := range c.hosts {
				if s := c.state(h); s.Inconsistent {
					copies++
					if s.ToCopy > 0 && s.ToCopy < sectors {
						during++
					}
				}
			}
		}
		c.links(faults.Link{})
		for _, id := range c.hosts {
			c.disk(id, faults.Disk{})
		}
		c.settleCopies()
	}
	if copies < int(runs) || during < int(runs)/4 || acked < 10*int(runs) {
		t.Errorf("in %d runs copies were seen %d times, %d of them in the middle, %d writes", runs, copies,
			during, acked)
	}
}

// settleCopies waits until a group that may have been through failovers has one primary, has who is
// cut off begin anew, and expects all to be equal.
func (c *cluster) settleCopies() {
	c.t.Helper()
	c.pass(2 * node.Second)
	if len(c.primaries()) == 0 {
		for _, id := range c.hosts {
			if c.state(id).Role == replica.RoleClosed {
				c.verb(id, replica.OpPrimary)
				break
			}
		}
	}
	c.until("there is one primary", func() bool { return len(c.primaries()) == 1 })
	p := c.primaries()[0]
	c.startAgain()
	members := c.state(p).Members
	for _, a := range members {
		if a.Host != p {
			c.consistent(a.Host)
		}
	}
	if len(members) < len(c.hosts) {
		return // it was never added
	}
	c.level(p)
	c.checkSameVolumes()
	c.checkSameHistory()
	for _, id := range c.hosts {
		c.checkImage(id)
	}
}

// startAgain has those begin anew who cannot go on: they are cut off, or the log that they need is gone.
func (c *cluster) startAgain() {
	c.t.Helper()
	for range 4 { // who has log for another one may delete it before it is fetched
		c.pass(node.Second)
		for _, id := range c.hosts {
			if s := c.state(id); s.Role != replica.RoleBooting && (s.CutOff || s.Orphan && !s.CatchesUp) {
				c.ok(id, replica.OpInvalidate, 0, int64(id%2), nil)
			}
		}
	}
}
