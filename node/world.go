package node

import (
	"encoding/binary"
	"fmt"
	"math"
)

// World is what a world offers to one host. Nothing in it blocks. Errors, like successes, are
// told by later events, never by return values.
type World interface {
	Transport
	Clock
	// Volume and Log return the devices of one machine. The host asks once an incarnation.
	Volume(machine uint32, dev Dev) Volume
	Log(machine uint32, dev Dev) Log
	// Reply hands the answer to a user's request to that user. Data is valid during the call.
	Reply(machine uint32, tag Tag, code Code, epoch uint64, data []byte)
}

// Transport sends messages, and may lose, delay, duplicate or reorder them without telling. It
// knows no message by name.
type Transport interface {
	// Send sends body, which is valid during the call only. Cost is its declared size in bytes.
	Send(from, to Addr, class Class, body []byte, cost int64)
}

// Clock is a host's own clock. It may be off and may drift against other hosts' clocks, but it
// never goes back within an incarnation.
type Clock interface {
	Now() Time
	// SetTimer delivers KindTimer with tag to machine, after ns from now; at once, but in a later
	// step, if after <= 0. It replaces a timer with this tag.
	SetTimer(machine uint32, tag Tag, after Time)
	CancelTimer(machine uint32, tag Tag)
}

// Volume is a block device with a volatile cache. Each call is answered by one KindDone event
// with the same tag. Of overlapping requests that are in flight together any order may hold.
type Volume interface {
	Read(tag Tag, sector, n int64)
	// Write takes len(data)/Carry sectors; data is valid during the call only.
	Write(tag Tag, sector int64, data []byte)
	// Sync covers every write, and Zero, whose completion was delivered before the call.
	Sync(tag Tag)
	// Zero makes sectors read as zeros.
	Zero(tag Tag, sector, n int64)
	// Map tells which of these sectors may hold anything but zeros, as [DecodeRuns] reads it.
	Map(tag Tag, sector, n int64)
	// Resize changes the number of sectors; durable when done. No other request may be in flight.
	Resize(tag Tag, sectors int64)
}

// Log is a set of append-only files, called segments. Each call is answered by one KindDone
// event with the same tag.
type Log interface {
	List(tag Tag)
	Append(tag Tag, seg uint64, off int64, data []byte, cost int64)
	Read(tag Tag, seg uint64, off, n int64)
	Sync(tag Tag, seg uint64)
	Truncate(tag Tag, seg uint64, size int64)
	Delete(tag Tag, seg uint64)
	// Note is for the archive of a world that keeps one, and does nothing else.
	Note(tag Tag, seg uint64, data []byte)
}

// Layer is a world that stands between a host and another world: a fault decorator.
type Layer interface {
	World
	// Wake is called when a timer that the layer set under LayerMachine is due.
	Wake(now Time, tag Tag)
	// Control changes what the layer does. The form of cmd is the layer's own.
	Control(cmd []byte) error
}

// Wrap puts a layer around what a world offers to host id. The layer may call deliver, but only
// from within Wake: completions never arrive inside the call that asked.
type Wrap func(id ID, w World, deliver func(machine uint32, ev *Event)) Layer

// Segment is one entry of a log's listing.
type Segment struct {
	ID   uint64
	Size int64 // bytes
}

// AppendSegments appends the listing form of segs to b: 16 bytes each, little endian.
func AppendSegments(b []byte, segs []Segment) []byte {
	for _, s := range segs {
		b = binary.LittleEndian.AppendUint64(b, s.ID)
		b = binary.LittleEndian.AppendUint64(b, uint64(s.Size))
	}
	return b
}

// DecodeSegments is the inverse of [AppendSegments].
func DecodeSegments(b []byte) ([]Segment, error) {
	if len(b)%16 != 0 {
		return nil, fmt.Errorf("segment listing: %d bytes, expected a multiple of 16", len(b))
	}
	segs := make([]Segment, 0, len(b)/16)
	for ; len(b) > 0; b = b[16:] {
		s := Segment{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))}
		if s.Size < 0 || len(segs) > 0 && segs[len(segs)-1].ID >= s.ID {
			return nil, fmt.Errorf("segment listing: entry %d out of order or negative", len(segs))
		}
		segs = append(segs, s)
	}
	return segs, nil
}

// Run is a run of sectors.
type Run struct {
	First, N int64
}

// AppendRuns appends the form of runs that [DecodeRuns] reads to b: 16 bytes each, little endian.
func AppendRuns(b []byte, runs ...Run) []byte {
	for _, r := range runs {
		b = binary.LittleEndian.AppendUint64(b, uint64(r.First))
		b = binary.LittleEndian.AppendUint64(b, uint64(r.N))
	}
	return b
}

// DecodeRuns is the inverse of [AppendRuns]. The runs must be ascending, not empty, and must not
// overlap.
func DecodeRuns(b []byte) ([]Run, error) {
	if len(b)%16 != 0 {
		return nil, fmt.Errorf("runs of sectors: %d bytes, expected a multiple of 16", len(b))
	}
	runs := make([]Run, 0, len(b)/16)
	next := int64(0)
	for ; len(b) > 0; b = b[16:] {
		r := Run{int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))}
		if r.First < next || r.N <= 0 || r.First > math.MaxInt64-r.N {
			return nil, fmt.Errorf("runs of sectors: entry %d is empty or out of order", len(runs))
		}
		next = r.First + r.N
		runs = append(runs, r)
	}
	return runs, nil
}
