package durable

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a child process of these tests does, and the path that it does it to.
const (
	roleVar = "PITCH_DURABLE_TEST"
	pathVar = "PITCH_DURABLE_PATH"
)

func TestMain(m *testing.M) {
	path := os.Getenv(pathVar)
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(m.Run())
	case "replace": // for ever, with one version after the other
		for v := byte(1); ; v++ {
			if err := Replace(path, version(v), 0o600); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println("replaced")
		}
	case "lock": // until standard input ends
		if _, err := Lock(path); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("locked")
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
	}
}

// version is content whose length depends on the version, too.
func version(v byte) []byte { return bytes.Repeat([]byte{v}, 100_000+int(v)) }

// child starts this test binary in another role.
func child(t *testing.T, role, path string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVar+"="+role, pathVar+"="+path)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if role == "lock" {
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(pipe)
}

// The mode is what was asked for, whatever the file had before, and nothing is left beside it.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for i, mode := range []fs.FileMode{0o600, 0o644, 0o666, 0o400, 0o600} {
		want := fmt.Appendf(nil, "version %d", i)
		if i == 4 {
			want = nil
		}
		if err := Replace(path, want, mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || !bytes.Equal(got, want) || info.Mode() != mode {
			t.Errorf("%q with mode %v, %v, expected %q with %v", got, info.Mode(), err, want, mode)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// What cannot be replaced stays, and nothing is left beside it.
func TestReplaceThatFails(t *testing.T) {
	dir := t.TempDir()
	if err := Replace(filepath.Join(dir, "none", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(taken, []byte("text"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := SyncDir(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("sync of a folder that is not there: %v", err)
	}
}

// A process is killed while it replaces a file, again and again. The file is always a whole version,
// and never older than one that was there before.
func TestReplaceIsKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for round := range 10 {
		cmd, out := child(t, "replace", path)
		for range 1 + round%3 {
			if _, err := out.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it says that it was killed
		got, err := os.ReadFile(path)
		if err != nil || len(got) == 0 || !bytes.Equal(got, version(got[0])) {
			t.Fatalf("round %d: %d bytes, %v", round, len(got), err)
		}
		if got[0] < byte(1+round%3) {
			t.Errorf("round %d: version %d", round, got[0])
		}
	}
}

// One process at a time holds a lock. It ends with the process, however that ends.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("a lock that is held: %v", err)
	}
	_, out := child(t, "lock", path)
	if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, "in use by another process") {
		t.Errorf("another process: %q, %v", line, err)
	}
	release()

	cmd, out := child(t, "lock", path)
	if line, err := out.ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("another process: %q, %v", line, err)
	}
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("a lock that another process holds: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed
	release, err = Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := Lock(filepath.Join(path, "below")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("a lock that cannot be made: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file of a lock: %v, %v", info, err)
	}
}
