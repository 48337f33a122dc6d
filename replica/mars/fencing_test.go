package mars_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// leases is a group whose primary needs a lease of 300 ms, on clocks that are up to 5 % wrong.
func leases(s setup) setup {
	s.faulty, s.sectors = true, 16
	s.cfg.Lease, s.cfg.DriftPPM = 300*node.Millisecond, 50_000
	s.cfg.HandoverTimeout = 2 * node.Second
	s.clock = func(id node.ID) (node.Time, int64) {
		ppm := []int64{-50_000, 50_000, 50_000, 50_000}
		return -node.Time(id) * 7 * node.Second, ppm[(uint64(id)+s.seed)%4]
	}
	return s
}

func (c *cluster) leased(id node.ID) {
	c.t.Helper()
	c.until(fmt.Sprintf("host %d has a lease", id), func() bool { return c.state(id).Leased })
}

func TestCutOffPrimaryHoldsItsUsers(t *testing.T) {
	c := begin(t, leases(setup{hosts: 3, seed: 1}))
	c.leased(1)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.cut(1, true)
	c.pass(node.Second)
	if s := c.state(1); !s.Fenced || s.Role != replica.RolePrimary {
		t.Errorf("%+v", s)
	}
	write := c.submit(1, node.OpWrite, 0, 1, stamp(100))
	read := c.submit(1, node.OpRead, 0, 1, nil)
	c.verb(2, replica.OpPrimaryForce)
	c.leased(2)
	c.write(2, 0, 200)
	if c.answered(write) || c.answered(read) {
		c.fatalf("a cut-off primary has answered")
	}
	c.cut(1, false)
	for _, tag := range []node.Tag{write, read} {
		if o := c.wait(tag); o.Code != node.NotPrimary {
			c.fatalf("%v", o.Code)
		}
	}
	c.level(2)
	if s := c.state(1); s.SplitBrain {
		t.Errorf("what was held is in the log: %+v", s)
	}
	c.expect(2, 0, 200)
}

func TestCutOffPrimaryGoesOnWhenItHasALeaseAgain(t *testing.T) {
	c := begin(t, leases(setup{seed: 2, witness: true}))
	c.leased(1)
	c.cut(1, true)
	c.pass(node.Second)
	write := c.submit(1, node.OpWrite, 3, 1, stamp(100))
	read := c.submit(1, node.OpRead, 3, 1, nil)
	c.pass(3 * node.Second)
	c.cut(1, false)
	for _, tag := range []node.Tag{write, read} {
		if o := c.wait(tag); o.Code != node.OK {
			c.fatalf("%v", o.Code)
		}
	}
	c.expect(1, 3, 100)
}

// Force does not take the lease from a primary that goes on renewing it.
func TestForceIsRefusedWhileThePrimaryHasAMajority(t *testing.T) {
	c := begin(t, leases(setup{seed: 3, witness: true}))
	c.leased(1)
	c.fill(1, 0, 10, 1)
	o := c.ask(2, replica.OpPrimaryForce, 0, 0, nil)
	if o.Code != node.TimedOut || !strings.Contains(string(o.Data), "host 3 has promised it to host 1") {
		c.fatalf("%v %s", o.Code, o.Data)
	}
	c.fill(1, 0, 10, 101)
	c.level(1)
}

// A planned handover does not wait for a lease to run out.
func TestHandoverDoesNotWaitForTheLease(t *testing.T) {
	for _, pair := range []bool{true, false} {
		s := leases(setup{hosts: 3, seed: 4})
		if pair {
			s = leases(setup{seed: 4, witness: true})
		}
		s.cfg.Lease = 10 * node.Second
		c := begin(t, s)
		c.leased(1)
		for round := range uint64(4) {
			from, to := node.ID(1+round%2), node.ID(2-round%2)
			c.fill(from, 0, 10, 1+100*round)
			began := c.sim.Now()
			c.verb(to, replica.OpPrimary)
			c.expect(to, 0, 1+100*round)
			if took := c.sim.Now() - began; took > node.Second {
				c.fatalf("a handover took %v", took)
			}
			c.level(to)
		}
	}
}

func TestPrimaryRegainsItsLeaseAfterACrash(t *testing.T) {
	for seed := range uint64(10) {
		c := begin(t, leases(setup{seed: seed, witness: true}))
		c.leased(1)
		c.fill(1, 0, 10, 1)
		c.crash(1, node.LoseSome)
		c.up(1)
		if s := c.state(1); s.Leased {
			c.fatalf("it has a lease from before: %+v", s)
		}
		c.leased(1)
		c.expect(1, 3, 4)
		// Alone it does not get one.
		c.crash(1, node.LoseSome)
		c.cut(1, true)
		c.up(1)
		c.pass(3 * node.Second)
		if s := c.state(1); s.Role != replica.RoleRecovering || !s.Fenced {
			c.fatalf("%+v", s)
		}
		c.cut(1, false)
		c.leased(1)
		c.expect(1, 3, 4)
	}
}

// The witness knows the newest epoch after a crash, too: an old primary does not come back with its
// vote, and take back what the new one has acknowledged.
func TestWitnessRemembersWhoWasPrimary(t *testing.T) {
	for _, mode := range []node.Unsynced{node.LoseAll, node.LoseSome, node.Keep} {
		c := begin(t, leases(setup{seed: 5, witness: true}))
		c.leased(1)
		c.fill(1, 0, 10, 1)
		c.level(1)
		c.crash(1, mode)
		c.verb(2, replica.OpPrimaryForce)
		c.fill(2, 0, 10, 101)
		c.crash(2, mode)
		c.crash(3, mode)
		c.up(3)
		c.up(1)
		c.pass(5 * node.Second)
		if s := c.state(1); s.Role != replica.RoleSecondary || s.Primary != 2 {
			c.fatalf("%+v", s)
		}
		if o := c.ask(3, node.OpRead, 0, 1, nil); o.Code != node.Invalid || len(o.Data) == 0 {
			c.fatalf("the witness answers a read: %v %s", o.Code, o.Data)
		}
		c.up(2)
		c.leased(2)
		c.expect(2, 0, 101)
		c.level(2)
	}
}

// A witness that has booted has forgotten what it has promised, and waits.
func TestWitnessWaitsAfterABoot(t *testing.T) {
	c := begin(t, leases(setup{seed: 6, witness: true, cfg: mars.Config{Geometry: node.Geometry{
		Sectors: 16, SectorSize: 4096, Carry: 8}}}))
	c.leased(1)
	c.fill(1, 0, 10, 1)
	// Between the two hosts nothing passes; both reach the witness.
	for id := node.ID(1); id <= 2; id++ {
		c.states[id].Links = []faults.Link{{To: 3 - id, Cut: true}}
		c.control(id)
	}
	c.fill(1, 0, 10, 101)
	c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
	c.pass(node.Second)
	c.fill(1, 0, 10, 201)
	// The next answers of the witness go to the other one, if it gives any.
	c.states[1].Links = []faults.Link{{Cut: true}}
	c.control(1)
	c.crash(3, node.Keep)
	c.up(3)
	for began := c.sim.Now(); c.state(1).Leased; c.next(c.sim.Now() + node.Millisecond) {
		if s := c.state(2); s.Leased || s.Role != replica.RoleSecondary {
			c.fatalf("host 2 has a lease, %v after the boot of the witness: %+v", c.sim.Now()-began, s)
		}
	}
	c.leased(2)
}

// What a replica with less of the log would lose, it must not lead.
func TestLeaseGoesToWhoHasTheMost(t *testing.T) {
	c := begin(t, leases(setup{hosts: 3, seed: 7, cfg: mars.Config{Ack: mars.AckQuorum}}))
	c.leased(1)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.verb(2, replica.OpDisconnect)
	c.fill(1, 0, 10, 101)
	c.crash(1, node.LoseAll)
	o := c.ask(2, replica.OpPrimaryForce, 0, 0, nil)
	if o.Code != node.TimedOut || !strings.Contains(string(o.Data), "host 3 has log that is missing here") {
		c.fatalf("%v %s", o.Code, o.Data)
	}
	// It gets what it lacks, and then the lease.
	c.verb(2, replica.OpConnect)
	c.verb(2, replica.OpPrimaryForce)
	c.expect(2, 3, 104)
}

// A host of a pair is made primary by force, in vain and without end, while the other one is down. When that
// one is back it serves.
func TestDesignatedPrimaryComesFirst(t *testing.T) {
	for seed := range uint64(5) {
		c := begin(t, leases(setup{hosts: 2, seed: seed}))
		c.leased(1)
		c.fill(1, 0, 10, 1)
		c.level(1)
		c.crash(1, node.LoseSome)
		force := c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
		c.pass(node.Second)
		c.up(1)
		c.until("host 1 has a lease", func() bool {
			if c.answered(force) {
				force = c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
			}
			return c.state(1).Leased
		})
		c.expect(1, 3, 4)
	}
}

// Two are made primary by force at the same time, and neither can do without the other one's vote.
func TestOneOfTwoGetsTheLease(t *testing.T) {
	for seed := range uint64(5) {
		c := begin(t, leases(setup{hosts: 3, seed: seed}))
		c.leased(1)
		c.fill(1, 0, 10, 1)
		c.level(1)
		c.crash(1, node.LoseAll)
		c.submit(3, replica.OpPrimaryForce, 0, 0, nil)
		c.pass(node.Time(seed) * 100 * node.Millisecond)
		c.submit(2, replica.OpPrimaryForce, 0, 0, nil)
		c.until("one of them serves", func() bool { return c.state(2).Leased || c.state(3).Leased })
	}
}

// fence is a run in which hosts are cut off, crash, are made primary by force and in peace, on clocks
// that are as wrong as is allowed.
type fence struct {
	*cluster
	random node.Stream
	kinds  map[node.Tag]bool // of users; true: a write
	wrote  map[node.Tag]uint64
	value  uint64
}

func (f *fence) burst() {
	for range 1 + f.random.Below(3) {
		f.value++
		for _, id := range f.hosts {
			sector := int64(f.value % 16)
			if f.random.Chance(0.5) {
				tag := f.submit(id, node.OpWrite, sector, 1, stamp(f.value))
				f.kinds[tag], f.wrote[tag] = true, f.value
			} else {
				f.kinds[f.submit(id, node.OpRead, sector, 1, nil)] = false
			}
		}
	}
}

func (f *fence) any(ids []node.ID) node.ID { return ids[f.random.Below(uint64(len(ids)))] }

func (f *fence) step() {
	switch f.random.Below(12) {
	case 0, 1:
		f.cut(f.any(f.all), true)
	case 2, 3:
		f.cut(1, false)
	case 4:
		if id := f.any(f.all); f.running[id] {
			f.crash(id, node.LoseSome)
		}
	case 5, 6:
		for _, id := range f.all {
			if !f.running[id] {
				f.up(id)
			}
		}
	case 7, 8:
		f.submit(f.any(f.hosts), replica.OpPrimaryForce, 0, 0, nil)
	case 9:
		f.submit(f.any(f.hosts), replica.OpPrimary, 0, 0, nil)
	case 10:
		f.submit(f.any(f.hosts), replica.OpConnect, 0, 0, nil)
	case 11:
		f.giveIn()
	}
	for range f.random.Below(40) {
		f.burst()
		f.pass(node.Time(f.random.Below(20_000)) * node.Microsecond)
	}
}

// giveIn has those begin anew whose log has left the branch of who serves.
func (f *fence) giveIn() {
	for _, p := range f.hosts {
		if !f.state(p).Leased || f.state(p).Role != replica.RolePrimary {
			continue
		}
		for _, id := range f.hosts {
			if s := f.state(id); s.CutOff && s.Primary == p && s.Epoch == f.state(p).Epoch {
				f.submit(id, replica.OpInvalidate, 0, 0, nil)
			}
		}
	}
}

// settle mends everything, and returns who serves in the end.
func (f *fence) settle() node.ID {
	f.cut(1, false)
	f.links(faults.Link{})
	for _, id := range f.all {
		if !f.running[id] {
			f.up(id)
		}
	}
	for round := range 60 {
		f.pass(3 * node.Second)
		f.giveIn()
		for _, id := range f.hosts {
			if s := f.state(id); s.Role == replica.RolePrimary && s.Leased {
				return id
			}
		}
		id := f.hosts[round%len(f.hosts)]
		f.submit(id, replica.OpConnect, 0, 0, nil)
		f.submit(id, replica.OpPrimaryForce, 0, 0, nil)
	}
	f.fatalf("nobody serves in the end")
	return 0
}

// acks are the answers to users, in the order of their times.
func (f *fence) acks() (list []node.Observation) {
	for tag, o := range f.answers {
		if _, ok := f.kinds[tag]; ok && o.Code == node.OK {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b node.Observation) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Tag, b.Tag))
	})
	return list
}

// judge returns how often another one began to serve. Whoever has been followed by another one must not
// answer any more under the same epoch.
func (f *fence) judge() (changes int) {
	type tenure struct {
		host  node.ID
		epoch uint64
	}
	ended := map[tenure]node.Time{}
	var last tenure
	for _, o := range f.acks() {
		now := tenure{o.Host, o.Epoch}
		if now == last {
			continue
		}
		if at, over := ended[now]; over {
			f.fatalf("host %d answers at %v in epoch %d, though host %d does since %v in epoch %d", o.Host, o.At,
				o.Epoch, last.host, at, last.epoch)
		}
		if now.epoch < last.epoch || now.epoch == last.epoch && now.host < last.host {
			f.fatalf("epoch %d of host %d follows epoch %d of host %d", now.epoch, now.host, last.epoch, last.host)
		}
		ended[last] = o.At
		if last.host != 0 && last.host != now.host {
			changes++
		}
		last = now
	}
	return changes
}

func TestNoTwoAcknowledgeAtOnce(t *testing.T) {
	runs := uint64(300)
	if testing.Short() {
		runs = 40
	}
	changes, acked := 0, 0
	for seed := range runs {
		s := leases(setup{hosts: 3, seed: seed, cfg: mars.Config{Ack: mars.AckQuorum}})
		if seed%3 == 0 {
			s = leases(setup{hosts: 2, seed: seed, witness: true})
		}
		f := &fence{cluster: begin(t, s), random: node.NewStream(seed, "fence"), kinds: make(map[node.Tag]bool),
			wrote: make(map[node.Tag]uint64)}
		f.links(faults.Link{Delay: node.Time(f.random.Below(3)*f.random.Below(20)) * node.Millisecond})
		f.leased(1)
		for range 50 {
			f.step()
		}
		p := f.settle()
		for range 5 {
			f.burst()
			f.pass(10 * node.Millisecond)
		}
		changes += f.judge()
		acked += len(f.acks())
		if s.witness {
			continue // acknowledged by the primary alone: its loss may lose something
		}
		newest := make(map[int64]uint64)
		for tag, v := range f.wrote {
			if o, ok := f.answers[tag]; ok && o.Code == node.OK {
				newest[int64(v%16)] = max(newest[int64(v%16)], v)
			}
		}
		for sector, v := range newest {
			o := f.ask(p, node.OpRead, sector, 1, nil)
			if got := binary.LittleEndian.Uint64(o.Data); o.Code != node.OK || got < v {
				f.fatalf("sector %d holds #%d, but #%d was acknowledged; %v", sector, got, v, o.Code)
			}
		}
	}
	t.Logf("%d acknowledged, %d times another one served", acked, changes)
	if changes < int(runs) || acked < 500*int(runs) {
		t.Errorf("%d acknowledged, %d times another one served: this shows little", acked, changes)
	}
}
