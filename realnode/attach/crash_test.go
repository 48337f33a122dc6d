//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/realnode/nbd"
)

// childEnv tells the test binary to serve a volume; its value is what else it does.
const childEnv = "PITCH_ATTACH_CHILD"

func TestMain(m *testing.M) {
	if mode := os.Getenv(childEnv); mode != "" {
		child(mode, os.Args[1], os.Args[2])
	}
	os.Exit(m.Run())
}

// child serves the image until it is killed. On its output are the device, the process that it
// has started, and then what it is told to report.
func child(mode, image, dir string) {
	die := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	f, err := nbd.OpenFile(image, 0)
	die(err)
	p := &probe{File: f, image: image}
	p.size.Store(f.Size())
	a, err := Attach(context.Background(), "v", p, Options{Mount: filepath.Join(dir, "m"),
		Link: filepath.Join(dir, "vol")})
	die(err)
	// It outlives the child, and must not keep the file system alive.
	other := exec.Command("sleep", "1000")
	die(other.Start())
	fmt.Printf("%s\n%d\n", a.Path(), other.Process.Pid)
	if mode == "detach" {
		hang := func(op string) error {
			if op == "flush" {
				fmt.Println("flushing")
				select {}
			}
			return nil
		}
		p.hurt.Store(&hang)
		_ = a.Detach(context.Background())
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(2) // whoever was to kill the child has gone
}

// serving is a child.
type serving struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	in     io.Closer
	device string
	dir    string
}

func startChild(t *testing.T, mode, image, dir string) *serving {
	t.Helper()
	s := &serving{dir: dir, cmd: exec.Command("/proc/self/exe", image, dir)}
	s.cmd.Env = append(os.Environ(), childEnv+"="+mode)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.device = s.line(t)
	sleeper, err := strconv.Atoi(s.line(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Kill(sleeper, unix.SIGKILL) })
	return s
}

func (s *serving) line(t *testing.T) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// kill kills the child and wants it to end, whatever it waits for.
func (s *serving) kill(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case <-ended:
	case <-ctx.Done():
		_, err := Sweep(s.dir)
		t.Fatalf("the child hangs when it is killed; sweeping: %v", err)
	}
}

// swept sweeps and wants the mount and the link to be gone.
func (s *serving) swept(t *testing.T) Swept {
	t.Helper()
	got, err := Sweep(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Mounts) != 1 || got.Mounts[0] != s.dir+"/m" {
		t.Errorf("swept mounts %q", got.Mounts)
	}
	if len(got.Loops) != 1 || got.Loops[0] != s.device {
		t.Errorf("swept loops %q, want %s", got.Loops, s.device)
	}
	left, err := os.ReadDir(s.dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	again, err := Sweep(s.dir)
	if err != nil || len(again.Mounts)+len(again.Loops) > 0 {
		t.Errorf("a second sweep finds %v, %v", again, err)
	}
	return got
}

// unbound wants the device not to be bound any more.
func (s *serving) unbound(t *testing.T) {
	t.Helper()
	if file := boundTo(filepath.Base(s.device)); file != "" {
		t.Errorf("%s is still bound to %s", s.device, file)
	}
}

func TestCrashIdle(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	s := startChild(t, "serve", p.image, t.TempDir())
	s.kill(t)
	if _, err := os.ReadDir(s.dir + "/m"); !errors.Is(err, unix.ENOTCONN) {
		t.Errorf("the mount of the dead one: %v", err)
	}
	if _, err := Attach(t.Context(), "v", p, Options{Mount: s.dir + "/m"}); err == nil ||
		!strings.Contains(err.Error(), "sweep") {
		t.Errorf("attach before the sweep: %v", err)
	}
	if got := s.swept(t); len(got.Busy) > 0 {
		t.Errorf("busy: %q", got.Busy)
	}
	s.unbound(t)
}

// TestCrashMounted kills the server under a file system that has something to write.
func TestCrashMounted(t *testing.T) {
	need(t, "mkfs.ext4", "e2fsck", "mount")
	p := newProbe(t, 128<<20)
	s := startChild(t, "serve", p.image, t.TempDir())
	tool(t, "mkfs.ext4", "-q", "-F", s.dir+"/vol")
	dir, unmount := mountedOn(t, "ext4", s.device)
	sums := writeFiles(t, dir)
	if err := os.WriteFile(dir+"/dirty", make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s.kill(t)
	if f, err := os.Open(dir + "/dirty"); err == nil {
		if err := f.Sync(); err == nil {
			t.Error("fsync without a server succeeds")
		}
		f.Close()
	}
	got := s.swept(t)
	if len(got.Busy) != 1 || !strings.Contains(got.Busy[0], "mounted at "+dir) {
		t.Errorf("busy: %q", got.Busy)
	}

	// The next daemon serves it again although the dead file system is still mounted.
	a := attached(t, p, Options{Mount: s.dir + "/m", Link: s.dir + "/vol"})
	if a.Path() == s.device {
		t.Errorf("%s is used twice", s.device)
	}
	unmount()
	s.unbound(t)
	again, unmount := mountedOn(t, "ext4", s.dir+"/vol")
	compareFiles(t, again, sums)
	unmount()
	tool(t, "e2fsck", "-fn", a.Path())
}

// TestCrashOpen kills the server under a process that has written to the page cache.
func TestCrashOpen(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	s := startChild(t, "serve", p.image, t.TempDir())
	f, err := os.OpenFile(s.device, os.O_RDWR, 0)
	if err == nil {
		_, err = f.Write(make([]byte, 1<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	s.kill(t)
	if err := f.Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("fsync: %v", err)
	}
	got := s.swept(t)
	if len(got.Busy) != 1 || !strings.Contains(got.Busy[0], strconv.Itoa(os.Getpid())) {
		t.Errorf("busy: %q", got.Busy)
	}
	f.Close()
	s.unbound(t)
}

// TestCrashDetaching kills a process that waits for itself.
func TestCrashDetaching(t *testing.T) {
	able(t)
	p := newProbe(t, 16<<20)
	s := startChild(t, "detach", p.image, t.TempDir())
	if line := s.line(t); line != "flushing" {
		t.Fatalf("the child says %q", line)
	}
	s.kill(t)
	s.swept(t)
	s.unbound(t)
}

// TestSweepLeaves has what is not to be swept: an attachment of this process, one elsewhere, and
// a loop device over a plain file.
func TestSweepLeaves(t *testing.T) {
	need(t, "losetup")
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := strings.TrimSpace(tool(t, "losetup", "--find", "--show", image))
	defer func() { tool(t, "losetup", "--detach", plain) }()
	own := attached(t, newProbe(t, 16<<20), Options{Mount: dir + "/own"})
	elsewhere := newProbe(t, 16<<20)
	other := startChild(t, "serve", elsewhere.image, t.TempDir())
	got, err := Sweep(dir)
	if err != nil || len(got.Mounts)+len(got.Loops)+len(got.Busy) > 0 {
		t.Errorf("swept %+v, %v", got, err)
	}
	if boundTo(filepath.Base(plain)) != image || !own.loop.isOurs() ||
		boundTo(filepath.Base(other.device)) == "" {
		t.Error("a loop device is gone that was none of ours")
	}
	other.kill(t)
	other.swept(t)
}
