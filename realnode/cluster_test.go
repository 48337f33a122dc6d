package realnode

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// caller numbers requests.
type caller struct {
	t   testing.TB
	c   *Cluster
	tag node.Tag
}

func (u *caller) submit(host node.ID, op node.Op, n, sector int64, data []byte) node.Tag {
	u.tag++
	u.c.Submit(node.Request{Host: host, Op: op, Tag: u.tag, N: n, Sector: sector, Data: data})
	return u.tag
}

func (u *caller) answer(tag node.Tag) node.Observation {
	u.t.Helper()
	return await(u.t, u.c, "answer", func(o node.Observation) bool {
		return o.Kind == node.ObsReply && o.Tag == tag
	})
}

func (u *caller) call(host node.ID, op node.Op, n, sector int64, data []byte) node.Observation {
	u.t.Helper()
	return u.answer(u.submit(host, op, n, sector, data))
}

func (u *caller) awaitDown(host node.ID) node.Observation {
	u.t.Helper()
	return await(u.t, u.c, "ObsDown", func(o node.Observation) bool {
		return o.Kind == node.ObsDown && o.Host == host
	})
}

func newCaller(t testing.TB, cfg ClusterConfig) *caller {
	t.Helper()
	c := startCluster(t, cfg)
	awaitUp(t, c, cfg.Hosts)
	return &caller{t: t, c: c}
}

func pid(c *Cluster, host node.ID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[host-1].child.cmd.Process.Pid
}

func address(c *Cluster, host node.ID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[host-1].child.addr
}

// gone says whether there is no process with this number, not even a zombie.
func gone(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

func TestUnexpectedEnds(t *testing.T) {
	tests := []struct {
		name string
		verb node.Op
		want []string
	}{
		{"panic", verbPanic,
			[]string{"exit status 2", "a broken invariant", "testMachine", "stderr.log"}},
		{"exit", verbExit, []string{"exit status 7", "a stray print"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := newCaller(t, testConfig(t, 2, plain))
			u.submit(1, test.verb, 0, 0, nil)
			o := u.awaitDown(1)
			for _, w := range append(test.want, "host 1", fmt.Sprint(pid(u.c, 1))) {
				if !strings.Contains(o.Note, w) {
					t.Errorf("the note does not say %q:\n%s", w, o.Note)
				}
			}
			u.call(2, verbEcho, 0, 0, nil) // the other one lives
			if err := u.c.Start(1); err != nil {
				t.Fatal(err)
			}
			awaitUp(t, u.c, 1)
			u.call(1, verbEcho, 0, 0, nil)
		})
	}
}

func TestPanicAtBoot(t *testing.T) {
	c := startCluster(t, testConfig(t, 1, panics))
	o := await(t, c, "ObsDown", func(o node.Observation) bool { return o.Kind == node.ObsDown })
	if !strings.Contains(o.Note, "does not want to boot") {
		t.Error(o.Note)
	}
}

func TestProcessThatNeverGetsReady(t *testing.T) {
	cfg := testConfig(t, 1, plain)
	cfg.Command = []string{"sh", "-c", "echo 'no such host' >&2; exit 5"}
	c := startCluster(t, cfg)
	o := await(t, c, "ObsDown", func(o node.Observation) bool { return o.Kind == node.ObsDown })
	if !strings.Contains(o.Note, "exit status 5") || !strings.Contains(o.Note, "no such host") {
		t.Error(o.Note)
	}

	cfg = testConfig(t, 1, plain)
	cfg.Command, cfg.StartLimit = []string{"sh", "-c", "exec sleep 1000"}, 50*time.Millisecond
	c = startCluster(t, cfg)
	o = await(t, c, "ObsDown", func(o node.Observation) bool { return o.Kind == node.ObsDown })
	if !strings.Contains(o.Note, "not ready after 50ms") {
		t.Error(o.Note)
	}

	cfg = testConfig(t, 1, plain)
	cfg.Command = []string{"echo"} // prints what is no frame
	c = startCluster(t, cfg)
	o = await(t, c, "ObsDown", func(o node.Observation) bool { return o.Kind == node.ObsDown })
	if !strings.Contains(o.Note, "bad frame") {
		t.Error(o.Note)
	}
}

func TestStartClusterFails(t *testing.T) {
	for name, spoil := range map[string]func(*ClusterConfig){
		"no command":      func(c *ClusterConfig) { c.Command = nil },
		"command missing": func(c *ClusterConfig) { c.Command = []string{"/no/such/program"} },
		"no hosts":        func(c *ClusterConfig) { c.Hosts = 0 },
		"no directory":    func(c *ClusterConfig) { c.Dir = "" },
		"unknown mode":    func(c *ClusterConfig) { c.Unsynced = 9 },
	} {
		cfg := testConfig(t, 2, plain)
		spoil(&cfg)
		if c, err := StartCluster(context.Background(), cfg); err == nil {
			t.Errorf("%s: no error", name)
			c.Close()
		}
	}
}

func TestCrashWithAnotherMode(t *testing.T) {
	u := newCaller(t, testConfig(t, 1, plain))
	if err := u.c.Crash(1, node.Keep); err == nil {
		t.Error("no error")
	}
	u.call(1, verbEcho, 0, 0, nil)
}

// TestCrashUnderLoad checks that every acknowledged record is found in the files, in order.
func TestCrashUnderLoad(t *testing.T) {
	cfg := testConfig(t, 1, plain)
	u := newCaller(t, cfg)
	const rounds, ahead = 4, 64
	for round := uint64(1); round <= rounds; round++ {
		first := u.tag + 1
		record := func() {
			b := binary.LittleEndian.AppendUint64(nil, uint64(u.tag+1))
			u.submit(1, verbLog, 0, 0, b)
		}
		for range ahead {
			record()
		}
		acked := node.Tag(0)
		for range 10 * ahead {
			o := await(t, u.c, "ack", func(o node.Observation) bool { return o.Kind == node.ObsReply })
			acked = max(acked, o.Tag)
			record()
		}
		if err := u.c.Crash(1, cfg.Unsynced); err != nil {
			t.Fatal(err)
		}
		// Replies that were under way count too: they come before ObsDown.
		await(t, u.c, "ObsDown", func(o node.Observation) bool {
			if o.Kind == node.ObsReply {
				acked = max(acked, o.Tag)
			}
			return o.Kind == node.ObsDown
		})
		d, err := u.c.Dump(1, 0)
		if err != nil {
			t.Fatal(err)
		}
		data := d.Logs[0][round-1].Data
		for tag := first; tag <= acked; tag++ {
			at := int(tag-first) * 8
			if at+8 > len(data) || binary.LittleEndian.Uint64(data[at:]) != uint64(tag) {
				t.Fatalf("round %d: acknowledged record %d is lost; the segment has %d bytes",
					round, tag, len(data))
			}
		}
		if err := u.c.Start(1); err != nil {
			t.Fatal(err)
		}
		awaitUp(t, u.c, 1)
	}
}

func TestNewAddressAfterRestart(t *testing.T) {
	u := newCaller(t, testConfig(t, 2, plain))
	for range 3 {
		before := address(u.c, 2)
		if err := u.c.Crash(2, node.LoseSome); err != nil {
			t.Fatal(err)
		}
		// Somebody else may have the port now: messages must not go there. If the port cannot
		// be had, somebody has it already.
		if l, err := net.Listen("tcp", before); err == nil {
			defer l.Close()
		}
		if err := u.c.Start(2); err != nil {
			t.Fatal(err)
		}
		awaitUp(t, u.c, 1)
		if address(u.c, 2) == before {
			t.Error("the address is the same")
		}
		u.call(1, verbPing, 2, 0, nil)
		u.call(2, verbPing, 1, 0, nil)
	}
}

// TestOverflow floods a host that does not read. The sender must go on, and loses messages.
func TestOverflow(t *testing.T) {
	u := newCaller(t, testConfig(t, 2, plain))
	u.call(1, verbPing, 2, 0, nil)
	before := u.call(2, verbCount, 0, 0, nil).Epoch
	if err := u.c.Pause(2); err != nil {
		t.Fatal(err)
	}
	const n, size = 2000, 64 << 10 // far more than all buffers take
	u.call(1, verbFlood, 2, n, make([]byte, size))
	u.call(1, verbEcho, 0, 0, nil)
	if err := u.c.Resume(2); err != nil {
		t.Fatal(err)
	}
	u.call(1, verbPing, 2, 0, nil) // comes after all that were not lost
	if got := u.call(2, verbCount, 0, 0, nil).Epoch - before; got <= 1 || got > n {
		t.Errorf("%d of %d messages arrived, expected some and not all", got-1, n)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	cfg := testConfig(t, 3, plain)
	cfg.Remove = true
	u := newCaller(t, cfg)
	pids := []int{pid(u.c, 1), pid(u.c, 2), pid(u.c, 3)}
	u.submit(1, verbHang, 0, 0, nil)
	if err := u.c.Pause(2); err != nil {
		t.Fatal(err)
	}
	if err := u.c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, p := range pids {
		if !gone(p) {
			t.Errorf("process %d is left", p)
		}
	}
	if _, err := os.Stat(cfg.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory is left: %v", err)
	}
	if err := u.c.Start(1); !errors.Is(err, ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
	if _, ok := u.c.Next(u.c.Now() + node.Second<<20); ok {
		t.Error("an observation after close")
	}
}

// TestContextEnds stands for Ctrl-C.
func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c, err := StartCluster(ctx, testConfig(t, 2, plain))
	if err != nil {
		t.Fatal(err)
	}
	awaitUp(t, c, 2)
	pids := []int{pid(c, 1), pid(c, 2)}
	cancel()
	for { // ends when the cluster closes itself, whatever is seen until then
		if _, ok := c.Next(c.Now() + patience); !ok {
			break
		}
	}
	waitFor(t, "close", c.closed)
	for _, p := range pids {
		if !gone(p) {
			t.Errorf("process %d is left", p)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := StartCluster(ctx, testConfig(t, 2, plain)); !errors.Is(err, context.Canceled) {
		t.Errorf("started under a context that had ended: %v", err)
	}
}

func TestLeftoverData(t *testing.T) {
	cfg := testConfig(t, 1, plain)
	for life := 1; life <= 3; life++ {
		u := newCaller(t, cfg)
		u.call(1, verbLog, 0, 0, []byte{'0' + byte(life)})
		d, err := u.c.Dump(1, 0)
		if err != nil {
			t.Fatal(err)
		}
		// A segment each life: the incarnation counts on, and nothing was lost.
		if len(d.Logs[0]) != life {
			t.Fatalf("life %d: %d segments", life, len(d.Logs[0]))
		}
		for i, f := range d.Logs[0] {
			if f.ID != uint64(i+1) || string(f.Data) != fmt.Sprint(i+1) {
				t.Errorf("life %d: segment %d holds %q", life, f.ID, f.Data)
			}
		}
		if err := u.c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRunnerKilled kills a runner with SIGKILL. Its processes must follow, one of them stopped
// and one in a step that never ends.
func TestRunnerKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, filepath.Join(t.TempDir(), "run"))
	cmd.Env = append(os.Environ(), roleVar+"="+roleRunner)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids [3]int
	if _, err := fmt.Fscan(out, &pids[0], &pids[1], &pids[2]); err != nil {
		t.Errorf("the runner said nothing: %v", err)
	}
	var polls []unix.PollFd
	for _, p := range pids {
		fd, err := unix.PidfdOpen(p, 0)
		if err != nil {
			t.Fatalf("process %d: %v", p, err)
		}
		defer unix.Close(fd)
		polls = append(polls, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for i := range polls {
		n, err := unix.Poll(polls[i:i+1], int(patience/node.Millisecond))
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Poll(polls[i:i+1], int(patience/node.Millisecond))
		}
		if n != 1 || err != nil {
			t.Errorf("process %d is left: %v", pids[i], err)
		}
	}
}

func runnerMain(dir string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	c, err := StartCluster(context.Background(), ClusterConfig{Command: []string{exe},
		Env: []string{roleVar + "=" + roleNode}, Dir: dir, Hosts: 3, Resources: onePlain(plain)})
	if err != nil {
		return err
	}
	for up := 0; up < 3; {
		o, ok := c.Next(c.Now() + patience)
		if !ok || o.Kind == node.ObsDown {
			return fmt.Errorf("hosts do not come up: %s", o.Note)
		}
		up++
	}
	if err := c.Pause(2); err != nil {
		return err
	}
	c.Submit(node.Request{Host: 3, Op: verbHang})
	fmt.Println(pid(c, 1), pid(c, 2), pid(c, 3))
	select {}
}
