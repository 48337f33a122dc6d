package disk

import (
	"errors"
	"fmt"
	"os"

	"github.com/container-football/pitch/node"
)

// segment is one segment of a [fileLog]: what is in memory of it.
type segment struct {
	log    *fileLog
	id     uint64
	path   string
	file   *os.File // nil while it is closed
	head   header
	size   int64  // bytes of the segment
	number uint64 // of the latest write
	filled int64  // bytes of the file, all of which have been written to
	// tail is what the last block of the segment holds, if it is not full. Nil means that it has to
	// be read first.
	tail []byte
	// torn means that there are remains of a write behind the end. They have to be cut off before
	// the next write, or they might look like a part of it.
	torn bool
	// streams means that the latest write was a large one that has made the file longer. A small one
	// behind it does so, too: the next one is likely to be large again, and zeros would be in vain.
	streams bool
}

// find reads the header, and finds the end.
func (s *segment) find() error {
	buf := borrow()
	defer buf.giveBack()
	src := source{path: s.path, file: s.file, buf: buf.b}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if err := src.readHeader(info.Size()); err != nil {
		return err
	}
	if src.head.seg != s.id {
		return src.damaged(0, fmt.Errorf("of segment %d, expected %d", src.head.seg, s.id))
	}
	e, err := src.findEnd()
	if err != nil {
		return err
	}
	s.head, s.filled = src.head, (src.blocks+1)*blockSize
	s.size, s.number, s.torn = e.size, e.number, e.torn
	return nil
}

// close notes in the header how much is durable. From then on damage in the last append can be
// told from a torn write, too.
func (s *segment) close() error {
	if s.file == nil {
		return nil
	}
	var err error
	if s.number > s.head.floor && s.log.failed == nil {
		err = s.cut(s.size)
	}
	err = errors.Join(err, s.file.Close())
	s.file, s.tail = nil, nil
	return err
}

func (s *segment) source(buf *scratch) *source {
	return &source{path: s.path, file: s.file, head: s.head, blocks: s.filled/blockSize - 1,
		buf: buf.b}
}

// place is in which block byte off of the segment is, and where in the block.
func place(off int64) (block, at int64) { return off/payloadSize + 1, off % payloadSize }

// read fills b from off on. All of it is there, or it is damaged.
func (s *segment) read(b []byte, off int64) error {
	buf := borrow()
	defer buf.giveBack()
	src := s.source(buf)
	last, _ := place(off + int64(len(b)) - 1)
	for len(b) > 0 {
		i, at := place(off)
		payload, _, err := s.block(src, i, last-i+1)
		if err != nil {
			return err
		}
		n := copy(b, payload[at:])
		b, off = b[n:], off+int64(n)
	}
	return nil
}

// block returns what block i holds of the segment, and its trailer.
func (s *segment) block(src *source, i, ahead int64) ([]byte, trailer, error) {
	t, ok, err := src.trailer(i, ahead)
	if err != nil {
		return nil, t, err
	}
	if !ok {
		return nil, t, src.damaged(i, fmt.Errorf("it was written to, and is not there"))
	}
	n, err := src.whole(&t, i)
	if err != nil {
		return nil, t, err
	}
	want := int(min(payloadSize, s.size-(i-1)*payloadSize))
	if n < want {
		return nil, t, src.damaged(i, fmt.Errorf("%d bytes are whole, expected %d", n, want))
	}
	b, err := src.block(i, ahead)
	return b[:want], t, err
}

// append puts data at the end. If that fails, the segment is as it was.
func (s *segment) append(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	size := s.size
	for len(data) > 0 {
		_, at := place(s.size)
		n := min(int64(len(data)), maxWrite/blockSize*payloadSize-at)
		if err := s.write(data[:n]); err != nil {
			s.size, s.tail, s.torn = size, nil, true
			_ = s.cut(size) // or before the next write
			return err
		}
		data = data[n:]
	}
	return nil
}

// ready makes sure that a write at the end continues what is there.
func (s *segment) ready() error {
	if s.torn {
		if err := s.cut(s.size); err != nil {
			return err
		}
	}
	i, at := place(s.size)
	if at == 0 {
		s.tail = s.tail[:0]
		return nil
	}
	if s.tail != nil {
		return nil
	}
	buf := borrow()
	defer buf.giveBack()
	payload, t, err := s.block(s.source(buf), i, 1)
	if err != nil {
		return err
	}
	if t.used != len(payload) {
		// Bytes behind the end were cut off. As long as the trailer covers them, they must not be
		// written over: if that were torn, it would cover neither the old nor the new.
		if err := s.seal(buf.b[:blockSize], i, len(payload)); err != nil {
			return err
		}
	}
	s.tail = append(make([]byte, 0, payloadSize), payload...)
	return nil
}

// seal writes a block again as it is, except that only so many bytes of it count.
func (s *segment) seal(block []byte, i int64, used int) error {
	sum := checksum(block[:used])
	s.number++
	t := trailer{crc: sum, prevCRC: sum, stamp: s.head.stamp, number: s.number, used: used, prev: used}
	t.encode(block, i)
	return s.writeAt(block, i*blockSize)
}

// write puts data at the end in one write to the file, which begins with the block that is not
// full yet.
func (s *segment) write(data []byte) error {
	first, at := place(s.size)
	blocks := (at + int64(len(data)) + payloadSize - 1) / payloadSize
	end := (first + blocks) * blockSize
	grows := blocks*blockSize >= bulk
	if !grows && !s.streams {
		if err := s.fill(end); err != nil {
			return err
		}
	}
	buf := borrow()
	defer buf.giveBack()
	s.number++
	t := trailer{stamp: s.head.stamp, number: s.number, prev: int(at)}
	rest, used := data, 0
	for i := range blocks {
		b := buf.b[i*blockSize : (i+1)*blockSize]
		used = 0
		if i == 0 {
			used = copy(b, s.tail[:at])
			t.prevCRC = checksum(b[:used])
		}
		n := copy(b[used:payloadSize], rest)
		rest, used = rest[n:], used+n
		clear(b[used:payloadSize])
		t.crc, t.used, t.back = checksum(b[:used]), used, i
		t.encode(b, first+i)
		t.prev, t.prevCRC = 0, 0
	}
	if err := s.writeAt(buf.b[:blocks*blockSize], first*blockSize); err != nil {
		return err
	}
	s.filled, s.streams = max(s.filled, end), grows && end > s.filled
	s.size += int64(len(data))
	s.keepTail(buf.b[(blocks-1)*blockSize:][:used])
	return nil
}

func (s *segment) keepTail(last []byte) {
	if s.tail == nil {
		s.tail = make([]byte, 0, payloadSize)
	}
	s.tail = s.tail[:0]
	if len(last) < payloadSize {
		s.tail = append(s.tail, last...)
	}
}

func (s *segment) writeAt(b []byte, off int64) error {
	_, err := s.WriteAt(b, off)
	return err
}

// WriteAt implements io.WriterAt. Every write to the file goes through it.
func (s *segment) WriteAt(b []byte, off int64) (int, error) {
	if s.log.opts.watch != nil {
		s.log.opts.watch(s.file, b, off)
	}
	return s.file.WriteAt(b, off)
}

func (s *segment) writeHeader() error {
	buf := borrow()
	defer buf.giveBack()
	s.head.encode(buf.b)
	return s.writeAt(buf.b[:blockSize], 0)
}

// bulk is the size of writes, in bytes, that make the file longer themselves: filling it with zeros
// first would cost as much as the write.
const bulk = 256 << 10

// fill makes sure that the first so many bytes of the file have been written to. Of a new file a
// write would have to change the metadata each time, which costs more than the write itself.
func (s *segment) fill(need int64) error {
	if need <= s.filled {
		return nil
	}
	ahead := s.filled + min(s.log.opts.Fill, max(firstFill, s.filled))
	err := writeZeros(s, s.filled, max(need, ahead)-s.filled)
	if err != nil && CodeOf(err) == node.NoSpace && ahead > need {
		ahead = need
		err = writeZeros(s, s.filled, need-s.filled)
	}
	if err != nil {
		_ = s.file.Truncate(s.filled) // what is too much does no harm
		return err
	}
	s.filled = max(need, ahead)
	return nil
}

// truncate cuts the segment to size bytes, durably.
func (s *segment) truncate(size int64) error {
	if size == s.size && !s.torn {
		return nil
	}
	if err := s.cut(size); err != nil {
		return err
	}
	last, _ := place(size)
	most := (last+1)*blockSize + s.log.opts.SpareSize
	if s.filled <= most {
		return nil
	}
	if err := s.file.Truncate(most); err != nil {
		return err
	}
	s.filled = most
	return nil
}

// cut changes nothing but the header, which is either written or not, so there is no state in
// between. It says, too, that everything before is durable.
func (s *segment) cut(size int64) error {
	old := s.head
	s.head.cut, s.head.floor = size, s.number
	if err := s.writeHeader(); err != nil {
		s.head = old
		return err
	}
	s.size, s.tail, s.torn = size, nil, false
	return nil
}

// put puts data anywhere. What lies between the end and off reads as zeros then.
func (s *segment) put(off int64, data []byte) error {
	for s.size < off {
		n := min(off-s.size, int64(len(zeros)))
		if err := s.append(zeros[:n]); err != nil {
			return err
		}
	}
	if inside := min(int64(len(data)), s.size-off); inside > 0 {
		if err := s.replace(off, data[:inside]); err != nil {
			return err
		}
		data = data[inside:]
	}
	return s.append(data)
}

// replace writes over bytes of the segment, block by block. Each keeps the number of its write,
// so that the order of numbers stays.
func (s *segment) replace(off int64, data []byte) error {
	buf := borrow()
	defer buf.giveBack()
	s.tail = nil
	for len(data) > 0 {
		i, at := place(off)
		payload, t, err := s.block(s.source(buf), i, 1)
		if err != nil {
			return err
		}
		n := copy(payload[at:], data)
		data, off = data[n:], off+int64(n)
		t.used, t.crc, t.prev, t.prevCRC = len(payload), checksum(payload), 0, 0
		t.encode(buf.b, i)
		if err := s.writeAt(buf.b[:blockSize], i*blockSize); err != nil {
			return err
		}
	}
	return nil
}
