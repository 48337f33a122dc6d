package nbd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// File is a Device over a regular file, sparse where it was never written. Flush is fdatasync,
// Trim and Zero use fallocate where the file system can.
type File struct {
	f    *os.File
	fd   int
	size int64

	// handles are for flushes, one each while it runs. The kernel tells each of them once that a
	// write was lost; of two flushes that shared one, only the first to look would know.
	handles chan *os.File

	mu     sync.Mutex
	failed error // of the first Flush that failed
}

// flushHandles is how many flushes of a file run at once.
const flushHandles = 4

var (
	_ Device = (*File)(nil)
	_ Mapper = (*File)(nil)
)

// OpenFile opens the file at path for reading and writing. With size above 0 the file is created
// if there is none, and extended to that many bytes if it is shorter.
func OpenFile(path string, size int64) (*File, error) {
	flags := os.O_RDWR
	if size > 0 {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = f.Truncate(size)
	} else if err == nil {
		size = info.Size()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	d := &File{f: f, fd: int(f.Fd()), size: size, handles: make(chan *os.File, flushHandles)}
	for range flushHandles {
		h, err := os.Open(path)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.handles <- h
	}
	return d, nil
}

// Close closes the file. No other method may be running or follow.
func (d *File) Close() error {
	close(d.handles)
	err := d.f.Close()
	for h := range d.handles {
		err = errors.Join(err, h.Close())
	}
	return err
}

// Size is that of the file when it was opened.
func (d *File) Size() int64 { return d.size }

// ReadAt implements [Device].
func (d *File) ReadAt(p []byte, off int64) error {
	n, err := d.f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("file ends at %d: %w", off+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}

// WriteAt implements [Device].
func (d *File) WriteAt(p []byte, off int64) error {
	_, err := d.f.WriteAt(p, off)
	return err
}

// Flush implements [Device]. Once it has failed it fails for ever: the kernel reports a lost
// write only once, and a later success would say that the data is there.
func (d *File) Flush() error {
	h := <-d.handles
	err := ignoringSignals(func() error { return unix.Fdatasync(int(h.Fd())) })
	d.handles <- h
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil && err != nil {
		d.failed = fmt.Errorf("flush: %w", err)
	}
	return d.failed
}

// Trim implements [Device].
func (d *File) Trim(off, n int64) error {
	err := d.fallocate(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	if unsupported(err) {
		return nil // it was a hint
	}
	return err
}

// Zero implements [Device].
func (d *File) Zero(off, n int64, mayPunch bool) error {
	mode := uint32(unix.FALLOC_FL_ZERO_RANGE)
	if mayPunch {
		mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	}
	err := d.fallocate(mode, off, n)
	if !unsupported(err) {
		return err
	}
	var zeroes [64 << 10]byte
	for n > 0 {
		p := zeroes[:min(n, int64(len(zeroes)))]
		if err := d.WriteAt(p, off); err != nil {
			return err
		}
		off, n = off+int64(len(p)), n-int64(len(p))
	}
	return nil
}

func (d *File) fallocate(mode uint32, off, n int64) error {
	return ignoringSignals(func() error { return unix.Fallocate(d.fd, mode, off, n) })
}

// Extents implements [Mapper]: the file system's holes are holes that read as zeroes. Most file
// systems report space that was reserved but never written as a hole, too.
func (d *File) Extents(dst []Extent, off, n int64, limit int) ([]Extent, error) {
	for end := off + n; off < end && len(dst) < limit; {
		// Seeking moves a position that nobody uses: all reads and writes name theirs.
		data, err := unix.Seek(d.fd, off, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO):
			data = end // nothing but a hole up to the end
		case err != nil:
			return dst, err
		}
		if data > off {
			next := min(data, end)
			dst = append(dst, Extent{Length: next - off, Hole: true, Zero: true})
			off = next
			continue
		}
		hole, err := unix.Seek(d.fd, off, unix.SEEK_HOLE)
		if err != nil {
			return dst, err
		}
		next := min(hole, end)
		if next <= off {
			// Somebody punched the hole between the two calls.
			continue
		}
		dst = append(dst, Extent{Length: next - off})
		off = next
	}
	return dst, nil
}

func unsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS)
}

// ignoringSignals repeats a system call that was interrupted before it did anything.
func ignoringSignals(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
