package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

const (
	trailerSize = 32
	payloadSize = blockSize - trailerSize // bytes of a segment in each block

	headerMagic   = 0x47455350 // "PSEG"
	headerVersion = 1
	headerSize    = 52
)

// header is block 0 of the file of a segment. It fills less than 512 bytes, so that a drive
// writes it whole or not at all.
type header struct {
	seg   uint64
	stamp uint64 // of this life of the file: other blocks are left over from earlier ones
	cut   int64  // what is before is durable; what is behind counts only if written after floor
	floor uint64
}

// encode fills a block:
//
//	 0 4 magic "PSEG"   4 4 version   8 8 segment   16 8 stamp   24 8 cut   32 8 floor
//	40 8 zero   48 4 CRC-32C of bytes 0 to 47
func (h *header) encode(b []byte) {
	le := binary.LittleEndian
	clear(b[:blockSize])
	le.PutUint32(b[0:], headerMagic)
	le.PutUint32(b[4:], headerVersion)
	le.PutUint64(b[8:], h.seg)
	le.PutUint64(b[16:], h.stamp)
	le.PutUint64(b[24:], uint64(h.cut))
	le.PutUint64(b[32:], h.floor)
	le.PutUint32(b[48:], checksum(b[:48]))
}

// decodeHeader is the inverse of encode.
func decodeHeader(b []byte) (header, error) {
	le := binary.LittleEndian
	if len(b) < headerSize {
		return header{}, fmt.Errorf("header of %d bytes, expected %d", len(b), headerSize)
	}
	if m := le.Uint32(b); m != headerMagic {
		return header{}, fmt.Errorf("magic %#x, expected %#x", m, uint32(headerMagic))
	}
	if got, want := checksum(b[:48]), le.Uint32(b[48:]); got != want {
		return header{}, fmt.Errorf("header has CRC-32C %#x, expected %#x", got, want)
	}
	if v := le.Uint32(b[4:]); v != headerVersion {
		return header{}, fmt.Errorf("version %d, expected %d", v, headerVersion)
	}
	h := header{seg: le.Uint64(b[8:]), stamp: le.Uint64(b[16:]), cut: int64(le.Uint64(b[24:])),
		floor: le.Uint64(b[32:])}
	if h.cut < 0 || h.stamp == 0 {
		return header{}, fmt.Errorf("cut %d, stamp %#x", h.cut, h.stamp)
	}
	return h, nil
}

// trailer is the end of every other block. It lies in one sector of 512 bytes, so that a drive
// writes it whole or not at all: one that is neither zero nor valid is damage, never a torn write.
type trailer struct {
	crc     uint32 // of the first used bytes of the payload
	prevCRC uint32 // of the first prev bytes
	stamp   uint64 // as in the header
	number  uint64 // of the write, counted from 1 in each life of the file, below 1<<48
	used    int    // bytes of the payload that count
	prev    int    // of these, bytes that were durable before this write
	back    int64  // blocks from the first one of this write to this one
}

// encode fills the last bytes of block i of a file:
//
//	 0 4 crc   4 4 prevCRC   8 8 stamp   16 6 number   22 2 used   24 2 prev   26 2 back
//	28 4 CRC-32C of bytes 0 to 27 and of i (8)
func (t *trailer) encode(block []byte, i int64) {
	le := binary.LittleEndian
	b := block[payloadSize:blockSize]
	le.PutUint32(b[0:], t.crc)
	le.PutUint32(b[4:], t.prevCRC)
	le.PutUint64(b[8:], t.stamp)
	le.PutUint64(b[16:], t.number&(1<<48-1)|uint64(t.used)<<48)
	le.PutUint16(b[24:], uint16(t.prev))
	le.PutUint16(b[26:], uint16(t.back))
	le.PutUint32(b[28:], trailerSum(b, i))
}

func trailerSum(b []byte, i int64) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(i))
	return crc32.Update(checksum(b[:28]), castagnoli, place[:])
}

// decodeTrailer is the inverse of encode. ok is false where a block was never written.
func decodeTrailer(block []byte, i int64) (t trailer, ok bool, err error) {
	le := binary.LittleEndian
	b := block[payloadSize:blockSize]
	if got, want := trailerSum(b, i), le.Uint32(b[28:]); got != want {
		if allZero(b) {
			return t, false, nil
		}
		return t, false, fmt.Errorf("trailer has CRC-32C %#x, expected %#x", got, want)
	}
	word := le.Uint64(b[16:])
	t = trailer{crc: le.Uint32(b[0:]), prevCRC: le.Uint32(b[4:]), stamp: le.Uint64(b[8:]),
		number: word & (1<<48 - 1), used: int(word >> 48), prev: int(le.Uint16(b[24:])),
		back: int64(le.Uint16(b[26:]))}
	if t.used == 0 || t.used > payloadSize || t.prev > t.used || t.back >= i || t.number == 0 {
		return t, false, fmt.Errorf("impossible trailer %+v", t)
	}
	return t, true, nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// whole is how many bytes of the payload are as they were written. If that is less than t.used,
// the write was torn, or the block is damaged: if what was durable before does not come out
// either, it is damage.
func (t *trailer) whole(payload []byte) (n int, damage error) {
	got := checksum(payload[:t.used])
	if got == t.crc {
		return t.used, nil
	}
	if t.prev > 0 && checksum(payload[:t.prev]) != t.prevCRC {
		return 0, fmt.Errorf("payload has CRC-32C %#x, expected %#x", got, t.crc)
	}
	return t.prev, nil
}
