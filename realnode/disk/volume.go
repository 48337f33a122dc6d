package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// fileVolume is a volume in one sparse file.
//
// The kernel reports a write that it could not carry out once, to one fsync, and may forget the
// data then. So a failed sync is final here: every later write and sync fails with the same error
// until the volume is opened anew, and what was not synced is in doubt until then.
type fileVolume struct {
	file     *os.File
	direct   *os.File // the same, past the page cache; nil: the file system cannot
	geo      node.Geometry
	buf      []byte    // of the latest answer
	lastRead time.Time // when it was read last, but for what was read past the page cache
	cached   cacheReads
	missed   missedOnce
	mu       sync.Mutex
	failed   error // of the first sync that failed
}

var (
	_ Volume       = (*fileVolume)(nil)
	_ CachedReader = (*fileVolume)(nil)
)

// OpenVolume opens the volume in the file at path, or makes it with geometry g. The size of a
// file that exists counts, not g's: the volume may have been resized.
func OpenVolume(path string, g node.Geometry) (Volume, error) {
	if err := checkGeometry(g); err != nil {
		return nil, fmt.Errorf("volume %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	v := &fileVolume{file: file, geo: g}
	if err := v.size(); err != nil {
		file.Close()
		return nil, err
	}
	v.direct, err = os.OpenFile(path, os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return nil, errors.Join(err, file.Close())
	}
	return v, nil
}

func checkGeometry(g node.Geometry) error {
	switch {
	case g.SectorSize != 512 && g.SectorSize != 4096:
		return fmt.Errorf("geometry: sectors of %d bytes, expected 512 or 4096", g.SectorSize)
	case g.Carry != g.SectorSize:
		return fmt.Errorf("geometry: carries %d bytes a sector; real files carry all %d",
			g.Carry, g.SectorSize)
	case !validSize(int64(g.Sectors), g.SectorSize):
		return fmt.Errorf("geometry: %d sectors of %d bytes", g.Sectors, g.SectorSize)
	}
	return nil
}

// validSize tells whether a volume can have so many sectors.
func validSize(sectors int64, sectorSize uint32) bool {
	const most = 1 << 62
	return sectors > 0 && sectors <= most/int64(sectorSize)
}

// size makes a new file as large as it must be, and learns the size of another.
func (v *fileVolume) size() error {
	info, err := v.file.Stat()
	if err != nil {
		return err
	}
	sector := int64(v.geo.SectorSize)
	if n := info.Size(); n != 0 {
		if n%sector != 0 {
			return fmt.Errorf("volume %s: %d bytes are no multiple of sectors of %d", v.file.Name(), n,
				sector)
		}
		v.geo.Sectors = uint64(n / sector)
		return nil
	}
	if err := v.file.Truncate(v.geo.Bytes(int64(v.geo.Sectors))); err != nil {
		return err
	}
	if err := v.file.Sync(); err != nil {
		return err
	}
	return syncParent(v.file.Name())
}

// Geometry implements Volume.
func (v *fileVolume) Geometry() node.Geometry { return v.geo }

func (v *fileVolume) String() string { return "file " + v.file.Name() }

// Close implements Device.
func (v *fileVolume) Close() error {
	if v.direct != nil {
		return errors.Join(v.direct.Close(), v.file.Close())
	}
	return v.file.Close()
}

// Do implements Device.
func (v *fileVolume) Do(r *Request) ([]byte, error) {
	if !validVolume(r, v.geo) {
		return nil, invalid(v, r)
	}
	off, n := v.geo.Bytes(r.Off), v.geo.Bytes(r.N)
	if r.Op == node.OpRead {
		return v.read(r.Into, off, n)
	}
	if r.Op == node.OpMap {
		return v.mapData(off, n)
	}
	if err := v.sticky(); err != nil {
		return nil, err
	}
	switch r.Op {
	case node.OpWrite:
		return nil, v.write(r.Data, off)
	case node.OpZero:
		return nil, zero(v.file, off, n)
	}
	return nil, v.resize(r.N)
}

// validVolume tells whether a request makes sense for a volume of geometry g.
func validVolume(r *Request, g node.Geometry) bool {
	all := int64(g.Sectors)
	switch r.Op {
	case node.OpResize:
		return validSize(r.N, g.SectorSize)
	case node.OpRead, node.OpWrite, node.OpZero, node.OpMap:
	default:
		return false
	}
	return r.Off >= 0 && r.N > 0 && r.N <= all && r.Off <= all-r.N &&
		(r.Op != node.OpWrite || int64(len(r.Data)) == g.Bytes(r.N))
}

func (v *fileVolume) read(into []byte, off, n int64) ([]byte, error) {
	into = v.space(into, n)
	if v.direct != nil && n >= directReadFrom && n%blockSize == 0 && off%blockSize == 0 {
		switch {
		case v.cached.read(v.file, into, off):
			v.lastRead = time.Now()
			return into, nil
		case v.missed.first(off, n):
			return into, v.readDirect(into, off)
		}
	}
	v.lastRead = time.Now()
	if _, err := v.file.ReadAt(into, off); err != nil {
		return nil, pathError("read", v.file.Name(), err)
	}
	return into, nil
}

// Large reads of what is not in the page cache go past it at the first time: to fill the cache with what
// is read once, by a copy of the volume, costs more than the disk does. What is read again is kept.
const directReadFrom = 256 << 10

func (v *fileVolume) readDirect(into []byte, off int64) error {
	if aligned(into) {
		_, err := v.direct.ReadAt(into, off)
		return pathError("read", v.file.Name(), err)
	}
	buf := borrow()
	defer buf.giveBack()
	for len(into) > 0 {
		n := min(len(into), len(buf.b))
		if _, err := v.direct.ReadAt(buf.b[:n], off); err != nil {
			return pathError("read", v.file.Name(), err)
		}
		copy(into, buf.b[:n])
		into, off = into[n:], off+int64(n)
	}
	return nil
}

// missedOnce remembers what of a volume was read and not found in the page cache: one bit for each
// MiB.
type missedOnce struct{ bits []uint64 }

// first says whether a miss at [off, off+n) is the first one since the last that was not.
func (m *missedOnce) first(off, n int64) bool {
	const unit = 1 << 20
	again := true
	for i := off / unit; i <= (off+n-1)/unit; i++ {
		word, bit := int(i/64), uint64(1)<<(i%64)
		for len(m.bits) <= word {
			m.bits = append(m.bits, 0)
		}
		again = again && m.bits[word]&bit != 0
		m.bits[word] ^= bit
	}
	return !again
}

// space is where n bytes are read into: into, if there is room.
func (v *fileVolume) space(into []byte, n int64) []byte {
	if int64(cap(into)) < n {
		v.buf = resized(v.buf, n)
		into = v.buf
	}
	return into[:n]
}

// ReadCached implements CachedReader.
func (v *fileVolume) ReadCached(r *Request) ([]byte, bool) {
	if !validVolume(r, v.geo) {
		return nil, false
	}
	into := v.space(r.Into, v.geo.Bytes(r.N))
	v.lastRead = time.Now()
	return into, v.cached.read(v.file, into, v.geo.Bytes(r.Off))
}

// Writes from directFrom bytes on go past the page cache of a volume that nobody has read for a
// while: that is mostly the replay of a secondary, and to fill the cache with it costs more than
// the disk does.
const (
	directFrom = 64 << 10
	unread     = 10 * time.Second
)

func (v *fileVolume) write(data []byte, off int64) error {
	if v.direct == nil || len(data) < directFrom || len(data)%blockSize != 0 ||
		off%blockSize != 0 || time.Since(v.lastRead) < unread {
		_, err := v.file.WriteAt(data, off)
		return err
	}
	if aligned(data) {
		_, err := v.direct.WriteAt(data, off)
		return err
	}
	buf := borrow()
	defer buf.giveBack()
	for len(data) > 0 {
		n := copy(buf.b, data)
		if _, err := v.direct.WriteAt(buf.b[:n], off); err != nil {
			return err
		}
		data, off = data[n:], off+int64(n)
	}
	return nil
}

// mapData tells in which sectors the file has data: those that are data in part count.
func (v *fileVolume) mapData(off, n int64) ([]byte, error) {
	sector := int64(v.geo.SectorSize)
	v.buf = v.buf[:0]
	last := node.Run{}
	err := EachData(v.file, off, off+n, func(from, to int64) {
		first, end := from/sector, (to+sector-1)/sector
		if last.N > 0 && first <= last.First+last.N {
			last.N = end - last.First
			return
		}
		if last.N > 0 {
			v.buf = node.AppendRuns(v.buf, last)
		}
		last = node.Run{First: first, N: end - first}
	})
	if last.N > 0 {
		v.buf = node.AppendRuns(v.buf, last)
	}
	return v.buf, err
}

func (v *fileVolume) resize(sectors int64) error {
	if err := v.file.Truncate(v.geo.Bytes(sectors)); err != nil {
		return err
	}
	v.geo.Sectors = uint64(sectors)
	return v.stick(v.file.Sync())
}

// Admit implements Device.
func (v *fileVolume) Admit(_, _ uint64) (bool, error) { return false, nil }

// Sync implements Device.
func (v *fileVolume) Sync(_, _ uint64) error {
	if err := v.sticky(); err != nil {
		return err
	}
	return v.stick(fdatasync(v.file))
}

// stick remembers the first error of a sync.
func (v *fileVolume) stick(err error) error {
	if err == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failed == nil {
		v.failed = fmt.Errorf("a sync failed, and what it covered is in doubt: %w", err)
	}
	return v.failed
}

func (v *fileVolume) sticky() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}
