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
	syncOff  bool

	// These are in the longer form of a record alone, which is written once one of them is not
	// what the configuration of the replica says.
	long    bool
	sectors int64 // of the volume, at the applied position
	// hole is 0, or the log may not reach up to the applied position: then it is the number of the newest
	// segment that begins before.
	hole uint64
	// tainted is set when the volume may hold what was written in an emergency and is no part of the
	// history that the log or the position tells of: see taint.go.
	tainted bool
	// still is set when replay is paused and the volume holds no part of a record behind the position.
	still  bool
	group  group
	resync resync
	// gone is whose history the log goes on from that is not on disk any more: the first segment of each
	// epoch, the newest keepGone of them; and last, if there are any, the oldest segment on disk when this
	// was written, with number 0 if there was none.
	gone []Segment
}

// keepGone bounds the epochs that are remembered across a boot, though their log is deleted.
const keepGone = 16

// A record: magic "PMET" (4), flags (4), generation (8), version (8), its host (4), granted (4),
// applied position (8), sequence (8), chain (8), CRC-32C of all before (4), zero (4). Bit 2 of the
// flags says that more follows: sectors of the volume (8), bytes of the group (4), the group in
// the form that hellos carry, and, if bit 3 is set, bytes of the resync (4) and the resync; then, if
// bit 5 is set, the number of the newest segment that a log in an emergency had (8), and, if bit 6 is set,
// bytes of the lineage of deleted log (4) and that lineage; then CRC-32C of all before, from the magic on
// (4). Bit 4: copying is switched off. Bit 7: the volume is tainted. Bit 8: replay
// is paused, and the volume holds nothing behind the applied position.
//
// The next segment is begun after metaMaxBytes; no record goes beyond that by more than metaSize.
const (
	metaSize     = 64
	metaMagic    = 0x54454d50
	metaMaxBytes = 64 << 10
	metaMore     = 16 // of the longer form, without the group, the resync and the hole

	metaLong    = 4 // flags
	metaResync  = 8
	metaSyncOff = 16
	metaHole    = 32
	metaGone    = 64
	metaTainted = 128
	metaStill   = 256
)

// encode returns the record in the memory of b, if that is enough.
func (s *state) encode(b []byte, gen uint64) []byte {
	b = s.head(b[:0], gen)
	if !s.long {
		return b
	}
	le := binary.LittleEndian
	members := s.group.encode()
	b = le.AppendUint64(b, uint64(s.sectors))
	b = le.AppendUint32(b, uint32(len(members)))
	b = append(b, members...)
	if s.resync.on || s.resync.sweep {
		r := s.resync.encode()
		b = le.AppendUint32(b, uint32(len(r)))
		b = append(b, r...)
	}
	if s.hole != 0 {
		b = le.AppendUint64(b, s.hole)
	}
	if len(s.gone) > 0 {
		b = le.AppendUint32(b, uint32(segmentWire*len(s.gone)))
		b = append(b, encodeSegments(s.gone)...)
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (s *state) head(b []byte, gen uint64) []byte {
	le := binary.LittleEndian
	b = append(b, make([]byte, metaSize)...)
	le.PutUint32(b[0:], metaMagic)
	flags := uint32(0)
	if s.long {
		flags |= metaLong
		if s.resync.on || s.resync.sweep {
			flags |= metaResync
		}
		if s.hole != 0 {
			flags |= metaHole
		}
		if len(s.gone) > 0 {
			flags |= metaGone
		}
	}
	if s.tainted {
		flags |= metaTainted
	}
	if s.syncOff {
		flags |= metaSyncOff
	}
	if s.still {
		flags |= metaStill
	}
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
	return b
}

// decodeState returns the newest valid record in b, which is one segment of the meta device.
// Records are found up to the first invalid one: after a crash there may be a torn one.
func decodeState(b []byte) (s state, gen uint64, ok bool) {
	for len(b) > 0 {
		one, g, size := decodeRecord(b)
		if size == 0 || ok && g <= gen {
			break
		}
		s, gen, ok = one, g, true
		b = b[size:]
	}
	return s, gen, ok
}

// decodeRecord returns the record at the beginning of b and its size, which is 0 if there is none.
func decodeRecord(b []byte) (s state, gen uint64, size int) {
	le := binary.LittleEndian
	if len(b) < metaSize || le.Uint32(b) != metaMagic ||
		le.Uint32(b[56:]) != crc32.Checksum(b[:56], castagnoli) {
		return s, 0, 0
	}
	flags := le.Uint32(b[4:])
	s = state{ver: version{le.Uint64(b[16:]), node.ID(le.Uint32(b[24:]))},
		granted: node.ID(le.Uint32(b[28:])),
		applied: mark{int64(le.Uint64(b[32:])), le.Uint64(b[40:]), le.Uint64(b[48:])},
		fetchOn: flags&1 != 0, replayOn: flags&2 != 0, long: flags&metaLong != 0,
		syncOff: flags&metaSyncOff != 0, tainted: flags&metaTainted != 0,
		still: flags&metaStill != 0}
	size = metaSize
	if s.long {
		if size = s.decodeMore(b, flags); size == 0 {
			return state{}, 0, 0
		}
	}
	return s, le.Uint64(b[8:]), size
}

// decodeMore reads what the longer form of the record b adds, and returns the size of the record.
func (s *state) decodeMore(b []byte, flags uint32) (size int) {
	le := binary.LittleEndian
	if len(b) < metaSize+metaMore {
		return 0
	}
	s.sectors = int64(le.Uint64(b[metaSize:]))
	n := int64(le.Uint32(b[metaSize+8:]))
	if s.sectors < 1 || n > int64(len(b)-metaSize-metaMore) {
		return 0
	}
	group := metaSize + 12 + int(n)
	end := group
	resyncs := flags&metaResync != 0
	if resyncs {
		if len(b)-group < 8 {
			return 0
		}
		n = int64(le.Uint32(b[group:]))
		if end += 4; n > int64(len(b)-end-4) {
			return 0
		}
		end += int(n)
	}
	more := end
	if flags&metaHole != 0 {
		if len(b)-end < 12 {
			return 0
		}
		s.hole = le.Uint64(b[end:])
		end += 8
	}
	gone := end
	if flags&metaGone != 0 {
		if len(b)-end < 8 {
			return 0
		}
		n = int64(le.Uint32(b[end:]))
		if end += 4; n > int64(len(b)-end-4) {
			return 0
		}
		end += int(n)
	}
	if le.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli) {
		return 0
	}
	var err error
	if s.group, err = decodeGroup(b[metaSize+12 : group]); err != nil {
		return 0
	}
	if resyncs {
		if s.resync, err = decodeResync(b[group+4 : more]); err != nil {
			return 0
		}
	}
	if flags&metaGone != 0 {
		if s.gone, err = decodeSegments(b[gone+4 : end]); err != nil {
			s.gone = nil // it is for orphans alone
		}
	}
	return end + 4
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
	group  group    // in the record being written
	record []byte   // being written
	old    []uint64 // segments to delete once a record is durable in a newer one

	still     bool // the durable record says so, or the one being written
	stillNext bool // the one being written

	syncing   bool      // a sync of the volume is under way
	notBefore node.Time // when the next one may begin
	candidate mark      // what it makes durable
	sectors   int64     // of the volume, there
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
	s.saving, s.ver, s.group = s.want, m.ver, m.group
	m.state.ver, m.state.group = m.ver, group{}
	if m.group.changed() {
		m.state.group = m.group
	}
	m.state.hole = m.holeNow()
	m.state.gone = m.stream.past()
	m.state.long = m.group.changed() || m.state.hole != 0 || len(m.state.gone) > 0 || m.state.resync.on || m.state.resync.sweep ||
		m.state.sectors != int64(m.cfg.Geometry.Sectors)
	m.state.still = m.paused() && !m.copy.on && m.whole()
	s.stillNext, s.still = m.state.still, s.still || m.state.still
	s.record = m.state.encode(s.record, s.saving)
	if s.off >= metaMaxBytes || s.off+int64(len(s.record)) > metaMaxBytes+metaSize {
		s.old = append(s.old, s.seg)
		s.seg, s.off = s.seg+1, 0
	}
	m.out.LogAppend(devMeta, tagMetaAppend, s.seg, s.off, s.record, 0)
}

func (m *Machine) metaAppended(ev *node.Event) {
	if ev.Code != node.OK {
		m.metaFailed()
		return
	}
	m.meta.off += int64(len(m.meta.record))
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
	if s.still {
		s.still = s.stillNext
		m.applyKick()
	}
	if m.told != s.ver {
		// Others refuse what is said under an older version, so it is time to say it again.
		m.told = s.ver
		m.sendFetch(flagRewind)
	}
	if m.toldGroup.older(s.group) {
		m.announce(s.group)
	}
	m.metaKick()
	if m.emergency.on {
		m.emergencySaved()
	}
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
