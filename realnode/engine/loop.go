package engine

import (
	"math"
	"sync"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/handoff"
)

type itemKind uint8

const (
	itemEvent   itemKind = iota // for the machine
	itemDone                    // the same, from a device
	itemRequest                 // the same, from a user
	itemBoot                    // the host has started
	itemControl                 // a command for the fault layer
)

// item is one thing for the event loop to do. Its bytes lie in the queue.
type item struct {
	kind   itemKind
	number uint64     // itemBoot: the seed
	device *device    // itemDone
	to     Replier    // itemRequest
	done   chan error // itemControl
	lent   *buffer    // itemDone: where ev.Data lies, unless it lies in the queue
	ev     node.Event
}

// loop is the event loop of one unit: whoever holds its turn runs the machine. Mostly that is the
// goroutine of run. A user who finds it asleep takes the turn himself, because waking another
// goroutine takes longer than most requests do. It is the World that the machine's host and its fault
// layer see; they call it in somebody's turn only.
type loop struct {
	unit   *Unit
	clock  Clock
	timers timers
	host   *node.Host
	users  users

	turn    sync.Mutex // all of this belongs to whoever holds it
	running bool       // between the first event and the last
	batch   handoff.Batch[item]
	next    int         // of batch
	sleeps  node.Time   // when run wakes up by itself
	read    *node.Event // of a device that has read at once, to be delivered
	space   []byte      // where the content of read lies
}

var _ node.World = (*loop)(nil)

func newLoop(u *Unit, spec node.Spec) *loop {
	cfg := &u.engine.cfg
	l := &loop{unit: u, clock: cfg.Clock}
	l.host = node.NewHost(cfg.Host, u.number, []node.Spec{spec}, l, cfg.Wrap)
	return l
}

// run delivers events until the inbox is closed.
func (l *loop) run() {
	defer l.reportPanic()
	wait := time.NewTimer(time.Hour)
	defer wait.Stop()
	in := l.unit.inbox
	l.turn.Lock()
	defer l.turn.Unlock()
	for l.running = true; ; {
		busy := l.step()
		if in.Closed() {
			l.running = false
			l.drain(&l.batch, l.next)
			return
		}
		if busy {
			continue
		}
		wait.Reset(l.idleTime())
		l.turn.Unlock()
		select {
		case <-in.Wake():
		case <-wait.C:
		}
		l.turn.Lock()
	}
}

// step delivers what is next, and says whether there was anything. Timers that are due and events
// that have come in take turns, so that neither kind can starve the other.
func (l *loop) step() bool {
	busy := l.deliverRead()
	if key, ok := l.timers.pop(l.clock.Now()); ok {
		busy = true
		l.host.Deliver(key.machine, &node.Event{Kind: node.KindTimer, Tag: key.tag})
	}
	if l.next < l.batch.Len() {
		l.handle(l.batch.At(l.next), l.batch.Data(l.next))
		l.next++
		return true
	}
	l.users.flush()
	l.next = 0
	return l.unit.inbox.TryTake(&l.batch) || busy
}

// request delivers a request at once, without a copy of its data, if the loop has nothing else to do.
func (l *loop) request(to Replier, ev *node.Event) bool {
	if !l.turn.TryLock() {
		return false
	}
	defer l.turn.Unlock()
	in := l.unit.inbox
	if !l.running || !in.Idle() {
		return false
	}
	defer l.reportPanic()
	ev.Tag = l.users.add(to, ev.Tag)
	l.host.Deliver(l.unit.number, ev)
	for l.deliverRead() {
	}
	l.users.flush()
	if at, ok := l.timers.next(); ok && at < l.sleeps {
		in.Nudge()
	}
	return true
}

// deliverRead delivers the completion of a read that was carried out in this loop.
func (l *loop) deliverRead() bool {
	ev := l.read
	if ev == nil {
		return false
	}
	l.read = nil
	l.host.Deliver(l.unit.number, ev)
	return true
}

// drain answers the requests that the machine does not get to see.
func (l *loop) drain(b *handoff.Batch[item], next int) {
	for {
		for ; next < b.Len(); next++ {
			switch it := b.At(next); it.kind {
			case itemRequest:
				l.users.add(it.to, it.ev.Tag)
			case itemControl:
				it.done <- ErrStopped
			}
		}
		if next = 0; !l.unit.inbox.TryTake(b) {
			return
		}
	}
}

// idleTime is how long nothing is to do unless something comes in.
func (l *loop) idleTime() time.Duration {
	at, ok := l.timers.next()
	if !ok {
		l.sleeps = math.MaxInt64
		return time.Hour
	}
	l.sleeps = at
	return l.clock.wait(at - l.clock.Now())
}

func (l *loop) handle(it *item, data []byte) {
	number := l.unit.number
	if len(data) > 0 {
		it.ev.Data = data
	}
	switch it.kind {
	case itemDone:
		it.device.delivered(it.ev.Op)
		l.host.Deliver(number, &it.ev)
		if it.lent != nil {
			it.lent.giveBack()
		}
	case itemEvent:
		l.host.Deliver(number, &it.ev)
	case itemRequest:
		it.ev.Tag = l.users.add(it.to, it.ev.Tag)
		l.host.Deliver(number, &it.ev)
	case itemBoot:
		l.host.Boot(it.ev.N, it.number)
	case itemControl:
		it.done <- l.host.Control(data)
	}
}

// reportPanic tells what broke, and lets the process die of it: a broken invariant must not be
// survived, and the stack is wanted on standard error.
func (l *loop) reportPanic() {
	if r := recover(); r != nil {
		if told := l.unit.engine.cfg.Broken; told != nil {
			told(r)
		}
		panic(r)
	}
}

// Now implements node.Clock.
func (l *loop) Now() node.Time { return l.clock.Now() }

// SetTimer implements node.Clock.
func (l *loop) SetTimer(machine uint32, tag node.Tag, after node.Time) {
	l.timers.arm(timerKey{machine, tag}, l.clock.Now()+max(after, 0))
}

// CancelTimer implements node.Clock.
func (l *loop) CancelTimer(machine uint32, tag node.Tag) {
	l.timers.cancel(timerKey{machine, tag})
}

// Send implements node.Transport. Real networks carry what is there, so the cost does not count.
func (l *loop) Send(from, to node.Addr, class node.Class, body []byte, _ int64) {
	e := l.unit.engine
	if to.Host != e.cfg.Host {
		e.cfg.Send(from, to, class, body)
		return
	}
	if to.Machine == l.unit.number { // a full inbox must not lose what a machine tells itself
		l.unit.inbox.Put(item{kind: itemEvent,
			ev: node.Event{Kind: node.KindMessage, From: from}}, body)
		return
	}
	e.Deliver(from, to.Machine, body)
}

// Volume implements node.World.
func (l *loop) Volume(_ uint32, dev node.Dev) node.Volume {
	return volume{l.unit.volumes[dev]}
}

// Log implements node.World.
func (l *loop) Log(_ uint32, dev node.Dev) node.Log { return logDevice{l.unit.logs[dev]} }

// Reply implements node.World.
func (l *loop) Reply(_ uint32, tag node.Tag, code node.Code, epoch uint64, data []byte) {
	l.users.reply(tag, code, epoch, data)
}
