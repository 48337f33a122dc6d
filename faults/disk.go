package faults

import "github.com/container-football/pitch/node"

// Volume implements node.World.
func (l *Layer) Volume(machine uint32, dev node.Dev) node.Volume {
	return &volume{l, machine, dev, l.World.Volume(machine, dev)}
}

// Log implements node.World.
func (l *Layer) Log(machine uint32, dev node.Dev) node.Log {
	return &logDev{l, machine, dev, l.World.Log(machine, dev)}
}

// slow puts a request off if the disk is slow, and says whether it has. Requests stay in the
// order of asking, also while a slow disk becomes less so.
func (l *Layer) slow(h held) bool {
	after, behind := node.Time(0), false
	if l.state.Disk.Slow > 1 {
		l.fired.Slowed++
		after = node.Time((l.state.Disk.Slow - 1) * float64(nominal))
	}
	for i := len(l.held) - 1; i >= 0 && !behind; i-- {
		if l.held[i].run == heldRequest {
			after, behind = max(after, l.held[i].due-l.Now()), true
		}
	}
	if after == 0 && !behind {
		return false
	}
	l.hold(after, h.asRequest())
	return true
}

func (h held) asRequest() held {
	h.run = heldRequest
	h.data = append([]byte(nil), h.data...)
	return h
}

type volume struct {
	layer   *Layer
	machine uint32
	dev     node.Dev
	inner   node.Volume
}

var _ node.Volume = (*volume)(nil)

func (v *volume) Read(tag node.Tag, sector, n int64) {
	ev := node.Event{Op: node.OpRead, Tag: tag, Off: sector, N: n}
	if v.unreadable(sector, n) {
		v.layer.fired.Unreadable++
		ev.Kind, ev.Dev, ev.Code = node.KindDone, v.dev, node.IOError
		v.layer.hold(0, held{run: heldCompletion, machine: v.machine, ev: ev})
		return
	}
	if !v.layer.slow(held{volume: v.inner, ev: ev}) {
		v.inner.Read(tag, sector, n)
	}
}

// unreadable says whether a read touches a sector with a latent error.
func (v *volume) unreadable(sector, n int64) bool {
	s := &v.layer.state
	if s.Disk.Latent == 0 {
		return false
	}
	disk := node.Hash(s.Seed, uint64(v.layer.id)<<40|uint64(v.machine)<<8|uint64(v.dev))
	for i := range n {
		if node.Chance(node.Hash(disk, uint64(sector+i)), s.Disk.Latent) {
			return true
		}
	}
	return false
}

func (v *volume) Write(tag node.Tag, sector int64, data []byte) {
	ev := node.Event{Op: node.OpWrite, Tag: tag, Off: sector}
	if !v.layer.slow(held{volume: v.inner, ev: ev, data: data}) {
		v.inner.Write(tag, sector, data)
	}
}

func (v *volume) Sync(tag node.Tag) {
	if !v.layer.slow(held{volume: v.inner, ev: node.Event{Op: node.OpSync, Tag: tag}}) {
		v.inner.Sync(tag)
	}
}

func (v *volume) Zero(tag node.Tag, sector, n int64) {
	ev := node.Event{Op: node.OpZero, Tag: tag, Off: sector, N: n}
	if !v.layer.slow(held{volume: v.inner, ev: ev}) {
		v.inner.Zero(tag, sector, n)
	}
}

func (v *volume) Map(tag node.Tag, sector, n int64) {
	ev := node.Event{Op: node.OpMap, Tag: tag, Off: sector, N: n}
	if !v.layer.slow(held{volume: v.inner, ev: ev}) {
		v.inner.Map(tag, sector, n)
	}
}

func (v *volume) Resize(tag node.Tag, sectors int64) {
	ev := node.Event{Op: node.OpResize, Tag: tag, N: sectors}
	if !v.layer.slow(held{volume: v.inner, ev: ev}) {
		v.inner.Resize(tag, sectors)
	}
}

type logDev struct {
	layer   *Layer
	machine uint32
	dev     node.Dev
	inner   node.Log
}

var _ node.Log = (*logDev)(nil)

func (d *logDev) slow(ev node.Event, cost int64, data []byte) bool {
	return d.layer.slow(held{log: d.inner, ev: ev, cost: cost, data: data})
}

func (d *logDev) List(tag node.Tag) {
	if !d.slow(node.Event{Op: node.OpLogList, Tag: tag}, 0, nil) {
		d.inner.List(tag)
	}
}

func (d *logDev) Append(tag node.Tag, seg uint64, off int64, data []byte, cost int64) {
	if d.layer.state.Disk.Full && d.dev == 0 {
		d.layer.fired.Full++
		d.layer.hold(0, held{run: heldCompletion, machine: d.machine, ev: node.Event{
			Kind: node.KindDone, Op: node.OpLogAppend, Dev: d.dev, Code: node.NoSpace, Tag: tag,
			Seg: seg, Off: off}})
		return
	}
	ev := node.Event{Op: node.OpLogAppend, Tag: tag, Seg: seg, Off: off}
	if !d.slow(ev, cost, data) {
		d.inner.Append(tag, seg, off, data, cost)
	}
}

func (d *logDev) Read(tag node.Tag, seg uint64, off, n int64) {
	if !d.slow(node.Event{Op: node.OpLogRead, Tag: tag, Seg: seg, Off: off, N: n}, 0, nil) {
		d.inner.Read(tag, seg, off, n)
	}
}

func (d *logDev) Sync(tag node.Tag, seg uint64) {
	if !d.slow(node.Event{Op: node.OpLogSync, Tag: tag, Seg: seg}, 0, nil) {
		d.inner.Sync(tag, seg)
	}
}

func (d *logDev) Truncate(tag node.Tag, seg uint64, size int64) {
	if !d.slow(node.Event{Op: node.OpLogTrunc, Tag: tag, Seg: seg, N: size}, 0, nil) {
		d.inner.Truncate(tag, seg, size)
	}
}

func (d *logDev) Delete(tag node.Tag, seg uint64) {
	if !d.slow(node.Event{Op: node.OpLogDelete, Tag: tag, Seg: seg}, 0, nil) {
		d.inner.Delete(tag, seg)
	}
}

func (d *logDev) Note(tag node.Tag, seg uint64, data []byte) {
	if !d.slow(node.Event{Op: node.OpLogNote, Tag: tag, Seg: seg}, 0, data) {
		d.inner.Note(tag, seg, data)
	}
}
