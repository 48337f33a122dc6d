//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// clean wants nothing of an attachment to be left.
func clean(t testing.TB, a *Attachment) {
	t.Helper()
	if a.loop.isOurs() {
		t.Errorf("%s is still bound", a.Path())
	}
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.point == a.opt.Mount {
			t.Errorf("%s is still mounted", m.point)
		}
	}
	for _, path := range []string{a.opt.Mount, a.opt.Link} {
		if _, err := os.Lstat(path); path != "" && err == nil {
			t.Errorf("%s is still there", path)
		}
	}
}

// fewGoroutines waits until no more than n goroutines are left.
func fewGoroutines(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > n; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 64<<10)
			t.Fatalf("%d goroutines instead of %d:\n%s", runtime.NumGoroutine(), n,
				buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestDetachClean(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	before := runtime.NumGoroutine()
	opt := Options{Mount: t.TempDir() + "/deep/m", Link: t.TempDir() + "/deep/vol"}
	for range 20 { // the same name again and again
		a, err := Attach(t.Context(), "v", p, opt)
		if err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(opt.Link); err != nil || target != a.Path() {
			t.Errorf("link to %q, %v", target, err)
		}
		if err := a.Detach(t.Context()); err != nil {
			t.Fatal(err)
		}
		clean(t, a)
		if err := a.Detach(t.Context()); err != nil {
			t.Errorf("second detach: %v", err)
		}
		if err := a.Resize(); !errors.Is(err, ErrDetached) {
			t.Errorf("resize after detach: %v", err)
		}
		if _, _, err := a.InUse(); !errors.Is(err, ErrDetached) {
			t.Errorf("users after detach: %v", err)
		}
	}
	fewGoroutines(t, before)
}

func TestDetachRefusedWhileMounted(t *testing.T) {
	need(t, "mkfs.ext4", "mount")
	a := attached(t, newProbe(t, 64<<20), Options{})
	tool(t, "mkfs.ext4", "-q", "-F", a.Path())
	if is, who, err := a.InUse(); is || who != "" || err != nil {
		t.Errorf("in use: %v, %q, %v", is, who, err)
	}
	dir, unmount := mountedOn(t, "ext4", a.Path())
	if is, who, err := a.InUse(); !is || !strings.Contains(who, "mounted at "+dir) || err != nil {
		t.Errorf("in use: %v, %q, %v", is, who, err)
	}
	err := a.Detach(t.Context())
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("detach: %v", err)
	}
	if err := os.WriteFile(dir+"/f", []byte("x"), 0o600); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
	unmount()
}

func TestDetachRefusedWhileOpen(t *testing.T) {
	a := attached(t, newProbe(t, 16<<20), Options{})
	fd := raw(t, a)
	me := fmt.Sprintf("open in process %d (", os.Getpid())
	if is, who, err := a.InUse(); !is || !strings.Contains(who, me) || err != nil {
		t.Errorf("in use: %v, %q, %v", is, who, err)
	}
	err := a.Detach(t.Context())
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), me) {
		t.Errorf("detach: %v", err)
	}
	unix.Close(fd)
	if is, who, err := a.InUse(); is || err != nil {
		t.Errorf("in use: %v, %q, %v", is, who, err)
	}
}

// TestDetachFlushes leaves a write in the page cache.
func TestDetachFlushes(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	a, err := Attach(t.Context(), "v", p, Options{Mount: t.TempDir() + "/m"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Path(), []byte("not synchronised"), 0); err != nil {
		t.Fatal(err)
	}
	before := p.flushes.Load()
	if err := a.Detach(t.Context()); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(p.image)
	if err != nil || !strings.HasPrefix(string(image), "not synchronised") {
		t.Errorf("the image begins with %q: %v", image[:16], err)
	}
	if p.flushes.Load() == before {
		t.Error("no flush")
	}
}

func TestAttachTwice(t *testing.T) {
	p := newProbe(t, 16<<20)
	a := attached(t, p, Options{})
	other := t.TempDir() + "/m"
	if _, err := Attach(t.Context(), a.name, p, Options{Mount: other}); !errors.Is(err,
		ErrAttached) {
		t.Errorf("the same name: %v", err)
	}
	if _, err := Attach(t.Context(), "w", p, Options{Mount: a.opt.Mount}); !errors.Is(err,
		ErrAttached) {
		t.Errorf("the same folder: %v", err)
	}
	if _, err := os.Lstat(other); err == nil {
		t.Error("the refused one has left a folder")
	}
}

// TestOnlyTheLoopDevice wants the file itself to be closed to all others.
func TestOnlyTheLoopDevice(t *testing.T) {
	a := attached(t, newProbe(t, 16<<20), Options{})
	if out := tool(t, "ls", "-ln", a.opt.Mount); !strings.Contains(out, "16777216") {
		t.Errorf("the folder shows %s", out)
	}
	if out, err := try("cat", a.volume.path()); err == nil || !strings.Contains(out, "busy") {
		t.Errorf("cat: %v %s", err, out)
	}
}

func TestAttachRefuses(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		what, name string
		ctx        context.Context
		opt        Options
		size       int64
		says       string
	}{
		{"no name", "", t.Context(), Options{}, 1 << 20, "name"},
		{"a path", "a/b", t.Context(), Options{}, 1 << 20, "name"},
		{"no folder", "a", t.Context(), Options{Mount: "-"}, 1 << 20, "Mount"},
		{"odd size", "a", t.Context(), Options{}, 1<<20 + 512, "BlockSize"},
		{"odd block", "a", t.Context(), Options{BlockSize: 3}, 1 << 20, "block size 3"},
		{"link is a file", "a", t.Context(), Options{Link: file}, 1 << 20, "move it away"},
		{"context", "a", gone, Options{}, 1 << 20, "canceled"},
		{"in a file", "a", t.Context(), Options{Mount: file + "/m"}, 1 << 20, "not a dir"}, {
			"a file", "a", t.Context(), Options{Mount: file}, 1 << 20, "empty folder"},
		{"full folder", "a", t.Context(), Options{Mount: filepath.Dir(file)}, 1 << 20, "empty"},
	} {
		t.Run(c.what, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "m")
			switch c.opt.Mount {
			case "":
				c.opt.Mount = folder
			case "-":
				c.opt.Mount = ""
			}
			p.size.Store(c.size)
			before := runtime.NumGoroutine()
			_, err := Attach(c.ctx, c.name, p, c.opt)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if _, err := os.Lstat(folder); err == nil {
				t.Error("the folder is still there")
			}
			fewGoroutines(t, before)
		})
	}
	if b, err := os.ReadFile(file); string(b) != "mine" || err != nil {
		t.Errorf("the file in the way holds %q, %v", b, err)
	}
}

func TestBlockSize512(t *testing.T) {
	p := newProbe(t, 16<<20)
	p.size.Store(16<<20 - 512)
	a := attached(t, p, Options{BlockSize: 512})
	if n := sizeOf(t, a.Path()); n != 16<<20-512 {
		t.Errorf("%d bytes", n)
	}
}

// TestAbort is about a device that does not answer any more.
func TestAbort(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	before := runtime.NumGoroutine()
	a, err := Attach(t.Context(), "v", p, Options{Mount: t.TempDir() + "/m",
		Link: t.TempDir() + "/vol"})
	if err != nil {
		t.Fatal(err)
	}
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	hang := func(op string) error {
		if op == "flush" {
			asked <- struct{}{}
			<-answer
		}
		return nil
	}
	p.hurt.Store(&hang)
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("late")
	go func() { <-asked; cancel(late) }()
	if err := a.Detach(ctx); !errors.Is(err, late) || !strings.Contains(err.Error(), "abort") {
		t.Errorf("detach: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Abort(ended); err == nil || !strings.Contains(err.Error(), "not returned") {
		t.Errorf("abort while the device hangs: %v", err)
	}
	close(answer)
	if err := a.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if err := a.Detach(t.Context()); err != nil {
		t.Errorf("detach after abort: %v", err)
	}
	clean(t, a)
	fewGoroutines(t, before)
}

// TestAbortWhileMounted ends the service under a file system.
func TestAbortWhileMounted(t *testing.T) {
	need(t, "mkfs.ext4", "mount")
	p := newProbe(t, 64<<20)
	a, err := Attach(t.Context(), "v", p, Options{Mount: t.TempDir() + "/m"})
	if err != nil {
		t.Fatal(err)
	}
	tool(t, "mkfs.ext4", "-q", "-F", a.Path())
	dir, unmount := mountedOn(t, "ext4", a.Path())
	if err := a.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/f", []byte("x"), 0o600); err == nil {
		f, err := os.Open(dir + "/f")
		if err == nil {
			err = f.Sync()
			f.Close()
		}
		if err == nil {
			t.Error("the file system does not notice")
		}
	}
	unmount()
	if file := boundTo(filepath.Base(a.Path())); file != "" {
		t.Errorf("the loop device is still bound to %s", file)
	}
	clean(t, a)
}

// TestFolderBehindLink has a mount whose name is not the one that the kernel uses.
func TestFolderBehindLink(t *testing.T) {
	able(t)
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/real", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	p := newProbe(t, 16<<20)
	a := attached(t, p, Options{Mount: dir + "/link/m"})
	if file := boundTo(filepath.Base(a.Path())); file != a.volume.path() {
		t.Errorf("bound to %s, not to %s", file, a.volume.path())
	}
	if _, err := Attach(t.Context(), "w", p, Options{Mount: dir + "/real/m"}); !errors.Is(err,
		ErrAttached) {
		t.Errorf("the same folder by another name: %v", err)
	}
}
