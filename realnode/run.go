package realnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// Run is the process of one host: it opens the devices, tells the runner where it listens, boots
// the machines when the runner says so, and returns nil when standard input closes, and ctx's
// error when ctx ends. Any other error is told to the runner first.
//
// Run takes standard input and output for itself: what the rest of the process prints goes to
// standard error. A machine that panics ends the process.
func Run(ctx context.Context, cfg NodeConfig, specs []node.Spec, wrap node.Wrap) error {
	in, out, err := takeStdio()
	if err != nil {
		return err
	}
	orphaned := func() {
		// A machine that never returns from a step must not outlive the runner.
		time.AfterFunc(exitGrace, func() { os.Exit(exitStuck) })
	}
	return run(ctx, cfg, specs, wrap, in, out, orphaned)
}

const (
	exitGrace = 2 * time.Second
	exitStuck = 3
)

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

// process is everything that one host consists of.
type process struct {
	cfg      NodeConfig
	log      *slog.Logger
	loop     *loop
	acceptor *acceptor
	storage  *storage
	peers    []*peer // by host number less one; nil for this host
	control  *outbox // to the runner
	stop     context.CancelCauseFunc
	tasks    sync.WaitGroup
}

// errEnded is why a process stops whose runner is gone.
var errEnded = errors.New("the runner has closed the control channel")

// run is Run with the runner at the other end of in and out, which it closes. Orphaned is called
// as soon as in ends.
func run(ctx context.Context, cfg NodeConfig, specs []node.Spec, wrap node.Wrap,
	in io.ReadCloser, out io.WriteCloser, orphaned func()) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	p := &process{cfg: cfg, control: newOutbox(0), stop: stop}
	go func() {
		if p.control.drain(out) != nil {
			stop(errEnded)
		}
	}()
	err := p.open(specs, wrap)
	if err == nil {
		p.tasks.Go(func() { p.readControl(in, orphaned) })
		p.control.put(frameReady, nil, []byte(p.acceptor.addr()))
		if err = p.loop.run(ctx); err == nil {
			err = context.Cause(ctx)
		}
	}
	if errors.Is(err, errEnded) {
		err = nil
	}
	stop(nil)
	in.Close()
	err = errors.Join(err, p.close())
	if err != nil {
		p.control.put(frameFatal, nil, []byte(err.Error()))
	}
	p.control.flushed(exitGrace) // not longer: a runner that does not read must not keep us
	out.Close()
	return err
}

func (p *process) open(specs []node.Spec, wrap node.Wrap) error {
	if err := p.cfg.check(); err != nil {
		return fmt.Errorf("node config: %w", err)
	}
	p.log = slog.Default().With("host", p.cfg.Name, "incarnation", p.cfg.Incarnation)
	clk, err := newClock(p.cfg.Epoch)
	if err != nil {
		return err
	}
	clk.offset, clk.ppm = p.cfg.ClockOffset, p.cfg.ClockDrift
	inbox := newQueue[item](inboxItems, inboxBytes)
	if p.storage, err = openStorage(&p.cfg, specs, inbox); err != nil {
		return err
	}
	if p.acceptor, err = listen(&p.cfg, inbox, p.log); err != nil {
		return err
	}
	self := hello{from: p.cfg.Host, incarnation: p.cfg.Incarnation}
	p.peers = make([]*peer, p.cfg.Hosts)
	for i := range p.peers {
		if id := node.ID(i + 1); id != p.cfg.Host {
			p.peers[i] = newPeer(self, id, p.log)
		}
	}
	p.loop = newLoop(p, clk, inbox, specs, wrap)
	return nil
}

// boot lets other hosts in and starts the machines. The event loop calls it.
func (p *process) boot(ctx context.Context) {
	for _, peer := range p.peers {
		if peer != nil {
			p.tasks.Go(func() { peer.run(ctx) })
		}
	}
	p.acceptor.start()
}

func (p *process) close() error {
	if p.loop != nil {
		p.loop.inbox.close()
	}
	if p.acceptor != nil {
		p.acceptor.stop()
	}
	p.tasks.Wait()
	if p.storage == nil {
		return nil
	}
	return p.storage.stop()
}

// readControl carries out what the runner sends.
func (p *process) readControl(in io.Reader, orphaned func()) {
	r := newFrameReader(in)
	for {
		typ, body, err := r.next()
		if err == nil {
			err = p.command(typ, body)
		}
		if errors.Is(err, io.EOF) {
			orphaned()
			err = errEnded
		}
		if err != nil {
			p.stop(fmt.Errorf("control channel: %w", err))
			return
		}
	}
}

func (p *process) command(typ frameType, b []byte) error {
	switch typ {
	case framePeers:
		version, list, err := decodeNumber(b)
		if err != nil {
			return err
		}
		if err := p.setPeers(list); err != nil {
			return err
		}
		head := encodeNumber(version)
		p.control.put(framePeersKnown, head[:], nil)
		return nil
	case frameBoot:
		p.loop.inbox.putBounded(item{kind: itemBoot}, nil)
		return nil
	case frameRequest:
		machine, ev, body, err := decodeRequest(b)
		if err == nil {
			p.loop.inbox.putBounded(item{kind: itemEvent, machine: machine, ev: ev}, body)
		}
		return err
	case frameControl:
		number, cmd, err := decodeNumber(b)
		if err == nil {
			p.loop.inbox.putBounded(item{kind: itemControl, number: number}, cmd)
		}
		return err
	}
	return fmt.Errorf("%w: type %d on the control channel", ErrFrame, typ)
}

func (p *process) setPeers(b []byte) error {
	list, err := decodePeers(b)
	if err != nil {
		return err
	}
	for _, a := range list {
		if a.id < 1 || int(a.id) > len(p.peers) {
			return fmt.Errorf("%w: address of host %d, expected 1 to %d",
				ErrFrame, a.id, len(p.peers))
		}
		if peer := p.peers[a.id-1]; peer != nil {
			peer.setAddr(a.addr)
		}
	}
	return nil
}
