package nbd

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// A Device is a volume as clients see it. Its methods may be called by several goroutines at
// once: for each connection one that reads and writes and up to four that flush. They are only
// called with ranges inside Size and, if the export has a minimum block, in multiples of it. They
// must not keep p.
//
// An error that wraps syscall.ENOSPC, EDQUOT, EFBIG, EPERM, EACCES, EROFS, EINVAL or ESHUTDOWN
// reaches the client as such, every other one as EIO.
type Device interface {
	// Size is the number of bytes, a multiple of the export's minimum block. It may change: a
	// client sees its value at the handshake, while requests are held against the present one.
	Size() int64
	// ReadAt fills p.
	ReadAt(p []byte, off int64) error
	// WriteAt returns when every later ReadAt sees the data; it need not be durable.
	WriteAt(p []byte, off int64) error
	// Flush returns when everything that had completed before the call, on any connection, is
	// durable. After an error nothing may be assumed about any write that was not flushed before.
	// Of several calls at once, each one that covers a lost write must fail.
	Flush() error
	// Trim says that the content of the range is no longer needed. It is a hint.
	Trim(off, n int64) error
	// Zero makes the range read as zeroes. With mayPunch it may give up the space behind it.
	Zero(off, n int64, mayPunch bool) error
}

// An Extent is a stretch of a device in one state.
type Extent struct {
	Length int64 // bytes, above 0
	Hole   bool  // no space is allocated
	Zero   bool  // reads as zeroes
}

// A Mapper is a Device that knows which parts of it hold data.
type Mapper interface {
	// Extents appends to dst the states of the range from off, in order, at most limit of them.
	// It may end before n bytes are described, and must not go beyond them.
	Extents(dst []Extent, off, n int64, limit int) ([]Extent, error)
}

// An Opener is a Device that wants to know who uses it.
type Opener interface {
	// Open is called when a connection has chosen the device and nothing was asked of it yet. After
	// an error the connection is closed, and Close does not follow.
	Open() error
	// Close is called when nothing more will be asked over a connection.
	Close()
}

// A Starter is a Device that carries out the requests of a connection side by side. The methods
// that block are then used only by others.
type Starter interface {
	// Session is called once for each connection.
	Session(to Finisher) Session
}

// A Session is a connection as a device sees it.
type Session interface {
	// Start begins a request, in the order in which the client has sent them, from one goroutine. It
	// may wait for room, but not for the end of requests. After an error there is no Finish.
	Start(r *Request) error
}

// Request is one request of a [Session], within the bounds that [Device] tells.
type Request struct {
	ID     uint64
	Kind   RequestKind
	Off, N int64  // bytes
	Data   []byte // of a write; valid during Start
	// Durable wants the change durable before the request finishes.
	Durable  bool
	MayPunch bool // RequestZero
}

// RequestKind says what a request is for.
type RequestKind uint8

// The requests, as the methods of [Device] are.
const (
	RequestRead RequestKind = iota
	RequestWrite
	RequestFlush
	RequestTrim
	RequestZero
)

// A Finisher is told the ends of requests, each once, by any goroutine, also within Start. It does
// not wait for the client.
type Finisher interface {
	// Finish ends a request. Data is what was read, and valid during the call.
	Finish(id uint64, data []byte, err error)
	// Flush follows when no other Finish is to come at once.
	Flush()
}

// An Export is a device under a name.
type Export struct {
	// Name is up to 4096 bytes of UTF-8. A client that gives none gets the export called "".
	Name        string
	Description string // for people, optional; as Name
	Device      Device
	ReadOnly    bool
	// MultiConn tells clients that they may spread requests over several connections. It is
	// correct if a Flush covers what completed on every one of them, also on those to another
	// server of the same volume.
	MultiConn bool
	// MinBlock is the unit of all offsets and lengths in bytes, a power of two up to 65536; other
	// requests are refused. 0 means 1. Above 512 clients that do not ask for it cannot connect.
	MinBlock uint32
	// PreferredBlock is the least size for good speed, a power of two from 512. 0 means 4096.
	PreferredBlock uint32
}

func (e *Export) minBlock() uint32 { return max(e.MinBlock, 1) }

func (e *Export) preferredBlock() uint32 {
	if e.PreferredBlock == 0 {
		return max(4096, e.minBlock())
	}
	return max(e.PreferredBlock, e.minBlock())
}

// validate says what is wrong with the export, in the words of who configured it.
func (e *Export) validate() error {
	power := func(n uint32) bool { return bits.OnesCount32(n) == 1 }
	switch {
	case e.Device == nil:
		return fmt.Errorf("export %q: no device", e.Name)
	case !validString([]byte(e.Name)) || !validString([]byte(e.Description)):
		return fmt.Errorf("export %q: name or description is not a string of the protocol", e.Name)
	case e.MinBlock != 0 && (!power(e.MinBlock) || e.MinBlock > 65536):
		return fmt.Errorf("export %q: minimum block %d", e.Name, e.MinBlock)
	case e.PreferredBlock != 0 && (!power(e.PreferredBlock) || e.PreferredBlock < 512):
		return fmt.Errorf("export %q: preferred block %d", e.Name, e.PreferredBlock)
	case e.Device.Size() < 0 || e.Device.Size()%int64(e.minBlock()) != 0:
		return fmt.Errorf("export %q: size %d with minimum block %d",
			e.Name, e.Device.Size(), e.minBlock())
	}
	return nil
}

// flags are the transmission flags of the export.
func (e *Export) flags(structured bool) uint16 {
	f := uint16(flagHasFlags | flagSendFlush | flagSendFUA | flagSendCache)
	if e.ReadOnly {
		f |= flagReadOnly
	} else {
		f |= flagSendTrim | flagSendZeroes
	}
	if e.MultiConn {
		f |= flagMultiConn
	}
	if structured {
		f |= flagSendDF
	}
	return f
}

// validString reports whether b is a string as the document defines it.
func validString(b []byte) bool {
	s := string(b)
	return len(s) <= maxName && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}
