package sim

import "github.com/container-football/pitch/node"

// Zero, Map and Resize: what a volume can do without touching content. They cost time but no
// bytes on the medium, and no memory for what was never written.

// maxSectors bounds what a volume can grow to: 16 TiB of 4 KiB sectors. One pointer a page is
// kept, so more would need much memory.
const maxSectors = 1 << 32

// zeroed is what a Zero has hidden, by ascending pages, until nothing can take it back.
type zeroed struct {
	whole []savedPage // given up by the volume as they are
	parts []savedPart
}

type savedPage struct {
	index int64
	page  []byte
}

type savedPart struct {
	sector int64
	data   []byte
}

// restore puts back what was there before.
func (z *zeroed) restore(v *volume) {
	for _, s := range z.whole {
		v.pages[s.index] = s.page
	}
	for _, s := range z.parts {
		v.copyIn(s.sector, s.data)
	}
}

// forget drops what lies behind the first n sectors, which are all that is left of the volume.
func (z *zeroed) forget(n int64, carry int) {
	for i := len(z.whole) - 1; i >= 0; i-- {
		first := z.whole[i].index * pageSectors
		if first < n {
			clear(z.whole[i].page[min(n-first, pageSectors)*int64(carry):])
			break
		}
		z.whole = z.whole[:i]
	}
	for i := len(z.parts) - 1; i >= 0; i-- {
		p := &z.parts[i]
		if left := (n - p.sector) * int64(carry); left > 0 {
			p.data = p.data[:min(left, int64(len(p.data)))]
			break
		}
		z.parts = z.parts[:i]
	}
}

// Zero implements node.Volume.
func (v *volume) Zero(tag node.Tag, sector, n int64) {
	lat := v.host.sim.cfg.Disk.Write
	if !v.valid(sector, n) {
		v.done(v, node.OpZero, tag, lat, 0).ev.Code = node.Invalid
		return
	}
	token, z := v.token(), &zeroed{}
	v.clear(sector, n, z)
	v.pending = append(v.pending, pending{off: sector, n: n, token: token, data: len(v.undo),
		zeroed: z})
	it := v.done(v, node.OpZero, tag, lat, 0)
	it.ev.Off, it.ev.N, it.aux = sector, n, token
}

// clear makes n sectors zero and puts what they held into z, unless that is nil. Pages that end up
// all zero as a whole are given up.
func (v *volume) clear(sector, n int64, z *zeroed) {
	carry := int64(v.geo.Carry)
	for end := sector + n; sector < end; {
		index := sector / pageSectors
		next := min(end, (index+1)*pageSectors)
		page := v.pages[index]
		switch {
		case page == nil:
		case next-sector == pageSectors:
			v.pages[index] = nil
			if z != nil {
				z.whole = append(z.whole, savedPage{index, page})
			}
		default:
			part := page[sector%pageSectors*carry:][:(next-sector)*carry]
			if z != nil {
				z.parts = append(z.parts, savedPart{sector, append([]byte(nil), part...)})
			}
			clear(part)
		}
		sector = next
	}
}

// Map implements node.Volume.
func (v *volume) Map(tag node.Tag, sector, n int64) {
	it := v.done(v, node.OpMap, tag, v.host.sim.cfg.Disk.Read, 0)
	it.ev.Off, it.ev.N = sector, n
}

// mapped answers a Map: it looks at the content of the pages that exist.
func (v *volume) mapped(ev *node.Event) {
	if !v.valid(ev.Off, ev.N) {
		ev.Code = node.Invalid
		return
	}
	var runs []node.Run
	for s, end := ev.Off, ev.Off+ev.N; s < end; {
		index := s / pageSectors
		next := min(end, (index+1)*pageSectors)
		if v.pages[index] == nil {
			s = next
			continue
		}
		for ; s < next; s++ {
			if !v.holds(s) {
				continue
			}
			if k := len(runs) - 1; k >= 0 && runs[k].First+runs[k].N == s {
				runs[k].N++
			} else {
				runs = append(runs, node.Run{First: s, N: 1})
			}
		}
	}
	ev.Data = node.AppendRuns(v.host.sim.pool.get(16 * len(runs))[:0], runs...)
}

// holds says whether a sector of a page that exists holds anything but zeros.
func (v *volume) holds(sector int64) bool {
	carry := int64(v.geo.Carry)
	for _, x := range v.pages[sector/pageSectors][sector%pageSectors*carry:][:carry] {
		if x != 0 {
			return true
		}
	}
	return false
}

// Resize implements node.Volume. The size changes when the request ends: a crash before that
// leaves the old one.
func (v *volume) Resize(tag node.Tag, sectors int64) {
	it := v.done(v, node.OpResize, tag, v.host.sim.cfg.Disk.Sync, 0)
	it.ev.N = sectors
	switch {
	case sectors < 1:
		it.ev.Code = node.Invalid
	case sectors > maxSectors:
		it.ev.Code = node.NoSpace
	}
}

func (v *volume) resize(sectors int64) {
	if sectors < int64(v.geo.Sectors) {
		v.forget(sectors)
	}
	pages := (sectors + pageSectors - 1) / pageSectors
	if have := int64(len(v.pages)); pages > have {
		v.pages = append(v.pages, make([][]byte, pages-have)...)
	} else {
		clear(v.pages[pages:])
		v.pages = v.pages[:pages]
	}
	v.geo.Sectors = uint64(sectors)
}

// forget drops all content behind the first n sectors, also what a crash could have brought back:
// if the volume grows again, it must not come up.
func (v *volume) forget(n int64) {
	v.clear(n, int64(v.geo.Sectors)-n, nil)
	carry := int64(v.geo.Carry)
	var kept []pending
	var undo []byte
	for _, p := range v.pending {
		left := min(p.n, n-p.off)
		if left <= 0 {
			continue
		}
		data := len(undo)
		if p.zeroed != nil {
			p.zeroed.forget(n, int(carry))
		} else {
			undo = append(undo, v.undo[p.data:p.data+int(left*carry)]...)
			fresh := p.data + int(p.n*carry)
			undo = append(undo, v.undo[fresh:fresh+int(left*carry)]...)
		}
		p.n, p.data = left, data
		kept = append(kept, p)
	}
	v.pending, v.undo = kept, undo
}
