package nbd

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

func TestCommands(t *testing.T) {
	for _, structured := range []bool{false, true} {
		d := newMemory(8 << 20)
		path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
		c := connect(t, path, "a", structured)
		model := make([]byte, 8<<20)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			// Lengths around those of the buffers, where the ways to carry a request out change.
			n := []int{1, 512, 4096, 65535, 65536, 256 << 10, 256<<10 + 1, 1 << 20, 1<<20 + 1,
				3<<20 + 17}[rng.IntN(10)]
			off := rng.IntN(len(model) - n + 1)
			var flags uint16
			if rng.IntN(4) == 0 {
				flags = cmdFUA
			}
			var r reply
			switch rng.IntN(4) {
			case 0:
				p := make([]byte, n)
				for j := range p {
					p[j] = byte(i + j)
				}
				copy(model[off:], p)
				r = c.do(flags, cmdWrite, uint64(off), uint32(n), p)
			case 1:
				clear(model[off : off+n])
				r = c.do(flags|uint16(rng.IntN(2))<<1, cmdWriteZeroes, uint64(off), uint32(n), nil)
			default:
				if structured && rng.IntN(3) == 0 {
					flags |= cmdDF
				}
				r = c.do(flags, cmdRead, uint64(off), uint32(n), nil)
				if !bytes.Equal(r.data, model[off:off+n]) {
					t.Fatalf("request %d: read of %d at %d differs", i, n, off)
				}
				all := []uint16{chunkData, chunkNone}
				if flags&cmdDF != 0 && !slices.Equal(r.chunks, all[:len(r.chunks)]) {
					t.Fatalf("chunks %v in spite of DF", r.chunks)
				}
			}
			if r.errno != 0 {
				t.Fatalf("request %d: error %d", i, r.errno)
			}
		}
		before := d.flushes.Load()
		for _, kind := range []uint16{cmdFlush, cmdCache, cmdTrim} {
			if r := c.do(0, kind, 0, 0, nil); r.errno != 0 {
				t.Errorf("command %d: %d", kind, r.errno)
			}
		}
		if d.flushes.Load() != before+1 {
			t.Error("flush did not reach the device")
		}
		c.write(command(0, cmdDisc, 0, 0, 0, nil))
		c.gone()
	}
}

func TestRefusals(t *testing.T) {
	const size = 1 << 20
	path := serve(t, &Server{MaxRequest: 64 << 10, Exports: fixed(
		Export{Name: "rw", Device: newMemory(size), MinBlock: 512},
		Export{Name: "ro", Device: newMemory(size), ReadOnly: true})})
	block := make([]byte, 512)
	for _, r := range []struct {
		export      string
		flags, kind uint16
		off         uint64
		length      uint32
		want        uint32
	}{
		{"rw", 0, cmdRead, size, 512, errnoInvalid},
		{"rw", 0, cmdRead, size - 512, 1024, errnoInvalid},
		{"rw", 0, cmdRead, 1<<64 - 512, 512, errnoInvalid},
		{"rw", 0, cmdRead, 1<<63 - 512, 1024, errnoInvalid},
		{"rw", 0, cmdRead, 0, 128 << 10, errnoInvalid},
		{"rw", 0, cmdRead, 1, 512, errnoInvalid},
		{"rw", 0, cmdRead, 0, 0, 0},
		{"rw", cmdNoHole, cmdRead, 0, 512, errnoInvalid},
		{"rw", 1 << 9, cmdRead, 0, 512, errnoInvalid},
		{"rw", 0, cmdWrite, size, 512, errnoNoSpace},
		{"rw", cmdDF, cmdWrite, 0, 512, errnoInvalid},
		{"rw", 0, cmdWrite, 3, 512, errnoInvalid},
		{"rw", 0, cmdTrim, size, 512, errnoInvalid},
		{"rw", 0, cmdWriteZeroes, size, 512, errnoNoSpace},
		{"rw", 0, cmdWriteZeroes, 0, 1<<32 - 512, errnoNoSpace},
		{"rw", cmdFastZero, cmdWriteZeroes, 0, 512, errnoInvalid},
		{"rw", 0, cmdFlush, 512, 0, errnoInvalid},
		{"rw", 0, cmdBlockStatus, 0, 0, errnoInvalid},
		{"rw", 0, cmdBlockStatus, size, 512, errnoInvalid},
		{"rw", 0, cmdCache, size, 512, errnoInvalid},
		{"rw", 0, 8, 0, 0, errnoInvalid},
		{"rw", 0, 65535, 0, 0, errnoInvalid},
		{"ro", 0, cmdWrite, 0, 512, errnoPerm},
		{"ro", 0, cmdTrim, 0, 512, errnoPerm},
		{"ro", 0, cmdWriteZeroes, 0, 512, errnoPerm},
		{"ro", 0, cmdFlush, 0, 0, 0},
	} {
		for _, structured := range []bool{false, true} {
			c := connect(t, path, r.export, structured)
			var data []byte
			if r.kind == cmdWrite {
				data = block
			}
			if got := c.do(r.flags, r.kind, r.off, r.length, data); got.errno != r.want {
				t.Errorf("%s: command %d flags %d at %d+%d: error %d, want %d",
					r.export, r.kind, r.flags, r.off, r.length, got.errno, r.want)
			}
			// The connection is in step after every refusal.
			if got := c.do(0, cmdRead, 0, 512, nil); got.errno != 0 {
				t.Errorf("read after a refusal: %d", got.errno)
			}
		}
	}
	c := connect(t, path, "rw", false)
	for _, f := range []uint16{cmdDF, cmdReqOne} {
		if got := c.do(f, cmdRead, 0, 512, nil); got.errno != errnoInvalid {
			t.Errorf("flag %d without structured replies: %d", f, got.errno)
		}
	}
}

func TestDeviceErrors(t *testing.T) {
	for _, e := range []struct {
		err  error
		want uint32
	}{
		{syscall.EIO, errnoIO}, {syscall.ENOSPC, errnoNoSpace}, {syscall.EDQUOT, errnoNoSpace},
		{syscall.EROFS, errnoPerm}, {syscall.EACCES, errnoPerm}, {syscall.EINVAL, errnoInvalid},
		{syscall.ESHUTDOWN, errnoShutdown}, {syscall.ENOMEM, errnoIO}, {errBreach, errnoIO},
	} {
		d := newMemory(8 << 20)
		d.hurt = func(_ string, off int64) error {
			if off >= 2<<20 {
				return e.err
			}
			return nil
		}
		path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
		c := connect(t, path, "a", true)
		for kind, n := range map[uint16]uint32{cmdRead: 4096, cmdWrite: 4096, cmdWriteZeroes: 1} {
			var data []byte
			if kind == cmdWrite {
				data = make([]byte, n)
			}
			if r := c.do(cmdFUA, kind, 2<<20, n, data); r.errno != e.want {
				t.Errorf("%v in command %d: %d, want %d", e.err, kind, r.errno, e.want)
			}
		}
		// An error in the midst of a long request.
		for _, f := range []uint16{0, cmdDF} {
			if r := c.do(f, cmdRead, 0, 4<<20, nil); r.errno != e.want {
				t.Errorf("long read with flags %d: %d", f, r.errno)
			}
		}
		if r := c.do(0, cmdWrite, 0, 4<<20, make([]byte, 4<<20)); r.errno != e.want {
			t.Errorf("long write: %d", r.errno)
		}
		if r := c.do(0, cmdRead, 0, 4096, nil); r.errno != 0 {
			t.Errorf("read after all that: %d", r.errno)
		}
		plain := connect(t, path, "a", false)
		if r := plain.do(0, cmdRead, 2<<20, 4096, nil); r.errno != e.want {
			t.Errorf("plain read: %d", r.errno)
		}
		plain.write(command(0, cmdRead, 1, 0, 4<<20, nil))
		if n, err := plain.in.Discard(16 + 4<<20); err == nil {
			t.Errorf("broken read in plain form brought %d bytes", n)
		}
	}
}

func TestFileHoles(t *testing.T) {
	d, err := OpenFile(filepath.Join(t.TempDir(), "f"), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d, MinBlock: 512})})
	c := connect(t, path, "a", true)
	data := bytes.Repeat([]byte{5}, 1<<20)
	for _, at := range []uint64{1 << 20, 8 << 20} {
		if r := c.do(0, cmdWrite, at, 1<<20, data); r.errno != 0 {
			t.Fatalf("write: %d", r.errno)
		}
	}
	want := []uint32{1 << 20, 3, 1 << 20, 0, 6 << 20, 3, 1 << 20, 0, 55 << 20, 3}
	if r := c.do(0, cmdBlockStatus, 0, 64<<20, nil); !slices.Equal(r.states, want) {
		t.Skipf("SKIPPED: the file system has no holes as expected: %v", r.states)
	}
	r := c.do(cmdReqOne, cmdBlockStatus, 0, 512, nil)
	if !slices.Equal(r.states, []uint32{512, 3}) {
		t.Errorf("one extent: %v", r.states)
	}
	r = c.do(0, cmdRead, 0, 16<<20, nil)
	if !slices.Contains(r.chunks, chunkHole) || !bytes.Equal(r.data[1<<20:2<<20], data) ||
		!bytes.Equal(r.data[2<<20:3<<20], make([]byte, 1<<20)) {
		t.Errorf("read over holes: chunks %v", r.chunks)
	}
	c.do(cmdFUA, cmdTrim, 1<<20, 1<<20, nil)
	c.do(cmdFUA, cmdWriteZeroes, 8<<20, 1<<19, nil)
	c.do(cmdNoHole, cmdWriteZeroes, 8<<20+1<<19, 1<<19, nil)
	if r := c.do(0, cmdRead, 8<<20, 1<<20, nil); !bytes.Equal(r.data, make([]byte, 1<<20)) {
		t.Error("zeroes are none")
	}
	r = c.do(0, cmdBlockStatus, 0, 64<<20, nil)
	if len(r.states) == 0 || r.states[0] < 8<<20+1<<19 || r.states[1] != 3 {
		t.Errorf("after trim: %v", r.states)
	}
}
