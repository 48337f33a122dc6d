package mars_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// wide carries 512 bytes a sector: logs grow fast with few writes.
var wide = node.Geometry{Sectors: 256, SectorSize: 512, Carry: 512}

// pour writes rounds times all of a wide volume, 64 sectors at a time, each sector filled with
// one byte that says in which write it was.
func (c *cluster) pour(id node.ID, rounds int) {
	c.t.Helper()
	for round := range rounds {
		var tags []node.Tag
		for i := range 4 {
			data := bytes.Repeat([]byte{byte(4*round + i)}, 64*512)
			tags = append(tags, c.submit(id, node.OpWrite, int64(64*i), 64, data))
		}
		for _, tag := range tags {
			if o := c.wait(tag); o.Code != node.OK {
				c.fatalf("round %d: %v", round, o.Code)
			}
		}
	}
}

func (c *cluster) volume(id node.ID) []byte { return c.dump(id).Volumes[0] }

func TestPausedReplayFetchesOnInBoundedMemory(t *testing.T) {
	c := begin(t, setup{seed: 1, cfg: mars.Config{Geometry: wide, Buffer: 256 << 10}})
	c.role(1, replica.RolePrimary)
	c.upToDate(2)
	c.verb(2, replica.OpPauseReplay)
	before := c.state(2).Applied
	c.pour(1, 60)
	end := c.state(1).End
	if end < 4*mars.KeepForPeers {
		t.Fatalf("a log of %d bytes proves nothing here", end)
	}
	c.until("the paused one has fetched all", func() bool { return c.state(2).Durable == end })
	if got := c.state(2).Applied; got != before {
		t.Fatalf("replay is paused at %d, but stands at %d", before, got)
	}
	for _, id := range c.hosts {
		if n := c.sim.Machine(id, 0).(*mars.Machine).InMemory(); n > 3*mars.KeepForPeers {
			t.Errorf("host %d holds %d bytes of log in memory", id, n)
		}
	}
	c.verb(2, replica.OpResumeReplay)
	c.level(1)
	if !bytes.Equal(c.volume(1), c.volume(2)) {
		t.Fatal("the volumes differ after replay from the log on disk")
	}
}

func TestLaggingSecondaryIsServedFromDisk(t *testing.T) {
	var reads int
	count := func(_ node.Time, to node.Addr, ev *node.Event) {
		if to.Host == 1 && ev.Kind == node.KindDone && ev.Op == node.OpLogRead {
			reads++
		}
	}
	c := begin(t, setup{seed: 2, cfg: mars.Config{Geometry: wide, FetchOff: true}, trace: count})
	c.role(1, replica.RolePrimary)
	c.pour(1, 40)
	// A new epoch in between: what is served from disk spans several segments.
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.pour(1, 40)
	c.pass(node.Second)
	reads = 0
	c.verb(2, replica.OpConnect)
	c.level(1)
	if reads < 3 {
		t.Fatalf("%d reads of the primary's log: it was served from memory", reads)
	}
	if !bytes.Equal(c.volume(1), c.volume(2)) {
		t.Fatal("the volumes differ")
	}
	if a, b := c.dump(1).Logs[0], c.dump(2).Logs[0]; len(a) != 2 || len(b) != 2 ||
		!bytes.Equal(a[0].Data, b[0].Data) || !bytes.Equal(a[1].Data, b[1].Data) {
		t.Fatal("the logs differ")
	}
}

func TestFetchSwitchStopsTheLogAndOnlyThat(t *testing.T) {
	c := start(t, 3, 3, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.verb(2, replica.OpDisconnect)
	c.pass(10 * node.Millisecond)
	c.fill(1, 0, 10, 101)
	c.upToDate(3)
	c.pass(node.Second)
	s := c.state(2)
	if s.FetchOn || s.EndSeq != 10 || s.CommittedSeq != 20 || s.UpToDate {
		t.Fatalf("while fetching is off: %+v", s)
	}
	c.crash(2, node.LoseSome)
	c.up(2)
	c.pass(node.Second)
	if s := c.state(2); s.FetchOn || s.EndSeq != 10 {
		t.Fatalf("the switch did not survive a restart: %+v", s)
	}
	c.verb(2, replica.OpConnect)
	c.level(1)
}

func TestReplaySwitchSurvivesARestart(t *testing.T) {
	c := start(t, 2, 4, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.verb(2, replica.OpPauseReplay)
	c.fill(1, 0, 10, 1)
	c.until("it is fetched", func() bool { return c.state(2).DurableSeq == 10 })
	c.crash(2, node.LoseSome)
	c.up(2)
	c.pass(node.Second)
	if s := c.state(2); s.ReplayOn || s.AppliedSeq != 0 || s.DurableSeq != 10 {
		t.Fatalf("after the restart: %+v", s)
	}
	c.verb(2, replica.OpResumeReplay)
	c.level(1)
}

func TestWritersWaitForRoomInTheBuffer(t *testing.T) {
	c := begin(t, setup{seed: 5, faulty: true, cfg: mars.Config{Geometry: wide, Buffer: 64 << 10}})
	c.role(1, replica.RolePrimary)
	var tags []node.Tag
	for i := range 64 {
		data := bytes.Repeat([]byte{byte(i + 1)}, 16*512)
		tags = append(tags, c.submit(1, node.OpWrite, int64(16*(i%16)), 16, data))
	}
	worst := int64(0)
	for _, tag := range tags {
		c.until("a write is acknowledged", func() bool {
			s := c.state(1)
			worst = max(worst, s.End-s.Applied)
			return c.answered(tag)
		})
		if o := c.wait(tag); o.Code != node.OK {
			t.Fatalf("a waiting write ended with %v", o.Code)
		}
	}
	// One write may be let in when there is room for a byte.
	if limit := int64(64<<10 + 17*512); worst > limit {
		t.Fatalf("%d bytes were in the buffer, expected at most %d", worst, limit)
	}
	if worst < 64<<10 {
		t.Fatalf("only %d bytes were ever in the buffer: nobody had to wait", worst)
	}
	for i := range 16 {
		o := c.ask(1, node.OpRead, int64(16*i), 1, nil)
		if want := byte(48 + i + 1); o.Data[0] != want {
			t.Errorf("sector %d holds %d, expected %d: order was lost", 16*i, o.Data[0], want)
		}
	}
}

func TestLargeWriteIsCutIntoRecordsAndAcknowledgedOnce(t *testing.T) {
	c := start(t, 2, 6, mars.Config{})
	c.role(1, replica.RolePrimary)
	// 100 sectors of 4 KiB are 400 KiB: more than three records of 128 KiB.
	if o := c.ask(1, node.OpWrite, 7, 100, stamps(5, 100)); o.Code != node.OK {
		t.Fatal(o.Code)
	}
	c.pass(node.Second)
	if len(c.answers) > 0 {
		t.Fatalf("more answers: %v", c.answers)
	}
	records, _, err := mars.ScanLog(c.dump(1).Logs[0])
	if err != nil || len(records) != 4 {
		t.Fatalf("%d records, error %v", len(records), err)
	}
	next := int64(7)
	for i, r := range records {
		if r.Sector != next || r.Sectors > 32 || r.Continues != (i > 0) {
			t.Errorf("record %d: sector %d, %d sectors, continues %v", i, r.Sector, r.Sectors,
				r.Continues)
		}
		next += int64(r.Sectors)
	}
	if next != 107 {
		t.Errorf("the records end at sector %d", next)
	}
	c.level(1)
	if got := c.volume(2)[7*8 : 107*8]; !bytes.Equal(got, stamps(5, 100)) {
		t.Error("the secondary's volume differs")
	}
}

func TestReadOverlaysBufferAndDisk(t *testing.T) {
	c := begin(t, setup{seed: 7, faulty: true})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 8, 1)
	c.until("written back", func() bool { s := c.state(1); return s.Applied == s.End })
	// From now on the volume is slow: what is written stays in the buffer for a while.
	c.disk(1, faults.Disk{Slow: 100})
	w := c.submit(1, node.OpWrite, 2, 3, stamps(70, 3))
	r := c.submit(1, node.OpRead, 0, 8, nil)
	o := c.wait(r)
	if o.Code != node.OK {
		t.Fatal(o.Code)
	}
	if !c.answered(w) {
		t.Error("a read showed what was not durable yet")
	}
	for i, want := range []uint64{1, 2, 70, 70, 70, 6, 7, 8} {
		if got := binary.LittleEndian.Uint64(o.Data[8*i:]); got != want {
			t.Errorf("sector %d holds #%d, expected #%d", i, got, want)
		}
	}
}

func TestReadOfUnsyncedContentWaitsForTheSync(t *testing.T) {
	for _, ack := range []mars.Ack{mars.AckDurable, mars.AckLogged} {
		c := begin(t, setup{seed: 8, faulty: true, cfg: mars.Config{Ack: ack}})
		c.role(1, replica.RolePrimary)
		c.disk(1, faults.Disk{Slow: 1000})
		c.submit(1, node.OpWrite, 3, 1, stamp(9))
		r := c.submit(1, node.OpRead, 3, 1, nil)
		for asked := c.sim.Now(); !c.answered(r); c.next(c.sim.Now() + node.Microsecond) {
			if c.sim.Now() > asked+60*node.Second {
				t.Fatalf("ack %v: the read is never answered", ack)
			}
		}
		if s := c.state(1); s.DurableSeq != 1 {
			t.Errorf("ack %v: the read was answered before the record was durable", ack)
		}
		if o := c.wait(r); o.Code != node.OK || !bytes.Equal(o.Data, stamp(9)) {
			t.Errorf("ack %v: read %v %x", ack, o.Code, o.Data)
		}
	}
}

func TestFlushWaitsForWhatWasWrittenBefore(t *testing.T) {
	for _, ack := range []mars.Ack{mars.AckDurable, mars.AckLogged, mars.AckSubmitted} {
		c := begin(t, setup{seed: 9, cfg: mars.Config{Ack: ack}})
		c.role(1, replica.RolePrimary)
		if o := c.ask(1, node.OpSync, 0, 0, nil); o.Code != node.OK {
			t.Fatalf("ack %v: flush of nothing: %v", ack, o.Code)
		}
		for i := range 20 {
			c.submit(1, node.OpWrite, int64(i), 1, stamp(uint64(i+1)))
		}
		if o := c.ask(1, node.OpSync, 0, 0, nil); o.Code != node.OK {
			t.Fatalf("ack %v: flush: %v", ack, o.Code)
		}
		c.crash(1, node.LoseAll)
		c.up(1)
		c.role(1, replica.RolePrimary)
		for i := range 20 {
			c.expect(1, int64(i), uint64(i+1))
		}
	}
}

func TestRequestsOutOfRangeAreInvalid(t *testing.T) {
	c := start(t, 2, 10, mars.Config{})
	c.role(1, replica.RolePrimary)
	end := int64(c.cfg.Geometry.Sectors)
	for _, r := range []struct {
		op        node.Op
		sector, n int64
		data      []byte
	}{
		{node.OpRead, -1, 1, nil},
		{node.OpRead, 0, 0, nil},
		{node.OpRead, 0, -1, nil},
		{node.OpRead, end, 1, nil},
		{node.OpRead, end - 1, 2, nil},
		{node.OpRead, 0, end + 1, nil},
		{node.OpRead, 1 << 62, 1 << 62, nil},
		{node.OpWrite, end, 1, stamp(1)},
		{node.OpWrite, -1, 1, stamp(1)},
		{node.OpWrite, 0, 2, stamp(1)},
		{node.OpWrite, 0, 1, stamps(1, 2)},
		{node.OpWrite, 0, 0, nil},
		{node.OpWrite, 0, 1, nil},
		{node.OpWrite, 0, 1 << 61, nil},
		{node.OpZero, end - 1, 2, nil},
		{node.OpZero, 0, 0, nil},
		{node.OpZero, 1 << 62, 1 << 62, nil},
		{node.OpMap, end, 1, nil},
		{node.OpMap, 0, 0, nil},
		{replica.OpAddMember, 0, 0, nil},
		{replica.OpRemoveMember, 0, 0, make([]byte, 7)},
		{replica.OpContinues + 1, 0, 0, nil},
	} {
		if o := c.ask(1, r.op, r.sector, r.n, r.data); o.Code != node.Invalid {
			t.Errorf("%v of %d sectors from %d with %d bytes: %v", r.op, r.n, r.sector,
				len(r.data), o.Code)
		}
	}
	if s := c.state(1); s.EndSeq != 0 {
		t.Errorf("%d records were written", s.EndSeq)
	}
	if code := c.write(1, end-1, 1); code != node.OK {
		t.Errorf("write to the last sector: %v", code)
	}
	for _, op := range []node.Op{node.OpRead, node.OpWrite, node.OpSync} {
		if o := c.ask(2, op, 0, 1, stamp(1)); o.Code != node.NotPrimary {
			t.Errorf("%v on a secondary: %v", op, o.Code)
		}
	}
}

// tally counts completions on host 1.
type tally struct {
	syncs, appends, volumeWrites int
}

func (n *tally) trace(_ node.Time, to node.Addr, ev *node.Event) {
	if to.Host != 1 || ev.Kind != node.KindDone || ev.Dev != 0 {
		return
	}
	switch ev.Op {
	case node.OpLogSync:
		n.syncs++
	case node.OpLogAppend:
		n.appends++
	case node.OpWrite:
		n.volumeWrites++
	}
}

func TestConcurrentWritesShareSyncs(t *testing.T) {
	var n tally
	c := begin(t, setup{seed: 11, trace: n.trace})
	c.role(1, replica.RolePrimary)
	n = tally{}
	for round := range 10 {
		c.fill(1, 0, 200, uint64(1000*round+1))
	}
	if n.syncs > 2000/20 || n.appends > 2000/20 {
		t.Errorf("2000 writes, 200 at a time, took %d appends and %d syncs", n.appends, n.syncs)
	}
	alone := n
	for i := range 20 {
		c.write(1, int64(i), 7)
	}
	if got := n.syncs - alone.syncs; got != 20 {
		t.Errorf("20 writes, one at a time, took %d syncs", got)
	}
}

func TestWritebackCoalesces(t *testing.T) {
	var n tally
	c := begin(t, setup{seed: 12, faulty: true, trace: n.trace})
	c.role(1, replica.RolePrimary)
	// While the first window is being written, slowly, all others collect.
	c.disk(1, faults.Disk{Slow: 20})
	c.write(1, 0, 1)
	n = tally{}
	for round := range 20 {
		var tags []node.Tag
		for i := int64(15); i >= 0; i-- {
			tags = append(tags, c.submit(1, node.OpWrite, 100+i, 1, stamp(uint64(round+2))))
		}
		for _, tag := range tags {
			c.wait(tag)
		}
	}
	c.disk(1, faults.Disk{})
	c.level(1)
	// Each window is one run of 16 neighbours. There are not many more windows than commits.
	if n.volumeWrites > 2*n.syncs+2 {
		t.Errorf("320 writes to 16 neighbours: %d volume writes in %d commits", n.volumeWrites,
			n.syncs)
	}
	c.expect(1, 100, 21)
	c.expect(1, 115, 21)
}

func TestTwoWritesToASectorInOneWindowLeaveTheLaterOne(t *testing.T) {
	c := start(t, 2, 13, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.verb(2, replica.OpPauseReplay)
	for v := range uint64(50) {
		c.submit(1, node.OpWrite, 4, 3, stamps(v+1, 3))
		c.submit(1, node.OpWrite, 5, 1, stamp(1000+v))
	}
	c.verb(1, node.OpSync)
	c.until("all is fetched", func() bool { return c.state(2).DurableSeq == 100 })
	c.verb(2, replica.OpResumeReplay)
	c.level(1)
	for _, id := range c.hosts {
		v := c.volume(id)[4*8:]
		for i, want := range []uint64{50, 1049, 50} {
			if got := binary.LittleEndian.Uint64(v[8*i:]); got != want {
				t.Errorf("host %d: sector %d holds #%d, expected #%d", id, 4+i, got, want)
			}
		}
	}
}
