package mesh

import (
	"encoding/binary"
	"sync"

	"github.com/container-football/pitch/node"
)

// block is a piece of memory in which whole frames lie, ready to be sealed and sent.
type block struct {
	next *block
	buf  []byte
	at   int // what lies before was taken
}

// The sizes of blocks, in bytes. Two of the largest frames fit into the largest one.
var blockSizes = [...]int{4 << 10, 32 << 10, 2 * (frameHead + maxBody)}

// blockPools keep blocks for all connections. The garbage collector empties them.
var blockPools [len(blockSizes)]sync.Pool

// newBlock returns a block for at least n bytes, and preferably of a size.
func newBlock(n, size int) *block {
	for size < len(blockSizes)-1 && blockSizes[size] < n {
		size++
	}
	if b, ok := blockPools[size].Get().(*block); ok {
		return b
	}
	return &block{buf: make([]byte, 0, blockSizes[size])}
}

// free gives a block back.
func (b *block) free() {
	b.next, b.buf, b.at = nil, b.buf[:0], 0
	for i, size := range blockSizes {
		if cap(b.buf) == size {
			blockPools[i].Put(b)
			return // it is somebody else's now
		}
	}
}

// queue holds what waits in one class for one peer. Whoever uses it must hold its lane's lock, but
// what pop has returned is the caller's.
type queue struct {
	class      node.Class
	limit      int // bytes of frames
	head, tail *block
	blocks     int // how many there are
	size       int // bytes of frames that wait
	waiting    Traffic
	midway     bool // the first frame that waits is the middle of a message
	owed       int  // bytes that higher classes owe this one: see lane.pick
}

// put appends a message, in frames of at most piece bytes of it. It returns false if that does not
// fit.
func (q *queue) put(from, to uint32, body []byte, piece int) bool {
	frames := max(1, (len(body)+piece-1)/piece)
	need := messageHead + len(body) + frames*frameHead
	if len(body) > MaxMessage || q.size+need > q.limit {
		return false
	}
	for rest, flags := body, uint8(flagFirst); ; flags = 0 {
		n := min(len(rest), piece)
		if n == len(rest) {
			flags |= flagLast
		}
		q.putFrame(from, to, len(body), rest[:n], flags)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	q.size += need
	q.waiting.Messages++
	q.waiting.Bytes += uint64(len(body))
	return true
}

func (q *queue) putFrame(from, to uint32, size int, data []byte, flags uint8) {
	h := header{length: len(data), typ: frameMessage, class: q.class, flags: flags}
	if flags&flagFirst != 0 {
		h.length += messageHead
	}
	n := frameHead + h.length
	b := q.room(n)
	at := len(b.buf)
	b.buf = b.buf[:at+n]
	h.put(b.buf[at:])
	if flags&flagFirst != 0 {
		putMessageHead(b.buf[at+frameHead:], from, to, size)
	}
	copy(b.buf[at+n-len(data):], data)
}

// room returns the last block, in which n bytes fit. The more blocks wait, the larger new ones are.
func (q *queue) room(n int) *block {
	if q.tail != nil && cap(q.tail.buf)-len(q.tail.buf) >= n {
		return q.tail
	}
	b := newBlock(n, min(q.blocks, len(blockSizes)-1))
	if q.tail == nil {
		q.head = b
	} else {
		q.tail.next = b
	}
	q.tail = b
	q.blocks++
	return b
}

// next is the size of the first frame that waits.
func (q *queue) next() int {
	return frameHead + int(binary.LittleEndian.Uint32(q.head.buf[q.head.at+offLength:]))
}

// pop takes frames that lie one after the other: as many as fit into limit, but at least one. They
// lie in a block that must be freed when they are done with, if it is returned.
func (q *queue) pop(limit int) (frames []byte, spent *block, messages Traffic) {
	b := q.head
	from := b.at
	for b.at < len(b.buf) {
		n := q.next()
		if b.at > from && b.at-from+n > limit {
			break
		}
		messages.add(q.count(b.buf[b.at:]))
		b.at += n
	}
	frames = b.buf[from:b.at:b.at]
	q.size -= len(frames)
	if b.at == len(b.buf) {
		q.head = b.next
		q.blocks--
		spent = b
	}
	if q.head == nil {
		q.tail = nil
	}
	return frames, spent, messages
}

// count notes that a frame is taken. A message counts when its last frame is.
func (q *queue) count(frame []byte) Traffic {
	h := headerOf(frame)
	t := Traffic{Bytes: uint64(h.length)}
	if h.flags&flagFirst != 0 {
		t.Bytes -= messageHead
	}
	if q.midway = h.flags&flagLast == 0; !q.midway {
		t.Messages = 1
	}
	q.waiting.Messages -= t.Messages
	q.waiting.Bytes -= t.Bytes
	return t
}

// restart drops the rest of a message that has begun, as nobody can use it in another connection.
func (q *queue) restart() (lost Traffic) {
	for q.midway {
		_, spent, t := q.pop(0)
		lost.add(t)
		if spent != nil {
			spent.free()
		}
	}
	return lost
}

// clear drops everything. Frames that pop has returned stay good. If q was midway, no other message
// may follow in the same connection.
func (q *queue) clear() (lost Traffic) {
	lost = q.waiting
	for b := q.head; b != nil; {
		next := b.next
		if b.at == 0 { // the others may be being sent; the garbage collector takes them
			b.free()
		}
		b = next
	}
	q.head, q.tail, q.blocks, q.size = nil, nil, 0, 0
	q.waiting, q.owed, q.midway = Traffic{}, 0, false
	return lost
}

func (t *Traffic) add(o Traffic) {
	t.Messages += o.Messages
	t.Bytes += o.Bytes
}
