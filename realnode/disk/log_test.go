package disk

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// TestLogModel is TestVolumeModel for logs.
func TestLogModel(t *testing.T) {
	for _, s := range logStacks() {
		t.Run(s.name, func(t *testing.T) {
			m := &logModel{t: t, mode: s.mode, random: random(t.Name()), segs: map[uint64]*segModel{}}
			dir := fastDir(t)
			if strings.HasPrefix(s.name, "direct") {
				dir = t.TempDir()
			}
			for round := range uint64(12) {
				m.seq, m.ended = 0, 0
				m.l = s.open(t, dir, Cache{Mode: s.mode, Random: node.NewStream(round, "cache")})
				m.check()
				m.work(100)
				m.check()
				m.l.Close()
				if s.forgets {
					break
				}
				m.crashed(filepath.Join(dir, "log"))
			}
		})
	}
}

type logModel struct {
	t          *testing.T
	l          Device
	mode       node.Unsynced
	random     *node.Stream
	segs       map[uint64]*segModel
	seq, ended uint64
}

// segModel is what a segment holds in every respect.
type segModel struct {
	data    []byte
	durable int // so many bytes must survive
	exists  bool
	pieces  []piece
}

type piece struct {
	seq uint64
	end int
}

// size draws the size of an append: small ones, ones that just fill blocks, and a few big ones.
func (m *logModel) size() int {
	switch m.random.Below(12) {
	case 0, 1, 2, 3:
		return int(m.random.Below(200))
	case 4, 5, 6:
		return 4160
	case 7:
		return payloadSize * int(m.random.Below(3))
	case 8:
		return int(m.random.Below(70_000))
	case 9:
		if m.random.Below(20) == 0 {
			return maxWrite + int(m.random.Below(maxWrite/2))
		}
	}
	return int(m.random.Below(5000))
}

func (m *logModel) work(steps int) {
	for range steps {
		id := m.random.Below(4)
		s := m.segs[id]
		m.ended += m.random.Below(m.seq - m.ended + 1)
		switch what := m.random.Below(24); {
		case what < 13:
			m.append(id, m.size())
		case what < 18 && s != nil:
			syncUpto(m.t, m.l, id, m.ended)
			for len(s.pieces) > 0 && s.pieces[0].seq <= m.ended {
				s.durable = max(s.durable, min(s.pieces[0].end, len(s.data)))
				s.exists, s.pieces = true, s.pieces[1:]
			}
		case what == 18 && s != nil:
			m.truncate(id, int(m.random.Below(uint64(len(s.data)+1))))
		case what == 19 && s != nil:
			m.truncate(id, max(0, len(s.data)-int(m.random.Below(100))))
		case what == 20 && s != nil && m.random.Below(3) == 0:
			do(m.t, m.l, Request{Op: node.OpLogDelete, Seg: id})
			delete(m.segs, id)
		case what == 21:
			m.refuse(id)
		case what > 21:
			m.check()
		}
	}
}

func (m *logModel) append(id uint64, n int) {
	s := m.segs[id]
	if s == nil {
		s = &segModel{}
		m.segs[id] = s
	}
	m.seq++
	data := noise(m.random, n)
	do(m.t, m.l, Request{Op: node.OpLogAppend, Seg: id, Off: int64(len(s.data)), Seq: m.seq,
		Data: data})
	s.data = append(s.data, data...)
	s.pieces = append(s.pieces, piece{m.seq, len(s.data)})
}

// noise has no zeros: where a test finds some, it was not written.
func noise(random *node.Stream, n int) []byte {
	b := make([]byte, n)
	word := uint64(0)
	for i := range b {
		if i%8 == 0 {
			word = random.Uint64()
		}
		b[i] = byte(word) | 1
		word >>= 8
	}
	return b
}

func (m *logModel) truncate(id uint64, size int) {
	s := m.segs[id]
	do(m.t, m.l, Request{Op: node.OpLogTrunc, Seg: id, N: int64(size)})
	s.data, s.durable, s.exists = s.data[:size:size], min(s.durable, size), true
	for i := range s.pieces {
		s.pieces[i].end = min(s.pieces[i].end, size)
	}
}

// refuse asks for what makes no sense.
func (m *logModel) refuse(id uint64) {
	size, missing := int64(0), id+100
	if s := m.segs[id]; s != nil {
		size = int64(len(s.data))
	}
	list := []Request{
		{Op: node.OpLogAppend, Seg: id, Off: size + 1, Data: []byte("x")},
		{Op: node.OpLogAppend, Seg: id, Off: -1}, {Op: node.OpLogAppend, Seg: missing, Off: 1},
		{Op: node.OpLogRead, Seg: missing, N: 1}, {Op: node.OpLogTrunc, Seg: missing},
		{Op: node.OpLogDelete, Seg: missing}, {Op: node.OpLogTrunc, Seg: id, N: size + 1},
		{Op: node.OpLogTrunc, Seg: id, N: -1}, {Op: node.OpLogRead, Seg: id, Off: -1, N: 1},
		{Op: node.OpLogRead, Seg: id, N: -1}, {Op: node.OpZero}, {Op: node.OpLogSync, Seg: id},
	}
	if size > 0 {
		list = append(list, Request{Op: node.OpLogAppend, Seg: id, Off: size - 1, Data: []byte("x")})
	}
	for _, r := range list {
		if _, err := m.l.Do(&r); !errors.Is(err, ErrInvalid) || CodeOf(err) != node.Invalid {
			m.t.Fatalf("%+v: %v", r, err)
		}
	}
	if done, err := m.l.Admit(missing, 0); !done || !errors.Is(err, ErrInvalid) {
		m.t.Fatalf("sync of a segment that is not there: %v, %v", done, err)
	}
}

func (m *logModel) check() {
	m.t.Helper()
	segs, err := node.DecodeSegments(do(m.t, m.l, Request{Op: node.OpLogList}))
	if err != nil || len(segs) != len(m.segs) {
		m.t.Fatalf("listing %v, %v; expected %d segments", segs, err, len(m.segs))
	}
	for _, s := range segs {
		want := m.segs[s.ID]
		if want == nil || s.Size != int64(len(want.data)) {
			m.t.Fatalf("segment %d has %d bytes, expected %v", s.ID, s.Size, want)
		}
		for range 3 {
			from := m.random.Below(uint64(len(want.data)) + 2)
			n := m.random.Below(uint64(len(want.data)) + 2)
			got := do(m.t, m.l, Request{Op: node.OpLogRead, Seg: s.ID, Off: int64(from), N: int64(n)})
			end := uint64(len(want.data))
			if part := want.data[min(from, end):min(from+n, end)]; !bytes.Equal(got, part) {
				m.t.Fatalf("segment %d, %d from %d: %d bytes, expected %d; first difference at %d",
					s.ID, n, from, len(got), len(part), difference(got, part))
			}
		}
	}
}

func difference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// crashed checks the files after an end, and makes them the model.
func (m *logModel) crashed(path string) {
	t := m.t
	files, err := ReadLog(path)
	must(t, err)
	there := make(map[uint64][]byte)
	for _, f := range files {
		if m.segs[f.ID] == nil {
			t.Fatalf("segment %d was deleted and is there", f.ID)
		}
		there[f.ID] = f.Data
	}
	for _, id := range slices.Sorted(maps.Keys(m.segs)) {
		s := m.segs[id]
		got, ok := there[id]
		where := fmt.Sprintf("segment %d: %d bytes, expected %d, durable %d, same up to %d", id,
			len(got), len(s.data), s.durable, difference(got, s.data))
		switch {
		case s.exists && !ok:
			t.Fatalf("%s: it is gone", where)
		case m.mode == node.Keep && (!ok || !bytes.Equal(got, s.data)):
			t.Fatalf("%s: not kept", where)
		case m.mode == node.LoseAll && (ok != s.exists || !bytes.Equal(got, s.data[:s.durable])):
			t.Fatalf("%s: not lost", where)
		case len(got) > len(s.data) || !bytes.Equal(got[:min(s.durable, len(got))], s.data[:s.durable]):
			t.Fatalf("%s: synced data is lost", where)
		}
		for i := s.durable; i < len(got); i++ {
			if got[i] != 0 && got[i] != s.data[i] {
				t.Fatalf("%s: byte %d was never written", where, i)
			}
		}
		if !ok {
			delete(m.segs, id)
			continue
		}
		m.segs[id] = &segModel{data: got, durable: len(got), exists: true}
	}
}

// What was cut off or deleted must not come back, whatever is written in its place.
func TestOldBlocksStayDead(t *testing.T) {
	dir := filepath.Join(fastDir(t), "log")
	r := random("old blocks")
	for round := range 60 {
		l, err := OpenLog(dir, LogOptions{Buffered: true, Spares: 1})
		must(t, err)
		do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Data: bytes.Repeat([]byte("old"), 20_000)})
		size := int64(r.Below(60_000))
		if round%2 == 0 {
			do(t, l, Request{Op: node.OpLogTrunc, Seg: 1, N: size})
		} else {
			do(t, l, Request{Op: node.OpLogDelete, Seg: 1})
			size = 0
		}
		next := bytes.Repeat([]byte("N"), int(r.Below(9000)))
		do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: size, Data: next})
		l.Close()
		files, err := ReadLog(dir)
		must(t, err)
		want := append(bytes.Repeat([]byte("old"), 20_000)[:size], next...)
		if len(files) != 1 || !bytes.Equal(files[0].Data, want) {
			t.Fatalf("round %d: %d bytes, expected %d, cut at %d", round, len(files[0].Data), len(want),
				size)
		}
		l, err = OpenLog(dir, LogOptions{Buffered: true, Spares: 1})
		must(t, err)
		if got := do(t, l, Request{Op: node.OpLogRead, Seg: 1, N: 1 << 20}); !bytes.Equal(got, want) {
			t.Fatalf("round %d: it reads %d bytes, expected %d", round, len(got), len(want))
		}
		do(t, l, Request{Op: node.OpLogDelete, Seg: 1})
		l.Close()
	}
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("%v are there, expected one spare file", entries)
	}
}

// A thousand logs that hold next to nothing must not cost much.
func TestIdleLogsAreCheap(t *testing.T) {
	dir := t.TempDir()
	before := openFiles(t)
	for i := range 20 {
		l, err := OpenLog(filepath.Join(dir, fmt.Sprint(i)), LogOptions{})
		must(t, err)
		defer l.Close()
		for seg := range uint64(10) {
			do(t, l, Request{Op: node.OpLogAppend, Seg: seg, Data: []byte("some")})
		}
	}
	if n := openFiles(t) - before; n > 20*4 {
		t.Errorf("%d open files of 20 logs", n)
	}
	var used int64
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if info, _ := e.Info(); err == nil && e.Type().IsRegular() {
			used += info.Size()
		}
		return err
	}))
	if most := int64(20 * 10 * 2 * firstFill); used > most {
		t.Errorf("%d bytes of disk for 200 small segments, expected at most %d", used, most)
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// A log on a full disk says so, is as it was before, and takes up again when there is space.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("NOT TESTED: a full disk needs a mount, and that root: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	l, err := OpenLog(filepath.Join(dir, "log"), LogOptions{})
	must(t, err)
	defer l.Close()
	t.Log(l)
	var off int64
	for {
		_, err := l.Do(&Request{Op: node.OpLogAppend, Seg: 1, Off: off, Data: make([]byte, 4160)})
		if err != nil {
			if CodeOf(err) != node.NoSpace {
				t.Fatal(err)
			}
			break
		}
		off += 4160
	}
	if off < 900<<10 {
		t.Errorf("full after %d bytes", off)
	}
	_, err = l.Do(&Request{Op: node.OpLogAppend, Seg: 2, Data: make([]byte, 10_000)})
	if CodeOf(err) != node.NoSpace {
		t.Error(err)
	}
	segs, err := node.DecodeSegments(do(t, l, Request{Op: node.OpLogList}))
	if want := []node.Segment{{ID: 1, Size: off}}; err != nil || !slices.Equal(segs, want) {
		t.Errorf("listing %v, expected %v", segs, want)
	}
	do(t, l, Request{Op: node.OpLogTrunc, Seg: 1, N: 100})
	do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: 100, Data: make([]byte, 100_000)})
	do(t, l, Request{Op: node.OpLogDelete, Seg: 1})
	do(t, l, Request{Op: node.OpLogAppend, Seg: 2, Data: make([]byte, 100_000)})
	must(t, Verify(filepath.Join(dir, "log")))
}

// A look from outside at a log at work shows what was there at some moment, and no damage.
func TestReadBesideWriter(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLog(dir, LogOptions{})
	must(t, err)
	defer l.Close()
	want := noise(random("beside"), 1<<20)
	do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Data: want[:100]})
	done := make(chan error, 1)
	go func() {
		sizes := random("sizes")
		for off := int64(100); off < int64(len(want)); {
			n := min(1+int64(sizes.Below(9000)), int64(len(want))-off)
			r := Request{Op: node.OpLogAppend, Seg: 1, Off: off, Data: want[off : off+n]}
			if _, err := l.Do(&r); err != nil {
				done <- err
				return
			}
			off += n
		}
		done <- nil
	}()
	for last := 100; ; {
		got, err := ReadSegment(filepath.Join(dir, SegmentName(1)))
		if err != nil || len(got) < last || !bytes.HasPrefix(want, got) {
			t.Fatalf("%d bytes after %d, %v; same up to %d", len(got), last, err, difference(got, want))
		}
		last = len(got)
		select {
		case err := <-done:
			must(t, err)
			return
		default:
		}
	}
}
