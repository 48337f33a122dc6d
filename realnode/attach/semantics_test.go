//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// aligned is memory that direct I/O takes.
func aligned(t testing.TB, n int) []byte {
	t.Helper()
	p, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(p) })
	return p
}

// raw opens the block device past the page cache.
func raw(t testing.TB, a *Attachment) int {
	t.Helper()
	fd, err := unix.Open(a.Path(), unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// blockRange does one of the requests of block devices that take an offset and a length.
func blockRange(fd int, request uintptr, off, n uint64) error {
	arg := [2]uint64{off, n}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&arg)))
	if errno != 0 {
		return errno
	}
	return nil
}

const (
	blkDiscard = unix.BLKDISCARD
	blkZeroOut = unix.BLKZEROOUT
	fiTrim     = 0xc0185879 // from linux/fs.h
)

func sizeOf(t testing.TB, path string) int64 {
	t.Helper()
	b, err := os.ReadFile("/sys/block/" + filepath.Base(path) + "/size")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n * 512
}

// TestRandom holds the block device against memory.
func TestRandom(t *testing.T) {
	const size = 16 << 20
	p := newProbe(t, size)
	a := attached(t, p, Options{})
	dio, err := os.ReadFile("/sys/block/" + filepath.Base(a.Path()) + "/loop/dio")
	if err != nil || strings.TrimSpace(string(dio)) != "1" {
		t.Errorf("direct I/O is %q, %v", dio, err)
	}
	fd := raw(t, a)
	rng := rand.New(rand.NewPCG(7, 8))
	model, buf := make([]byte, size), aligned(t, 2<<20)
	for i := range 400 {
		n := 4096 * (1 + rng.IntN(1<<uint(rng.IntN(9))))
		off := 4096 * rng.IntN((size-n)/4096+1)
		switch kind := rng.IntN(8); {
		case kind < 4:
			for j := range buf[:n] {
				buf[j] = byte(rng.Uint32())
			}
			if m, err := unix.Pwrite(fd, buf[:n], int64(off)); m != n || err != nil {
				t.Fatalf("write %d at %d: %d, %v", n, off, m, err)
			}
			copy(model[off:], buf[:n])
		case kind == 4:
			if err := blockRange(fd, blkZeroOut, uint64(off), uint64(n)); err != nil {
				t.Fatalf("zero %d at %d: %v", n, off, err)
			}
			clear(model[off : off+n])
		case kind == 5:
			if err := blockRange(fd, blkDiscard, uint64(off), uint64(n)); err != nil {
				t.Fatalf("discard %d at %d: %v", n, off, err)
			}
			clear(model[off : off+n])
		default:
			if m, err := unix.Pread(fd, buf[:n], int64(off)); m != n || err != nil {
				t.Fatalf("read %d at %d: %d, %v", n, off, m, err)
			}
			if !bytes.Equal(buf[:n], model[off:off+n]) {
				t.Fatalf("step %d: %d bytes at %d differ", i, n, off)
			}
		}
	}
	if p.zeroes.Load() == 0 {
		t.Error("no discard and no zeroing has reached the device")
	}
	image, err := os.ReadFile(p.image)
	if err != nil || !bytes.Equal(image, model) {
		t.Errorf("the image differs: %v", err)
	}
}

func TestFlush(t *testing.T) {
	p := newProbe(t, 64<<20)
	a := attached(t, p, Options{})
	fd := raw(t, a)
	before := p.flushes.Load()
	if err := unix.Fsync(fd); err != nil {
		t.Fatal(err)
	}
	if p.flushes.Load() == before {
		t.Error("fsync of the block device is no flush")
	}
	unix.Close(fd)
	need(t, "mkfs.ext4", "mount")
	tool(t, "mkfs.ext4", "-q", "-F", a.Path())
	dir, unmount := mountedOn(t, "ext4", a.Path())
	before = p.flushes.Load()
	writeFiles(t, dir)
	if n := p.flushes.Load() - before; n < 40 {
		t.Errorf("%d flushes for 40 files with an fsync each", n)
	}
	unmount()
}

func TestErrors(t *testing.T) {
	p := newProbe(t, 64<<20)
	a := attached(t, p, Options{})
	fd, buf := raw(t, a), aligned(t, 4096)
	write := func() error { _, err := unix.Pwrite(fd, buf, 8192); return err }
	read := func() error { _, err := unix.Pread(fd, buf, 8192); return err }
	for _, c := range []struct {
		op   string
		err  error
		call func() error
		want error
	}{
		{"read", errors.New("x"), read, unix.EIO},
		{"read", syscall.EINVAL, read, unix.EIO},
		{"write", syscall.ESHUTDOWN, write, unix.EIO},
		{"write", syscall.ENOSYS, write, unix.EIO},
		{"write", syscall.ENOSPC, write, unix.ENOSPC},
		{"zero", syscall.ENOSYS, func() error {
			return blockRange(fd, blkDiscard, 0, 1<<20)
		}, unix.EIO},
	} {
		p.fail(c.err, c.op)
		if err := c.call(); !errors.Is(err, c.want) {
			t.Errorf("%s fails with %v: got %v, want %v", c.op, c.err, err, c.want)
		}
		p.fail(nil)
		if err := c.call(); err != nil {
			t.Errorf("%s after a failure: %v", c.op, err)
		}
	}
}

// TestFlushFailed is about a flush that fails once: no later one may succeed.
func TestFlushFailed(t *testing.T) {
	for _, cause := range []error{errors.New("x"), syscall.ENOSYS, syscall.EINVAL} {
		t.Run(cause.Error(), func(t *testing.T) {
			p := newProbe(t, 16<<20)
			able(t)
			a, err := Attach(t.Context(), "failing", p, Options{Mount: t.TempDir() + "/m"})
			if err != nil {
				t.Fatal(err)
			}
			fd := raw(t, a)
			p.fail(cause, "flush")
			if err := unix.Fsync(fd); !errors.Is(err, unix.EIO) {
				t.Errorf("flush: %v", err)
			}
			p.fail(nil)
			if err := unix.Fsync(fd); !errors.Is(err, unix.EIO) {
				t.Errorf("later flush: %v", err)
			}
			unix.Close(fd)
			if err := a.Detach(t.Context()); !errors.Is(err, unix.EIO) ||
				!strings.Contains(err.Error(), "abort") {
				t.Errorf("detach: %v", err)
			}
			if err := a.Abort(t.Context()); err != nil {
				t.Error(err)
			}
			clean(t, a)
		})
	}
}

// TestFileSystemSeesErrors is about ext4, which must tell who calls fsync.
func TestFileSystemSeesErrors(t *testing.T) {
	need(t, "mkfs.ext4", "mount")
	for _, op := range []string{"write", "flush"} {
		t.Run(op, func(t *testing.T) {
			p := newProbe(t, 64<<20)
			a, err := Attach(t.Context(), "failing", p, Options{Mount: t.TempDir() + "/m"})
			if err != nil {
				t.Fatal(err)
			}
			tool(t, "mkfs.ext4", "-q", "-F", a.Path())
			dir, unmount := mountedOn(t, "ext4", a.Path())
			p.fail(errors.New("broken"), op)
			f, err := os.Create(dir + "/f")
			if err == nil {
				_, err = f.Write(make([]byte, 1<<20))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); !errors.Is(err, unix.EIO) {
				t.Errorf("fsync: %v", err)
			}
			f.Close()
			unmount()
			if err := a.Abort(t.Context()); err != nil {
				t.Error(err)
			}
			clean(t, a)
		})
	}
}

func TestTrim(t *testing.T) {
	need(t, "mkfs.ext4", "mount")
	p := newProbe(t, 512<<20)
	a := attached(t, p, Options{})
	tool(t, "mkfs.ext4", "-q", "-F", a.Path())
	dir, _ := mountedOn(t, "ext4", a.Path())
	f, err := os.Create(dir + "/f")
	if err == nil {
		_, err = f.Write(bytes.Repeat([]byte{7}, 100<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	full := p.allocated(t)
	if err := os.Remove(dir + "/f"); err != nil {
		t.Fatal(err)
	}
	unix.Sync()
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	arg := [3]uint64{0, ^uint64(0), 0}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, folder.Fd(), fiTrim,
		uintptr(unsafe.Pointer(&arg))); errno != 0 {
		t.Fatal(errno)
	}
	if now := p.allocated(t); full < 100<<20 || now > full-90<<20 {
		t.Errorf("%d MiB are allocated before the trim, %d MiB after", full>>20, now>>20)
	}
}

// TestDiscardLarge counts what a discard of a whole large volume becomes: mkfs does one.
func TestDiscardLarge(t *testing.T) {
	const size = 4 << 40
	p := newProbe(t, size)
	a := attached(t, p, Options{})
	fd := raw(t, a)
	start := time.Now()
	if err := blockRange(fd, blkDiscard, 0, size); err != nil {
		t.Fatal(err)
	}
	t.Logf("4 TiB: %d requests, %v", p.zeroes.Load(), time.Since(start))
	if n := p.zeroes.Load(); n == 0 || n > 4096 {
		t.Errorf("%d requests for a discard of 4 TiB", n)
	}
}

func TestResize(t *testing.T) {
	need(t, "mkfs.xfs", "mount", "xfs_growfs")
	p := newProbe(t, 512<<20)
	a := attached(t, p, Options{})
	tool(t, "mkfs.xfs", "-q", a.Path())
	dir, unmount := mountedOn(t, "xfs", a.Path())
	sums := writeFiles(t, dir)
	resize(t, p, a, 1<<30)
	tool(t, "xfs_growfs", dir)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || int64(st.Blocks)*int64(st.Bsize) < 900<<20 {
		t.Errorf("the file system has %d blocks of %d: %v", st.Blocks, st.Bsize, err)
	}
	compareFiles(t, dir, sums)
	unmount()
	resize(t, p, a, 128<<20)
	p.size.Store(5000)
	if err := a.Resize(); err == nil || !strings.Contains(err.Error(), "4096") {
		t.Errorf("resize to 5000 bytes: %v", err)
	}
	p.size.Store(128 << 20)
}

func resize(t testing.TB, p *probe, a *Attachment, size int64) {
	t.Helper()
	if err := os.Truncate(p.image, size); err != nil {
		t.Fatal(err)
	}
	p.size.Store(size)
	if err := a.Resize(); err != nil {
		t.Fatal(err)
	}
	if n := sizeOf(t, a.Path()); n != size {
		t.Errorf("the block device has %d bytes", n)
	}
}

// TestShrunk reads where the device no longer is, before the kernel knows.
func TestShrunk(t *testing.T) {
	p := newProbe(t, 16<<20)
	a := attached(t, p, Options{})
	fd, buf := raw(t, a), aligned(t, 8192)
	p.size.Store(8 << 20)
	if _, err := unix.Pread(fd, buf, 8<<20-4096); !errors.Is(err, unix.EIO) {
		t.Errorf("read across the new end: %v", err)
	}
	p.size.Store(16 << 20)
}

// TestFewBuffers has room for one request, and many that want it.
func TestFewBuffers(t *testing.T) {
	p := newProbe(t, 16<<20)
	a := attached(t, p, Options{MaxBuffers: 1})
	fd, bufs := raw(t, a), aligned(t, 8*4096)
	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() {
			buf := bufs[i*4096 : (i+1)*4096]
			for j := range 50 {
				off := int64(i*50+j) * 4096
				if _, err := unix.Pwrite(fd, buf, off); err != nil {
					t.Error(err)
				}
				if _, err := unix.Pread(fd, buf, off); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
}

// TestParallel wants many requests at the device at once.
func TestParallel(t *testing.T) {
	const depth = 8
	for _, op := range []string{"read", "write"} {
		t.Run(op, func(t *testing.T) {
			p := newProbe(t, 16<<20)
			a := attached(t, p, Options{})
			fd := raw(t, a)
			var together sync.WaitGroup
			together.Add(depth)
			meet := func(o string) error {
				if o == op {
					together.Done()
					together.Wait() // for ever, unless all of them come
				}
				return nil
			}
			p.hurt.Store(&meet)
			bufs := aligned(t, depth*4096)
			var calls sync.WaitGroup
			for i := range depth {
				calls.Go(func() {
					buf, off := bufs[i*4096:(i+1)*4096], int64(i)*(1<<20)
					var err error
					if op == "read" {
						_, err = unix.Pread(fd, buf, off)
					} else {
						_, err = unix.Pwrite(fd, buf, off)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			p.fail(nil)
		})
	}
}

func TestReadOnly(t *testing.T) {
	need(t, "mkfs.ext4", "mount")
	p := newProbe(t, 64<<20)
	tool(t, "mkfs.ext4", "-q", "-F", "-b", "4096", p.image)
	a := attached(t, p, Options{ReadOnly: true})
	p.fail(errors.New("must not be asked"), "write", "zero", "flush")
	dir := t.TempDir()
	tool(t, "mount", "-o", "ro", a.Path(), dir)
	if _, err := os.ReadDir(dir); err != nil {
		t.Error(err)
	}
	tool(t, "umount", dir)
	fd := raw(t, a)
	defer unix.Close(fd)
	if _, err := unix.Pwrite(fd, aligned(t, 4096), 0); err == nil {
		t.Error("it can be written")
	}
}
