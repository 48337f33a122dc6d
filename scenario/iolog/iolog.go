// Package iolog is fio's block trace as values: the text that `fio --write_iolog` writes and
// `fio --read_iolog` replays, in versions 2 and 3.
//
// [Parse] reads a trace, [Trace.Sectors] turns it into operations on a device of whole sectors,
// and [Trace.Write] writes it back unchanged. A trace may speak of several files; a device is one
// file, so a trace that does I/O on several must be narrowed with [Trace.Select] first.
//
// The format, as fio 3.33 documents and writes it:
//
//	fio version 3 iolog                             fio version 2 iolog
//	<timestamp> <file> add|open|close               <file> add|open|close
//	<timestamp> <file> <action> <offset> <length>   <file> <action> <offset> <length>
//
// Actions are read, write, trim, sync and datasync, with offset and length in bytes; a sync has
// both but means neither. Version 2 also has wait, whose offset is a delay in microseconds.
// Timestamps of version 3 are microseconds since the job began; fio's manual leaves the unit
// open, its writer and a measured run do not. A file is added, then opened, before it is used.
package iolog

import "fmt"

// Action is what a line of a trace does.
type Action string

// Actions, spelt as in a trace.
const (
	Add      Action = "add"      // make a file known
	Open     Action = "open"     // open a known file
	Close    Action = "close"    // close an open file
	Wait     Action = "wait"     // version 2 only: let Offset microseconds pass
	Read     Action = "read"     // read Length bytes at Offset
	Write    Action = "write"    // write Length bytes at Offset
	Sync     Action = "sync"     // make the file durable
	Datasync Action = "datasync" // make its data durable
	Trim     Action = "trim"     // discard Length bytes at Offset
)

// Limits that Parse holds a trace to. They are fio's own for lines and names.
const (
	MaxLine = 4095    // bytes in a line
	MaxName = 256     // bytes in a file name
	MaxOps  = 4 << 20 // lines after the first
)

// Op is one line of a trace.
type Op struct {
	// Line is its number in the text, 1-based.
	Line int
	// Time is in nanoseconds since the trace began: the timestamp in version 3, the sum of the
	// waits so far in version 2. A version 3 trace may step back, and fio then does not wait.
	Time int64
	// File is an index into Trace.Files.
	File   int
	Action Action
	// Offset and Length are bytes, at least 0, and their sum is below 2^63.
	Offset, Length int64
}

// Trace is a whole trace.
type Trace struct {
	// Name is what Parse was given; errors begin with it.
	Name string
	// Version is 2 or 3.
	Version int
	// Files are the file names in the order in which they were added.
	Files []string
	Ops   []Op
}

// Error is one complaint about a trace. It prints as a single line.
type Error struct {
	// File is the name of the trace, Line the 1-based line, or 0 for the trace as a whole.
	File string
	Line int
	// Msg says what is wrong and what was expected.
	Msg string
	// Err is the cause if reading failed, else nil.
	Err error
}

// Error prints file, line and message.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

func (t *Trace) errorf(line int, format string, args ...any) error {
	return &Error{File: t.Name, Line: line, Msg: fmt.Sprintf(format, args...)}
}

// isIO reports whether an action has an offset and a length.
func (a Action) isIO() bool {
	switch a {
	case Wait, Read, Write, Sync, Datasync, Trim:
		return true
	}
	return false
}

func (a Action) isFile() bool { return a == Add || a == Open || a == Close }
