package mars_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// copied counts what the messages of copies carry, in declared sectors of 4096 bytes.
type copied struct {
	sectors, messages int
}

func (n *copied) trace(_ node.Time, _ node.Addr, ev *node.Event) {
	if ev.Kind == node.KindMessage {
		if k := mars.CopiedSectors(ev.Data, 8); k >= 0 {
			n.sectors += k
			n.messages++
		}
	}
}

// consistent waits until a host's volume is what its log says.
func (c *cluster) consistent(id node.ID) {
	c.t.Helper()
	c.until(fmt.Sprintf("host %d is consistent", id), func() bool {
		s := c.state(id)
		return s.Role == replica.RoleSecondary && !s.Inconsistent && s.UpToDate
	})
}

func TestNewMemberCopiesOnlyWhatIsThere(t *testing.T) {
	var n copied
	c := begin(t, setup{hosts: 2, joiners: 1, sectors: 1 << 20, seed: 1, trace: n.trace,
		cfg: mars.Config{CopyChunk: 64 << 10}})
	c.role(1, replica.RolePrimary)
	for i := range int64(100) { // in pieces, all over the volume, and often the same
		c.fill(1, i%10*100_000, 5, uint64(1+5*i))
	}
	c.until("written back", func() bool { s := c.state(1); return s.Applied == s.End })
	c.ok(1, replica.OpAddMember, 0, 0, address(2))
	c.consistent(2)
	if n.sectors != 50 {
		t.Errorf("%d sectors were copied, the volume holds 50", n.sectors)
	}
	s := c.state(2)
	if first := c.state(1); s.LogFrom == 0 || s.LogFrom > first.End || s.ToCopy != 0 || s.Copied != 50 {
		t.Errorf("%+v", s)
	}
	c.level(1)
	c.checkSameVolumes()
	c.checkImage(2)
	c.verb(2, replica.OpPrimary)
	c.expect(2, 900_004, 500)
}

// Writes go on while the volume is copied, to what is copied already as to what is not, and the
// source crashes in between.
func TestWritesGoOnDuringACopy(t *testing.T) {
	for seed := range uint64(60) {
		c := begin(t, setup{hosts: 2, joiners: 1, sectors: 256, seed: seed, faulty: true,
			cfg: mars.Config{CopyChunk: 8192, Segment: 1 << (9 + seed%6), Buffer: 4096,
				Persist: node.Time(seed%3) * 20 * node.Millisecond}})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 200, 1)
		c.links(faults.Link{Delay: 200 * node.Microsecond, Reorder: 0.3, Duplicate: 0.1})
		c.ok(1, replica.OpAddMember, 0, 0, address(2))
		random := node.NewStream(seed, "during a copy")
		during := 0
		for i := uint64(0); i < 400; i++ {
			c.write(1, int64(random.Below(256)), 1000+i)
			if c.state(2).ToCopy > 0 {
				during++
			}
			if i == 100+seed {
				c.crash(1, node.LoseSome)
				c.up(1)
				c.role(1, replica.RolePrimary)
			}
		}
		c.links(faults.Link{})
		c.consistent(2)
		if during == 0 {
			c.fatalf("the copy was over before anything was written")
		}
		c.level(1)
		c.checkSameVolumes()
	}
}

// Whoever is to compare everything sends only what differs.
func TestInvalidateTransfersWhatDiffers(t *testing.T) {
	var n copied
	c := begin(t, setup{sectors: 1024, seed: 2, trace: n.trace})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 1000, 1)
	c.level(1)
	c.ok(2, replica.OpInvalidate, 0, 0, nil)
	c.consistent(2)
	if n.sectors != 0 || n.messages == 0 {
		t.Errorf("%d sectors in %d messages, though nothing differs", n.sectors, n.messages)
	}
	if s := c.state(2); s.LogFrom == 0 {
		t.Errorf("%+v", s)
	}
	c.checkSameVolumes()
}

// split makes two branches: host 2 is forced while host 1 cannot be heard, both go on, and host 1 is
// left cut off. Each writes to sectors of its own and to one of both.
func split(t *testing.T, cfg mars.Config, trace func(node.Time, node.Addr, *node.Event)) *cluster {
	c := begin(t, setup{sectors: 1024, seed: 3, faulty: true, cfg: cfg, trace: trace})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 1000, 1)
	c.level(1)
	c.cut(1, true)
	c.fill(1, 10, 5, 5001)
	c.fill(1, 500, 1, 5100)
	c.verb(2, replica.OpPrimaryForce)
	c.fill(2, 20, 5, 6001)
	c.fill(2, 500, 1, 6100)
	c.cut(1, false)
	c.until("host 1 is cut off", func() bool { return c.state(1).CutOff && c.state(1).Lost.Ops == 6 })
	return c
}

func TestSplitBrainIsResolvedWithWhatDiffers(t *testing.T) {
	for full, sectors := range []int{6, 64 * 3} {
		var n copied
		c := split(t, mars.Config{}, n.trace)
		if got := c.refused(1, replica.OpPrimary); got == "" {
			t.Error("it could become primary")
		}
		c.ok(1, replica.OpInvalidate, 0, int64(full), nil)
		c.consistent(1)
		c.level(2)
		c.checkSameVolumes()
		c.checkSameHistory()
		if n.sectors > sectors || n.sectors == 0 {
			t.Errorf("%d sectors were copied, at most %d differ", n.sectors, sectors)
		}
		if s := c.state(1); s.CutOff || s.SplitBrain || s.Lost != (replica.Loss{}) || s.Orphan {
			t.Errorf("%+v", s)
		}
		if s := c.state(2); s.SplitBrain {
			t.Errorf("the primary still reports it: %+v", s)
		}
		c.verb(1, replica.OpPrimary)
		c.expect(1, 500, 6100)
		c.expect(1, 10, 11)
	}
}

// However a resolution is interrupted, it ends with what the primary holds.
func TestResolutionIsInterruptedAtEveryMoment(t *testing.T) {
	interrupted := 0
	for step := range 120 {
		c := split(t, mars.Config{CopyChunk: 8192, Persist: 5 * node.Millisecond}, nil)
		tag := c.submit(1, replica.OpInvalidate, 0, int64(step%2), nil)
		c.pass(node.Time(step) * 500 * node.Microsecond)
		if !c.state(1).UpToDate {
			interrupted++
		}
		id := node.ID(1 + step/2%2)
		c.crash(id, node.Unsynced(step%3))
		if id == 1 {
			c.fill(2, 700, 3, 7000)
		}
		c.up(id)
		c.pass(2 * node.Second)
		if s := c.state(1); s.CutOff { // it had not begun
			if c.answered(tag) && c.wait(tag).Code == node.OK {
				c.fatalf("step %d: it was promised: %+v", step, s)
			}
			c.ok(1, replica.OpInvalidate, 0, 0, nil)
		}
		c.about = fmt.Sprintf("step %d", step)
		c.consistent(1)
		c.level(2)
		c.checkSameVolumes()
		c.checkSameHistory()
	}
	if interrupted < 40 {
		t.Errorf("only %d of 120 were interrupted", interrupted)
	}
}

// While its volume is copied a replica promises nothing, and says so; when copying is switched off,
// it waits.
func TestInconsistentReplicaIsNotForUse(t *testing.T) {
	c := begin(t, setup{hosts: 2, joiners: 1, sectors: 1024, seed: 5})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 100, 1)
	c.role(2, replica.RoleSecondary)
	c.verb(2, replica.OpPauseSync)
	c.ok(1, replica.OpAddMember, 0, 0, address(2))
	c.pass(5 * node.Second)
	s := c.state(2)
	if !s.Inconsistent || s.SyncOn || s.UpToDate || s.ToCopy != 1024 {
		t.Fatalf("%+v", s)
	}
	for _, op := range []node.Op{replica.OpPrimary, replica.OpPrimaryForce} {
		if got := c.refused(2, op); got != "the volume is inconsistent here, its copy is not finished; wait for it" {
			t.Error(got)
		}
	}
	c.crash(2, node.LoseAll)
	c.up(2)
	c.role(2, replica.RoleSecondary)
	c.verb(2, replica.OpResumeSync)
	c.consistent(2)
	c.level(1)
	c.checkSameVolumes()
}

// The primary moves, and is moved by force, while a new member copies. That goes on; but what was
// taken from a branch that has been given up does not stay.
func TestPrimaryMovesDuringACopy(t *testing.T) {
	for seed := range uint64(120) {
		c := begin(t, setup{hosts: 3, joiners: 1, sectors: 256, seed: seed, faulty: true,
			cfg: mars.Config{CopyChunk: 8192, Persist: node.Time(seed%4) * 10 * node.Millisecond,
				Segment: 1 << (10 + seed%4)}})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 200, 1)
		c.level2(1, 2)
		c.ok(1, replica.OpAddMember, 0, 0, address(3))
		c.pass(node.Time(seed) * 200 * node.Microsecond)
		c.states[1].Links = []faults.Link{{To: 2, Cut: true}}
		c.control(1)
		c.states[2].Links = []faults.Link{{To: 1, Cut: true}}
		c.control(2)
		c.fill(1, int64(seed), 20, 1000)
		c.pass(node.Time(seed%7) * 20 * node.Millisecond) // what is lost may be on the source's volume
		if seed%3 == 0 {
			c.crash(1, node.LoseSome)
		}
		c.verb(2, replica.OpPrimaryForce)
		c.fill(2, int64(seed)+10, 20, 2000)
		c.states[1].Links, c.states[2].Links = nil, nil
		c.control(2)
		if c.running[1] {
			c.control(1)
		} else {
			c.up(1)
		}
		c.until("host 1 has heard of it", func() bool { return c.state(1).Primary == 2 })
		c.pass(node.Second)
		if s := c.state(3); s.CutOff { // it had finished before
			c.ok(3, replica.OpInvalidate, 0, 0, nil)
		}
		if s := c.state(1); s.CutOff {
			c.ok(1, replica.OpInvalidate, 0, int64(seed%2), nil)
		}
		c.consistent(3)
		c.consistent(1)
		c.level(2)
		c.checkSameVolumes()
	}
}

// level2 waits until two hosts hold the same.
func (c *cluster) level2(a, b node.ID) {
	c.t.Helper()
	c.until("two are level", func() bool { return c.state(a).End == c.state(b).Applied })
}

// Old segments go as soon as everybody has them on the volume, and not before.
func TestLogIsDeletedWhenNobodyNeedsIt(t *testing.T) {
	c := begin(t, setup{hosts: 3, sectors: 64, seed: 6, faulty: true, cfg: mars.Config{Segment: 4096}})
	c.role(1, replica.RolePrimary)
	c.verb(3, replica.OpPauseReplay)
	for i := range uint64(20) {
		c.fill(1, 0, 64, 1+64*i)
	}
	c.pass(3 * node.Second)
	for _, id := range c.hosts {
		if s := c.state(id); s.LogFrom != 0 {
			t.Fatalf("host %d has deleted its log up to %d, host 3 needs it: %+v", id, s.LogFrom, s)
		}
	}
	c.verb(3, replica.OpResumeReplay)
	c.until("it is deleted everywhere", func() bool {
		for _, id := range c.hosts {
			if s := c.state(id); s.End-s.LogFrom > 8192 {
				return false
			}
		}
		return true
	})
	for _, id := range c.hosts {
		if n := len(c.disks(id).Logs[0]); n > 2 {
			t.Errorf("host %d has %d segments", id, n)
		}
		c.crash(id, node.LoseAll)
	}
	for _, id := range c.hosts {
		c.up(id)
	}
	c.role(1, replica.RolePrimary)
	c.expect(1, 63, 64*20)
	c.level(1)
	c.checkSameVolumes()
	c.checkSameHistory()
}

// A member whose source has no log for it gets it from another one that has.
func TestLogComesFromWhoeverHasIt(t *testing.T) {
	c := begin(t, setup{hosts: 3, sectors: 64, seed: 7, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.states[1].Links = []faults.Link{{To: 3, Cut: true}}
	c.control(1)
	c.fill(1, 0, 10, 100)
	c.until("host 3 has it from host 2", func() bool {
		s := c.state(3)
		return s.Applied == c.state(1).End
	})
	if s := c.state(3); s.Orphan || s.CutOff {
		t.Errorf("%+v", s)
	}
	// A new primary has nothing from before it became a member.
	c.states[1].Links = nil
	c.control(1)
	c.level(1)
	c.cut(3, true)
	c.fill(1, 0, 10, 200)
	c.ok(2, replica.OpInvalidate, 0, 0, nil)
	c.consistent(2)
	c.verb(2, replica.OpPrimary)
	if s := c.state(2); s.LogFrom <= c.state(3).End {
		t.Fatalf("the new primary has everything: %+v", s)
	}
	c.cut(3, false)
	c.level(2)
	c.checkSameVolumes()
}

// A member that is away holds up nobody: when the log's disk is full, or the log longer than it may be, it
// goes without. What it holds stays consistent; to go on it has to begin anew.
func TestDeadMemberDoesNotFillTheLog(t *testing.T) {
	for _, limit := range []int64{0, 64 << 10} {
		s := setup{seed: 8, hosts: 3, sectors: 64, faulty: true, cfg: mars.Config{Segment: 8192, LogLimit: limit}}
		if limit == 0 {
			s.disk.LogBytes = 64 * 64 * 4096 // declared
		} else {
			s.cfg.Segment = 0
		}
		c := begin(t, s)
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 64, 1)
		c.level(1)
		c.crash(3, node.LoseAll)
		for i := range uint64(200) {
			c.fill(1, 0, 64, 1000+64*i)
		}
		c.upToDate(2)
		if n := c.state(1); n.End-n.LogFrom > 2<<20 || n.LogFrom == 0 {
			t.Errorf("the log was not deleted: %+v", n)
		}
		c.up(3)
		c.until("host 3 knows that it was left behind", func() bool { return c.state(3).Orphan })
		if s := c.state(3); s.UpToDate || s.Inconsistent || s.CutOff {
			t.Errorf("%+v", s)
		}
		c.checkImage(3)
		c.ok(3, replica.OpInvalidate, 0, 0, nil)
		c.consistent(3)
		c.level(1)
		c.checkSameVolumes()
	}
}
