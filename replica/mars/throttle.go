package mars

import "github.com/container-football/pitch/node"

// With a limit of the log, a member that falls behind by more than that is left behind. With Config.Throttle
// writers are slowed down before: the further behind the slowest member is, the longer a write waits before it is taken, up
// to maxThrottle, so that it may keep up. Reads and flushes do not wait.
//
// The original slows down large requests alone, to a fixed rate, between two marks of the fill of its disk. Here each
// waits for itself, and the wait rises from nothing with the square of what the member lacks: there is no rate to be set, and no
// moment at which it hits a wall. Who never comes back costs the others that wait until the limit is reached, and
// nothing after it.

// maxThrottle is how long a write waits at the most.
const maxThrottle = 100 * node.Millisecond

// throttle is how long a write has to wait that comes now.
func (m *Machine) throttle() node.Time {
	limit, from := m.logLimit(), int64(m.cfg.Throttle)
	if from == 0 || limit == 0 || m.tight() {
		return 0
	}
	span := limit - limit*from/100
	over := m.stream.at.pos - m.slowest() - limit*from/100
	if over <= 0 {
		return 0
	}
	x := float64(min(over, span)) / float64(span)
	return node.Time(x * x * float64(maxThrottle))
}

// slowest is how far the log is on the disks of all members whom it helps to wait for: who has been left behind, or has
// not been heard of, is none of them.
func (m *Machine) slowest() int64 {
	pos, from := m.durable.pos, m.logFrom()
	for i := range m.peers {
		if p := &m.peers[i]; p.known && p.durable >= from {
			pos = min(pos, p.durable)
		}
	}
	return pos
}

// hold has a request wait for room, for those before it, or because the log fills up. It reports whether it does.
func (m *Machine) hold(w waiter, data []byte) bool {
	pause := m.throttle()
	if len(m.io.waiting) == 0 && pause == 0 && !m.bufferFull() {
		return false
	}
	w.data, w.due = append([]byte(nil), data...), m.now+pause
	m.io.waiting = append(m.io.waiting, w)
	m.wakeThrottled()
	return true
}

// wakeThrottled sets the timer for the first of those who wait, if it is for time that it waits.
func (m *Machine) wakeThrottled() {
	if len(m.io.waiting) == 0 || m.io.waiting[0].due <= m.now || m.io.wakes {
		return
	}
	m.io.wakes = true
	m.out.SetTimer(tagThrottle, m.io.waiting[0].due-m.now)
}

func (m *Machine) throttleEnds() {
	m.io.wakes = false
	m.admitWaiting()
	m.wakeThrottled()
}
