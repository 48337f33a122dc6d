package mars_test

import (
	"bytes"
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

// ok asks for something and expects that it is done.
func (c *cluster) ok(id node.ID, op node.Op, sector, n int64, data []byte) node.Observation {
	c.t.Helper()
	o := c.ask(id, op, sector, n, data)
	if o.Code != node.OK {
		c.fatalf("%v of %d from %d on host %d: %v %s", op, n, sector, id, o.Code, o.Data)
	}
	return o
}

// holds reads sectors on a primary and compares.
func (c *cluster) holds(id node.ID, first int64, want ...uint64) {
	c.t.Helper()
	o := c.ok(id, node.OpRead, first, int64(len(want)), nil)
	for i, v := range want {
		if got := binary.LittleEndian.Uint64(o.Data[8*i:]); got != v {
			c.fatalf("sector %d of host %d holds #%d, expected #%d", first+int64(i), id, got, v)
		}
	}
}

func TestZerosAreReplicatedAndSurvive(t *testing.T) {
	c := start(t, 3, 5, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 20, 1)
	c.ok(1, node.OpZero, 5, 10, nil)
	c.ok(1, node.OpWrite, 7, 2, stamps(99, 2))
	c.holds(1, 4, 5, 0, 0, 99, 99, 0)
	c.level(1)
	c.checkSameVolumes()
	c.ok(1, node.OpZero, 0, 1024, nil)
	c.ok(1, node.OpWrite, 3, 1, stamp(7))
	c.crash(1, node.LoseAll)
	c.checkImage(1)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.holds(1, 0, 0, 0, 0, 7, 0, 0)
	c.level(1)
	c.checkSameVolumes()
	c.verb(2, replica.OpPrimary)
	c.holds(2, 0, 0, 0, 0, 7, 0, 0)
}

// What is made zero and lost is one operation, and no bytes: there was no content to lose.
func TestLostZeroCountsAsAnOperation(t *testing.T) {
	c := start(t, 2, 6, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 4, 1)
	c.upToDate(2)
	c.verb(2, replica.OpDisconnect)
	c.ok(1, node.OpZero, 0, 1000, nil)
	c.write(1, 5, 9)
	c.verb(2, replica.OpPrimaryForce)
	c.until("the loss is counted", func() bool { return c.state(1).Lost.Ops == 2 })
	if l := c.state(1).Lost; l.Bytes != 4096 {
		t.Errorf("%+v", l)
	}
	c.holds(2, 0, 1, 2, 3, 4)
}

// A trim of a whole terabyte is a few frames in the log, and does not take memory by the sector.
func TestTerabyteIsTrimmedAtLittleCost(t *testing.T) {
	c := begin(t, setup{sectors: 1 << 31, cfg: mars.Config{Geometry: node.Geometry{
		Sectors: 1 << 31, SectorSize: 512, Carry: 8}}})
	c.role(1, replica.RolePrimary)
	c.write(1, 1<<30, 5)
	events := c.sim.Events()
	n := testing.AllocsPerRun(1, func() { c.ok(1, node.OpZero, 0, 1<<31, nil) })
	c.level(1)
	if used := c.sim.Events() - events; used > 1000 || n > 10_000 {
		t.Errorf("%d events and %v allocations", used, n)
	}
	c.holds(1, 1<<30, 0)
	if s := c.state(2); s.End > 1000 {
		t.Errorf("%d bytes of log", s.End)
	}
}

func (c *cluster) mapOf(id node.ID, first, n int64) []node.Run {
	c.t.Helper()
	runs, err := node.DecodeRuns(c.ok(id, node.OpMap, first, n, nil).Data)
	if err != nil {
		c.fatalf("%v", err)
	}
	return runs
}

func TestMapKnowsWhatIsPending(t *testing.T) {
	c := start(t, 2, 7, mars.Config{})
	c.role(1, replica.RolePrimary)
	equal := func(when string, got []node.Run, want ...node.Run) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, expected %v", when, got, want)
		}
	}
	equal("new", c.mapOf(1, 0, 1024))
	c.ok(1, node.OpWrite, 10, 4, stamps(1, 4))
	c.ok(1, node.OpWrite, 14, 2, stamps(2, 2))
	equal("pending", c.mapOf(1, 0, 1024), node.Run{First: 10, N: 6})
	equal("a part", c.mapOf(1, 12, 3), node.Run{First: 12, N: 3})
	c.level(1)
	equal("written back", c.mapOf(1, 0, 1024), node.Run{First: 10, N: 6})
	c.ok(1, node.OpZero, 11, 2, nil)
	c.level(1)
	equal("zeroed", c.mapOf(1, 0, 1024), node.Run{First: 10, N: 1}, node.Run{First: 13, N: 3})
	if o := c.ask(2, node.OpMap, 0, 1, nil); o.Code != node.NotPrimary {
		t.Errorf("a secondary: %v", o.Code)
	}
}

func (c *cluster) size(id node.ID, want int64) {
	c.t.Helper()
	c.until(fmt.Sprintf("host %d has %d sectors", id, want), func() bool {
		return c.state(id).Sectors == want
	})
}

func TestVolumeGrowsOnAllReplicas(t *testing.T) {
	c := start(t, 3, 8, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 1000, 24, 1)
	if o := c.ask(1, node.OpWrite, 1024, 1, stamp(1)); o.Code != node.Invalid {
		t.Errorf("a write beyond the end: %v", o.Code)
	}
	c.crash(3, node.LoseAll)
	c.ok(1, replica.OpResize, 0, 1500, nil)
	c.fill(1, 1400, 100, 1)
	c.size(2, 1500)
	c.ok(1, replica.OpResize, 0, 1500, nil)
	if o := c.ask(1, replica.OpResize, 0, 1499, nil); o.Code != node.Refused ||
		string(o.Data) != "the volume has 1500 sectors and can only grow" {
		t.Errorf("smaller: %v %s", o.Code, o.Data)
	}
	if o := c.ask(2, replica.OpResize, 0, 2000, nil); o.Code != node.NotPrimary {
		t.Errorf("on a secondary: %v %s", o.Code, o.Data)
	}
	c.up(3)
	c.ok(1, replica.OpResize, 0, 2000, nil)
	c.write(1, 1999, 77)
	c.level(1)
	c.checkSameVolumes()
	if n := len(c.volume(3)); n != 8*2000 {
		t.Errorf("the volume of host 3 has %d bytes", n)
	}
	for _, id := range c.hosts {
		c.crash(id, node.LoseSome)
		c.checkImage(id)
	}
	for _, id := range c.hosts {
		c.up(id)
	}
	c.role(1, replica.RolePrimary)
	c.holds(1, 1998, 0, 77)
	c.verb(2, replica.OpPrimary)
	c.holds(2, 1400, 1, 2)
	c.ok(2, replica.OpResize, 0, 2001, nil)
	c.write(2, 2000, 1)
}

// space is a random life in which ranges are written and made zero and the volume grows. Of each
// sector it knows what it may hold.
type space struct {
	*cluster
	random node.Stream
	may    [][]uint64
	open   []pendingRange
	value  uint64
	counts map[string]int
}

type pendingRange struct {
	tag      node.Tag
	host     node.ID
	first, n int64
	value    uint64
}

// put submits a write, or for value 0 a zero, unless something is under way there.
func (s *space) put(id node.ID, first, n int64, value uint64) {
	for _, o := range s.open {
		if o.first < first+n && first < o.first+o.n {
			return
		}
	}
	op, data := node.OpZero, []byte(nil)
	if value != 0 {
		op, data = node.OpWrite, stamps(value, int(n))
	}
	s.open = append(s.open, pendingRange{s.submit(id, op, first, n, data), id, first, n, value})
	for i := first; i < first+n; i++ {
		s.may[i] = append(s.may[i], value)
	}
}

// settle takes answers. Those of a host that has just crashed never come.
func (s *space) settle(crashed node.ID) {
	s.open = slices.DeleteFunc(s.open, func(o pendingRange) bool {
		if !s.answered(o.tag) {
			return o.host == crashed
		}
		switch code := s.wait(o.tag).Code; code {
		case node.OK:
			s.counts["acknowledged"]++
			for i := o.first; i < o.first+o.n; i++ {
				s.may[i] = []uint64{o.value}
			}
		case node.Unknown, node.NotPrimary:
		default:
			s.fatalf("%d sectors from %d on host %d: %v", o.n, o.first, o.host, code)
		}
		return true
	})
}

func (s *space) step() {
	size := int64(len(s.may))
	id := s.hosts[s.random.Below(uint64(len(s.hosts)))]
	p := s.primaries()
	what := s.random.Below(10)
	if what < 6 && len(p) == 0 {
		return
	}
	s.settle(0)
	switch what {
	case 0, 1:
		for range s.random.Below(6) {
			s.value++
			first := int64(s.random.Below(uint64(size - 4)))
			s.put(p[0], first, int64(1+s.random.Below(4)), s.value)
		}
	case 2:
		first := int64(s.random.Below(uint64(size)))
		s.put(p[0], first, 1+int64(s.random.Below(uint64(size-first))), 0)
	case 3:
		tag := s.submit(p[0], replica.OpResize, 0, size+int64(s.random.Below(6)), nil)
		s.grow(tag)
	case 4:
		s.audit(p[0], false)
	case 5:
		s.mapped(p[0])
	case 6:
		s.pass(node.Time(s.random.Below(2000)) * node.Microsecond)
		s.crash(id, node.Unsynced(s.random.Below(3)))
		s.checkImage(id)
		s.settle(id)
		s.up(id)
	case 7:
		s.submit(id, replica.OpPrimary, 0, 0, nil)
	case 8:
		s.states[id].Disk = []faults.Disk{{}, {Slow: 5}, {Full: true}}[s.random.Below(3)]
		s.control(id)
	case 9:
		s.pass(node.Time(s.random.Below(300)) * node.Millisecond)
	}
	s.pass(node.Time(s.random.Below(1500)) * node.Microsecond)
}

// grow waits a while for a resize. What is not known to have happened is not used.
func (s *space) grow(tag node.Tag) {
	for end := s.sim.Now() + 30*node.Millisecond; !s.answered(tag) && s.sim.Now() < end; {
		s.next(s.sim.Now() + node.Millisecond)
	}
	if !s.answered(tag) {
		return
	}
	if o := s.wait(tag); o.Code == node.OK {
		p := s.primaries()
		for int64(len(s.may)) < s.state(p[0]).Sectors {
			s.may = append(s.may, []uint64{0})
			s.counts["grown"]++
		}
	}
}

// audit reads the whole volume. It may be refused, if not at the end.
func (s *space) audit(p node.ID, end bool) {
	s.t.Helper()
	tag := s.submit(p, node.OpRead, 0, int64(len(s.may)), nil)
	s.pass(20 * node.Millisecond)
	if !s.answered(tag) && !end {
		return
	}
	o := s.wait(tag)
	if o.Code != node.OK {
		if end {
			s.fatalf("read: %v", o.Code)
		}
		return
	}
	s.counts["read"]++
	for i := range s.may {
		if v := binary.LittleEndian.Uint64(o.Data[8*i:]); !slices.Contains(s.may[i], v) {
			s.fatalf("sector %d holds #%d, expected one of %v", i, v, s.may[i])
		}
	}
}

// mapped asks for a map: what cannot be zero must be in it.
func (s *space) mapped(p node.ID) {
	s.t.Helper()
	tag := s.submit(p, node.OpMap, 0, int64(len(s.may)), nil)
	before := len(s.open)
	s.pass(5 * node.Millisecond)
	if !s.answered(tag) {
		return
	}
	o := s.wait(tag)
	if o.Code != node.OK || before > 0 {
		return // what is under way may turn out either way
	}
	runs, err := node.DecodeRuns(o.Data)
	if err != nil {
		s.fatalf("%v", err)
	}
	s.counts["mapped"]++
	for i := range s.may {
		in := slices.ContainsFunc(runs, func(r node.Run) bool {
			return int64(i) >= r.First && int64(i) < r.First+r.N
		})
		if !in && !slices.Contains(s.may[i], 0) {
			s.fatalf("sector %d holds one of %v, but the map says %v", i, s.may[i], runs)
		}
	}
}

func TestRandomLivesWithZerosAndGrowth(t *testing.T) {
	runs := uint64(2000)
	if testing.Short() {
		runs = 200
	}
	counts := make(map[string]int)
	for seed := range runs {
		s := &space{random: node.NewStream(seed, "space"), counts: counts}
		s.cluster = begin(t, setup{seed: seed, hosts: 2 + int(seed%2), sectors: 24, faulty: true,
			cfg: mars.Config{Guard: 100 * node.Millisecond, HandoverTimeout: node.Second,
				Buffer: int64(512 << (seed % 8)), Tick: node.Time(5+seed%46) * node.Millisecond}})
		for range 24 {
			s.may = append(s.may, []uint64{0})
		}
		s.role(1, replica.RolePrimary)
		for range 14 {
			s.step()
		}
		p := s.finish()
		s.settle(0)
		if len(s.open) > 0 {
			s.fatalf("%d requests were never answered", len(s.open))
		}
		s.audit(p, true)
		s.mapped(p)
		s.level(p)
		s.checkSameHistory()
		first := s.volume(p)[:8*s.state(p).Sectors]
		for _, id := range s.hosts {
			s.checkImage(id)
			// A primary that crashed while it grew has more than anybody knows of.
			if n := s.state(id).Sectors; n != s.state(p).Sectors || int(n)*8 > len(s.volume(id)) {
				s.fatalf("host %d has %d sectors", id, n)
			}
			if !bytes.Equal(first, s.volume(id)[:len(first)]) {
				s.fatalf("hosts %d and %d have other volumes", p, id)
			}
		}
	}
	for _, what := range []string{"acknowledged", "grown", "read", "mapped"} {
		if counts[what] < int(runs)/2 {
			t.Errorf("%s %d times in %d runs", what, counts[what], runs)
		}
	}
}

func TestHandoverIsRefusedWhileTheVolumeIsInUse(t *testing.T) {
	c := start(t, 2, 9, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.upToDate(2)
	if o := c.ask(2, replica.OpOpen, 0, 0, nil); o.Code != node.NotPrimary {
		t.Errorf("open on a secondary: %v", o.Code)
	}
	c.verb(1, replica.OpOpen)
	if got := c.refused(2, replica.OpPrimary); got != "the volume is in use on host 1 by 1 user" {
		t.Errorf("one user: %q", got)
	}
	c.verb(1, replica.OpOpen)
	if got := c.refused(2, replica.OpPrimary); got != "the volume is in use on host 1 by 2 users" {
		t.Errorf("two users: %q", got)
	}
	if s := c.status(1); s.Role != replica.RolePrimary || s.Open != 2 {
		t.Errorf("%+v", s)
	}
	c.write(1, 0, 1)
	for range 3 { // once more than it was opened
		c.verb(1, replica.OpClose)
	}
	c.verb(2, replica.OpPrimary)
	c.verb(2, replica.OpOpen)
	c.crash(2, node.LoseAll) // nobody holds it open any more
	c.up(2)
	c.role(2, replica.RolePrimary)
	c.verb(1, replica.OpPrimary)
	c.verb(1, replica.OpOpen)
	c.verb(2, replica.OpPrimaryForce) // is not held up by anybody
	c.role(1, replica.RoleSecondary)
	c.verb(1, replica.OpClose)
}

func TestWatchersHearOfEveryChangeOnce(t *testing.T) {
	c := start(t, 2, 10, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.upToDate(2)
	c.pass(node.Second)
	was := c.status(2)
	now := c.ok(2, replica.OpWatch, 0, int64(was.Changes)+1, nil) // another number: at once
	if s, err := replica.DecodeStatus(now.Data); err != nil || s.Changes != was.Changes {
		t.Errorf("%+v, %v", s, err)
	}
	var tags []node.Tag
	for range 5 {
		tags = append(tags, c.submit(2, replica.OpWatch, 0, int64(was.Changes), nil))
	}
	c.write(1, 0, 1) // positions do not count
	c.pass(node.Second)
	for _, tag := range tags {
		if c.answered(tag) {
			t.Fatalf("answered, though nothing has changed: %+v", c.state(2))
		}
	}
	c.verb(2, replica.OpPauseReplay)
	for _, tag := range tags {
		s, err := replica.DecodeStatus(c.wait(tag).Data)
		if err != nil || s.Changes != was.Changes+1 || s.ReplayOn {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if got := c.refused(2, replica.OpPrimary); !strings.Contains(got, "replay is paused") {
		t.Error(got)
	}
	tag := c.submit(2, replica.OpWatch, 0, int64(was.Changes+1), nil)
	c.ok(1, replica.OpResize, 0, 2000, nil)
	c.pass(node.Second)
	if c.answered(tag) {
		t.Error("a size that is not the volume's yet was told")
	}
	c.verb(2, replica.OpResumeReplay)
	c.wait(tag)
	c.size(2, 2000)
	tag = c.submit(2, replica.OpWatch, 0, int64(c.state(2).Changes), nil)
	c.verb(2, replica.OpPrimaryForce)
	if s, err := replica.DecodeStatus(c.wait(tag).Data); err != nil || s.Epoch != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}
