package mesh

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// unsentLimit is how much the kernel takes that is not on its way yet. More would wait there
	// in the order in which it came, where no other message can overtake it.
	unsentLimit = 256 << 10 // bytes

	dialLimit = 5 * time.Second

	// gather is how many bytes of TLS records leave in one system call.
	gather = 128 << 10

	// slowest is how many times Dead one write may take as long as there is some progress.
	slowest = 4
)

// socket is a TCP connection that notices when nothing moves any more. TLS runs on top of it.
type socket struct {
	*net.TCPConn
	dead  time.Duration
	quiet time.Duration // how long nothing may come; 0: for ever
	heard atomic.Int64  // when something came last, as the nanoseconds of time.Now
	wired atomic.Uint64 // bytes that were written
	came  atomic.Uint64 // bytes that were read

	raw        bool      // what lies above sets deadlines itself; set before others use it
	readUntil  time.Time // deadlines that are set; the reader's
	mu         sync.Mutex
	writeUntil time.Time
	corked     bool
	out        []byte
	vector     [][]byte    // what is being written
	left       net.Buffers // the part of vector that is to be written yet
	failed     error
}

func newSocket(conn *net.TCPConn, dead time.Duration) *socket {
	s := &socket{TCPConn: conn, dead: dead}
	s.heard.Store(time.Now().UnixNano())
	return s
}

// Read fails when nothing has come for too long.
func (s *socket) Read(p []byte) (int, error) {
	if s.raw {
		return s.TCPConn.Read(p)
	}
	now := time.Now()
	if s.quiet > 0 && s.readUntil.Sub(now) < s.quiet*3/4 { // not each time: that costs too much
		s.readUntil = now.Add(s.quiet)
		if err := s.SetReadDeadline(s.readUntil); err != nil {
			return 0, err
		}
	}
	n, err := s.TCPConn.Read(p)
	if n > 0 {
		s.came.Add(uint64(n))
		s.heard.Store(time.Now().UnixNano())
	}
	return n, dead(err)
}

// Write writes now, or with others at the next flush.
func (s *socket) Write(p []byte) (int, error) {
	if s.raw {
		return s.TCPConn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.corked {
		return len(p), s.push(p)
	}
	s.out = append(s.out, p...)
	if len(s.out) >= gather {
		return len(p), s.pushOut()
	}
	return len(p), s.failed
}

// cork lets writes gather until flush.
func (s *socket) cork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = true
}

func (s *socket) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corked = false
	return s.pushOut()
}

// shrink gives memory back that is not needed while nothing is written.
func (s *socket) shrink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out) == 0 {
		s.out = nil
	}
}

func (s *socket) pushOut() error {
	if len(s.out) == 0 {
		return s.failed
	}
	err := s.push(s.out)
	s.out = s.out[:0]
	return err
}

// writeAll writes several pieces.
func (s *socket) writeAll(pieces [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.push(pieces...)
}

// push writes until all is gone, or until there was no progress for too long.
func (s *socket) push(pieces ...[]byte) error {
	s.vector = append(s.vector[:0], pieces...)
	s.left = s.vector // what has been written goes away from here
	defer func() { clear(s.vector) }()
	began := time.Now()
	for now := began; s.failed == nil; now = time.Now() {
		if s.writeUntil.Sub(now) < s.dead*3/4 {
			s.writeUntil = now.Add(s.dead)
			if err := s.SetWriteDeadline(s.writeUntil); err != nil {
				s.failed = err
				break
			}
		}
		n, err := s.left.WriteTo(s.TCPConn)
		s.wired.Add(uint64(n))
		if err == nil {
			return nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || now.Sub(began) > slowest*s.dead {
			s.failed = dead(err)
		}
		s.writeUntil = time.Time{}
	}
	return s.failed
}

// unacked is how many bytes the other host has not acknowledged.
func (s *socket) unacked() (n int) {
	raw, err := s.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	return n
}

// dead gives the error of a deadline its name.
func dead(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrDead
	}
	return err
}

// tune sets the options of a TCP connection that has been made.
func (s *socket) tune() error {
	err := s.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: s.dead, Interval: s.dead / 3,
		Count: 3})
	if err != nil {
		return err
	}
	if err := s.SetNoDelay(true); err != nil {
		return err
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT,
				int(s.dead.Milliseconds())))
	})
	return errors.Join(err, failed)
}

// dialer makes TCP connections.
type dialer struct {
	insecure   bool
	congestion string
	dead       time.Duration
}

// dial also returns a warning, about a connection that is good for all that.
func (d dialer) dial(ctx context.Context, address string) (s *socket, warning, err error) {
	var refused atomic.Pointer[error] // several addresses may be tried at a time
	plain := net.Dialer{Timeout: dialLimit, ControlContext: func(_ context.Context, _, addr string,
		raw syscall.RawConn) error {
		if d.insecure {
			if err := checkLoopback("dial", addr); err != nil {
				return ErrInsecure
			}
		}
		if d.congestion == "" {
			return nil
		}
		return raw.Control(func(fd uintptr) {
			err := unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, d.congestion)
			if err != nil {
				refused.Store(&err)
			}
		})
	}}
	conn, err := plain.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	s = newSocket(conn.(*net.TCPConn), d.dead)
	if err := s.tune(); err != nil {
		s.abort()
		return nil, nil, err
	}
	if why := refused.Load(); why != nil {
		warning = &Error{"set congestion control", d.congestion, *why}
	}
	return s, warning, nil
}

// abort closes s at once, and what waits in it is lost. What the kernel has still goes out.
func (s *socket) abort() { _ = s.TCPConn.Close() }
