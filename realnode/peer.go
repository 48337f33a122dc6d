package realnode

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/container-football/pitch/node"
)

// Limits of the transport.
const (
	peerQueue    = 16 << 20 // bytes that may wait for one host; more is lost
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = time.Second
	dialTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	helloTimeout = time.Minute // the other process may be paused
)

// peer is the way to one other host: one connection that carries messages there. (Those from
// there come over a connection that the other host opened.)
//
// What is sent before the first attempt to connect has ended, or while a broken connection is
// being replaced, waits. What is sent to a host that refuses connections is lost, and so is what
// was waiting when the host got a new address: it was meant for its former life.
type peer struct {
	id    node.ID
	greet [helloHead]byte
	box   *outbox
	log   *slog.Logger
	lost  atomic.Uint64 // messages dropped here

	mu        sync.Mutex
	addr      string // empty: unknown, the host is down
	reachable bool   // or not yet known to be unreachable
	changed   chan struct{}
}

func newPeer(self hello, to node.ID, log *slog.Logger) *peer {
	self.to = to
	return &peer{id: to, greet: self.encode(), box: newOutbox(peerQueue), log: log,
		changed: make(chan struct{})}
}

// setAddr says where the host listens from now on.
func (p *peer) setAddr(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addr == addr {
		return
	}
	p.addr, p.reachable = addr, addr != ""
	p.box.clear()
	close(p.changed)
	p.changed = make(chan struct{})
}

// send is called by the event loop. It never waits.
func (p *peer) send(from, to uint32, body []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	head := encodeMessage(from, to)
	if !p.reachable || len(body) > maxBody-messageHead ||
		!p.box.put(frameMessage, head[:], body) {
		p.lost.Add(1)
	}
}

// target returns the address and a channel that is closed when it changes.
func (p *peer) target() (string, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr, p.changed
}

// setReachable notes how an attempt to reach addr ended, unless the address has changed since.
func (p *peer) setReachable(addr string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addr != addr {
		return
	}
	p.reachable = ok
	if !ok {
		p.box.clear()
	}
}

// run keeps a connection up until ctx ends.
func (p *peer) run(ctx context.Context) {
	backoff := firstBackoff
	for ctx.Err() == nil {
		addr, changed := p.target()
		if addr == "" {
			pause(ctx, changed, -1)
			continue
		}
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", addr)
		if err != nil {
			p.setReachable(addr, false)
			pause(ctx, changed, backoff)
			backoff = min(2*backoff, lastBackoff)
			continue
		}
		p.setReachable(addr, true)
		began := time.Now()
		err = p.serve(ctx, conn, changed)
		p.log.Debug("connection ended", "to", p.id, "error", err, "lost", p.lost.Load())
		if time.Since(began) > lastBackoff {
			backoff = firstBackoff
			continue
		}
		// A host that takes connections and drops them at once must not make a busy loop.
		pause(ctx, changed, backoff)
		backoff = min(2*backoff, lastBackoff)
	}
}

// pause waits for d, or without end if that is negative, or until something changes.
func pause(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	var after <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-after:
	}
}

var errPeerClosed = errors.New("closed by the other host")

// serve writes frames to conn until it breaks, the address changes or ctx ends. It closes conn.
func (p *peer) serve(ctx context.Context, conn net.Conn, changed <-chan struct{}) error {
	broken := make(chan struct{})
	defer func() { <-broken }()
	defer conn.Close()
	go func() {
		// The other host sends nothing here: reading is how one learns at once that it is gone.
		defer close(broken)
		_, _ = io.Copy(io.Discard, conn)
	}()
	buf := appendFrame(nil, frameHello, p.greet[:], nil)
	for {
		if len(buf) > 0 {
			if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				return err
			}
			if _, err := conn.Write(buf); err != nil {
				return err
			}
		}
		select {
		case <-broken:
			return errPeerClosed
		case <-changed:
			return nil
		case <-ctx.Done():
			return nil
		default:
		}
		if buf = p.box.swap(buf); len(buf) > 0 {
			continue
		}
		select {
		case <-p.box.wake:
		case <-broken:
			return errPeerClosed
		case <-changed:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}
