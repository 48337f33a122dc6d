package realnode

import (
	"errors"
	"io"
	"os"

	"github.com/container-football/pitch/realnode/disk"
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
	var failed error
	err = disk.EachData(f, 0, info.Size(), func(from, to int64) {
		if _, err := f.ReadAt(b[from:to], from); err != nil && !errors.Is(err, io.EOF) {
			failed = errors.Join(failed, err)
		}
	})
	return b, errors.Join(err, failed)
}
