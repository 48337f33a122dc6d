package nbd

import "encoding/binary"

// maxExtents is how many extents one reply describes. Clients ask again for the rest.
const maxExtents = 2048

// blockStatus answers a BLOCK_STATUS with the states of base:allocation.
func (c *conn) blockStatus(r *request) error {
	limit := maxExtents
	if r.flags&cmdReqOne != 0 {
		limit = 1
	}
	found := append(c.extents[:0], Extent{Length: int64(r.length)})
	if c.mapper != nil {
		var err error
		found, err = c.mapExtents(int64(r.off), int64(r.length), limit)
		if err != nil {
			return c.fail(r, errnoOf(err))
		}
	}
	payload := make([]byte, 0, 8*len(found))
	for _, x := range found {
		state := uint32(0)
		if x.Hole {
			state |= stateHole
		}
		if x.Zero {
			state |= stateZero
		}
		payload = binary.BigEndian.AppendUint32(payload, uint32(x.Length))
		payload = binary.BigEndian.AppendUint32(payload, state)
	}
	id := [4]byte{3: allocationID}
	return c.out.chunk(chunkDone, chunkBlockStatus, r.cookie, id[:], payload)
}

// mapExtents asks the device for its extents and makes them fit to be sent: none beyond the
// range, all in multiples of the minimum block, at least one. What does not fit is called data,
// which is always true enough.
func (c *conn) mapExtents(off, n int64, limit int) ([]Extent, error) {
	found, err := c.mapper.Extents(c.extents[:0], off, n, limit)
	if err != nil {
		return nil, err
	}
	c.extents = found[:0]
	found = found[:min(len(found), limit)]
	rest, block := n, int64(c.export.minBlock())
	for i, x := range found {
		if x.Length <= 0 || x.Length > rest || x.Length%block != 0 {
			found[i] = Extent{Length: rest}
			return found[:i+1], nil
		}
		rest -= x.Length
	}
	if len(found) == 0 {
		found = append(found, Extent{Length: n})
	}
	return found, nil
}
