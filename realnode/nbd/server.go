package nbd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// A Server serves exports. Its fields must not change once Serve was called, its methods may be
// called by several goroutines: one Serve for each listener, for example.
type Server struct {
	// Exports returns what is served at this moment. It is called several times a handshake, by
	// many goroutines. An export that is not well-formed is left out, with a line in the log.
	Exports func() []Export

	TLS        *tls.Config // offered to clients; nil means none
	RequireTLS bool        // nothing is told to clients without TLS

	MaxConns   int    // on all listeners together, further ones are closed; 0 means 1024
	MaxRequest uint32 // bytes of a read or write; 0 means 32 MiB, which clients rely on
	BufferSize int    // bytes, one for each direction of a connection; 0 means 256 KiB

	HandshakeTimeout time.Duration // for all of it; 0 means 15 s
	StopGrace        time.Duration // to take replies and end a request; 0 means 5 s

	Log *slog.Logger // nil means none

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// Limits of the settings of a Server.
const (
	defaultRequest = 32 << 20
	defaultBuffer  = 256 << 10
	leastBuffer    = 4 << 10
)

// ErrNoTLS is returned by Serve if TLS is required and there is no configuration for it.
var ErrNoTLS = errors.New("nbd: TLS is required but not configured")

// Serve accepts clients until ctx ends, then closes the listener, lets requests that are being
// carried out end, closes the connections and returns nil. Another error is one of the listener;
// connections are ended in the same way. A device that never answers holds Serve up.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if s.RequireTLS && s.TLS == nil {
		_ = l.Close()
		return ErrNoTLS
	}
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	var running sync.WaitGroup
	err := s.accept(ctx, l, &running)
	_ = l.Close()
	cancel()
	running.Wait()
	return err
}

func (s *Server) accept(ctx context.Context, l net.Listener, running *sync.WaitGroup) error {
	wait := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// Mostly too many open files. It passes, and must not end the others' service.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.log().Warn("accept failed", "error", err)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
			continue
		}
		wait = 0
		c := s.newConn(nc)
		if c == nil {
			s.log().Warn("too many connections", "remote", nc.RemoteAddr())
			_ = nc.Close()
			continue
		}
		running.Go(func() {
			defer context.AfterFunc(ctx, c.stop)()
			c.serve()
		})
	}
}

// newConn registers a connection, or returns nil if there are too many.
func (s *Server) newConn(nc net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) >= or(s.MaxConns, 1024) {
		return nil
	}
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	c := &conn{server: s, raw: nc, nc: nc, done: make(chan struct{})}
	c.idle.Store(true)
	s.conns[c] = struct{}{}
	return c
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Withdraw ends the connections to the export called name: requests that are being carried out
// end, then the connections are closed. It returns when there are none left, or with ctx's error.
// The export must no longer be among Exports when Withdraw is called; then no data of the device
// is read or written, nor a flush asked for, once it has returned nil.
func (s *Server) Withdraw(ctx context.Context, name string) error {
	s.mu.Lock()
	var ending []*conn
	for c := range s.conns {
		if c.claimed && c.name == name {
			ending = append(ending, c)
		}
	}
	s.mu.Unlock()
	for _, c := range ending {
		c.stop()
	}
	for _, c := range ending {
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// claim ties c to the export that a client calls name, before its device is used. The second
// look makes Withdraw complete: whoever found the export before it was taken off the list is
// either seen by Withdraw or does not find it again.
func (s *Server) claim(c *conn, name string) (Export, bool) {
	e, ok := s.find(name)
	if !ok {
		return e, false
	}
	s.mu.Lock()
	c.claimed, c.name = true, e.Name
	s.mu.Unlock()
	return s.find(e.Name)
}

// find returns the export that a client calls name. No name means the export without one or, if
// there is just one export, that one.
func (s *Server) find(name string) (Export, bool) {
	all := s.exports()
	for _, e := range all {
		if e.Name == name {
			return e, true
		}
	}
	if name == "" && len(all) == 1 {
		return all[0], true
	}
	return Export{}, false
}

func (s *Server) exports() []Export {
	if s.Exports == nil {
		return nil
	}
	var sound []Export
	for _, e := range s.Exports() {
		if err := e.validate(); err != nil {
			s.log().Error("export left out", "error", err)
			continue
		}
		sound = append(sound, e)
	}
	return sound
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) maxRequest() uint32 { return or(s.MaxRequest, defaultRequest) }

// or returns value unless it is zero.
func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
