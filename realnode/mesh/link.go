package mesh

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link is a connection whose sides know each other.
type link struct {
	sock     *socket
	peer     *peer
	tls      *tls.Conn // nil: plain
	remote   party
	version  uint16
	purpose  purpose
	ping     time.Duration // the client's
	in, out  uint32        // salts
	made     time.Time
	outgoing bool // we have dialed
	ended    atomic.Pointer[error]
}

// conn is where one reads and writes.
func (l *link) conn() net.Conn {
	if l.tls != nil {
		return l.tls
	}
	return l.sock
}

// write writes pieces, in as few system calls as possible.
func (l *link) write(pieces [][]byte) error {
	if l.tls == nil {
		return l.sock.writeAll(pieces)
	}
	l.sock.cork()
	for _, p := range pieces {
		if _, err := l.tls.Write(p); err != nil {
			return err
		}
	}
	return l.sock.flush()
}

// closeWrite tells the other side that nothing more will come.
func (l *link) closeWrite() error {
	if l.tls != nil {
		if err := l.tls.CloseWrite(); err != nil {
			return err
		}
	}
	return l.sock.CloseWrite()
}

// end closes l for a reason.
func (l *link) end(why error) {
	l.ended.CompareAndSwap(nil, &why)
	l.sock.abort()
}

// cause returns why l was ended, or the error that has come otherwise.
func (l *link) cause(err error) error {
	if why := l.ended.Load(); why != nil {
		return *why
	}
	return err
}

// linkSet holds the connections that stand.
type linkSet struct {
	mu     sync.Mutex
	all    map[*link]struct{}
	closed bool
}

func (s *linkSet) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		l.end(ErrClosed)
		return
	}
	if s.all == nil {
		s.all = make(map[*link]struct{})
	}
	s.all[l] = struct{}{}
}

func (s *linkSet) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, l)
}

// list returns those for which keep holds.
func (s *linkSet) list(keep func(*link) bool) []*link {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*link
	for l := range s.all {
		if keep(l) {
			list = append(list, l)
		}
	}
	return list
}

// close ends all, and those that would still be added.
func (s *linkSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for l := range s.all {
		l.end(ErrClosed)
	}
}
