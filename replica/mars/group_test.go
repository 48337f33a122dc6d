package mars_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
	"github.com/container-football/pitch/sim"
)

// setup describes a simulated group. The zero value is two hosts without faults.
type setup struct {
	hosts   int
	sectors uint64
	seed    uint64
	cfg     mars.Config
	disk    sim.Disk
	faulty  bool // hosts have a fault layer
	joiners int  // so many of the hosts, the last ones, are not in the group at first
	witness bool // one host more is the witness
	clock   func(node.ID) (node.Time, int64)
	trace   func(node.Time, node.Addr, *node.Event)
}

// cluster is a simulated group of replicas of one resource, for stories.
type cluster struct {
	t       testing.TB
	about   string // what failures say first
	sim     *sim.Sim
	cfg     mars.Config
	hosts   []node.ID // with a replica
	all     []node.ID // these, and the witness
	tag     node.Tag
	answers map[node.Tag]node.Observation
	states  []faults.State // by host
	running []bool         // by host
}

// start makes a group and waits until all its hosts are up.
func start(t testing.TB, hosts int, seed uint64, cfg mars.Config) *cluster {
	t.Helper()
	return begin(t, setup{hosts: hosts, seed: seed, cfg: cfg})
}

func begin(t testing.TB, s setup) *cluster {
	t.Helper()
	if s.hosts == 0 {
		s.hosts = 2
	}
	if s.sectors == 0 {
		s.sectors = 1024
	}
	cfg := s.cfg
	if cfg.Geometry == (node.Geometry{}) {
		cfg.Geometry = node.Geometry{Sectors: s.sectors, SectorSize: 4096, Carry: 8}
	}
	total := s.hosts
	if s.witness {
		total++
		cfg.Witness = node.Addr{Host: node.ID(total)}
	}
	c := &cluster{t: t, about: fmt.Sprintf("seed %d", s.seed),
		answers: make(map[node.Tag]node.Observation),
		states:  make([]faults.State, total+1), running: make([]bool, total+1)}
	for id := node.ID(1); int(id) <= s.hosts; id++ {
		if int(id) <= s.hosts-s.joiners {
			cfg.Members = append(cfg.Members, node.Addr{Host: id})
		}
		c.hosts = append(c.hosts, id)
		c.states[id].Seed = s.seed
	}
	c.cfg, c.all = cfg, c.hosts
	if s.witness {
		c.all = append(slices.Clone(c.hosts), cfg.Witness.Host)
	}
	world := sim.Config{Archive: true, Hosts: total, Seed: s.seed, Disk: s.disk, Trace: s.trace, Clock: s.clock,
		Specs: func(id node.ID) []node.Spec {
			if id == cfg.Witness.Host {
				return []node.Spec{{New: func() node.Machine { return mars.NewWitness(cfg) }, Logs: 1}}
			}
			cfg := cfg
			if int(id) > s.hosts-s.joiners {
				cfg.Members = append(slices.Clone(cfg.Members), node.Addr{Host: id})
				cfg.Joins = true
			}
			return []node.Spec{{New: func() node.Machine { return mars.New(cfg) },
				Volumes: []node.Geometry{cfg.Geometry}, Logs: 3}}
		}}
	if s.faulty {
		world.Wrap = faults.Wrap
	}
	var err error
	if c.sim, err = sim.New(world); err != nil {
		t.Fatal(err)
	}
	for _, id := range c.all {
		c.boot(id)
	}
	for _, id := range c.all {
		c.until("host is up", func() bool { return c.running[id] })
	}
	return c
}

func (c *cluster) fatalf(format string, args ...any) {
	c.t.Helper()
	text := c.about + ": " + fmt.Sprintf(format, args...)
	for _, id := range c.all {
		text += fmt.Sprintf("\nhost %d at %v: %v", id, c.sim.Now(), c.sim.Machine(id, 0))
	}
	c.t.Fatal(text)
}

// next runs until something is observed or the time has come. Answers are kept.
func (c *cluster) next(deadline node.Time) bool {
	o, ok := c.sim.Next(deadline)
	if !ok {
		return false
	}
	switch o.Kind {
	case node.ObsReply:
		if _, twice := c.answers[o.Tag]; twice {
			c.fatalf("request %d was answered twice", o.Tag)
		}
		o.Data = append([]byte(nil), o.Data...)
		c.answers[o.Tag] = o
	case node.ObsUp:
		c.running[o.Host] = true
		c.states[o.Host].Start++
		c.control(o.Host)
	case node.ObsDown:
		c.running[o.Host] = false
	}
	return true
}

// at runs until the time has come, whatever happens.
func (c *cluster) at(t node.Time) {
	for c.next(t) {
	}
}

func (c *cluster) pass(d node.Time) { c.at(c.sim.Now() + d) }

func (c *cluster) until(what string, cond func() bool) {
	c.t.Helper()
	for end := c.sim.Now() + 60*node.Second; !cond(); {
		if c.sim.Now() > end {
			c.fatalf("never: %s", what)
		}
		c.next(c.sim.Now() + 10*node.Millisecond)
	}
}

// control tells a host's fault layer what is wrong, as whoever drives a run has to after each
// start.
func (c *cluster) control(id node.ID) {
	if c.running[id] {
		_ = c.sim.Control(id, []byte(c.states[id].String())) // a host without a layer refuses
	}
}

// links makes all links bad in the same way.
func (c *cluster) links(l faults.Link) {
	for _, id := range c.all {
		c.states[id].Links = []faults.Link{l}
		c.control(id)
	}
}

// cut cuts all links of a host, in both directions, or mends them.
func (c *cluster) cut(id node.ID, cut bool) {
	for _, other := range c.all {
		to := id
		if other == id {
			to = 0
		}
		c.states[other].Links = nil
		if cut {
			c.states[other].Links = []faults.Link{{To: to, Cut: true}}
		}
		c.control(other)
	}
}

func (c *cluster) disk(id node.ID, d faults.Disk) {
	c.states[id].Disk = d
	c.control(id)
}

func (c *cluster) boot(id node.ID) {
	c.t.Helper()
	if err := c.sim.Start(id); err != nil {
		c.fatalf("%v", err)
	}
}

func (c *cluster) up(id node.ID) {
	c.t.Helper()
	c.boot(id)
	c.until("host is up", func() bool { return c.running[id] })
}

func (c *cluster) crash(id node.ID, mode node.Unsynced) {
	c.t.Helper()
	if err := c.sim.Crash(id, mode); err != nil {
		c.fatalf("%v", err)
	}
	c.until("host is down", func() bool { return !c.running[id] })
}

// submit asks without waiting for the answer.
func (c *cluster) submit(id node.ID, op node.Op, sector, n int64, data []byte) node.Tag {
	c.tag++
	c.sim.Submit(node.Request{Host: id, Op: op, Tag: c.tag, Sector: sector, N: n, Data: data})
	return c.tag
}

func (c *cluster) answered(tag node.Tag) bool {
	_, ok := c.answers[tag]
	return ok
}

// wait waits for an answer and forgets it.
func (c *cluster) wait(tag node.Tag) node.Observation {
	c.t.Helper()
	c.until(fmt.Sprintf("answer to request %d", tag), func() bool { return c.answered(tag) })
	o := c.answers[tag]
	delete(c.answers, tag)
	return o
}

// ask submits one request and waits for its answer.
func (c *cluster) ask(id node.ID, op node.Op, sector, n int64, data []byte) node.Observation {
	c.t.Helper()
	return c.wait(c.submit(id, op, sector, n, data))
}

// verb asks for a verb and expects it to be carried out.
func (c *cluster) verb(id node.ID, op node.Op) {
	c.t.Helper()
	if o := c.ask(id, op, 0, 0, nil); o.Code != node.OK {
		c.fatalf("verb %d on host %d: %v %s", op, id, o.Code, o.Data)
	}
}

// refused asks for a verb and returns the sentence with which it is refused.
func (c *cluster) refused(id node.ID, op node.Op) string {
	c.t.Helper()
	o := c.ask(id, op, 0, 0, nil)
	if o.Code != node.Refused {
		c.fatalf("verb %d on host %d: %v %s, expected a refusal", op, id, o.Code, o.Data)
	}
	return string(o.Data)
}

func stamp(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

// stamps is the content of n sectors that all hold v.
func stamps(v uint64, n int) (b []byte) {
	for range n {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func (c *cluster) write(id node.ID, sector int64, v uint64) node.Code {
	c.t.Helper()
	return c.ask(id, node.OpWrite, sector, 1, stamp(v)).Code
}

// fill writes #from, #from+1, ... to n sectors from first on, all at once, and expects success.
func (c *cluster) fill(id node.ID, first int64, n int, from uint64) {
	c.t.Helper()
	var tags []node.Tag
	for i := range n {
		tags = append(tags, c.submit(id, node.OpWrite, first+int64(i), 1, stamp(from+uint64(i))))
	}
	for _, tag := range tags {
		if o := c.wait(tag); o.Code != node.OK {
			c.fatalf("write on host %d: %v", id, o.Code)
		}
	}
}

func (c *cluster) read(id node.ID, sector int64) uint64 {
	c.t.Helper()
	o := c.ask(id, node.OpRead, sector, 1, nil)
	if o.Code != node.OK {
		c.fatalf("read on host %d: %v", id, o.Code)
	}
	return binary.LittleEndian.Uint64(o.Data)
}

func (c *cluster) expect(id node.ID, sector int64, want uint64) {
	c.t.Helper()
	if got := c.read(id, sector); got != want {
		c.fatalf("sector %d of host %d holds #%d, expected #%d", sector, id, got, want)
	}
}

func (c *cluster) status(id node.ID) replica.Status {
	c.t.Helper()
	s, err := replica.DecodeStatus(c.ask(id, replica.OpStatus, 0, 0, nil).Data)
	if err != nil {
		c.fatalf("%v", err)
	}
	return s
}

// state is the status without asking for it: the group does not notice.
func (c *cluster) state(id node.ID) replica.Status {
	if m, ok := c.sim.Machine(id, 0).(*mars.Machine); ok && c.running[id] {
		return m.Status()
	}
	return replica.Status{}
}

func (c *cluster) role(id node.ID, r replica.Role) {
	c.t.Helper()
	c.until(fmt.Sprintf("host %d is %v", id, r), func() bool { return c.state(id).Role == r })
}

func (c *cluster) upToDate(id node.ID) {
	c.t.Helper()
	c.until(fmt.Sprintf("host %d is up to date", id), func() bool { return c.state(id).UpToDate })
}

// level waits until all hosts are up to date: with what the primary holds now.
func (c *cluster) level(primary node.ID) {
	c.t.Helper()
	c.until("all are level", func() bool {
		p := c.state(primary)
		for _, id := range c.hosts {
			if s := c.state(id); !s.UpToDate || s.Applied != p.End || s.Durable != p.End {
				return false
			}
		}
		return true
	})
}

// dump is what the disks of a host hold, with what it has deleted from its log.
func (c *cluster) dump(id node.ID) node.Dump {
	c.t.Helper()
	d := c.disks(id)
	var past mars.History
	past.Add(d.Logs[0])
	for _, h := range c.hosts {
		o := c.disks(h)
		past.Add(o.Logs[0])
		past.Add(o.Dropped[0])
	}
	var err error
	if d.Logs[0], err = past.Whole(d.Logs); err != nil {
		c.fatalf("host %d: %v", id, err)
	}
	return d
}

func (c *cluster) disks(id node.ID) node.Dump {
	c.t.Helper()
	d, err := c.sim.Dump(id, 0)
	if err != nil {
		c.fatalf("%v", err)
	}
	return d
}
