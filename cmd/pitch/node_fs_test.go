package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/attach"
)

// fsKind is a file system, and how it is repaired after a crash.
type fsKind struct {
	name  string
	size  string // of the volume
	mkfs  []string
	check func(s *fsSite)
}

var fsKinds = []fsKind{
	{"ext4", "64MiB", []string{"mkfs.ext4", "-q", "-F"}, (*fsSite).checkExt4},
	{"xfs", "320MiB", []string{"mkfs.xfs", "-q", "-f"}, (*fsSite).checkXFS},
}

// fsRounds is how often the tests below kill. `make soak` does it more often.
func fsRounds() int {
	switch {
	case os.Getenv("PITCH_SOAK") != "":
		return 100
	case testing.Short():
		return 1
	}
	return 3
}

// fsSite is a file system on a volume.
type fsSite struct {
	t      *testing.T
	kind   *fsKind
	host   *labHost // where it is mounted, or going to be
	device string
	mount  string
	load   fsLoad
	stop   atomic.Bool
	ended  chan error
}

// newFSSite skips the test where it cannot be done, and says so.
func newFSSite(t *testing.T, kind *fsKind, l *lab) *fsSite {
	if err := attach.Supported(); err != nil || os.Getuid() != 0 {
		t.Skipf("NOT CHECKED: no file systems on volumes here: %v, user %d", err, os.Getuid())
	}
	for _, tool := range []string{kind.mkfs[0], map[string]string{"ext4": "e2fsck",
		"xfs": "xfs_repair"}[kind.name]} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT CHECKED: %v: install e2fsprogs and xfsprogs", err)
		}
	}
	s := &fsSite{t: t, kind: kind, host: l.hosts[0], mount: filepath.Join(l.dir, "mounted")}
	if err := os.Mkdir(s.mount, 0o755); err != nil {
		t.Fatal(err)
	}
	s.load.dir = s.mount
	t.Cleanup(func() { // before the daemons are killed
		s.stop.Store(true)
		_ = exec.Command("umount", "-l", s.mount).Run()
		for _, h := range l.hosts {
			h.kill()
			if _, err := attach.Sweep(filepath.Join(l.dir, h.name, "mnt")); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// make makes the file system.
func (s *fsSite) make() {
	s.t.Helper()
	s.host.vol("create", "lv1", "--size", s.kind.size)
	s.attach()
	s.must(s.kind.mkfs[0], append(s.kind.mkfs[1:], s.device)...)
}

// attach makes the volume a block device where it is primary.
func (s *fsSite) attach() {
	s.t.Helper()
	s.host.vol("wait", "lv1", "primary")
	out := s.host.vol("attach", "lv1")
	_, rest, _ := strings.Cut(out, "/dev/")
	name, _, ok := strings.Cut(rest, ",")
	if !ok {
		s.t.Fatalf("attach says %q", out)
	}
	s.device = "/dev/" + name
}

func (s *fsSite) must(name string, args ...string) string {
	s.t.Helper()
	return s.host.lab.must(name, args...)
}

// begin mounts the file system and lets the load run.
func (s *fsSite) begin() {
	s.t.Helper()
	s.must("mount", "-t", s.kind.name, s.device, s.mount)
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.load.work(&s.stop) }()
}

// crash kills the daemon below, and lets go of what is mounted.
func (s *fsSite) crash() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		s.t.Fatalf("the load has ended before the daemon: %v", err)
	default:
	}
	s.host.kill()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatal("the load hangs though the daemon is dead")
	}
	s.must("umount", "-l", s.mount)
}

// found repairs what a crash has left, and looks at it.
func (s *fsSite) found(least int64) int64 {
	s.t.Helper()
	s.attach()
	s.kind.check(s)
	s.must("mount", "-t", s.kind.name, s.device, s.mount)
	steps, err := s.load.find(least)
	if err != nil {
		s.t.Fatalf("%s after a crash: %v", s.kind.name, err)
	}
	s.must("umount", s.mount)
	return steps
}

// checkExt4 lets the journal be replayed, after which there must be nothing left to repair.
func (s *fsSite) checkExt4() {
	s.t.Helper()
	out, err := s.host.lab.run("e2fsck", "-p", s.device)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		s.t.Fatalf("e2fsck -p: %v\n%s", err, out)
	}
	s.must("e2fsck", "-f", "-n", s.device)
}

// checkXFS lets the log be replayed, which a mount does, and looks for what is wrong then.
func (s *fsSite) checkXFS() {
	s.t.Helper()
	s.must("mount", "-t", "xfs", s.device, s.mount)
	s.must("umount", s.mount)
	s.must("xfs_repair", "-n", s.device)
}

// A daemon is killed while a file system on its volume works. What was synced is there, and the
// file system is whole.
func TestFileSystemsSurviveKills(t *testing.T) {
	for i := range fsKinds {
		kind := &fsKinds[i]
		t.Run(kind.name, func(t *testing.T) {
			s := newFSSite(t, kind, newLab(t, "alpha"))
			s.make()
			random := node.NewStream(41, "file systems "+kind.name)
			for round := range fsRounds() {
				s.begin()
				time.Sleep(time.Duration(100+random.Below(400)) * time.Millisecond)
				s.crash()
				synced := s.load.synced.Load()
				s.host.start()
				steps := s.found(synced)
				t.Logf("round %d: %d steps, of which %d were synced", round, steps, synced)
			}
			s.host.vol("detach", "lv1")
		})
	}
}

// The primary is killed, and the other host takes over by force. What it has is the file system as
// it was at some moment.
func TestFileSystemsSurviveForcedFailover(t *testing.T) {
	for round := range max(1, fsRounds()/3) {
		kind := &fsKinds[round%len(fsKinds)]
		t.Run(kind.name, func(t *testing.T) {
			l := newLab(t, "alpha", "beta")
			s := newFSSite(t, kind, l)
			s.make()
			beta := l.hosts[1]
			beta.vol("join", "lv1", "--from", "alpha")
			beta.vol("wait", "lv1", "up-to-date")
			s.begin()
			random := node.NewStream(uint64(round), "failover")
			time.Sleep(time.Duration(300+random.Below(500)) * time.Millisecond)
			s.crash()
			synced := s.load.synced.Load()
			beta.vol("disconnect", "lv1")
			beta.vol("primary", "lv1", "--force")
			s.host = beta
			steps := s.found(0)
			t.Logf("%d steps, of which %d were synced at the old primary", steps, synced)
			if steps == 0 {
				t.Error("nothing has been replicated")
			}
			s.host.vol("detach", "lv1")
			_ = beta.cmd.Process.Signal(syscall.SIGTERM)
		})
	}
}
