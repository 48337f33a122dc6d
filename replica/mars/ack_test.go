package mars_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// hangs expects a write not to be answered for a while, and returns its tag.
func (c *cluster) hangs(id node.ID, sector int64, v uint64) node.Tag {
	c.t.Helper()
	tag := c.submit(id, node.OpWrite, sector, 1, stamp(v))
	c.pass(2 * node.Second)
	if c.answered(tag) {
		c.fatalf("a write on host %d was answered: %v", id, c.wait(tag).Code)
	}
	return tag
}

// What is acknowledged by one more host survives the loss of the primary. While there is none, writers
// wait, and nobody sees what they wait for.
func TestRemoteAcknowledgementSurvivesTheLossOfThePrimary(t *testing.T) {
	c := begin(t, setup{seed: 1, sectors: 64, faulty: true, cfg: mars.Config{Ack: mars.AckRemote}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.cut(2, true)
	tag := c.hangs(1, 3, 100)
	read := c.submit(1, node.OpRead, 3, 1, nil)
	flush := c.submit(1, node.OpSync, 0, 0, nil)
	c.pass(2 * node.Second)
	if c.answered(read) || c.answered(flush) {
		c.fatalf("a read or a flush was answered, of what only one host has")
	}
	c.expect(1, 4, 5) // others are
	c.cut(2, false)
	if o := c.wait(tag); o.Code != node.OK {
		c.fatalf("%v", o.Code)
	}
	for _, w := range []node.Tag{read, flush} {
		if o := c.wait(w); o.Code != node.OK {
			c.fatalf("%v", o.Code)
		}
	}
	c.fill(1, 20, 10, 200)
	c.crash(1, node.LoseAll)
	c.verb(2, replica.OpPrimaryForce)
	tag = c.submit(2, node.OpWrite, 0, 1, stamp(300))
	c.pass(node.Second)
	if c.answered(tag) {
		c.fatalf("the new primary acknowledges alone")
	}
	c.up(1)
	if o := c.wait(tag); o.Code != node.OK {
		c.fatalf("%v", o.Code)
	}
	c.expect(2, 3, 100)
	for i := range int64(10) {
		c.expect(2, 20+i, uint64(200+i))
	}
	c.level(2)
	c.checkSameVolumes()
}

// A secondary that lacks what another one has does not take itself for idle when the primary is gone: it
// fetches from the other one within seconds, and may take over then.
func TestWhoLacksWhatAnotherHasFetchesItSoon(t *testing.T) {
	c := begin(t, setup{seed: 5, hosts: 3, sectors: 64, faulty: true, cfg: mars.Config{Ack: mars.AckRemote}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(2)
	c.cut(2, true)
	c.pass(node.Second)
	c.fill(1, 20, 10, 200)
	c.crash(1, node.LoseAll)
	c.cut(2, false)
	c.pass(3 * node.Second)
	c.verb(2, replica.OpPrimaryForce)
	c.role(2, replica.RolePrimary)
	for i := range int64(10) {
		c.expect(2, 20+i, uint64(200+i))
	}
	c.up(1)
	c.level(2)
	c.checkSameVolumes()
}

// A majority is enough, and needed; the setting can be changed while writers wait, and goes with the
// primary.
func TestQuorum(t *testing.T) {
	c := begin(t, setup{seed: 2, hosts: 3, sectors: 64, faulty: true, cfg: mars.Config{Ack: mars.AckQuorum}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.crash(3, node.LoseAll)
	c.fill(1, 0, 10, 100)
	c.cut(2, true)
	tag := c.hangs(1, 0, 200)
	c.ok(1, replica.OpSetAck, 0, 0, []byte(mars.AckDurable.String()))
	if o := c.wait(tag); o.Code != node.OK {
		c.fatalf("%v", o.Code)
	}
	c.write(1, 1, 201)
	c.cut(2, false)
	c.up(3)
	c.level(1)
	c.verb(2, replica.OpPrimary)
	if s := c.state(2); s.Ack != "durable" {
		t.Errorf("the new primary has the setting %s", s.Ack)
	}
	c.ok(2, replica.OpSetAck, 0, 0, []byte(mars.AckQuorum.String()))
	c.crash(1, node.LoseAll)
	c.fill(2, 0, 10, 300)
	c.crash(3, node.LoseAll)
	c.hangs(2, 0, 400)
	o := c.ask(2, replica.OpSetAck, 0, 0, []byte("soon"))
	if want := `ack "soon", expected durable, logged, submitted, remote or quorum`; o.Code != node.Invalid ||
		string(o.Data) != want {
		t.Errorf("%v: %s, expected %s", o.Code, o.Data, want)
	}
}

// A replica that copies has a log, but not what it stands on: nobody may count on it.
func TestWhoCopiesDoesNotAcknowledge(t *testing.T) {
	c := begin(t, setup{seed: 3, sectors: 256, faulty: true, cfg: mars.Config{Ack: mars.AckRemote}})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 100, 1)
	c.level(1)
	c.verb(2, replica.OpPauseSync)
	c.ok(2, replica.OpInvalidate, 0, 1, nil)
	tag := c.hangs(1, 0, 1000)
	c.verb(2, replica.OpResumeSync)
	if o := c.wait(tag); o.Code != node.OK {
		c.fatalf("%v", o.Code)
	}
	c.consistent(2)
	c.level(1)
	c.checkSameVolumes()
}

// Primaries are lost at random, and the member with the longest log takes over: with remote
// acknowledgement nothing that was acknowledged is missing, and without it something is.
func TestFailoverWithRemoteAcknowledgementLosesNothing(t *testing.T) {
	runs := uint64(400)
	if testing.Short() {
		runs = 60
	}
	for _, ack := range []mars.Ack{mars.AckRemote, mars.AckQuorum, mars.AckDurable} {
		missing, acked := 0, 0
		for seed := range runs {
			c := begin(t, setup{seed: seed, hosts: 3, sectors: 32, faulty: true,
				cfg: mars.Config{Ack: ack, Guard: 50 * node.Millisecond}})
			c.about = fmt.Sprintf("%v, seed %d", ack, seed)
			random := node.NewStream(seed, "failover")
			c.role(1, replica.RolePrimary)
			c.links(faults.Link{Delay: 2 * node.Millisecond, Loss: 0.05, Reorder: 0.1})
			sure := make(map[int64]uint64)
			var tags []node.Tag
			for i := range uint64(60) {
				tags = append(tags, c.submit(1, node.OpWrite, int64(i%32), 1, stamp(1+i)))
				c.pass(node.Time(random.Below(1500)) * node.Microsecond)
			}
			if random.Chance(0.3) {
				c.cut(1, true)
				c.pass(node.Time(random.Below(20)) * node.Millisecond)
			}
			for i, tag := range tags {
				if c.answered(tag) && c.wait(tag).Code == node.OK {
					sure[int64(i%32)] = uint64(1 + i)
					acked++
				}
			}
			c.crash(1, node.LoseSome)
			c.links(faults.Link{})
			c.pass(100 * node.Millisecond)
			next := node.ID(2)
			if c.state(3).Durable > c.state(2).Durable {
				next = 3
			}
			c.verb(next, replica.OpPrimaryForce)
			for sector, v := range sure {
				if c.read(next, sector) < v { // a later one may have taken effect
					missing++
				}
			}
		}
		if acked < 5*int(runs) || (missing > 0) != (ack == mars.AckDurable) {
			t.Errorf("%v: %d of %d acknowledged writes are missing", ack, missing, acked)
		}
	}
}
