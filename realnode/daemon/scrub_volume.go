package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// Of a volume, so much is read at a time, and so much has a checksum of its own, in bytes.
const (
	scrubPiece = 1 << 20
	scrubBlock = 4096
	sumBytes   = 4
)

// volumeScrub compares one volume with its checksums.
//
// After a crash, data and checksums are out of step for blocks that were written since the last
// sync. A machine that writes its log first writes exactly these again before anybody reads them,
// so they are no damage. Of sectors smaller than a block, others in such a block cannot be judged:
// recovery takes the checksum of the block as it finds it.
type volumeScrub struct {
	*scrub
	def    *Definition
	path   string
	judged *Judgement
	whole  bool // the logs are not damaged, so the judgement is complete

	volume disk.Volume
	per    int64 // sectors a block
	blocks int64
	bad    blockRun
}

// blockRun are neighbours that have the same kind of damage.
type blockRun struct {
	first, n int64
	what     string
}

func (v *volumeScrub) run(g node.Geometry) error {
	ok, err := v.open(g)
	if !ok || err != nil {
		return err
	}
	defer v.volume.Close() //nolint:errcheck // nothing was written
	v.per = max(1, scrubBlock/int64(g.SectorSize))
	v.blocks = (int64(v.volume.Geometry().Sectors) + v.per - 1) / v.per
	err = v.eachPiece(v.piece)
	v.tell()
	return err
}

// open opens the volume as the daemon does, if it would open what is there.
func (v *volumeScrub) open(g node.Geometry) (ok bool, err error) {
	info, err := os.Stat(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		if v.judged.Begun {
			v.found(v.def.Name, v.path, "it is gone, but the log says that it holds something")
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if least := g.Bytes(v.judged.Sectors); info.Size() < least || info.Size()%g.Bytes(1) != 0 {
		v.found(v.def.Name, v.path, "%d bytes, expected at least %d and whole sectors of %d",
			info.Size(), least, g.SectorSize)
		return false, nil
	}
	if !v.def.Checksums {
		return false, v.read(dataOf(v.path)) // nothing to compare with
	}
	if _, err := os.Stat(v.path + sumsSuffix); errors.Is(err, fs.ErrNotExist) {
		if v.judged.Begun {
			v.found(v.def.Name, v.path+sumsSuffix, "it is gone, and would be made of whatever is there")
		}
		return false, nil
	}
	below, err := disk.OpenVolume(v.path, g)
	if err == nil {
		v.volume, err = disk.Summed(below, v.path+sumsSuffix)
	}
	return err == nil, err
}

// eachPiece calls f for pieces of all blocks that either file has. A block that only one of
// them has does not fit, so holes that both have are the only ones that are skipped.
func (v *volumeScrub) eachPiece(f func(first, n int64) error) error {
	data, err := v.dataRuns()
	if err != nil {
		return err
	}
	sums, err := runsOf(v.path + sumsSuffix)
	if err != nil {
		return err
	}
	for _, r := range sums {
		first, end := r.First/sumBytes, (r.First+r.N+sumBytes-1)/sumBytes
		data = append(data, node.Run{First: first, N: min(end, v.blocks) - first})
	}
	const most = scrubPiece / scrubBlock
	for _, r := range JoinRuns(data) {
		for at := r.First; at < r.First+r.N; at += most {
			if err := f(at, min(most, r.First+r.N-at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// dataRuns are the blocks in which the volume has data.
func (v *volumeScrub) dataRuns() ([]node.Run, error) {
	b, err := v.volume.Do(&disk.Request{Op: node.OpMap, N: int64(v.volume.Geometry().Sectors)})
	if err != nil {
		return nil, err
	}
	runs, err := node.DecodeRuns(b)
	for i, r := range runs {
		first, end := r.First/v.per, (r.First+r.N+v.per-1)/v.per
		runs[i] = node.Run{First: first, N: end - first}
	}
	return runs, err
}

// piece reads blocks, and one by one if that fails.
func (v *volumeScrub) piece(first, n int64) error {
	if v.try(first, n) != nil {
		for b := first; b < first+n; b++ {
			if err := v.try(b, 1); err != nil {
				v.block(b, err)
			}
		}
	}
	return v.read(n * scrubBlock)
}

func (v *volumeScrub) try(first, n int64) error {
	r := disk.Request{Op: node.OpRead, Off: first * v.per}
	r.N = min(n*v.per, int64(v.volume.Geometry().Sectors)-r.Off)
	_, err := v.volume.Do(&r)
	return err
}

// block judges a block that cannot be read.
func (v *volumeScrub) block(b int64, err error) {
	what := err.Error()
	if errors.Is(err, disk.ErrChecksum) {
		if overlaps(v.judged.Rewritten, node.Run{First: b * v.per, N: v.per}) {
			v.Unsettled++
			return
		}
		what = "content and checksum do not fit"
		if !v.whole {
			what += ", or are out of step, which the damaged log does not tell"
		}
	}
	if v.bad.n > 0 && v.bad.what == what && v.bad.first+v.bad.n == b {
		v.bad.n++
		return
	}
	v.tell()
	v.bad = blockRun{b, 1, what}
}

// tell reports the blocks that were found last.
func (v *volumeScrub) tell() {
	if r := v.bad; r.n == 1 {
		v.found(v.def.Name, v.path, "block %d: %s", r.first, r.what)
	} else if r.n > 1 {
		v.found(v.def.Name, v.path, "blocks %d to %d: %s", r.first, r.first+r.n-1, r.what)
	}
	v.bad = blockRun{}
}

// runsOf are the bytes of a file that are no holes. A file system that cannot tell has no holes.
func runsOf(path string) (runs []node.Run, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	err = disk.EachData(f, 0, info.Size(), func(from, to int64) {
		runs = append(runs, node.Run{First: from, N: to - from})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return runs, nil
}

// dataOf is how many bytes of a file are no holes. It is for the progress, so errors do not count.
func dataOf(path string) (n int64) {
	runs, _ := runsOf(path)
	for _, r := range runs {
		n += r.N
	}
	return n
}
