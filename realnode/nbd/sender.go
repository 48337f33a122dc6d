package nbd

import (
	"net"
	"sync"
	"syscall"
)

// sender writes what an output has gathered, so that those who gather never wait for a client. As
// long as the client takes what it gets, they write themselves, which spares the way to another
// goroutine; it does the rest.
type sender struct {
	direct  syscall.RawConn // nil: there is more than a socket between us and the client
	wake    sync.Cond
	writing bool // its goroutine is in a write
	ending  bool
	done    chan struct{}
	spare   []byte
}

// startSender makes a goroutine write for o. It ends with endSender.
func (o *output) startSender(nc net.Conn) {
	s := &sender{done: make(chan struct{})}
	s.wake.L = &o.mu
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			s.direct = raw
		}
	}
	o.sender = s
	go s.run(o)
}

// endSender returns when everything was written, or cannot be.
func (o *output) endSender() error {
	o.mu.Lock()
	o.sender.ending = true
	o.sender.wake.Signal()
	o.mu.Unlock()
	<-o.sender.done
	return o.err
}

// maxDirect is how much those who gather write themselves at most. More would keep them from their
// work for long.
const maxDirect = 64 << 10

// kickLocked lets what has gathered leave.
func (s *sender) kickLocked(o *output) {
	if s.writing || len(o.buf) == 0 {
		return
	}
	if s.direct != nil && len(o.buf) <= maxDirect && o.err == nil && s.tryLocked(o) {
		return
	}
	s.wake.Signal()
}

// tryLocked writes what the socket takes at once, and says whether that was all.
func (s *sender) tryLocked(o *output) bool {
	n := 0
	err := s.direct.Write(func(fd uintptr) bool {
		for {
			var err error
			if n, err = syscall.Write(int(fd), o.buf); err != syscall.EINTR {
				return true // what has gone wrong, the goroutine will find, too
			}
		}
	})
	if err != nil || n <= 0 {
		return false
	}
	o.buf = o.buf[:copy(o.buf, o.buf[n:])]
	return len(o.buf) == 0
}

func (s *sender) run(o *output) {
	defer close(s.done)
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for len(o.buf) == 0 && !s.ending {
			s.wake.Wait()
		}
		if len(o.buf) == 0 {
			return
		}
		full := o.buf
		o.buf = s.spare[:0]
		if o.err != nil {
			s.spare = full
			continue
		}
		s.writing = true
		o.mu.Unlock()
		_, err := o.w.Write(full)
		o.mu.Lock()
		s.writing = false
		if s.spare = full; cap(full) > keepSpare {
			s.spare = nil
		}
		if o.err == nil {
			o.err = err
		}
	}
}

// keepSpare is how much memory is kept for later when a burst has passed, in bytes.
const keepSpare = 4 << 20
