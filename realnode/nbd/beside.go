package nbd

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// Bounds of what one connection may have under way; then no more is read from it.
const (
	maxUnderWay      = 1024
	maxUnderWayBytes = 64 << 20
)

// beside is a connection whose device carries requests out side by side.
type beside struct {
	conn    *conn
	session Session
	// more is set while the connection's goroutine has a further request at hand, whole: then it is
	// going to flush soon, and nobody else needs to.
	more atomic.Bool

	mu    sync.Mutex
	room  sync.Cond
	slots []slot
	free  []uint32
	live  int
	bytes int64
}

// slot is a request under way, in one part or in several.
type slot struct {
	request
	parts int    // that have not finished
	whole []byte // a read of several parts that must be answered in one piece
	errno uint32
}

var _ Finisher = (*beside)(nil)

// transmitSideBySide is transmit for such a device.
func (c *conn) transmitSideBySide(d Starter) error {
	c.out.startSender(c.nc)
	b := &beside{conn: c}
	b.room.L = &b.mu
	b.session = d.Session(b)
	err := c.requests(b.handle)
	b.mu.Lock()
	for b.live > 0 {
		b.room.Wait()
	}
	b.mu.Unlock()
	return errors.Join(err, c.out.endSender())
}

// handle begins one request, or answers what needs no device.
func (b *beside) handle(r *request) error {
	c := b.conn
	if r.kind == cmdDisc {
		return errLeft
	}
	payload := 0
	if r.kind == cmdWrite {
		payload = int(r.length)
	}
	b.more.Store(c.in.Buffered()-payload >= requestSize)
	if err := c.out.room(); err != nil {
		return err
	}
	if r.kind == cmdWrite && r.length > c.server.maxRequest() {
		return breach("write of %d bytes", r.length)
	}
	errno := c.check(r)
	switch {
	case r.kind == cmdWrite && errno != errnoNone:
		if _, err := c.in.Discard(int(r.length)); err != nil {
			return err
		}
		return c.fail(r, errno)
	case errno != errnoNone:
		return c.fail(r, errno)
	case r.kind == cmdBlockStatus:
		return c.blockStatus(r)
	case r.kind == cmdCache, r.length == 0 && r.kind != cmdFlush:
		return b.nothing(r)
	}
	id := b.enter(r)
	if r.kind == cmdWrite {
		return b.write(r, id)
	}
	b.begin(r, id)
	return nil
}

// nothing answers a request that is about no bytes.
func (b *beside) nothing(r *request) error {
	if r.kind == cmdRead && b.conn.structured {
		return b.conn.out.chunk(chunkDone, chunkNone, r.cookie, nil, nil)
	}
	return b.conn.out.simple(r.cookie, errnoNone)
}

// partsOf is in how many parts a request is handed to the device.
func partsOf(r *request) int {
	if r.kind != cmdRead && r.kind != cmdWrite {
		return 1
	}
	return (int(r.length) + pieceSize - 1) / pieceSize
}

// enter waits for room and gives the request a slot.
func (b *beside) enter(r *request) uint32 {
	parts, cost := partsOf(r), costOf(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.live >= maxUnderWay || b.live > 0 && b.bytes+cost > maxUnderWayBytes {
		b.more.Store(false) // it may be long until the next one
		_ = b.conn.out.flush()
		b.room.Wait()
	}
	b.live++
	b.bytes += cost
	var i uint32
	if n := len(b.free); n > 0 {
		i, b.free = b.free[n-1], b.free[:n-1]
	} else {
		i = uint32(len(b.slots))
		b.slots = append(b.slots, slot{})
	}
	b.slots[i] = slot{request: *r, parts: parts}
	if r.kind == cmdRead && parts > 1 && (!b.conn.structured || r.flags&cmdDF != 0) {
		b.slots[i].whole = make([]byte, r.length)
	}
	return i
}

// costOf is how much memory a request takes while it is under way, in bytes.
func costOf(r *request) int64 {
	if r.kind == cmdRead || r.kind == cmdWrite {
		return int64(r.length)
	}
	return 0
}

var kinds = [...]RequestKind{cmdRead: RequestRead, cmdWrite: RequestWrite, cmdFlush: RequestFlush,
	cmdTrim: RequestTrim, cmdWriteZeroes: RequestZero}

// begin hands a request that carries no data to the device.
func (b *beside) begin(r *request, slot uint32) {
	q := Request{Kind: kinds[r.kind], Off: int64(r.off), N: int64(r.length),
		Durable: r.flags&cmdFUA != 0, MayPunch: r.flags&cmdNoHole == 0}
	if r.kind != cmdRead {
		b.start(&q, slot, 0)
		return
	}
	for part, left := uint64(0), q.N; left > 0; part++ {
		q.N = min(left, pieceSize)
		b.start(&q, slot, part)
		q.Off += q.N
		left -= q.N
	}
}

func (b *beside) start(q *Request, slot uint32, part uint64) {
	q.ID = uint64(slot)<<16 | part
	if err := b.session.Start(q); err != nil {
		b.Finish(q.ID, nil, err)
	}
}

// write hands the data of a write to the device, as it comes.
func (b *beside) write(r *request, slot uint32) error {
	q := Request{Kind: RequestWrite, Off: int64(r.off), Durable: r.flags&cmdFUA != 0}
	for part, left := uint64(0), int(r.length); left > 0; part++ {
		n := min(left, pieceSize)
		if err := b.writePart(&q, n, slot, part); err != nil {
			b.abandon(slot, partsOf(r)-int(part))
			return err
		}
		q.Off += int64(n)
		left -= n
	}
	return nil
}

// writePart takes n bytes off the socket.
func (b *beside) writePart(q *Request, n int, slot uint32, part uint64) error {
	in := b.conn.in
	q.N = int64(n)
	if n <= in.Size() {
		data, err := in.Peek(n) // the device gets the connection's buffer itself
		if err != nil {
			return err
		}
		q.Data = data
		b.start(q, slot, part)
		_, err = in.Discard(n)
		return err
	}
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	if _, err := io.ReadFull(in, piece[:n]); err != nil {
		return err
	}
	q.Data = piece[:n]
	b.start(q, slot, part)
	return nil
}

// abandon gives up the parts of a request whose data did not come.
func (b *beside) abandon(slot uint32, parts int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &b.slots[slot]
	s.parts -= parts
	if s.errno == errnoNone {
		s.errno = errnoIO
	}
	if s.parts == 0 {
		b.leave(slot)
	}
}

// Finish implements Finisher.
func (b *beside) Finish(id uint64, data []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, part := uint32(id>>16), int64(id&0xffff)
	s := &b.slots[i]
	s.parts--
	if err != nil && s.errno == errnoNone {
		s.errno = errnoOf(err)
	}
	out := &b.conn.out
	switch {
	case s.kind == cmdRead && s.whole != nil:
		copy(s.whole[part*pieceSize:], data)
		if s.parts == 0 {
			b.answerRead(s, int64(s.off), s.whole)
		}
	case s.kind == cmdRead && s.errno == errnoNone:
		b.answerRead(s, int64(s.off)+part*pieceSize, data)
	case s.kind == cmdRead && s.parts == 0:
		_ = b.conn.fail(&s.request, s.errno)
	case s.parts == 0:
		_ = out.simple(s.cookie, s.errno) // the connection's goroutine meets the same error
	}
	if s.parts == 0 {
		b.leave(i)
	}
}

// answerRead sends what was read; it is the last chunk if no part is left.
func (b *beside) answerRead(s *slot, off int64, data []byte) {
	out := &b.conn.out
	switch {
	case s.errno != errnoNone:
		_ = b.conn.fail(&s.request, s.errno)
	case b.conn.structured:
		var fixed [8]byte
		binary.BigEndian.PutUint64(fixed[:], uint64(off))
		_ = out.chunk(doneIf(s.parts == 0), chunkData, s.cookie, fixed[:], data)
	default:
		head := simpleHead(s.cookie, errnoNone)
		_ = out.send(head[:], data)
	}
}

func (b *beside) leave(i uint32) {
	s := &b.slots[i]
	b.live--
	b.bytes -= costOf(&s.request)
	s.whole = nil
	b.free = append(b.free, i)
	b.room.Signal()
}

// Flush implements Finisher.
func (b *beside) Flush() {
	if !b.more.Load() {
		_ = b.conn.out.flush()
	}
}
