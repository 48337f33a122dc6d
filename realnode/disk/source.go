package disk

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// source reads the file of one segment. Its blocks are numbered from 1, after the header.
type source struct {
	path   string
	file   io.ReaderAt
	head   header
	blocks int64 // of the file, without the header

	buf         []byte // borrowed, aligned
	first, have int64  // blocks in buf
}

// end is what a look at the end of a segment has found.
type end struct {
	size   int64  // bytes of the segment
	number uint64 // the highest one of any write
	torn   bool   // there are remains of a write that did not end: they must not count later
}

// readHeader reads block 0 of a file of size bytes.
func (s *source) readHeader(size int64) error {
	s.blocks = size/blockSize - 1
	if s.blocks < 0 {
		return s.damaged(0, fmt.Errorf("%d bytes are too few", size))
	}
	err := readFull(s.file, s.buf[:blockSize], 0)
	if err != nil {
		return pathError("read", s.path, err)
	}
	if s.head, err = decodeHeader(s.buf); err != nil {
		return s.damaged(0, err)
	}
	return nil
}

func (s *source) damaged(block int64, why error) error {
	return &blockError{s.path, block, why.Error(), ErrDamaged}
}

// block returns block i, and reads up to ahead blocks together with it.
func (s *source) block(i, ahead int64) ([]byte, error) {
	if i < s.first || i >= s.first+s.have {
		s.first, s.have = i, max(1, min(ahead, s.blocks-i+1, int64(len(s.buf)/blockSize)))
		if err := readFull(s.file, s.buf[:s.have*blockSize], i*blockSize); err != nil {
			s.have = 0
			return nil, pathError("read", s.path, err)
		}
	}
	at := (i - s.first) * blockSize
	return s.buf[at : at+blockSize], nil
}

// counts tells whether a block is of this life of the file, and not cut off.
func (h *header) counts(t *trailer, i int64) bool {
	return t.stamp == h.stamp && (t.number > h.floor || (i-1)*payloadSize < h.cut)
}

// limit is how many bytes of block i count if its write was not after the cut.
func (h *header) limit(t *trailer, i int64) int {
	if t.number > h.floor {
		return payloadSize
	}
	return int(min(payloadSize, h.cut-(i-1)*payloadSize))
}

// trailer decodes that of block i; ok is false if the block does not count.
func (s *source) trailer(i, ahead int64) (t trailer, ok bool, err error) {
	b, err := s.block(i, ahead)
	if err != nil {
		return t, false, err
	}
	if t, ok, err = decodeTrailer(b, i); err != nil {
		return t, false, s.damaged(i, err)
	}
	return t, ok && s.head.counts(&t, i), nil
}

// findEnd finds the end of the segment with a few reads: first a block that counts and is
// followed by one that does not, then all blocks around it. A write covers at most maxWrite
// bytes, so whatever a torn one has left is near.
func (s *source) findEnd() (end, error) {
	low, high := int64(0), s.blocks+1 // low counts, or is the header; high does not, or is none
	for high-low > 1 {
		middle := low + (high-low)/2
		_, ok, err := s.trailer(middle, 1)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return end{}, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	from := int64(1)
	if low > 0 {
		t, _, err := s.trailer(low, 1)
		if err != nil {
			return end{}, err
		}
		from = low - t.back
	}
	const near = maxWrite/blockSize + 1
	e, err := s.walk(from, min(low+near, s.blocks), nil)
	if err != nil {
		return e, err
	}
	return e, s.probe(e.size/payloadSize+1, low+near)
}

// probe looks at a few blocks further on, in case many blocks at once are not as they were.
func (s *source) probe(last, from int64) error {
	for step := int64(1); from <= s.blocks; from, step = from+step, 2*step {
		t, ok, err := s.trailer(from, 1)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		if ok && from-t.back > last {
			return s.lost(last, from)
		}
	}
	return nil
}

// lost says that a block is not what was once durable, as a later write shows.
func (s *source) lost(block, later int64) error {
	return s.damaged(block, fmt.Errorf("it ends the segment, but block %d was written later", later))
}

// walk goes from block to block up to the end of the segment, hands each payload to take, if not
// nil, and then looks at all blocks up to last for later ones.
func (s *source) walk(from, last int64, take func(payload []byte)) (end, error) {
	const ahead = maxWrite / blockSize
	e := end{size: (from - 1) * payloadSize, number: s.head.floor}
	i := from
	for ; i <= last; i++ {
		t, ok, err := s.trailer(i, ahead)
		if err != nil {
			return e, err
		}
		if !ok {
			break
		}
		n, err := s.whole(&t, i)
		if err != nil {
			return e, err
		}
		if t.number < e.number && t.number > s.head.floor {
			return e, s.damaged(i, fmt.Errorf("of write %d, after %d", t.number, e.number))
		}
		if take != nil && n > 0 {
			b, _ := s.block(i, ahead)
			take(b[:n])
		}
		e.number = max(e.number, t.number)
		e.size += int64(n)
		e.torn = n < min(t.used, s.head.limit(&t, i))
		if n < payloadSize {
			break
		}
	}
	if e.size < s.head.cut {
		return e, s.damaged(i, fmt.Errorf("it ends the segment at byte %d, but up to %d it was durable",
			e.size, s.head.cut))
	}
	err := s.remains(&e, i, last)
	return e, err
}

// remains looks behind block i, in which the segment ends, for blocks that count: those of the
// write that was cut short there.
func (s *source) remains(e *end, i, last int64) error {
	const ahead = maxWrite / blockSize
	for j := i + 1; j <= last; j++ {
		t, ok, err := s.trailer(j, ahead)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return err
		}
		if !ok {
			continue
		}
		if j-t.back > i {
			return s.lost(i, j)
		}
		e.torn, e.number = true, max(e.number, t.number)
	}
	return nil
}

// whole is how many bytes of block i, whose trailer is t, count.
func (s *source) whole(t *trailer, i int64) (int, error) {
	b, err := s.block(i, 1)
	if err != nil {
		return 0, err
	}
	n, err := t.whole(b[:payloadSize])
	if err != nil {
		return 0, s.damaged(i, err)
	}
	return min(n, s.head.limit(t, i)), nil
}

// openDirect opens a file for direct I/O where the file system takes that.
func openDirect(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_DIRECT, 0o644)
	if errors.Is(err, unix.EINVAL) {
		return os.OpenFile(path, flags, 0o644)
	}
	return f, err
}
