package realnode

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/container-football/pitch/node"
)

// logDir is a log: a directory with one file a segment, with a volatile cache in front: see
// [fate]. A file is as long as its segment. All segments stay open.
type logDir struct {
	path string
	fate fate
	buf  []byte // of the latest read or listing
	mu   sync.Mutex
	segs map[uint64]*segment
}

type segment struct {
	path  string
	file  *os.File // nil as long as everything is held
	size  int64    // as machines see it
	onDsk int64    // length of the file
	held  []heldBytes
	isNew bool // the directory does not durably have the file yet
}

// heldBytes is the part of one append that is not in the file yet. Those of a segment are in
// ascending order and do not overlap.
type heldBytes struct {
	seq  uint64 // of the append
	off  int64
	data []byte
}

var _ medium = (*logDir)(nil)

const segmentSuffix = ".seg"

// SegmentName is what the file of a segment is called.
func SegmentName(id uint64) string { return fmt.Sprintf("%020d%s", id, segmentSuffix) }

// parseSegment is the inverse of SegmentName.
func parseSegment(name string) (uint64, error) {
	id, err := strconv.ParseUint(strings.TrimSuffix(name, segmentSuffix), 10, 64)
	if err != nil || SegmentName(id) != name {
		return 0, fmt.Errorf("%q is no name of a segment", name)
	}
	return id, nil
}

func openLog(path string, f fate) (*logDir, error) {
	l := &logDir{path: path, fate: f, segs: make(map[uint64]*segment)}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := l.open(e.Name()); err != nil {
			return nil, fmt.Errorf("log %s: %w", path, errors.Join(err, l.close()))
		}
	}
	return l, nil
}

func (l *logDir) open(name string) error {
	id, err := parseSegment(name)
	if err != nil {
		return err
	}
	s := &segment{path: filepath.Join(l.path, name)}
	if s.file, err = os.OpenFile(s.path, os.O_RDWR, 0); err != nil {
		return err
	}
	l.segs[id] = s
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.size, s.onDsk = info.Size(), info.Size()
	return nil
}

func (l *logDir) close() error {
	var first error
	for _, s := range l.segs {
		if s.file == nil {
			continue
		}
		if err := s.file.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (l *logDir) do(op *diskOp, data []byte) ([]byte, node.Code) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segs[op.seg]
	switch op.op {
	case node.OpLogList:
		return l.list(), node.OK
	case node.OpLogAppend:
		return nil, l.append(op, s, data)
	}
	if s == nil {
		return nil, node.Invalid
	}
	switch op.op {
	case node.OpLogRead:
		return l.read(op, s)
	case node.OpLogTrunc:
		return nil, l.truncate(op, s)
	case node.OpLogDelete:
		return nil, diskCode(l.remove(op.seg, s))
	}
	panic(fmt.Sprintf("realnode: log request %v", op.op))
}

func (l *logDir) list() []byte {
	segs := make([]node.Segment, 0, len(l.segs))
	for id, s := range l.segs {
		segs = append(segs, node.Segment{ID: id, Size: s.size})
	}
	slices.SortFunc(segs, func(a, b node.Segment) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	l.buf = node.AppendSegments(l.buf[:0], segs)
	return l.buf
}

func (l *logDir) append(op *diskOp, s *segment, data []byte) node.Code {
	isNew := s == nil
	if isNew {
		s = &segment{path: filepath.Join(l.path, SegmentName(op.seg)), isNew: true}
	}
	if op.off != s.size {
		return node.Invalid
	}
	k := l.fate.early(len(data))
	whole := k == len(data)
	if len(data) == 0 {
		whole = s.file != nil || l.fate.early(1) == 1 // it may still have to make the segment
	}
	if k > 0 || whole {
		if err := s.write(op.off, data[:k]); err != nil {
			if isNew && s.file != nil {
				err = errors.Join(err, s.file.Close(), os.Remove(s.path))
			}
			return diskCode(err)
		}
	}
	if !whole {
		s.held = append(s.held, heldBytes{op.seq, op.off + int64(k), slices.Clone(data[k:])})
	}
	s.size += int64(len(data))
	l.segs[op.seg] = s
	return node.OK
}

// write puts data into the file, which it makes if need be. Where older data is still held the
// file gets a hole of zeros, as a disk does that wrote later blocks first.
func (s *segment) write(off int64, data []byte) error {
	if s.file == nil {
		f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		s.file = f
	}
	if len(data) == 0 {
		return nil // this would not make the file longer, wherever it is
	}
	if _, err := s.file.WriteAt(data, off); err != nil {
		// Part of it may be there; the file must not look longer than the segment.
		_ = s.file.Truncate(s.onDsk)
		return err
	}
	s.onDsk = max(s.onDsk, off+int64(len(data)))
	return nil
}

func (l *logDir) read(op *diskOp, s *segment) ([]byte, node.Code) {
	if op.off < 0 || op.n < 0 {
		return nil, node.Invalid
	}
	n := max(0, min(op.n, s.size-op.off))
	l.buf = slices.Grow(l.buf[:0], int(n))[:n]
	inFile := max(0, min(n, s.onDsk-op.off))
	if inFile > 0 {
		if _, err := s.file.ReadAt(l.buf[:inFile], op.off); err != nil {
			return nil, diskCode(err)
		}
	}
	s.overlay(l.buf, op.off)
	return l.buf, node.OK
}

// overlay puts what is held over buf, which stands for the bytes from off on.
func (s *segment) overlay(buf []byte, off int64) {
	end := off + int64(len(buf))
	for i := len(s.held) - 1; i >= 0; i-- {
		h := &s.held[i]
		hEnd := h.off + int64(len(h.data))
		if hEnd <= off {
			return
		}
		if from, to := max(off, h.off), min(end, hEnd); from < to {
			copy(buf[from-off:to-off], h.data[from-h.off:])
		}
	}
}

// truncate makes the cut durable, not what is left over.
func (l *logDir) truncate(op *diskOp, s *segment) node.Code {
	size := op.n
	if size < 0 || size > s.size {
		return node.Invalid
	}
	kept := s.held[:0]
	for _, h := range s.held {
		if h.off < size {
			h.data = h.data[:min(int64(len(h.data)), size-h.off)]
			kept = append(kept, h)
		}
	}
	clear(s.held[len(kept):])
	s.held, s.size = kept, size
	if err := s.cut(size); err != nil {
		return diskCode(err)
	}
	if !s.isNew {
		return node.OK
	}
	s.isNew = false
	return diskCode(syncDir(l.path))
}

// cut makes the file no longer than size, durably. It makes the file if there is none.
func (s *segment) cut(size int64) error {
	if err := s.write(0, nil); err != nil {
		return err
	}
	if s.onDsk > size {
		if err := s.file.Truncate(size); err != nil {
			return err
		}
		s.onDsk = size
	}
	return s.file.Sync()
}

func (l *logDir) remove(id uint64, s *segment) error {
	delete(l.segs, id)
	if s.file == nil {
		return nil
	}
	if err := s.file.Close(); err != nil {
		return err
	}
	if err := os.Remove(s.path); err != nil {
		return err
	}
	return syncDir(l.path)
}

func (l *logDir) admit(op *diskOp) (node.Code, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return node.Invalid, l.segs[op.seg] != nil
}

func (l *logDir) sync(seg uint64, upto uint64) node.Code {
	file, isNew, err := l.flush(seg, upto)
	if err != nil {
		return diskCode(err)
	}
	if file == nil {
		return node.OK
	}
	if err := fdatasync(file); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if s := l.segs[seg]; s == nil || s.file != file {
			return node.OK // deleted meanwhile: nothing is left to be durable
		}
		return diskCode(err)
	}
	if !isNew {
		return node.OK
	}
	if err := syncDir(l.path); err != nil {
		return diskCode(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.segs[seg]; s != nil && s.file == file {
		s.isNew = false
	}
	return node.OK
}

// flush writes to the file what is held of the appends up to a number. It returns no file if
// the segment was deleted or if nothing of it is covered.
func (l *logDir) flush(seg uint64, upto uint64) (file *os.File, isNew bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segs[seg]
	if s == nil {
		return nil, false, nil
	}
	k := 0
	for ; k < len(s.held) && s.held[k].seq <= upto; k++ {
		if err = s.write(s.held[k].off, s.held[k].data); err != nil {
			break
		}
	}
	n := copy(s.held, s.held[k:])
	clear(s.held[n:])
	s.held = s.held[:n]
	return s.file, s.isNew, err
}
