package mars

import (
	"fmt"
	"slices"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
)

// ScanLog reads a log from the content of its segments, as a dump of the log device shows
// it: all that has not been deleted. It returns the records, changes of size among them, and the
// lineage, up to the first frame that does not continue the log, and the error that ended it: nil at
// a clean end.
func ScanLog(files []node.LogFile) ([]Record, []Segment, error) {
	var (
		records []Record
		segs    []Segment
		at      mark
	)
	for i, file := range files {
		data := file.Data
		for len(data) > 0 {
			f, err := decodeFrame(data)
			if i == 0 && len(segs) == 0 && err == nil && f.kind == kindSegment && f.sector > 1 {
				first := segmentOf(&f)
				at = first.before() // older segments have been deleted
			}
			if err == nil && !continues(at, &f) {
				err = ErrChain
			}
			first := len(data) == len(file.Data)
			switch {
			case err != nil:
			case first != (f.kind == kindSegment):
				err = fmt.Errorf("%w: only the first frame says which segment it is", ErrChain)
			case first && uint64(f.sector) != file.ID:
				err = fmt.Errorf("%w: frame of segment %d", ErrChain, f.sector)
			}
			if err != nil {
				return records, segs, fmt.Errorf("segment %d, byte %d: %w", file.ID,
					len(file.Data)-len(data), err)
			}
			if f.kind == kindSegment {
				segs = append(segs, segmentOf(&f))
			} else {
				r, err := recordOf(&f, at.pos)
				if err != nil {
					return records, segs, fmt.Errorf("segment %d, byte %d: %w", file.ID, len(file.Data)-len(data), err)
				}
				records = append(records, r)
			}
			at = mark{at.pos + f.size(), f.seq, f.chain()}
			data = data[f.size():]
		}
	}
	return records, segs, nil
}

// Record is one write or zero in a log, or a change of size, which has no number of its own. Data
// points into what was scanned, or has its own memory if it is Packed there.
type Record struct {
	Pos, End int64 // of its frame in the stream
	Seq      uint64
	Epoch    uint64
	Sector   int64
	Sectors  uint32
	Stamp    node.Time
	Data     []byte // sectors; nil: a zero, or a change of size
	// Packed is how the sectors are packed in the log, in Stored bytes.
	Packed squeeze.Codec
	Stored int
	// Continues is set if the record is a further part of the write before it.
	Continues bool
	Zero      bool  // its sectors become zero
	Resize    int64 // the volume has so many sectors from here on; 0: not a change of size
}

func recordOf(f *frame, pos int64) (Record, error) {
	r := Record{Pos: pos, End: pos + f.size(), Seq: f.seq, Epoch: f.epoch, Stamp: f.stamp,
		Continues: f.flags&flagContinues != 0}
	switch f.kind {
	case kindResize:
		r.Resize = f.sector
	case kindZero:
		r.Sector, r.Sectors, r.Zero = f.sector, f.sectors, true
	default:
		r.Sector, r.Sectors, r.Data = f.sector, f.sectors, f.body
		r.Packed, r.Stored = f.codec, len(f.body)
	}
	if r.Packed == squeeze.None {
		return r, nil
	}
	size, err := f.unpacked()
	if err == nil && (size == 0 || size > maxBody || size%int(r.Sectors) != 0) {
		err = fmt.Errorf("%d sectors in %d bytes", r.Sectors, size)
	}
	if err == nil {
		r.Data, err = unpack(f.codec, nil, f.body, size)
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrBadFrame, err)
	}
	return r, nil
}

// Point is what a replica's own state says of its volume: it holds the log up to Pos, which is record
// Seq, unless it is Inconsistent, because it is being copied.
type Point struct {
	Pos          int64
	Seq          uint64
	Sectors      int64 // of the volume there; 0: as in the configuration
	Inconsistent bool
	// Installing is set while a replica that catches up brings content to the volume that it has put aside:
	// what is there is the log up to Pos, or something later.
	Installing bool
	// Emergency: the log may end before Pos, and a crash may have left sectors of later writes that no log
	// has.
	Emergency bool
	chain     uint64
}

// Persisted reads the newest state from a dump of a replica's meta device.
func Persisted(files []node.LogFile) Point {
	s, _ := newestState(files)
	return Point{s.applied.pos, s.applied.seq, s.sectors, s.resync.on && !s.resync.staged.on,
		s.resync.staged.install, s.hole != 0, s.applied.chain}
}

func newestState(files []node.LogFile) (state, bool) {
	for _, f := range slices.Backward(files) {
		if s, _, ok := decodeState(f.Data); ok {
			return s, true
		}
	}
	return state{}, false
}
