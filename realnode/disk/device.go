package disk

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// Request is one request to a device. Which fields count depends on Op.
type Request struct {
	// Op is, of a volume, OpRead, OpWrite, OpZero, OpMap or OpResize; of a log, OpLogList,
	// OpLogAppend, OpLogRead, OpLogTrunc or OpLogDelete. A log takes OpWrite, too: see [Volatile].
	Op   node.Op
	Seg  uint64
	Off  int64  // first sector of a volume, byte offset of a segment
	N    int64  // sectors or bytes; size to cut a segment to; new number of sectors
	Seq  uint64 // writes, zeros and appends: number of this one among them, from 1
	Data []byte // of a write or append; the device does not keep it
	// Into is where what is read from a volume may be put, if there is room. It may as well come
	// elsewhere.
	Into []byte
}

// Device is a volume or a log. All calls block. One goroutine calls Do and Admit, another one may
// call Sync at the same time.
type Device interface {
	// Do carries out anything but a sync. What it returns is valid until the next Do. The error
	// wraps ErrInvalid for a request that makes no sense; others are the medium's own, and [CodeOf]
	// tells them apart.
	Do(r *Request) ([]byte, error)
	// Admit looks at a sync in the order of requests, which Sync cannot. If done, the sync has ended
	// with err: there was nothing to do, or it makes no sense. Otherwise Sync has to be called.
	Admit(seg, upto uint64) (done bool, err error)
	// Sync makes durable what requests with Seq <= upto wrote, or appended to segment seg. A segment
	// that was deleted after Admit is no error.
	Sync(seg, upto uint64) error
	// Close ends the device. Data that was not synced may be lost.
	Close() error
	// String names the layers from here down, for logs.
	String() string
}

// Volume is a device whose requests are those of a volume.
type Volume interface {
	Device
	// Geometry is the present shape. OpResize changes it, so whoever calls Do may ask for it.
	Geometry() node.Geometry
}

var (
	// ErrInvalid is wrapped where a request makes no sense. Nothing was done.
	ErrInvalid = errors.New("invalid request")
	// ErrDamaged is wrapped where a log holds something else than what was once durable there.
	ErrDamaged = errors.New("damaged log")
	// ErrChecksum is wrapped where a block of a volume does not have the checksum it must have.
	ErrChecksum = errors.New("checksum mismatch")
)

// CodeOf is how err looks to a machine, which cannot do anything with its text.
func CodeOf(err error) node.Code {
	switch {
	case err == nil:
		return node.OK
	case errors.Is(err, ErrInvalid):
		return node.Invalid
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EFBIG):
		return node.NoSpace
	}
	return node.IOError
}

// invalid wraps ErrInvalid with what was asked of whom.
func invalid(d Device, r *Request) error {
	return &requestError{d.String(), r.Op, r.Seg, r.Off, r.N, len(r.Data), ErrInvalid}
}
