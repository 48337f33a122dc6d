package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// CachedReader is a device that can read without waiting for a disk. Layers over one that cannot
// may have the method, too, and refuse.
type CachedReader interface {
	// ReadCached is Do for a read of a volume whose content is in memory. It is refused where that is
	// not so, and where anything is wrong: Do will tell. It is called like Do, never at the same time.
	ReadCached(r *Request) (data []byte, ok bool)
}

// readCached is ReadCached of a device that may be none.
func readCached(d Device, r *Request) ([]byte, bool) {
	if c, ok := d.(CachedReader); ok {
		return c.ReadCached(r)
	}
	return nil, false
}

// cacheReads reads from the page cache of one file alone. Where the file system cannot tell what it
// has there, it is asked once.
type cacheReads struct{ cannot bool }

// read fills b from off on, or refuses.
func (c *cacheReads) read(f *os.File, b []byte, off int64) bool {
	if c.cannot {
		return false
	}
	n, err := unix.Preadv2(int(f.Fd()), [][]byte{b}, off, unix.RWF_NOWAIT)
	c.cannot = err != nil && err != unix.EAGAIN && err != unix.EINTR
	return err == nil && n == len(b)
}
