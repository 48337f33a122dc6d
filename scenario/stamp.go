package scenario

import (
	"encoding/binary"

	"github.com/container-football/pitch/node"
)

// A sector that a workload writes carries the id of its write in the first 8 bytes. Where a
// world carries whole sectors the rest is filled from (id, sector), so that a sector which
// belongs elsewhere, or of which only a part was written, is recognised when it is read. The second
// half repeats one word, so that a sector can be packed as well as files usually can.

// fillStamp fills one sector.
func fillStamp(b []byte, id, sector uint64) {
	binary.LittleEndian.PutUint64(b, id)
	if id == 0 {
		clear(b)
		return
	}
	h := node.Hash(id, sector)
	for i := 8; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], h)
		if i < len(b)/2 {
			h = nextWord(h)
		}
	}
}

func nextWord(h uint64) uint64 { return h*0x9e3779b97f4a7c15 + 1 }

// damaged marks the ids of sectors whose content nobody wrote as a whole. No run gets so far with
// its own ids.
const damaged = 1 << 63

// readStamp returns the id in one sector, and whether its content is what was written with that
// id. If not, the id has the damaged bit set.
func readStamp(b []byte, sector uint64) (uint64, bool) {
	id := binary.LittleEndian.Uint64(b)
	h := uint64(0)
	if id != 0 {
		h = node.Hash(id, sector)
	}
	for i := 8; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:]) != h {
			return id | damaged, false
		}
		if id != 0 && i < len(b)/2 {
			h = nextWord(h)
		}
	}
	return id, true
}

// readStamps returns the id of every sector in b, which begins with sector first.
func readStamps(b []byte, carry uint32, first uint64) []uint64 {
	ids := make([]uint64, 0, len(b)/int(carry))
	for ; len(b) >= int(carry); b = b[carry:] {
		id, _ := readStamp(b[:carry], first+uint64(len(ids)))
		ids = append(ids, id)
	}
	return ids
}
