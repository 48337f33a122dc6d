//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadMounts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mountinfo")
	err := os.WriteFile(file, []byte("36 35 98:0 /mnt1 /mnt\\0402\\134 rw,noatime master:1 - "+
		"ext3 /dev/root rw,errors=continue\nnonsense\n"+
		"40 35 0:33 / /srv rw - fuse.pitch /dev/pitch/a\\011b rw,user_id=0\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readMounts(file)
	want := []mounted{{"98:0", `/mnt 2\`, "ext3", "/dev/root"},
		{"0:33", "/srv", "fuse.pitch", "/dev/pitch/a\tb"}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestApart wants the descriptors of the process to be out of reach there, and none to come back.
func TestApart(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 50 {
		err = apart(func() error {
			if _, err := unix.FcntlInt(w.Fd(), unix.F_GETFD, 0); err != unix.EBADF {
				t.Errorf("the descriptor is still there: %v", err)
			}
			if unix.Gettid() == unix.Getpid() {
				t.Error("this is the main thread")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the other end is not closed: %d, %v", n, err)
	}
}

func TestSweepNothing(t *testing.T) {
	s, err := Sweep(filepath.Join(t.TempDir(), "none"))
	if err != nil || len(s.Mounts)+len(s.Loops)+len(s.Busy) > 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestKeepServing changes the whole process, which does no harm.
func TestKeepServing(t *testing.T) {
	if err := KeepServing(); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	on, _, errno := unix.Syscall6(unix.SYS_PRCTL, unix.PR_GET_IO_FLUSHER, 0, 0, 0, 0, 0)
	if on != 1 || errno != 0 {
		t.Errorf("the kernel says %d, %v", on, errno)
	}
}
