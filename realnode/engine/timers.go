package engine

import (
	"container/heap"

	"github.com/container-football/pitch/node"
)

// timers holds the timers of all machines of one host, ordered by (time, order of setting). It
// belongs to the event loop. The zero value is ready.
type timers struct {
	heap timerHeap
	set  map[timerKey]*timer
	free []*timer
	seq  uint64
}

type timerKey struct {
	machine uint32
	tag     node.Tag
}

type timer struct {
	key timerKey
	at  node.Time // on the host's clock
	seq uint64
	pos int // place in the heap
}

// arm sets a timer, or moves it if it is set already.
func (t *timers) arm(key timerKey, at node.Time) {
	if t.set == nil {
		t.set = make(map[timerKey]*timer)
	}
	t.seq++
	if x := t.set[key]; x != nil {
		x.at, x.seq = at, t.seq
		heap.Fix(&t.heap, x.pos)
		return
	}
	x := t.unused()
	*x = timer{key: key, at: at, seq: t.seq}
	t.set[key] = x
	heap.Push(&t.heap, x)
}

func (t *timers) unused() *timer {
	n := len(t.free)
	if n == 0 {
		return new(timer)
	}
	x := t.free[n-1]
	t.free = t.free[:n-1]
	return x
}

// cancel makes sure that the timer does not fire.
func (t *timers) cancel(key timerKey) {
	if x := t.set[key]; x != nil {
		heap.Remove(&t.heap, x.pos)
		t.release(x)
	}
}

func (t *timers) release(x *timer) {
	delete(t.set, x.key)
	t.free = append(t.free, x)
}

// next is when the first timer is due; false if none is set.
func (t *timers) next() (node.Time, bool) {
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// pop takes the first timer out if it is due.
func (t *timers) pop(now node.Time) (timerKey, bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return timerKey{}, false
	}
	x := heap.Pop(&t.heap).(*timer)
	t.release(x)
	return x.key, true
}

type timerHeap []*timer

var _ heap.Interface = (*timerHeap)(nil)

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

// Push implements heap.Interface.
func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.pos = len(*h)
	*h = append(*h, t)
}

// Pop implements heap.Interface.
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return x
}
