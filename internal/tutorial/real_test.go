package tutorial_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Blocks of the tutorial on real volumes: files, whose names stand before them; functions of the
// shell; and what is typed.
var (
	namedFile = regexp.MustCompile("(?s)`([a-z]+\\.toml)`:\n\n```toml\n(.*?)```")
	functions = regexp.MustCompile(`(?m)^[a-z]+\(\) \{.*\}$`)
)

// The tutorial on real volumes, with daemons, a block device and a file system.
func TestTutorialOnRealVolumes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT CHECKED: the tutorial makes a block device, for which one must be root")
	}
	for _, need := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(need); err != nil {
			t.Skipf("NOT CHECKED: the tutorial makes a block device, and here is no %s", need)
		}
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("NOT CHECKED: the tutorial needs mkfs.ext4, of e2fsprogs")
	}
	text, err := os.ReadFile("../../docs/tutorial-real-node.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	t.Cleanup(func() { leave(t, dir) })
	tutorial := onFreePorts(t, string(text))
	for _, f := range namedFile.FindAllStringSubmatch(tutorial, -1) {
		if err := os.WriteFile(filepath.Join(dir, f[1]), []byte(f[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	prelude := strings.Join(functions.FindAllString(tutorial, -1), "\n") + "\n"
	shown := 0
	for _, b := range block.FindAllStringSubmatch(tutorial, -1) {
		if b[1] == "console" {
			shown += compare(t, dir, prelude, b[2])
		}
	}
	if shown < 20 {
		t.Fatalf("only %d lines of output were compared: has the tutorial another form now?", shown)
	}
}

// onFreePorts changes the ports of a text to some that nobody uses now.
func onFreePorts(t *testing.T, text string) string {
	for _, port := range []string{"17791", "17792"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		text = strings.ReplaceAll(text, port, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
	}
	return text
}

// leave ends what a tutorial that has failed has left.
func leave(t *testing.T, dir string) {
	_ = exec.Command("umount", "-l", filepath.Join(dir, "mnt")).Run() // mostly there is none
	for _, host := range []string{"alpha", "beta"} {
		pid, err := os.ReadFile(filepath.Join(dir, host+".pid"))
		if err == nil {
			_ = exec.Command("kill", strings.TrimSpace(string(pid))).Run()
		}
		if log, err := os.ReadFile(filepath.Join(dir, host+".log")); err == nil && t.Failed() {
			t.Logf("log of %s:\n%s", host, log)
		}
	}
}
