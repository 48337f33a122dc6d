package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// mostGuests is how many connections may be in their handshake at a time.
const mostGuests = 256

// waitingRoom holds the connections that have not said who they are. When it is full, the oldest
// one goes: those who mean well need some milliseconds, and who only wants to occupy places should
// not keep them out.
type waitingRoom struct {
	mu     sync.Mutex
	guests []*socket // the oldest first
	closed bool
}

func (w *waitingRoom) enter(s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		s.abort()
		return
	}
	if len(w.guests) >= mostGuests {
		w.guests[0].abort()
		w.guests = append(w.guests[:0], w.guests[1:]...)
	}
	w.guests = append(w.guests, s)
}

func (w *waitingRoom) leave(s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, g := range w.guests {
		if g == s {
			w.guests = append(w.guests[:i], w.guests[i+1:]...)
			return
		}
	}
}

func (w *waitingRoom) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, g := range w.guests {
		g.abort()
	}
}

// accept takes connections until the listener is closed.
func (m *Mesh) accept(ctx context.Context) {
	for {
		conn, err := m.listener.AcceptTCP()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil {
			m.news.bad(m.cfg.Log, err, "cannot accept")
			select { // out of file descriptors: some will come free
			case <-ctx.Done():
			case <-time.After(firstBackoff):
			}
			continue
		}
		s := newSocket(conn, m.cfg.Dead)
		m.room.enter(s)
		m.tasks.Go(func() { m.receiveGuest(ctx, s) })
	}
}

// receiveGuest shakes hands with who has come, and then reads what it sends.
func (m *Mesh) receiveGuest(ctx context.Context, s *socket) {
	in := &inbound{mesh: m, done: make(chan struct{})}
	err := m.greet(ctx, s, in)
	m.room.leave(s)
	if err == nil && in.link.purpose == stream {
		m.streams.offer(newStream(m, in.link, in.peer.leaveStream))
		return
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		m.turnedAway(s, in.link, err)
	default:
		in.run()
	}
	s.abort()
	in.release()
}

func (m *Mesh) greet(ctx context.Context, s *socket, in *inbound) error {
	if m.cfg.Insecure {
		if err := checkLoopback("accept", s.RemoteAddr().String()); err != nil {
			return err
		}
	}
	if err := s.tune(); err != nil {
		return err
	}
	return m.answer(ctx, s, in)
}

// turnedAway logs why a client was not let in.
func (m *Mesh) turnedAway(s *socket, l *link, err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = errShort
	}
	who, _, _ := net.SplitHostPort(s.RemoteAddr().String())
	if l != nil && l.remote.name != "" {
		who = l.remote.String() + " at " + who
	}
	m.news.bad(m.cfg.Log, &Error{"accept", who, err}, "a connection was not let in")
}
