package mars_test

import (
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// load keeps a few writes under way at whoever is primary, and keeps the books.
type load struct {
	c      *cluster
	ledger *ledger
	open   []pendingWrite // in the order of asking
	value  uint64
	acked  int
}

type pendingWrite struct {
	tag    node.Tag
	host   node.ID
	sector int64
	value  uint64
}

func newLoad(c *cluster) *load { return &load{c: c, ledger: newLedger()} }

// burst submits a write to each of n sectors but those to which one is under way.
func (l *load) burst(id node.ID, n int64) {
	busy := make(map[int64]bool)
	for _, w := range l.open {
		busy[w.sector] = true
	}
	for s := range n {
		if !busy[s] {
			l.value++
			tag := l.c.submit(id, node.OpWrite, s, 1, stamp(l.value))
			l.open = append(l.open, pendingWrite{tag, id, s, l.value})
			l.ledger.began(s, l.value)
		}
	}
}

// settle takes the answers. Those of a host that has just crashed never come.
func (l *load) settle(crashed node.ID) {
	kept := l.open[:0]
	for _, w := range l.open {
		switch {
		case l.c.answered(w.tag):
			code := l.c.wait(w.tag).Code
			if code == node.OK {
				l.acked++
			}
			l.ledger.wrote(w.sector, w.value, code)
		case w.host == crashed:
			l.ledger.wrote(w.sector, w.value, node.Unknown)
		default:
			kept = append(kept, w)
		}
	}
	l.open = kept
}

// end is settle when everything has come to rest: a host that lives owes an answer.
func (l *load) end() {
	l.c.t.Helper()
	l.settle(0)
	for _, w := range l.open {
		l.c.fatalf("write #%d on host %d was never answered", w.value, w.host)
	}
}

// finish brings a group to rest, whatever it has been through: all hosts up, links mended. If the
// old primary has closed and nobody has taken over, it is asked to open again.
func (c *cluster) finish() node.ID {
	c.t.Helper()
	for _, id := range c.hosts {
		c.states[id].Links, c.states[id].Disk = nil, faults.Disk{}
		c.control(id)
		if !c.running[id] {
			c.up(id)
		}
	}
	c.pass(2 * node.Second)
	for _, id := range c.hosts {
		for _, op := range []node.Op{replica.OpConnect, replica.OpResumeReplay, replica.OpResumeSync} {
			c.until("host takes verbs", func() bool { return c.state(id).Role != replica.RoleBooting })
			c.verb(id, op)
		}
	}
	c.pass(node.Second)
	if len(c.primaries()) == 0 {
		for _, id := range c.hosts {
			if c.state(id).Role == replica.RoleClosed {
				c.verb(id, replica.OpPrimary)
				break
			}
		}
	}
	c.until("there is exactly one primary", func() bool { return len(c.primaries()) == 1 })
	p := c.primaries()[0]
	for _, id := range c.hosts {
		if s := c.state(id); s.SplitBrain {
			c.fatalf("host %d reports a split brain: %+v", id, s)
		}
	}
	c.startAgain() // a full disk may have left somebody behind
	c.level(p)
	return p
}

// verify is what must hold when a group has come to rest.
func (c *cluster) verify(p node.ID, l *ledger, sectors int64) {
	c.t.Helper()
	c.audit(p, l, sectors)
	c.level(p)
	c.checkSameHistory()
	c.checkSameVolumes()
	for _, id := range c.hosts {
		c.checkImage(id)
		if s := c.state(id); s.SplitBrain || s.Lost != (replica.Loss{}) {
			c.fatalf("host %d reports a split brain that did not happen: %+v", id, s)
		}
	}
}

func TestHandoverUnderLoad(t *testing.T) {
	for seed := range uint64(40) {
		c := begin(t, setup{seed: seed, hosts: 3, sectors: 32})
		c.role(1, replica.RolePrimary)
		l := newLoad(c)
		primary := node.ID(1)
		for turn := range 6 {
			l.burst(primary, 16)
			c.pass(node.Time(seed*37%900) * node.Microsecond)
			next := node.ID((int(primary)+turn)%3 + 1)
			tag := c.submit(next, replica.OpPrimary, 0, 0, nil)
			if o := c.wait(tag); o.Code != node.OK {
				c.fatalf("primary on host %d: %v %s", next, o.Code, o.Data)
			}
			c.pass(5 * node.Millisecond)
			l.settle(0)
			primary = next
		}
		l.end()
		if l.acked == 0 {
			c.fatalf("no write was ever acknowledged")
		}
		c.verify(primary, l.ledger, 16)
	}
}

func TestHandoverOverBadLinks(t *testing.T) {
	for seed := range uint64(30) {
		c := begin(t, setup{seed: seed, hosts: 3, sectors: 32, faulty: true})
		c.links(faults.Link{Loss: 0.3, Duplicate: 0.3, Reorder: 0.3, Delay: node.Millisecond})
		c.role(1, replica.RolePrimary)
		l := newLoad(c)
		primary := node.ID(1)
		for range 3 {
			l.burst(primary, 8)
			next := primary%3 + 1
			o := c.ask(next, replica.OpPrimary, 0, 0, nil)
			if o.Code == node.OK {
				primary = next
			} else if o.Code != node.Refused && o.Code != node.TimedOut {
				c.fatalf("primary on host %d: %v", next, o.Code)
			}
			l.settle(0)
		}
		p := c.finish()
		l.end()
		c.verify(p, l.ledger, 8)
	}
}

// sweeps says who crashes.
var sweeps = []struct {
	name   string
	victim node.ID
	hosts  int
}{
	{"the old primary crashes", 1, 2},
	{"the new primary crashes", 2, 2},
	{"the old of three crashes", 1, 3},
	{"the new of three crashes", 2, 3},
	{"the third one crashes", 3, 3},
}

// Whatever event of a handover a crash comes after: acknowledged writes stay, and in the end
// there is one primary, or a verb that says that there is none.
func TestHandoverIsInterruptedAtEveryEvent(t *testing.T) {
	for _, sweep := range sweeps {
		t.Run(sweep.name, func(t *testing.T) {
			for seed := range uint64(5) {
				times := handover(t, sweep.victim, sweep.hosts, seed, -1, node.Keep)
				if len(times) < 30 {
					t.Fatalf("a handover of %d events", len(times))
				}
				for i, at := range times {
					if i > 0 && at == times[i-1] {
						continue
					}
					for _, mode := range []node.Unsynced{node.LoseAll, node.LoseSome} {
						handover(t, sweep.victim, sweep.hosts, seed, at, mode)
					}
				}
			}
		})
	}
}

// handover plays one handover from host 1 to host 2 under load, with a crash of the victim at
// the given time after it was asked for, and returns when its events were.
func handover(t *testing.T, victim node.ID, hosts int, seed uint64, at node.Time,
	mode node.Unsynced) []node.Time {
	t.Helper()
	var times []node.Time
	recording := false
	c := begin(t, setup{seed: seed, hosts: hosts, sectors: 16,
		cfg: mars.Config{Guard: 100 * node.Millisecond, HandoverTimeout: 2 * node.Second},
		trace: func(now node.Time, _ node.Addr, _ *node.Event) {
			if recording {
				times = append(times, now)
			}
		}})
	c.role(1, replica.RolePrimary)
	l := newLoad(c)
	l.burst(1, 8)
	c.pass(200 * node.Microsecond)
	asked := c.sim.Now()
	recording = true
	tag := c.submit(2, replica.OpPrimary, 0, 0, nil)
	if at < 0 {
		if o := c.wait(tag); o.Code != node.OK {
			c.fatalf("primary: %v", o.Code)
		}
		c.pass(2 * node.Millisecond)
		for i := range times {
			times[i] -= asked
		}
		return times
	}
	c.at(asked + at)
	c.crash(victim, mode)
	l.settle(victim)
	c.pass(50 * node.Millisecond)
	c.up(victim)
	c.pass(3 * node.Second)
	c.about = c.about + ", crash of host " + string('0'+rune(victim)) + " after " + at.String()
	if c.answered(tag) {
		o := c.wait(tag)
		if o.Code != node.OK && o.Code != node.Refused && o.Code != node.TimedOut {
			c.fatalf("primary: %v %s", o.Code, o.Data)
		}
	} else if victim != 2 {
		c.fatalf("primary was never answered")
	}
	if n := len(c.primaries()); n > 1 {
		c.fatalf("%d primaries", n)
	}
	p := c.finish()
	l.end()
	c.verify(p, l.ledger, 8)
	if code := c.write(p, 0, 1<<40); code != node.OK {
		c.fatalf("write in the end: %v", code)
	}
	return nil
}

func TestClosedPrimaryTakesItsOfferBack(t *testing.T) {
	c := closed(t, mars.Config{HandoverTimeout: node.Second})
	if s := c.state(1); s.Primary != 0 || s.Role != replica.RoleClosed {
		t.Fatalf("a closed primary says %+v", s)
	}
	if code := c.write(1, 0, 1); code != node.NotPrimary {
		t.Fatalf("a closed primary took a write: %v", code)
	}
	// The one to whom it was offered is cut off: it might be primary already.
	if o := c.ask(1, replica.OpPrimary, 0, 0, nil); o.Code != node.TimedOut {
		t.Fatalf("without an answer from host 2: %v %s", o.Code, o.Data)
	}
	// One that it was not offered to cannot have it.
	if o := c.ask(3, replica.OpPrimary, 0, 0, nil); o.Code != node.TimedOut {
		t.Fatalf("on host 3: %v %s", o.Code, o.Data)
	}
	c.cut(2, false)
	c.verb(1, replica.OpPrimary)
	for i := range int64(10) {
		c.expect(1, i, uint64(i+1))
	}
	c.level(1)
	c.checkSameHistory()
}

func TestForceOpensAClosedPrimary(t *testing.T) {
	c := closed(t, mars.Config{HandoverTimeout: node.Second})
	c.verb(1, replica.OpPrimaryForce)
	c.expect(1, 9, 10)
	c.cut(2, false)
	c.level(1)
	c.checkSameHistory()
	if s := c.state(2); s.SplitBrain {
		t.Fatalf("nothing was lost, but host 2 says %+v", s)
	}
}

func TestClosedPrimaryStaysClosedOverARestart(t *testing.T) {
	c := closed(t, mars.Config{HandoverTimeout: node.Second})
	c.crash(1, node.LoseAll)
	c.up(1)
	c.pass(2 * node.Second)
	if s := c.state(1); s.Role != replica.RoleClosed {
		t.Fatalf("after the restart it is %v", s.Role)
	}
	// Whom it was offered to can still have it.
	c.cut(2, false)
	c.verb(2, replica.OpPrimary)
	c.expect(2, 9, 10)
	c.level(2)
	c.checkSameHistory()
}

// closed is a group of three whose primary has closed, and which host 2 has asked for that and
// then been cut off from all others. Host 2 has given up.
func closed(t *testing.T, cfg mars.Config) *cluster {
	t.Helper()
	var c *cluster
	closing := false
	c = begin(t, setup{seed: 14, hosts: 3, faulty: true, cfg: cfg,
		trace: func(_ node.Time, to node.Addr, ev *node.Event) {
			// The state that says so has become durable on host 1: cut before it tells.
			if closing && to.Host == 1 && ev.Op == node.OpLogSync && ev.Dev == 1 {
				closing = false
				c.cut(2, true)
			}
		}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.pass(100 * node.Millisecond)
	closing = true
	if o := c.ask(2, replica.OpPrimary, 0, 0, nil); o.Code != node.TimedOut {
		c.fatalf("primary without a grant: %v %s", o.Code, o.Data)
	}
	c.role(1, replica.RoleClosed)
	return c
}

func TestHandoverIsRefusedWithAReason(t *testing.T) {
	c := begin(t, setup{seed: 16, hosts: 3, faulty: true,
		cfg: mars.Config{HandoverTimeout: 2 * node.Second}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	say := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("it says %q, expected %q", got, want)
		}
	}
	c.verb(1, replica.OpPrimary) // it is: nothing to do
	c.verb(2, replica.OpPauseReplay)
	say(c.refused(2, replica.OpPrimary), "replay is paused here; resume-replay first")
	say(c.refused(2, replica.OpPrimaryForce), "replay is paused here; resume-replay first")
	c.verb(2, replica.OpResumeReplay)
	c.verb(2, replica.OpDisconnect)
	say(c.refused(2, replica.OpPrimary), "fetching is off here; connect first, or use force")
	c.verb(2, replica.OpConnect)
	c.cut(1, true)
	first := c.submit(2, replica.OpPrimary, 0, 0, nil)
	c.pass(10 * node.Millisecond)
	say(c.refused(2, replica.OpPrimary), "another change of role is under way; wait for it")
	say(c.refused(2, replica.OpPrimaryForce), "another change of role is under way; wait for it")
	if o := c.wait(first); o.Code != node.TimedOut || string(o.Data) != "gave up waiting" {
		t.Errorf("primary without the old one: %v %s", o.Code, o.Data)
	}
	c.verb(3, replica.OpPrimaryForce)
	c.write(1, 0, 77)
	c.write(3, 0, 78)
	c.cut(1, false)
	c.until("host 1 knows", func() bool { return c.state(1).SplitBrain })
	say(c.refused(1, replica.OpPrimary),
		"split brain: this replica's log has left the designated branch")
	c.crash(1, node.LoseAll)
	c.boot(1)
	c.until("host 1 boots", func() bool { return c.running[1] })
	say(c.refused(1, replica.OpPrimary), "this replica is still reading its log; try again")
	c.crash(3, node.LoseAll)
	c.cut(3, true)
	c.up(3)
	c.until("it recovers", func() bool { return c.state(3).Role == replica.RoleRecovering })
	say(c.refused(3, replica.OpPrimary),
		"this replica is about to become primary by itself; wait for it")
	c.cut(3, false)
	c.role(3, replica.RolePrimary)
}

// The old primary may be unable to drain. When nobody waits for it any more, it serves on.
func TestDrainingEndsWhenNobodyAsksAnyMore(t *testing.T) {
	c := begin(t, setup{seed: 17, faulty: true, cfg: mars.Config{HandoverTimeout: 2 * node.Second}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.disk(1, faults.Disk{Full: true})
	w := c.submit(1, node.OpWrite, 3, 1, stamp(50))
	c.pass(10 * node.Millisecond)
	if o := c.ask(2, replica.OpPrimary, 0, 0, nil); o.Code != node.TimedOut {
		t.Fatalf("primary: %v %s", o.Code, o.Data)
	}
	c.pass(3 * node.Second)
	c.disk(1, faults.Disk{})
	if o := c.wait(w); o.Code != node.OK {
		t.Fatalf("the write that was under way: %v", o.Code)
	}
	if code := c.write(1, 4, 51); code != node.OK {
		t.Fatalf("a write after the handover was given up: %v", code)
	}
	c.verb(2, replica.OpPrimary)
	c.expect(2, 3, 50)
	c.expect(2, 4, 51)
}
