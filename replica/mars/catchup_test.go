package mars_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// orphaned makes an orphan of host 3: while it is down so much is written to the sectors from first
// on that the log for it goes. It comes back without the other hosts.
func orphaned(t *testing.T, s setup, first int64) *cluster {
	s.hosts, s.faulty = 3, true
	if s.cfg.Segment == 0 {
		s.cfg.Segment, s.cfg.LogLimit = 4096, 16384
	}
	c := begin(t, s)
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 64, 1)
	c.level(1)
	c.crash(3, node.LoseAll)
	for i := range uint64(40) {
		c.fill(1, first, 16, 1000+16*i)
	}
	c.upToDate(2)
	c.until("the log is deleted", func() bool {
		return c.state(1).LogFrom > c.state(1).End-16384 && c.state(2).LogFrom > c.state(1).End-16384
	})
	c.up(3)
	return c
}

// catchesUp waits until host 3 stages, or has done so in this time.
func (c *cluster) catchesUp() {
	c.t.Helper()
	c.until("host 3 catches up", func() bool { return c.state(3).CatchesUp })
}

// What an orphan lacks comes while its volume stays what it was, and only that comes.
func TestOrphanCatchesUp(t *testing.T) {
	var n copied
	c := orphaned(t, setup{seed: 1, sectors: 1024, trace: n.trace}, 500)
	c.catchesUp()
	before := c.state(3)
	volume := c.volume(3)
	staged, installed := 0, 0
	for !c.state(3).UpToDate {
		s := c.state(3)
		if s.Inconsistent {
			c.fatalf("inconsistent: %+v", s)
		}
		if s.CatchesUp && s.Applied == before.Applied {
			staged++
			if c.checkImage(3); !bytes.Equal(c.volume(3), volume) {
				installed++
			}
		}
		c.pass(100 * node.Microsecond)
		if c.sim.Now() > 60*node.Second {
			c.fatalf("never")
		}
	}
	if before.Applied == 0 || !before.Orphan || staged == 0 || installed == 0 {
		t.Errorf("before: %+v, seen %d times, %d installing", before, staged, installed)
	}
	c.until("it is over", func() bool { return !c.state(3).CatchesUp && !c.state(3).Orphan })
	if n.sectors == 0 || n.sectors > 32 {
		t.Errorf("%d sectors were copied, 16 differ", n.sectors)
	}
	c.level(1)
	c.checkSameVolumes()
	d := c.disks(3)
	if len(d.Logs[2]) != 0 || d.Logs[0][0].ID == 1 {
		t.Errorf("%d segments of the staging log and the log from %d on were left", len(d.Logs[2]), d.Logs[0][0].ID)
	}
	c.crash(3, node.LoseAll)
	c.checkImage(3)
	c.up(3)
	c.level(1)
	c.verb(3, replica.OpPrimary)
	c.expect(3, 500, 1000+16*39)
}

// A source that has booted since does not know what its log has changed, but whose log it is.
func TestBootedSourceComparesEverything(t *testing.T) {
	var n copied
	c := orphaned(t, setup{seed: 2, sectors: 1024, trace: n.trace}, 500)
	c.crash(3, node.LoseAll)
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.up(3)
	c.consistent(3)
	c.level(1)
	c.checkSameVolumes()
	if n.messages < 2 || n.sectors > 32 {
		t.Errorf("%d sectors in %d messages", n.sectors, n.messages)
	}
}

// Whose log was deleted is on disk: a source knows it after several boots, too, when not even the epoch of the
// orphan is in its log any more.
func TestBootedSourceKnowsWhoseLogIsGone(t *testing.T) {
	c := orphaned(t, setup{seed: 12, sectors: 1024}, 500)
	c.crash(3, node.LoseAll)
	for boot := range uint64(2) {
		c.crash(1, node.LoseAll)
		c.up(1)
		c.role(1, replica.RolePrimary)
		from := c.state(1).End
		for i := range uint64(40) {
			c.fill(1, 500, 16, 10000*(1+boot)+16*i)
		}
		c.until("the log of the epoch before is deleted", func() bool { return c.state(1).LogFrom > from })
	}
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.up(3)
	c.catchesUp()
	c.consistent(3)
	c.level(1)
	c.checkSameVolumes()
}

// But of a branch that nobody has given up it says nothing, though it knows that it began.
func TestBootedSourceDoesNotTakeAnotherBranchForItsOwn(t *testing.T) {
	c := orphaned(t, setup{seed: 13, sectors: 1024}, 500)
	c.crash(1, node.LoseAll) // host 3 becomes primary of its old state, and writes
	c.crash(2, node.LoseAll)
	c.role(3, replica.RoleSecondary)
	c.verb(3, replica.OpPrimaryForce)
	c.fill(3, 0, 8, 70000)
	c.crash(3, node.LoseAll)
	for _, id := range []node.ID{1, 2} {
		c.up(id)
	}
	c.role(1, replica.RolePrimary)
	from := c.state(1).End
	for i := range uint64(40) {
		c.fill(1, 500, 16, 80000+16*i)
	}
	c.until("the log before is deleted", func() bool { return c.state(1).LogFrom > from })
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.up(3)
	c.pass(5 * node.Second)
	if s := c.state(3); s.CatchesUp || s.UpToDate || s.End == c.state(1).End {
		c.fatalf("its branch was given up by nobody: %+v", s)
	}
}

// A new primary knows what it has deleted as a secondary.
func TestNewPrimaryKnowsWhatDiffers(t *testing.T) {
	var n copied
	c := orphaned(t, setup{seed: 3, sectors: 1024, trace: n.trace}, 500)
	c.cut(3, true)
	c.verb(2, replica.OpPrimary)
	c.fill(2, 500, 16, 9000)
	c.cut(3, false)
	c.consistent(3)
	c.level(2)
	c.checkSameVolumes()
	if n.sectors == 0 || n.sectors > 32 {
		t.Errorf("%d sectors were copied, 16 differ", n.sectors)
	}
}

// Content must not take the place of a branch that nobody has given up.
func TestBranchIsNotGivenUpByCatchingUp(t *testing.T) {
	c := begin(t, setup{hosts: 3, sectors: 64, seed: 4, faulty: true,
		cfg: mars.Config{Segment: 4096, LogLimit: 16384}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 64, 1)
	c.level(1)
	c.cut(1, true)
	c.fill(1, 0, 4, 500) // nobody else has this
	c.crash(1, node.LoseAll)
	c.verb(2, replica.OpPrimaryForce)
	for i := range uint64(40) {
		c.fill(2, 0, 16, 1000+16*i)
	}
	c.cut(1, false)
	c.up(1)
	for range 100 {
		c.pass(200 * node.Millisecond)
		if s := c.state(1); s.CatchesUp || s.UpToDate {
			c.fatalf("it gives its branch up: %+v", s)
		}
	}
	c.checkImage(1)
	if s := c.state(1); !s.Orphan && !s.CutOff {
		t.Errorf("%+v", s)
	}
	c.ok(1, replica.OpInvalidate, 0, 0, nil)
	c.consistent(1)
	c.level(2)
	c.checkSameVolumes()
}

// Who has to take over while it catches up does so with the volume as it was, and its own log.
func TestForcedWhileCatchingUp(t *testing.T) {
	for step := range 60 {
		c := orphaned(t, setup{seed: 5, sectors: 64, cfg: mars.Config{Segment: 4096, LogLimit: 16384,
			CopyChunk: 4096}}, 10)
		c.catchesUp()
		old := c.state(3).Applied
		c.pass(node.Time(step) * 100 * node.Microsecond)
		c.cut(3, true)
		before := c.state(3)
		if step%2 == 0 {
			c.crash(3, node.Unsynced(step/2%3))
			c.checkImage(3)
			c.up(3)
		}
		o := c.ask(3, replica.OpPrimaryForce, 0, 0, nil)
		for end := c.sim.Now() + 5*node.Second; o.Code != node.OK; {
			if why := string(o.Data); o.Code != node.Refused || c.sim.Now() > end ||
				why != "what this replica has caught up with is being installed; try again" &&
					why != "this replica is still reading its log; try again" {
				c.fatalf("step %d, %+v: %v %s", step, before, o.Code, why)
			}
			c.pass(5 * node.Millisecond)
			o = c.ask(3, replica.OpPrimaryForce, 0, 0, nil)
		}
		s := c.state(3)
		if s.CatchesUp || s.Orphan || s.Role != replica.RolePrimary {
			c.fatalf("step %d: %+v", step, s)
		}
		if want := uint64(11); s.Applied < old+1000 && c.read(3, 10) != want {
			c.fatalf("step %d: sector 10 holds #%d", step, c.read(3, 10))
		}
		c.write(3, 5, 77)
		c.crash(3, node.LoseAll)
		c.checkImage(3)
		c.up(3)
		c.role(3, replica.RolePrimary)
		c.expect(3, 5, 77)
	}
}

// Without space for what is put aside a replica stays what it was, and tries again.
func TestCatchingUpNeedsSpace(t *testing.T) {
	c := orphaned(t, setup{seed: 6, sectors: 64}, 10)
	c.catchesUp()
	volume := c.volume(3)
	c.disk(3, faults.Disk{Full: true})
	c.pass(3 * node.Second)
	if s := c.state(3); !s.Orphan || s.Inconsistent || !bytes.Equal(c.volume(3), volume) {
		t.Errorf("%+v", s)
	}
	c.disk(3, faults.Disk{})
	c.consistent(3)
	c.level(1)
	c.checkSameVolumes()
}

// An orphan loses power while it catches up, mostly near the end, when what was put aside goes to the volume
// and syncs take long: its disks are consistent, as they were before or as they are to be.
func TestCatchingUpIsInterruptedAtManyMoments(t *testing.T) {
	for seed := range uint64(16) {
		begun := func() *cluster {
			c := orphaned(t, setup{seed: seed, sectors: 64,
				disk: sim.Disk{Sync: sim.Latency{Base: 3 * node.Millisecond}}}, 10)
			c.catchesUp()
			return c
		}
		c := begun()
		began := c.sim.Now()
		for !c.state(3).UpToDate {
			c.pass(node.Millisecond)
		}
		took := c.sim.Now() - began
		for step := range node.Time(16) {
			c := begun()
			c.about = fmt.Sprintf("seed %d, step %d", seed, step)
			c.pass(max(0, took-step*(1+step/8)*node.Millisecond))
			c.crash(3, node.LoseSome)
			c.checkImage(3)
			c.up(3)
			c.consistent(3)
			c.level(1)
			c.checkSameVolumes()
		}
	}
}

// Where the own log and the new one have no room beside each other, the try ends, and a later one begins
// further on in the log.
func TestCatchingUpNeedsRoomForTwoLogs(t *testing.T) {
	for seed := range uint64(3) {
		c := orphaned(t, setup{seed: seed, sectors: 64, disk: sim.Disk{LogBytes: roomForOne}}, 10)
		c.catchesUp()
		c.consistent(3)
		c.level(1)
		c.checkSameVolumes()
	}
}

// roomForOne, in declared bytes, is enough for the log that is kept for an orphan, and not for that beside the
// orphan's own.
const roomForOne = 250 * 4096

// Everything happens to orphans that catch up: crashes of all, lost and late messages, slow and full
// disks, more overflows, handovers, failovers. Their volumes are at any moment what the history says,
// and in the end all are equal.
func TestRandomLivesOfOrphans(t *testing.T) {
	runs := uint64(1000)
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		runs = 20_000
	case testing.Short():
		runs = 250
	}
	const sectors = 96
	staged, installing, forced := 0, 0, 0
	for seed := range runs {
		random := node.NewStream(seed, "orphans")
		c := begin(t, setup{seed: seed, hosts: 3, sectors: sectors, faulty: true,
			cfg: mars.Config{CopyChunk: 4096 << random.Below(3), Segment: 512 << random.Below(3),
				Tick:     node.Time(3+random.Below(20)) * node.Millisecond,
				Persist:  node.Time(random.Below(3)) * 3 * node.Millisecond,
				LogLimit: int64(1+random.Below(3)) * 4096,
				Guard:    20 * node.Millisecond, HandoverTimeout: 300 * node.Millisecond},
			disk: sim.Disk{Write: sim.Latency{Jitter: node.Time(1+random.Below(400)) * node.Microsecond},
				Sync: sim.Latency{Base: 50 * node.Microsecond, Jitter: 50 * node.Microsecond}}})
		c.about = fmt.Sprintf("seed %d", seed)
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, sectors, 1)
		c.level(1)
		value := uint64(1000)
		for range 60 {
			for _, p := range c.primaries() {
				for range random.Below(24) {
					value++
					op, at := node.Op(node.OpWrite), int64(random.Below(sectors))
					data := stamp(value)
					if random.Chance(0.1) {
						op, data = node.OpZero, nil
					}
					c.submit(p, op, at, 1, data)
				}
			}
			id := node.ID(1 + random.Below(3))
			switch random.Below(14) {
			case 0, 1, 2:
				c.crash(id, node.Unsynced(random.Below(3)))
				c.checkImage(id)
				c.pass(node.Time(random.Below(40)) * node.Millisecond)
				c.up(id)
			case 3, 4:
				c.states[id].Links = []faults.Link{{Cut: true}}
				c.control(id)
			case 5, 6, 7:
				c.states[id].Links = nil
				c.control(id)
			case 8:
				c.submit(id, replica.OpPrimary, 0, 0, nil)
			case 9:
				if seed%3 == 0 || c.state(id).CatchesUp && seed%3 == 1 {
					c.submit(id, replica.OpPrimaryForce, 0, 0, nil)
					forced++
				}
			case 10:
				c.links(faults.Link{Loss: 0.1 * float64(random.Below(2)), Duplicate: 0.2, Reorder: 0.4,
					Delay: node.Time(random.Below(1500)) * node.Microsecond})
			case 11:
				c.disk(id, faults.Disk{Slow: 1 + 3*float64(random.Below(2)), Full: random.Chance(0.3)})
			case 12:
				c.submit(id, []node.Op{replica.OpPauseReplay, replica.OpPauseSync}[random.Below(2)], 0, 0, nil)
			case 13:
				c.submit(id, []node.Op{replica.OpResumeReplay, replica.OpResumeSync}[random.Below(2)], 0, 0, nil)
			}
			c.pass(node.Time(random.Below(12000)) * node.Microsecond)
			for _, h := range c.hosts {
				switch s := c.state(h); {
				case s.Inconsistent:
					c.fatalf("host %d is inconsistent", h)
				case s.CatchesUp && s.ToCopy > 0:
					staged++
				case s.CatchesUp:
					installing++
				}
			}
		}
		c.links(faults.Link{})
		for _, id := range c.hosts {
			c.disk(id, faults.Disk{})
		}
		c.pass(node.Second) // a replica that boots refuses
		for _, id := range c.hosts {
			c.verb(id, replica.OpResumeReplay)
			c.verb(id, replica.OpResumeSync)
		}
		c.pass(5 * node.Second)
		c.settleCopies()
	}
	if staged < int(runs)/2 || installing < int(runs)/4 || forced < int(runs)/10 {
		t.Errorf("in %d runs staging was seen %d times, later parts %d times, %d were forced", runs, staged,
			installing, forced)
	}
}
