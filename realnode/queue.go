package realnode

import "sync"

// keepBytes is how much memory a queue keeps for later when a burst has passed.
const keepBytes = 8 << 20

// batch is what a queue hands over at once: values, each with some bytes.
type batch[T any] struct {
	list  []entry[T]
	arena []byte
}

type entry[T any] struct {
	val    T
	off, n int // span of the arena
}

func (b *batch[T]) data(i int) []byte {
	e := &b.list[i]
	return b.arena[e.off : e.off+e.n : e.off+e.n]
}

func (b *batch[T]) reset() {
	clear(b.list) // lets go of what values point at
	b.list, b.arena = b.list[:0], b.arena[:0]
	if cap(b.arena) > keepBytes {
		b.arena = nil
	}
}

// queue hands values with bytes from many goroutines to one. Both sides swap two batches, so
// it neither allocates in steady state nor locks once a value on the taking side. Use newQueue.
type queue[T any] struct {
	mu     sync.Mutex
	space  *sync.Cond
	wake   chan struct{} // one token: something to take, or closed
	in     batch[T]
	closed bool

	maxItems, maxBytes int // bound of putBounded
}

func newQueue[T any](maxItems, maxBytes int) *queue[T] {
	q := &queue[T]{wake: make(chan struct{}, 1), maxItems: maxItems, maxBytes: maxBytes}
	q.space = sync.NewCond(&q.mu)
	return q
}

// put appends v with a copy of data. It never waits, and does nothing once q is closed.
func (q *queue[T]) put(v T, data []byte) {
	q.mu.Lock()
	q.add(v, data)
	q.mu.Unlock()
}

// putBounded is put, but waits while q is full. It returns false once q is closed.
func (q *queue[T]) putBounded(v T, data []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed && (len(q.in.list) >= q.maxItems || len(q.in.arena) >= q.maxBytes) {
		q.space.Wait()
	}
	q.add(v, data)
	return !q.closed
}

func (q *queue[T]) add(v T, data []byte) {
	if q.closed {
		return
	}
	q.in.list = append(q.in.list, entry[T]{v, len(q.in.arena), len(data)})
	q.in.arena = append(q.in.arena, data...)
	if len(q.in.list) == 1 {
		q.signal()
	}
}

func (q *queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// tryTake swaps b, whose content is done with, for what has gathered. It returns false if that
// is nothing. Only one goroutine may take.
func (q *queue[T]) tryTake(b *batch[T]) bool {
	b.reset()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.in.list) == 0 {
		return false
	}
	q.in, *b = *b, q.in
	q.space.Broadcast()
	return true
}

// take is tryTake, but waits. It returns false once q is closed; what was still in it is lost.
func (q *queue[T]) take(b *batch[T]) bool {
	for {
		if q.isClosed() {
			return false
		}
		if q.tryTake(b) {
			return true
		}
		<-q.wake
	}
}

func (q *queue[T]) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.space.Broadcast()
	q.signal()
}
