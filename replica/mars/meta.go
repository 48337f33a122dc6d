package mars

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/container-football/pitch/node"
)

// state is what a replica must remember: it is written as one record at each change, and the
// newest valid record counts.
type state struct {
	ver      version
	applied  mark    // on the volume, synced: recovery replays from here
	granted  node.ID // whom this replica, having closed the epoch, has handed over to
	fetchOn  bool
	replayOn bool
}

// A record: magic "PMET" (4), flags (4), generation (8), version (8), its host (4), granted (4),
// applied position (8), sequence (8), chain (8), CRC-32C of all before (4), zero (4).
const (
	metaSize     = 64
	metaMagic    = 0x54454d50
	metaMaxBytes = 64 << 10 // then the next segment is begun
)

func (s *state) encode(gen uint64) []byte {
	le := binary.LittleEndian
	var b [metaSize]byte
	le.PutUint32(b[0:], metaMagic)
	flags := uint32(0)
	if s.fetchOn {
		flags |= 1
	}
	if s.replayOn {
		flags |= 2
	}
	le.PutUint32(b[4:], flags)
	le.PutUint64(b[8:], gen)
	le.PutUint64(b[16:], s.ver.v)
	le.PutUint32(b[24:], uint32(s.ver.host))
	le.PutUint32(b[28:], uint32(s.granted))
	le.PutUint64(b[32:], uint64(s.applied.pos))
	le.PutUint64(b[40:], s.applied.seq)
	le.PutUint64(b[48:], s.applied.chain)
	le.PutUint32(b[56:], crc32.Checksum(b[:56], castagnoli))
	return b[:]
}

// decodeState returns the newest valid record in b, which is one segment of the meta device.
// Records are found up to the first invalid one: after a crash there may be a torn one.
func decodeState(b []byte) (s state, gen uint64, ok bool) {
	le := binary.LittleEndian
	for ; len(b) >= metaSize; b = b[metaSize:] {
		if le.Uint32(b) != metaMagic || le.Uint32(b[56:]) != crc32.Checksum(b[:56], castagnoli) {
			break
		}
		g := le.Uint64(b[8:])
		if ok && g <= gen {
			break
		}
		flags := le.Uint32(b[4:])
		s = state{ver: version{le.Uint64(b[16:]), node.ID(le.Uint32(b[24:]))},
			granted: node.ID(le.Uint32(b[28:])),
			applied: mark{int64(le.Uint64(b[32:])), le.Uint64(b[40:]), le.Uint64(b[48:])},
			fetchOn: flags&1 != 0, replayOn: flags&2 != 0}
		gen, ok = g, true
	}
	return s, gen, ok
}

// metaStore writes the state, one record at a time. Several changes while a record is being
// written go into the next one.
type metaStore struct {
	want   uint64 // generation that holds the state as it is in memory
	saving uint64 // generation being written; 0: none
	saved  uint64 // generation that is durable
	seg    uint64
	off    int64
	ver    version  // in the record being written
	old    []uint64 // segments to delete once a record is durable in a newer one

	syncing   bool // a sync of the volume is under way
	candidate mark // what it makes durable
}

// save makes the state durable, soon; m.meta.saved reaches the returned generation then, and
// progress is called.
func (m *Machine) save() uint64 {
	m.meta.want++
	m.metaKick()
	return m.meta.want
}

func (m *Machine) metaKick() {
	s := &m.meta
	if s.saving != 0 || s.saved == s.want {
		return
	}
	if s.off >= metaMaxBytes {
		s.old = append(s.old, s.seg)
		s.seg, s.off = s.seg+1, 0
	}
	s.saving, s.ver = s.want, m.ver
	m.state.ver = m.ver
	m.out.LogAppend(devMeta, tagMetaAppend, s.seg, s.off, m.state.encode(s.saving), 0)
}

func (m *Machine) metaAppended(ev *node.Event) {
	if ev.Code != node.OK {
		m.metaFailed()
		return
	}
	m.meta.off += metaSize
	m.out.LogSync(devMeta, tagMetaSync, m.meta.seg)
}

func (m *Machine) metaSynced(ev *node.Event) {
	s := &m.meta
	if ev.Code != node.OK {
		m.metaFailed()
		return
	}
	s.saved, s.saving = s.saving, 0
	for _, seg := range s.old {
		m.out.LogDelete(devMeta, tagMetaDelete, seg)
	}
	s.old = s.old[:0]
	if m.told != s.ver {
		// Others refuse what is said under an older version, so it is time to say it again.
		m.told = s.ver
		m.sendFetch(flagRewind)
	}
	m.metaKick()
	m.progress()
}

// metaFailed gives the segment up: the next record goes into a new one. There is no retry timer
// of its own; the next change, at the latest the next tick that persists a position, tries.
func (m *Machine) metaFailed() {
	s := &m.meta
	s.saving = 0
	s.old = append(s.old, s.seg)
	s.seg, s.off = s.seg+1, 0
}

// defect ends all service of this replica: its disks do not hold what they must.
func (m *Machine) defect(format string, args ...any) {
	m.enterDefective(fmt.Sprintf(format, args...))
}
