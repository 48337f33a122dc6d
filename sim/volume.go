package sim

import "github.com/container-football/pitch/node"

// volume is a simulated block device. Its content is what a read sees; what a crash may take
// back is in undo: old and new content of every pending write, and the old one of every Zero.
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
	case node.OpWrite, node.OpZero:
		ended(v.pending, aux)
	case node.OpSync:
		v.pending = settle(v.pending, aux)
		v.compact()
	case node.OpMap:
		v.mapped(ev)
	case node.OpResize:
		if ev.Code == node.OK {
			v.resize(ev.N)
		}
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
		if p.zeroed != nil {
			p.zeroed.restore(v)
			continue
		}
		v.copyIn(p.off, v.undo[p.data:p.data+int(p.n*carry)])
	}
	for i := range v.pending {
		p := &v.pending[i]
		k := v.fate(mode, p)
		if p.zeroed != nil {
			v.clear(p.off, k, nil)
			continue
		}
		from := p.data + int(p.n*carry)
		v.copyIn(p.off, v.undo[from:from+int(k*carry)])
	}
	clear(v.pending)
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
