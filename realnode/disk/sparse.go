package disk

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// zero makes n bytes read as zeros and lets go of the space they take, where the file system can.
func zero(f *os.File, off, n int64) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	const mode = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
	if err := raw.Control(func(fd uintptr) {
		result = retry(func() error { return unix.Fallocate(int(fd), mode, off, n) })
	}); err != nil {
		return err
	}
	if errors.Is(result, unix.EOPNOTSUPP) || errors.Is(result, unix.ENOSYS) {
		return writeZeros(f, off, n)
	}
	return pathError("punch hole", f.Name(), result)
}

// zeros is what holes are written with. Nobody writes to it.
var zeros = AlignedBuffer(1 << 20)

func writeZeros(w io.WriterAt, off, n int64) error {
	for n > 0 {
		k := min(n, int64(len(zeros)))
		if _, err := w.WriteAt(zeros[:k], off); err != nil {
			return err
		}
		off, n = off+k, n-k
	}
	return nil
}

// EachData calls f for each run of bytes in [from, to) that is not a hole. A file system that
// cannot tell has no holes.
func EachData(file *os.File, from, to int64, f func(from, to int64)) error {
	for from < to {
		data, err := file.Seek(from, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO):
			return nil // only hole is left
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
			f(from, to)
			return nil
		case err != nil:
			return err
		}
		hole, err := file.Seek(data, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		hole = min(hole, to)
		if hole <= data {
			return nil // data begins behind to, or the file has become shorter
		}
		f(data, hole)
		from = hole
	}
	return nil
}
