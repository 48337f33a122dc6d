package mars_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// emergency waits until a primary does without its log, or with it again.
func (c *cluster) emergency(id node.ID, want bool) {
	c.t.Helper()
	c.until(fmt.Sprintf("emergency of host %d is %v", id, want), func() bool {
		return c.state(id).Emergency == want
	})
}

// A secondary is away, and the log of the primary gets no more room: users are served on, and what they
// have written is there after the secondary has copied it.
func TestPrimaryGoesOnWithoutALogThatIsFull(t *testing.T) {
	c := begin(t, setup{seed: 1, faulty: true, cfg: mars.Config{Emergency: true}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.cut(2, true)
	c.disk(1, faults.Disk{Full: true})
	first := c.submit(1, node.OpWrite, 3, 1, stamp(100))
	c.emergency(1, true)
	if o := c.wait(first); o.Code != node.OK {
		t.Fatalf("the write that found no room ended with %v", o.Code)
	}
	c.fill(1, 4, 100, 200)
	c.ok(1, node.OpZero, 50, 2, nil)
	c.ok(1, node.OpSync, 0, 0, nil)
	c.expect(1, 3, 100)
	c.expect(1, 4, 200)
	c.expect(1, 50, 0)
	if why := c.refused(1, replica.OpResize); why == "" {
		t.Error("a volume was resized in an emergency")
	}
	c.pass(5 * node.Second)
	if s := c.state(1); !s.Emergency || s.Role != replica.RolePrimary || s.Durable != s.End {
		t.Fatalf("%+v", s)
	}
	if files := c.disks(1).Logs[0]; len(files) != 0 {
		t.Errorf("%d segments take room that nobody has a use for", len(files))
	}
	c.disk(1, faults.Disk{})
	c.emergency(1, false)
	c.fill(1, 4, 3, 400)
	if s := c.state(2); s.Applied != s.End || s.Inconsistent {
		t.Errorf("the secondary was touched: %+v", s)
	}
	c.cut(2, false)
	c.until("host 2 is an orphan", func() bool { return c.state(2).Orphan })
	c.verb(2, replica.OpInvalidate)
	c.level(1)
	c.checkSameVolumes()
	c.checkImage(1)
	c.checkImage(2)
	c.verb(2, replica.OpPrimary)
	c.expect(2, 3, 100)
	c.expect(2, 5, 401)
	c.expect(2, 103, 299)
	c.expect(2, 51, 0)
}

// A member that takes what comes is served from memory, and has all of the log in the end.
func TestMemberThatKeepsUpIsNotLeftBehind(t *testing.T) {
	c := begin(t, setup{seed: 2, hosts: 3, faulty: true, cfg: mars.Config{Emergency: true}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.disk(1, faults.Disk{Full: true})
	c.submit(1, node.OpWrite, 0, 1, stamp(99))
	c.emergency(1, true)
	c.fill(1, 4, 100, 200)
	c.pass(3 * node.Second)
	c.level(1)
	c.verb(2, replica.OpPrimary) // also while it lasts
	c.fill(2, 4, 10, 500)
	c.disk(1, faults.Disk{})
	c.until("host 1 follows", func() bool { s := c.state(1); return s.UpToDate || s.Orphan })
	c.startAgain()
	c.level(2)
	c.checkSameVolumes()
}

// With a promise to have writes elsewhere before they are acknowledged, writers wait.
func TestPromisesToOthersKnowNoEmergency(t *testing.T) {
	c := begin(t, setup{seed: 3, faulty: true, cfg: mars.Config{Emergency: true, Ack: mars.AckRemote}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.disk(1, faults.Disk{Full: true})
	tag := c.submit(1, node.OpWrite, 0, 1, stamp(99))
	c.pass(5 * node.Second)
	if s := c.state(1); s.Emergency || c.answered(tag) {
		t.Fatalf("%+v", s)
	}
	c.disk(1, faults.Disk{})
	if o := c.wait(tag); o.Code != node.OK {
		t.Fatal(o.Code)
	}
	c.level(1)
}

// A primary loses power at any moment of an emergency, from before its beginning to after its end: what
// was acknowledged is there, with the disk still full, and with room again.
func TestCrashAtEachMomentOfAnEmergency(t *testing.T) {
	var times []node.Time
	run := func(at node.Time, mode node.Unsynced, full, note bool) {
		trace := func(now node.Time, to node.Addr, _ *node.Event) {
			if note && to.Host == 1 && now > 100*node.Millisecond {
				times = append(times, now)
			}
		}
		c := begin(t, setup{seed: 4, faulty: true, trace: trace, cfg: mars.Config{Emergency: true,
			Tick: 20 * node.Millisecond}})
		c.about = fmt.Sprintf("crash %v at %v, full %v", mode, at, full)
		c.role(1, replica.RolePrimary)
		l := newLoad(c)
		l.burst(1, 8)
		c.cut(2, true)
		c.disk(1, faults.Disk{Full: true})
		mended := false
		for c.sim.Now() < at && !(note && mended && !c.state(1).Emergency) {
			if s := c.sim.Now(); s > 300*node.Millisecond && !mended {
				c.disk(1, faults.Disk{})
				mended = true
			}
			l.settle(0)
			l.burst(1, 8)
			c.at(min(at, c.sim.Now()+7*node.Millisecond))
		}
		if note {
			return
		}
		c.crash(1, mode)
		l.settle(1)
		c.up(1)
		if full {
			c.disk(1, faults.Disk{Full: true})
		}
		c.cut(2, false)
		c.role(1, replica.RolePrimary)
		c.audit(1, l.ledger, 8)
		l.burst(1, 8)
		c.pass(2 * node.Second)
		c.disk(1, faults.Disk{})
		c.emergency(1, false)
		l.end()
		c.startAgain()
		c.level(1)
		c.audit(1, l.ledger, 8)
		c.checkSameVolumes()
	}
	run(20*node.Second, node.Keep, false, true)
	if len(times) < 100 {
		t.Fatalf("an emergency of %d events", len(times))
	}
	step := 1 + len(times)/150
	for i := 0; i < len(times); i += step {
		run(times[i], []node.Unsynced{node.Keep, node.LoseAll, node.LoseSome}[i/step%3], i/step%2 == 0, false)
	}
}

// A primary in an emergency is deposed by force: what it has beyond the new branch is not in any log. It
// says that it was cut off or left behind, and begins anew when it is told to.
func TestPrimaryInAnEmergencyIsDeposed(t *testing.T) {
	c := begin(t, setup{seed: 5, faulty: true, cfg: mars.Config{Emergency: true}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.cut(2, true)
	c.disk(1, faults.Disk{Full: true})
	c.submit(1, node.OpWrite, 0, 1, stamp(99))
	c.emergency(1, true)
	c.fill(1, 0, 20, 100)
	c.verb(2, replica.OpDisconnect)
	c.verb(2, replica.OpPrimaryForce)
	c.role(2, replica.RolePrimary)
	c.fill(2, 0, 5, 300)
	c.cut(2, false)
	c.until("host 1 knows", func() bool {
		s := c.state(1)
		return s.Role == replica.RoleSecondary && (s.CutOff || s.Orphan)
	})
	c.disk(1, faults.Disk{})
	c.verb(1, replica.OpInvalidate)
	c.level(2)
	c.checkSameVolumes()
	c.verb(1, replica.OpPrimary)
	c.expect(1, 0, 300)
	c.expect(1, 9, 10)
}

// Logs of all hosts run full and get room again, hosts crash, lose messages and hand over: nothing that
// was acknowledged is lost.
func TestRandomEmergenciesLoseNothing(t *testing.T) {
	runs := uint64(2000)
	if testing.Short() {
		runs = 100
	}
	acked, seen := 0, 0
	for seed := range runs {
		w := &walk{told: make(map[node.Tag]bool), random: node.NewStream(seed, "emergency"), loose: true}
		w.cluster = begin(t, setup{seed: seed, hosts: 2 + int(seed%2), sectors: 16, faulty: true,
			disk: sim.Disk{}, cfg: mars.Config{Emergency: true, Guard: 100 * node.Millisecond,
				HandoverTimeout: node.Second, Tick: node.Time(5+seed%16) * node.Millisecond,
				Segment: 300 << (seed % 6), CopyChunk: 4096 << (seed % 5)}})
		w.about = fmt.Sprintf("seed %d", seed)
		w.role(1, replica.RolePrimary)
		w.load = newLoad(w.cluster)
		for range 16 {
			if p := w.primary(); p != 0 && w.random.Chance(0.4) {
				w.disk(p, faults.Disk{Full: w.random.Chance(0.6)})
				w.pass(node.Time(w.random.Below(400)) * node.Millisecond)
				if w.state(p).Emergency {
					seen++
				}
			}
			w.step()
		}
		p := w.finish()
		w.load.end()
		w.answers()
		w.audit(p, w.load.ledger, 16)
		w.checkSameVolumes()
		acked += w.load.acked
	}
	if seen < int(runs)/4 || acked < 5*int(runs) {
		t.Errorf("%d runs with %d emergencies and %d writes", runs, seen, acked)
	}
}

// A crash in an emergency leaves on the volume what no log has. Who was level with it must not go on from its log, or
// the two would differ for ever: it compares everything, and what readers of the primary have seen stays.
func TestWhatACrashInAnEmergencyLeavesComesToAll(t *testing.T) {
	for seed := range uint64(30) {
		c := begin(t, setup{seed: 40 + seed, faulty: true, cfg: mars.Config{Emergency: true}})
		c.about = fmt.Sprintf("seed %d", 40+seed)
		c.role(1, replica.RolePrimary)
		c.fill(1, 0, 10, 1)
		c.disk(1, faults.Disk{Full: true})
		c.submit(1, node.OpWrite, 0, 1, stamp(99))
		c.emergency(1, true)
		c.fill(1, 4, 8, 200)
		c.level(1)
		for i := range int64(16) {
			c.submit(1, node.OpWrite, 20+i, 1, stamp(300+uint64(i)))
		}
		left := func() (n int) {
			v := c.disks(1).Volumes[0]
			for i := range 16 {
				if bytes.Equal(v[(20+i)*8:(21+i)*8], stamp(300+uint64(i))) {
					n++
				}
			}
			return n
		}
		for left() == 0 {
			c.pass(10 * node.Microsecond)
		}
		c.pass(node.Time(seed) * 10 * node.Microsecond) // more of them, and the sync after them
		c.crash(1, node.Keep)
		if left() == 0 {
			t.Fatal("the crash has left nothing")
		}
		c.up(1)
		c.role(1, replica.RolePrimary)
		c.disk(1, faults.Disk{})
		c.level(1)
		c.consistent(2)
		c.checkSameVolumes()
		seen := make([][]byte, 16)
		for i := range int64(16) {
			seen[i] = c.ok(1, node.OpRead, 20+i, 1, nil).Data
		}
		c.verb(2, replica.OpPrimary)
		for i := range int64(16) {
			if now := c.ok(2, node.OpRead, 20+i, 1, nil).Data; !bytes.Equal(now, seen[i]) {
				t.Errorf("seed %d, sector %d: %x was read before the handover, %x after it", 40+seed, 20+i, seen[i], now)
			}
		}
	}
}
