package realnode

import (
	"io"
	"sync"
	"time"
)

// outbox gathers frames for one stream, so that many small ones leave in one system call. Any
// goroutine may put, one takes. Use newOutbox.
type outbox struct {
	mu     sync.Mutex
	wake   chan struct{} // one token: frames to take, or closed
	buf    []byte
	limit  int // bytes; 0: none
	closed bool

	drained chan struct{} // closed when drain has ended
}

func newOutbox(limit int) *outbox {
	return &outbox{wake: make(chan struct{}, 1), limit: limit, drained: make(chan struct{})}
}

// put appends a frame. It returns false, and the frame is lost, if o is full or closed.
func (o *outbox) put(typ frameType, head, body []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := frameHead + len(head) + len(body)
	if o.closed || o.limit > 0 && len(o.buf)+n > o.limit {
		return false
	}
	first := len(o.buf) == 0
	o.buf = appendFrame(o.buf, typ, head, body)
	if first {
		o.signal()
	}
	return true
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// swap hands over all frames in exchange for spare, whose content is done with.
func (o *outbox) swap(spare []byte) []byte {
	if cap(spare) > keepBytes {
		spare = nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	full := o.buf
	o.buf = spare[:0]
	return full
}

// clear loses all frames.
func (o *outbox) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = o.buf[:0]
}

// close lets drain end once all frames are written.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.signal()
}

func (o *outbox) isClosed() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// drain writes frames to w as they come, until o is closed and empty or a write fails. It may be
// called once.
func (o *outbox) drain(w io.Writer) error {
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

// flushed waits until all frames have been handed to drain's writer, at most for limit. It is
// for the last words of a process.
func (o *outbox) flushed(limit time.Duration) {
	o.close()
	select {
	case <-o.drained:
	case <-time.After(limit):
	}
}
