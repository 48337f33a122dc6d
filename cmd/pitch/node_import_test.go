package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/realnode/attach"
	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// guests are three hosts: two with replicas of lv1, which has 64 MiB, and one that has imported it.
func guests(t *testing.T, more ...string) (l *lab) {
	l = newLab(t, append([]string{"alpha", "beta", "gamma"}, more...)...)
	l.hosts[0].vol("create", "lv1", "--size", "64MiB")
	l.hosts[1].vol("join", "lv1", "--wait")
	gamma := l.hosts[2]
	gamma.says("could be used on this host without a replica, served by alpha now",
		gamma.vol("import", "lv1", "--dry-run"))
	gamma.says("can be used on gamma, served by alpha now", gamma.vol("import", "lv1", "--from", "beta"))
	gamma.says("NotInUse", gamma.vol("view", "lv1"))
	return l
}

// connect connects a client to a volume that this host has imported.
func (h *labHost) connect(volume string) *nbdtest.Client {
	h.lab.t.Helper()
	socket := filepath.Join(h.lab.dir, h.name, "nbd.sock")
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c, err := nbdtest.Connect(socket, volume)
		if err == nil {
			return c
		}
		if !errors.Is(err, nbdtest.ErrNoExport) || time.Now().After(end) {
			h.lab.t.Fatalf("%s on %s: %v", volume, h.name, err)
		}
	}
}

// A client on a host without a replica writes, and does not notice that the role moves there and back.
// What it has written is on both replicas in the end.
func TestAnImportedVolumeFeelsNoHandover(t *testing.T) {
	l := guests(t)
	alpha, beta, gamma := l.hosts[0], l.hosts[1], l.hosts[2]
	c := gamma.connect("lv1")
	large := content(0, 7)
	for b := int64(1); b < 16<<20/4096; b++ { // much more than a request of the protocol may have
		large = append(large, content(b, 7)...)
	}
	if err := c.Write(large, 0, 0); err != nil {
		t.Fatalf("16 MiB at once: %v", err)
	}
	gamma.says("1 users, served by alpha", gamma.vol("view", "lv1"))
	alpha.says("in use on gamma, which has no replica", alpha.vol("view"))
	alpha.says("in use on host gamma, which has no replica", alpha.refuses("secondary", "lv1"))
	alpha.says("in use on host gamma", alpha.refuses("secondary", "lv1", "--dry-run"))
	alpha.says("in use on host gamma", alpha.refuses("attach", "lv1", "--dry-run"))

	const blocks = 64
	var written [blocks]uint64
	var done atomic.Uint64
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for v := uint64(100); ; v++ {
			select {
			case <-stop:
				ended <- c.Flush()
				return
			default:
			}
			b := int64(v % blocks)
			if err := c.Write(content(b, v), b*4096, 0); err != nil {
				ended <- fmt.Errorf("block %d: %w", b, err)
				return
			}
			written[b] = v
			done.Add(1)
		}
	}()
	for i := range 4 {
		before := done.Load()
		next := []*labHost{beta, alpha}[i%2]
		next.vol("primary", "lv1")
		for end := time.Now().Add(patience); done.Load() < before+50; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("after handover %d nothing is written any more\n%s", i, gamma.vol("view", "lv1"))
			}
		}
		gamma.awaitView("lv1", "served by "+next.name)
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writes", done.Load())
	check := func(where string, c *nbdtest.Client) {
		t.Helper()
		for b := range int64(4096) {
			want := uint64(7)
			if b < blocks {
				want = written[b]
			}
			if v := versionOf(t, c, b); v != want {
				t.Fatalf("%s: block %d has version %d, expected %d", where, b, v, want)
			}
		}
	}
	check("gamma", c)
	gamma.says("in use here by 1 users", gamma.refuses("release", "lv1"))
	gamma.says("in use here by 1 users", gamma.refuses("join", "lv1"))
	c.Close()
	gamma.vol("wait", "lv1", "closed")
	for _, h := range []*labHost{alpha, beta} {
		h.vol("primary", "lv1")
		c := h.open("lv1")
		check(h.name, c)
		c.Close()
	}
}

// Only one host may change the volume. Another one takes it by force; the former one gets errors until it has
// closed the volume. Others may read.
func TestAnImportedVolumeIsTakenAway(t *testing.T) {
	l := guests(t, "delta")
	alpha, beta, gamma, delta := l.hosts[0], l.hosts[1], l.hosts[2], l.hosts[3]
	c := gamma.connect("lv1")
	writeBlock(t, c, 1, 1)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	delta.says("users on gamma would get errors", delta.vol("import", "lv1", "--force", "--dry-run"))
	delta.says("not before gamma has closed it", delta.vol("import", "lv1"))
	delta.says("imported already", delta.refuses("import", "lv1"))
	delta.says("in use on host gamma, which has no replica", delta.refuses("attach", "lv1", "--dry-run"))
	if d, err := nbdtest.Connect(filepath.Join(l.dir, "delta", "nbd.sock"), "lv1"); err == nil {
		if d.Write(content(1, 9), 4096, 0) == nil {
			t.Error("two hosts write at the same time")
		}
		d.Close()
	}
	delta.says("held by delta", delta.vol("import", "lv1", "--force"))
	alpha.says("in use on delta, which has no replica", alpha.vol("view"))
	if err := c.Write(content(1, 2), 4096, 0); err == nil {
		t.Error("the former holder still writes")
	}
	gamma.awaitView("lv1", "ERRORS for users here: the volume has been taken over meanwhile")
	gamma.says("TakenAway", gamma.vol("view"))
	d := delta.connect("lv1")
	if v := versionOf(t, d, 1); v != 1 {
		t.Errorf("version %d, expected 1", v)
	}
	writeBlock(t, d, 1, 3)
	c.Close()
	gamma.vol("wait", "lv1", "closed")
	gamma.vol("release", "lv1")
	gamma.vol("import", "lv1", "--read-only")
	c = gamma.connect("lv1")
	if v := versionOf(t, c, 1); v != 3 {
		t.Errorf("a reader sees version %d, expected 3", v)
	}
	if c.Write(content(1, 4), 4096, 0) == nil {
		t.Error("a reader writes")
	}
	alpha.says("read on gamma, which has no replica", alpha.vol("view"))

	beta.vol("leave", "lv1")
	alpha.says("in use on host delta", alpha.refuses("delete", "lv1"))
	d.Close()
	delta.vol("wait", "lv1", "closed")
	c.Close()
	gamma.vol("wait", "lv1", "closed")
	alpha.vol("delete", "lv1")
	for _, h := range []*labHost{gamma, delta} {
		for end := time.Now().Add(patience); !strings.Contains(h.vol("view"), "no volumes here"); {
			if time.Now().After(end) {
				t.Fatalf("%s keeps a volume that is gone: %s", h.name, h.vol("view"))
			}
		}
	}
}

// Members come and go while a host without a replica does not run. It finds those that it was told of, and
// gives its import up when it becomes a member itself.
func TestAnImportedVolumeFollowsItsMembers(t *testing.T) {
	l := guests(t, "delta")
	alpha, beta, gamma, delta := l.hosts[0], l.hosts[1], l.hosts[2], l.hosts[3]
	delta.vol("join", "lv1", "--wait")
	c := gamma.connect("lv1")
	writeBlock(t, c, 1, 1)
	delta.vol("primary", "lv1")
	writeBlock(t, c, 2, 1)
	alpha.vol("leave", "lv1")
	beta.vol("leave", "lv1")
	delta.vol("resize", "lv1", "65MiB")
	gamma.awaitView("lv1", "65MiB")
	c.Close()
	gamma.kill()
	gamma.start()
	gamma.awaitView("lv1", "65MiB")
	c = gamma.connect("lv1")
	for b := range int64(2) {
		if v := versionOf(t, c, b+1); v != 1 {
			t.Errorf("block %d has version %d", b+1, v)
		}
	}
	if _, err := exec.LookPath("qemu-io"); err == nil {
		out := l.must("qemu-io", "-f", "raw", "-c", "write -P 5 1M 20M", "-c", "flush", "-c", "read -P 5 1M 20M",
			"nbd+unix:///lv1?socket="+filepath.Join("gamma", "nbd.sock"))
		gamma.says("read 20971520/20971520", out)
	}
	c.Close()
	gamma.vol("wait", "lv1", "closed")
	gamma.says("no replica; ask a member", gamma.refuses("resize", "lv1", "66MiB"))
	gamma.says("no replica; ask a member", gamma.refuses("primary", "lv1", "--dry-run"))
	gamma.vol("join", "lv1", "--wait")
	gamma.vol("primary", "lv1")
	c = gamma.open("lv1")
	if v := versionOf(t, c, 2); v != 1 {
		t.Errorf("block 2 has version %d", v)
	}
}

// An imported volume is a block device like any other, and stays one while the role moves.
func TestAnImportedVolumeIsAttached(t *testing.T) {
	if err := attach.Supported(); err != nil || os.Getuid() != 0 {
		t.Skipf("NOT CHECKED: no block devices here: %v, user %d", err, os.Getuid())
	}
	l := guests(t)
	beta, gamma := l.hosts[1], l.hosts[2]
	t.Cleanup(func() {
		gamma.kill()
		if _, err := attach.Sweep(filepath.Join(l.dir, gamma.name, "mnt")); err != nil {
			t.Error(err)
		}
	})
	gamma.vol("attach", "lv1")
	device := filepath.Join(gamma.name, "dev", "lv1")
	put := func(at string) {
		t.Helper()
		l.must("dd", "if=alpha.toml", "of="+device, "bs=4096", "count=1", "seek="+at, "conv=notrunc,sync",
			"oflag=direct")
	}
	put("0")
	beta.vol("primary", "lv1")
	put("1")
	gamma.says("served by beta", gamma.vol("view", "lv1"))
	gamma.says("attached at", gamma.vol("view", "lv1"))
	beta.says("in use on gamma", beta.vol("view"))
	gamma.vol("detach", "lv1")
	gamma.vol("wait", "lv1", "closed")
	c := beta.open("lv1")
	defer c.Close()
	want, err := os.ReadFile(filepath.Join(l.dir, "alpha.toml"))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	for b := range int64(2) {
		if err := c.Read(got, b*4096); err != nil || string(got) != string(want) {
			t.Errorf("block %d: %v, %q", b, err, got)
		}
	}
}
