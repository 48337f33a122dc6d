package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
)

// What is read from memory is what a read returns. Where there is damage, or a layer in between that
// has a say, it is refused.
func TestReadCached(t *testing.T) {
	for _, size := range []uint32{512, 4096} {
		dir := t.TempDir()
		g := node.Geometry{Sectors: 64 * 4096 / uint64(size), SectorSize: size, Carry: size}
		var m Metrics
		v := summedStack(t, dir, g)
		defer v.Close()
		d := Metered(v, &m)
		want := noise(random("cached"), int(g.Bytes(int64(g.Sectors))))
		do(t, d, Request{Op: node.OpWrite, N: int64(g.Sectors), Data: want})
		do(t, d, Request{Op: node.OpRead, N: int64(g.Sectors)})
		r := random("reads")
		for i := range 100 {
			off := int64(r.Below(g.Sectors - 8))
			q := Request{Op: node.OpRead, Off: off, N: 1 + int64(r.Below(8))}
			if i%2 == 0 {
				q.Into = make([]byte, 64<<10)
			}
			got, ok := readCached(d, &q)
			if !ok {
				t.Skip("SKIPPED: this file system does not tell what is in memory")
			}
			if !bytes.Equal(got, want[g.Bytes(off):g.Bytes(off+q.N)]) {
				t.Fatalf("sectors of %d: %d bytes from sector %d are wrong", size, len(got), off)
			}
		}
		if n := m.Reads.Count(); n != 101 {
			t.Errorf("%d reads are counted, expected 101", n)
		}
		if _, ok := readCached(d, &Request{Op: node.OpRead, Off: int64(g.Sectors), N: 1}); ok {
			t.Error("a read behind the end was carried out")
		}
		if _, ok := readCached(Faulty(v, Faults{}), &Request{Op: node.OpRead, N: 1}); ok {
			t.Error("a layer was passed by")
		}
		file, err := os.OpenFile(filepath.Join(dir, "volume"), os.O_WRONLY, 0)
		must(t, err)
		defer file.Close()
		_, err = file.WriteAt([]byte{want[5000] ^ 1}, 5000)
		must(t, err)
		damaged := Request{Op: node.OpRead, Off: 4096 / int64(size), N: 1}
		if _, ok := readCached(d, &damaged); ok {
			t.Error("a damaged block was handed out")
		}
	}
}

// A stream of large appends has small ones in between. Their space is not filled with zeros first,
// which the next large one would write over.
func TestStreamIsNotFilledAhead(t *testing.T) {
	written := 0
	l, err := OpenLog(fastDir(t), LogOptions{Buffered: true,
		watch: func(_ *os.File, b []byte, _ int64) { written += len(b) }})
	must(t, err)
	defer l.Close()
	off := int64(0)
	add := func(n int) {
		do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: off, Data: make([]byte, n)})
		off += int64(n)
	}
	for range 8 {
		add(2 << 20)
		add(100 << 10)
	}
	if most := int(off) * 102 / 100; written > most {
		t.Errorf("%d bytes were written for %d", written, off)
	}
	written = 0
	add(2 * payloadSize)
	if written < firstFill {
		t.Errorf("%d bytes were written: nothing was prepared for small appends", written)
	}
}
