package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/daemon"
)

// slowly makes alpha, with a volume full of what cannot be copied in no time, and beta.
func slowly(t *testing.T) (alpha, beta *labHost) {
	t.Helper()
	l := newLab(t, "alpha", "beta")
	alpha, beta = l.hosts[0], l.hosts[1]
	alpha.vol("host")
	alpha.rewrite(func(text string) string {
		return strings.Replace(text, "[[peer]]\n", "[[peer]]\nrate = \"256KiB/s\"\n", 1)
	})
	alpha.kill()
	alpha.start()
	alpha.vol("create", "lv1", "--size", "16MiB")
	c := alpha.open("lv1")
	random := node.NewStream(3, "content")
	for at := int64(0); at < 16<<20; at += 1 << 20 {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(random.Below(256))
		}
		if err := c.Write(b, at, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	return alpha, beta
}

// A copy is shown while it goes on, the waiting for it can be ended, and so can the membership.
func TestACopyIsShownAndGivenUp(t *testing.T) {
	alpha, beta := slowly(t)
	beta.vol("join", "lv1")
	beta.awaitView("lv1", "COPIED")
	beta.says("to be copied", beta.vol("view", "lv1"))
	beta.says(`"inconsistent":true`, beta.vol("view", "--json"))
	beta.says("is inconsistent here", beta.refuses("primary", "lv1", "--dry-run"))

	tty, screen := terminalOf(t)
	cmd := exec.Command("pitch", beta.args([]string{"wait", "all", "up-to-date", "--timeout", "0s"})...)
	cmd.Dir, cmd.Stderr = beta.lab.dir, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = tty.Close()
	shown := reads(t, screen, "left")
	if !strings.Contains(shown, "lv1: Secondary InConsistent Syncing") || !strings.Contains(shown, "%") {
		t.Errorf("a terminal shows %q", shown)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	reads(t, screen, "interrupted; what was asked for goes on")
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("%v, expected exit code %d", cmd.ProcessState, exitInterrupted)
	}
	beta.says("InConsistent", beta.vol("view"))

	beta.vol("pause-sync", "lv1")
	beta.says("PausedSync", beta.vol("view"))
	beta.vol("leave", "lv1")
	beta.says("no volumes here", beta.vol("view"))
	alpha.says("[alpha]", alpha.vol("view"))
}

// terminalOf opens a terminal: what is written to tty appears on screen.
func terminalOf(t *testing.T) (tty, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("NOT CHECKED: what a terminal shows takes one: ", err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120})
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("NOT CHECKED: what a terminal shows takes one: ", err)
	}
	return tty, screen
}

// reads reads what appears until it contains a text.
func reads(t *testing.T, r io.Reader, text string) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		var all bytes.Buffer
		b := make([]byte, 4096)
		for !strings.Contains(all.String(), text) {
			n, err := r.Read(b)
			all.Write(b[:n])
			if err != nil {
				break
			}
		}
		found <- all.String()
	}()
	select {
	case s := <-found:
		if !strings.Contains(s, text) {
			t.Fatalf("%q never appears: %q", text, s)
		}
		return s
	case <-time.After(patience):
		t.Fatalf("%q does not appear", text)
	}
	return ""
}

// A verb for all volumes tells about each, and its exit code is the worst.
func TestAllVolumes(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha, beta := l.hosts[0], l.hosts[1]
	alpha.says("connected to 1 peer", alpha.vol("wait-cluster"))
	alpha.says("stands for all", alpha.refuses("create", "all", "--size", "1MiB"))
	for _, name := range []string{"lv1", "lv2"} {
		alpha.vol("create", name, "--size", "1MiB")
		beta.says(name+": Secondary, UpToDate, Replaying", beta.vol("join", name, "--wait"))
	}
	states := func(want string) {
		t.Helper()
		if got := beta.vol("wait", "all", "consistent"); got != strings.ReplaceAll(want, "; ", "\n")+"\n" {
			t.Errorf("%q, expected %q", got, want)
		}
	}
	beta.says("fetching, replay, copying would be switched off", beta.vol("down", "all", "--dry-run"))
	states("lv1: Secondary, UpToDate, Replaying; lv2: Secondary, UpToDate, Replaying")
	beta.vol("down", "all")
	states("lv1: Secondary, UpToDate, PausedFetch; lv2: Secondary, UpToDate, PausedFetch")
	beta.vol("wait", "all", "is-replay-off")
	beta.vol("wait", "all", "sync-off")
	beta.says("fetching off, replay off, copying off", beta.vol("view", "lv2"))
	beta.vol("up", "lv1")
	states("lv1: Secondary, UpToDate, Replaying; lv2: Secondary, UpToDate, PausedFetch")
	beta.vol("up", "all")
	beta.vol("wait", "all", "fetch-on")

	out := beta.refuses("log-rotate", "all")
	beta.says("pitch: lv1: resource lv1: only the primary", out)
	beta.says("pitch: lv2: resource lv2: only the primary", out)

	// One of two is not reached in time; that is worse than reaching the other.
	beta.vol("primary", "lv1")
	out, err := l.run("pitch", beta.args([]string{"wait", "all", "primary", "--timeout", "300ms"})...)
	if err == nil || err.Error() != "exit status 2" || !strings.Contains(out, "lv1: Primary, ") ||
		!strings.Contains(out, "pitch: lv2: not within 300ms") {
		t.Errorf("%v\n%s", err, out)
	}
	alpha.kill()
	out, err = l.run("pitch", beta.args([]string{"wait-cluster", "--timeout", "300ms"})...)
	for end := time.Now().Add(patience); err == nil && time.Now().Before(end); { // it learns of it a moment later
		out, err = l.run("pitch", beta.args([]string{"wait-cluster", "--timeout", "300ms"})...)
	}
	if err == nil || err.Error() != "exit status 2" || !strings.Contains(out, "not connected to alpha") {
		t.Errorf("%v\n%s", err, out)
	}
	beta.awaitView("lv2", "PrimaryUnreachable")
}

// What a bar shows is what is left; more that comes meanwhile does not undo what is done.
func TestBarOfAVolume(t *testing.T) {
	var b volBar
	v := daemon.View{Name: "lv1", Role: "Secondary", Disk: "OutDated[F]", Repl: "Replaying"}
	for _, step := range []struct {
		left int64
		want string
	}{{1000, "1000 B left   0%"}, {250, "250 B left  75%"}, {750, "750 B left  50%"}, {0, "Replaying"},
		{10, "10 B left   0%"}} {
		v.Behind = step.left
		if got := b.line(&v); !strings.Contains(got, step.want) ||
			!strings.HasPrefix(got, "lv1: Secondary OutDated[F] Replaying") || strings.Contains(got, "\n") {
			t.Errorf("%d: %q, expected %q", step.left, got, step.want)
		}
	}
}

// The exit code of several is the worst of them.
func TestWorseExitCode(t *testing.T) {
	for _, c := range [][3]int{{0, 2, 2}, {2, 64, 64}, {64, 70, 70}, {70, 2, 70}, {64, 2, 64}} {
		if got := worse(c[0], c[1]); got != c[2] {
			t.Errorf("of %d and %d: %d, expected %d", c[0], c[1], got, c[2])
		}
	}
}
