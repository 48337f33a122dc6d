package realnode

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/harness"
)

// In the directory of a host.
const (
	configFile = "node.toml"
	stderrFile = "stderr.log"
	dataDir    = "data"
)

// exitLimit is how long a process may go on that has closed its output.
const exitLimit = 4 * time.Second

type childState uint8

const (
	stateStarting childState = iota // runs
	stateReady                      // listens, waits for leave to boot
	stateUp                         // serves
	stateDown                       // is gone
)

// child is one process: one incarnation of a host. The lock of the cluster guards what changes.
type child struct {
	host      node.ID
	cmd       *exec.Cmd
	in, out   *os.File        // our ends of its standard input and output
	orders    *harness.Outbox // to in
	stderr    string          // path
	stderrAt  int64           // where in the file this incarnation begins
	exited    chan struct{}
	gone      chan struct{} // closed after ObsDown was queued
	state     childState
	addr      string
	known     uint64 // version of the table of addresses that it has
	paused    bool
	expected  bool   // we ended it on purpose
	complaint string // why it says that it ends
	answers   map[uint64]string
}

// launch starts the next incarnation of h. The lock is held.
func (c *Cluster) launch(h *host) error {
	ch := &child{host: h.id, orders: harness.NewOutbox(0), stderr: filepath.Join(h.dir, stderrFile),
		exited: make(chan struct{}), gone: make(chan struct{}), answers: make(map[uint64]string)}
	args := append(c.cfg.Command[1:len(c.cfg.Command):len(c.cfg.Command)],
		filepath.Join(h.dir, configFile))
	ch.cmd = exec.Command(c.cfg.Command[0], args...)
	ch.cmd.Env = append(os.Environ(), c.cfg.Env...)
	// A group of its own: Ctrl-C at the terminal is for the runner, which then ends the others.
	ch.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := ch.begin(c.start); err != nil {
		return fmt.Errorf("host %d: %w", h.id, err)
	}
	h.child = ch
	c.tasks.Go(func() { _ = ch.orders.Drain(ch.in) })
	c.tasks.Go(func() { c.follow(ch) })
	return nil
}

// begin makes the pipes and starts the process. Standard error goes to a file, not through a
// pipe: it must be readable after any end, and nobody has to keep up with it.
func (ch *child) begin(s *starter) (err error) {
	log, err := os.OpenFile(ch.stderr, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	info, err := log.Stat()
	if err != nil {
		return err
	}
	ch.stderrAt = info.Size()
	theirIn, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer theirOut.Close()
	ch.in, ch.out = in, out
	ch.cmd.Stdin, ch.cmd.Stdout, ch.cmd.Stderr = theirIn, theirOut, log
	if err := s.do(ch.cmd); err != nil {
		in.Close()
		out.Close()
		return err
	}
	return nil
}

// kill ends the process, if it has not ended. The handle in cmd makes sure that it is no other
// process which has got the same number.
func (ch *child) kill() { _ = ch.cmd.Process.Kill() }

// setPaused stops the process or lets it go on, and waits until it has stopped.
func (ch *child) setPaused(paused bool) error {
	if ch.paused == paused {
		return nil
	}
	if !paused {
		if err := ch.cmd.Process.Signal(unix.SIGCONT); err != nil {
			return fmt.Errorf("host %d: %w", ch.host, err)
		}
		ch.paused = false
		return nil
	}
	if err := ch.cmd.Process.Signal(unix.SIGSTOP); err != nil {
		return fmt.Errorf("host %d: %w", ch.host, err)
	}
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, ch.cmd.Process.Pid, &info,
			unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("host %d has ended: %w", ch.host, err)
		}
		ch.paused = true
		return nil
	}
}

// follow is there as long as the process is: it reads what the process sends, waits for its end
// and reports that.
func (c *Cluster) follow(ch *child) {
	var status error
	go func() {
		defer close(ch.exited)
		status = ch.cmd.Wait()
		// Whatever it wrote is in the pipe. Should somebody else have inherited the other end,
		// the pipe will not close by itself.
		_ = ch.out.SetReadDeadline(time.Now().Add(time.Second))
	}()
	err := c.listenTo(ch)
	if err != nil {
		ch.kill() // a process that cannot be understood is of no use
	}
	select {
	case <-ch.exited:
	case <-time.After(exitLimit): // it has closed its output but does not end
		ch.kill()
		<-ch.exited
	}
	ch.orders.Close()
	ch.in.Close()
	ch.out.Close()
	c.mu.Lock()
	ch.state = stateDown
	note := ch.note(status, err)
	expected := ch.expected
	c.tellAddresses()
	c.observe(node.Observation{Kind: node.ObsDown, Host: ch.host, Note: note}, nil)
	c.change.Broadcast()
	c.mu.Unlock()
	if !expected {
		c.cfg.Log.Warn("process ended", "note", note)
	}
	close(ch.gone)
}

// listenTo reads frames until the stream ends. That is no error.
func (c *Cluster) listenTo(ch *child) error {
	r := harness.NewReader(ch.out)
	for {
		typ, b, err := r.Next()
		if err == nil {
			err = c.heard(ch, typ, b)
		}
		switch {
		case err == nil:
		case errors.Is(err, harness.ErrFrame):
			return err
		default:
			return nil
		}
	}
}

func (c *Cluster) heard(ch *child, typ harness.Type, b []byte) error {
	if typ == harness.TypeReply { // the hot path needs no lock
		o, data, err := harness.DecodeReply(b)
		if err == nil {
			o.Host = ch.host
			c.observe(o, data)
		}
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.change.Broadcast()
	switch typ {
	case harness.TypeReady:
		ch.state, ch.addr = stateReady, string(b)
	case harness.TypeFatal:
		ch.complaint = string(b)
	case harness.TypePeersKnown:
		version, _, err := harness.DecodeNumber(b)
		ch.known = max(ch.known, version)
		return err
	case harness.TypeControlDone:
		n, text, err := harness.DecodeNumber(b)
		if err == nil {
			ch.answers[n] = string(text)
		}
		return err
	default:
		return fmt.Errorf("%w: type %d from a process", harness.ErrFrame, typ)
	}
	return nil
}

// A stack trace has two lines a call; the call that matters is near its top.
const tailLines, tailBytes = 40, 16 << 10

// note says in one text how the process ended and where to look.
func (ch *child) note(status, trouble error) string {
	if ch.expected {
		return "killed by the runner"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "host %d (pid %d): ", ch.host, ch.cmd.Process.Pid)
	if status == nil {
		b.WriteString("exit status 0")
	} else {
		b.WriteString(status.Error())
	}
	if ch.complaint != "" {
		fmt.Fprintf(&b, "; it said: %s", ch.complaint)
	}
	if trouble != nil {
		fmt.Fprintf(&b, "; killed because of its output: %v", trouble)
	}
	fmt.Fprintf(&b, "; its log is %s", ch.stderr)
	if lines := tail(ch.stderr, ch.stderrAt); lines != "" {
		b.WriteString(" and ends with\n" + lines)
	}
	return b.String()
}

// tail returns the last lines of a file, none from before an offset.
func tail(path string, from int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= from {
		return ""
	}
	from = max(from, info.Size()-tailBytes)
	b := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(b, from)
	lines := bytes.Split(bytes.TrimRight(b[:n], "\n"), []byte("\n"))
	lines = lines[max(0, len(lines)-tailLines):]
	return string(bytes.Join(lines, []byte("\n")))
}
