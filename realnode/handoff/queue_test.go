package handoff

import (
	"fmt"
	"sync"
	"testing"
)

func TestQueue(t *testing.T) {
	q := NewQueue[int](3, 100)
	var b Batch[int]
	if q.TryTake(&b) {
		t.Error("took something out of nothing")
	}
	q.Put(1, []byte("one"))
	q.Put(2, nil)
	q.Put(3, []byte("three"))
	q.Put(4, nil) // put knows no bound
	full := make(chan bool)
	go func() { full <- q.PutBounded(5, []byte("five")) }()
	if !q.Take(&b) || b.Len() < 4 || string(b.Data(0)) != "one" || string(b.Data(2)) != "three" {
		t.Errorf("took %+v", b)
	}
	if !<-full {
		t.Error("putBounded failed")
	}
	if b.Len() == 4 && (!q.Take(&b) || string(b.Data(0)) != "five") {
		t.Errorf("took %+v", b)
	}
	q.Put(6, make([]byte, 100))
	if q.Offer(7, nil) {
		t.Error("a full queue takes an offer")
	}
	go func() { full <- q.PutBounded(7, nil) }()
	q.Close()
	if <-full {
		t.Error("putBounded into a closed queue went well")
	}
	q.Put(8, nil)
	if q.Take(&b) {
		t.Error("took from a closed queue")
	}
}

// TestQueueKeepsOrder puts from several goroutines; the order of each must hold.
func TestQueueKeepsOrder(t *testing.T) {
	const writers, each = 4, 5000
	q := NewQueue[[2]int](64, 1<<20)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				q.PutBounded([2]int{w, i}, fmt.Append(nil, i))
			}
		})
	}
	var next [writers]int
	var b Batch[[2]int]
	for n := 0; n < writers*each; {
		if !q.Take(&b) {
			t.Fatal("closed")
		}
		for i := range b.Len() {
			w, k := b.At(i)[0], b.At(i)[1]
			if k != next[w] || string(b.Data(i)) != fmt.Sprint(k) {
				t.Fatalf("writer %d: %d with %q, expected %d", w, k, b.Data(i), next[w])
			}
			next[w]++
		}
		n += b.Len()
	}
	wg.Wait()
}
