package mesh

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/container-football/pitch/node"
)

const (
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = time.Second
	stable       = lastBackoff // a connection that has lasted so long was a good one

	// share is what a class that waits gets of what higher ones send: one part in so many, in
	// bytes. Without it, a flood of a higher class would stop the lower ones for ever.
	share = 16
)

// lane is one connection to a peer, which is made again whenever it breaks, and what waits for it.
//
// What is sent before the first attempt to connect has ended, or while a broken connection is
// being replaced, waits. What is sent to a host that refuses connections is lost, and so is what
// was waiting when the host got a new address or began a new life: it was meant for its former one.
type lane struct {
	peer  *peer
	kind  purpose
	wake  chan struct{} // one token: look again at what waits
	nudge chan struct{} // one token: the host has just been seen, so try it at once

	mu        sync.Mutex
	queues    []queue // the first goes first
	idle      bool    // wants to be woken by the next message
	reachable bool    // or not yet known to be unreachable
	torn      bool    // of a message that is half sent the rest was dropped
	link      *link   // nil: not connected

	sent, lost  [node.Classes]Traffic
	dials       uint64
	connections uint64
	wired       uint64 // bytes of frames, over connections that have ended
	roundTrip   time.Duration
}

func newLane(p *peer, kind purpose, classes ...node.Class) *lane {
	l := &lane{peer: p, kind: kind, wake: make(chan struct{}, 1), nudge: make(chan struct{}, 1),
		queues: make([]queue, len(classes))}
	for i, c := range classes {
		l.queues[i] = queue{class: c, limit: int(p.mesh.cfg.Queue[c])}
	}
	return l
}

// send never waits.
func (l *lane) send(class node.Class, from, to uint32, body []byte) {
	piece := l.peer.limit.piece()
	l.mu.Lock()
	defer l.mu.Unlock()
	q := &l.queues[class-l.queues[0].class]
	if !l.reachable || !q.put(from, to, body, piece) {
		l.lost[class].add(Traffic{1, uint64(len(body))})
		return
	}
	if l.idle {
		l.idle = false
		token(l.wake)
	}
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// clear loses all that waits.
func (l *lane) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clearLocked()
}

func (l *lane) clearLocked() {
	for i := range l.queues {
		q := &l.queues[i]
		l.torn = l.torn || q.midway && l.link != nil
		l.lost[q.class].add(q.clear())
	}
}

// setReachable says whether what is sent from now on has a chance.
func (l *lane) setReachable(ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reachable = ok; !ok {
		l.clearLocked()
	}
}

// run keeps a connection up until ctx ends.
func (l *lane) run(ctx context.Context) {
	backoff := firstBackoff
	for ctx.Err() == nil {
		to, changed := l.peer.target()
		if to.Address == "" {
			l.pause(ctx, changed, -1)
			continue
		}
		c, err := l.connect(ctx, to, changed)
		began := time.Now()
		if err == nil {
			err = l.serve(ctx, c, changed)
		}
		if ctx.Err() != nil {
			return
		}
		l.peer.failed(l, err)
		if errors.Is(err, ErrAge) || c != nil && time.Since(began) >= stable {
			backoff = firstBackoff
			continue
		}
		// A host that takes connections and drops them at once must not make a busy loop.
		l.pause(ctx, changed, backoff/2+rand.N(backoff/2))
		backoff = min(2*backoff, lastBackoff)
	}
}

// pause waits for d, or without end if that is negative, or until something changes.
func (l *lane) pause(ctx context.Context, changed <-chan struct{}, d time.Duration) {
	var after <-chan time.Time
	if d >= 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-l.nudge:
	case <-after:
	}
}

// connect makes a connection. If that fails, what waits is lost, unless the address has changed.
func (l *lane) connect(ctx context.Context, to Peer, changed <-chan struct{}) (*link, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	l.mu.Lock()
	l.dials++
	l.mu.Unlock()
	c, err := l.peer.mesh.connect(ctx, to, l.kind)
	if !l.peer.outcome(l, to, err == nil) {
		if c != nil {
			c.sock.abort()
		}
		return nil, ErrRemoved
	}
	if err != nil {
		return nil, err
	}
	l.peer.meet(c.remote.incarnation)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.link, l.torn = c, false
	l.connections++
	for i := range l.queues {
		l.lost[l.queues[i].class].add(l.queues[i].restart())
	}
	return c, nil
}

// serve writes what waits to c until that breaks or its time is over. It closes c.
func (l *lane) serve(ctx context.Context, c *link, changed <-chan struct{}) error {
	l.peer.mesh.links.add(c)
	l.peer.up(c)
	s := newSession(l, c)
	err := s.run(ctx, changed)
	c.sock.abort()
	<-s.gone
	l.peer.mesh.links.remove(c)
	l.mu.Lock()
	l.link = nil
	l.wired += c.sock.wired.Load()
	l.mu.Unlock()
	l.peer.down(c)
	return c.cause(err)
}

// gather fills b with frames, up to some bytes, but with at least one if any waits. It returns
// false if none does; the next message wakes this lane then.
func (l *lane) gather(b *batch, budget int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn {
		return false, ErrRemoved
	}
	for b.size < budget {
		i, room := l.pick(budget - b.size)
		if i < 0 {
			break
		}
		q := &l.queues[i]
		frames, spent, messages := q.pop(room)
		b.add(q.class, frames, spent, messages)
		l.owe(i, len(frames))
	}
	l.idle = b.size == 0
	return b.size > 0, nil
}

// pick returns the queue whose turn it is, and how many bytes may be taken from it: the first that
// is not empty, unless another has earned a frame.
func (l *lane) pick(room int) (queue, most int) {
	first := -1
	for i := range l.queues {
		q := &l.queues[i]
		switch {
		case q.head == nil:
		case first < 0:
			first = i
		case q.owed >= q.next():
			return i, 0
		}
	}
	return first, room
}

// owe notes that queue i has sent n bytes: those below it earn their share.
func (l *lane) owe(i, n int) {
	l.queues[i].owed = max(0, l.queues[i].owed-n)
	for k := i + 1; k < len(l.queues); k++ {
		q := &l.queues[k]
		if q.head == nil {
			q.owed = 0
			continue
		}
		q.owed = min(q.owed+n/share+1, 2*(frameHead+maxBody))
	}
}

// between says whether no message is half sent.
func (l *lane) between() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.queues {
		if l.queues[i].midway {
			return false
		}
	}
	return true
}

// wrote notes what became of a batch.
func (l *lane) wrote(b *batch, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to := &l.sent
	if err != nil {
		to = &l.lost
	}
	for class, t := range b.messages {
		to[class].add(t)
	}
}
