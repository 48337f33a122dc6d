package mesh

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/container-football/pitch/node"
)

// A frame is a head of 24 bytes, little endian, and a body:
//
//	0 magic u32 | 4 length of the body u32 | 8 sequence u32 | 12 type u8 | 13 class u8 |
//	14 flags u8 | 15 compression u8 | 16 CRC-32C of the body u32 | 20 CRC-32C of the head u32
//
// The checksum of the head covers its first 20 bytes, and so that of the body too. It begins not
// with zero but with a number that both sides have drawn for this connection and direction, so
// that no frame of another connection fits.
const (
	frameMagic = 0x31734d70 // pMs1
	frameHead  = 24
	offLength  = 4
	offSeq     = 8
	offType    = 12
	offClass   = 13
	offFlags   = 14
	offCodec   = 15
	offBodySum = 16
	offHeadSum = 20

	// chunk is how much of a message one frame carries at most, in bytes.
	chunk = 128 << 10
	// messageHead stands before the first chunk of a message: from machine u32, to machine u32,
	// length of the whole message u32.
	messageHead = 12
	maxBody     = messageHead + chunk
)

// frameType says what the body holds.
type frameType uint8

const (
	frameMessage frameType = iota + 1 // a message, or a part of one
	framePing                         // 8 bytes, which come back
	framePong                         // those 8 bytes
	frameBye                          // why the sender closes the connection, in words
)

// The flags of a frame.
const (
	flagFirst     = 1 << 0 // of the frames of a message
	flagLast      = 1 << 1
	flagIgnorable = 1 << 7 // who does not know the type may skip the frame
	flagsKnown    = flagFirst | flagLast | flagIgnorable
)

func badFrame(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the head of a frame without what depends on the connection.
type header struct {
	length int
	typ    frameType
	class  node.Class
	flags  uint8
	codec  Compression
}

// put writes h to b, and zeros where seal writes.
func (h header) put(b []byte) {
	_ = b[frameHead-1]
	binary.LittleEndian.PutUint32(b, frameMagic)
	binary.LittleEndian.PutUint32(b[offLength:], uint32(h.length))
	binary.LittleEndian.PutUint32(b[offSeq:], 0)
	b[offType], b[offClass] = byte(h.typ), byte(h.class)
	b[offFlags], b[offCodec] = h.flags, byte(h.codec)
	binary.LittleEndian.PutUint64(b[offBodySum:], 0)
}

func headerOf(b []byte) header {
	return header{
		length: int(binary.LittleEndian.Uint32(b[offLength:])),
		typ:    frameType(b[offType]),
		class:  node.Class(b[offClass]),
		flags:  b[offFlags],
		codec:  Compression(b[offCodec]),
	}
}

// sealer numbers the frames of one direction of one connection.
type sealer struct {
	salt uint32 // where the checksum of a head begins
	seq  uint32 // of the next frame
}

// seal completes the frame at the beginning of b.
func (s *sealer) seal(b []byte) {
	n := int(binary.LittleEndian.Uint32(b[offLength:]))
	binary.LittleEndian.PutUint32(b[offSeq:], s.seq)
	s.seq++
	sum := crc32.Checksum(b[frameHead:frameHead+n], castagnoli)
	binary.LittleEndian.PutUint32(b[offBodySum:], sum)
	binary.LittleEndian.PutUint32(b[offHeadSum:], headSum(s.salt, b))
}

func headSum(salt uint32, b []byte) uint32 { return crc32.Update(salt, castagnoli, b[:offHeadSum]) }

// open checks the head of the next frame.
func (s *sealer) open(b []byte) (header, error) {
	h := headerOf(b)
	if m := binary.LittleEndian.Uint32(b); m != frameMagic {
		return h, fmt.Errorf("%w: begins with %#08x, expected %#08x", ErrFrame, m,
			uint32(frameMagic))
	}
	want := binary.LittleEndian.Uint32(b[offHeadSum:])
	if got := headSum(s.salt, b); got != want {
		return h, fmt.Errorf("%w: checksum of the head %#08x, expected %#08x", ErrFrame, got, want)
	}
	// From here on the other side has really written this, in this connection.
	if seq := binary.LittleEndian.Uint32(b[offSeq:]); seq != s.seq {
		return h, fmt.Errorf("%w: number %d, expected %d: frames were lost, repeated or moved",
			ErrFrame, seq, s.seq)
	}
	s.seq++
	if h.length < 0 || h.length > maxBody {
		return h, fmt.Errorf("%w: body of %d bytes, at most %d are possible", ErrFrame,
			uint32(h.length), maxBody)
	}
	return h, nil
}

// checkBody compares a body with the head b, which open has found good.
func checkBody(b, body []byte) error {
	want := binary.LittleEndian.Uint32(b[offBodySum:])
	if got := crc32.Checksum(body, castagnoli); got != want {
		return fmt.Errorf("%w: checksum of the body %#08x, expected %#08x", ErrFrame, got, want)
	}
	return nil
}

// appendFrame appends a frame that is not a message's.
func (s *sealer) appendFrame(dst []byte, typ frameType, body []byte) []byte {
	at := len(dst)
	var head [frameHead]byte
	header{length: len(body), typ: typ, flags: flagFirst | flagLast}.put(head[:])
	dst = append(append(dst, head[:]...), body...)
	s.seal(dst[at:])
	return dst
}

func putMessageHead(b []byte, from, to uint32, size int) {
	binary.LittleEndian.PutUint32(b, from)
	binary.LittleEndian.PutUint32(b[4:], to)
	binary.LittleEndian.PutUint32(b[8:], uint32(size))
}

func messageHeadOf(b []byte) (from, to, size uint32) {
	return binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]),
		binary.LittleEndian.Uint32(b[8:])
}
