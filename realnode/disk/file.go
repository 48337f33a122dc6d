package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// fdatasync makes the content of a file durable, and of its metadata what reading it takes.
func fdatasync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) {
		result = retry(func() error {
			return unix.Fdatasync(int(fd))
		})
	}); err != nil {
		return err
	}
	return pathError("fdatasync", f.Name(), result)
}

// retry repeats a system call that a signal has interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// syncDir makes durable which files a directory has.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// syncParent makes it durable that there is a file of this path.
func syncParent(path string) error { return syncDir(filepath.Dir(path)) }

// readFull reads len(b) bytes at off. What is behind the end of the file reads as zeros.
func readFull(f io.ReaderAt, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if errors.Is(err, io.EOF) {
		clear(b[n:])
		return nil
	}
	return err
}

// resized returns b with n bytes, whatever they are.
func resized(b []byte, n int64) []byte {
	if int64(cap(b)) < n {
		return make([]byte, n)
	}
	return b[:n]
}
