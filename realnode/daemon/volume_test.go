package daemon

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/container-football/pitch/internal/units"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/nbd"
	"github.com/container-football/pitch/replica"
)

// newFront is a volume in a sparse file, as clients see it.
func newFront(t *testing.T, sector, size int64) *volumeFront {
	t.Helper()
	clock, err := engine.NewClock(0)
	if err != nil {
		t.Fatal(err)
	}
	def := parseDefinition(t, sector, size)
	spec, err := buildToy(def, []node.Addr{{Host: 1}}, node.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "volume")
	unit, err := engine.New(engine.Config{Host: 1, Clock: clock}).Add(engine.Machine{Spec: spec,
		Volumes: []engine.Opener{func(func() uint64) (disk.Device, error) {
			return disk.OpenVolume(path, def.Geometry())
		}},
		Logs: []engine.Opener{func(func() uint64) (disk.Device, error) { return disk.MemoryLog(), nil }}})
	if err != nil {
		t.Fatal(err)
	}
	unit.Boot(1, 1)
	t.Cleanup(func() {
		if err := unit.Stop(); err != nil {
			t.Error(err)
		}
	})
	return newVolumeFront(&resource{def: def, unit: unit, changed: make(chan struct{})})
}

func parseDefinition(t *testing.T, sector, size int64) *Definition {
	t.Helper()
	def := &Definition{Schema: Schema, CompressLog: "none", Name: "lv1", UUID: "0123456789abcdef0123456789abcdef",
		Strategy: toys, Size: units.Bytes(size), Sector: units.Bytes(sector),
		Members: []string{"alpha"}, Ack: "durable", Buffer: 1 << 20, FetchWindow: 1 << 20}
	again, err := ParseDefinition("definition", def.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// Ranges begin and end anywhere. What is read is what a plain array of bytes would hold, where a
// trim has given up whole sectors alone, and what is told to be a hole reads as zeros.
func TestBytesOverSectors(t *testing.T) {
	for _, sector := range []int64{512, 4096} {
		const size = 1 << 18
		v := newFront(t, sector, size)
		model := make([]byte, size)
		random := node.NewStream(uint64(sector), "bytes over sectors")
		below := func(n int64) int64 { return int64(random.Below(uint64(n))) }
		for i := range 400 {
			n := 1 + below([]int64{3 * sector, 600, 60000}[below(3)])
			off := below(size - n)
			if below(4) == 0 { // from or to the edge of a sector
				off -= off % sector
				n = max(n-n%sector, 1)
			}
			part := model[off : off+n]
			var err error
			switch below(5) {
			case 0:
				for k := range part {
					part[k] = byte(i + k)
				}
				err = v.WriteAt(part, off)
			case 1:
				clear(part)
				err = v.Zero(off, n, true)
			case 2:
				first, end := (off+sector-1)/sector*sector, (off+n)/sector*sector
				if first < end {
					clear(model[first:end])
				}
				err = v.Trim(off, n)
			case 3:
				got := make([]byte, n)
				if err = v.ReadAt(got, off); !bytes.Equal(got, part) {
					t.Fatalf("step %d: read of %d at %d differs", i, n, off)
				}
			case 4:
				err = holds(t, v, model, off, n)
			}
			if err != nil {
				t.Fatalf("step %d: %d bytes at %d: %v", i, n, off, err)
			}
		}
		if err := v.Flush(); err != nil {
			t.Error(err)
		}
		got := make([]byte, size)
		if err := v.ReadAt(got, 0); err != nil || !bytes.Equal(got, model) {
			t.Errorf("at the end the volume holds something else: %v", err)
		}
	}
}

// holds checks what is told about a range.
func holds(t *testing.T, v *volumeFront, model []byte, off, n int64) error {
	t.Helper()
	list, err := v.Extents(nil, off, n, 1000)
	at := off
	for _, e := range list {
		if e.Length <= 0 || e.Hole != e.Zero {
			t.Errorf("extent %+v", e)
		}
		if e.Zero && !bytes.Equal(model[at:at+e.Length], make([]byte, e.Length)) {
			t.Errorf("%d bytes at %d are told to be zeros", e.Length, at)
		}
		at += e.Length
	}
	if at != off+n {
		t.Errorf("%d of %d bytes are described", at-off, n)
	}
	few, fewErr := v.Extents([]nbd.Extent{}, off, n, 1)
	if fewErr != nil || len(few) != 1 || few[0] != list[0] {
		t.Errorf("the first extent: %+v, %v, expected %+v", few, fewErr, list[0])
	}
	return err
}

// What a machine says no to reaches the client as an errno that fits.
func TestErrorsReachClients(t *testing.T) {
	v := newFront(t, 4096, 1<<18)
	if err := v.Open(); err != nil {
		t.Error(err)
	}
	if err := v.call(replica.OpPauseReplay, 0, 0, nil); err != nil { // no longer primary
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for name, err := range map[string]error{"read": v.ReadAt(buf, 0), "write": v.WriteAt(buf, 0),
		"part of a sector": v.WriteAt(buf[:5], 3), "flush": v.Flush(), "trim": v.Trim(0, 4096),
		"zero": v.Zero(5, 5000, true)} {
		if !errors.Is(err, syscall.ESHUTDOWN) {
			t.Errorf("%s on a secondary: %v", name, err)
		}
	}
	if _, err := v.Extents(nil, 0, 4096, 1); !errors.Is(err, syscall.ESHUTDOWN) {
		t.Errorf("extents on a secondary: %v", err)
	}
	if err := v.Open(); !errors.Is(err, errNotOpened) {
		t.Errorf("open on a secondary: %v", err)
	}
	for code, want := range map[node.Code]error{node.NoSpace: syscall.ENOSPC, node.IOError: syscall.EIO,
		node.Unknown: syscall.EIO, node.Invalid: syscall.EINVAL} {
		if err := errnoOf(v.r, code); !errors.Is(err, want) {
			t.Errorf("%v: %v", code, err)
		}
	}
	if err := v.r.unit.Stop(); err != nil {
		t.Error(err)
	}
	if err := v.ReadAt(buf, 0); !errors.Is(err, syscall.ESHUTDOWN) {
		t.Errorf("read from a machine that has stopped: %v", err)
	}
	v.Close()
}

// The words for a state are those of marsadm.
func TestWordsForStates(t *testing.T) {
	secondary := replica.Status{Role: replica.RoleSecondary, FetchOn: true, ReplayOn: true}
	said := make(map[string]bool)
	for _, c := range []struct {
		change            func(v *View, st *replica.Status)
		disk, repl, flags string
	}{
		{func(v *View, st *replica.Status) { st.UpToDate = true }, "UpToDate", "Replaying", "-CASFR"},
		{func(v *View, st *replica.Status) { v.Behind = 5 }, "OutDated[F]", "Replaying", "-CASfR"},
		{func(v *View, st *replica.Status) { v.Unapplied = 5 }, "OutDated[R]", "Replaying", "-CASFr"},
		{func(v *View, st *replica.Status) { v.Behind, v.Unapplied = 5, 5 }, "OutDated[FR]", "Replaying",
			"-CASfr"},
		{func(v *View, st *replica.Status) { st.FetchOn = false }, "OutDated[F]", "PausedFetch", "-CAS-R"},
		{func(v *View, st *replica.Status) { st.ReplayOn, v.Unapplied = false, 5 }, "OutDated[R]",
			"PausedReplay", "-CASF-"},
		{func(v *View, st *replica.Status) { st.FetchOn, st.ReplayOn, st.UpToDate = false, false, true }, "UpToDate",
			"PausedFetch", "-CASFR"},
		{func(v *View, st *replica.Status) { st.FetchOn, v.Unapplied = false, 5 }, "OutDated[R]", "PausedFetch",
			"-CAS-r"},
		{func(v *View, st *replica.Status) {
			st.Inconsistent, st.SyncOn, st.SyncWaits, st.ToCopy = true, true, true, 9
		}, "InConsistent", "WaitingSync", "-cAsfR"},
		{func(v *View, st *replica.Status) { st.Role, st.Emergency = replica.RolePrimary, true },
			"EmergencyMode", "EmergencyMode", "dCA---"},
		{func(v *View, st *replica.Status) { st.Role, st.Fenced = replica.RolePrimary, true },
			"UpToDate", "Fenced", "dCA---"},
		{func(v *View, st *replica.Status) { st.Orphan, st.CatchesUp = true, true }, "Orphan", "CatchingUp", "-CASfR"},
		{func(v *View, st *replica.Status) { st.CutOff = true }, "OutDated[S]", "SplitBrain", "-CASfR"},
		{func(v *View, st *replica.Status) { v.Primary = "" }, "OutDated[F]", "NoPrimaryDesignated",
			"-CASfR"},
		{func(v *View, st *replica.Status) { v.PrimaryUnreachable = true }, "OutDated[F]",
			"PrimaryUnreachable", "-CASfR"},
		{func(v *View, st *replica.Status) { st.Orphan = true }, "Orphan", "Orphan", "-CASfR"},
		{func(v *View, st *replica.Status) { st.Inconsistent, st.SyncOn, st.ToCopy = true, true, 9 },
			"InConsistent", "Syncing", "-cAsfR"},
		{func(v *View, st *replica.Status) { st.Inconsistent, st.ToCopy = true, 9 }, "InConsistent",
			"PausedSync", "-cA-fR"},
		{func(v *View, st *replica.Status) { st.Role = replica.RolePrimary }, "UpToDate", "Replicating",
			"dCA---"},
		{func(v *View, st *replica.Status) { st.Role, v.Open, v.Unapplied = replica.RolePrimary, 1, 7 },
			"WriteBack[7]", "Replicating", "DCA---"},
		{func(v *View, st *replica.Status) { st.Role, v.Unapplied = replica.RoleRecovering, 7 },
			"Recovery[7]", "NotYetPrimary", "-CASFr"},
		{func(v *View, st *replica.Status) { st.Role = replica.RoleBooting }, "Detached", "NotStarted",
			"------"},
		{func(v *View, st *replica.Status) { st.Role = replica.RoleDefective }, "DefectiveLog",
			"UnResponsive", "------"},
		{func(v *View, st *replica.Status) { st.Role = replica.RoleLeft }, "NotJoined", "NotJoined",
			"------"},
		{func(v *View, st *replica.Status) { st.Role, v.Open = replica.RoleRemote, 1 }, "NoReplica", "Remote",
			"D-----"},
		{func(v *View, st *replica.Status) { st.Role, v.Primary, v.Open = replica.RoleRemote, "", 1 },
			"NoReplica", "SeekingPrimary", "D-----"},
		{func(v *View, st *replica.Status) { st.Role, v.Primary = replica.RoleRemote, "" }, "NoReplica",
			"NotInUse", "d-----"},
		{func(v *View, st *replica.Status) { st.Role, st.Defect = replica.RoleRemote, "taken" }, "NoReplica",
			"TakenAway", "d-----"},
		{func(v *View, st *replica.Status) { st.Role = replica.RoleWitness }, "NoReplica", "Voting", "------"},
	} {
		v, st := View{Primary: "alpha"}, secondary
		c.change(&v, &st)
		if d, r, f := diskState(&v, st), replState(&v, st), flags(&v, st); d != c.disk || r != c.repl ||
			f != c.flags {
			t.Errorf("%s, %s, %s, expected %s, %s, %s", d, r, f, c.disk, c.repl, c.flags)
		}
		said[strings.ReplaceAll(c.disk, "[7]", "[BYTES]")], said[c.repl] = true, true
	}
	for _, w := range slices.Concat(DiskWords(), ReplWords()) {
		if !said[w.Name] {
			t.Errorf("%s is explained, and no state is called so", w.Name)
		}
	}
	for word := range said {
		if !slices.ContainsFunc(slices.Concat(DiskWords(), ReplWords()),
			func(w Word) bool { return w.Name == word }) {
			t.Errorf("%s is not explained", word)
		}
	}
}
