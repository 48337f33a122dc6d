// Package squeeze makes messages and log records smaller: one block of bytes at a time, kept only if
// it has become smaller.
package squeeze

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codec is a way to make a block smaller. Its numbers stand on the wire and in logs.
type Codec uint8

// The codecs. S2 costs little, and fits any link or disk of up to some Gbit/s; Zstd is for slow ones.
const (
	None Codec = iota
	S2
	Zstd
	codecs
)

var names = [...]string{"none", "s2", "zstd"}

// Known says whether c is one of the codecs.
func (c Codec) Known() bool { return c < codecs }

func (c Codec) String() string {
	if c.Known() {
		return names[c]
	}
	return "codec(" + strconv.Itoa(int(c)) + ")"
}

// Parse is the inverse of String.
func Parse(s string) (Codec, error) {
	for i, name := range names {
		if s == name {
			return Codec(i), nil
		}
	}
	return None, fmt.Errorf("compression %q: expected none, s2 or zstd", s)
}

// Least is the smallest block that is worth packing, in bytes.
const Least = 256

// ErrPacked is returned for what is no packed block, or becomes larger than it may.
var ErrPacked = errors.New("not a packed block")

// zstdEncoder and zstdDecoder serve all users. They are large, so they are made on demand.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderCRC(false), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		// What a block can become is bounded by the room that it is given.
		return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(maxZstd))
	})
)

const (
	window  = 128 << 10 // bytes
	maxZstd = 8 << 20   // bytes
)

// Pack appends a compressed form of body to dst. It returns false, and dst as it was, if that
// would not be smaller.
func (c Codec) Pack(dst, body []byte) ([]byte, bool) {
	if c == None || len(body) < Least {
		return dst, false
	}
	at := len(dst)
	switch c {
	case S2:
		room := s2.MaxEncodedLen(len(body))
		if cap(dst)-at < room {
			dst = append(make([]byte, 0, max(2*cap(dst), at+room)), dst...)
		}
		dst = dst[:at+len(s2.Encode(dst[at:at+room], body))]
	case Zstd:
		enc, err := zstdEncoder()
		if err != nil {
			panic(fmt.Sprintf("squeeze: zstd cannot be set up: %v", err))
		}
		dst = enc.EncodeAll(body, dst)
	}
	if len(dst)-at >= len(body) {
		return dst[:at], false
	}
	return dst, true
}

// Unpack is the inverse of Pack. It writes to the beginning of dst, and never beyond its capacity. An
// error wraps ErrPacked.
func (c Codec) Unpack(dst, packed []byte) ([]byte, error) {
	switch c {
	case S2:
		n, err := s2.DecodedLen(packed)
		if err != nil || n > cap(dst) {
			return nil, fmt.Errorf("%w: s2 of %d bytes, at most %d are possible", ErrPacked, n, cap(dst))
		}
		b, err := s2.Decode(dst[:n], packed)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPacked, err)
		}
		return b, nil
	case Zstd:
		dec, err := zstdDecoder()
		if err != nil {
			return nil, err
		}
		b, err := dec.DecodeAll(packed, dst[:0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPacked, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("%w: %v cannot be read here", ErrPacked, c)
}

// Size is how many bytes a packed block becomes, as its first bytes say. An error wraps ErrPacked.
func (c Codec) Size(packed []byte) (int, error) {
	switch c {
	case S2:
		if n, err := s2.DecodedLen(packed); err == nil {
			return n, nil
		}
	case Zstd:
		var h zstd.Header
		if err := h.Decode(packed); err == nil && h.HasFCS && h.FrameContentSize <= maxZstd {
			return int(h.FrameContentSize), nil
		}
	}
	return 0, fmt.Errorf("%w: its size in %v cannot be read", ErrPacked, c)
}
