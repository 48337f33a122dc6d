package mars

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
)

// The log is one stream of frames. A frame is a header of headerSize bytes and a body:
//
//	 0  4  magic "PLOG"
//	 4  1  kind: 1 write, 2 segment, 3 zero, 4 resize
//	 5  1  version: 1
//	 6  1  flags: bit 0, this record continues the write before it
//	 7  1  how the body of a write is packed: a number of package squeeze, 0 not at all
//	 8  4  bytes of the body
//	12  4  sectors (write, zero)
//	16  8  epoch
//	24  8  sequence: the number of records up to and including this one
//	32  8  first sector (write, zero); nr of the segment (segment); sectors of the volume from
//	       here on (resize)
//	40  8  stamp: the writer's clock, ns
//	48  8  chain: digest of everything before this frame
//	56  4  CRC-32C of the header with this field zero, and of the body
//	60  4  zero
//
// All numbers are little endian. The body of a write is its sectors, packed or not; the body of a segment
// frame, which starts each segment, is segmentBody bytes: origin host (4), reason (4), position
// of the segment in the stream (8). The others have none. Writes and zeros are records: they count
// in the sequence.
const (
	headerSize  = 64
	segmentBody = 16
	maxBody     = 128 << 10

	frameMagic   = 0x474f4c50
	frameVersion = 1

	kindWrite   = 1
	kindSegment = 2
	kindZero    = 3
	kindResize  = 4

	maxZero = 1 << 30 // sectors of one zero frame; a larger zero is several records

	flagContinues = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// What a scan of a log can meet. The first two are what the end of a log looks like after a
// crash; the third means that something is wrong with what was once durable.
var (
	ErrTruncated = errors.New("truncated frame")
	ErrBadFrame  = errors.New("not a frame")
	ErrChain     = errors.New("frame does not continue the log before it")
)

// frame is one decoded header. Body points into the bytes that were decoded.
type frame struct {
	kind    uint8
	flags   uint8
	codec   squeeze.Codec
	sectors uint32
	epoch   uint64
	seq     uint64
	sector  int64 // kindSegment: nr; kindResize: sectors of the volume
	stamp   node.Time
	prev    uint64
	crc     uint32
	body    []byte
}

func (f *frame) size() int64 { return headerSize + int64(len(f.body)) }

// record says whether f changes content, and counts in the sequence.
func (f *frame) record() bool { return f.kind == kindWrite || f.kind == kindZero }

// chain is the digest of the log up to and including f.
func (f *frame) chain() uint64 { return node.Hash(f.prev, uint64(f.crc)<<32^f.epoch<<20^f.seq) }

// unpacked is the size of the body of a write when it is unpacked, in bytes.
func (f *frame) unpacked() (int, error) {
	if f.codec == squeeze.None {
		return len(f.body), nil
	}
	return f.codec.Size(f.body)
}

// appendFrame appends the encoded form of f to b and sets f.crc.
func appendFrame(b []byte, f *frame) []byte {
	at := len(b)
	var h [headerSize]byte
	le := binary.LittleEndian
	le.PutUint32(h[0:], frameMagic)
	h[4], h[5] = f.kind, frameVersion
	h[6], h[7] = f.flags, byte(f.codec)
	le.PutUint32(h[8:], uint32(len(f.body)))
	le.PutUint32(h[12:], f.sectors)
	le.PutUint64(h[16:], f.epoch)
	le.PutUint64(h[24:], f.seq)
	le.PutUint64(h[32:], uint64(f.sector))
	le.PutUint64(h[40:], uint64(f.stamp))
	le.PutUint64(h[48:], f.prev)
	b = append(b, h[:]...)
	b = append(b, f.body...)
	f.crc = crc32.Checksum(b[at:], castagnoli)
	le.PutUint32(b[at+56:], f.crc)
	return b
}

// decodeFrame decodes the frame at the beginning of b. ErrTruncated means that b ends too early.
func decodeFrame(b []byte) (frame, error) {
	if len(b) < headerSize {
		return frame{}, ErrTruncated
	}
	le := binary.LittleEndian
	if m := le.Uint32(b); m != frameMagic {
		return frame{}, fmt.Errorf("%w: magic %#x, expected %#x", ErrBadFrame, m, frameMagic)
	}
	f := frame{kind: b[4], flags: b[6], codec: squeeze.Codec(b[7]), sectors: le.Uint32(b[12:]),
		epoch: le.Uint64(b[16:]), seq: le.Uint64(b[24:]), sector: int64(le.Uint64(b[32:])),
		stamp: node.Time(le.Uint64(b[40:])), prev: le.Uint64(b[48:]), crc: le.Uint32(b[56:])}
	n := int64(le.Uint32(b[8:]))
	switch {
	case b[5] != frameVersion:
		return frame{}, fmt.Errorf("%w: version %d, expected %d", ErrBadFrame, b[5], frameVersion)
	case f.kind < kindWrite || f.kind > kindResize:
		return frame{}, fmt.Errorf("%w: kind %d, expected 1 to 4", ErrBadFrame, f.kind)
	case n > maxBody:
		return frame{}, fmt.Errorf("%w: body of %d bytes, expected at most %d", ErrBadFrame, n, maxBody)
	case f.flags&^flagContinues != 0:
		return frame{}, fmt.Errorf("%w: flags %#x, expected 0 or 1", ErrBadFrame, f.flags)
	case le.Uint32(b[60:]) != 0:
		return frame{}, fmt.Errorf("%w: bytes 60 to 63 are not zero", ErrBadFrame)
	case f.kind == kindSegment && n != segmentBody:
		return frame{}, fmt.Errorf("%w: segment body of %d bytes, expected %d", ErrBadFrame, n,
			segmentBody)
	case f.codec != squeeze.None && (f.kind != kindWrite || !f.codec.Known()):
		return frame{}, fmt.Errorf("%w: kind %d packed with %v", ErrBadFrame, f.kind, f.codec)
	case f.kind == kindWrite && (f.sectors == 0 || n == 0 || f.codec == squeeze.None && n%int64(f.sectors) != 0):
		return frame{}, fmt.Errorf("%w: %d sectors in %d bytes", ErrBadFrame, f.sectors, n)
	case f.kind == kindZero && (f.sectors == 0 || n != 0):
		return frame{}, fmt.Errorf("%w: zero of %d sectors with %d bytes", ErrBadFrame, f.sectors, n)
	case f.kind == kindResize && (f.sector == 0 || f.sectors != 0 || n != 0):
		return frame{}, fmt.Errorf("%w: resize to %d sectors with %d bytes", ErrBadFrame, f.sector, n)
	case f.sector < 0:
		return frame{}, fmt.Errorf("%w: sector %d", ErrBadFrame, f.sector)
	case int64(len(b)) < headerSize+n:
		return frame{}, ErrTruncated
	}
	f.body = b[headerSize : headerSize+n : headerSize+n]
	var zero [4]byte
	crc := crc32.Update(0, castagnoli, b[:56])
	crc = crc32.Update(crc, castagnoli, zero[:])
	crc = crc32.Update(crc, castagnoli, b[60:headerSize+n])
	if crc != f.crc {
		return frame{}, fmt.Errorf("%w: CRC-32C %#x, expected %#x", ErrBadFrame, crc, f.crc)
	}
	return f, nil
}

// Reason says why a segment was begun.
type Reason uint32

// The reasons.
const (
	Created  Reason = iota + 1
	Recovery        // the primary has restarted
	Handover
	Forced
	Rotated // the segment before was long enough; the same primary goes on
	// Hole: the log had no room for what was written before; see replica.Status. The same primary
	// goes on.
	Hole
)

var reasonNames = [...]string{"?", "created", "recovery", "handover", "forced", "rotated", "hole"}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason(%d)", uint32(r))
}

// Segment is one entry of a log's lineage: from position Start on, the log was written by Origin
// under Epoch. Two logs have the same history as far as their lineages, cut at the end of the
// shorter one, are equal.
type Segment struct {
	Nr     uint64
	Epoch  uint64
	Origin node.ID
	Reason Reason
	Start  int64  // position in the stream
	Seq    uint64 // records before
	Chain  uint64 // digest of the log before
}

// before identifies the log up to where s begins.
func (s *Segment) before() mark { return mark{s.Start, s.Seq, s.Chain} }

func segmentOf(f *frame) Segment {
	le := binary.LittleEndian
	return Segment{Nr: uint64(f.sector), Epoch: f.epoch, Seq: f.seq, Chain: f.prev,
		Origin: node.ID(le.Uint32(f.body)), Reason: Reason(le.Uint32(f.body[4:])),
		Start: int64(le.Uint64(f.body[8:]))}
}

func (s *Segment) body() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(s.Origin))
	b = binary.LittleEndian.AppendUint32(b, uint32(s.Reason))
	return binary.LittleEndian.AppendUint64(b, uint64(s.Start))
}
