package disk

import (
	"fmt"
	"slices"
	"sync"

	"github.com/container-football/pitch/node"
)

// volatileLog holds appended bytes back until a sync covers them.
type volatileLog struct {
	below Device
	fate  fate
	buf   []byte // of the latest answer

	mu   sync.Mutex
	segs map[uint64]*heldSegment
}

type heldSegment struct {
	size  int64 // as machines see it
	below int64 // what the layer below has
	there bool  // the layer below has the segment
	held  []heldBytes
}

// heldBytes is the part of one append that has not gone down yet. Those of a segment are in
// ascending order and do not overlap.
type heldBytes struct {
	seq  uint64 // of the append
	off  int64
	data []byte
}

var _ Device = (*volatileLog)(nil)

// VolatileLog puts a volatile cache in front of a log. A part of each append waits in memory for a
// sync that covers it, and unsynced ones may go down in another order than they came: what was
// lost before something that survives reads as zeros after a crash, as in a file whose later
// blocks were written first. For that the log below must take OpWrite, which puts bytes anywhere.
func VolatileLog(below Device, c Cache) (Device, error) {
	b, err := below.Do(&Request{Op: node.OpLogList})
	if err != nil {
		return nil, err
	}
	segs, err := node.DecodeSegments(b)
	if err != nil {
		return nil, err
	}
	l := &volatileLog{below: below, fate: newFate(c), segs: make(map[uint64]*heldSegment)}
	for _, s := range segs {
		l.segs[s.ID] = &heldSegment{size: s.Size, below: s.Size, there: true}
	}
	return l, nil
}

func (l *volatileLog) String() string { return over(l.fate.String(), l.below) }

// Close implements Device. It loses what is held, like a kill.
func (l *volatileLog) Close() error { return l.below.Close() }

// Do implements Device.
func (l *volatileLog) Do(r *Request) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segs[r.Seg]
	switch r.Op {
	case node.OpLogNote:
		return nil, nil // there is no archive
	case node.OpLogList:
		return l.list(), nil
	case node.OpLogAppend:
		return nil, l.append(r, s)
	}
	if s == nil {
		return nil, invalid(l, r)
	}
	switch r.Op {
	case node.OpLogRead:
		return l.read(r, s)
	case node.OpLogTrunc:
		return nil, l.truncate(r, s)
	case node.OpLogDelete:
		return nil, l.remove(r, s)
	}
	return nil, invalid(l, r)
}

func (l *volatileLog) list() []byte {
	l.buf = l.buf[:0]
	l.buf = appendListing(l.buf, l.segs, func(s *heldSegment) int64 { return s.size })
	return l.buf
}

// append sends the first bytes down, as many as fate wants, and holds the others. An append of
// nothing may still have to make the segment.
func (l *volatileLog) append(r *Request, s *heldSegment) error {
	if s == nil {
		s = &heldSegment{}
	}
	if r.Off != s.size {
		return invalid(l, r)
	}
	n := int64(len(r.Data))
	k := l.fate.early(n)
	whole := k == n
	if n == 0 {
		whole = s.there || l.fate.early(1) == 1
	}
	if k > 0 || whole {
		if err := l.push(r.Seg, s, r.Seq, r.Off, r.Data[:k]); err != nil {
			return err
		}
	}
	if !whole {
		s.held = append(s.held, heldBytes{r.Seq, r.Off + k, slices.Clone(r.Data[k:])})
	}
	s.size += n
	l.segs[r.Seg] = s
	return nil
}

// push sends bytes down. Where older ones are still held the log below gets a hole.
func (l *volatileLog) push(seg uint64, s *heldSegment, seq uint64, off int64, data []byte) error {
	if len(data) == 0 && s.there {
		return nil
	}
	r := Request{Op: node.OpWrite, Seg: seg, Off: off, Seq: seq, Data: data}
	if len(data) == 0 {
		r.Off = 0
	}
	if r.Off == s.below {
		r.Op = node.OpLogAppend
	}
	if _, err := l.below.Do(&r); err != nil {
		return err
	}
	s.there, s.below = true, max(s.below, r.Off+int64(len(data)))
	return nil
}

func (l *volatileLog) read(r *Request, s *heldSegment) ([]byte, error) {
	if r.Off < 0 || r.N < 0 {
		return nil, invalid(l, r)
	}
	n := max(0, min(r.N, s.size-r.Off))
	l.buf = resized(l.buf, n)
	clear(l.buf)
	if below := min(n, s.below-r.Off); below > 0 {
		part := *r
		part.N = below
		b, err := l.below.Do(&part)
		if err != nil {
			return nil, err
		}
		if int64(len(b)) != below {
			return nil, fmt.Errorf("%s: segment %d: %d bytes from %d on, expected %d", l.below, r.Seg,
				len(b), r.Off, below)
		}
		copy(l.buf, b)
	}
	s.overlay(l.buf, r.Off)
	return l.buf, nil
}

// overlay puts what is held over buf, which stands for the bytes from off on.
func (s *heldSegment) overlay(buf []byte, off int64) {
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
func (l *volatileLog) truncate(r *Request, s *heldSegment) error {
	if r.N < 0 || r.N > s.size {
		return invalid(l, r)
	}
	if err := l.push(r.Seg, s, 0, 0, nil); err != nil {
		return err
	}
	cut := *r
	cut.N = min(r.N, s.below)
	if _, err := l.below.Do(&cut); err != nil {
		return err
	}
	kept := s.held[:0]
	for _, h := range s.held {
		if h.off < r.N {
			h.data = h.data[:min(int64(len(h.data)), r.N-h.off)]
			kept = append(kept, h)
		}
	}
	clear(s.held[len(kept):])
	s.held, s.size, s.below = kept, r.N, cut.N
	return nil
}

func (l *volatileLog) remove(r *Request, s *heldSegment) error {
	if s.there {
		if _, err := l.below.Do(r); err != nil {
			return err
		}
	}
	delete(l.segs, r.Seg)
	return nil
}

// Admit implements Device.
func (l *volatileLog) Admit(seg, upto uint64) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segs[seg]
	switch {
	case s == nil:
		return true, invalid(l, &Request{Op: node.OpLogSync, Seg: seg})
	case len(s.held) > 0 && s.held[0].seq <= upto:
		return false, nil
	case s.there:
		return l.below.Admit(seg, upto)
	}
	return true, nil
}

// Sync implements Device.
func (l *volatileLog) Sync(seg, upto uint64) error {
	there, err := l.flush(seg, upto)
	if err != nil || !there {
		return err
	}
	return l.below.Sync(seg, upto)
}

// flush sends down what is held of the appends up to a number, and tells whether there is
// anything to sync.
func (l *volatileLog) flush(seg, upto uint64) (there bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.segs[seg]
	if s == nil {
		return false, nil
	}
	k := 0
	for ; k < len(s.held) && s.held[k].seq <= upto; k++ {
		if err = l.push(seg, s, s.held[k].seq, s.held[k].off, s.held[k].data); err != nil {
			break
		}
	}
	n := copy(s.held, s.held[k:])
	clear(s.held[n:])
	s.held = s.held[:n]
	return s.there, err
}
