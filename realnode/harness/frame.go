// Package harness is what the runner of a run with fault injection and the daemons that it has
// started say to each other, over the standard input and output of the daemons: frames with
// checksums.
package harness

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// ErrFrame is returned, wrapped, when the bytes of a stream are no frame: wrong magic number,
// impossible length, wrong checksum, or an end in the middle. Nothing after it can be read.
var ErrFrame = errors.New("bad frame")

// A frame is a head of 13 bytes, little endian, and a body:
//
//	magic u32 | length of the body u32 | CRC-32C of type and body u32 | type u8 | body
//
// MaxBody is the size of the largest body, in bytes.
const MaxBody = 4 << 20

const (
	frameMagic = 0x68435470
	frameHead  = 13

	readAhead = 64 << 10 // bytes that one system call may bring in
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Type says what the body holds. The numbers are in wire.go.
type Type uint8

// AppendFrame appends a frame whose body is head followed by body. The caller has checked the
// size: see [MaxBody].
func AppendFrame(dst []byte, typ Type, head, body []byte) []byte {
	n := len(head) + len(body)
	if n > MaxBody {
		panic(fmt.Sprintf("realnode: frame of %d bytes, at most %d are possible", n, MaxBody))
	}
	at := len(dst)
	dst = slices.Grow(dst, frameHead+n)
	dst = binary.LittleEndian.AppendUint32(dst, frameMagic)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, 0, 0, 0, 0, byte(typ))
	dst = append(dst, head...)
	dst = append(dst, body...)
	sum := crc32.Checksum(dst[at+frameHead-1:], castagnoli)
	binary.LittleEndian.PutUint32(dst[at+8:], sum)
	return dst
}

// Reader takes frames off a stream. It reuses its memory.
type Reader struct {
	r    *bufio.Reader
	head [frameHead]byte
	body []byte
}

// NewReader reads frames from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, readAhead)}
}

// Next returns the next frame. The body is valid until the following call. The error is io.EOF
// where the stream ends between two frames, wraps [ErrFrame] where the bytes are wrong, and is
// the stream's own otherwise.
func (f *Reader) Next() (Type, []byte, error) {
	if n, err := io.ReadFull(f.r, f.head[:]); err != nil {
		if n > 0 {
			return 0, nil, cutShort("head", err)
		}
		return 0, nil, err
	}
	if m := binary.LittleEndian.Uint32(f.head[:]); m != frameMagic {
		return 0, nil, fmt.Errorf("%w: begins with %#08x, expected %#08x", ErrFrame, m, frameMagic)
	}
	n := int(binary.LittleEndian.Uint32(f.head[4:]))
	if n > MaxBody {
		return 0, nil, fmt.Errorf("%w: body of %d bytes, at most %d are possible",
			ErrFrame, n, MaxBody)
	}
	if err := f.fill(n); err != nil {
		return 0, nil, cutShort("body", err)
	}
	want := binary.LittleEndian.Uint32(f.head[8:])
	got := crc32.Checksum(f.head[frameHead-1:], castagnoli)
	if got = crc32.Update(got, castagnoli, f.body); got != want {
		return 0, nil, fmt.Errorf("%w: checksum %#08x, expected %#08x", ErrFrame, got, want)
	}
	return Type(f.head[frameHead-1]), f.body, nil
}

// fill reads the n bytes of a body. It asks for memory as the bytes arrive: a length that is a
// lie must not cost more than what was really sent.
func (f *Reader) fill(n int) error {
	f.body = f.body[:0]
	for have := 0; have < n; have = len(f.body) {
		step := min(n-have, max(have, cap(f.body)-have, readAhead))
		f.body = slices.Grow(f.body, step)[:have+step]
		if _, err := io.ReadFull(f.r, f.body[have:]); err != nil {
			return err
		}
	}
	return nil
}

func cutShort(where string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the stream ends inside a %s", ErrFrame, where)
	}
	return err
}
