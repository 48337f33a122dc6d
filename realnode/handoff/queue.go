// Package handoff hands values from many goroutines to one, many at a time: the one lock and the
// one wake-up are paid for all that has gathered.
package handoff

import (
	"sync"
	"sync/atomic"
)

// keepBytes is how much memory a queue keeps for later when a burst has passed.
const keepBytes = 8 << 20

// Batch is what a queue hands over at once: values, each with some bytes. The zero value is empty.
type Batch[T any] struct {
	list  []entry[T]
	arena []byte
}

type entry[T any] struct {
	val    T
	off, n int // span of the arena
}

// Len is the number of values.
func (b *Batch[T]) Len() int { return len(b.list) }

// At returns the i-th value.
func (b *Batch[T]) At(i int) *T { return &b.list[i].val }

// Data returns the bytes of the i-th value.
func (b *Batch[T]) Data(i int) []byte {
	e := &b.list[i]
	return b.arena[e.off : e.off+e.n : e.off+e.n]
}

func (b *Batch[T]) reset() {
	clear(b.list) // lets go of what values point at
	b.list, b.arena = b.list[:0], b.arena[:0]
	if cap(b.arena) > keepBytes {
		b.arena = nil
	}
}

// Queue hands values with bytes from many goroutines to one. Both sides swap two batches, so
// it neither allocates in steady state nor locks once a value on the taking side. Use [NewQueue].
type Queue[T any] struct {
	mu     sync.Mutex
	space  *sync.Cond
	wake   chan struct{} // one token: something to take, or closed
	in     Batch[T]
	closed atomic.Bool // set under mu; read by takers without it

	maxItems, maxBytes int // bound of PutBounded and Offer
}

// NewQueue makes an empty queue. The bounds count for PutBounded and Offer only.
func NewQueue[T any](maxItems, maxBytes int) *Queue[T] {
	q := &Queue[T]{wake: make(chan struct{}, 1), maxItems: maxItems, maxBytes: maxBytes}
	q.space = sync.NewCond(&q.mu)
	return q
}

// Wake gets a token when values have come, or the queue was closed: for a taker who waits for
// other things, too.
func (q *Queue[T]) Wake() <-chan struct{} { return q.wake }

// Put appends v with a copy of data. It never waits, and does nothing once q is closed.
func (q *Queue[T]) Put(v T, data []byte) {
	q.mu.Lock()
	q.add(v, data)
	q.mu.Unlock()
}

// Offer is Put unless q is full or closed; then it does nothing and returns false.
func (q *Queue[T]) Offer(v T, data []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() || q.full() {
		return false
	}
	q.add(v, data)
	return true
}

func (q *Queue[T]) full() bool {
	return len(q.in.list) >= q.maxItems || len(q.in.arena) >= q.maxBytes
}

// PutBounded is Put, but waits while q is full. It returns false once q is closed.
func (q *Queue[T]) PutBounded(v T, data []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed.Load() && q.full() {
		q.space.Wait()
	}
	q.add(v, data)
	return !q.closed.Load()
}

func (q *Queue[T]) add(v T, data []byte) {
	if q.closed.Load() {
		return
	}
	q.in.list = append(q.in.list, entry[T]{v, len(q.in.arena), len(data)})
	q.in.arena = append(q.in.arena, data...)
	if len(q.in.list) == 1 {
		q.signal()
	}
}

// Idle reports whether there is nothing to take, and may be later.
func (q *Queue[T]) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.in.list) == 0 && !q.closed.Load()
}

// Nudge gives Wake a token without a value.
func (q *Queue[T]) Nudge() { q.signal() }

func (q *Queue[T]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// TryTake swaps b, whose content is done with, for what has gathered. It returns false if that
// is nothing. Only one goroutine may take.
func (q *Queue[T]) TryTake(b *Batch[T]) bool {
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

// Take is TryTake, but waits. It returns false once q is closed; what was still in it is lost.
func (q *Queue[T]) Take(b *Batch[T]) bool {
	for {
		if q.Closed() {
			return false
		}
		if q.TryTake(b) {
			return true
		}
		<-q.wake
	}
}

// Closed reports whether Close was called.
func (q *Queue[T]) Closed() bool { return q.closed.Load() }

// Close lets Take end.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed.Store(true)
	q.space.Broadcast()
	q.signal()
}
