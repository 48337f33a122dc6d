package nbd

import (
	"io"
	"sync"
)

// request is the head of one command.
type request struct {
	flags  uint16
	kind   uint16
	cookie uint64
	off    uint64
	length uint32
}

// pieceSize is the most that one call of a device carries. Longer requests are carried out piece
// by piece, in order: the protocol does not promise that they are atomic.
const pieceSize = 1 << 20

// pieces are the buffers of requests that do not fit the connection's own.
var pieces = sync.Pool{New: func() any { return new([pieceSize]byte) }}

// handle carries out one request. An error ends the connection; those of the device do not.
func (c *conn) handle(r *request) error {
	if r.kind == cmdDisc {
		return errLeft
	}
	if r.kind == cmdWrite && r.length > c.server.maxRequest() {
		// Reading all that on only to refuse it would give the client what it should not have.
		return breach("write of %d bytes", r.length)
	}
	errno := c.check(r)
	switch {
	case r.kind == cmdWrite:
		return c.write(r, errno)
	case errno != errnoNone:
		return c.fail(r, errno)
	case r.kind == cmdRead:
		return c.read(r)
	case r.kind == cmdFlush:
		c.commits.add(r.cookie)
		return nil
	case r.kind == cmdBlockStatus:
		return c.blockStatus(r)
	case r.length == 0 || r.kind == cmdCache:
		// Nothing is kept apart that could be read ahead into.
		return c.out.simple(r.cookie, errnoNone)
	case r.kind == cmdTrim:
		return c.completed(r, errnoOf(c.export.Device.Trim(int64(r.off), int64(r.length))))
	}
	mayPunch := r.flags&cmdNoHole == 0
	return c.completed(r, errnoOf(c.export.Device.Zero(int64(r.off), int64(r.length), mayPunch)))
}

// knownFlags are the flags that each command may have. FUA is allowed on all, as clients set it
// where it means nothing.
var knownFlags = [...]uint16{
	cmdRead: cmdFUA | cmdDF, cmdWrite: cmdFUA, cmdFlush: cmdFUA, cmdTrim: cmdFUA, cmdCache: cmdFUA,
	cmdWriteZeroes: cmdFUA | cmdNoHole, cmdBlockStatus: cmdFUA | cmdReqOne,
}

// check says with which error the request must be refused before anything is done.
func (c *conn) check(r *request) uint32 {
	if int(r.kind) >= len(knownFlags) || r.flags&^knownFlags[r.kind] != 0 ||
		r.flags&cmdDF != 0 && !c.structured {
		return errnoInvalid
	}
	changes := r.kind == cmdWrite || r.kind == cmdTrim || r.kind == cmdWriteZeroes
	size := uint64(c.export.Device.Size())
	block := uint64(c.export.minBlock())
	switch {
	case changes && c.export.ReadOnly:
		return errnoPerm
	case r.kind == cmdFlush && (r.off != 0 || r.length != 0):
		return errnoInvalid
	case r.kind == cmdBlockStatus && (!c.hasContext || r.length == 0):
		return errnoInvalid
	case r.off > size || uint64(r.length) > size-r.off:
		if r.kind == cmdWrite || r.kind == cmdWriteZeroes {
			return errnoNoSpace
		}
		return errnoInvalid
	case (r.off|uint64(r.length))&(block-1) != 0:
		return errnoInvalid
	case r.kind == cmdRead && r.length > c.server.maxRequest():
		return errnoInvalid
	}
	return errnoNone
}

// fail answers a request that got nowhere, in the form that its command wants.
func (c *conn) fail(r *request, errno uint32) error {
	if c.structured && (r.kind == cmdRead || r.kind == cmdBlockStatus) {
		return c.out.failed(r.cookie, errno)
	}
	return c.out.simple(r.cookie, errno)
}

// completed answers a request that changes data, at once or when it is durable.
func (c *conn) completed(r *request, errno uint32) error {
	if errno == errnoNone && r.flags&cmdFUA != 0 {
		c.commits.add(r.cookie)
		return nil
	}
	return c.out.simple(r.cookie, errno)
}

// write takes in the payload, even if the request has failed: the next one comes behind it.
func (c *conn) write(r *request, errno uint32) error {
	length := int(r.length)
	if errno != errnoNone {
		if _, err := c.in.Discard(length); err != nil {
			return err
		}
		return c.fail(r, errno)
	}
	if c.in.Buffered() < length {
		// The rest may take its time. Replies that were earned must not wait for it.
		if err := c.out.flush(); err != nil {
			return err
		}
	}
	if length <= c.in.Size() {
		// The device gets the connection's buffer itself.
		data, err := c.in.Peek(length)
		if err != nil {
			return err
		}
		if length > 0 {
			errno = errnoOf(c.export.Device.WriteAt(data, int64(r.off)))
		}
		if _, err := c.in.Discard(length); err != nil {
			return err
		}
		return c.completed(r, errno)
	}
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	for done := 0; done < length; {
		p := piece[:min(pieceSize, length-done)]
		if _, err := io.ReadFull(c.in, p); err != nil {
			return err
		}
		if errno == errnoNone {
			errno = errnoOf(c.export.Device.WriteAt(p, int64(r.off)+int64(done)))
		}
		done += len(p)
	}
	return c.completed(r, errno)
}
