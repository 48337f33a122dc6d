package mars

import (
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// resizer changes the size of the volume while nothing else of it is under way: that is what a
// volume asks for. What comes meanwhile waits.
//
// A primary first makes its own volume larger, because that may fail, and then puts a frame into
// the log. Where the frame stands the size changes for everybody: frames before it were made for
// the old size, frames after it for the new one.
type resizer struct {
	grow   int64    // what the user of verb has asked for, in sectors; 0: nobody has
	verb   node.Tag // answered when the frame is applied
	replay int64    // what the frame at the applied position says; 0: none stands there
	doing  int64    // what the volume was asked for; 0: nothing is under way
	have   int64    // what the volume is known to have; 0: not known
}

// resizing says whether the volume is closed to everything else.
func (m *Machine) resizing() bool {
	r := &m.resize
	return r.doing != 0 || r.grow != 0 || r.replay != 0
}

// onResize is the verb.
func (m *Machine) onResize(ev *node.Event, refuse func(string)) {
	end := int64(m.stream.geo.Sectors)
	switch {
	case m.role != replica.RolePrimary || m.change.draining:
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
	case ev.N < end:
		refuse(fmt.Sprintf("the volume has %d sectors and can only grow", end))
	case ev.N == end:
		// It has the size already, or will have it when what is logged is applied.
		m.verbs = append(m.verbs, verb{tag: ev.Tag, pos: m.resizedAt})
		m.answerVerbs()
	case m.emergency.on:
		refuse("the log is full, and what is written does not go through it; make room for it first")
	case m.resize.grow != 0:
		refuse("another change of size is under way; wait for it")
	default:
		m.resize.grow, m.resize.verb = ev.N, ev.Tag
		m.resizeKick()
	}
}

// volumeBusy says whether anything but a resize is under way at the volume.
func (m *Machine) volumeBusy() bool {
	if m.meta.syncing || m.applier.busy && m.resize.replay == 0 || m.copy.live > 0 ||
		m.liveCopies > 0 {
		return true
	}
	for i := range m.io.reads {
		if r := &m.io.reads[i]; r.used && r.onDisk && !r.held {
			return true
		}
	}
	for i := range m.io.maps {
		if q := &m.io.maps[i]; q.used && !q.held {
			return true
		}
	}
	return false
}

// resizeKick asks the volume for its new size as soon as it may.
func (m *Machine) resizeKick() {
	r := &m.resize
	n := r.replay
	if n == 0 {
		n = r.grow
	}
	if n == 0 || r.doing != 0 || m.volumeBusy() {
		return
	}
	r.doing = n
	if r.have == n {
		m.resizeEnd(node.OK) // a primary has made it so before
		return
	}
	m.out.Resize(devVolume, tagResize, n)
}

// resizeEnd takes the answer of the volume.
func (m *Machine) resizeEnd(code node.Code) {
	r := &m.resize
	n := r.doing
	r.doing, r.have = 0, 0
	if code == node.OK {
		r.have = n
	}
	switch n {
	case r.replay:
		r.replay = 0
		if code != node.OK {
			m.applier.busy = false // again at the next tick
			m.volumeFree()
			return
		}
		m.sectors = n
		if m.copy.size == n {
			m.copy.size, m.copy.dirty = 0, true
		}
		m.windowDone()
	case r.grow:
		r.grow = 0
		if code != node.OK {
			m.out.Reply(r.verb, node.Refused, m.ver.epoch(),
				fmt.Appendf(nil, "the volume of the primary cannot have %d sectors: %v", n, code))
			break
		}
		m.stream.resize(m.ver.epoch(), m.now, n)
		m.resizedAt = m.stream.at.pos
		m.verbs = append(m.verbs, verb{tag: r.verb, pos: m.resizedAt})
		m.logKick()
	}
	m.volumeFree()
	m.applyKick()
}

// volumeFree lets go what has waited for the size to change.
func (m *Machine) volumeFree() {
	if m.resizing() {
		m.resizeKick()
		return
	}
	for i := range m.io.reads {
		if r := &m.io.reads[i]; r.used && r.held {
			r.held = false
			m.out.Read(devVolume, tagUserRead|node.Tag(i), r.off, int64(len(r.over)))
		}
	}
	for i := range m.io.maps {
		if q := &m.io.maps[i]; q.used && q.held {
			q.held = false
			m.out.Map(devVolume, tagUserMap|node.Tag(i), q.off, q.n)
		}
	}
	m.copyKick()
}

// dropResize ends the verb when this replica stops being primary.
func (m *Machine) dropResize() {
	if m.resize.grow != 0 {
		m.out.Reply(m.resize.verb, node.Unknown, m.ver.epoch(), nil)
		m.resize.grow = 0
	}
}
