package nbd

import (
	"encoding/binary"
	"io"
	"sync"
)

// output gathers replies and writes them to the socket together. The lock keeps replies of the
// goroutines of a connection whole.
type output struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte // what is not yet written; its capacity is the limit
	err error  // the first one; nothing is written after it

	sender *sender // writes instead of those who flush; nil: they write themselves
}

// send adds head and body, without a gap between them.
func (o *output) send(head, body []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(head, body)
}

func (o *output) sendLocked(head, body []byte) error {
	if o.sender != nil {
		o.sender.gatherLocked(o, head, body)
		return o.err
	}
	if len(o.buf)+len(head)+len(body) > cap(o.buf) {
		o.flushLocked()
	}
	if len(o.buf)+len(head)+len(body) <= cap(o.buf) {
		o.buf = append(append(o.buf, head...), body...)
		return o.err
	}
	o.buf = append(o.buf, head...) // a head is far shorter than the least buffer
	o.flushLocked()
	if o.err == nil {
		_, o.err = o.w.Write(body)
	}
	return o.err
}

// flush writes what has gathered.
func (o *output) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
	return o.err
}

func (o *output) flushLocked() {
	if o.sender != nil {
		o.sender.kickLocked(o)
		return
	}
	if len(o.buf) > 0 && o.err == nil {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// simple adds a reply without data.
func (o *output) simple(cookie uint64, errno uint32) error {
	head := simpleHead(cookie, errno)
	return o.send(head[:], nil)
}

// chunk adds a whole chunk of a structured reply whose payload starts with fixed.
func (o *output) chunk(flags, kind uint16, cookie uint64, fixed, data []byte) error {
	var head [chunkSize + 16]byte
	putChunkHead(head[:], flags, kind, cookie, uint32(len(fixed)+len(data)))
	n := chunkSize + copy(head[chunkSize:], fixed)
	return o.send(head[:n], data)
}

func simpleHead(cookie uint64, errno uint32) (head [simpleSize]byte) {
	binary.BigEndian.PutUint32(head[0:], magicSimple)
	binary.BigEndian.PutUint32(head[4:], errno)
	binary.BigEndian.PutUint64(head[8:], cookie)
	return head
}

func putChunkHead(head []byte, flags, kind uint16, cookie uint64, length uint32) {
	binary.BigEndian.PutUint32(head[0:], magicStructured)
	binary.BigEndian.PutUint16(head[4:], flags)
	binary.BigEndian.PutUint16(head[6:], kind)
	binary.BigEndian.PutUint64(head[8:], cookie)
	binary.BigEndian.PutUint32(head[16:], length)
}

// putErrorChunk makes an error chunk without a message, the last of its reply.
func putErrorChunk(head []byte, cookie uint64, errno uint32) int {
	putChunkHead(head, chunkDone, chunkError, cookie, 6)
	binary.BigEndian.PutUint32(head[chunkSize:], errno)
	binary.BigEndian.PutUint16(head[chunkSize+4:], 0)
	return chunkSize + 6
}

// failed adds a structured reply that says nothing but errno.
func (o *output) failed(cookie uint64, errno uint32) error {
	var head [chunkSize + 6]byte
	n := putErrorChunk(head[:], cookie, errno)
	return o.send(head[:n], nil)
}
