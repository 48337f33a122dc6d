package realnode

import (
	"context"
	"fmt"
	"time"

	"github.com/container-football/pitch/node"
)

// Above these the inbox makes network and control readers wait. Disks and timers never wait.
const (
	inboxItems = 1 << 16
	inboxBytes = 16 << 20
)

type itemKind uint8

const (
	itemEvent   itemKind = iota // for a machine
	itemDone                    // the same, from a device
	itemBoot                    // the runner lets the host start
	itemControl                 // a command for the fault layer
)

// item is one thing for the event loop to do. Its bytes lie in the queue.
type item struct {
	kind    itemKind
	machine uint32
	number  uint64  // itemControl
	device  *device // itemDone
	ev      node.Event
}

// loop is the event loop: the one goroutine that runs the host. It is the World that the host
// and its fault layer see; they call it from that goroutine only.
type loop struct {
	proc   *process
	clock  clock
	inbox  *queue[item]
	timers timers
	host   *node.Host
}

var _ node.World = (*loop)(nil)

func newLoop(p *process, c clock, inbox *queue[item], specs []node.Spec, wrap node.Wrap) *loop {
	l := &loop{proc: p, clock: c, inbox: inbox}
	l.host = node.NewHost(p.cfg.Host, specs, l, wrap)
	return l
}

// run delivers events until ctx ends or the inbox is closed. Timers that are due and events
// that have come in take turns, so that neither kind can starve the other.
func (l *loop) run(ctx context.Context) error {
	defer l.reportPanic()
	wait := time.NewTimer(time.Hour)
	defer wait.Stop()
	var b batch[item]
	for next := 0; ; {
		idle := true
		if key, ok := l.timers.pop(l.clock.now()); ok {
			idle = false
			l.host.Deliver(key.machine, &node.Event{Kind: node.KindTimer, Tag: key.tag})
		}
		if next < len(b.list) {
			idle = false
			if err := l.handle(ctx, &b.list[next].val, b.data(next)); err != nil {
				return err
			}
			next++
		} else if next = 0; l.inbox.tryTake(&b) {
			idle = false
		}
		if ctx.Err() != nil {
			return nil
		}
		if !idle {
			continue
		}
		wait.Reset(l.idleTime())
		select {
		case <-l.inbox.wake:
		case <-wait.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// idleTime is how long nothing is to do unless something comes in.
func (l *loop) idleTime() time.Duration {
	at, ok := l.timers.next()
	if !ok {
		return time.Hour
	}
	return l.clock.wait(at - l.clock.now())
}

func (l *loop) handle(ctx context.Context, it *item, data []byte) error {
	switch it.kind {
	case itemDone:
		it.device.delivered(it.ev.Op)
		fallthrough
	case itemEvent:
		if len(data) > 0 {
			it.ev.Data = data
		}
		l.host.Deliver(it.machine, &it.ev)
	case itemBoot:
		l.proc.boot(ctx)
		cfg := &l.proc.cfg
		l.host.Boot(cfg.Incarnation, node.Hash(cfg.Seed, uint64(cfg.Host)))
	case itemControl:
		text := ""
		if err := l.host.Control(data); err != nil {
			text = err.Error()
		}
		head := encodeNumber(it.number)
		l.proc.control.put(frameControlDone, head[:], []byte(text))
	default:
		return fmt.Errorf("item of kind %d in the inbox", it.kind)
	}
	return nil
}

// reportPanic tells the runner in one line what broke, and lets the process die of it: a broken
// invariant must not be survived, and the stack is wanted on standard error.
func (l *loop) reportPanic() {
	r := recover()
	if r == nil {
		return
	}
	l.proc.control.put(frameFatal, nil, fmt.Appendf(nil, "panic: %v", r))
	l.proc.control.flushed(exitGrace)
	panic(r)
}

// Now implements node.Clock.
func (l *loop) Now() node.Time { return l.clock.now() }

// SetTimer implements node.Clock.
func (l *loop) SetTimer(machine uint32, tag node.Tag, after node.Time) {
	l.timers.arm(timerKey{machine, tag}, l.clock.now()+max(after, 0))
}

// CancelTimer implements node.Clock.
func (l *loop) CancelTimer(machine uint32, tag node.Tag) {
	l.timers.cancel(timerKey{machine, tag})
}

// Send implements node.Transport. Real networks carry what is there, so the cost does not count.
func (l *loop) Send(from, to node.Addr, body []byte, _ int64) {
	if to.Host == l.proc.cfg.Host {
		l.inbox.put(item{kind: itemEvent, machine: to.Machine,
			ev: node.Event{Kind: node.KindMessage, From: from}}, body)
		return
	}
	if to.Host >= 1 && int(to.Host) <= len(l.proc.peers) {
		l.proc.peers[to.Host-1].send(from.Machine, to.Machine, body)
	}
}

// Volume implements node.World.
func (l *loop) Volume(machine uint32, dev node.Dev) node.Volume {
	d := l.proc.storage.volumes[machine][dev]
	return volume{d, int64(d.medium.(*volumeFile).geo.Carry)}
}

// Log implements node.World.
func (l *loop) Log(machine uint32, dev node.Dev) node.Log {
	return logDevice{l.proc.storage.logs[machine][dev]}
}

// Reply implements node.World.
func (l *loop) Reply(_ uint32, tag node.Tag, code node.Code, epoch uint64, data []byte) {
	if len(data) > maxBody-replyHead {
		l.proc.log.Error("reply is too large", "bytes", len(data), "most", maxBody-replyHead)
		code, data = node.IOError, nil
	}
	head := encodeReply(tag, code, epoch)
	l.proc.control.put(frameReply, head[:], data)
}
