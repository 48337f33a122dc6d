package mesh

import (
	"context"
	"net"
	"sync"

	"github.com/container-football/pitch/node"
)

// mostWaiting is how many streams may wait to be accepted.
const mostWaiting = 64

// Stream is a connection to another daemon. It has the deadlines of a net.Conn, and no others but
// those of TCP for hosts that are dead.
type Stream struct {
	net.Conn
	mesh  *Mesh
	link  *link
	peer  Peer
	once  sync.Once
	leave func()
}

var _ net.Conn = (*Stream)(nil)

func newStream(m *Mesh, l *link, leave func()) *Stream {
	l.sock.raw = true
	cfg, _ := l.peer.target()
	return &Stream{Conn: l.conn(), mesh: m, link: l, peer: cfg, leave: leave}
}

// Peer is who is at the other end. Its ID and name are proven by its certificate; in plain TCP
// they are only claimed.
func (s *Stream) Peer() Peer { return s.peer }

// CloseWrite tells the other side that nothing more will come.
func (s *Stream) CloseWrite() error { return s.link.closeWrite() }

// Close closes the stream.
func (s *Stream) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		s.mesh.links.remove(s.link)
		if s.leave != nil {
			s.leave()
		}
		err = s.Conn.Close()
	})
	return err
}

// Dial opens a stream to the daemon of a peer. It ends with Close, when it is as old as MaxAge,
// or when the peer is removed or its certificate revoked.
func (m *Mesh) Dial(ctx context.Context, id node.ID) (net.Conn, error) {
	p := m.peer(id)
	if p == nil {
		return nil, &Error{"dial", hostText("host", id), ErrUnknownPeer}
	}
	to, _ := p.target()
	if to.Address == "" {
		return nil, &Error{"dial", hostText(to.Name, id), ErrDown}
	}
	l, err := m.connect(ctx, to, stream)
	if err != nil {
		return nil, err
	}
	p.meet(l.remote.incarnation)
	m.links.add(l)
	p.mu.Lock()
	removed := p.removed
	p.mu.Unlock()
	if removed {
		m.links.remove(l)
		l.end(ErrRemoved)
		return nil, &Error{"dial", hostText(to.Name, id), ErrRemoved}
	}
	return newStream(m, l, nil), nil
}

// Streams takes the streams that other daemons open. They are of type *Stream. Until it is closed,
// some may wait there; afterwards they are refused.
func (m *Mesh) Streams() net.Listener { return m.streams }

// streams is the listener.
type streams struct {
	addr    net.Addr
	waiting chan *Stream
	closing chan struct{}

	mu       sync.Mutex
	closed   bool
	reserved int // waiting, or about to
}

var _ net.Listener = (*streams)(nil)

func newStreams(addr net.Addr) *streams {
	return &streams{addr: addr, waiting: make(chan *Stream, mostWaiting),
		closing: make(chan struct{})}
}

// reserve makes sure that there will be room for one more.
func (s *streams) reserve() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.reserved >= mostWaiting {
		return false
	}
	s.reserved++
	return true
}

func (s *streams) unreserve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved--
}

// offer lets a stream wait for which there is room.
func (s *streams) offer(c *Stream) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.waiting <- c
	}
	s.mu.Unlock()
	if closed {
		s.unreserve()
		_ = c.Close()
	}
}

// Accept waits for the next stream.
func (s *streams) Accept() (net.Conn, error) {
	select {
	case <-s.closing:
		return nil, net.ErrClosed
	case c := <-s.waiting:
		s.unreserve()
		return c, nil
	}
}

// Addr is where the mesh listens.
func (s *streams) Addr() net.Addr { return s.addr }

// Close refuses further streams and closes those that wait.
func (s *streams) Close() error {
	s.shut()
	return nil
}

func (s *streams) shut() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if !first {
		return
	}
	close(s.closing)
	for {
		select {
		case c := <-s.waiting:
			s.unreserve()
			_ = c.Close()
		default:
			return
		}
	}
}
