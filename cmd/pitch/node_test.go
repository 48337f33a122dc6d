package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	made "github.com/container-football/pitch/internal/lab"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/nbd/nbdtest"
)

// patience is how long these tests wait for what must happen.
const patience = 60 * time.Second

// lab is a cluster of daemons on this machine, with certificates.
type lab struct {
	t     testing.TB
	dir   string
	hosts []*labHost
}

// labHost is one of them.
type labHost struct {
	lab  *lab
	name string
	cmd  *exec.Cmd // nil while it is down
	log  bytes.Buffer
}

// newLab makes hosts with these names and starts them.
func newLab(t testing.TB, names ...string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir()}
	made.Write(t, l.dir, "pitch", "", names...)
	for _, name := range names {
		h := &labHost{lab: l, name: name}
		l.hosts = append(l.hosts, h)
		h.start()
	}
	t.Cleanup(func() {
		for _, h := range l.hosts {
			h.kill()
			if t.Failed() {
				t.Logf("log of %s:\n%s", h.name, h.log.String())
			}
		}
	})
	return l
}

// must runs a command in the folder of the lab and returns what it prints.
func (l *lab) must(name string, args ...string) string {
	l.t.Helper()
	out, err := l.run(name, args...)
	if err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func (l *lab) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = l.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (h *labHost) start() {
	h.lab.t.Helper()
	h.cmd = exec.Command("pitch", "node", "--config", h.name+".toml")
	h.cmd.Dir, h.cmd.Stderr = h.lab.dir, &h.log
	if err := h.cmd.Start(); err != nil {
		h.lab.t.Fatal(err)
	}
}

// kill ends the daemon with SIGKILL.
func (h *labHost) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		h.cmd = nil
	}
}

func (h *labHost) args(args []string) []string {
	return append([]string{"vol", "--patience", "60s", "--socket", h.name + "/control.sock"}, args...)
}

// vol administers a host and returns what is printed.
func (h *labHost) vol(args ...string) string {
	h.lab.t.Helper()
	return h.lab.must("pitch", h.args(args)...)
}

// refuses administers a host, which must not do it, and returns what is printed.
func (h *labHost) refuses(args ...string) string {
	h.lab.t.Helper()
	out, err := h.lab.run("pitch", h.args(args)...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitUsage {
		h.lab.t.Fatalf("%s: %v, expected exit code %d\n%s", strings.Join(args, " "), err, exitUsage, out)
	}
	return out
}

// open connects a client to a volume.
func (h *labHost) open(volume string) *nbdtest.Client {
	h.lab.t.Helper()
	h.vol("wait", volume, "primary")
	socket := filepath.Join(h.lab.dir, h.name, "nbd.sock")
	for end := time.Now().Add(patience); ; {
		c, err := nbdtest.Connect(socket, volume)
		if err == nil {
			return c
		}
		// The export follows the role, a moment later.
		if !errors.Is(err, nbdtest.ErrNoExport) || time.Now().After(end) {
			h.lab.t.Fatalf("%s on %s: %v", volume, h.name, err)
		}
	}
}

// content is a block that tells where it belongs and which version it is.
func content(block int64, version uint64) []byte {
	b := make([]byte, 4096)
	for i := 0; i < len(b); i += 16 {
		binary.LittleEndian.PutUint64(b[i:], uint64(block))
		binary.LittleEndian.PutUint64(b[i+8:], version)
	}
	return b
}

func writeBlock(t testing.TB, c *nbdtest.Client, block int64, version uint64) {
	t.Helper()
	if err := c.Write(content(block, version), block*4096, 0); err != nil {
		t.Fatalf("block %d: %v", block, err)
	}
}

// versionOf reads a block, which must be whole.
func versionOf(t testing.TB, c *nbdtest.Client, block int64) uint64 {
	t.Helper()
	b := make([]byte, 4096)
	if err := c.Read(b, block*4096); err != nil {
		t.Fatalf("block %d: %v", block, err)
	}
	version := binary.LittleEndian.Uint64(b[8:])
	if !bytes.Equal(b, content(block, version)) && !bytes.Equal(b, make([]byte, 4096)) {
		t.Fatalf("block %d is torn", block)
	}
	return version
}

// A volume is made, joined, written, handed over, and taken over by force; what each host says
// about it fits.
func TestLifeOfAVolume(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha, beta := l.hosts[0], l.hosts[1]
	alpha.vol("create", "lv1", "--size", "16MiB")
	c := alpha.open("lv1")
	for b := range int64(100) {
		writeBlock(t, c, b, 1)
	}
	beta.vol("join", "lv1", "--from", "alpha")
	beta.vol("wait", "lv1", "consistent")
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if out := beta.refuses("primary", "lv1"); !strings.Contains(out, "in use") {
		t.Errorf("handover of a volume that is in use: %s", out)
	}
	c.Close()
	alpha.vol("wait", "lv1", "closed")
	beta.vol("wait", "lv1", "up-to-date")

	beta.vol("primary", "lv1")
	if _, err := nbdtest.Connect(filepath.Join(l.dir, "alpha", "nbd.sock"), "lv1"); err == nil {
		t.Error("the old primary still exports the volume")
	}
	c = beta.open("lv1")
	for b := range int64(100) {
		if v := versionOf(t, c, b); v != 1 {
			t.Fatalf("after the handover block %d has version %d", b, v)
		}
	}
	alpha.vol("disconnect", "lv1")
	for b := range int64(10) {
		writeBlock(t, c, b, 2)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	beta.kill()
	alpha.vol("primary", "lv1", "--force")
	c = alpha.open("lv1")
	for b := range int64(100) {
		if v := versionOf(t, c, b); v != 1 {
			t.Fatalf("after the failover block %d has version %d", b, v)
		}
	}
	beta.start()
	if out := beta.vol("wait", "lv1", "secondary"); !strings.Contains(out, "SplitBrain") {
		beta.awaitView("lv1", "SPLIT BRAIN")
	}
	beta.awaitView("lv1", "cut off here: 10 writes")

	beta.vol("invalidate", "lv1")
	beta.vol("wait", "lv1", "up-to-date")
	if out := beta.vol("view", "lv1") + alpha.vol("view", "lv1"); strings.Contains(out, "SPLIT BRAIN") {
		t.Errorf("the split brain is over, but:\n%s", out)
	}
	c.Close()
	beta.vol("primary", "lv1")
	c = beta.open("lv1")
	for b := range int64(100) {
		if v := versionOf(t, c, b); v != 1 {
			t.Fatalf("after the split brain block %d has version %d", b, v)
		}
	}
}

// awaitView waits until the view of a volume contains a text.
func (h *labHost) awaitView(volume, text string) {
	h.lab.t.Helper()
	var out string
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if out = h.vol("view", volume); strings.Contains(out, text) {
			return
		}
	}
	h.lab.t.Fatalf("view of %s on %s never contains %q:\n%s", volume, h.name, text, out)
}

// kills is how often the next test kills the daemon. `make soak` does it more often.
func kills(t *testing.T) int {
	if os.Getenv("PITCH_SOAK") != "" {
		return 1000
	}
	if testing.Short() {
		return 3
	}
	return 200
}

// A daemon is killed under load, again and again. What was flushed must be there, whole, and
// nothing that is newer than what was written.
func TestKilledAgainAndAgain(t *testing.T) {
	l := newLab(t, "alpha")
	alpha := l.hosts[0]
	alpha.vol("create", "lv1", "--size", "16MiB")
	const blocks = 256
	var written, durable [blocks]uint64
	random := node.NewStream(11, "kills")
	for round := range kills(t) {
		c := alpha.open("lv1")
		for b := range int64(blocks) {
			if v := versionOf(t, c, b); v < durable[b] || v > written[b] {
				t.Fatalf("round %d: block %d has version %d, flushed was %d, written %d", round, b, v,
					durable[b], written[b])
			} else {
				durable[b], written[b] = v, v // what a reader has seen must stay
			}
		}
		load(c, &random, &written, &durable, alpha)
	}
}

// load writes and flushes until the daemon, which is killed meanwhile, is gone.
func load(c *nbdtest.Client, random *node.Stream, written, durable *[256]uint64, h *labHost) {
	ops := 50 + int(random.Below(400))
	for i := 0; ; i++ {
		if i == ops {
			h.kill()
		}
		b := int64(random.Below(256))
		version := written[b] + 1
		written[b] = version // it may take effect whatever is said
		if c.Write(content(b, version), b*4096, 0) != nil {
			break
		}
		if random.Below(8) == 0 {
			before := *written
			if c.Flush() != nil {
				break
			}
			*durable = before
		}
	}
	c.Close()
	h.start()
}

// What is not this host's own must not be used, and says so.
func TestDaemonRefusesWhatIsNotItsOwn(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	l.hosts[0].vol("host")
	refused := func(what string, args ...string) {
		t.Helper()
		out, err := l.run("pitch", args...)
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitUsage || !strings.Contains(out, what) {
			t.Errorf("%v: %v\n%s\nexpected exit code %d and %q", args, err, out, exitUsage, what)
		}
	}
	refused("in use by another process", "node", "--config", "alpha.toml")

	l.hosts[0].kill()
	text, err := os.ReadFile(filepath.Join(l.dir, "beta.toml"))
	if err != nil {
		t.Fatal(err)
	}
	stolen := strings.Replace(string(text), `data = "beta"`, `data = "alpha"`, 1)
	if err := os.WriteFile(filepath.Join(l.dir, "thief.toml"), []byte(stolen), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("data folder of another host", "node", "--config", "thief.toml")

	path := filepath.Join(l.dir, "alpha", "host.toml")
	id, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ = bytes.Cut(id, []byte("# sha256"))
	newer := bytes.Replace(text, []byte("version = 2"), []byte("version = 3"), 1)
	for what, changed := range map[string][]byte{"later version": newer,
		"the checksum is missing":         text,
		"content and checksum do not fit": bytes.Replace(id, text, newer, 1),
		"expected a whole number":         []byte("version = \"2\"\n")} {
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(what, "node", "--config", "alpha.toml")
	}
	if err := os.WriteFile(path, id, 0o600); err != nil {
		t.Fatal(err)
	}

	refused("no daemon listens there", "vol", "--socket", "alpha/control.sock", "view")
}

// One replica's log is damaged. The daemon serves the others, tells which and why, and the damaged
// one can be thrown away and joined again.
func TestOneDamagedReplicaKeepsNobodyElseFromServing(t *testing.T) {
	l := newLab(t, "alpha", "beta")
	alpha, beta := l.hosts[0], l.hosts[1]
	for _, name := range []string{"good", "bad"} {
		alpha.vol("create", name, "--size", "16MiB")
		c := alpha.open(name)
		writeBlock(t, c, 3, 7)
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		beta.vol("join", name)
		beta.vol("wait", name, "up-to-date")
	}
	beta.kill()
	path := filepath.Join(l.dir, "beta", "resources", "bad", "definition.toml")
	if err := os.WriteFile(path, []byte("schema = 1\nname = \"worse\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	beta.start()
	beta.vol("wait", "good", "up-to-date")
	if out := beta.vol("view"); !strings.Contains(out, "bad: DEFECTIVE:") {
		t.Errorf("the view does not tell: %s", out)
	}
	if out := beta.refuses("primary", "bad"); !strings.Contains(out, "definition.toml") {
		t.Errorf("the reason is not told: %s", out)
	}
	beta.refuses("leave", "bad")
	beta.vol("leave", "bad", "--force")
	beta.vol("join", "bad")
	beta.vol("wait", "bad", "up-to-date")
	beta.vol("primary", "bad")
	if v := versionOf(t, beta.open("bad"), 3); v != 7 {
		t.Errorf("the block has version %d, expected 7", v)
	}
}
