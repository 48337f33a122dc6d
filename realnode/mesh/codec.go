package mesh

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Compression is a way to make frames smaller. Its numbers stand on the wire.
type Compression uint8

// The ways to compress. S2 costs little and fits any link of up to some Gbit/s; Zstd is for slow
// links.
const (
	None Compression = iota
	S2
	Zstd
	compressions
)

var compressionNames = [...]string{"none", "s2", "zstd"}

func (c Compression) known() bool { return c < compressions }

func (c Compression) String() string {
	if c.known() {
		return compressionNames[c]
	}
	return "compression(" + strconv.Itoa(int(c)) + ")"
}

// ParseCompression is the inverse of String.
func ParseCompression(s string) (Compression, error) {
	for i, name := range compressionNames {
		if s == name {
			return Compression(i), nil
		}
	}
	return None, fmt.Errorf("compression %q: expected none, s2 or zstd", s)
}

// leastPacked is the smallest body that is worth compressing, in bytes.
const leastPacked = 256

// zstdEncoder and zstdDecoder serve all connections. They are large, so they are made on demand.
var (
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderCRC(false), zstd.WithWindowSize(chunk), zstd.WithLowerEncoderMem(true))
	})
	zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		// What a frame can become is bounded by the room that it is given.
		return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(maxZstd))
	})
)

const maxZstd = 8 << 20 // bytes

// pack appends a compressed form of body to dst. It returns false, and dst as it was, if that
// would not be smaller.
func (c Compression) pack(dst, body []byte) ([]byte, bool) {
	if c == None || len(body) < leastPacked {
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
			panic(fmt.Sprintf("mesh: zstd cannot be set up: %v", err))
		}
		dst = enc.EncodeAll(body, dst)
	}
	if len(dst)-at >= len(body) {
		return dst[:at], false
	}
	return dst, true
}

// unpack is the inverse of pack. It writes to dst, which has room for the largest body, and never
// beyond.
func (c Compression) unpack(dst, packed []byte) ([]byte, error) {
	switch c {
	case S2:
		n, err := s2.DecodedLen(packed)
		if err != nil || n > cap(dst) {
			return nil, badFrame("s2 of %d bytes, at most %d are possible", n, cap(dst))
		}
		b, err := s2.Decode(dst[:n], packed)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		return b, nil
	case Zstd:
		dec, err := zstdDecoder()
		if err != nil {
			return nil, err
		}
		b, err := dec.DecodeAll(packed, dst[:0])
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFrame, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("%w: %v cannot be read here", ErrFrame, c)
}
