//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/realnode/nbd"
)

// These tests need root, /dev/fuse and loop devices, and the tools of the Debian packages
// e2fsprogs (mkfs.ext4, e2fsck), xfsprogs (mkfs.xfs, xfs_repair, xfs_growfs), util-linux (mount,
// umount, losetup) and, for benchmarks, fio.

// patience is the limit for whatever must not hang. It is never waited for in vain.
const patience = 60 * time.Second

func able(t testing.TB) {
	t.Helper()
	if err := Supported(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
}

func need(t testing.TB, names ...string) {
	t.Helper()
	able(t)
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED: %s is not installed; see the top of attach_test.go", name)
		}
	}
}

// tool runs a program to its end and returns what it says.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := try(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func try(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// probe is a device over a sparse file that counts and can fail.
type probe struct {
	*nbd.File
	image   string
	size    atomic.Int64 // what it says
	flushes atomic.Int64
	zeroes  atomic.Int64
	hurt    atomic.Pointer[func(op string) error]
}

func newProbe(t testing.TB, size int64) *probe {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	f, err := nbd.OpenFile(image, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	p := &probe{File: f, image: image}
	p.size.Store(size)
	return p
}

func (p *probe) ask(op string) error {
	if f := p.hurt.Load(); f != nil {
		return (*f)(op)
	}
	return nil
}

// fail makes the operations named fail with err, and no others.
func (p *probe) fail(err error, ops ...string) {
	f := func(op string) error {
		for _, o := range ops {
			if o == op {
				return err
			}
		}
		return nil
	}
	p.hurt.Store(&f)
}

func (p *probe) Size() int64 { return p.size.Load() }

func (p *probe) ReadAt(b []byte, off int64) error {
	if err := p.ask("read"); err != nil {
		return err
	}
	return p.File.ReadAt(b, off)
}

func (p *probe) WriteAt(b []byte, off int64) error {
	if err := p.ask("write"); err != nil {
		return err
	}
	return p.File.WriteAt(b, off)
}

func (p *probe) Flush() error {
	if err := p.ask("flush"); err != nil {
		return err
	}
	p.flushes.Add(1)
	return p.File.Flush()
}

func (p *probe) Zero(off, n int64, mayPunch bool) error {
	if err := p.ask("zero"); err != nil {
		return err
	}
	p.zeroes.Add(1)
	return p.File.Zero(off, n, mayPunch)
}

// allocated is how many bytes the image takes.
func (p *probe) allocated(t testing.TB) int64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(p.image, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks) * 512
}

// attachments gives every one its name.
var attachments atomic.Int64

// attached attaches dev for the length of the test.
func attached(t testing.TB, dev Device, opt Options) *Attachment {
	t.Helper()
	able(t)
	dir := t.TempDir()
	if opt.Mount == "" {
		opt.Mount, opt.Link = filepath.Join(dir, "mnt"), filepath.Join(dir, "links", "vol")
	}
	name := fmt.Sprintf("%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), attachments.Add(1))
	a, err := Attach(t.Context(), name, dev, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.Detach(ctx); err != nil {
			t.Errorf("%v; aborting: %v", err, a.Abort(ctx))
		}
	})
	return a
}

// mountedOn mounts the device and returns the folder and a function that unmounts it.
func mountedOn(t testing.TB, fs, device string) (dir string, unmount func()) {
	t.Helper()
	dir = t.TempDir()
	tool(t, "mount", "-t", fs, device, dir)
	is := true
	unmount = func() {
		if is {
			is = false
			tool(t, "umount", dir)
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

// writeFiles writes a few files of many sizes, durably, and returns their digests.
func writeFiles(t testing.TB, dir string) map[string][32]byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	sums := map[string][32]byte{}
	for i := range 40 {
		name := filepath.Join(dir, string(rune('a'+i%26))+string(rune('a'+i/26)))
		data := make([]byte, rng.IntN(1<<uint(rng.IntN(22)))+1)
		for j := range data {
			data[j] = byte(rng.Uint32())
		}
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		sums[filepath.Base(name)] = sha256.Sum256(data)
	}
	return sums
}

func compareFiles(t testing.TB, dir string, sums map[string][32]byte) {
	t.Helper()
	for name, sum := range sums {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || sha256.Sum256(data) != sum {
			t.Errorf("%s differs: %d bytes, %v", name, len(data), err)
		}
	}
}

func TestExt4(t *testing.T) {
	need(t, "mkfs.ext4", "e2fsck", "mount")
	a := attached(t, newProbe(t, 256<<20), Options{})
	tool(t, "mkfs.ext4", "-q", "-F", a.opt.Link)
	dir, unmount := mountedOn(t, "ext4", a.opt.Link)
	sums := writeFiles(t, dir)
	unmount()
	tool(t, "e2fsck", "-fn", a.Path())
	dir, _ = mountedOn(t, "ext4", a.Path())
	compareFiles(t, dir, sums)
}

func TestXFS(t *testing.T) {
	need(t, "mkfs.xfs", "xfs_repair", "mount")
	a := attached(t, newProbe(t, 512<<20), Options{})
	tool(t, "mkfs.xfs", "-q", a.Path())
	dir, unmount := mountedOn(t, "xfs", a.Path())
	sums := writeFiles(t, dir)
	unmount()
	tool(t, "xfs_repair", "-n", a.Path())
	dir, _ = mountedOn(t, "xfs", a.Path())
	compareFiles(t, dir, sums)
}
