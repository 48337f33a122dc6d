package disk

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// create makes a segment, durably, from the file of a deleted one if there is any: its blocks
// have been written to before, which makes writing them again cheap. A header with a new stamp is
// there before the file gets its name.
func (l *fileLog) create(id uint64) (*segment, error) {
	path := filepath.Join(l.path, fileName(id, spareSuffix))
	if n := len(l.spares); n > 0 {
		path = l.spares[n-1]
		l.spares = l.spares[:n-1]
	}
	f, err := l.openFile(path, os.O_CREATE)
	if err != nil {
		return nil, err
	}
	s := &segment{log: l, id: id, path: filepath.Join(l.path, SegmentName(id)), file: f}
	if err := s.begin(); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	if err := os.Rename(path, s.path); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	if err := syncDir(l.path); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(s.path))
	}
	l.segs[id] = s
	return s, l.opened(s, f)
}

// begin writes the header of a new life of the file.
func (s *segment) begin() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.filled = max(blockSize, info.Size()/blockSize*blockSize)
	s.head = header{seg: s.id, stamp: newStamp()}
	return s.writeHeader()
}

// newStamp draws a number that no life of any file has had.
func newStamp() uint64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // it never fails
		if n := binary.LittleEndian.Uint64(b[:]); n != 0 {
			return n
		}
	}
}

// remove deletes a segment, durably, and keeps its file if there is use for it.
func (l *fileLog) remove(s *segment) error {
	if i := slices.Index(l.open, s); i >= 0 {
		l.open = slices.Delete(l.open, i, i+1)
	}
	if s.file != nil { // what is durable does not matter any more
		if err := s.file.Close(); err != nil {
			return err
		}
		s.file, s.tail = nil, nil
	}
	if err := l.retire(s); err != nil {
		return err
	}
	delete(l.segs, s.id)
	return syncDir(l.path)
}

func (l *fileLog) retire(s *segment) error {
	if len(l.spares) >= l.opts.Spares {
		return os.Remove(s.path)
	}
	spare := filepath.Join(l.path, fileName(s.id, spareSuffix))
	if err := os.Rename(s.path, spare); err != nil {
		return err
	}
	if !slices.Contains(l.spares, spare) {
		l.spares = append(l.spares, spare)
	}
	if s.filled > l.opts.SpareSize {
		return os.Truncate(spare, l.opts.SpareSize)
	}
	return nil
}
