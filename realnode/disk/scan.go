package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/container-football/pitch/node"
)

// ReadSegment reads the file of a segment from outside, also while a process is at work on it: no
// device needs to be open, and nothing is written. It looks at every block, and returns what it
// could read up to the first damage, and an error that wraps ErrDamaged then.
func ReadSegment(path string) ([]byte, error) {
	var data []byte
	var err error
	for range 10 {
		before, was := len(data), err
		data, err = readSegment(path)
		if err == nil || !errors.Is(err, ErrDamaged) {
			return data, err
		}
		// A writer may have been faster than the look at its blocks. Then it comes out differently
		// the next time.
		if was != nil && was.Error() == err.Error() && before == len(data) {
			break
		}
	}
	return data, err
}

func readSegment(path string) ([]byte, error) {
	f, err := openDirect(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return scan(path, f, info.Size())
}

func scan(path string, file io.ReaderAt, size int64) ([]byte, error) {
	buf := borrow()
	defer buf.giveBack()
	s := source{path: path, file: file, buf: buf.b}
	if err := s.readHeader(size); err != nil {
		return nil, err
	}
	if id, ok := parseName(filepath.Base(path), segmentSuffix); ok && id != s.head.seg {
		return nil, s.damaged(0, fmt.Errorf("of segment %d, expected %d", s.head.seg, id))
	}
	data := make([]byte, 0, min(s.blocks*payloadSize, 64<<20))
	_, err := s.walk(1, s.blocks, func(payload []byte) { data = append(data, payload...) })
	return data, err
}

// ReadLog reads all segments of a log, as ReadSegment does. The error names each damage.
func ReadLog(dir string) ([]node.LogFile, error) {
	entries, err := os.ReadDir(dir) // sorted, and so are the numbers: they have leading zeros
	if err != nil {
		return nil, err
	}
	var files []node.LogFile
	var errs []error
	for _, e := range entries {
		id, ok := parseName(e.Name(), segmentSuffix)
		if !ok {
			continue
		}
		data, err := ReadSegment(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted since it was listed
		}
		if err != nil {
			errs = append(errs, err)
		}
		files = append(files, node.LogFile{ID: id, Data: data})
	}
	return files, errors.Join(errs...)
}

// Verify looks at every block of every segment of a log.
func Verify(dir string) error {
	_, err := ReadLog(dir)
	return err
}

// IsSegment reports whether a file that begins with b claims to be one of a log.
func IsSegment(b []byte) bool {
	return len(b) >= blockSize && binary.LittleEndian.Uint32(b) == headerMagic
}
