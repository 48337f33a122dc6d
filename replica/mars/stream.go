package mars

import (
	"math"
	"slices"
	"sort"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
)

// stream is the log as this replica has it: its end, its lineage, and the newest part of it in
// memory. On the primary that part is the temporary buffer: what is not yet on the volume's disk
// is served from there.
type stream struct {
	geo      node.Geometry // Sectors: the size that the volume has at the end
	base     int64         // position of buf[0]
	buf      []byte        // frames in [base, at.pos)
	refs     []ref         // one a frame
	head     int           // refs before it have been trimmed
	segments []Segment     // those that are still on disk
	gone     []Segment     // the first of each epoch before, as far as deleted in this incarnation
	newest   uint64        // number of the newest segment, or of the one before the first that is to come
	at       mark          // the end
	low      mark          // where memory begins: the start of refs[head], or the end
	dirty    dirtied       // what the log has changed, also where it is gone
	packer   *packer       // packs new writes; nil: they stay as they are
}

// mark is a position together with what identifies the log up to there.
type mark struct {
	pos   int64
	seq   uint64
	chain uint64
}

// ref says where a frame stands. Its end is the pos of the mark.
type ref struct {
	mark
	start   int64
	sector  int64
	sectors uint32
	kind    uint8
	cont    bool // continues the record before
	codec   squeeze.Codec
}

// maxGone bounds the epochs that are remembered after their last segment was deleted.
const maxGone = 128

// dropOldest forgets the oldest segment, but not whose it was: see onContinues.
// It reports whether a boot would not know that, as long as the state is not written.
func (s *stream) dropOldest() bool {
	first := s.segments[0]
	s.segments = s.segments[1:]
	return s.forget(first) || len(s.segments) == 0 || !s.segments[0].sameTenure(&first)
}

// forget adds a segment to those that are gone, unless there is one of its epoch: what opened the epoch says
// more than what went on with it.
func (s *stream) forget(seg Segment) bool {
	n := len(s.gone)
	if n > 0 && s.gone[n-1].Epoch == seg.Epoch {
		return false
	}
	if n == maxGone {
		s.gone = s.gone[:copy(s.gone, s.gone[1:])]
	}
	s.gone = append(s.gone, seg)
	return true
}

// past is what the state says of the log that is gone.
func (s *stream) past() []Segment {
	if len(s.gone) == 0 {
		return nil
	}
	list := slices.Clone(s.gone[max(0, len(s.gone)-keepGone):])
	if len(s.segments) == 0 {
		return append(list, Segment{Start: math.MaxInt64})
	}
	return append(list, s.segments[0])
}

// recall takes over what the state says of the log that is gone, after the segments on disk have been found. Some
// may have been deleted since it was written: if the first of an epoch may be among them, nothing is known.
func (s *stream) recall(past []Segment, newest version) {
	if len(past) == 0 {
		return
	}
	list, oldest := past[:len(past)-1], past[len(past)-1]
	last := &oldest
	if oldest.Nr == 0 {
		last = &list[len(list)-1]
	}
	found := Segment{Epoch: newest.epoch(), Origin: newest.host}
	if len(s.segments) > 0 {
		found = s.segments[0]
	}
	switch same := last.sameTenure(&found); {
	case found.Nr > 0 && found.Nr <= oldest.Nr:
	case oldest.Nr > 0 && found.Nr == oldest.Nr+1:
		list = withSegment(list, oldest) // it was deleted, and it alone
	case oldest.Nr == 0 && (same || found.opens()):
	case oldest.Nr > 0 && same:
		list = withSegment(list, oldest)
	default:
		return
	}
	s.gone = list
}

func withSegment(list []Segment, seg Segment) []Segment {
	if list[len(list)-1].Epoch == seg.Epoch {
		return list
	}
	return append(slices.Clone(list), seg)
}

// opens says whether a segment is the first of its epoch.
func (s *Segment) opens() bool { return s.Nr > 0 && s.Reason != Rotated && s.Reason != Hole }

// tenure says whether a segment was written by somebody who opened an epoch of this history, before somebody else
// opened the next one at or behind pos. Then all up to pos is of this history: who opens an epoch does so once.
func (s *stream) tenure(home *Segment, pos int64) bool {
	if len(s.segments) == 0 || home.Nr >= s.segments[0].Nr {
		return false
	}
	mine := false
	for _, list := range [][]Segment{s.gone, s.segments[:1]} {
		for i := range list {
			switch e := &list[i]; {
			case e.sameTenure(home):
				mine = true
			case mine:
				return pos <= e.Start
			}
		}
	}
	return mine // it goes on in the oldest segment that is there
}

// takes says whether f, which comes from outside, may be added.
func (s *stream) takes(f *frame) bool {
	if !continues(s.at, f) {
		return false
	}
	if f.kind != kindSegment {
		return fits(s.geo, f)
	}
	return uint64(f.sector) == s.newest+1
}

// fits says whether a record is one of a volume of this shape. One that is not comes from a
// replica with another configuration, and must not reach the volume.
func fits(g node.Geometry, f *frame) bool {
	n := uint64(f.sectors)
	if size, err := f.unpacked(); f.kind == kindWrite && (err != nil || uint64(size) != n*uint64(g.Carry)) {
		return false
	}
	return !f.record() || n <= g.Sectors && uint64(f.sector) <= g.Sectors-n
}

// add appends a frame that is known to continue the stream, in its encoded form.
func (s *stream) add(f *frame, encoded []byte) {
	s.buf = append(room(s.buf, len(encoded)), encoded...)
	s.added(f)
}

// append adds a new frame.
func (s *stream) append(f *frame) {
	s.buf = appendFrame(room(s.buf, int(f.size())), f)
	s.added(f)
}

// room returns list with room for n more. It doubles what is full: append, which adds a quarter to
// what is long, moves everything three times as often.
func room[T any](list []T, n int) []T {
	if len(list)+n <= cap(list) {
		return list
	}
	return slices.Grow(list, max(n, cap(list)))
}

func (s *stream) added(f *frame) {
	start := s.at.pos
	s.at = mark{start + f.size(), f.seq, f.chain()}
	s.refs = append(room(s.refs, 1), ref{mark: s.at, start: start, sector: f.sector, sectors: f.sectors,
		kind: f.kind, codec: f.codec, cont: f.flags&flagContinues != 0})
	switch f.kind {
	case kindSegment:
		s.segments = append(s.segments, segmentOf(f))
		s.newest = uint64(f.sector)
		s.dirty.begin(segmentOf(f), int64(s.geo.Sectors))
	case kindResize:
		s.geo.Sectors = uint64(f.sector)
		s.dirty.forget()
	default:
		s.dirty.changed(f.sector, int64(f.sectors), int64(s.geo.Sectors))
	}
}

// write appends a new record of the sectors in data.
func (s *stream) write(epoch uint64, now node.Time, sector int64, data []byte, cont bool) {
	f := frame{kind: kindWrite, sectors: uint32(len(data) / int(s.geo.Carry)), epoch: epoch,
		seq: s.at.seq + 1, sector: sector, stamp: now, prev: s.at.chain, body: data}
	if cont {
		f.flags = flagContinues
	}
	if s.packer != nil {
		s.packer.pack(&f)
	}
	s.append(&f)
}

// zero appends a new record that makes n sectors zero, at most maxZero.
func (s *stream) zero(epoch uint64, now node.Time, sector, n int64, cont bool) {
	f := frame{kind: kindZero, sectors: uint32(n), epoch: epoch, seq: s.at.seq + 1, sector: sector,
		stamp: now, prev: s.at.chain}
	if cont {
		f.flags = flagContinues
	}
	s.append(&f)
}

// resize appends the frame from which on the volume has n sectors.
func (s *stream) resize(epoch uint64, now node.Time, n int64) {
	f := frame{kind: kindResize, epoch: epoch, seq: s.at.seq, sector: n, stamp: now,
		prev: s.at.chain}
	s.append(&f)
}

// begin appends the frame that starts a new segment.
func (s *stream) begin(epoch uint64, now node.Time, origin node.ID, why Reason) {
	seg := Segment{Nr: s.newest + 1, Epoch: epoch, Origin: origin, Reason: why, Start: s.at.pos}
	f := frame{kind: kindSegment, epoch: epoch, seq: s.at.seq, sector: int64(seg.Nr), stamp: now,
		prev: s.at.chain, body: seg.body()}
	s.append(&f)
}

// oldest is where the log begins that is still on disk.
func (s *stream) oldest() int64 {
	if len(s.segments) == 0 {
		return s.at.pos
	}
	return s.segments[0].Start
}

// newestAt is the number of the newest segment that begins before pos, a position in memory. It is also
// one of a log without segments.
func (s *stream) newestAt(pos int64) uint64 {
	nr := s.newest
	for i := s.find(pos); i < len(s.refs); i++ {
		if s.refs[i].kind == kindSegment {
			nr--
		}
	}
	return nr
}

// reset forgets what is in memory and continues at m, which is on disk.
func (s *stream) reset(m mark) {
	s.base, s.buf, s.refs, s.head = m.pos, s.buf[:0], s.refs[:0], 0
	s.at, s.low = m, m
}

// bytes returns the encoded frames in [from, to), which must be in memory.
func (s *stream) bytes(from, to int64) []byte { return s.buf[from-s.base : to-s.base] }

// find returns the index in refs of the first frame that starts at pos or later.
func (s *stream) find(pos int64) int {
	live := s.refs[s.head:]
	if n := len(live); n == 0 || live[0].start >= pos {
		return s.head
	}
	return s.head + sort.Search(len(live), func(i int) bool { return live[i].start >= pos })
}

// mark returns what identifies the log up to pos, a frame boundary at or after low.
func (s *stream) mark(pos int64) mark {
	if pos == s.low.pos {
		return s.low
	}
	if pos == s.at.pos {
		return s.at
	}
	return s.refs[s.find(pos)-1].mark
}

// chunk returns the end of the frames that start at from and take at most limit bytes (one frame
// may take more), and what they are charged for beyond the bytes carried.
func (s *stream) chunk(from, to int64, limit int64) (end, extra int64) {
	end = from
	for i := s.find(from); i < len(s.refs) && s.refs[i].pos <= to; i++ {
		r := &s.refs[i]
		if end > from && r.pos-from > limit {
			break
		}
		end = r.pos
		if r.kind == kindWrite {
			extra += int64(r.sectors) * int64(s.geo.SectorSize-s.geo.Carry)
		}
	}
	return end, extra
}

// trim lets go of what stands before pos.
func (s *stream) trim(pos int64) {
	i := s.find(pos)
	if i == s.head {
		return
	}
	s.low = s.refs[i-1].mark
	s.head = i
	drop := s.low.pos - s.base
	if s.head > len(s.refs)/2 {
		n := copy(s.refs, s.refs[s.head:])
		s.refs, s.head = s.refs[:n], 0
	}
	// Moving the bytes is put off until as many have been dropped as are kept.
	if drop*2 < int64(len(s.buf)) {
		return
	}
	n := copy(s.buf, s.buf[drop:])
	s.buf, s.base = s.buf[:n], s.low.pos
}

// segmentAt returns the segment that position pos lies in, and where it ends (or -1).
func (s *stream) segmentAt(pos int64) (Segment, int64) {
	i := sort.Search(len(s.segments), func(i int) bool { return s.segments[i].Start > pos })
	if i == 0 {
		return Segment{}, -1
	}
	if i == len(s.segments) {
		return s.segments[i-1], -1
	}
	return s.segments[i-1], s.segments[i].Start
}
