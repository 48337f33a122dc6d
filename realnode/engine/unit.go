package engine

import (
	"errors"
	"sync"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
	"github.com/container-football/pitch/realnode/handoff"
)

// Above these an inbox makes users wait and loses messages. Disks and timers never wait.
const (
	inboxItems = 1 << 14
	inboxBytes = 16 << 20
)

// Replier takes the answers to requests. The event loop calls it, so it must not wait.
type Replier interface {
	// Reply hands over an answer. Data is valid during the call.
	Reply(tag node.Tag, code node.Code, epoch uint64, data []byte)
	// Flush follows answers when the loop turns to something else.
	Flush()
}

// Unit is one machine with its event loop and its devices.
type Unit struct {
	engine *Engine
	number uint32
	inbox  *handoff.Queue[item]
	loop   *loop
	tasks  sync.WaitGroup
	once   sync.Once
	ended  chan struct{} // closed when the loop has ended
	result error

	volumes, logs []*device
}

func (u *Unit) open(m Machine) error {
	for i, open := range m.Volumes {
		d, err := u.openDevice(node.Dev(i), int64(m.Spec.Volumes[i].Carry), open)
		if err != nil {
			return err
		}
		u.volumes = append(u.volumes, d)
	}
	for i, open := range m.Logs {
		d, err := u.openDevice(node.Dev(i), 0, open)
		if err != nil {
			return err
		}
		u.logs = append(u.logs, d)
	}
	return nil
}

func (u *Unit) openDevice(dev node.Dev, carry int64, open Opener) (*device, error) {
	d := newDevice(u, dev)
	d.carry = carry
	var err error
	if d.medium, err = open(d.floor); err != nil {
		return nil, err
	}
	if carry > 0 {
		d.cached, _ = d.medium.(disk.CachedReader)
	}
	d.start()
	return d, nil
}

func (u *Unit) closeDevices() error {
	var errs []error
	for _, list := range [][]*device{u.volumes, u.logs} {
		for _, d := range list {
			errs = append(errs, d.stop())
		}
	}
	return errors.Join(errs...)
}

// Number is that of the machine.
func (u *Unit) Number() uint32 { return u.number }

// Boot starts the loop and tells the machine that the host has started.
func (u *Unit) Boot(incarnation int64, seed uint64) {
	u.inbox.Put(item{kind: itemBoot, number: seed, ev: node.Event{N: incarnation}}, nil)
	u.tasks.Go(u.loop.run)
}

// Request is what a user asks a machine for.
type Request struct {
	Op    node.Op
	Tag   node.Tag // comes back with the answer
	Off   int64    // first sector
	N     int64    // sectors, or what a verb says
	Flags uint64   // such as node.FlagDurable
	Data  []byte   // copied
}

// Submit hands a user's request to the machine. It waits while the inbox is full. Answers may come
// before it returns, also those of other users. It returns false if the unit has been stopped:
// then there will be no answer. Otherwise there is one at most; those that a stop leaves open are
// answered with node.Unknown.
func (u *Unit) Submit(to Replier, r Request) bool {
	ev := node.Event{Kind: node.KindRequest, Op: r.Op, Tag: r.Tag, Off: r.Off, N: r.N, Seg: r.Flags}
	if len(r.Data) < lendFrom {
		now := ev
		now.Data = r.Data
		if u.loop.request(to, &now) {
			return true
		}
	}
	return u.inbox.PutBounded(item{kind: itemRequest, to: to, ev: ev}, r.Data)
}

// ErrStopped is returned by Control once the unit has been stopped.
var ErrStopped = errors.New("machine has been stopped")

// Control hands a command to the fault layer. Wait returns its answer. Commands are carried out in
// the order of the calls of Control.
func (u *Unit) Control(cmd []byte) (wait func() error) {
	done := make(chan error, 1)
	u.inbox.Put(item{kind: itemControl, done: done}, cmd)
	return func() error {
		select {
		case err := <-done:
			return err
		case <-u.ended:
		}
		select {
		case err := <-done: // it was carried out, or turned down, before the end
			return err
		default:
			return ErrStopped
		}
	}
}

// Stop ends the loop and closes the devices. For the machine it is a crash without loss: it is
// not asked.
func (u *Unit) Stop() error {
	u.once.Do(func() {
		u.inbox.Close()
		u.tasks.Wait()
		var none handoff.Batch[item]
		u.loop.drain(&none, 0) // had it not been booted, nobody has
		close(u.ended)
		e := u.engine
		e.mu.Lock()
		if e.units[u.number] == u {
			delete(e.units, u.number)
		}
		e.mu.Unlock()
		u.loop.users.dropAll()
		u.result = u.closeDevices()
	})
	<-u.ended
	return u.result
}

// complete puts the completion of a disk request into the inbox.
func (u *Unit) complete(d *device, op *diskOp, code node.Code, data []byte) {
	u.inbox.Put(item{kind: itemDone, device: d, ev: d.done(op, code)}, data)
}

// completeLent is complete with data in a buffer that comes back when it has been delivered.
func (u *Unit) completeLent(d *device, op *diskOp, code node.Code, data []byte, buf *buffer) {
	ev := d.done(op, code)
	ev.Data = data
	u.inbox.Put(item{kind: itemDone, device: d, lent: buf, ev: ev}, nil)
}
