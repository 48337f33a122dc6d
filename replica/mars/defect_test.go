package mars_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/mars"
)

// remains are the disks of a secondary that has seen two epochs of ten writes each.
func remains(t *testing.T) (node.Dump, mars.Config) {
	t.Helper()
	c := start(t, 2, 18, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	c.level(1)
	c.crash(1, node.LoseAll)
	c.up(1)
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 101)
	c.level(1)
	c.pass(200 * node.Millisecond)
	return c.dump(2), c.cfg
}

// A crash leaves at most one commit undone. Where more than that follows a bad frame, it was
// acknowledged, shipped, or both, and must not be cut off.
func TestLongLogBehindDamageIsNotCutOff(t *testing.T) {
	c := start(t, 1, 19, mars.Config{})
	c.role(1, replica.RolePrimary)
	for i := range 60000 {
		c.write(1, int64(i%100), uint64(i+1))
	}
	dump := c.dump(1)
	dump.Logs[0][0].Data[500] ^= 1
	dump.Logs[1] = nil // recovery begins with the first record
	size := len(dump.Logs[0][0].Data)
	d := mars.NewDesk(t, 1, c.cfg)
	d.Load(dump)
	d.Boot()
	d.Ticks(20)
	if s := d.Status(); s.Role != replica.RoleDefective {
		t.Fatalf("%+v", s)
	}
	if why := d.Machine.Defect(); !strings.HasPrefix(why, "the log is damaged at position 440, with") {
		t.Fatal(why)
	}
	if after := d.Logs[0][1].Data; len(after) != size {
		t.Fatalf("the log has %d bytes left of %d", len(after), size)
	}
}

func TestDefectiveReplicaSaysWhatIsWrong(t *testing.T) {
	for _, story := range []struct {
		name, want string
		damage     func(*node.Dump)
	}{
		{"the log is gone", "the log is gone, but the volume holds it up to position 1600",
			func(d *node.Dump) { d.Logs[0] = nil }},
		{"the log is short", "the log ends at position 900, but the volume holds it up to 1600",
			func(d *node.Dump) { d.Logs[0][1].Data = d.Logs[0][1].Data[:100] }},
		{"a segment is gone", "the log ends at position 800, but the volume holds it up to 1600",
			func(d *node.Dump) { d.Logs[0] = d.Logs[0][:1] }},
		{"the middle is damaged", "the log is damaged at position 440: ",
			func(d *node.Dump) { d.Logs[0][0].Data[500] ^= 1; d.Logs[1] = nil }},
		{"the volume is smaller", "the record at position 296 does not fit the volume",
			func(d *node.Dump) { d.Logs[1] = nil }},
	} {
		t.Run(story.name, func(t *testing.T) {
			dump, cfg := remains(t)
			story.damage(&dump)
			if strings.Contains(story.name, "smaller") {
				cfg.Geometry.Sectors = 3
				dump.Volumes[0] = dump.Volumes[0][:24]
			}
			before := dump.Logs[0]
			d := mars.NewDesk(t, 2, cfg)
			d.Load(dump)
			d.Boot()
			d.Ticks(20)
			if s := d.Status(); s.Role != replica.RoleDefective {
				t.Fatalf("%+v", s)
			}
			if why := d.Machine.Defect(); !strings.HasPrefix(why, story.want) {
				t.Errorf("it says %q", why)
			}
			for _, op := range []node.Op{replica.OpPrimary, replica.OpPrimaryForce,
				replica.OpConnect, replica.OpPauseReplay} {
				o, _ := d.Ask(op, 0, 0, nil)
				if o.Code != node.Refused || !strings.Contains(string(o.Data), story.want) {
					t.Errorf("verb %d: %v %s", op, o.Code, o.Data)
				}
			}
			if o, _ := d.Ask(node.OpRead, 0, 1, nil); o.Code != node.NotPrimary {
				t.Errorf("read: %v", o.Code)
			}
			for _, f := range before {
				if got := d.Logs[0][f.ID]; got == nil || !slices.Equal(got.Data, f.Data) {
					t.Errorf("segment %d of a log that is evidence was changed", f.ID)
				}
			}
		})
	}
}

func TestDiskThatFailsAtBootMakesAReplicaDefective(t *testing.T) {
	dump, cfg := remains(t)
	for fails := 1; ; fails++ {
		d := mars.NewDesk(t, 2, cfg)
		d.Load(dump)
		n := 0
		d.Fail = func(*node.Effect) node.Code {
			if d.Machine.Status().Role == replica.RoleBooting {
				if n++; n == fails {
					return node.IOError
				}
			}
			return node.OK
		}
		d.Boot()
		d.Ticks(5)
		if n < fails {
			if n < 7 {
				t.Fatalf("a boot of %d requests", n)
			}
			return
		}
		if s := d.Status(); s.Role != replica.RoleDefective {
			t.Errorf("request %d of the boot failed, but it is %v", fails, s.Role)
		}
	}
}

// After the crash of a process the log may hold what is not durable: a later power failure would
// take it back. Nobody may be told of it before.
func TestNothingIsToldAtBootBeforeItIsDurable(t *testing.T) {
	dump, cfg := remains(t)
	for _, host := range []node.ID{1, 2} { // as a primary, and as a secondary
		d := mars.NewDesk(t, host, cfg)
		d.Load(dump)
		d.OnSend = func(msg []byte) {
			for i, log := range d.Logs {
				last := log[uint64(len(log))]
				if last != nil && last.Synced < len(last.Data) {
					t.Fatalf("host %d sends a message while %d bytes of log %d are not synced", host,
						len(last.Data)-last.Synced, i)
				}
			}
		}
		d.Boot()
		if len(d.Sent) == 0 {
			t.Fatalf("host %d says nothing after its boot", host)
		}
	}
}

// A crash may tear the last record anywhere. What is before stands, what is left of it is cut
// off, and the log goes on.
func TestTornTailIsCutOffWhereverItIsTorn(t *testing.T) {
	dump, cfg := remains(t)
	whole := dump.Logs[0][1].Data
	dump.Logs[1] = nil // all of the log is scanned
	const record = 72
	for _, zeros := range []bool{false, true} {
		for cut := len(whole) - 2*record; cut <= len(whole); cut++ {
			data := slices.Clone(whole[:cut])
			if zeros { // the file has got its length, but not its last blocks
				data = append(data, make([]byte, len(whole)-cut)...)
			}
			dump.Logs[0][1].Data = data
			d := mars.NewDesk(t, 2, cfg)
			d.Load(dump)
			d.Boot()
			s := d.Status()
			// What was cut off may have been zero anyway: then nothing is torn.
			want := uint64(10)
			for end := 80 + record; end <= len(data) && slices.Equal(data[:end], whole[:end]); {
				want++
				end += record
			}
			if s.Role != replica.RoleSecondary || s.DurableSeq != want || s.AppliedSeq != want {
				t.Fatalf("torn at byte %d: %+v, expected %d records", cut, s, want)
			}
			if n := len(d.Logs[0][2].Data); n != 80+int(want-10)*record {
				t.Fatalf("torn at byte %d: %d bytes are left", cut, n)
			}
		}
	}
}

// The frame that begins a segment can be torn as well: then the segment has not begun.
func TestTornBeginningOfASegmentIsNoSegment(t *testing.T) {
	dump, cfg := remains(t)
	dump.Logs[1] = nil
	whole := dump.Logs[0][1].Data[:80]
	for cut := range 80 {
		dump.Logs[0][1].Data = slices.Clone(whole[:cut])
		d := mars.NewDesk(t, 2, cfg)
		d.Load(dump)
		d.Boot()
		if s := d.Status(); s.Role != replica.RoleSecondary || s.DurableSeq != 10 || s.End != 800 {
			t.Fatalf("torn at byte %d: %+v", cut, s)
		}
		if d.Logs[0][2] != nil {
			t.Fatalf("torn at byte %d: the segment is still there", cut)
		}
	}
}

// A volume that is smaller than its log says is not the volume of this log: to try again would be to
// wait for ever.
func TestVolumeThatIsTooSmallIsADefect(t *testing.T) {
	c := start(t, 1, 23, mars.Config{})
	c.role(1, replica.RolePrimary)
	c.fill(1, 0, 10, 1)
	d := mars.NewDesk(t, 1, c.cfg)
	dump := c.dump(1)
	dump.Logs[1] = nil // recovery begins with the first record
	d.Load(dump)
	d.Fail = func(f *node.Effect) node.Code {
		if f.Op == node.OpWrite {
			return node.Invalid
		}
		return node.OK
	}
	d.Boot()
	d.Ticks(20)
	if s := d.Status(); s.Role != replica.RoleDefective || !strings.Contains(s.Defect, "too small") {
		t.Fatalf("%+v", s)
	}
}
