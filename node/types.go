package node

import (
	"fmt"
	"strconv"
)

// ID names a host. Zero is nobody.
type ID uint32

// Time is nanoseconds since the run began, on the clock of whoever reports it. It is also used
// for durations. It is never a float: results must not depend on rounding.
type Time int64

// Units of [Time].
const (
	Microsecond Time = 1_000
	Millisecond      = 1_000 * Microsecond
	Second           = 1_000 * Millisecond
)

// Addr is one machine of one host.
type Addr struct {
	Host    ID
	Machine uint32
}

func (a Addr) String() string {
	return "h" + strconv.FormatUint(uint64(a.Host), 10) + "/" +
		strconv.FormatUint(uint64(a.Machine), 10)
}

// LayerMachine is the machine number under which a fault layer sets its own timers. No machine
// has this number.
const LayerMachine = ^uint32(0)

// Tag is chosen by a machine when it asks for something and comes back with the completion. The
// machine may reuse it as soon as the completion has arrived.
type Tag uint64

// Class says what a message is for. Where bandwidth is short, a lower one goes first.
type Class uint8

// The classes of messages.
const (
	ClassControl Class = iota // small, and others wait for it
	ClassLog                  // replication of what users write
	ClassSync                 // first copies of whole volumes
	ClassMove                 // kicks: copies that nobody waits for
	Classes                   // how many there are
)

// Dev numbers the storage devices of one machine. Volumes and logs are numbered apart.
type Dev uint8

// Geometry is the shape of a volume.
type Geometry struct {
	Sectors    uint64 // number of sectors, at least 1
	SectorSize uint32 // bytes a sector as users see it: 512 or 4096
	Carry      uint32 // bytes a sector that this world carries: SectorSize, or less in sim
}

// Bytes is the declared size of n sectors, in bytes.
func (g Geometry) Bytes(n int64) int64 { return n * int64(g.SectorSize) }

// Code is the outcome of a disk request or of a user's request.
type Code uint8

// The outcomes. Everything but OK means that the request was not carried out, with one
// exception: after Unknown it may or may not take effect.
const (
	OK         Code = iota
	Unknown         // interrupted: it may have happened, may still happen, or never
	NotPrimary      // this host does not serve the resource; nothing was done
	Invalid         // the request makes no sense: out of range, bad offset, bad verb
	NoSpace         // the device is full
	IOError         // the device failed
	Refused         // a precondition does not hold; nothing was done
	TimedOut        // it was given up; nothing was done
)

var codeNames = [...]string{"ok", "unknown", "not-primary", "invalid", "no-space", "io-error",
	"refused", "timed-out"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Duration formats t for people: 1.5ms, 20s.
func (t Time) String() string {
	neg := ""
	if t < 0 {
		neg, t = "-", -t
	}
	switch {
	case t >= Second:
		return neg + trim(fmt.Sprintf("%.3f", float64(t)/float64(Second))) + "s"
	case t >= Millisecond:
		return neg + trim(fmt.Sprintf("%.3f", float64(t)/float64(Millisecond))) + "ms"
	case t >= Microsecond:
		return neg + trim(fmt.Sprintf("%.3f", float64(t)/float64(Microsecond))) + "us"
	}
	return neg + strconv.FormatInt(int64(t), 10) + "ns"
}

func trim(s string) string {
	for len(s) > 1 && s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}
