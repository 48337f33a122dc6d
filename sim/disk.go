package sim

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// disk is the timing and the randomness that volumes and logs share. Requests occupy the medium
// one after another; latencies overlap.
type disk struct {
	host    *host
	machine uint32
	dev     node.Dev
	busy    node.Time
	random  node.Stream
	tokens  uint64
}

func newDisk(h *host, kind string, machine uint32, dev node.Dev) disk {
	name := fmt.Sprintf("%s %d/%d/%d", kind, h.id, machine, dev)
	return disk{host: h, machine: machine, dev: dev, random: node.NewStream(h.sim.cfg.Seed, name)}
}

// done queues the completion of a request that moves cost bytes.
func (d *disk) done(dev device, op node.Op, tag node.Tag, l Latency, cost int64) *item {
	s := d.host.sim
	d.busy = occupy(d.busy, s.now, cost, s.cfg.Disk.Bandwidth)
	it := s.push(d.busy + l.draw(d.random.Uint64()))
	it.kind, it.disk, it.host, it.machine, it.inc = itemDone, dev, d.host, d.machine, d.host.inc
	it.ev = node.Event{Kind: node.KindDone, Op: op, Dev: d.dev, Tag: tag}
	return it
}

// token numbers what has to be found again when it completes. Zero is nothing.
func (d *disk) token() uint64 {
	d.tokens++
	return d.tokens
}

// fate is what becomes of one pending write at a crash: how many of its n parts survive, from the
// first on. Of those that are not durable one in three is lost, one is torn, one survives.
func (d *disk) fate(mode node.Unsynced, p *pending) int64 {
	word, n := d.random.Uint64(), p.n
	switch {
	case p.durable || mode == node.Keep:
		return n
	case mode == node.LoseAll:
		return 0
	}
	switch word % 3 {
	case 0:
		return 0
	case 1:
		return n
	}
	return int64((word >> 32) * uint64(n+1) >> 32)
}

// pending is the state of a write that a crash may take back. A list of them is in the order in
// which they were asked for.
type pending struct {
	off, n  int64
	token   uint64 // of its completion; ascending in the list
	sync    uint64 // token of the first sync that covers it; zero: none
	data    int    // volume: where in the undo arena
	done    bool   // its completion has been delivered
	durable bool   // it stays, but an older one that is not durable may lie under it
}

// ended marks the write whose completion is delivered.
func ended(list []pending, token uint64) {
	// Like slices.BinarySearchFunc, which copies what it compares.
	from, to := 0, len(list)
	for from < to {
		if mid := int(uint(from+to) >> 1); list[mid].token < token {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from < len(list) && list[from].token == token {
		list[from].done = true
	}
}

// cover marks what a sync that begins now makes durable.
func cover(list []pending, sync uint64) {
	for i := range list {
		if list[i].done && list[i].sync == 0 {
			list[i].sync = sync
		}
	}
}

// settle makes durable what a sync covers, and forgets it as far as nothing older is pending: a
// crash takes older writes back, and must then put again on top what was durable.
func settle(list []pending, sync uint64) []pending {
	n := 0
	for i := range list {
		p := &list[i]
		if p.sync != 0 && p.sync <= sync {
			p.durable = true
		}
		if p.durable && n == i {
			n++
		}
	}
	return list[:copy(list, list[n:])]
}

// volume is a simulated block device. Its content is what a read sees; what a crash may take
// back is in undo: old and new content of every pending write.
type volume struct {
	disk
	geo     node.Geometry
	pages   [][]byte // pageSectors sectors each; nil is all zero
	pending []pending
	undo    []byte
}

const pageSectors = 512

var _ node.Volume = (*volume)(nil)

func newVolume(h *host, machine uint32, dev node.Dev, g node.Geometry) *volume {
	return &volume{disk: newDisk(h, "volume", machine, dev), geo: g,
		pages: make([][]byte, (g.Sectors+pageSectors-1)/pageSectors)}
}

func (v *volume) valid(sector, n int64) bool {
	return sector >= 0 && n > 0 && n <= int64(v.geo.Sectors) && sector <= int64(v.geo.Sectors)-n
}

// Read implements node.Volume.
func (v *volume) Read(tag node.Tag, sector, n int64) {
	cost := int64(0)
	if v.valid(sector, n) {
		cost = v.geo.Bytes(n)
	}
	it := v.done(v, node.OpRead, tag, v.host.sim.cfg.Disk.Read, cost)
	it.ev.Off, it.ev.N = sector, n
}

// Write implements node.Volume.
func (v *volume) Write(tag node.Tag, sector int64, data []byte) {
	carry := int64(v.geo.Carry)
	n := int64(len(data)) / carry
	lat := v.host.sim.cfg.Disk.Write
	if !v.valid(sector, n) || n*carry != int64(len(data)) {
		v.done(v, node.OpWrite, tag, lat, 0).ev.Code = node.Invalid
		return
	}
	token := v.token()
	at := len(v.undo)
	v.undo = append(v.undo, data...)
	v.copyOut(v.undo[at:], sector)
	v.undo = append(v.undo, data...)
	v.copyIn(sector, data)
	v.pending = append(v.pending, pending{off: sector, n: n, token: token, data: at})
	it := v.done(v, node.OpWrite, tag, lat, v.geo.Bytes(n))
	it.ev.Off, it.ev.N, it.aux = sector, n, token
}

// Sync implements node.Volume.
func (v *volume) Sync(tag node.Tag) {
	token := v.token()
	cover(v.pending, token)
	v.done(v, node.OpSync, tag, v.host.sim.cfg.Disk.Sync, 0).aux = token
}

func (v *volume) finish(aux uint64, ev *node.Event) {
	switch ev.Op {
	case node.OpRead:
		if !v.valid(ev.Off, ev.N) {
			ev.Code = node.Invalid
			return
		}
		ev.Data = v.host.sim.pool.get(int(ev.N) * int(v.geo.Carry))
		v.copyOut(ev.Data, ev.Off)
	case node.OpWrite:
		ended(v.pending, aux)
	case node.OpSync:
		v.pending = settle(v.pending, aux)
		v.compact()
	}
}

// compact gives back the undo arena's memory when little of it is needed.
func (v *volume) compact() {
	if len(v.pending) == 0 {
		v.undo = v.undo[:0]
		return
	}
	first := v.pending[0].data // spans are in the order of the list
	if first < len(v.undo)/2 {
		return
	}
	v.undo = v.undo[:copy(v.undo, v.undo[first:])]
	for i := range v.pending {
		v.pending[i].data -= first
	}
}

// crash takes every pending write back, newest first, and then lets survive what is durable or
// what the mode lets survive, oldest first.
func (v *volume) crash(mode node.Unsynced) {
	carry := int64(v.geo.Carry)
	for i := len(v.pending) - 1; i >= 0; i-- {
		p := &v.pending[i]
		v.copyIn(p.off, v.undo[p.data:p.data+int(p.n*carry)])
	}
	for i := range v.pending {
		p := &v.pending[i]
		k := v.fate(mode, p)
		from := p.data + int(p.n*carry)
		v.copyIn(p.off, v.undo[from:from+int(k*carry)])
	}
	v.pending, v.undo = v.pending[:0], v.undo[:0]
}

// copyIn writes data from sector on.
func (v *volume) copyIn(sector int64, data []byte) {
	for len(data) > 0 {
		page := &v.pages[sector/pageSectors]
		if *page == nil {
			*page = make([]byte, pageSectors*int(v.geo.Carry))
		}
		n := copy((*page)[sector%pageSectors*int64(v.geo.Carry):], data)
		data = data[n:]
		sector += int64(n) / int64(v.geo.Carry)
	}
}

// copyOut reads from sector on until buf is full.
func (v *volume) copyOut(buf []byte, sector int64) {
	for len(buf) > 0 {
		at := int(sector%pageSectors) * int(v.geo.Carry)
		n := min(len(buf), pageSectors*int(v.geo.Carry)-at)
		if page := v.pages[sector/pageSectors]; page != nil {
			copy(buf[:n], page[at:])
		} else {
			clear(buf[:n])
		}
		buf = buf[n:]
		sector += int64(n) / int64(v.geo.Carry)
	}
}

func (v *volume) dump() []byte {
	b := make([]byte, v.geo.Sectors*uint64(v.geo.Carry))
	v.copyOut(b, 0)
	return b
}
