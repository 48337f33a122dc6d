package disk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// appender is one way to make small appends durable.
type appender func(b *testing.B, dir string) func(data []byte)

// BenchmarkAppend compares ways to append to a log, each append durable before the next. They
// count only on a real disk: see df -T $TMPDIR.
func BenchmarkAppend(b *testing.B) {
	ways := []struct {
		name string
		make appender
	}{
		{"log=direct", logAppender(LogOptions{}, true)},
		{"log=buffered", logAppender(LogOptions{Buffered: true}, true)},
		{"log=direct-new", logAppender(LogOptions{}, false)},
		{"plain=append-fdatasync", plainAppender(0)},
		{"plain=prewritten-fdatasync", plainAppender(256 << 20)},
	}
	for _, size := range []int{64, 4160, 65600} {
		for _, w := range ways {
			b.Run(fmt.Sprintf("size=%d/%s", size, w.name), func(b *testing.B) {
				add, data := w.make(b, b.TempDir()), bytes.Repeat([]byte{7}, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					add(data)
				}
			})
		}
	}
}

// logAppender appends to a log whose file was filled before, as that of a deleted segment, or to a
// new one, which has to be filled on the way.
func logAppender(o LogOptions, recycled bool) appender {
	return func(b *testing.B, dir string) func(data []byte) {
		l, err := OpenLog(dir, o)
		must(b, err)
		b.Cleanup(func() { l.Close() })
		r := Request{Op: node.OpLogAppend, Seg: 1}
		if recycled {
			do(b, l, Request{Op: node.OpLogAppend, Data: make([]byte, 65<<20)})
			do(b, l, Request{Op: node.OpLogDelete})
		}
		return func(data []byte) {
			r.Seq++
			r.Data = data
			_, err := l.Do(&r)
			must(b, err)
			r.Off += int64(len(data))
			if r.Off > 60<<20 { // as a node does it now and then
				_, err := l.Do(&Request{Op: node.OpLogDelete, Seg: r.Seg})
				must(b, err)
				r.Seg, r.Off = r.Seg+1, 0
			}
		}
	}
}

// plainAppender writes to a buffered file, which was filled before if prewritten is not zero.
func plainAppender(prewritten int64) appender {
	return func(b *testing.B, dir string) func(data []byte) {
		f, err := os.Create(filepath.Join(dir, "plain"))
		must(b, err)
		b.Cleanup(func() { f.Close() })
		must(b, writeZeros(f, 0, prewritten))
		must(b, f.Sync())
		off := int64(0)
		return func(data []byte) {
			_, err := f.WriteAt(data, off)
			must(b, err)
			must(b, fdatasync(f))
			if off += int64(len(data)); prewritten > 0 && off > prewritten-1<<20 {
				off = 0
			}
		}
	}
}

// BenchmarkAppendBeside appends while a volume on the same disk is written and synced.
func BenchmarkAppendBeside(b *testing.B) {
	for _, w := range []struct {
		name string
		make appender
	}{{"log=direct", logAppender(LogOptions{}, true)}, {"plain=append-fdatasync", plainAppender(0)}} {
		b.Run(w.name, func(b *testing.B) {
			add, data := w.make(b, b.TempDir()), bytes.Repeat([]byte{7}, 4160)
			v := benchVolume(b, false)
			stop, done := make(chan bool), make(chan error)
			go func() { done <- writeAlong(v, stop) }()
			b.SetBytes(4160)
			for b.Loop() {
				add(data)
			}
			close(stop)
			must(b, <-done)
		})
	}
}

// writeAlong writes at random, with a sync each 64 writes, until it is stopped.
func writeAlong(v Volume, stop chan bool) error {
	random, data := node.NewStream(1, "along"), make([]byte, blockSize)
	for seq := uint64(1); ; seq++ {
		select {
		case <-stop:
			return nil
		default:
		}
		r := Request{Op: node.OpWrite, Off: int64(random.Below(v.Geometry().Sectors)), N: 1, Seq: seq,
			Data: data}
		if _, err := v.Do(&r); err != nil {
			return err
		}
		if seq%64 == 0 {
			if err := v.Sync(0, seq); err != nil {
				return err
			}
		}
	}
}

func benchVolume(b *testing.B, summed bool) Volume {
	dir := b.TempDir()
	v, err := OpenVolume(filepath.Join(dir, "volume"),
		node.Geometry{Sectors: 1 << 16, SectorSize: blockSize, Carry: blockSize})
	must(b, err)
	if summed {
		v, err = Summed(v, filepath.Join(dir, "sums"))
		must(b, err)
	}
	b.Cleanup(func() { v.Close() })
	return v
}

// BenchmarkVolume shows what checksums cost where the page cache has everything.
func BenchmarkVolume(b *testing.B) {
	for _, summed := range []bool{false, true} {
		for _, op := range []node.Op{node.OpRead, node.OpWrite} {
			for _, n := range []int64{1, 64} {
				b.Run(fmt.Sprintf("summed=%v/%v/size=%dk", summed, op, 4*n), func(b *testing.B) {
					benchVolumeOp(b, benchVolume(b, summed), op, n)
				})
			}
		}
	}
}

func benchVolumeOp(b *testing.B, v Volume, op node.Op, n int64) {
	data := bytes.Repeat([]byte{5}, int(n)*blockSize)
	all := int64(v.Geometry().Sectors)
	for off := int64(0); off < all; off += n {
		_, err := v.Do(&Request{Op: node.OpWrite, Off: off, N: n, Data: data})
		must(b, err)
	}
	must(b, v.Sync(0, 0))
	random := node.NewStream(1, "bench")
	r := Request{Op: op, N: n}
	if op == node.OpWrite {
		r.Data = data
	}
	b.SetBytes(n * blockSize)
	for b.Loop() {
		r.Off = int64(random.Below(uint64(all/n))) * n
		_, err := v.Do(&r)
		must(b, err)
	}
}

// BenchmarkTail compares two ways to lay out appends of 4160 bytes in blocks: to begin with the
// block that is not full yet, and to begin each with a new block, which takes twice the space.
func BenchmarkTail(b *testing.B) {
	for _, fresh := range []bool{false, true} {
		b.Run(fmt.Sprintf("fresh=%v", fresh), func(b *testing.B) {
			f, err := openDirect(filepath.Join(b.TempDir(), "f"), os.O_RDWR|os.O_CREATE|unix.O_DSYNC)
			must(b, err)
			b.Cleanup(func() { f.Close() })
			const size = 128 << 20
			must(b, writeZeros(f, 0, size))
			buf := AlignedBuffer(4 * blockSize)
			off := int64(0)
			for b.Loop() {
				first, end := off/blockSize, (off+4160+blockSize-1)/blockSize
				_, err := f.WriteAt(buf[:(end-first)*blockSize], first*blockSize)
				must(b, err)
				if off += 4160; fresh {
					off = end * blockSize
				}
				if off > size-4*blockSize {
					off = 0
				}
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
