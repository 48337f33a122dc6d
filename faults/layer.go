package faults

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// Layer is the fault layer of one host. Make it with [Wrap].
type Layer struct {
	node.World
	id      node.ID
	deliver func(machine uint32, ev *node.Event)
	state   State
	set     int               // how often Control was called
	links   map[node.ID]*link // never ranged over
	held    []held            // by due, then in the order of asking
	fired   Count
}

// Count says how often faults took effect.
type Count struct {
	Cut, Lost, Duplicated, Reordered, Delayed, Slowed, Full, Unreadable uint64
}

type link struct {
	Link
	set    int // what Link is up to date with
	random node.Stream
}

// held is something put off: a message, a disk request, or a completion of our own making.
type held struct {
	due      node.Time
	run      heldKind
	machine  uint32
	from, to node.Addr
	class    node.Class
	volume   node.Volume
	log      node.Log
	ev       node.Event // the arguments of the request, or the completion
	cost     int64
	data     []byte
}

type heldKind uint8

const (
	heldMessage heldKind = iota
	heldRequest
	heldCompletion
)

var _ node.Layer = (*Layer)(nil)

// Wrap is the node.Wrap of this package. Until the first Control nothing leaves the host: whoever
// drives the run says what is wrong with a host after each start, and nothing may slip out before.
func Wrap(id node.ID, w node.World, deliver func(machine uint32, ev *node.Event)) node.Layer {
	return &Layer{World: w, id: id, deliver: deliver, links: make(map[node.ID]*link)}
}

// Control sets the host's state: cmd is its text form.
func (l *Layer) Control(cmd []byte) error {
	s, err := Parse(string(cmd))
	if err != nil {
		return err
	}
	if s.Seed != l.state.Seed || s.Start != l.state.Start {
		clear(l.links)
	}
	l.state = s
	l.set++
	return nil
}

// Fired says how often faults took effect since the host has started.
func (l *Layer) Fired() Count { return l.fired }

// link returns what is wrong on the way to a host.
func (l *Layer) link(to node.ID) *link {
	k := l.links[to]
	if k == nil {
		name := fmt.Sprintf("faults %d-%d start %d", l.id, to, l.state.Start)
		k = &link{random: node.NewStream(l.state.Seed, name)}
		l.links[to] = k
	}
	if k.set != l.set {
		k.set, k.Link = l.set, l.state.link(to)
	}
	return k
}

// Send implements node.Transport. The random stream of a link is drawn from once a message,
// whatever is wrong with it, if anything: so changing one fault shifts no other.
func (l *Layer) Send(from, to node.Addr, class node.Class, body []byte, cost int64) {
	if to.Host == l.id {
		l.World.Send(from, to, class, body, cost)
		return
	}
	if l.set == 0 {
		l.fired.Cut++
		return
	}
	k := l.link(to.Host)
	word := k.random.Uint64()
	switch {
	case k.Cut:
		l.fired.Cut++
		return
	case node.Chance(node.Hash(word, 1), k.Loss):
		l.fired.Lost++
		return
	}
	copies := 1
	if node.Chance(node.Hash(word, 2), k.Duplicate) {
		copies = 2
		l.fired.Duplicated++
	}
	delay := k.Delay
	if delay > 0 {
		l.fired.Delayed++
	}
	if node.Chance(node.Hash(word, 3), k.Reorder) {
		delay += reorderHold
		l.fired.Reordered++
	}
	for ; copies > 0; copies-- {
		if delay == 0 {
			l.World.Send(from, to, class, body, cost)
			continue
		}
		l.hold(delay, held{run: heldMessage, from: from, to: to, class: class, cost: cost,
			data: append([]byte(nil), body...)})
	}
}

// hold puts h off. One timer of the layer stands for all that is held.
func (l *Layer) hold(after node.Time, h held) {
	now := l.Now()
	h.due = now + after
	i := len(l.held)
	l.held = append(l.held, h)
	for ; i > 0 && l.held[i-1].due > h.due; i-- {
		l.held[i] = l.held[i-1]
	}
	l.held[i] = h
	if i == 0 {
		l.SetTimer(node.LayerMachine, 0, after)
	}
}

// Wake implements node.Layer: it does what is due.
func (l *Layer) Wake(now node.Time, _ node.Tag) {
	for len(l.held) > 0 && l.held[0].due <= now {
		h := l.held[0]
		copy(l.held, l.held[1:])
		l.held[len(l.held)-1] = held{}
		l.held = l.held[:len(l.held)-1]
		switch h.run {
		case heldMessage:
			l.World.Send(h.from, h.to, h.class, h.data, h.cost)
		case heldRequest:
			h.request()
		case heldCompletion:
			l.deliver(h.machine, &h.ev)
		}
	}
	if len(l.held) > 0 {
		l.SetTimer(node.LayerMachine, 0, l.held[0].due-now)
	}
}

func (h *held) request() {
	ev := &h.ev
	switch ev.Op {
	case node.OpRead:
		h.volume.Read(ev.Tag, ev.Off, ev.N)
	case node.OpWrite:
		h.volume.Write(ev.Tag, ev.Off, h.data)
	case node.OpSync:
		h.volume.Sync(ev.Tag)
	case node.OpZero:
		h.volume.Zero(ev.Tag, ev.Off, ev.N)
	case node.OpMap:
		h.volume.Map(ev.Tag, ev.Off, ev.N)
	case node.OpResize:
		h.volume.Resize(ev.Tag, ev.N)
	case node.OpLogList:
		h.log.List(ev.Tag)
	case node.OpLogAppend:
		h.log.Append(ev.Tag, ev.Seg, ev.Off, h.data, h.cost)
	case node.OpLogRead:
		h.log.Read(ev.Tag, ev.Seg, ev.Off, ev.N)
	case node.OpLogSync:
		h.log.Sync(ev.Tag, ev.Seg)
	case node.OpLogTrunc:
		h.log.Truncate(ev.Tag, ev.Seg, ev.N)
	case node.OpLogNote:
		h.log.Note(ev.Tag, ev.Seg, h.data)
	case node.OpLogDelete:
		h.log.Delete(ev.Tag, ev.Seg)
	}
}
