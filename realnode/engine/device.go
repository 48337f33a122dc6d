package engine

import (
	"sync"
	"sync/atomic"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/handoff"
)

// diskOp is one request on its way to a device.
type diskOp struct {
	disk.Request
	tag  node.Tag
	upto uint64  // sync: covers writes up to this number
	loan *buffer // write: where Data lies, unless it lies in the queue
}

// device connects one volume or log of a machine to the machine's loop. Requests are carried out
// in order by one worker goroutine, except that syncs have a worker of their own: what comes
// after a sync need not wait for it. Syncs that have gathered behind a running one end together.
//
// Writes complete in the order in which they were asked for, so those whose completion was
// delivered, which is what a sync covers, are the first so many.
type device struct {
	unit    *Unit
	dev     node.Dev
	medium  disk.Device
	cached  disk.CachedReader // the same, if it is one
	carry   int64             // bytes a sector; 0: a log
	io      *handoff.Queue[diskOp]
	syncs   *handoff.Queue[diskOp]
	workers sync.WaitGroup

	asked    uint64        // writes asked for; belongs to the event loop
	open     int           // requests that the workers have not ended; belongs to the event loop
	ended    atomic.Uint64 // writes whose completion was delivered; set by the event loop
	inFlight atomic.Int64  // syncs
	trouble  trouble
}

func newDevice(u *Unit, dev node.Dev) *device {
	return &device{unit: u, dev: dev, io: handoff.NewQueue[diskOp](0, 0),
		syncs: handoff.NewQueue[diskOp](0, 0)}
}

func (d *device) start() {
	d.workers.Go(d.work)
	d.workers.Go(d.workSyncs)
}

// stop waits until no worker runs, and closes the files. Requests in the queues are lost.
func (d *device) stop() error {
	d.io.Close()
	d.syncs.Close()
	d.workers.Wait()
	return d.medium.Close()
}

// changes says whether an operation is one of those that a sync covers.
func changes(op node.Op) bool {
	return op == node.OpWrite || op == node.OpZero || op == node.OpLogAppend
}

func isSync(op node.Op) bool { return op == node.OpSync || op == node.OpLogSync }

// ask is called by the event loop only.
func (d *device) ask(op diskOp, data []byte) {
	if op.Op == node.OpRead && d.readAtOnce(&op) {
		return
	}
	d.open++
	switch {
	case changes(op.Op):
		d.asked++
		op.Seq = d.asked
	case isSync(op.Op):
		op.upto = d.ended.Load()
		d.inFlight.Add(1)
	}
	if len(data) >= lendFrom { // a queue would have to move much when it grows
		op.loan = borrow(len(data))
		op.Data = append(op.loan.b[:0], data...)
		data = nil
	}
	d.io.Put(op, data)
}

// readAtOnce carries out a small read in the event loop itself, if the content is in memory: that
// spares the way to the worker and back. No worker must be at the device, and no write be on its way
// to it. The completion is an event of its own, as all are.
func (d *device) readAtOnce(op *diskOp) bool {
	l := d.unit.loop
	if d.cached == nil || d.open > 0 || op.N*d.carry >= lendFrom || l.read != nil {
		return false
	}
	if l.space == nil {
		l.space = make([]byte, 2*lendFrom) // devices may read whole blocks
	}
	r := op.Request
	r.Into = l.space
	data, ok := d.cached.ReadCached(&r)
	if ok {
		ev := d.done(op, node.OK)
		ev.Data = append(l.space[:0], data...)
		l.read = &ev
	}
	return ok
}

// done is the completion of op.
func (d *device) done(op *diskOp, code node.Code) node.Event {
	return node.Event{Kind: node.KindDone, Op: op.Op, Dev: d.dev, Code: code, Tag: op.tag,
		Seg: op.Seg, Off: op.Off, N: op.N}
}

// delivered is called by the event loop just before the completion of what a worker has done is
// delivered.
func (d *device) delivered(op node.Op) {
	d.open--
	if changes(op) {
		d.ended.Add(1)
	}
}

// floor is a number up to which every sync to come covers all writes. Zero means unknown.
func (d *device) floor() uint64 {
	ended := d.ended.Load() // before the other: a sync that is asked for later covers no less
	if d.inFlight.Load() > 0 {
		return 0
	}
	return ended
}

func (d *device) work() {
	var b handoff.Batch[diskOp]
	for d.io.Take(&b) {
		for i := range b.Len() {
			op := b.At(i)
			if d.io.Closed() {
				return
			}
			if isSync(op.Op) {
				d.admit(op)
				continue
			}
			if op.loan != nil {
				d.carryOut(op)
				op.loan.giveBack()
				continue
			}
			op.Data = b.Data(i)
			d.carryOut(op)
		}
	}
}

// carryOut does one request. Much that was read goes to the loop in the buffer that it was read
// into.
func (d *device) carryOut(op *diskOp) {
	if d.carry == 0 || op.Op != node.OpRead || op.N*d.carry < lendFrom {
		data, err := d.medium.Do(&op.Request)
		d.unit.complete(d, op, d.codeOf(err), data)
		return
	}
	buf := borrow(int(op.N * d.carry))
	op.Into = buf.b
	data, err := d.medium.Do(&op.Request)
	if !buf.holds(data) {
		buf.giveBack()
		d.unit.complete(d, op, d.codeOf(err), data)
		return
	}
	d.unit.completeLent(d, op, d.codeOf(err), data, buf)
}

// admit hands a sync on, unless there is nothing for it to do.
func (d *device) admit(op *diskOp) {
	done, err := d.medium.Admit(op.Seg, op.upto)
	if !done {
		d.syncs.Put(*op, nil)
		return
	}
	d.inFlight.Add(-1)
	d.unit.complete(d, op, d.codeOf(err), nil)
}

func (d *device) workSyncs() {
	var b handoff.Batch[diskOp]
	for d.syncs.Take(&b) {
		for i := 0; i < b.Len(); {
			first := b.At(i)
			end, upto := i, uint64(0)
			for end < b.Len() && b.At(end).Seg == first.Seg {
				upto = max(upto, b.At(end).upto)
				end++
			}
			code := d.codeOf(d.medium.Sync(first.Seg, upto))
			for ; i < end; i++ {
				d.inFlight.Add(-1)
				d.unit.complete(d, b.At(i), code, nil)
			}
		}
	}
}

// codeOf is how err looks to a machine, which cannot do anything with its text: that goes to the
// log, and to whoever asks for [Unit.Troubles].
func (d *device) codeOf(err error) node.Code {
	code := disk.CodeOf(err)
	if code == node.OK || code == node.Invalid {
		return code
	}
	d.troubled(err, code == node.NoSpace)
	return code
}

// volume is how a machine sees a device that is a volume.
type volume struct{ *device }

var _ node.Volume = volume{}

func (v volume) request(op node.Op, tag node.Tag, off, n int64, data []byte) {
	v.ask(diskOp{Request: disk.Request{Op: op, Off: off, N: n}, tag: tag}, data)
}

// Read implements node.Volume.
func (v volume) Read(tag node.Tag, sector, n int64) { v.request(node.OpRead, tag, sector, n, nil) }

// Write implements node.Volume.
func (v volume) Write(tag node.Tag, sector int64, data []byte) {
	v.request(node.OpWrite, tag, sector, int64(len(data))/v.carry, data)
}

// Sync implements node.Volume.
func (v volume) Sync(tag node.Tag) { v.request(node.OpSync, tag, 0, 0, nil) }

// Zero implements node.Volume.
func (v volume) Zero(tag node.Tag, sector, n int64) { v.request(node.OpZero, tag, sector, n, nil) }

// Map implements node.Volume.
func (v volume) Map(tag node.Tag, sector, n int64) { v.request(node.OpMap, tag, sector, n, nil) }

// Resize implements node.Volume.
func (v volume) Resize(tag node.Tag, sectors int64) { v.request(node.OpResize, tag, 0, sectors, nil) }

// logDevice is how a machine sees a device that is a log.
type logDevice struct{ *device }

var _ node.Log = logDevice{}

func (l logDevice) request(op node.Op, tag node.Tag, seg uint64, off, n int64, data []byte) {
	l.ask(diskOp{Request: disk.Request{Op: op, Seg: seg, Off: off, N: n}, tag: tag}, data)
}

// List implements node.Log.
func (l logDevice) List(tag node.Tag) { l.request(node.OpLogList, tag, 0, 0, 0, nil) }

// Append implements node.Log. Real files take what is carried, so the cost does not count.
func (l logDevice) Append(tag node.Tag, seg uint64, off int64, data []byte, _ int64) {
	l.request(node.OpLogAppend, tag, seg, off, int64(len(data)), data)
}

// Read implements node.Log.
func (l logDevice) Read(tag node.Tag, seg uint64, off, n int64) {
	l.request(node.OpLogRead, tag, seg, off, n, nil)
}

// Sync implements node.Log.
func (l logDevice) Sync(tag node.Tag, seg uint64) { l.request(node.OpLogSync, tag, seg, 0, 0, nil) }

// Note implements node.Log.
func (l logDevice) Note(tag node.Tag, seg uint64, data []byte) {
	l.request(node.OpLogNote, tag, seg, 0, 0, data)
}

// Truncate implements node.Log.
func (l logDevice) Truncate(tag node.Tag, seg uint64, size int64) {
	l.request(node.OpLogTrunc, tag, seg, 0, size, nil)
}

// Delete implements node.Log.
func (l logDevice) Delete(tag node.Tag, seg uint64) {
	l.request(node.OpLogDelete, tag, seg, 0, 0, nil)
}
