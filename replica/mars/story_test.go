package mars_test

import (
	"encoding/binary"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// cluster is a simulated group of replicas of one resource, for stories.
type cluster struct {
	t   *testing.T
	sim *sim.Sim
	tag node.Tag
}

func start(t *testing.T, hosts int, seed uint64, cfg mars.Config) *cluster {
	t.Helper()
	cfg.Geometry = node.Geometry{Sectors: 1024, SectorSize: 4096, Carry: 8}
	for i := 1; i <= hosts; i++ {
		cfg.Members = append(cfg.Members, node.Addr{Host: node.ID(i)})
	}
	s, err := sim.New(sim.Config{Hosts: hosts, Seed: seed, Specs: func(node.ID) []node.Spec {
		return []node.Spec{{New: func() node.Machine { return mars.New(cfg) },
			Volumes: []node.Geometry{cfg.Geometry}, Logs: 2}}
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, sim: s}
	for i := 1; i <= hosts; i++ {
		c.up(node.ID(i))
	}
	return c
}

func (c *cluster) up(id node.ID) {
	c.t.Helper()
	if err := c.sim.Start(id); err != nil {
		c.t.Fatal(err)
	}
	for {
		if o, ok := c.sim.Next(c.sim.Now() + node.Second); !ok {
			c.t.Fatalf("host %d does not come up", id)
		} else if o.Kind == node.ObsUp && o.Host == id {
			return
		}
	}
}

// ask submits one request and waits for its answer.
func (c *cluster) ask(id node.ID, op node.Op, sector, n int64, data []byte) node.Observation {
	c.t.Helper()
	c.tag++
	c.sim.Submit(node.Request{Host: id, Op: op, Tag: c.tag, Sector: sector, N: n, Data: data})
	for {
		o, ok := c.sim.Next(c.sim.Now() + 60*node.Second)
		if !ok {
			c.t.Fatalf("no answer from host %d: %v", id, c.sim.Machine(id, 0))
		}
		if o.Kind == node.ObsReply && o.Tag == c.tag {
			return o
		}
	}
}

func (c *cluster) write(id node.ID, sector int64, stamp uint64) node.Code {
	c.t.Helper()
	return c.ask(id, node.OpWrite, sector, 1, binary.LittleEndian.AppendUint64(nil, stamp)).Code
}

func (c *cluster) read(id node.ID, sector int64) uint64 {
	c.t.Helper()
	o := c.ask(id, node.OpRead, sector, 1, nil)
	if o.Code != node.OK {
		c.t.Fatalf("read on host %d: %v", id, o.Code)
	}
	return binary.LittleEndian.Uint64(o.Data)
}

func (c *cluster) status(id node.ID) replica.Status {
	c.t.Helper()
	s, err := replica.DecodeStatus(c.ask(id, replica.OpStatus, 0, 0, nil).Data)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func (c *cluster) until(what string, cond func() bool) {
	c.t.Helper()
	for end := c.sim.Now() + 60*node.Second; !cond(); {
		if c.sim.Now() > end {
			c.t.Fatalf("never: %s\n%v", what, c.sim.Machine(1, 0))
		}
		c.sim.Next(c.sim.Now() + 10*node.Millisecond)
	}
}

func (c *cluster) role(id node.ID, r replica.Role) {
	c.t.Helper()
	c.until(r.String(), func() bool { return c.status(id).Role == r })
}

func (c *cluster) upToDate(id node.ID) {
	c.t.Helper()
	c.until("up to date", func() bool { return c.status(id).UpToDate })
}

func TestSecondaryFollows(t *testing.T) {
	c := start(t, 3, 1, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 100; i++ {
		if code := c.write(1, i%7, uint64(i+1)); code != node.OK {
			t.Fatalf("write %d: %v", i, code)
		}
	}
	if code := c.write(2, 0, 99); code != node.NotPrimary {
		t.Fatalf("a secondary took a write: %v", code)
	}
	c.until("both follow", func() bool {
		return c.status(2).AppliedSeq == 100 && c.status(3).AppliedSeq == 100
	})
	if got := c.read(1, 99%7); got != 100 {
		t.Fatalf("read #%d, expected #100", got)
	}
}

func TestPlannedHandoverLosesNothing(t *testing.T) {
	c := start(t, 2, 2, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 50; i++ {
		c.write(1, i, uint64(i+1))
	}
	if o := c.ask(2, replica.OpPrimary, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary: %v %s", o.Code, o.Data)
	}
	for i := int64(0); i < 50; i++ {
		if got := c.read(2, i); got != uint64(i+1) {
			t.Fatalf("sector %d holds #%d", i, got)
		}
	}
	c.write(2, 0, 1000)
	c.upToDate(1)
	if o := c.ask(1, replica.OpPrimary, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary back: %v %s", o.Code, o.Data)
	}
	if got := c.read(1, 0); got != 1000 {
		t.Fatalf("sector 0 holds #%d", got)
	}
}

func TestPrimaryRecovers(t *testing.T) {
	for seed := uint64(0); seed < 20; seed++ {
		c := start(t, 2, seed, mars.Config{})
		c.role(1, replica.RolePrimary)
		for i := int64(0); i < 50; i++ {
			c.write(1, i%10, uint64(i+1))
		}
		if err := c.sim.Crash(1, node.LoseSome); err != nil {
			t.Fatal(err)
		}
		c.up(1)
		c.role(1, replica.RolePrimary)
		for i := int64(0); i < 10; i++ {
			if got := c.read(1, i); got != uint64(40+i+1) {
				t.Fatalf("seed %d: sector %d holds #%d", seed, i, got)
			}
		}
		c.upToDate(2)
	}
}

func TestForcedFailoverSaysWhatWasLost(t *testing.T) {
	c := start(t, 2, 3, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := int64(0); i < 10; i++ {
		c.write(1, i, uint64(i+1))
	}
	c.upToDate(2)
	c.ask(2, replica.OpDisconnect, 0, 0, nil)
	for i := int64(0); i < 5; i++ {
		c.write(1, i, uint64(i+101))
	}
	c.sim.Crash(1, node.LoseAll)
	if o := c.ask(2, replica.OpPrimaryForce, 0, 0, nil); o.Code != node.OK {
		t.Fatalf("primary --force: %v %s", o.Code, o.Data)
	}
	if got := c.read(2, 3); got != 4 {
		t.Fatalf("sector 3 holds #%d", got)
	}
	c.write(2, 3, 500)
	c.up(1)
	c.until("split brain is seen on both sides", func() bool {
		return c.status(1).SplitBrain && c.status(2).SplitBrain
	})
	c.until("the loss is counted", func() bool { return c.status(1).Lost.Ops == 5 })
	if s := c.status(1); s.Role != replica.RoleSecondary || s.Lost.Bytes != 5*4096 || s.UpToDate {
		t.Fatalf("old primary: %+v", s)
	}
}
