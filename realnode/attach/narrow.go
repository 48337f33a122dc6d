//go:build 386 || arm || mips || mipsle

package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// The FUSE library does not build on processors of 32 bits. There volumes cannot be attached, and
// all else works.

// Device is what is attached.
type Device interface {
	Size() int64
	ReadAt(p []byte, off int64) error
	WriteAt(p []byte, off int64) error
	Flush() error
	Zero(off, n int64, mayPunch bool) error
}

// Options say how a volume is attached.
type Options struct {
	Mount, Link string
	ReadOnly    bool
	BlockSize   uint32
	MaxInFlight int
	MaxBuffers  int
	Log         *slog.Logger
}

// ErrUnsupported is returned by Attach and Supported where volumes cannot be attached.
var ErrUnsupported = errors.New("attaching volumes is not possible here")

// Supported says why volumes cannot be attached.
func Supported() error { return fmt.Errorf("%w: processor of 32 bits", ErrUnsupported) }

// An Attachment does not exist here.
type Attachment struct{}

// Attach fails.
func Attach(context.Context, string, Device, Options) (*Attachment, error) {
	return nil, Supported()
}

// Path is nowhere.
func (*Attachment) Path() string { return "" }

// Resize fails.
func (*Attachment) Resize() error { return Supported() }

// Detach fails.
func (*Attachment) Detach(context.Context) error { return Supported() }

// Abort fails.
func (*Attachment) Abort(context.Context) error { return Supported() }

// KeepServing fails.
func KeepServing() error { return Supported() }

// Swept is what Sweep has found: nothing.
type Swept struct{ Mounts, Loops, Busy []string }

// Sweep has nothing to remove.
func Sweep(string) (Swept, error) { return Swept{}, nil }
