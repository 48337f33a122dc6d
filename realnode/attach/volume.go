//go:build !(386 || arm || mips || mipsle)

package attach

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// volume is the file system: a folder with one file, the device. Requests come in parallel.
type volume struct {
	fuse.RawFileSystem // answers ENOSYS to what is not here

	name string
	dev  Device
	opt  Options
	log  *slog.Logger

	opened   atomic.Bool
	released chan struct{} // closed when the loop device has let go of the file

	failing atomic.Bool // the last request has failed; others are not logged

	mu     sync.Mutex
	failed bool // a flush has
}

// Inodes. The folder has the number that FUSE gives it.
const (
	folderNode = fuse.FUSE_ROOT_ID
	fileNode   = 2
)

var _ fuse.RawFileSystem = (*volume)(nil)

func newVolume(name string, dev Device, opt Options) *volume {
	return &volume{RawFileSystem: fuse.NewDefaultRawFileSystem(), name: name, dev: dev, opt: opt,
		log: opt.Log.With("volume", name), released: make(chan struct{})}
}

// path is the file.
func (v *volume) path() string { return filepath.Join(v.opt.Mount, v.name) }

// String implements fuse.RawFileSystem.
func (v *volume) String() string { return fsType }

// attr describes a node. Attributes are never cached: the size may change.
func (v *volume) attr(node uint64, out *fuse.Attr) bool {
	out.Ino, out.Nlink, out.Blksize = node, 1, v.opt.BlockSize
	switch node {
	case folderNode:
		out.Mode, out.Nlink = syscall.S_IFDIR|0o500, 2
	case fileNode:
		out.Mode, out.Size = syscall.S_IFREG|0o600, uint64(v.dev.Size())
		out.Blocks = out.Size / 512
	default:
		return false
	}
	return true
}

// GetAttr implements fuse.RawFileSystem.
func (v *volume) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	if !v.attr(in.NodeId, &out.Attr) {
		return fuse.ENOENT
	}
	return fuse.OK
}

// Lookup implements fuse.RawFileSystem.
func (v *volume) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string,
	out *fuse.EntryOut) fuse.Status {
	if in.NodeId != folderNode || name != v.name {
		return fuse.ENOENT
	}
	out.NodeId = fileNode
	v.attr(fileNode, &out.Attr)
	return fuse.OK
}

// OpenDir implements fuse.RawFileSystem.
func (v *volume) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	return fuse.OK
}

// ReadDir implements fuse.RawFileSystem.
func (v *volume) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	if in.Offset == 0 {
		out.AddDirEntry(fuse.DirEntry{Name: v.name, Ino: fileNode, Mode: syscall.S_IFREG})
	}
	return fuse.OK
}

// StatFs implements fuse.RawFileSystem. The loop device takes the unit of discards from it.
func (v *volume) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.NameLen = v.opt.BlockSize, v.opt.BlockSize, 255
	out.Blocks = uint64(v.dev.Size() / int64(v.opt.BlockSize))
	return fuse.OK
}

// Open implements fuse.RawFileSystem. Only the loop device may have the file open: whoever used
// it directly would be on the wrong side of the page cache.
func (v *volume) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	if in.NodeId != fileNode {
		return fuse.ENOENT
	}
	if !v.opened.CompareAndSwap(false, true) {
		return fuse.EBUSY
	}
	out.OpenFlags = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_PARALLEL_DIRECT_WRITES | fuse.FOPEN_NOFLUSH
	return fuse.OK
}

// Release implements fuse.RawFileSystem.
func (v *volume) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	if in.NodeId == fileNode {
		close(v.released)
	}
}

// Read implements fuse.RawFileSystem. A short read would look like zeroes to the loop device.
func (v *volume) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult,
	fuse.Status) {
	buf = buf[:in.Size]
	if st := v.check("read", in.Offset, uint64(in.Size)); st != fuse.OK {
		return nil, st
	}
	if err := v.dev.ReadAt(buf, int64(in.Offset)); err != nil {
		return nil, v.status("read", in.Offset, uint64(in.Size), err)
	}
	v.succeeded()
	return fuse.ReadResultData(buf), fuse.OK
}

// Write implements fuse.RawFileSystem.
func (v *volume) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	if st := v.check("write", in.Offset, uint64(len(data))); st != fuse.OK {
		return 0, st
	}
	if err := v.dev.WriteAt(data, int64(in.Offset)); err != nil {
		return 0, v.status("write", in.Offset, uint64(len(data)), err)
	}
	v.succeeded()
	return uint32(len(data)), fuse.OK
}

// Fsync implements fuse.RawFileSystem. It must never answer ENOSYS: the kernel would take that
// for success, then and ever after.
func (v *volume) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status {
	if v.opt.ReadOnly {
		return fuse.OK
	}
	if v.hasFailed() {
		return fuse.EIO
	}
	if err := v.dev.Flush(); err != nil {
		v.mu.Lock()
		v.failed = true
		v.mu.Unlock()
		v.log.Error("flush failed; the volume has to be attached anew", "error", err)
		return fuse.EIO
	}
	// Another flush may have failed meanwhile over a write that this one was to cover.
	if v.hasFailed() {
		return fuse.EIO
	}
	return fuse.OK
}

func (v *volume) hasFailed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}

// Fallocate implements fuse.RawFileSystem: both what is discarded and what is to become zero. The
// kernel relies on zeroes where a hole was punched.
func (v *volume) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	var punch bool
	switch in.Mode &^ unix.FALLOC_FL_KEEP_SIZE {
	case unix.FALLOC_FL_PUNCH_HOLE:
		punch = true
	case unix.FALLOC_FL_ZERO_RANGE:
	default:
		return fuse.Status(syscall.EOPNOTSUPP)
	}
	if st := v.check("zero", in.Offset, in.Length); st != fuse.OK {
		return st
	}
	if err := v.dev.Zero(int64(in.Offset), int64(in.Length), punch); err != nil {
		return v.status("zero", in.Offset, in.Length, err)
	}
	v.succeeded()
	return fuse.OK
}

var errOutside = errors.New("outside the volume, which has shrunk")

// check refuses a range that is not within the device.
func (v *volume) check(op string, off, n uint64) fuse.Status {
	size := uint64(v.dev.Size())
	if off > size || n > size-off {
		return v.status(op, off, n, errOutside)
	}
	return fuse.OK
}

// status is what an error looks like to the kernel. ENOSYS and EOPNOTSUPP would make it stop
// asking, and EINVAL, EINTR or EAGAIN would be taken for something else than a failure.
func (v *volume) status(op string, off, n uint64, err error) fuse.Status {
	if v.failing.CompareAndSwap(false, true) { // a device that is gone has many that fail
		v.log.Error("request failed; the next ones are not logged until one succeeds", "op", op,
			"offset", off, "bytes", n, "error", err)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fuse.Status(syscall.ENOSPC)
	}
	return fuse.EIO
}

// succeeded makes the next failure one to be logged.
func (v *volume) succeeded() {
	if v.failing.Load() {
		v.failing.Store(false)
	}
}
