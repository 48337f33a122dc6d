//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// A Device is a volume. Its methods may be called by many goroutines at once, and only with
// ranges inside Size that are multiples of the block size. They must not keep p.
//
// An error that wraps syscall.ENOSPC reaches the file system as such, every other one as EIO.
type Device interface {
	// Size is the number of bytes, a multiple of the block size. After it has changed call
	// [Attachment.Resize].
	Size() int64
	// ReadAt fills p.
	ReadAt(p []byte, off int64) error
	// WriteAt returns when every later ReadAt sees the data; it need not be durable.
	WriteAt(p []byte, off int64) error
	// Flush returns when everything that had completed before the call is durable. After an error
	// it is not called again.
	Flush() error
	// Zero makes the range read as zeroes. With mayPunch it may give up the space behind it, and
	// should: this is also what becomes of a discard. The kernel uses one request for both, so
	// that a range which is discarded must read as zeroes, too.
	Zero(off, n int64, mayPunch bool) error
}

// Options say how a volume is attached.
type Options struct {
	// Mount is the folder of the FUSE file system. It is made and removed again. Only root may
	// look into it. Required.
	Mount string
	// Link is a symbolic link to the block device, which is made and removed again. The folder
	// that it is in is made and stays. "" means none.
	Link     string
	ReadOnly bool
	// BlockSize is the least unit of a request in bytes, a power of two from 512 to the size of a
	// page. 0 means 4096. The size of the device must be a multiple of it.
	BlockSize uint32
	// MaxInFlight is how many requests the kernel may hand in at once. 0 means 128, the depth of
	// the queue of a loop device.
	MaxInFlight int
	// MaxBuffers is the limit of the memory for requests that are being carried out, in bytes. It
	// is reached by one request for each MiB, however small they are. 0 means 64 MiB.
	MaxBuffers int
	Log        *slog.Logger // nil means none
}

// Errors of this package.
var (
	// ErrAttached is returned by Attach for a name or folder that is in use by an attachment.
	ErrAttached = errors.New("already attached")
	// ErrInUse is returned by Detach while somebody uses the block device.
	ErrInUse = errors.New("in use")
	// ErrUnsupported is returned by Attach and Supported where volumes cannot be attached.
	ErrUnsupported = errors.New("attaching volumes is not possible here")
	// ErrDetached is returned by methods of an attachment that has ended.
	ErrDetached = errors.New("not attached any more")
)

// An Attachment is a volume that is a block device of this host.
type Attachment struct {
	name   string
	opt    Options
	volume *volume
	fuse   *fuseServer
	loop   loop

	mu     sync.Mutex
	gone   bool
	detach *detaching // that is going on, or nil

	work sync.Mutex // held while the loop device is changed or asked
}

// Attach makes dev a block device. The name is what people see: in the list of loop devices, in
// that of mounts, and in errors.
func Attach(ctx context.Context, name string, dev Device, opt Options) (*Attachment, error) {
	opt, err := opt.resolved(name, dev)
	if err != nil {
		return nil, fmt.Errorf("attach %q: %w", name, err)
	}
	if err := Supported(); err != nil {
		return nil, fmt.Errorf("attach %q: %w", name, err)
	}
	if opt.Mount, err = resolvedFolder(opt.Mount); err != nil {
		return nil, fmt.Errorf("attach %q: %w", name, err)
	}
	if err := reserve(name, opt.Mount); err != nil {
		return nil, fmt.Errorf("attach %q: %w", name, err)
	}
	a := &Attachment{name: name, opt: opt, volume: newVolume(name, dev, opt)}
	if err := a.start(ctx); err != nil {
		release(name, opt.Mount)
		return nil, fmt.Errorf("attach %q: %w", name, err)
	}
	return a, nil
}

// resolved returns the options with their defaults, or what is wrong with them.
func (o Options) resolved(name string, dev Device) (Options, error) {
	if o.BlockSize == 0 {
		o.BlockSize = 4096
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 128
	}
	if o.MaxBuffers == 0 {
		o.MaxBuffers = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case name == "" || name == "." || name == ".." || len(name) > 255 ||
		strings.ContainsAny(name, "/\x00\n"):
		return o, errors.New("the name must be one of a file, of 1 to 255 bytes")
	case o.Mount == "":
		return o, errors.New("Options.Mount is not set")
	case bits.OnesCount32(o.BlockSize) != 1 || o.BlockSize < 512 ||
		int(o.BlockSize) > os.Getpagesize():
		return o, fmt.Errorf("block size %d is not a power of two from 512 to %d",
			o.BlockSize, os.Getpagesize())
	case o.MaxInFlight < 0 || o.MaxInFlight > 65535:
		return o, fmt.Errorf("%d requests in flight are not 1 to 65535", o.MaxInFlight)
	}
	if err := o.fits(dev.Size()); err != nil {
		return o, err
	}
	var err error
	if o.Mount, err = filepath.Abs(o.Mount); err != nil {
		return o, err
	}
	if o.Link != "" {
		o.Link, err = filepath.Abs(o.Link)
	}
	return o, err
}

// fits says why a size cannot be that of a block device.
func (o Options) fits(size int64) error {
	if size <= 0 || size%int64(o.BlockSize) != 0 {
		return fmt.Errorf("the size is %d bytes, but must be a multiple of the block size %d; "+
			"resize the volume or set BlockSize to 512", size, o.BlockSize)
	}
	return nil
}

// start makes everything, or nothing.
func (a *Attachment) start(ctx context.Context) (err error) {
	if a.fuse, err = mountFuse(a.volume, a.opt); err != nil {
		return err
	}
	err = ctx.Err()
	if err == nil {
		a.loop, err = bindLoop(a.volume.path(), a.name, a.opt)
	}
	if err == nil && a.opt.Link != "" {
		err = makeLink(a.opt.Link, a.loop.path)
	}
	if err != nil {
		if a.loop.path != "" {
			err = errors.Join(err, a.loop.abandon())
		}
		return errors.Join(err, a.remove(context.WithoutCancel(ctx)))
	}
	a.opt.Log.Info("volume attached", "volume", a.name, "device", a.loop.path)
	return nil
}

// Path is the block device, such as /dev/loop3. It may be another one after the next Attach.
func (a *Attachment) Path() string { return a.loop.path }

// Resize tells the kernel that the device has another size. A file system on it is grown with its
// own tool afterwards, resize2fs for example.
func (a *Attachment) Resize() error {
	size := a.volume.dev.Size()
	err := a.opt.fits(size)
	if err == nil {
		err = a.whileAttached(func() error { return a.loop.setCapacity() })
	}
	if err != nil {
		return fmt.Errorf("resize %s of %q to %d bytes: %w", a.loop.path, a.name, size, err)
	}
	return nil
}

// InUse says whether anybody uses the block device, and who does as far as /proc tells. Processes
// of others are seen only by root.
func (a *Attachment) InUse() (bool, string, error) {
	var users []string
	err := a.whileAttached(func() (err error) {
		users, err = a.loop.users()
		return err
	})
	if err != nil {
		return false, "", fmt.Errorf("users of %s of %q: %w", a.loop.path, a.name, err)
	}
	return len(users) > 0, strings.Join(users, "; "), nil
}

// whileAttached calls f unless the attachment has ended.
func (a *Attachment) whileAttached(f func() error) error {
	a.work.Lock()
	defer a.work.Unlock()
	if a.ended() {
		return ErrDetached
	}
	return f()
}

func (a *Attachment) ended() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gone
}

// taken are the names and folders of the attachments of this process.
var taken = struct {
	sync.Mutex
	names, mounts map[string]bool
}{names: map[string]bool{}, mounts: map[string]bool{}}

func reserve(name, mount string) error {
	taken.Lock()
	defer taken.Unlock()
	if taken.names[name] {
		return fmt.Errorf("%w; detach it first", ErrAttached)
	}
	if taken.mounts[mount] {
		return fmt.Errorf("%s: %w there; choose another folder", mount, ErrAttached)
	}
	taken.names[name], taken.mounts[mount] = true, true
	return nil
}

func release(name, mount string) {
	taken.Lock()
	defer taken.Unlock()
	delete(taken.names, name)
	delete(taken.mounts, mount)
}
