package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	made "github.com/container-football/pitch/internal/lab"
)

// A hangup comes while the daemon is still reading its configuration, which changes after that. The
// daemon takes the change up as soon as it serves.
func TestHangupDuringTheStart(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	made.Write(t, l.dir, "pitch", "", "alpha")
	path := filepath.Join(l.dir, "alpha.toml")
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	alpha := &labHost{lab: l, name: "alpha"}
	alpha.start()
	t.Cleanup(alpha.kill)
	say := func(text string, meanwhile func()) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the daemon to read
		if err != nil {
			t.Fatal(err)
		}
		meanwhile()
		if _, err := f.WriteString(text); err != nil {
			t.Fatalf("%v\n%s", err, alpha.log.String())
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	say(string(config), func() {
		if err := alpha.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	})
	alpha.vol("host") // it serves
	say(string(config)+"[[peer]]\nname = \"gamma\"\nid = 3\naddress = \"127.0.0.1:1\"\n", func() {})
	for end := time.Now().Add(patience); !strings.Contains(alpha.vol("host"), "gamma (3)"); {
		if time.Now().After(end) {
			t.Fatalf("the new peer is not known:\n%s", alpha.vol("host"))
		}
	}
}
