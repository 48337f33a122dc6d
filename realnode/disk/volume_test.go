package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// TestVolumeModel does random work on every stack, ends it without a sync as a kill does, and
// opens it again. A list of all that was ever written says what may be there.
func TestVolumeModel(t *testing.T) {
	for _, size := range []uint32{512, 4096} {
		g := node.Geometry{Sectors: 37, SectorSize: size, Carry: size}
		for _, s := range volumeStacks(g) {
			t.Run(fmt.Sprintf("%d/%s", size, s.name), func(t *testing.T) {
				m := &volumeModel{t: t, geo: g, mode: s.mode, random: random(t.Name())}
				m.history = make([][]content, g.Sectors)
				for i := range m.history {
					m.history[i] = []content{{}}
				}
				dir := fastDir(t)
				for round := range uint64(30) {
					m.v = s.open(t, dir, Cache{Mode: s.mode, Random: node.NewStream(round, "cache"),
						Floor: func() uint64 { return m.ended }})
					m.check()
					m.work(60)
					m.check()
					m.v.Close()
					if s.forgets {
						break
					}
					m.v = s.open(t, dir, Cache{Mode: s.mode})
					m.crashed()
					m.v.Close()
				}
			})
		}
	}
}

// content is what a sector was filled with, by the write of this number.
type content struct {
	seq  uint64
	fill byte
}

type volumeModel struct {
	t       *testing.T
	v       Volume
	geo     node.Geometry
	mode    node.Unsynced
	random  *node.Stream
	stamp   byte
	history [][]content // of each sector, since the volume was opened
	seq     uint64      // writes asked for
	ended   uint64      // of these, whose completion was seen
	covered uint64      // of these, which a sync has covered
}

func (m *volumeModel) run() (off, n int64) {
	all := uint64(len(m.history))
	off = int64(m.random.Below(all))
	return off, 1 + int64(m.random.Below(all-uint64(off)))
}

func (m *volumeModel) work(steps int) {
	for range steps {
		off, n := m.run()
		switch m.random.Below(12) {
		case 0, 1, 2, 3:
			m.stamp = max(1, m.stamp+1)
			m.write(off, n, m.stamp)
		case 4, 5:
			m.write(off, n, 0)
		case 6, 7:
			m.ended += m.random.Below(m.seq - m.ended + 1)
		case 8:
			m.covered = m.ended
			syncUpto(m.t, m.v, 0, m.covered)
		case 9:
			if m.random.Below(3) == 0 {
				m.resize(1 + int64(m.random.Below(60)))
			}
		case 10:
			m.checkMap(off, n)
		case 11:
			m.check()
		}
	}
}

func (m *volumeModel) write(off, n int64, fill byte) {
	m.seq++
	r := Request{Op: node.OpWrite, Off: off, N: n, Seq: m.seq,
		Data: bytes.Repeat([]byte{fill}, int(m.geo.Bytes(n)))}
	if fill == 0 {
		r.Op, r.Data = node.OpZero, nil
	}
	do(m.t, m.v, r)
	for s := off; s < off+n; s++ {
		m.history[s] = append(m.history[s], content{m.seq, fill})
	}
}

func (m *volumeModel) resize(n int64) {
	do(m.t, m.v, Request{Op: node.OpResize, N: n})
	if g := m.v.Geometry(); g.Sectors != uint64(n) {
		m.t.Fatalf("%d sectors, expected %d", g.Sectors, n)
	}
	m.history = m.history[:min(int(n), len(m.history))]
	for int64(len(m.history)) < n {
		m.history = append(m.history, []content{{}})
	}
}

func (m *volumeModel) read(off, n int64) []byte {
	b := do(m.t, m.v, Request{Op: node.OpRead, Off: off, N: n})
	if int64(len(b)) != m.geo.Bytes(n) {
		m.t.Fatalf("%d bytes, expected %d", len(b), m.geo.Bytes(n))
	}
	fills := make([]byte, n)
	size := int(m.geo.SectorSize)
	for i := range fills {
		fills[i] = b[i*size]
		if !bytes.Equal(b[i*size:(i+1)*size], bytes.Repeat(fills[i:i+1], size)) {
			m.t.Fatalf("half of sector %d was written", off+int64(i))
		}
	}
	return fills
}

func (m *volumeModel) check() {
	m.t.Helper()
	off, n := m.run()
	for i, got := range m.read(off, n) {
		h := m.history[off+int64(i)]
		if want := h[len(h)-1].fill; got != want {
			m.t.Fatalf("sector %d reads %d, expected %d: %v", off+int64(i), got, want, h)
		}
	}
}

func (m *volumeModel) checkMap(off, n int64) {
	m.t.Helper()
	runs, err := node.DecodeRuns(do(m.t, m.v, Request{Op: node.OpMap, Off: off, N: n}))
	must(m.t, err)
	for s := off; s < off+n; s++ {
		h := m.history[s]
		in := slices.ContainsFunc(runs, func(r node.Run) bool { return s >= r.First && s < r.First+r.N })
		if !in && h[len(h)-1].fill != 0 {
			m.t.Fatalf("sector %d holds %d: not in %v", s, h[len(h)-1].fill, runs)
		}
	}
	for _, r := range runs {
		if r.First < off || r.First+r.N > off+n {
			m.t.Fatalf("%v is outside of [%d, %d)", runs, off, off+n)
		}
	}
}

// crashed checks what the end has left, which is the start of a new history.
func (m *volumeModel) crashed() {
	if g := m.v.Geometry(); g.Sectors != uint64(len(m.history)) {
		m.t.Fatalf("%d sectors, expected %d", g.Sectors, len(m.history))
	}
	for s, got := range m.read(0, int64(len(m.history))) {
		h, oldest := m.history[s], 0
		for i, c := range h {
			if c.seq <= m.covered {
				oldest = i
			}
		}
		fits := func(c content) bool { return c.fill == got }
		switch {
		case m.mode == node.Keep && got != h[len(h)-1].fill:
			m.t.Fatalf("sector %d: %d was kept of %v", s, got, h)
		case m.mode == node.LoseAll && got != h[oldest].fill:
			m.t.Fatalf("sector %d: %d is there of %v, covered up to %d", s, got, h, m.covered)
		case !slices.ContainsFunc(h[oldest:], fits):
			m.t.Fatalf("sector %d: %d is older than what was synced: %v, %d", s, got, h, m.covered)
		}
		m.history[s] = []content{{0, got}}
	}
	m.seq, m.ended, m.covered = 0, 0, 0
}

func TestVolumeRefuses(t *testing.T) {
	g := node.Geometry{Sectors: 8, SectorSize: 512, Carry: 512}
	for _, s := range volumeStacks(g) {
		t.Run(s.name, func(t *testing.T) {
			v := s.open(t, t.TempDir(), Cache{Mode: s.mode})
			defer v.Close()
			for _, r := range []Request{
				{Op: node.OpRead, Off: -1, N: 1}, {Op: node.OpRead, Off: 8, N: 1}, {Op: node.OpRead},
				{Op: node.OpRead, Off: 1, N: 8}, {Op: node.OpRead, Off: 1, N: 1<<63 - 1},
				{Op: node.OpWrite, N: 1, Data: make([]byte, 511)},
				{Op: node.OpWrite, Off: 7, N: 2, Data: make([]byte, 1024)}, {Op: node.OpZero, N: 9},
				{Op: node.OpMap, N: -1}, {Op: node.OpResize}, {Op: node.OpResize, N: -1},
				{Op: node.OpResize, N: 1 << 60}, {Op: node.OpLogAppend}, {Op: node.OpSync},
			} {
				_, err := v.Do(&r)
				if !errors.Is(err, ErrInvalid) || CodeOf(err) != node.Invalid {
					t.Errorf("%+v: %v", r, err)
				}
			}
		})
	}
}

func TestVolumeGeometry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v")
	for _, g := range []node.Geometry{{}, {Sectors: 1, SectorSize: 512, Carry: 16},
		{Sectors: 1, SectorSize: 1024, Carry: 1024}, {SectorSize: 512, Carry: 512},
		{Sectors: 1 << 62, SectorSize: 4096, Carry: 4096}} {
		if _, err := OpenVolume(path, g); err == nil {
			t.Errorf("%+v is taken", g)
		}
	}
	write(t, path, make([]byte, 513))
	if _, err := OpenVolume(path, node.Geometry{Sectors: 2, SectorSize: 512, Carry: 512}); err == nil {
		t.Error("half a sector is taken")
	}
	write(t, path, make([]byte, 1024))
	v, err := OpenVolume(path, node.Geometry{Sectors: 7, SectorSize: 512, Carry: 512})
	must(t, err)
	defer v.Close()
	if n := v.Geometry().Sectors; n != 2 {
		t.Errorf("%d sectors, expected the 2 that are there", n)
	}
}

// A sync that has failed must not succeed the second time: the kernel reports an error once.
func TestFailedSyncIsFinal(t *testing.T) {
	g := node.Geometry{Sectors: 8, SectorSize: 4096, Carry: 4096}
	v := fileStack(t, t.TempDir(), g).(*fileVolume)
	file := v.file
	pipe, other, err := os.Pipe() // cannot be synced
	must(t, err)
	defer pipe.Close()
	defer other.Close()
	v.file = pipe
	first := v.Sync(0, 0)
	v.file = file
	defer v.Close()
	if !errors.Is(first, unix.EINVAL) {
		t.Fatal(first)
	}
	_, write := v.Do(&Request{Op: node.OpWrite, N: 1, Data: make([]byte, 4096)})
	_, zero := v.Do(&Request{Op: node.OpZero, N: 1})
	for _, err := range []error{v.Sync(0, 0), write, zero} {
		if !errors.Is(err, unix.EINVAL) {
			t.Errorf("after a failed sync: %v", err)
		}
	}
	do(t, v, Request{Op: node.OpRead, N: 1})
}

// Zeros give their space back, and a map shows it, where the file system can.
func TestZeroMakesHoles(t *testing.T) {
	g := node.Geometry{Sectors: 64, SectorSize: 4096, Carry: 4096}
	v := fileStack(t, t.TempDir(), g)
	defer v.Close()
	mapped := func() []node.Run {
		runs, err := node.DecodeRuns(do(t, v, Request{Op: node.OpMap, N: 64}))
		must(t, err)
		return runs
	}
	if runs := mapped(); len(runs) != 0 {
		t.Skipf("the file system of the temporary directory cannot tell holes: %v", runs)
	}
	do(t, v, Request{Op: node.OpWrite, Off: 8, N: 32, Data: bytes.Repeat([]byte{1}, 32*4096)})
	do(t, v, Request{Op: node.OpZero, Off: 16, N: 8})
	want := []node.Run{{First: 8, N: 8}, {First: 24, N: 16}}
	if runs := mapped(); !slices.Equal(runs, want) {
		t.Errorf("map %v, expected %v", runs, want)
	}
}
