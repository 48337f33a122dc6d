package realnode

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// diskOp is one request to a device.
type diskOp struct {
	op   node.Op
	tag  node.Tag
	seg  uint64
	off  int64
	n    int64
	seq  uint64 // write, append: number of this one, from 1
	upto uint64 // sync: covers writes up to this number
}

// medium is what a device stores its data in. All calls block. Only sync may run beside others.
type medium interface {
	// do carries out anything but a sync. What a read returns is valid until the next call.
	do(op *diskOp, data []byte) ([]byte, node.Code)
	// admit looks at a sync in the order of requests, and false ends it with code.
	admit(op *diskOp) (code node.Code, ok bool)
	// sync makes durable what ops cover: all of them for the same segment.
	sync(seg uint64, upto uint64) node.Code
	close() error
}

// device is one volume or log of one machine. Requests are carried out in order by one worker
// goroutine, except that syncs have a worker of their own: what comes after a sync need not wait
// for it. Syncs that have gathered behind a running one end together.
//
// Writes complete in the order in which they were asked for, so those whose completion was
// delivered, which is what a sync covers, are the first so many.
type device struct {
	machine uint32
	dev     node.Dev
	medium  medium
	inbox   *queue[item]
	io      *queue[diskOp]
	syncs   *queue[diskOp]
	workers sync.WaitGroup

	asked    uint64        // writes asked for; belongs to the event loop
	ended    atomic.Uint64 // writes whose completion was delivered; set by the event loop
	inFlight atomic.Int64  // syncs
}

func newDevice(machine uint32, dev node.Dev, m medium, inbox *queue[item]) *device {
	return &device{machine: machine, dev: dev, medium: m, inbox: inbox,
		io: newQueue[diskOp](0, 0), syncs: newQueue[diskOp](0, 0)}
}

func (d *device) start() *device {
	d.workers.Go(d.work)
	d.workers.Go(d.workSyncs)
	return d
}

// stop waits until no worker runs, and closes the files. Requests in the queues are lost.
func (d *device) stop() error {
	d.io.close()
	d.syncs.close()
	d.workers.Wait()
	return d.medium.close()
}

// ask is called by the event loop only.
func (d *device) ask(op diskOp, data []byte) {
	switch op.op {
	case node.OpWrite, node.OpLogAppend:
		d.asked++
		op.seq = d.asked
	case node.OpSync, node.OpLogSync:
		op.upto = d.ended.Load()
		d.inFlight.Add(1)
	}
	d.io.put(op, data)
}

// delivered is called by the event loop just before a completion is delivered.
func (d *device) delivered(op node.Op) {
	if op == node.OpWrite || op == node.OpLogAppend {
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
	var b batch[diskOp]
	for d.io.take(&b) {
		for i := range b.list {
			op := &b.list[i].val
			if d.io.isClosed() {
				return
			}
			if op.op != node.OpSync && op.op != node.OpLogSync {
				data, code := d.medium.do(op, b.data(i))
				d.finish(op, code, data)
			} else if code, ok := d.medium.admit(op); ok {
				d.syncs.put(*op, nil)
			} else {
				d.finish(op, code, nil)
			}
		}
	}
}

func (d *device) workSyncs() {
	var b batch[diskOp]
	for d.syncs.take(&b) {
		for i := 0; i < len(b.list); {
			first := &b.list[i].val
			end, upto := i, uint64(0)
			for end < len(b.list) && b.list[end].val.seg == first.seg {
				upto = max(upto, b.list[end].val.upto)
				end++
			}
			code := d.medium.sync(first.seg, upto)
			for ; i < end; i++ {
				d.finish(&b.list[i].val, code, nil)
			}
		}
	}
}

func (d *device) finish(op *diskOp, code node.Code, data []byte) {
	if op.op == node.OpSync || op.op == node.OpLogSync {
		d.inFlight.Add(-1)
	}
	d.inbox.put(item{kind: itemDone, machine: d.machine, device: d, ev: node.Event{
		Kind: node.KindDone, Op: op.op, Dev: d.dev, Code: code, Tag: op.tag,
		Seg: op.seg, Off: op.off, N: op.n}}, data)
}

// diskCode is how err looks to a machine, which cannot do anything with its text: that goes to
// the log.
func diskCode(err error) node.Code {
	switch {
	case err == nil:
		return node.OK
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		slog.Warn("device is full", "error", err)
		return node.NoSpace
	}
	slog.Error("device failed", "error", err)
	return node.IOError
}
