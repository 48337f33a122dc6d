package realnode

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// volumeFile is a volume in one sparse file, with a volatile cache in front: see [fate].
type volumeFile struct {
	file   *os.File
	geo    node.Geometry
	fate   fate
	floor  func() uint64
	buf    []byte // of the latest read
	mu     sync.Mutex
	held   map[int64][]heldSector // by sector, oldest first
	spares [][]byte
}

// heldSector is the content of one sector that is not in the file yet.
type heldSector struct {
	seq  uint64 // of the write
	data []byte
}

var _ medium = (*volumeFile)(nil)

func openVolume(path string, g node.Geometry, f fate) (*volumeFile, error) {
	size := g.Bytes(int64(g.Sectors))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := sizeFile(file, size); err != nil {
		file.Close()
		return nil, err
	}
	return &volumeFile{file: file, geo: g, fate: f, held: make(map[int64][]heldSector)}, nil
}

// sizeFile makes a new file as large as it must be and refuses one of another size.
func sizeFile(file *os.File, size int64) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() == size {
		return nil
	}
	if info.Size() != 0 {
		return fmt.Errorf("%s: %d bytes, expected %d", file.Name(), info.Size(), size)
	}
	if err := file.Truncate(size); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file.Name()))
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

func fdatasync(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) { result = unix.Fdatasync(int(fd)) }); err != nil {
		return err
	}
	if result != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: result}
	}
	return nil
}

func (v *volumeFile) close() error { return v.file.Close() }

func (v *volumeFile) valid(sector, n int64) bool {
	all := int64(v.geo.Sectors)
	return sector >= 0 && n > 0 && n <= all && sector <= all-n
}

func (v *volumeFile) do(op *diskOp, data []byte) ([]byte, node.Code) {
	size := int64(v.geo.SectorSize)
	if !v.valid(op.off, op.n) || op.op == node.OpWrite && int64(len(data)) != op.n*size {
		return nil, node.Invalid
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if op.op == node.OpWrite {
		return nil, diskCode(v.write(op, data))
	}
	if n := int(op.n * size); cap(v.buf) < n {
		v.buf = make([]byte, n)
	} else {
		v.buf = v.buf[:n]
	}
	if err := v.read(op.off); err != nil {
		return nil, diskCode(err)
	}
	return v.buf, node.OK
}

// read fills v.buf from the file and puts what is held over it.
func (v *volumeFile) read(sector int64) error {
	size := int64(v.geo.SectorSize)
	if _, err := v.file.ReadAt(v.buf, sector*size); err != nil {
		return err
	}
	if len(v.held) == 0 {
		return nil
	}
	for at := int64(0); at < int64(len(v.buf)); at += size {
		if h := v.held[sector+at/size]; len(h) > 0 {
			copy(v.buf[at:], h[len(h)-1].data)
		}
	}
	return nil
}

// write sends the first sectors to the file, as many as fate wants, and holds the others.
func (v *volumeFile) write(op *diskOp, data []byte) error {
	size := int64(v.geo.SectorSize)
	k := int64(v.fate.early(int(op.n)))
	if k > 0 {
		if _, err := v.file.WriteAt(data[:k*size], op.off*size); err != nil {
			return err
		}
		// Older content of these sectors must not come over the new one at the next sync.
		for s := op.off; s < op.off+k && len(v.held) > 0; s++ {
			v.drop(s, len(v.held[s]))
		}
	}
	for s := op.off + k; s < op.off+op.n; s++ {
		v.hold(s, op.seq, data[(s-op.off)*size:][:size])
	}
	return nil
}

// hold keeps data for a later sync. Older content is kept only as long as some sync can cover
// it without covering what replaced it.
func (v *volumeFile) hold(sector int64, seq uint64, data []byte) {
	h := v.held[sector]
	if len(h) > 1 {
		floor, k := v.floor(), 0
		for k+1 < len(h) && h[k+1].seq <= floor {
			k++
		}
		v.drop(sector, k)
		h = v.held[sector]
	}
	v.held[sector] = append(h, heldSector{seq, append(v.spare(), data...)})
}

// drop lets go of the k oldest contents of a sector.
func (v *volumeFile) drop(sector int64, k int) {
	h := v.held[sector]
	for i := range k {
		v.spares = append(v.spares, h[i].data)
	}
	if k == len(h) {
		delete(v.held, sector)
		return
	}
	v.held[sector] = h[:copy(h, h[k:])]
}

func (v *volumeFile) spare() []byte {
	n := len(v.spares)
	if n == 0 {
		return make([]byte, 0, v.geo.SectorSize)
	}
	b := v.spares[n-1]
	v.spares = v.spares[:n-1]
	return b[:0]
}

func (v *volumeFile) admit(*diskOp) (node.Code, bool) { return node.OK, true }

func (v *volumeFile) sync(_ uint64, upto uint64) node.Code {
	if err := v.flush(upto); err != nil {
		return diskCode(err)
	}
	return diskCode(fdatasync(v.file))
}

// flush writes to the file what is held of the writes up to a number.
func (v *volumeFile) flush(upto uint64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	size := int64(v.geo.SectorSize)
	for s, h := range v.held {
		k := 0
		for k < len(h) && h[k].seq <= upto {
			k++
		}
		if k == 0 {
			continue
		}
		if _, err := v.file.WriteAt(h[k-1].data, s*size); err != nil {
			return err
		}
		v.drop(s, k)
	}
	return nil
}
