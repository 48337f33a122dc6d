package nbd

import "sync"

// maxWaiting is how many requests of a connection may wait for the device to commit; its
// goroutine stops reading requests at that point.
const maxWaiting = 1024

// maxFlushes is how many flushes of a connection run at once. More than one helps a device that
// can work on them side by side, as a file system can; a device with a group commit of its own
// sees more waiting at a time.
const maxFlushes = 4

// committer answers the requests of one connection that wait for durability. All that have
// gathered while the flushes are busy share the next one, which starts after them and so covers
// them.
type committer struct {
	device Device
	out    *output

	mu       sync.Mutex
	work     sync.Cond // for flushers: something waits, or this is the end
	room     sync.Cond // for the connection: fewer are waiting
	waiting  []uint64  // cookies
	flushers int       // goroutines
	idle     int       // those of them with nothing to do
	ending   bool
	running  sync.WaitGroup
}

// start makes the committer ready. Its goroutines come with the requests.
func (m *committer) start(d Device, out *output) {
	m.device, m.out, m.work.L, m.room.L = d, out, &m.mu, &m.mu
}

// add promises a reply to cookie once everything that has completed is durable.
func (m *committer) add(cookie uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.waiting) >= maxWaiting {
		m.room.Wait()
	}
	m.waiting = append(m.waiting, cookie)
	if m.idle == 0 && m.flushers < maxFlushes {
		m.flushers++
		m.running.Go(m.run)
	}
	m.work.Signal()
}

// finish returns when all promised replies were given.
func (m *committer) finish() {
	m.mu.Lock()
	m.ending = true
	m.work.Broadcast()
	m.mu.Unlock()
	m.running.Wait()
}

func (m *committer) run() {
	var batch []uint64
	for {
		batch = m.take(batch)
		if len(batch) == 0 {
			return
		}
		errno := errnoOf(m.device.Flush())
		for _, cookie := range batch {
			_ = m.out.simple(cookie, errno) // the connection's goroutine meets the same error
		}
		_ = m.out.flush()
	}
}

// take waits for requests and returns all of them, or none at the end. The next ones gather in
// the space of the batch before.
func (m *committer) take(before []uint64) []uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idle++
	for len(m.waiting) == 0 && !m.ending {
		m.work.Wait()
	}
	m.idle--
	batch := m.waiting
	m.waiting = before[:0]
	m.room.Signal()
	return batch
}
