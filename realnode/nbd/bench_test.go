package nbd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// BenchmarkMemory is the cost of the protocol: the device answers at once.
func BenchmarkMemory(b *testing.B) {
	d := newMemory(256 << 20)
	path := serve(b, &Server{Exports: fixed(Export{Name: "a", Device: d})})
	benchCommands(b, path, false)
}

// BenchmarkFile is a file in the page cache, and durable writes on the disk of the temporary
// folder.
func BenchmarkFile(b *testing.B) {
	d, err := OpenFile(filepath.Join(b.TempDir(), "f"), 256<<20)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	p := make([]byte, 1<<20)
	p[0] = 1
	for off := int64(0); off < d.Size(); off += 1 << 20 {
		if err := d.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
	}
	path := serve(b, &Server{Exports: fixed(Export{Name: "a", Device: d})})
	benchCommands(b, path, true)
}

func benchCommands(b *testing.B, path string, durable bool) {
	for _, m := range []struct {
		name        string
		flags, kind uint16
		size        int
	}{
		{"read", 0, cmdRead, 4096}, {"write", 0, cmdWrite, 4096},
		{"write-fua", cmdFUA, cmdWrite, 4096},
		{"read", 0, cmdRead, 1 << 20}, {"write", 0, cmdWrite, 1 << 20},
	} {
		if m.flags != 0 && !durable {
			continue
		}
		for _, depth := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/size=%d/depth=%d", m.name, m.size, depth), func(b *testing.B) {
				pump(b, path, m.flags, m.kind, m.size, depth)
			})
		}
	}
}

// pump keeps depth requests in flight at random places.
func pump(b *testing.B, path string, flags, kind uint16, size, depth int) {
	c := connect(b, path, "a", false)
	out := bufio.NewWriterSize(c.nc, 256<<10)
	in := bufio.NewReaderSize(c.nc, 256<<10)
	data := make([]byte, size)
	rng := rand.New(rand.NewPCG(1, 2))
	head := command(flags, kind, 0, 0, uint32(size), nil)
	ask := func() {
		binary.BigEndian.PutUint64(head[16:], uint64(size)*rng.Uint64N(c.size/uint64(size)))
		_, _ = out.Write(head)
		if kind == cmdWrite {
			_, _ = out.Write(data)
		}
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	answer := make([]byte, 16)
	take := func() {
		if _, err := io.ReadFull(in, answer); err != nil {
			b.Fatal(err)
		}
		if kind == cmdRead {
			if _, err := io.ReadFull(in, data); err != nil {
				b.Fatal(err)
			}
		}
		if errno := binary.BigEndian.Uint32(answer[4:]); errno != 0 {
			b.Fatalf("error %d", errno)
		}
	}
	asked := 0
	for done := 0; done < b.N; done++ {
		for ; asked < b.N && asked < done+depth; asked++ {
			ask()
		}
		if in.Buffered() < 16 {
			_ = out.Flush()
		}
		take()
	}
}
