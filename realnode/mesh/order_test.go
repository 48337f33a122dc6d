package mesh

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
)

// loneLane is a bulk lane without a connection.
func loneLane() *lane {
	m := &Mesh{cfg: quick(1)}
	m.cfg.Deliver = func(node.Addr, uint32, []byte) {}
	if err := m.cfg.complete(); err != nil {
		panic(err)
	}
	p := newPeer(m, Peer{ID: 2, Name: "beta", Address: "127.0.0.1:1"})
	return p.lanes[bulk]
}

// take gathers frames until n bytes are there or nothing waits, and counts them by class.
func take(t *testing.T, l *lane, n int) (count [node.Classes]int, order []node.Class) {
	t.Helper()
	for sum := 0; sum < n; {
		var b batch
		if some, err := l.gather(&b, batchLimit); err != nil || !some {
			break
		}
		for _, run := range b.runs {
			for at := 0; at < len(run); {
				h := headerOf(run[at:])
				count[h.class] += frameHead + h.length
				order = append(order, h.class)
				at += frameHead + h.length
			}
		}
		sum += b.size
		b.reset()
	}
	return count, order
}

func TestHigherClassesGoFirst(t *testing.T) {
	l := loneLane()
	for range 4 {
		for class := node.ClassMove; class >= node.ClassLog; class-- {
			l.send(class, 0, 0, make([]byte, 1000))
		}
	}
	if _, order := take(t, l, 1<<30); !slices.IsSorted(order) || len(order) != 12 {
		t.Errorf("%v", order)
	}
	// A class that has been waiting gets in between, in small parts.
	for range 60 {
		for class := node.ClassLog; class < node.Classes; class++ {
			l.send(class, 0, 0, make([]byte, chunk))
		}
	}
	n, _ := take(t, l, 40*chunk)
	if n[node.ClassLog] < 33*chunk || n[node.ClassSync] < chunk || n[node.ClassMove] < chunk ||
		n[node.ClassSync] > 4*chunk || n[node.ClassMove] > 4*chunk {
		t.Errorf("of 40 chunks: %v bytes", n)
	}
	// What comes later is first at once.
	take(t, l, 1<<30)
	for range 20 {
		l.send(node.ClassMove, 0, 0, make([]byte, MaxMessage/2))
	}
	take(t, l, MaxMessage)
	l.send(node.ClassLog, 0, 0, []byte("urgent"))
	if _, order := take(t, l, 1); order[0] != node.ClassLog {
		t.Errorf("%v", order)
	}
}

func TestQueuesAreBounded(t *testing.T) {
	l := loneLane()
	for range 20 {
		l.send(node.ClassSync, 0, 0, make([]byte, 1<<20))
	}
	l.send(node.ClassSync, 0, 0, make([]byte, MaxMessage+1))
	l.send(node.ClassLog, 0, 0, make([]byte, MaxMessage)) // has its own
	sync, log := &l.queues[1], &l.queues[0]
	if sync.waiting.Messages != 15 || l.lost[node.ClassSync].Messages != 6 ||
		log.waiting.Messages != 1 || sync.size > sync.limit {
		t.Errorf("%+v, %+v, lost %+v", sync.waiting, log.waiting, l.lost)
	}
	l.clear()
	if l.lost[node.ClassSync] != (Traffic{21, 24<<20 + 1}) || sync.size != 0 || sync.head != nil {
		t.Errorf("%+v, lost %+v", sync, l.lost)
	}
}

// Whatever is put, taken, dropped and cut in whatever order: a new connection begins with the
// beginning of a message.
func TestANewConnectionBeginsWithAMessage(t *testing.T) {
	random := node.NewStream(3, "queue")
	q := &queue{class: node.ClassLog, limit: 4 << 20}
	var put, taken, lost uint64
	for range 20_000 {
		switch random.Below(5) {
		case 0, 1:
			if q.put(0, 0, make([]byte, random.Below(30_000)), 1+int(random.Below(9000))) {
				put++
			}
		case 2, 3:
			for n := random.Below(4); n > 0 && q.head != nil; n-- {
				_, spent, m := q.pop(int(random.Below(20_000)))
				taken += m.Messages
				if spent != nil {
					spent.free()
				}
			}
		case 4:
			if random.Below(20) == 0 {
				lost += q.clear().Messages
			}
			lost += q.restart().Messages
			if q.head != nil && q.head.buf[q.head.at+offFlags]&flagFirst == 0 {
				t.Fatal("the middle of a message comes first")
			}
		}
		if put != taken+lost+q.waiting.Messages || q.size < 0 || (q.head == nil) != (q.size == 0) {
			t.Fatalf("%d put, %d taken, %d lost, %+v", put, taken, lost, q)
		}
	}
	if q.clear(); q.size != 0 || q.blocks != 0 {
		t.Errorf("%+v", q)
	}
}

func TestLimiter(t *testing.T) {
	const rate = 1 << 20
	now := time.Unix(1000, 0)
	var l limiter
	if n, wait := l.allow(bulk, now, 5000); n != 5000 || wait != 0 || l.piece() != chunk {
		t.Error("no limit:", n, wait, l.piece())
	}
	l.set(rate)
	if p := l.piece(); p < 10_000 || p > 11_000 {
		t.Errorf("a piece has %d bytes", p)
	}
	// Whatever is asked for, and whoever asks, bulk sends no more than the rate, and control is
	// not delayed by it.
	sent := int64(0)
	for end := now.Add(10 * time.Second); now.Before(end); {
		n, wait := l.allow(bulk, now, batchLimit)
		if wait == 0 {
			l.charge(bulk, now, n+1000) // a frame may go beyond
			sent += int64(n) + 1000
		}
		if n, wait := l.allow(control, now, 100); wait != 0 || n != 100 {
			t.Fatal("control waits", wait)
		}
		l.charge(control, now, 1)
		now = now.Add(max(wait, time.Millisecond))
	}
	if sent < rate*10*95/100 || sent > rate*10+2*rate*int64(burst)/int64(time.Second)+1000 {
		t.Errorf("%d bytes in 10 s", sent)
	}
	// Control waits for itself, and bulk for control.
	l.charge(control, now, rate/2)
	for _, kind := range []purpose{control, bulk} {
		_, wait := l.allow(kind, now, 1)
		if wait < 400*time.Millisecond || wait > 600*time.Millisecond {
			t.Errorf("%v waits %v", kind, wait)
		}
	}
	// However much control has sent, bulk does not wait for ever.
	for range 100 {
		l.charge(control, now, rate)
	}
	if _, wait := l.allow(bulk, now, 1); wait > 1500*time.Millisecond {
		t.Errorf("bulk waits %v", wait)
	}
}

func TestRateOnTheWire(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		a, b := newPair(t, secure)
		to := b.peerOf()
		to.Rate = 20 << 20
		a.know(to)
		eventually(t, "connected", a.connectedTo(2))
		began := time.Now()
		for range 32 {
			a.say(2, node.ClassLog, make([]byte, 128<<10))
		}
		for range 32 {
			b.receive()
		}
		if took := time.Since(began); took < 150*time.Millisecond {
			t.Errorf("4 MiB took %v at 20 MiB/s", took)
		}
	})
}

// 64 MiB of the lowest class take three seconds. What is more urgent does not wait for them.
func TestUrgentMessagesOvertake(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		a, b := newPair(t, secure, func(c *Config) { c.Queue[node.ClassMove] = 80 << 20 })
		to := b.peerOf()
		to.Rate = 20 << 20
		a.know(to)
		eventually(t, "connected", a.connectedTo(2))
		var moved atomic.Int64
		arrived := make(chan uint32, 1)
		b.handle(func(g got) {
			if g.to == uint32(node.ClassMove) {
				moved.Add(int64(len(g.body)))
				return
			}
			arrived <- g.to
		})
		for range 64 {
			a.Send(node.Addr{}, node.Addr{Host: 2, Machine: uint32(node.ClassMove)}, node.ClassMove,
				make([]byte, 1<<20))
		}
		eventually(t, "some moves", func() bool { return moved.Load() > 0 })
		for _, class := range []node.Class{node.ClassControl, node.ClassLog} {
			var took []time.Duration
			for range 50 {
				began := time.Now()
				a.Send(node.Addr{}, node.Addr{Host: 2, Machine: uint32(class)}, class, make([]byte, 100))
				<-arrived
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			t.Logf("class %d: median %v, worst %v", class, took[25], took[49])
			if took[25] > 150*time.Millisecond {
				t.Errorf("class %d: median %v", class, took[25])
			}
		}
		if n := moved.Load(); n > 48<<20 {
			t.Errorf("%d bytes were moved meanwhile", n)
		}
	})
}
