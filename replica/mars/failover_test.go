package mars_test

import (
	"encoding/binary"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

func TestFailoverToOneOfTwoCutsOffTheOneWhoHasMore(t *testing.T) {
	c := begin(t, setup{seed: 1, hosts: 3, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.verb(2, replica.OpDisconnect)
	c.fill(1, 0, 4, 101)
	c.upToDate(3)
	c.cut(1, true)
	c.fill(1, 0, 3, 201)
	c.verb(2, replica.OpPrimaryForce)
	c.until("host 3 is told", func() bool { return c.state(3).Lost.Ops > 0 })
	c.pass(100 * node.Millisecond)
	if s := c.state(3); s.Lost.Ops != 4 || s.Lost.Bytes != 4*4096 || !s.SplitBrain || s.UpToDate {
		t.Errorf("host 3: %+v", s)
	}
	c.cut(1, false)
	c.until("host 1 is told", func() bool { return c.state(1).Lost.Ops > 0 })
	c.pass(100 * node.Millisecond)
	if s := c.state(1); s.Lost.Ops != 7 || s.Lost.Bytes != 7*4096 || s.Role != replica.RoleSecondary {
		t.Errorf("host 1: %+v", s)
	}
	if s := c.state(2); !s.SplitBrain || s.Lost != (replica.Loss{}) {
		t.Errorf("host 2: %+v", s)
	}
	c.expect(2, 0, 1)
	// What was found out is found out again after a restart.
	c.crash(1, node.LoseAll)
	c.up(1)
	c.until("host 1 is told again", func() bool { return c.state(1).Lost.Ops == 7 })
	c.crash(2, node.LoseAll)
	c.up(2)
	c.role(2, replica.RolePrimary)
	c.until("host 2 sees both again", func() bool { return c.state(2).SplitBrain })
}

func TestFailoverToTheOneWhoHasMoreTakesTheOtherAlong(t *testing.T) {
	c := begin(t, setup{seed: 2, hosts: 3, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.verb(2, replica.OpDisconnect)
	c.fill(1, 0, 4, 101)
	c.upToDate(3)
	c.crash(1, node.LoseAll)
	c.verb(3, replica.OpPrimaryForce)
	c.verb(2, replica.OpConnect)
	c.upToDate(2)
	c.up(1)
	c.level(3)
	// Nothing was lost, so nobody speaks of a split brain.
	for _, id := range c.hosts {
		if s := c.state(id); s.SplitBrain || s.Lost != (replica.Loss{}) {
			t.Errorf("host %d: %+v", id, s)
		}
	}
	c.checkSameHistory()
	c.checkSameVolumes()
}

func TestLossIsCountedExactly(t *testing.T) {
	for _, lost := range []int{0, 1, 2, 31, 1000} {
		c := begin(t, setup{seed: uint64(lost), faulty: true, cfg: mars.Config{Geometry: wide}})
		c.role(1, replica.RolePrimary)
		c.fill2(1, 3, 7)
		c.level(1)
		c.cut(1, true)
		began := c.sim.Now()
		for i := range lost {
			c.fill2(1, int64(i%10), 1)
			if i == 0 {
				began = c.sim.Now()
			}
		}
		// A large write is one operation, however many records it takes.
		if lost > 0 {
			big := make([]byte, 256*512)
			if o := c.ask(1, node.OpWrite, 0, 256, big); o.Code != node.OK {
				t.Fatal(o.Code)
			}
		}
		took := c.sim.Now() - began
		c.verb(2, replica.OpPrimaryForce)
		c.cut(1, false)
		c.pass(3 * node.Second)
		s := c.state(1)
		want := replica.Loss{Ops: uint64(lost), Bytes: int64(lost) * 512, Age: s.Lost.Age}
		if lost > 0 {
			want.Ops++
			want.Bytes += 256 * 512
		}
		if s.Lost != want || s.SplitBrain != (lost > 0) || c.state(2).SplitBrain != (lost > 0) {
			t.Errorf("%d small writes were lost, but the old primary says %+v", lost, s)
		}
		if s.Lost.Age < 0 || s.Lost.Age > took+node.Millisecond || lost > 1 && s.Lost.Age < took/2 {
			t.Errorf("the lost writes span %v, expected about %v", s.Lost.Age, took)
		}
	}
}

// fill2 writes one sector n times, one after another.
func (c *cluster) fill2(id node.ID, sector int64, n int) {
	c.t.Helper()
	data := make([]byte, c.cfg.Geometry.Carry)
	for i := range n {
		data[0] = byte(i)
		if o := c.ask(id, node.OpWrite, sector, 1, data); o.Code != node.OK {
			c.fatalf("write: %v", o.Code)
		}
	}
}

// What the old primary had in its log when it was told may become durable only later.
func TestLossIncludesWhatWasStillBeingLogged(t *testing.T) {
	for seed := range uint64(20) {
		c := begin(t, setup{seed: seed, faulty: true})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 10, 1)
		c.level(1)
		c.cut(1, true)
		fork := c.state(2).End
		c.verb(2, replica.OpPrimaryForce)
		c.cut(1, false)
		for i := int64(0); c.state(1).Role == replica.RolePrimary; i++ {
			c.submit(1, node.OpWrite, i%64, 1, stamp(100))
			c.pass(20 * node.Microsecond)
		}
		c.until("host 1 is told", func() bool { return c.state(1).SplitBrain })
		c.pass(node.Second)
		beyond := uint64(0)
		records, _, _ := mars.ScanLog(c.dump(1).Logs[0])
		for _, r := range records {
			if r.Pos >= fork {
				beyond++
			}
		}
		if s := c.state(1); s.Lost.Ops != beyond || beyond == 0 {
			c.fatalf("%d records are beyond the fork, but it counts %+v", beyond, s.Lost)
		}
	}
}

func TestBothSidesOfASplitBrainReportIt(t *testing.T) {
	for seed := range uint64(20) {
		c := begin(t, setup{seed: seed, hosts: 2, faulty: true})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 10, 1)
		c.level(1)
		c.cut(1, true)
		c.verb(2, replica.OpPrimaryForce)
		// For a while both serve, each its own users.
		c.fill(1, 0, 5, 101)
		c.fill(2, 5, 5, 201)
		if seed%2 == 0 {
			c.crash(1, node.LoseSome)
			c.up(1)
			c.pass(2 * node.Second)
			c.fill(1, 0, 2, 301)
		}
		if seed%3 == 0 {
			c.crash(2, node.LoseSome)
			c.up(2)
			c.pass(2 * node.Second)
		}
		if n := len(c.primaries()); n != 2 {
			c.fatalf("%d primaries on two sides of a cut", n)
		}
		c.cut(1, false)
		c.until("one gives in", func() bool { return len(c.primaries()) == 1 })
		c.until("both report it", func() bool {
			return c.state(1).SplitBrain && c.state(2).SplitBrain
		})
		winner, loser := c.primaries()[0], node.ID(3)-c.primaries()[0]
		c.until("the loss is counted", func() bool { return c.state(loser).Lost.Ops > 0 })
		c.pass(100 * node.Millisecond)
		want := uint64(5)
		if loser == 1 && seed%2 == 0 {
			want = 7
		}
		if s := c.state(loser); s.Lost.Ops != want {
			c.fatalf("host %d lost %+v, expected %d writes", loser, s.Lost, want)
		}
		first := uint64(1)
		if winner == 1 {
			first = 301
			if seed%2 == 1 {
				first = 101
			}
		}
		c.expect(winner, 0, first)
		// The branches are never mixed: the loser holds its own, and its own log alone.
		c.checkImage(loser)
		if got := binary.LittleEndian.Uint64(c.volume(loser)[0:]); got == first && winner == 2 {
			c.fatalf("the loser's volume holds the winner's branch")
		}
	}
}

func TestFailoverWithoutLossIsNoSplitBrain(t *testing.T) {
	for seed := range uint64(30) {
		c := begin(t, setup{seed: seed, hosts: 3, faulty: true})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 10, 1)
		c.level(1)
		alive := seed%2 == 0
		if alive {
			c.cut(1, true) // it lives on, but nobody writes
		} else {
			c.crash(1, node.LoseSome)
		}
		c.verb(2, replica.OpPrimaryForce)
		c.fill(2, 0, 5, 101)
		if alive {
			c.cut(1, false)
		} else {
			c.up(1)
		}
		c.level(2)
		c.pass(node.Second)
		for _, id := range c.hosts {
			if s := c.state(id); s.SplitBrain || s.Lost != (replica.Loss{}) {
				c.fatalf("host %d: %+v", id, s)
			}
		}
		c.checkSameHistory()
		c.checkSameVolumes()
	}
}

// A message that was on its way while a host restarted says nothing about the present. The
// restarted primary must not take it for an answer, and promote itself.
func TestLateMessageIsNoAnswerToARestartedPrimary(t *testing.T) {
	c := begin(t, setup{seed: 4, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	// The way from host 2 to host 1 becomes long, the other one does not.
	c.states[2].Links = []faults.Link{{To: 1, Delay: 150 * node.Millisecond}}
	c.control(2)
	c.pass(120 * node.Millisecond)
	c.write(1, 0, 11) // its acknowledgement by host 2 travels for a while
	c.pass(80 * node.Millisecond)
	c.crash(1, node.LoseAll)
	c.verb(2, replica.OpPrimaryForce)
	c.up(1)
	c.pass(node.Second)
	if s := c.state(1); s.Role != replica.RoleSecondary || s.SplitBrain {
		t.Fatalf("the old primary: %+v", s)
	}
	_, segs, _ := mars.ScanLog(c.dump(1).Logs[0])
	for _, s := range segs {
		if s.Reason == mars.Recovery {
			t.Fatalf("it promoted itself: %+v", segs)
		}
	}
	c.level(2)
}

// A failover that is not carried out changes nothing, the fetch switch included.
func TestFailedFailoverLeavesTheFetchSwitchAlone(t *testing.T) {
	c := begin(t, setup{seed: 5, hosts: 3, faulty: true})
	c.role(1, replica.RolePrimary)
	c.level(1)
	// Host 2 cannot make its log durable, so it cannot take over yet.
	c.disk(2, faults.Disk{Full: true})
	c.fill(1, 0, 10, 1)
	c.until("host 2 has received it", func() bool { return c.state(2).EndSeq == 10 })
	tag := c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
	c.pass(10 * node.Millisecond)
	c.verb(3, replica.OpPrimary)
	o := c.wait(tag)
	if o.Code != node.Refused || string(o.Data) != "another replica has become primary" {
		t.Fatalf("primary --force: %v %s", o.Code, o.Data)
	}
	if s := c.state(2); !s.FetchOn {
		t.Fatalf("the verb was refused, but fetching is off: %+v", s)
	}
	c.disk(2, faults.Disk{})
	c.level(3)
	c.checkSameHistory()
}

// While a failover waits, nothing more is fetched: it would be of the lost branch.
func TestFailoverTakesWhatItHasAndNoMore(t *testing.T) {
	c := begin(t, setup{seed: 6, faulty: true})
	c.role(1, replica.RolePrimary)
	c.level(1)
	c.disk(2, faults.Disk{Slow: 100})
	c.fill(1, 0, 10, 1)
	c.until("host 2 has received it", func() bool { return c.state(2).EndSeq == 10 })
	tag := c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
	c.pass(node.Millisecond)
	c.fill(1, 0, 10, 101)
	c.wait(tag)
	c.disk(2, faults.Disk{})
	c.expect(2, 0, 1)
	c.until("the loss is counted", func() bool { return c.state(1).Lost.Ops == 10 })
}

// What was fetched and not replayed yet is replayed before anybody is served.
func TestForcedPrimaryServesAllThatItHadFetched(t *testing.T) {
	c := begin(t, setup{seed: 7, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.verb(2, replica.OpPauseReplay)
	for i := range uint64(300) { // many windows of replay
		c.fill(1, 0, 30, 30*i)
	}
	c.until("it is fetched", func() bool { return c.state(2).DurableSeq == 9010 })
	c.crash(1, node.LoseAll)
	c.disk(2, faults.Disk{Slow: 20})
	c.verb(2, replica.OpResumeReplay)
	c.verb(2, replica.OpPrimaryForce)
	for i := range int64(30) {
		c.expect(2, i, uint64(8970+i))
	}
}
