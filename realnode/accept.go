package realnode

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/container-football/pitch/node"
)

// acceptor takes the connections of other hosts and puts their messages into the inbox.
type acceptor struct {
	self     node.ID
	hosts    int
	listener net.Listener
	inbox    *queue[item]
	log      *slog.Logger

	mu      sync.Mutex
	conns   map[net.Conn]struct{} // nil once stopped
	readers sync.WaitGroup
}

func listen(cfg *NodeConfig, inbox *queue[item], log *slog.Logger) (*acceptor, error) {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, err
	}
	return &acceptor{self: cfg.Host, hosts: cfg.Hosts, listener: l, inbox: inbox, log: log,
		conns: make(map[net.Conn]struct{})}, nil
}

func (a *acceptor) addr() string { return a.listener.Addr().String() }

// start begins to take connections. Before that they wait in the kernel: no message may come
// before the host has booted.
func (a *acceptor) start() { a.readers.Go(a.accept) }

// stop closes everything and waits. The inbox must be closed, or readers may wait for it.
func (a *acceptor) stop() {
	a.listener.Close()
	a.mu.Lock()
	for c := range a.conns {
		c.Close()
	}
	a.conns = nil
	a.mu.Unlock()
	a.readers.Wait()
}

func (a *acceptor) accept() {
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			if a.stopped() {
				return
			}
			a.log.Warn("accept failed", "error", err)
			time.Sleep(firstBackoff) // out of file descriptors: some will come free
			continue
		}
		if a.add(conn) {
			a.readers.Go(func() { a.read(conn) })
		}
	}
}

func (a *acceptor) stopped() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conns == nil
}

func (a *acceptor) add(c net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		c.Close()
		return false
	}
	a.conns[c] = struct{}{}
	return true
}

// read takes messages off one connection. Wrong bytes end the connection and nothing else: the
// other host will open a new one.
func (a *acceptor) read(conn net.Conn) {
	err := a.messages(conn)
	if err != nil && !errors.Is(err, io.EOF) && !a.stopped() {
		a.log.Warn("connection dropped", "from", conn.RemoteAddr().String(), "error", err)
	}
	conn.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, conn)
}

func (a *acceptor) messages(conn net.Conn) error {
	r := newFrameReader(conn)
	if err := conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	from, err := a.greeting(r)
	if err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	for {
		typ, b, err := r.next()
		if err != nil {
			return err
		}
		if typ != frameMessage {
			return fmt.Errorf("%w: type %d, expected a message", ErrFrame, typ)
		}
		sender, to, body, err := decodeMessage(b)
		if err != nil {
			return err
		}
		it := item{kind: itemEvent, machine: to, ev: node.Event{Kind: node.KindMessage,
			From: node.Addr{Host: from, Machine: sender}}}
		if !a.inbox.putBounded(it, body) {
			return nil
		}
	}
}

// greeting reads the first frame, which says who is there and whom it wants. The second can be
// wrong: a port may have belonged to another host a moment ago.
func (a *acceptor) greeting(r *frameReader) (node.ID, error) {
	typ, b, err := r.next()
	if err != nil {
		return 0, err
	}
	if typ != frameHello {
		return 0, fmt.Errorf("%w: type %d, expected hello", ErrFrame, typ)
	}
	h, err := decodeHello(b)
	switch {
	case err != nil:
		return 0, err
	case h.to != a.self:
		return 0, fmt.Errorf("hello: for host %d, this is host %d", h.to, a.self)
	case h.from < 1 || int(h.from) > a.hosts:
		return 0, fmt.Errorf("hello: from host %d, expected 1 to %d", h.from, a.hosts)
	}
	return h.from, nil
}
