package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/container-football/pitch/node"
)

// summedVolume has a checksum of each block in a side file.
type summedVolume struct {
	below Volume
	path  string
	file  *os.File
	per   int64  // sectors a block
	sums  []byte // of the blocks of the request at hand

	cached cacheReads

	mu     sync.Mutex
	failed error // of the first sync of the side file that failed
}

var (
	_ Volume       = (*summedVolume)(nil)
	_ CachedReader = (*summedVolume)(nil)
)

const sumSize = 4

// The side file holds, for each block, its CRC-32C XOR that of a block of zeros: where neither
// file was ever written to, they agree. A block that is being resized is not known for a moment;
// one whose value would be the same by chance gets its neighbour.
const (
	sumUnknown = 0xffffffff
	sumInstead = 0xfffffffe
)

var sumOfZeros = checksum(zeros[:blockSize])

func storedSum(block []byte) uint32 {
	if sum := checksum(block) ^ sumOfZeros; sum != sumUnknown {
		return sum
	}
	return sumInstead
}

// Summed keeps a CRC-32C of each 4096 bytes of a volume in the file at path, and compares it at
// each read, so that a block that has changed on its own is an error that wraps ErrChecksum
// instead of an answer. A file that is not there is made from what the volume holds.
//
// Data and checksums become durable at each sync, in this order. After a crash they may be out of
// step for blocks written since the last sync that ended. Whoever writes a log first writes
// exactly these again before anybody reads them. So a write never compares what it replaces. That
// holds for a write of a part of a block, too, whose checksum is taken of whatever the rest is:
// damage in the rest, which nobody has read meanwhile, is not found any more. Volumes with sectors
// of 4096 bytes do not have this gap. A write that fails may leave blocks that cannot be read until
// they are written again.
func Summed(below Volume, path string) (Volume, error) {
	v := &summedVolume{below: below, path: path, per: blockSize / below.Geometry().Bytes(1)}
	if err := v.start(); err != nil {
		return nil, fmt.Errorf("checksums %s: %w", path, err)
	}
	return v, nil
}

func (v *summedVolume) start() error {
	var err error
	v.file, err = os.OpenFile(v.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = v.make()
	}
	if err != nil {
		return err
	}
	// A crash may have come between the two steps of a resize.
	if err := v.file.Truncate(v.blocks() * sumSize); err != nil {
		return errors.Join(err, v.file.Close())
	}
	return nil
}

// make computes all checksums. The file gets its name when it is complete.
func (v *summedVolume) make() error {
	unnamed := v.path + ".new"
	var err error
	v.file, err = os.OpenFile(unnamed, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	err = v.sumAll()
	if err == nil {
		err = v.file.Sync()
	}
	if err == nil {
		err = os.Rename(unnamed, v.path)
	}
	if err == nil {
		err = syncParent(v.path)
	}
	if err != nil {
		v.file.Close()
	}
	return err
}

func (v *summedVolume) sumAll() error {
	all := int64(v.Geometry().Sectors)
	b, err := v.below.Do(&Request{Op: node.OpMap, N: all})
	if err != nil {
		return err
	}
	runs, err := node.DecodeRuns(b)
	if err != nil {
		return err
	}
	for _, run := range runs {
		for first := run.First / v.per; first*v.per < run.First+run.N; first++ {
			if err := v.sumAgain(first); err != nil {
				return err
			}
		}
	}
	return nil
}

// Geometry implements Volume.
func (v *summedVolume) Geometry() node.Geometry { return v.below.Geometry() }

func (v *summedVolume) String() string { return over("checksums", v.below) }

// Close implements Device.
func (v *summedVolume) Close() error { return errors.Join(v.file.Close(), v.below.Close()) }

// blocks is how many blocks the volume has. The last one may be short: what it lacks counts as
// zeros.
func (v *summedVolume) blocks() int64 {
	return (int64(v.Geometry().Sectors) + v.per - 1) / v.per
}

// Do implements Device.
func (v *summedVolume) Do(r *Request) ([]byte, error) {
	if !validVolume(r, v.Geometry()) {
		return nil, invalid(v, r)
	}
	if r.Op == node.OpRead {
		return v.read(r)
	}
	if r.Op == node.OpMap {
		return v.below.Do(r)
	}
	if err := v.sticky(); err != nil {
		return nil, err
	}
	if r.Op == node.OpResize {
		return nil, v.resize(r)
	}
	if _, err := v.below.Do(r); err != nil {
		return nil, err
	}
	return nil, v.written(r)
}

// read reads whole blocks and compares them.
func (v *summedVolume) read(r *Request) ([]byte, error) {
	whole := v.widened(r)
	b, err := v.below.Do(&whole)
	if err != nil {
		return nil, err
	}
	if err := readFull(v.file, v.sumsOf(&whole), whole.Off/v.per*sumSize); err != nil {
		return nil, err
	}
	return v.compared(r, &whole, b)
}

// ReadCached implements CachedReader.
func (v *summedVolume) ReadCached(r *Request) ([]byte, bool) {
	if !validVolume(r, v.Geometry()) {
		return nil, false
	}
	whole := v.widened(r)
	b, ok := readCached(v.below, &whole)
	if !ok || !v.cached.read(v.file, v.sumsOf(&whole), whole.Off/v.per*sumSize) {
		return nil, false
	}
	b, err := v.compared(r, &whole, b)
	return b, err == nil
}

// widened is the read of all blocks of which r wants a part.
func (v *summedVolume) widened(r *Request) Request {
	whole := *r
	whole.Off = r.Off / v.per * v.per
	end := (r.Off + r.N + v.per - 1) / v.per * v.per
	whole.N = min(end, int64(v.Geometry().Sectors)) - whole.Off
	return whole
}

// sumsOf makes room for the checksums of whole blocks.
func (v *summedVolume) sumsOf(whole *Request) []byte {
	v.sums = resized(v.sums, (whole.N+v.per-1)/v.per*sumSize)
	return v.sums
}

// compared returns what r wants of b, which holds whole blocks whose checksums are in v.sums.
func (v *summedVolume) compared(r, whole *Request, b []byte) ([]byte, error) {
	first := whole.Off / v.per
	for i := range int64(len(v.sums) / sumSize) {
		block := b[i*blockSize : min((i+1)*blockSize, int64(len(b)))]
		want := binary.LittleEndian.Uint32(v.sums[i*sumSize:])
		if got := v.sumOf(block); got != want && want != sumUnknown {
			return nil, &blockError{v.below.String(), first + i, fmt.Sprintf(
				"CRC-32C %#x, expected %#x", got^sumOfZeros, want^sumOfZeros), ErrChecksum}
		}
	}
	size := int64(len(b)) / whole.N
	return b[(r.Off-whole.Off)*size:][:r.N*size], nil
}

func (v *summedVolume) sumOf(block []byte) uint32 {
	if len(block) == blockSize {
		return storedSum(block)
	}
	var whole [blockSize]byte
	copy(whole[:], block)
	return storedSum(whole[:])
}

func (v *summedVolume) store(first int64) error {
	_, err := v.file.WriteAt(v.sums, first*sumSize)
	return err
}

// written brings the checksums up to date after a write or a zero: of whole blocks from what was
// written, of others from what is there now.
func (v *summedVolume) written(r *Request) error {
	end := r.Off + r.N
	first, last := (r.Off+v.per-1)/v.per, end/v.per // whole blocks, without the last
	if first > last {
		return v.sumAgain(last) // inside of one block
	}
	if r.Off%v.per != 0 {
		if err := v.sumAgain(first - 1); err != nil {
			return err
		}
	}
	if end%v.per != 0 {
		if err := v.sumAgain(last); err != nil {
			return err
		}
	}
	if first == last {
		return nil
	}
	if r.Op == node.OpZero {
		return zero(v.file, first*sumSize, (last-first)*sumSize)
	}
	data := r.Data[v.Geometry().Bytes(first*v.per-r.Off):]
	v.sums = resized(v.sums, (last-first)*sumSize)
	for i := range last - first {
		binary.LittleEndian.PutUint32(v.sums[i*sumSize:], storedSum(data[i*blockSize:][:blockSize]))
	}
	return v.store(first)
}

// sumAgain takes the checksum of a block as it is now.
func (v *summedVolume) sumAgain(block int64) error {
	r := Request{Op: node.OpRead, Off: block * v.per}
	r.N = min(v.per, int64(v.Geometry().Sectors)-r.Off)
	b, err := v.below.Do(&r)
	if err != nil {
		return err
	}
	return v.set(block, v.sumOf(b))
}

func (v *summedVolume) set(block int64, sum uint32) error {
	v.sums = resized(v.sums, sumSize)
	binary.LittleEndian.PutUint32(v.sums, sum)
	return v.store(block)
}

// resize first forgets the checksum of a block that is going to be cut in two: whenever a crash
// comes, it is right or unknown. Checksums of blocks behind the end must be gone, because the
// volume may grow again.
func (v *summedVolume) resize(r *Request) error {
	cut := r.N < int64(v.Geometry().Sectors) && r.N%v.per != 0
	if cut {
		if err := v.set(r.N/v.per, sumUnknown); err != nil {
			return err
		}
		if err := v.syncSums(); err != nil {
			return err
		}
	}
	if _, err := v.below.Do(r); err != nil {
		return err
	}
	if err := v.file.Truncate(v.blocks() * sumSize); err != nil {
		return err
	}
	if cut {
		if err := v.sumAgain(r.N / v.per); err != nil {
			return err
		}
	}
	return v.syncSums()
}

// Admit implements Device.
func (v *summedVolume) Admit(_, _ uint64) (bool, error) { return false, nil }

// Sync implements Device.
func (v *summedVolume) Sync(seg, upto uint64) error {
	if err := v.below.Sync(seg, upto); err != nil {
		return err
	}
	return v.syncSums()
}

// syncSums makes the checksums durable. Like that of the data, a failed sync is final.
func (v *summedVolume) syncSums() error {
	if err := v.sticky(); err != nil {
		return err
	}
	err := fdatasync(v.file)
	if err != nil {
		v.mu.Lock()
		v.failed = fmt.Errorf("a sync failed, and what it covered is in doubt: %w", err)
		v.mu.Unlock()
	}
	return err
}

func (v *summedVolume) sticky() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}
