package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/engine"
	"github.com/container-football/pitch/realnode/harness"
)

// Runner is the process that drives a run with fault injection, as a daemon sees it: it tells the
// addresses of other hosts, lets the machines boot, hands in the requests of users and commands for
// the fault layer, and gets all answers. See package harness for what the two say.
type Runner struct {
	in       io.ReadCloser
	out      io.WriteCloser
	orphaned func() // called as soon as the runner is gone
	control  *harness.Outbox
	stop     context.CancelCauseFunc
	daemon   *Daemon
	ctx      context.Context
}

const (
	exitGrace = 2 * time.Second
	exitStuck = 3
)

// errEnded is why a daemon stops whose runner is gone.
var errEnded = errors.New("the runner has closed the control channel")

// StdioRunner is the runner at standard input and output. It takes both for itself: what the rest
// of the process prints goes to standard error.
func StdioRunner() (*Runner, error) {
	in, out, err := takeStdio()
	if err != nil {
		return nil, err
	}
	return NewRunner(in, out, func() {
		// A machine that never returns from a step must not outlive the runner.
		time.AfterFunc(exitGrace, func() { os.Exit(exitStuck) })
	}), nil
}

// NewRunner is a runner at the other end of in and out, which Run closes. Orphaned is called as
// soon as in ends.
func NewRunner(in io.ReadCloser, out io.WriteCloser, orphaned func()) *Runner {
	return &Runner{in: in, out: out, orphaned: orphaned, control: harness.NewOutbox(0)}
}

// takeStdio moves standard input and output to other descriptors, so that a stray print cannot
// break the framing, and nobody else reads commands.
func takeStdio() (in, out *os.File, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	if in, err = takeOver(0, int(null.Fd()), "control input"); err != nil {
		return nil, nil, err
	}
	if out, err = takeOver(1, 2, "control output"); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// takeOver returns what fd stands for and puts substitute in its place.
func takeOver(fd, substitute int, name string) (*os.File, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := unix.Dup3(substitute, fd, 0); err != nil {
		unix.Close(own)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := unix.SetNonblock(own, true); err != nil { // so that Close ends a Read
		unix.Close(own)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(own), name), nil
}

// begin lets answers leave.
func (r *Runner) begin(stop context.CancelCauseFunc) {
	r.stop = stop
	go func() {
		if r.control.Drain(r.out) != nil {
			stop(errEnded)
		}
	}()
}

// end says the last words: why the daemon ends, if that is not on purpose.
func (r *Runner) end(err error) {
	r.in.Close()
	if err != nil {
		r.control.Put(harness.TypeFatal, nil, []byte(err.Error()))
	}
	r.control.Flushed(exitGrace) // not longer: a runner that does not read must not keep us
	r.out.Close()
}

// serve says that the daemon is ready and begins to carry out what the runner sends.
func (r *Runner) serve(ctx context.Context, d *Daemon) error {
	r.daemon, r.ctx = d, ctx
	d.tasks.Go(r.read)
	context.AfterFunc(ctx, func() { r.in.Close() })
	r.control.Put(harness.TypeReady, nil, []byte(d.mesh.Addr().String()))
	return nil
}

func (r *Runner) read() {
	frames := harness.NewReader(r.in)
	for {
		typ, body, err := frames.Next()
		if err == nil {
			err = r.command(typ, body)
		}
		if errors.Is(err, io.EOF) {
			r.orphaned()
			err = errEnded
		}
		if err != nil {
			r.stop(fmt.Errorf("control channel: %w", err))
			return
		}
	}
}

func (r *Runner) command(typ harness.Type, b []byte) error {
	switch typ {
	case harness.TypePeers:
		version, list, err := harness.DecodeNumber(b)
		if err == nil {
			err = r.setPeers(list)
		}
		head := harness.EncodeNumber(version)
		r.control.Put(harness.TypePeersKnown, head[:], nil)
		return err
	case harness.TypeBoot:
		return r.boot()
	case harness.TypeRequest:
		return r.request(b)
	case harness.TypeControl:
		number, cmd, err := harness.DecodeNumber(b)
		if err == nil {
			r.fault(number, cmd)
		}
		return err
	}
	return fmt.Errorf("%w: type %d on the control channel", harness.ErrFrame, typ)
}

func (r *Runner) setPeers(b []byte) error {
	addrs, err := harness.DecodePeers(b)
	if err != nil {
		return err
	}
	list := r.daemon.config().meshPeers()
	for i := range list {
		for _, a := range addrs {
			if a.ID == list[i].ID {
				list[i].Address = a.Addr
			}
		}
	}
	return r.daemon.mesh.SetPeers(list)
}

func (r *Runner) boot() error {
	if err := r.daemon.mesh.Start(r.ctx); err != nil {
		return err
	}
	for _, res := range r.daemon.list() {
		if r.daemon.config().Sync.Limit > 0 {
			r.daemon.boot(r.ctx, res) // who copies when has to be seen to
		} else {
			r.daemon.start(res)
		}
	}
	return nil
}

// request hands a user's request in. One for a machine that is not here is lost.
func (r *Runner) request(b []byte) error {
	machine, ev, body, err := harness.DecodeRequest(b)
	if err != nil {
		return err
	}
	if u := r.daemon.engine.Unit(machine); u != nil {
		u.Submit(r, engine.Request{Op: ev.Op, Tag: ev.Tag, Off: ev.Off, N: ev.N,
			Flags: ev.Seg, Data: body})
	}
	return nil
}

// fault hands a command to the fault layers of all machines. It does not wait for their answers:
// more may come meanwhile.
func (r *Runner) fault(number uint64, cmd []byte) {
	var waits []func() error
	for _, u := range r.daemon.engine.Units() {
		waits = append(waits, u.Control(cmd))
	}
	r.daemon.tasks.Go(func() {
		var errs []error
		for _, wait := range waits {
			if err := wait(); !errors.Is(err, engine.ErrStopped) {
				errs = append(errs, err)
			}
		}
		text := ""
		if err := errors.Join(errs...); err != nil {
			text = err.Error()
		}
		head := harness.EncodeNumber(number)
		r.control.Put(harness.TypeControlDone, head[:], []byte(text))
	})
}

// Reply implements engine.Replier.
func (r *Runner) Reply(tag node.Tag, code node.Code, epoch uint64, data []byte) {
	if len(data) > harness.MaxBody-harness.ReplyHead {
		r.daemon.log.Error("reply is too large", "bytes", len(data))
		code, data = node.IOError, nil
	}
	head := harness.EncodeReply(tag, code, epoch)
	r.control.Put(harness.TypeReply, head[:], data)
}

// Flush implements engine.Replier: what writes to the runner does not wait for it.
func (r *Runner) Flush() {}

var _ engine.Replier = (*Runner)(nil)
