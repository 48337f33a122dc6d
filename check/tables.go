package check

// noOp stands for "no operation" where an index into a history is expected.
const noOp = -1

// register is one (resource, sector), the unit that linearizability speaks of.
type register struct {
	resource string
	sector   uint64
}

// registers numbers registers in the order of their first mention. The low sectors of the
// resource that is named first are found in an array, all others in an open-addressing hash
// table, half full at most; a Go map costs several times as much for each of the millions of
// look-ups that one history needs.
type registers struct {
	keys   []register
	direct []uint32 // by sector: number of a register + 1, or 0
	main   string   // the resource that direct is about
	slots  []uint32 // number of a register + 1, or 0
	hashed int      // how many are in slots
}

// lowSectors is how many sectors direct holds at most.
const lowSectors = 1 << 16

func (t *registers) find(resource string, sector uint64) uint32 {
	if sector < uint64(len(t.direct)) && resource == t.main {
		n := t.direct[sector]
		if n == 0 {
			n = t.add(resource, sector)
			t.direct[sector] = n
		}
		return n - 1
	}
	return t.findOther(resource, sector)
}

func (t *registers) add(resource string, sector uint64) uint32 {
	t.keys = append(t.keys, register{resource, sector})
	return uint32(len(t.keys))
}

func (t *registers) findOther(resource string, sector uint64) uint32 {
	if len(t.keys) == 0 {
		t.main = resource
	}
	if resource == t.main && sector < lowSectors {
		t.direct = append(t.direct, make([]uint32, sector+1-uint64(len(t.direct)))...)
		return t.find(resource, sector)
	}
	if 2*t.hashed >= len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := mix(sector, hashString(resource)) & mask; ; i = (i + 1) & mask {
		n := t.slots[i]
		if n == 0 {
			n = t.add(resource, sector)
			t.slots[i] = n
			t.hashed++
			return n - 1
		}
		if k := &t.keys[n-1]; k.sector == sector && k.resource == resource {
			return n - 1
		}
	}
}

func (t *registers) grow() {
	old := t.slots
	t.slots = make([]uint32, max(64, 4*len(old)))
	mask := uint64(len(t.slots) - 1)
	for _, n := range old {
		if n == 0 {
			continue
		}
		k := &t.keys[n-1]
		i := mix(k.sector, hashString(k.resource)) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = n
	}
}

// cluster is all that a history says about one value of one register: its write and its reads.
type cluster struct {
	id    uint64
	f     int64  // earliest return of an operation whose outcome is known
	s     int64  // latest call
	reg   uint32 // number of the register
	write int32  // the operation that wrote it, or noOp
	first int32  // the operation that returned at f, or noOp if none is known to have
	last  int32  // the operation that was called at s, or noOp
}

// clusters finds the cluster of a register and an id. Ids may be any 64-bit numbers: memory
// depends on how many there are, not on how large.
//
// Where ids are dense and of one register each, as most workloads make them, an array finds
// them, and what is near in time is near in memory. All others go into a hash table like that
// of [registers].
type clusters struct {
	all    []cluster
	direct []uint32 // by id: number of a cluster of that id + 1, or 0
	slots  []uint32 // the hash table: likewise, for all that direct has no room for
	hashed int      // how many are in slots
}

// newClusters makes room for n clusters and an array for the ids below ids; more may come.
func newClusters(n int, ids uint64) *clusters {
	return &clusters{
		all: make([]cluster, 0, n), direct: make([]uint32, ids), slots: make([]uint32, 64),
	}
}

// find returns the cluster of id in register reg, which it makes on first mention. The pointer
// is good until the next call.
func (t *clusters) find(reg uint32, id uint64) *cluster {
	if id < uint64(len(t.direct)) {
		n := t.direct[id]
		if n == 0 {
			t.direct[id] = uint32(len(t.all) + 1)
			return t.add(reg, id)
		}
		if c := &t.all[n-1]; c.reg == reg {
			return c
		}
	}
	return t.findHashed(reg, id)
}

func (t *clusters) findHashed(reg uint32, id uint64) *cluster {
	if 2*t.hashed >= len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := mix(id, uint64(reg)) & mask; ; i = (i + 1) & mask {
		n := t.slots[i]
		if n == 0 {
			t.slots[i] = uint32(len(t.all) + 1)
			t.hashed++
			return t.add(reg, id)
		}
		if c := &t.all[n-1]; c.id == id && c.reg == reg {
			return c
		}
	}
}

func (t *clusters) add(reg uint32, id uint64) *cluster {
	t.all = append(t.all, cluster{
		id: id, reg: reg, f: maxTime, s: minTime, write: noOp, first: noOp, last: noOp,
	})
	return &t.all[len(t.all)-1]
}

func (t *clusters) grow() {
	old := t.slots
	t.slots = make([]uint32, 4*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, n := range old {
		if n == 0 {
			continue
		}
		c := &t.all[n-1]
		i := mix(c.id, uint64(c.reg)) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = n
	}
}

// mix spreads a and b over 64 bits. The multipliers are odd, so that nothing is lost; the
// shifts bring the high bits, which depend on all others, down to where a mask picks them.
func mix(a, b uint64) uint64 {
	x := (a ^ b*0xd6e8feb86659fd93) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return x ^ x>>32
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}
