package mars_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

func address(id node.ID) []byte { return replica.AppendAddr(nil, node.Addr{Host: id}) }

// members waits until all these hosts know that exactly they are the group.
func (c *cluster) members(ids ...node.ID) {
	c.t.Helper()
	c.until(fmt.Sprintf("hosts %v are the group", ids), func() bool {
		for _, id := range ids {
			if !c.knows(id, ids...) {
				return false
			}
		}
		return true
	})
}

func (c *cluster) knows(id node.ID, ids ...node.ID) bool {
	var have []node.ID
	for _, a := range c.state(id).Members {
		have = append(have, a.Host)
	}
	slices.Sort(have)
	return slices.Equal(have, ids)
}

func TestNewMemberFetchesEverything(t *testing.T) {
	c := begin(t, setup{hosts: 3, joiners: 1, seed: 1, cfg: mars.Config{Geometry: wide}})
	c.role(1, replica.RolePrimary)
	c.pour(1, 4*mars.KeepForPeers/len(c.volume(1)))
	c.crash(1, node.LoseAll) // the log is on disk alone
	c.up(1)
	c.role(1, replica.RolePrimary)
	if s := c.state(3); s.Role != replica.RoleSecondary || s.End != 0 {
		t.Fatalf("before it is a member: %+v", s)
	}
	var tags []node.Tag
	write := func() {
		data := bytes.Repeat([]byte{byte(len(tags))}, 8*512)
		tags = append(tags, c.submit(1, node.OpWrite, int64(len(tags)*8%256), 8, data))
	}
	write()
	c.ok(1, replica.OpAddMember, 0, 0, address(3))
	for c.state(3).End == 0 || c.state(3).End+16<<10 < c.state(1).End {
		write()
		c.pass(200 * node.Microsecond)
		if len(tags) > 100_000 {
			c.fatalf("host 3 does not catch up")
		}
	}
	for _, tag := range tags {
		if o := c.wait(tag); o.Code != node.OK {
			t.Fatalf("a write meanwhile: %v", o.Code)
		}
	}
	c.members(1, 2, 3)
	c.level(1)
	c.checkSameVolumes()
	c.checkSameHistory()
	c.verb(3, replica.OpPrimary)
	c.members(1, 2, 3)
	c.ok(3, node.OpZero, 0, 100, nil)
	c.level(3)
}

func TestMembershipVerbsSayNo(t *testing.T) {
	c := begin(t, setup{hosts: 3, joiners: 1, seed: 2})
	c.role(1, replica.RolePrimary)
	before := c.state(1).Changes
	c.ok(1, replica.OpAddMember, 0, 0, address(2))    // is one
	c.ok(1, replica.OpRemoveMember, 0, 0, address(3)) // is none
	if n := c.state(1).Changes; n != before {
		t.Errorf("%d changes where nothing was to be changed", n-before)
	}
	for _, story := range []struct {
		at   node.ID
		op   node.Op
		who  node.Addr
		code node.Code
		text string
	}{
		{1, replica.OpRemoveMember, node.Addr{Host: 1}, node.Refused,
			"the primary cannot leave; make another replica primary first"},
		{1, replica.OpAddMember, node.Addr{Host: 2, Machine: 5}, node.Refused,
			"host 2 has a replica already"},
		{1, replica.OpAddMember, node.Addr{Host: 1, Machine: 5}, node.Refused,
			"host 1 has a replica already"},
		{2, replica.OpAddMember, node.Addr{Host: 3}, node.NotPrimary,
			"only the primary can do this, and it is not here"},
		{2, replica.OpRemoveMember, node.Addr{Host: 2}, node.NotPrimary,
			"only the primary can do this, and it is not here"},
	} {
		o := c.ask(story.at, story.op, 0, 0, replica.AppendAddr(nil, story.who))
		if o.Code != story.code || string(o.Data) != story.text {
			t.Errorf("verb %d of %v at host %d: %v %s", story.op, story.who, story.at, o.Code, o.Data)
		}
	}
	for id := node.ID(4); id < 66; id++ {
		c.ok(1, replica.OpAddMember, 0, 0, address(id))
	}
	o := c.ask(1, replica.OpAddMember, 0, 0, address(66))
	if o.Code != node.Refused || string(o.Data) != "the group has 64 members, and can have 64" {
		t.Errorf("one too many: %v %s", o.Code, o.Data)
	}
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	if n := len(c.state(1).Members); n != 64 {
		t.Errorf("%d members after a crash", n)
	}
}

// left checks that a host takes no part any more and says so.
func (c *cluster) left(id node.ID) {
	c.t.Helper()
	c.role(id, replica.RoleLeft)
	for _, op := range []node.Op{replica.OpPrimary, replica.OpPrimaryForce, replica.OpConnect,
		replica.OpPauseReplay, replica.OpOpen, replica.OpResize} {
		if got := c.refused(id, op); got != "this replica has been removed from the group" {
			c.fatalf("verb %d on host %d: %s", op, id, got)
		}
	}
	if o := c.ask(id, node.OpRead, 0, 1, nil); o.Code != node.NotPrimary {
		c.fatalf("read on host %d: %v", id, o.Code)
	}
	c.ok(id, replica.OpWatch, 0, -1, nil)
}

func TestRemovedMemberLearnsOfIt(t *testing.T) {
	c := begin(t, setup{hosts: 4, seed: 3})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.crash(3, node.LoseSome) // this one will hear of it late
	c.ok(1, replica.OpRemoveMember, 0, 0, address(2))
	c.left(2)
	c.ok(1, replica.OpRemoveMember, 0, 0, address(3))
	c.ok(1, replica.OpRemoveMember, 0, 0, address(3))
	c.members(1, 4)
	c.up(3)
	c.left(3)
	end := c.state(2).End
	c.fill(1, 0, 10, 100)
	c.upToDate(4)
	c.crash(2, node.LoseSome)
	c.up(2)
	c.left(2)
	if s := c.state(2); s.End != end || s.FetchOn != true {
		t.Errorf("it went on: %+v", s)
	}
	events := c.sim.Events()
	c.pass(10 * node.Second)
	t.Logf("%d events in ten seconds", c.sim.Events()-events)
	// It may come back, and fetches what it has missed.
	c.ok(1, replica.OpAddMember, 0, 0, address(2))
	c.role(2, replica.RoleSecondary)
	c.members(1, 2, 4)
	c.until("host 2 has all", func() bool {
		s := c.state(2)
		return s.Applied == c.state(1).End && !s.Inconsistent
	})
	c.verb(2, replica.OpPrimary)
	c.ok(2, replica.OpRemoveMember, 0, 0, address(1))
	c.left(1)
	c.members(2, 4)
}

// Messages may be lost, and hosts may be away: in the end all know the newest group.
func TestGroupReachesEverybody(t *testing.T) {
	runs := uint64(1000)
	if testing.Short() {
		runs = 100
	}
	changed, out := 0, 0
	for seed := range runs {
		c := begin(t, setup{hosts: 5, joiners: 2, seed: seed, faulty: true,
			cfg: mars.Config{Guard: 100 * node.Millisecond, HandoverTimeout: node.Second}})
		random := node.NewStream(seed, "members")
		c.role(1, replica.RolePrimary)
		c.links(faults.Link{Loss: 0.3, Duplicate: 0.2, Reorder: 0.2})
		in := map[node.ID]bool{1: true, 2: true, 3: true} // as far as anybody was told
		for range 10 {
			id := node.ID(1 + random.Below(5))
			p := c.primaries()
			switch random.Below(4) {
			case 0, 1:
				if len(p) == 0 || id == p[0] {
					continue
				}
				op := node.Op(replica.OpAddMember)
				if in[id] {
					op = replica.OpRemoveMember
				}
				tag := c.submit(p[0], op, 0, 0, address(id))
				c.pass(50 * node.Millisecond)
				if c.answered(tag) && c.wait(tag).Code == node.OK {
					in[id] = !in[id]
					changed++
				}
			case 2:
				c.crash(id, node.Unsynced(random.Below(3)))
				c.pass(node.Time(random.Below(300)) * node.Millisecond)
				c.up(id)
			case 3:
				c.submit(id, replica.OpPrimary, 0, 0, nil)
				c.pass(node.Time(random.Below(300)) * node.Millisecond)
			}
			if len(p) > 0 {
				c.submit(p[0], node.OpWrite, int64(random.Below(1000)), 1, stamp(seed+1))
			}
		}
		c.links(faults.Link{})
		c.pass(2 * node.Second)
		if len(c.primaries()) == 0 {
			for id := range c.hosts {
				if c.state(c.hosts[id]).Role == replica.RoleClosed {
					c.verb(c.hosts[id], replica.OpPrimary)
					break
				}
			}
		}
		c.until("there is one primary", func() bool { return len(c.primaries()) == 1 })
		p := c.primaries()[0]
		var ids []node.ID
		for _, a := range c.state(p).Members {
			ids = append(ids, a.Host)
		}
		slices.Sort(ids)
		if !slices.Contains(ids, p) {
			c.fatalf("the primary is not in its group %v", ids)
		}
		c.members(ids...)
		for _, id := range c.hosts {
			if !slices.Contains(ids, id) {
				c.until("it is out", func() bool {
					s := c.state(id)
					return s.Role == replica.RoleLeft || s.Role == replica.RoleSecondary && s.End == 0
				})
				if c.state(id).End > 0 {
					out++
				}
				continue
			}
			c.until("it has all", func() bool { return c.state(id).Applied == c.state(p).End })
		}
	}
	if changed < int(runs) || out < int(runs)/4 {
		t.Errorf("%d changes and %d removed members in %d runs", changed, out, runs)
	}
}

// A replica that was removed without hearing of it, and has taken over by force since, is not put
// out of service by the news.
func TestPrimaryByForceStays(t *testing.T) {
	c := begin(t, setup{hosts: 3, seed: 4, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.cut(2, true)
	c.ok(1, replica.OpRemoveMember, 0, 0, address(2))
	c.until("host 3 has heard of it", func() bool { return c.knows(3, 1, 3) })
	c.crash(1, node.LoseAll)
	c.verb(2, replica.OpPrimaryForce)
	c.cut(2, false)
	c.until("host 3 knows the group", func() bool { return c.knows(3, 1, 2, 3) })
	if s := c.state(2); s.Role != replica.RolePrimary || s.Epoch != 2 {
		t.Fatalf("%+v", s)
	}
	c.write(2, 0, 9)
	c.upToDate(3)
	c.up(1)
	c.role(1, replica.RoleSecondary)
	c.until("host 1 knows the group", func() bool { return c.knows(1, 1, 2, 3) })
}

// A machine number may have been that of another resource's replica. What strangers say must not
// change who is in this one.
func TestGroupsOfOtherResourcesAreIgnored(t *testing.T) {
	d := mars.NewDesk(t, 1, mars.Config{Members: []node.Addr{{Host: 1}, {Host: 2}}, Resource: 7,
		Geometry: node.Geometry{Sectors: 64, SectorSize: 4096, Carry: 8}})
	d.Boot()
	d.Ticks(20)
	before := d.Status()
	d.HearGroup(2, 8, 99, []node.Addr{{Host: 2}})
	if s := d.Status(); s.Role != replica.RolePrimary || s.Changes != before.Changes {
		t.Errorf("a group of another resource: %+v", s)
	}
	d.HearGroup(3, 8, 99, []node.Addr{{Host: 3}})
	if s := d.Status(); s.Role != replica.RolePrimary || s.Changes != before.Changes {
		t.Errorf("a group of another resource, told by a stranger: %+v", s)
	}
	d.HearGroup(3, 7, 99, []node.Addr{{Host: 2}})
	if s := d.Status(); s.Role != replica.RoleLeft {
		t.Errorf("a group without it: %+v", s)
	}
	d.Boot()
	d.Ticks(20)
	if s := d.Status(); s.Role != replica.RoleLeft || len(d.Sent) > 0 {
		t.Errorf("after a restart, with %d messages: %+v", len(d.Sent), s)
	}
	d.HearGroup(2, 7, 100, []node.Addr{{Host: 2}, {Host: 1}})
	if s := d.Status(); s.Role != replica.RoleSecondary {
		t.Errorf("taken in again: %+v", s)
	}
}

// A joiner does not create the resource, whatever the order of the members that it was told.
func TestJoinerDoesNotCreateTheResource(t *testing.T) {
	cfg := mars.Config{Members: []node.Addr{{Host: 3}, {Host: 1}}, Joins: true,
		Geometry: node.Geometry{Sectors: 64, SectorSize: 4096, Carry: 8}}
	d := mars.NewDesk(t, 3, cfg)
	d.Boot()
	d.Ticks(100)
	if s := d.Status(); s.Role != replica.RoleSecondary || s.End != 0 || s.Primary != 1 {
		t.Errorf("%+v", s)
	}
}
