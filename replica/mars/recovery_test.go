package mars_test

import (
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

func TestWhatAnAcknowledgementSurvives(t *testing.T) {
	for _, story := range []struct {
		ack    mars.Ack
		mode   node.Unsynced
		may    bool // an acknowledged write may be lost
		seldom string
	}{
		{mars.AckDurable, node.LoseAll, false, ""},
		{mars.AckDurable, node.LoseSome, false, ""},
		{mars.AckLogged, node.LoseAll, true, "a power failure took nothing back"},
		{mars.AckLogged, node.Keep, false, ""},
		{mars.AckSubmitted, node.LoseAll, true, "a power failure took nothing back"},
		{mars.AckSubmitted, node.Keep, true, "the crash of a process took nothing back"},
	} {
		lost := 0
		for seed := range uint64(10) {
			c := begin(t, setup{seed: seed, sectors: 64, cfg: mars.Config{Ack: story.ack}})
			c.role(1, replica.RolePrimary)
			c.fill(1, 0, 10, 1)
			if o := c.ask(1, node.OpSync, 0, 0, nil); o.Code != node.OK {
				t.Fatal(o.Code)
			}
			c.fill(1, 0, 20, 101)
			c.crash(1, story.mode)
			c.up(1)
			c.role(1, replica.RolePrimary)
			for i := range int64(20) {
				got, old := c.read(1, i), uint64(0)
				if i < 10 {
					old = uint64(i + 1)
				}
				switch got {
				case uint64(101 + i):
				case old:
					lost++
				default:
					t.Fatalf("%v, %v, seed %d: sector %d holds #%d: not even what was flushed",
						story.ack, story.mode, seed, i, got)
				}
			}
		}
		if lost > 0 && !story.may {
			t.Errorf("ack %v, crash %v: %d acknowledged writes were lost", story.ack, story.mode, lost)
		}
		if lost == 0 && story.may {
			t.Errorf("ack %v, crash %v: %s", story.ack, story.mode, story.seldom)
		}
	}
}

func TestSecondaryCrashesInTheMiddleOfReplay(t *testing.T) {
	inside := 0
	for seed := range uint64(60) {
		c := begin(t, setup{seed: seed, hosts: 2, sectors: 32, faulty: true,
			cfg: mars.Config{Tick: 2 * node.Millisecond}})
		c.role(1, replica.RolePrimary)
		c.disk(2, faults.Disk{Slow: 10})
		for v := range 60 + 11*seed {
			c.submit(1, node.OpWrite, int64(v*7%30), 2, stamps(v+1, 2))
			c.pass(100 * node.Microsecond)
		}
		if s := c.state(2); s.Synced < s.Durable {
			inside++
		}
		c.crash(2, node.LoseSome)
		c.checkImage(2)
		c.up(2)
		c.until("the restarted one stands", func() bool {
			return c.state(2).Role == replica.RoleSecondary
		})
		c.level(1)
		c.checkImage(2)
		c.checkSameVolumes()
		c.checkSameHistory()
	}
	if inside < 30 {
		t.Errorf("only %d of 60 crashes hit a replay under way", inside)
	}
}

func TestPrimaryCrashesDuringWriteback(t *testing.T) {
	for seed := range uint64(60) {
		c := begin(t, setup{seed: seed, hosts: 2, sectors: 32, faulty: true,
			cfg: mars.Config{Tick: 2 * node.Millisecond, Buffer: 4 << 10}})
		c.role(1, replica.RolePrimary)
		l := newLedger()
		var tags []node.Tag
		for v := range uint64(32) {
			tags = append(tags, c.submit(1, node.OpWrite, int64(v), 1, stamp(v+1)))
		}
		c.pass(node.Time(100+seed*50) * node.Microsecond)
		c.crash(1, node.LoseSome)
		for i, tag := range tags {
			code := node.Unknown
			if c.answered(tag) {
				code = c.wait(tag).Code
			}
			l.wrote(int64(i), uint64(i+1), code) // each sector is written once
		}
		c.checkImage(1)
		c.up(1)
		c.role(1, replica.RolePrimary)
		c.audit(1, l, 32)
		c.level(1)
		c.checkSameVolumes()
		c.checkSameHistory()
	}
}

// A crash during the crash recovery, again and again, changes nothing.
func TestRecoveryIsInterruptedAtEveryEvent(t *testing.T) {
	var times []node.Time
	run := func(at node.Time, mode node.Unsynced, record bool) {
		trace := func(now node.Time, to node.Addr, _ *node.Event) {
			if record && to.Host == 1 {
				times = append(times, now)
			}
		}
		c := begin(t, setup{seed: 5, sectors: 32, cfg: mars.Config{Guard: 20 * node.Millisecond},
			trace: trace})
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 32, 1)
		c.fill(1, 0, 32, 101)
		for i := range 5 {
			c.submit(1, node.OpWrite, int64(i), 1, stamp(uint64(201+i)))
		}
		c.pass(150 * node.Microsecond) // the last five are in the middle of being logged
		c.crash(1, node.LoseSome)
		down := c.sim.Now()
		times = times[:0:0]
		c.boot(1)
		if record {
			c.role(1, replica.RolePrimary)
			for i := range times {
				times[i] -= down
			}
			record = false
			return
		}
		c.at(down + at)
		if c.running[1] {
			c.crash(1, mode)
			c.up(1)
		}
		c.role(1, replica.RolePrimary)
		for i := range int64(32) {
			got := c.read(1, i)
			if got != uint64(101+i) && (i >= 5 || got != uint64(201+i)) {
				t.Fatalf("crash %v into recovery: sector %d holds #%d", at, i, got)
			}
		}
		c.level(1)
		c.checkSameHistory()
		c.checkSameVolumes()
	}
	run(0, node.Keep, true)
	if len(times) < 10 {
		t.Fatalf("a recovery of %d events", len(times))
	}
	for _, at := range times {
		for _, mode := range []node.Unsynced{node.Keep, node.LoseAll, node.LoseSome} {
			run(at, mode, false)
		}
	}
}

func TestWritersWaitWhileTheLogIsFull(t *testing.T) {
	c := begin(t, setup{seed: 6, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.disk(1, faults.Disk{Full: true})
	var tags []node.Tag
	for i := range 10 {
		tags = append(tags, c.submit(1, node.OpWrite, int64(i), 1, stamp(uint64(101+i))))
	}
	c.pass(2 * node.Second)
	for _, tag := range tags {
		if c.answered(tag) {
			t.Fatalf("a write was answered with %v while the log is full", c.wait(tag).Code)
		}
	}
	if s := c.state(1); s.Role != replica.RolePrimary || s.DurableSeq != 10 {
		t.Fatalf("while the log is full: %+v", s)
	}
	c.disk(1, faults.Disk{})
	for _, tag := range tags {
		if o := c.wait(tag); o.Code != node.OK {
			t.Fatalf("a write ended with %v", o.Code)
		}
	}
	c.level(1)
	c.checkSameHistory()
	// A full disk at the secondary stops the secondary alone.
	c.disk(2, faults.Disk{Full: true})
	c.fill(1, 0, 10, 201)
	c.pass(node.Second)
	if s := c.state(2); s.DurableSeq != 20 {
		t.Fatalf("the secondary's log has %d records", s.DurableSeq)
	}
	c.disk(2, faults.Disk{})
	c.level(1)
	c.checkSameHistory()
}

func TestPrimaryComesUpOnAFullDiskOnceThereIsRoom(t *testing.T) {
	c := begin(t, setup{seed: 7, faulty: true, cfg: mars.Config{Guard: node.Second}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.crash(1, node.LoseAll)
	c.cut(2, true) // or it would promote before it can be told that its disk is full
	c.up(1)
	c.disk(1, faults.Disk{Full: true})
	c.pass(3 * node.Second)
	if s := c.state(1); s.Role != replica.RoleRecovering {
		t.Fatalf("it became %v without a new segment", s.Role)
	}
	c.disk(1, faults.Disk{})
	c.cut(2, false)
	c.role(1, replica.RolePrimary)
	c.expect(1, 3, 4)
	c.level(1)
	_, segs, err := mars.ScanLog(c.dump(1).Logs[0])
	if err != nil || len(segs) != 2 || segs[1].Reason != mars.Recovery {
		t.Fatalf("lineage %v, error %v", segs, err)
	}
}

func TestSlowDiskDelaysAndLosesNothing(t *testing.T) {
	c := begin(t, setup{seed: 8, faulty: true})
	c.role(1, replica.RolePrimary)
	c.disk(1, faults.Disk{Slow: 10})
	began := c.sim.Now()
	c.fill(1, 0, 50, 1)
	if took := c.sim.Now() - began; took < 5*node.Millisecond {
		t.Errorf("writes on a slow disk took %v", took)
	}
	c.disk(1, faults.Disk{})
	c.level(1)
	c.checkSameVolumes()
}
