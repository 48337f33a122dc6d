package realnode

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// readSparse reads a whole file, but only where it holds data: a volume is mostly hole, and while
// the disks of a crashed host are read the run waits.
func readSparse(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	for at := int64(0); at < int64(len(b)); {
		from, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // only hole is left
		}
		if err != nil {
			return os.ReadFile(path) // a file system that cannot tell
		}
		to, err := f.Seek(from, unix.SEEK_HOLE)
		if err != nil {
			return nil, err
		}
		to = min(to, int64(len(b))) // it may have grown since
		if from >= to {
			break
		}
		if _, err := f.ReadAt(b[from:to], from); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		at = to
	}
	return b, nil
}
