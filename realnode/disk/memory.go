package disk

import (
	"slices"

	"github.com/container-football/pitch/node"
)

// memoryVolume is a volume in memory, for tests. It forgets everything when it is dropped.
type memoryVolume struct {
	geo  node.Geometry
	data []byte
	buf  []byte
}

var _ Volume = (*memoryVolume)(nil)

// MemoryVolume makes a volume in memory.
func MemoryVolume(g node.Geometry) Volume {
	return &memoryVolume{geo: g, data: make([]byte, g.Bytes(int64(g.Sectors)))}
}

// Geometry implements Volume.
func (v *memoryVolume) Geometry() node.Geometry { return v.geo }

func (v *memoryVolume) String() string { return "memory volume" }

// Close implements Device.
func (v *memoryVolume) Close() error { return nil }

// Admit implements Device.
func (v *memoryVolume) Admit(_, _ uint64) (bool, error) { return true, nil }

// Sync implements Device.
func (v *memoryVolume) Sync(_, _ uint64) error { return nil }

// Do implements Device.
func (v *memoryVolume) Do(r *Request) ([]byte, error) {
	if !validVolume(r, v.geo) {
		return nil, invalid(v, r)
	}
	if r.Op == node.OpResize {
		data := make([]byte, v.geo.Bytes(r.N))
		copy(data, v.data)
		v.data, v.geo.Sectors = data, uint64(r.N)
		return nil, nil
	}
	part := v.data[v.geo.Bytes(r.Off):v.geo.Bytes(r.Off+r.N)]
	switch r.Op {
	case node.OpWrite:
		copy(part, r.Data)
	case node.OpZero:
		clear(part)
	case node.OpMap:
		v.buf = node.AppendRuns(v.buf[:0], node.Run{First: r.Off, N: r.N})
		return v.buf, nil
	case node.OpRead:
		v.buf = append(v.buf[:0], part...)
		return v.buf, nil
	}
	return nil, nil
}

// memoryLog is a log in memory, for tests. It forgets everything when it is dropped.
type memoryLog struct {
	segs map[uint64][]byte
	buf  []byte
}

var _ Device = (*memoryLog)(nil)

// MemoryLog makes a log in memory.
func MemoryLog() Device { return &memoryLog{segs: make(map[uint64][]byte)} }

func (l *memoryLog) String() string { return "memory log" }

// Close implements Device.
func (l *memoryLog) Close() error { return nil }

// Admit implements Device.
func (l *memoryLog) Admit(seg, _ uint64) (bool, error) {
	if _, ok := l.segs[seg]; !ok {
		return true, invalid(l, &Request{Op: node.OpLogSync, Seg: seg})
	}
	return true, nil
}

// Sync implements Device.
func (l *memoryLog) Sync(_, _ uint64) error { return nil }

// Do implements Device.
func (l *memoryLog) Do(r *Request) ([]byte, error) {
	s, ok := l.segs[r.Seg]
	if !validLog(r, ok, int64(len(s))) {
		return nil, invalid(l, r)
	}
	switch r.Op {
	case node.OpLogList:
		l.buf = appendListing(l.buf[:0], l.segs, func(s []byte) int64 { return int64(len(s)) })
		return l.buf, nil
	case node.OpLogAppend, node.OpWrite:
		if end := int(r.Off) + len(r.Data); end > len(s) {
			s = append(s, make([]byte, end-len(s))...)
		}
		copy(s[r.Off:], r.Data)
		l.segs[r.Seg] = s
	case node.OpLogTrunc:
		l.segs[r.Seg] = slices.Clone(s[:r.N])
	case node.OpLogDelete:
		delete(l.segs, r.Seg)
	case node.OpLogRead:
		from := min(r.Off, int64(len(s)))
		l.buf = append(l.buf[:0], s[from:from+min(r.N, int64(len(s))-from)]...)
		return l.buf, nil
	}
	return nil, nil
}

// validLog tells whether a request makes sense for a log whose segment r.Seg is there or not, and
// has size bytes.
func validLog(r *Request, there bool, size int64) bool {
	switch r.Op {
	case node.OpLogList, node.OpLogNote:
		return true
	case node.OpLogAppend:
		return r.Off == size
	case node.OpWrite:
		return r.Off >= 0
	case node.OpLogRead:
		return there && r.Off >= 0 && r.N >= 0
	case node.OpLogTrunc:
		return there && r.N >= 0 && r.N <= size
	case node.OpLogDelete:
		return there
	}
	return false
}
