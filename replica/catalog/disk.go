package catalog

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/container-football/pitch/node"
)

// The log is Dev(0). A segment is frames: bytes of the body (4), CRC-32C of it (4), the body, which
// is records. The first frame of a segment is a snapshot: the records that make the whole state.
// Each further one is what a step has changed. A new segment is begun when one has become long, and
// at each start; older ones are deleted once its snapshot is durable.
const (
	dev         = node.Dev(0)
	frameHead   = 8
	segmentSize = 256 << 10 // bytes; more if a snapshot is a quarter of it
	retryAfter  = node.Second
)

// Tags of requests and timers.
const (
	tagList node.Tag = iota + 1
	tagRead
	tagAppend
	tagSync
	tagDelete
	tagRetry
	tagRound
	tagVerb
)

// Kinds of records.
const (
	recordPut    = iota + 1 // an entry
	recordForget            // a key is gone
	recordFloor             // a new floor, with tombstones up to it gone
	recordVoid              // the scope is gone
	recordBegin             // a snapshot begins: first record of a segment, and nowhere else
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// disk is where the log stands.
type disk struct {
	busy    bool   // a frame is being written: nothing may be told
	frame   []byte // being written
	records []byte // of the present step
	seg     uint64
	off     int64
	limit   int64 // where the next segment begins
	fresh   bool  // the frame begins a segment
	old     []uint64
	reading []node.Segment // at start: segments that have not been tried yet
}

// commit writes what the step has changed. What it wants to say is held back until that is durable.
func (m *Machine) commit() {
	d := &m.disk
	if len(d.records) == 0 {
		m.release()
		return
	}
	d.busy = true
	if d.off >= d.limit {
		m.snapshot()
		return
	}
	d.frame = frame(d.frame[:0], d.records)
	d.records = d.records[:0]
	m.out.LogAppend(dev, tagAppend, d.seg, d.off, d.frame, 0)
}

// snapshot begins a new segment with the whole state.
func (m *Machine) snapshot() {
	d := &m.disk
	d.records = appendRecord(d.records[:0], recordBegin, "", &Entry{Key: "-"})
	for _, sc := range m.scopes {
		if sc.floor != (Stamp{}) {
			d.records = appendRecord(d.records, recordFloor, sc.name, &Entry{Stamp: sc.floor, Key: "-"})
		}
		for i := range sc.list {
			d.records = appendRecord(d.records, recordPut, sc.name, &sc.list[i])
		}
	}
	d.frame = frame(d.frame[:0], d.records)
	d.records = d.records[:0]
	if d.seg > 0 {
		d.old = append(d.old, d.seg)
	}
	d.seg, d.off, d.fresh, d.busy = d.seg+1, 0, true, true
	d.limit = max(segmentSize, 4*int64(len(d.frame)))
	m.out.LogAppend(dev, tagAppend, d.seg, 0, d.frame, 0)
}

func frame(b, body []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

func appendRecord(b []byte, kind byte, scope string, e *Entry) []byte {
	return appendEntry(appendString(append(b, kind), scope), e)
}

// done goes on after a disk request.
func (m *Machine) done(ev *node.Event) {
	d := &m.disk
	switch ev.Tag {
	case tagList, tagRead:
		m.load(ev)
	case tagAppend, tagSync:
		switch {
		case ev.Code != node.OK:
			// What is in the segment now is not known. The next one begins with everything.
			m.out.SetTimer(tagRetry, retryAfter)
		case ev.Tag == tagAppend:
			m.out.LogSync(dev, tagSync, d.seg)
		default:
			d.off += int64(len(d.frame))
			m.durable()
		}
	}
}

// durable tells what was held back, and goes on with what has happened meanwhile.
func (m *Machine) durable() {
	d := &m.disk
	if d.busy = false; d.fresh {
		for _, seg := range d.old {
			m.out.LogDelete(dev, tagDelete, seg) // if it fails, the next start deletes it
		}
		d.old, d.fresh = d.old[:0], false
	}
	if !m.ready {
		m.begin()
	}
	m.release()
	waiting := m.waiting
	m.waiting, m.waitingBytes = nil, 0
	for i := range waiting {
		m.handle(&waiting[i])
	}
	m.finish()
}

// load reads the newest segment whose snapshot is whole.
func (m *Machine) load(ev *node.Event) {
	d := &m.disk
	if ev.Code != node.OK {
		m.out.SetTimer(tagRetry, retryAfter)
		return
	}
	if ev.Tag == tagList {
		segs, err := node.DecodeSegments(ev.Data)
		if err != nil {
			m.defect = err.Error()
			return
		}
		d.reading = segs
		d.seg, d.old = 0, d.old[:0]
		for _, s := range segs {
			d.old = append(d.old, s.ID)
			d.seg = s.ID
		}
	} else if m.replay(ev.Data) {
		m.loaded()
		return
	} else {
		d.reading = d.reading[:len(d.reading)-1]
	}
	if n := len(d.reading); n > 0 {
		m.out.LogRead(dev, tagRead, d.reading[n-1].ID, 0, d.reading[n-1].Size)
		return
	}
	// An older segment goes only after a newer one is durable. So none that is whole means that the
	// first one was never finished, and nothing has been told.
	if len(d.old) > 0 && d.old[0] > 1 {
		m.defect = "no segment of the log begins with a whole snapshot"
		return
	}
	m.loaded()
}

// loaded begins a new segment: nothing is appended behind what a crash may have torn.
func (m *Machine) loaded() {
	d := &m.disk
	for _, sc := range m.scopes {
		m.last = max(m.last, sc.floor.Time)
		for i := range sc.list {
			// A stamp of another host was within bounds when it was taken. One of our own may be from a
			// time at which our clock was wrong.
			if e := &sc.list[i]; e.Stamp.Host != m.self.Host || m.ahead(e.Stamp) <= 0 {
				m.last = max(m.last, e.Stamp.Time)
			}
		}
	}
	old := d.old
	d.old = nil
	if n := len(old); n > 0 {
		d.old = old[:n-1] // snapshot adds the last one
	}
	m.derive()
	m.snapshot()
}

// replay makes the state from a segment, and says whether it begins with a whole snapshot.
func (m *Machine) replay(b []byte) bool {
	m.scopes = nil
	whole := false
	for len(b) >= frameHead {
		n := int64(binary.LittleEndian.Uint32(b))
		if n > int64(len(b)-frameHead) {
			break
		}
		body := b[frameHead : frameHead+n]
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
			break
		}
		// An empty frame is a hole of zeros that a crash has left.
		if n == 0 || (body[0] == recordBegin) == whole || !m.apply(body) {
			break
		}
		whole = true
		b = b[frameHead+n:]
	}
	return whole
}

// apply carries out the records of a frame.
func (m *Machine) apply(body []byte) bool {
	r := &reader{b: body}
	for len(r.b) > 0 {
		kind, name, e := r.byte(), r.string(maxScope), r.entry()
		if r.err != nil {
			return false
		}
		switch kind {
		case recordBegin:
			continue
		case recordVoid:
			m.remove(name)
			continue
		}
		sc := m.ensure(name)
		if sc == nil {
			return false
		}
		switch kind {
		case recordPut:
			sc.put(e)
		case recordForget:
			sc.forget(e.Key)
		case recordFloor:
			sc.raise(e.Stamp)
		default:
			return false
		}
	}
	return true
}
