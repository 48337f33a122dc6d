package harness

import (
	"io"
	"sync"
	"time"
)

// keepBytes is how much memory an outbox keeps for later when a burst has passed.
const keepBytes = 8 << 20

// Outbox gathers frames for one stream, so that many small ones leave in one system call. Any
// goroutine may put, one takes. Use [NewOutbox].
type Outbox struct {
	mu     sync.Mutex
	wake   chan struct{} // one token: frames to take, or closed
	buf    []byte
	limit  int // bytes; 0: none
	closed bool

	drained chan struct{} // closed when Drain has ended
}

// NewOutbox makes one that holds at most limit bytes; zero is no limit.
func NewOutbox(limit int) *Outbox {
	return &Outbox{wake: make(chan struct{}, 1), limit: limit, drained: make(chan struct{})}
}

// Put appends a frame. It returns false, and the frame is lost, if o is full or closed.
func (o *Outbox) Put(typ Type, head, body []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := frameHead + len(head) + len(body)
	if o.closed || o.limit > 0 && len(o.buf)+n > o.limit {
		return false
	}
	first := len(o.buf) == 0
	o.buf = AppendFrame(o.buf, typ, head, body)
	if first {
		o.signal()
	}
	return true
}

func (o *Outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// swap hands over all frames in exchange for spare, whose content is done with.
func (o *Outbox) swap(spare []byte) []byte {
	if cap(spare) > keepBytes {
		spare = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	full := o.buf
	o.buf = spare[:0]
	return full
}

// Close lets Drain end once all frames are written.
func (o *Outbox) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

func (o *Outbox) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// Drain writes frames to w as they come, until o is closed and empty or a write fails. It may be
// called once.
func (o *Outbox) Drain(w io.Writer) error {
	defer close(o.drained)
	var buf []byte
	for {
		closed := o.isClosed()
		if buf = o.swap(buf); len(buf) == 0 {
			if closed {
				return nil
			}
			<-o.wake
			continue
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
}

// Flushed waits until all frames have been handed to Drain's writer, at most for limit. It is
// for the last words of a process.
func (o *Outbox) Flushed(limit time.Duration) {
	o.Close()
	select {
	case <-o.drained:
	case <-time.After(limit):
	}
}
