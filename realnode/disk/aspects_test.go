package disk

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
)

func TestMetered(t *testing.T) {
	var m Metrics
	failing := errors.New("failing")
	l := Metered(Faulty(MemoryLog(), Faults{Before: func(r *Request) (int64, error) {
		if r.Op == node.OpLogTrunc {
			return 0, failing
		}
		return 0, nil
	}}), &m)
	for i := range int64(3) {
		do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: 10 * i, Data: make([]byte, 10)})
	}
	do(t, l, Request{Op: node.OpLogRead, Seg: 1, N: 25})
	syncUpto(t, l, 1, 3)
	if _, err := l.Do(&Request{Op: node.OpLogTrunc, Seg: 1}); !errors.Is(err, failing) {
		t.Error(err)
	}
	for _, c := range []struct {
		name                 string
		meter                *Meter
		count, bytes, errors uint64
	}{{"writes", &m.Writes, 3, 30, 0}, {"reads", &m.Reads, 1, 25, 0}, {"syncs", &m.Syncs, 1, 0, 0},
		{"others", &m.Others, 1, 0, 1}, {"zeros", &m.Zeros, 0, 0, 0}} {
		if c.meter.Count() != c.count || c.meter.Bytes() != c.bytes || c.meter.Errors() != c.errors {
			t.Errorf("%s: %d, %d bytes, %d errors; expected %+v", c.name, c.meter.Count(),
				c.meter.Bytes(), c.meter.Errors(), c)
		}
	}
}

// What is deleted and what is cut off is all that an archive holds, in that order, in this life and
// the next.
func TestArchived(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "past")
	if files, err := ReadArchive(dir); len(files) > 0 || err != nil {
		t.Fatalf("an archive that is not there: %v, %v", files, err)
	}
	below := MemoryLog()
	var l Device
	for life := range 2 {
		var err error
		if l, err = Archived(below, dir); err != nil {
			t.Fatal(err)
		}
		text := []byte("first and second")
		do(t, l, Request{Op: node.OpLogAppend, Seg: 7, Data: text})
		do(t, l, Request{Op: node.OpLogTrunc, Seg: 7, N: 5})
		do(t, l, Request{Op: node.OpLogDelete, Seg: 7})
		if _, err := l.Do(&Request{Op: node.OpLogDelete, Seg: 7}); !errors.Is(err, ErrInvalid) {
			t.Errorf("a segment that is not there: %v", err)
		}
		files, err := ReadArchive(dir)
		if err != nil || len(files) != 2*(life+1) {
			t.Fatalf("life %d: %d files, %v", life, len(files), err)
		}
		cut, deleted := files[2*life], files[2*life+1]
		if cut.ID != 7 || string(cut.Data) != " and second" || deleted.ID != 7 ||
			string(deleted.Data) != "first" {
			t.Errorf("life %d: cut off %q, deleted %q", life, cut.Data, deleted.Data)
		}
	}
	if s := l.String(); s != "archived "+below.String() {
		t.Error(s)
	}
}

func TestMeterBuckets(t *testing.T) {
	var m Meter
	for range 98 {
		m.add(3*time.Microsecond, 0, nil) // below 4
	}
	m.add(time.Millisecond, 0, nil) // below 1024 us
	m.add(1000*time.Hour, 0, nil)
	if a, b, c := m.Quantile(0.5), m.Quantile(0.99), m.Quantile(1); a != 4*time.Microsecond ||
		b != 1024*time.Microsecond || c != time.Microsecond<<(m.Buckets()-1) {
		t.Errorf("quantiles %v, %v, %v", a, b, c)
	}
	if q := new(Meter).Quantile(0.5); q != 0 {
		t.Errorf("%v of nothing", q)
	}
}

func TestLimited(t *testing.T) {
	now := time.Unix(0, 0)
	d := Limited(MemoryLog(), 1000, 500).(*limited)
	d.last = now
	d.now = func() time.Time { return now }
	d.sleep = func(pause time.Duration) { now = now.Add(pause) }
	for i := range int64(101) { // 500 bytes at once, then 100 bytes each 0.1 s
		do(t, d, Request{Op: node.OpLogAppend, Seg: 1, Off: 100 * i, Data: make([]byte, 100)})
	}
	took := now.Sub(time.Unix(0, 0))
	if took < 9400*time.Millisecond || took > 9600*time.Millisecond {
		t.Errorf("10100 bytes at 1000 a second, 500 at once: %v", took)
	}
}

func TestFaulty(t *testing.T) {
	fault := errors.New("fault")
	g := node.Geometry{Sectors: 4, SectorSize: 512, Carry: 512}
	var f Faults
	below := MemoryVolume(g)
	r := Request{Op: node.OpWrite, N: 4, Data: bytes.Repeat([]byte{1}, 2048)}
	expect := func(what string, err error, sectors int) {
		t.Helper()
		got := do(t, below, Request{Op: node.OpRead, N: 4})
		if !errors.Is(err, fault) || bytes.Count(got, []byte{1}) != 512*sectors {
			t.Errorf("%s: %v, %d bytes are written", what, err, bytes.Count(got, []byte{1}))
		}
		do(t, below, Request{Op: node.OpZero, N: 4})
	}
	f.Before = func(*Request) (int64, error) { return 0, fault }
	_, err := Faulty(below, f).Do(&r)
	expect("before", err, 0)
	f.Before = func(*Request) (int64, error) { return 1024, fault }
	_, err = Faulty(below, f).Do(&r)
	expect("torn", err, 2)
	_, err = Faulty(below, Faults{After: func(*Request) error { return fault }}).Do(&r)
	expect("after", err, 4)
	d := Faulty(below, Faults{Sync: func(uint64, uint64) error { return fault }})
	if done, err := d.Admit(0, 0); done || err != nil {
		t.Errorf("a sync that has to fail ends before: %v, %v", done, err)
	}
	expect("sync", d.Sync(0, 0), 0)
}

// A write that failed and is there in part must not show, neither then nor later, also if nothing
// could be done about it at once.
func TestAppendAfterFailure(t *testing.T) {
	for _, repaired := range []bool{true, false} {
		dir := t.TempDir()
		l, err := OpenLog(dir, LogOptions{Buffered: true})
		must(t, err)
		log := l.(*fileLog)
		log.direct = true // what fails is not final then
		want := []byte("start")
		do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Data: want})
		fails(t, log, repaired, Request{Op: node.OpLogAppend, Seg: 1, Off: 5, Data: make([]byte, 2*maxWrite+1<<20)})
		if outside, err := ReadSegment(log.segs[1].path); repaired && string(outside) != "start" {
			t.Errorf("after the failure there are %d bytes, %v", len(outside), err)
		}
		for _, n := range []int{3, payloadSize - 8, 100} {
			data := noise(random("failure"), n)
			do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: int64(len(want)), Data: data})
			want = append(want, data...)
			got, err := ReadSegment(log.segs[1].path)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("repaired %v: %d bytes, %v; expected %d", repaired, len(got), err, len(want))
			}
		}
		l.Close()
	}
}

// fails asks for something whose second write of blocks fails, after the first was done.
func fails(t *testing.T, log *fileLog, repaired bool, r Request) {
	s := log.segs[1]
	good := s.file
	readOnly, err := openDirect(s.path, 0)
	must(t, err)
	defer readOnly.Close()
	first := true
	log.opts.watch = func(_ *os.File, b []byte, off int64) {
		switch {
		case off == 0 && repaired:
			s.file = good
		case b[0] == 0 && off > 0 && !first: // the zeros ahead have been written
			s.file = readOnly
		case off == blockSize:
			first = false
		}
	}
	if _, err := log.Do(&r); err == nil {
		t.Fatal("it has not failed")
	}
	s.file, log.opts.watch = good, nil
}

// Where the kernel may have forgotten a write, nothing is written after it.
func TestBufferedFailureIsFinal(t *testing.T) {
	l, err := OpenLog(t.TempDir(), LogOptions{Buffered: true})
	must(t, err)
	defer l.Close()
	log := l.(*fileLog)
	do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Data: []byte("start")})
	good := log.segs[1].file
	log.segs[1].file, err = openDirect(log.segs[1].path, 0)
	must(t, err)
	_, first := l.Do(&Request{Op: node.OpLogAppend, Seg: 1, Off: 5, Data: []byte("x")})
	log.segs[1].file.Close()
	log.segs[1].file = good
	_, second := l.Do(&Request{Op: node.OpLogAppend, Seg: 1, Off: 5, Data: []byte("x")})
	if first == nil || second == nil {
		t.Errorf("%v, then %v", first, second)
	}
	do(t, l, Request{Op: node.OpLogRead, Seg: 1, N: 5})
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	g := node.Geometry{Sectors: 8, SectorSize: 512, Carry: 512}
	v := VolatileVolume(summedStack(t, dir, g), Cache{Mode: node.LoseAll})
	defer v.Close()
	want := "volatile (lose all) over checksums over file " + dir
	if s := v.String(); !strings.HasPrefix(s, want) {
		t.Errorf("%q, expected %q", s, want)
	}
	if id, ok := parseName(SegmentName(1<<64-1), segmentSuffix); !ok || id != 1<<64-1 {
		t.Errorf("%d, %v", id, ok)
	}
	for _, name := range []string{"", "1.seg", "x", SegmentName(3) + "x", "-" + SegmentName(3)[1:]} {
		if _, ok := parseName(name, segmentSuffix); ok {
			t.Errorf("%q is taken", name)
		}
	}
}

// A file that does not belong there, and one that belongs to another segment, are refused.
func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLog(dir, LogOptions{})
	must(t, err)
	do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Data: []byte("start")})
	must(t, l.Close())
	b := read(t, filepath.Join(dir, SegmentName(1)))
	write(t, filepath.Join(dir, SegmentName(2)), b)
	if _, err := OpenLog(dir, LogOptions{}); !isDamage(err) {
		t.Errorf("segment 1 is taken for 2: %v", err)
	}
	files, err := ReadLog(dir)
	if !isDamage(err) || len(files) != 2 || string(files[0].Data) != "start" {
		t.Errorf("%v, %v", files, err)
	}
	write(t, filepath.Join(dir, SegmentName(2)), b[:100])
	if _, err := OpenLog(dir, LogOptions{}); !isDamage(err) {
		t.Errorf("100 bytes are taken: %v", err)
	}
	write(t, filepath.Join(dir, SegmentName(2)), nil)
	write(t, filepath.Join(dir, "notes.txt"), nil)
	if _, err := OpenLog(dir, LogOptions{}); err == nil {
		t.Error("notes are taken")
	}
}
