package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// LogOptions says how a log uses its files. The zero value is what a node should use.
type LogOptions struct {
	// Buffered sends writes through the page cache even where the file system takes direct I/O.
	Buffered bool
	// Fill bounds how much of a segment's file is filled with zeros in one go, in bytes: one append
	// waits for it. 0 means 4 MiB: a few milliseconds.
	Fill int64
	// Spares is how many files of deleted segments are kept for new ones. 0 means 2, below 0 none.
	Spares int
	// SpareSize bounds the size of each of them, in bytes. 0 means 64 MiB.
	SpareSize int64
	// Open is how many files are open at a time at most. 0 means 4.
	Open int

	watch func(f *os.File, b []byte, off int64) // tests: called before each write to a file
}

func (o LogOptions) withDefaults() LogOptions {
	or := func(have, otherwise int64) int64 {
		if have == 0 {
			return otherwise
		}
		return have
	}
	o.Fill = or(o.Fill, 4<<20)
	o.Spares = int(max(0, or(int64(o.Spares), 2)))
	o.SpareSize = or(o.SpareSize, 64<<20)
	o.Open = int(or(int64(o.Open), 4))
	return o
}

// firstFill is how much of a new file is filled with zeros first, in bytes: there may be many
// logs that never hold more. It doubles from there.
const firstFill = 64 << 10

// fileLog is a log in a folder with one file a segment. Everything is durable as soon as the
// request has ended, so there is nothing to sync.
type fileLog struct {
	path   string
	opts   LogOptions
	direct bool
	segs   map[uint64]*segment
	open   []*segment // those with an open file, the one used last at the end
	spares []string   // paths
	buf    []byte     // of the latest answer
	failed error      // of the first buffered write that the medium refused
}

var _ Device = (*fileLog)(nil)

// OpenLog opens the log in a folder, or makes it. An error that wraps ErrDamaged names the file
// and the block.
func OpenLog(path string, o LogOptions) (Device, error) {
	l := &fileLog{path: path, opts: o.withDefaults(), segs: make(map[uint64]*segment)}
	if err := l.start(); err != nil {
		return nil, fmt.Errorf("log %s: %w", path, errors.Join(err, l.Close()))
	}
	return l, nil
}

func (l *fileLog) start() error {
	if err := makeDir(l.path); err != nil {
		return err
	}
	var err error
	if l.direct, err = l.takesDirect(); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := l.adopt(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a folder, durably, if there is none.
func makeDir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return syncParent(path)
}

// probeName is a file that is there only while it is tried what the file system can do.
const probeName = "probe"

// takesDirect tries whether the file system takes direct I/O.
func (l *fileLog) takesDirect() (bool, error) {
	if l.opts.Buffered {
		return false, nil
	}
	path := filepath.Join(l.path, probeName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_DIRECT, 0o644)
	if errors.Is(err, unix.EINVAL) {
		return false, os.Remove(path) // it is made before it is refused
	}
	if err != nil {
		return false, err
	}
	_, err = f.WriteAt(zeros[:blockSize], 0) // on a full disk it may fail for another reason
	return !errors.Is(err, unix.EINVAL), errors.Join(f.Close(), os.Remove(path))
}

// adopt takes up what an earlier life has left.
func (l *fileLog) adopt(name string) error {
	path := filepath.Join(l.path, name)
	if name == probeName {
		return os.Remove(path)
	}
	if _, ok := parseName(name, spareSuffix); ok {
		if len(l.spares) >= l.opts.Spares {
			return os.Remove(path)
		}
		l.spares = append(l.spares, path)
		return nil
	}
	id, ok := parseName(name, segmentSuffix)
	if !ok {
		return fmt.Errorf("%q is no name of a segment", name)
	}
	s := &segment{log: l, id: id, path: path}
	l.segs[id] = s
	if err := l.use(s); err != nil {
		return err
	}
	return s.find()
}

func (l *fileLog) String() string {
	if l.direct {
		return "direct log " + l.path
	}
	return "buffered log " + l.path
}

// Close implements Device.
func (l *fileLog) Close() error {
	var err error
	for _, s := range l.open {
		err = errors.Join(err, s.close())
	}
	l.open = nil
	return err
}

// Admit implements Device.
func (l *fileLog) Admit(seg, _ uint64) (bool, error) {
	if l.segs[seg] == nil {
		return true, invalid(l, &Request{Op: node.OpLogSync, Seg: seg})
	}
	return true, nil
}

// Sync implements Device.
func (l *fileLog) Sync(_, _ uint64) error { return nil }

// Do implements Device.
func (l *fileLog) Do(r *Request) ([]byte, error) {
	s := l.segs[r.Seg]
	size := int64(0)
	if s != nil {
		size = s.size
	}
	if !validLog(r, s != nil, size) {
		return nil, invalid(l, r)
	}
	switch r.Op {
	case node.OpLogNote:
		return nil, nil // there is no archive
	case node.OpLogList:
		l.buf = appendListing(l.buf[:0], l.segs, func(s *segment) int64 { return s.size })
		return l.buf, nil
	case node.OpLogRead:
		return l.read(s, r)
	}
	if l.failed != nil {
		return nil, l.failed
	}
	return nil, l.stick(l.change(s, r))
}

// change carries out what is no read. A segment whose first append failed is not there.
func (l *fileLog) change(s *segment, r *Request) error {
	if s != nil {
		return l.changeSegment(s, r)
	}
	s, err := l.create(r.Seg)
	if err != nil {
		return err
	}
	if err := l.changeSegment(s, r); err != nil {
		return errors.Join(err, l.remove(s))
	}
	return nil
}

func (l *fileLog) changeSegment(s *segment, r *Request) error {
	if r.Op == node.OpLogDelete {
		return l.remove(s)
	}
	if err := l.use(s); err != nil {
		return err
	}
	switch r.Op {
	case node.OpLogTrunc:
		return s.truncate(r.N)
	case node.OpWrite:
		return s.put(r.Off, r.Data)
	}
	return s.append(r.Data)
}

// stick makes an error final where the kernel may have forgotten the data: see [fileVolume].
func (l *fileLog) stick(err error) error {
	if err != nil && !l.direct && CodeOf(err) == node.IOError && !errors.Is(err, ErrDamaged) {
		l.failed = fmt.Errorf("a write failed, and what the kernel made of it is in doubt: %w", err)
	}
	return err
}

func (l *fileLog) read(s *segment, r *Request) ([]byte, error) {
	n := max(0, min(r.N, s.size-r.Off))
	l.buf = resized(l.buf, n)
	if n == 0 {
		return l.buf, nil
	}
	if err := l.use(s); err != nil {
		return nil, err
	}
	return l.buf, s.read(l.buf, r.Off)
}

// use makes sure that the file of a segment is open, and closes one that was not used for long.
func (l *fileLog) use(s *segment) error {
	n := len(l.open)
	if n > 0 && l.open[n-1] == s {
		return nil
	}
	if i := slices.Index(l.open, s); i >= 0 {
		l.open = append(slices.Delete(l.open, i, i+1), s)
		return nil
	}
	f, err := l.openFile(s.path, 0)
	if err != nil {
		return err
	}
	return l.opened(s, f)
}

func (l *fileLog) openFile(path string, flags int) (*os.File, error) {
	flags |= os.O_RDWR | unix.O_DSYNC
	if l.direct {
		flags |= unix.O_DIRECT
	}
	return os.OpenFile(path, flags, 0o644)
}

func (l *fileLog) opened(s *segment, f *os.File) error {
	s.file = f
	l.open = append(l.open, s)
	if len(l.open) <= l.opts.Open {
		return nil
	}
	oldest := l.open[0]
	l.open = slices.Delete(l.open, 0, 1)
	return oldest.close()
}
