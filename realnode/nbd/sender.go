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
	room    sync.Cond // something was written, or cannot be
	waiting int       // bytes that were gathered and not yet written
	writing bool      // its goroutine is in a write
	ending  bool
	done    chan struct{}
	chain   []chained // goes before the output's buffer
	spares  [][]byte
}

// startSender makes a goroutine write for o. It ends with endSender.
func (o *output) startSender(nc net.Conn) {
	s := &sender{done: make(chan struct{})}
	s.wake.L, s.room.L = &o.mu, &o.mu
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

// apart is the size of content, in bytes, that gets a buffer of its own: so what gathers needs not
// be moved when it grows.
const apart = 32 << 10

// chained is content that stands before what is in the output's buffer.
type chained struct {
	b    []byte
	loan *[pieceSize]byte // where b lies, or nil
}

// gatherLocked adds head and body to what has gathered.
func (s *sender) gatherLocked(o *output, head, body []byte) {
	s.waiting += len(head) + len(body)
	if s.packLocked(o, head, body) {
		return
	}
	o.buf = append(o.buf, head...)
	if len(body) < apart {
		o.buf = append(o.buf, body...)
		return
	}
	s.chain = append(s.chain, chained{b: o.buf})
	o.buf = s.empty()
	for len(body) > 0 {
		loan := pieces.Get().(*[pieceSize]byte)
		n := copy(loan[:], body)
		s.chain = append(s.chain, chained{loan[:n], loan})
		body = body[n:]
	}
}

// packLocked adds head and body to the content that was put apart last, if they fit there, and says
// whether they do. Else content of many requests would take far more memory than it has bytes.
func (s *sender) packLocked(o *output, head, body []byte) bool {
	n := len(s.chain)
	if n == 0 {
		return false
	}
	end := &s.chain[n-1]
	if end.loan == nil || len(end.b)+len(o.buf)+len(head)+len(body) > pieceSize {
		return false
	}
	end.b = append(append(append(end.b, o.buf...), head...), body...)
	o.buf = o.buf[:0]
	return true
}

// maxGathered is how much may wait for a client that does not take it, in bytes. Then no more of its
// requests are begun.
const maxGathered = 8 << 20

// room waits until so little is left to be written that another request may begin.
func (o *output) room() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sender
	for o.err == nil && s.waiting > maxGathered {
		s.kickLocked(o)
		if s.waiting > maxGathered {
			s.room.Wait()
		}
	}
	return o.err
}

// empty returns a buffer that nobody uses.
func (s *sender) empty() []byte {
	n := len(s.spares)
	if n == 0 {
		return make([]byte, 0, leastBuffer)
	}
	b := s.spares[n-1]
	s.spares = s.spares[:n-1]
	return b
}

// maxDirect is how much those who gather write themselves at most, in bytes. More would keep them
// from their work for long.
const maxDirect = 64 << 10

// kickLocked lets what has gathered leave.
func (s *sender) kickLocked(o *output) {
	if s.writing || len(o.buf) == 0 && len(s.chain) == 0 {
		return
	}
	small := len(s.chain) == 0 && len(o.buf) <= maxDirect
	if s.direct != nil && small && o.err == nil && s.tryLocked(o) {
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
	s.waiting -= n
	return len(o.buf) == 0
}

func (s *sender) run(o *output) {
	defer close(s.done)
	var list []chained
	var vector net.Buffers
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for len(o.buf) == 0 && len(s.chain) == 0 && !s.ending {
			s.wake.Wait()
		}
		if len(o.buf) == 0 && len(s.chain) == 0 {
			return
		}
		list, s.chain = s.chain, list[:0]
		list = append(list, chained{b: o.buf})
		o.buf = s.empty()
		n := 0
		vector = vector[:0]
		for _, c := range list {
			vector = append(vector, c.b)
			n += len(c.b)
		}
		if o.err == nil {
			s.writing = true
			o.mu.Unlock()
			left := vector // WriteTo consumes it
			_, err := left.WriteTo(o.w)
			o.mu.Lock()
			s.writing = false
			o.err = err
		}
		s.release(list)
		s.waiting -= n
		s.room.Signal()
	}
}

// release takes back the memory of what was written.
func (s *sender) release(list []chained) {
	for i, c := range list {
		switch {
		case c.loan != nil:
			pieces.Put(c.loan)
		case cap(c.b) <= keepSpare && len(s.spares) < maxSpares:
			s.spares = append(s.spares, c.b[:0])
		}
		list[i] = chained{}
	}
}

// What is kept for later when a burst has passed: so many buffers of so many bytes.
const (
	keepSpare = 1 << 20
	maxSpares = 4
)
