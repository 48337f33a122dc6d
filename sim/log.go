package sim

import (
	"slices"

	"github.com/container-football/pitch/node"
)

// logDev is a simulated log: append-only segments with a volatile cache.
type logDev struct {
	disk
	segs []*segment // ascending
	used int64      // declared bytes of all segments
	// dropped is what was deleted or cut off, if the configuration asks for that.
	dropped []node.LogFile
}

type segment struct {
	id      uint64
	buf     []byte
	cost    int64 // declared bytes
	pending []pending
}

var _ node.Log = (*logDev)(nil)

func newLog(h *host, machine uint32, dev node.Dev) *logDev {
	return &logDev{disk: newDisk(h, "log", machine, dev)}
}

func (l *logDev) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(l.segs, id, func(s *segment, id uint64) int {
		switch {
		case s.id < id:
			return -1
		case s.id > id:
			return 1
		}
		return 0
	})
}

func (l *logDev) get(id uint64) *segment {
	// The newest segment is nearly always the one that is meant.
	if n := len(l.segs); n > 0 && l.segs[n-1].id == id {
		return l.segs[n-1]
	}
	if i, ok := l.find(id); ok {
		return l.segs[i]
	}
	return nil
}

// List implements node.Log.
func (l *logDev) List(tag node.Tag) {
	l.done(l, node.OpLogList, tag, l.host.sim.cfg.Disk.Read, 0)
}

// Append implements node.Log.
func (l *logDev) Append(tag node.Tag, seg uint64, off int64, data []byte, cost int64) {
	cfg := &l.host.sim.cfg.Disk
	s := l.get(seg)
	code := node.OK
	switch {
	case s == nil && off != 0, s != nil && off != int64(len(s.buf)):
		code = node.Invalid
	case cfg.LogBytes > 0 && l.used+cost > cfg.LogBytes:
		code = node.NoSpace
	}
	if code != node.OK {
		it := l.done(l, node.OpLogAppend, tag, cfg.Write, 0)
		it.ev.Seg, it.ev.Off, it.ev.Code = seg, off, code
		return
	}
	if s == nil {
		s = &segment{id: seg}
		i, _ := l.find(seg)
		l.segs = slices.Insert(l.segs, i, s)
	}
	token := l.token()
	n := int64(len(data))
	s.buf = append(l.room(s.buf, len(data)), data...)
	s.cost += cost
	l.used += cost
	s.pending = append(s.pending, pending{off: off, n: n, token: token})
	it := l.done(l, node.OpLogAppend, tag, cfg.Write, cost)
	it.ev.Seg, it.ev.Off, it.ev.N, it.aux = seg, off, n, token
}

// room returns b with room for n more, in memory from the pool: logs grow and go all the time.
func (l *logDev) room(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	pool := &l.host.sim.pool
	more := pool.get(max(len(b)+n, 2*cap(b)))[:len(b)]
	copy(more, b)
	pool.put(b)
	return more
}

// Read implements node.Log.
func (l *logDev) Read(tag node.Tag, seg uint64, off, n int64) {
	cost := int64(0)
	if s := l.get(seg); s != nil {
		cost = max(0, min(n, int64(len(s.buf))-off))
	}
	it := l.done(l, node.OpLogRead, tag, l.host.sim.cfg.Disk.Read, cost)
	it.ev.Seg, it.ev.Off, it.ev.N = seg, off, n
}

// Sync implements node.Log.
func (l *logDev) Sync(tag node.Tag, seg uint64) {
	token := l.token()
	s := l.get(seg)
	if s != nil {
		cover(s.pending, token)
	}
	it := l.done(l, node.OpLogSync, tag, l.host.sim.cfg.Disk.Sync, 0)
	it.ev.Seg, it.aux = seg, token
	if s == nil {
		it.ev.Code = node.Invalid
	}
}

// Truncate implements node.Log.
func (l *logDev) Truncate(tag node.Tag, seg uint64, size int64) {
	it := l.done(l, node.OpLogTrunc, tag, l.host.sim.cfg.Disk.Sync, 0)
	it.ev.Seg, it.ev.N = seg, size
}

// Delete implements node.Log.
func (l *logDev) Delete(tag node.Tag, seg uint64) {
	l.done(l, node.OpLogDelete, tag, l.host.sim.cfg.Disk.Sync, 0).ev.Seg = seg
}

// Note implements node.Log.
func (l *logDev) Note(tag node.Tag, seg uint64, data []byte) {
	if l.host.sim.cfg.Archive {
		l.dropped = append(l.dropped, node.LogFile{ID: seg, Data: slices.Clone(data)})
	}
	l.done(l, node.OpLogNote, tag, l.host.sim.cfg.Disk.Read, 0).ev.Seg = seg
}

func (l *logDev) finish(aux uint64, ev *node.Event) {
	s := l.get(ev.Seg)
	switch ev.Op {
	case node.OpLogList:
		b := l.host.sim.pool.get(16 * len(l.segs))[:0]
		for _, s := range l.segs {
			one := [1]node.Segment{{ID: s.id, Size: int64(len(s.buf))}}
			b = node.AppendSegments(b, one[:])
		}
		ev.Data = b
	case node.OpLogRead:
		if s == nil || ev.Off < 0 || ev.N < 0 {
			ev.Code = node.Invalid
			return
		}
		from := min(ev.Off, int64(len(s.buf)))
		to := min(ev.Off+ev.N, int64(len(s.buf)))
		ev.Data = l.host.sim.copy(s.buf[from:to])
	case node.OpLogAppend:
		if s != nil {
			ended(s.pending, aux)
		}
	case node.OpLogSync:
		if s != nil {
			s.pending = settle(s.pending, aux)
		}
	case node.OpLogTrunc:
		if s == nil || ev.N < 0 || ev.N > int64(len(s.buf)) {
			ev.Code = node.Invalid
			return
		}
		l.drop(s, ev.N)
		l.cut(s, ev.N)
	case node.OpLogDelete:
		i, ok := l.find(ev.Seg)
		if !ok {
			ev.Code = node.Invalid
			return
		}
		l.drop(s, 0)
		l.used -= s.cost
		l.host.sim.pool.put(s.buf)
		l.segs = slices.Delete(l.segs, i, i+1)
	}
}

// drop archives what of a segment stands from a position on.
func (l *logDev) drop(s *segment, from int64) {
	if l.host.sim.cfg.Archive && from < int64(len(s.buf)) {
		l.dropped = append(l.dropped, node.LogFile{ID: s.id, Data: slices.Clone(s.buf[from:])})
	}
}

// resize cuts the content of a segment and gives back its share of the declared bytes.
func (l *logDev) resize(s *segment, size int64) {
	if size == int64(len(s.buf)) {
		return
	}
	left := mulDiv(s.cost, size, int64(len(s.buf)))
	l.used -= s.cost - left
	s.buf, s.cost = s.buf[:size], left
}

func (l *logDev) cut(s *segment, size int64) {
	l.resize(s, size)
	kept := s.pending[:0]
	for _, p := range s.pending {
		if p.off < size {
			p.n = min(p.n, size-p.off)
			kept = append(kept, p)
		}
	}
	s.pending = kept
}

// crash decides for each pending append how much of it survives. What is lost before something
// that survives is a hole of zeros, as in a file whose later blocks were written first.
func (l *logDev) crash(mode node.Unsynced) {
	for _, s := range l.segs {
		if len(s.pending) == 0 {
			continue
		}
		size := s.pending[0].off
		for i := range s.pending {
			p := &s.pending[i]
			k := l.fate(mode, p)
			clear(s.buf[p.off+k : p.off+p.n])
			if k > 0 {
				size = p.off + k
			}
		}
		l.resize(s, size)
		s.pending = s.pending[:0]
	}
}

func (l *logDev) dump() []node.LogFile {
	var files []node.LogFile
	for _, s := range l.segs {
		files = append(files, node.LogFile{ID: s.id, Data: slices.Clone(s.buf)})
	}
	return files
}
