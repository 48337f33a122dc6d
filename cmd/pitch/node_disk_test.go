package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// smallDisk mounts a file system of its own for the data of a host.
func smallDisk(t *testing.T, dir, size string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT CHECKED: a disk that gets full takes a mount, for which one must be root")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "pitch-test", dir).
		CombinedOutput()
	if err != nil {
		t.Skipf("NOT CHECKED: no file system can be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() }) // the folder goes anyway
}

// The disk gets full under load. Writers wait, nothing that was acknowledged is lost, the view tells
// what is wrong, and everything goes on by itself as soon as there is space.
func TestDiskGetsFullAndIsGivenSpace(t *testing.T) {
	l := newLab(t, "alpha")
	alpha := l.hosts[0]
	alpha.vol("host")
	alpha.kill()
	data := filepath.Join(l.dir, "alpha")
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	smallDisk(t, data, "160m")
	filler := filepath.Join(data, "filler")
	if err := os.WriteFile(filler, make([]byte, 110<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	alpha.start()
	alpha.vol("create", "lv1", "--size", "64MiB", "--buffer", "1MiB", "--ack", "durable")
	c := alpha.open("lv1")
	const blocks = 9000
	var ends []<-chan error
	full := make(chan bool)
	go func() {
		for b := range int64(blocks) {
			ends = append(ends, c.StartWrite(content(b, 1), b*4096, nbdtest.FUA))
		}
		close(full)
	}()
	alpha.awaitView("lv1", "no space left on device")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	select {
	case <-full:
	case <-time.After(patience):
		t.Fatal("writers still wait, though there is space")
	}
	for b, end := range ends {
		select {
		case err := <-end:
			if err != nil {
				t.Fatalf("block %d: %v", b, err)
			}
		case <-time.After(patience):
			t.Fatalf("block %d still waits, though there is space", b)
		}
	}
	alpha.kill()
	alpha.start()
	c = alpha.open("lv1")
	for b := range int64(blocks) {
		if v := versionOf(t, c, b); v != 1 {
			t.Fatalf("block %d was acknowledged and has version %d", b, v)
		}
	}
}
