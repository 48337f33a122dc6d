package nbd

import "encoding/binary"

// holeSearch is the length in bytes from which a read asks the device for holes. Below it the
// question costs about as much as the answer can save.
const holeSearch = 64 << 10

// read answers a READ in the form that was negotiated.
func (c *conn) read(r *request) error {
	if !c.structured {
		if r.length == 0 {
			return c.out.simple(r.cookie, errnoNone)
		}
		return c.readWhole(r)
	}
	if r.length == 0 {
		return c.out.chunk(chunkDone, chunkNone, r.cookie, nil, nil)
	}
	if r.flags&cmdDF != 0 && r.length > pieceSize {
		return c.readWhole(r)
	}
	if c.mapper != nil && r.flags&cmdDF == 0 && r.length >= holeSearch {
		found, err := c.mapExtents(int64(r.off), int64(r.length), maxExtents)
		if err == nil {
			return c.readExtents(r, found)
		}
	}
	return c.readData(r, int64(r.off), int64(r.length), true)
}

// readExtents answers with what is known to be zero as holes and the rest as data.
func (c *conn) readExtents(r *request, found []Extent) error {
	off, end := int64(r.off), int64(r.off)+int64(r.length)
	for i := 0; off < end; i++ {
		n := end - off // what the device did not describe is data
		zero := false
		if i < len(found) {
			n, zero = found[i].Length, found[i].Zero
		}
		last := off+n == end
		if !zero {
			if err := c.readData(r, off, n, last); err != nil {
				return err
			}
			if c.readFailed {
				return nil
			}
		} else {
			var fixed [12]byte
			binary.BigEndian.PutUint64(fixed[0:], uint64(off))
			binary.BigEndian.PutUint32(fixed[8:], uint32(n))
			if err := c.out.chunk(doneIf(last), chunkHole, r.cookie, fixed[:], nil); err != nil {
				return err
			}
		}
		off += n
	}
	return nil
}

// readData sends n bytes in chunks, which close the reply if last is set. An error of the device
// closes it always, and sets readFailed.
func (c *conn) readData(r *request, off, n int64, last bool) error {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	c.readFailed = false
	for n > 0 {
		p := piece[:min(pieceSize, n)]
		if err := c.export.Device.ReadAt(p, off); err != nil {
			c.readFailed = true
			return c.out.failed(r.cookie, errnoOf(err))
		}
		n -= int64(len(p))
		var fixed [8]byte
		binary.BigEndian.PutUint64(fixed[:], uint64(off))
		done := doneIf(last && n == 0)
		if err := c.out.chunk(done, chunkData, r.cookie, fixed[:], p); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}

func doneIf(last bool) uint16 {
	if last {
		return chunkDone
	}
	return 0
}

// readWhole sends all data behind one head: as a simple reply or, without fragments, as one
// chunk. The device may fail when the head has left already. A chunk is then filled up with
// zeroes and followed by the error; a simple reply can only be broken off, with the connection.
func (c *conn) readWhole(r *request) error {
	piece := pieces.Get().(*[pieceSize]byte)
	defer pieces.Put(piece)
	off, end := int64(r.off), int64(r.off)+int64(r.length)
	p := piece[:min(pieceSize, end-off)]
	errno := errnoOf(c.export.Device.ReadAt(p, off))
	if errno != errnoNone {
		return c.fail(r, errno)
	}
	c.out.mu.Lock() // nobody else's reply may come between the pieces
	defer c.out.mu.Unlock()
	var head [chunkSize + 8]byte
	n := chunkSize + 8
	if c.structured {
		putChunkHead(head[:], 0, chunkData, r.cookie, r.length+8)
		binary.BigEndian.PutUint64(head[chunkSize:], r.off)
	} else {
		simple := simpleHead(r.cookie, errnoNone)
		n = copy(head[:], simple[:])
	}
	if err := c.out.sendLocked(head[:n], p); err != nil {
		return err
	}
	for off += int64(len(p)); off < end; off += int64(len(p)) {
		p = piece[:min(pieceSize, end-off)]
		if errno == errnoNone {
			err := c.export.Device.ReadAt(p, off)
			if errno = errnoOf(err); errno != errnoNone && !c.structured {
				return err
			}
		}
		if errno != errnoNone {
			clear(p)
		}
		if err := c.out.sendLocked(nil, p); err != nil {
			return err
		}
	}
	switch {
	case !c.structured:
		return nil
	case errno != errnoNone:
		n = putErrorChunk(head[:], r.cookie, errno)
	default:
		n = chunkSize
		putChunkHead(head[:], chunkDone, chunkNone, r.cookie, 0)
	}
	return c.out.sendLocked(head[:n], nil)
}
