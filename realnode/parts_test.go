package realnode

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
)

// TestTimers compares the heap with a list that is searched.
func TestTimers(t *testing.T) {
	type entry struct {
		key timerKey
		at  node.Time
		seq int
	}
	random := node.NewStream(7, "timers")
	var heap timers
	var list []entry
	remove := func(key timerKey) {
		list = slices.DeleteFunc(list, func(e entry) bool { return e.key == key })
	}
	now := node.Time(0)
	for i := range 20_000 {
		key := timerKey{uint32(random.Below(3)), node.Tag(random.Below(20))}
		switch random.Below(4) {
		case 0, 1:
			at := now + node.Time(random.Below(50))
			heap.arm(key, at)
			remove(key)
			list = append(list, entry{key, at, i})
		case 2:
			heap.cancel(key)
			remove(key)
		case 3:
			now += node.Time(random.Below(10))
			slices.SortFunc(list, func(a, b entry) int {
				if a.at != b.at {
					return int(a.at - b.at)
				}
				return a.seq - b.seq
			})
			for {
				if at, ok := heap.next(); ok != (len(list) > 0) || ok && at != list[0].at {
					t.Fatalf("step %d: next is %v, %v; expected %+v", i, at, ok, list)
				}
				key, ok := heap.pop(now)
				if due := len(list) > 0 && list[0].at <= now; ok != due || ok && key != list[0].key {
					t.Fatalf("step %d: %v fires at %v: %v; expected %+v", i, key, now, ok, list)
				}
				if !ok {
					break
				}
				list = list[1:]
			}
		}
	}
}

func TestTimersDoNotAllocate(t *testing.T) {
	var x timers
	work := func() {
		for i := range node.Tag(10) {
			x.arm(timerKey{0, i}, node.Time(i))
			x.arm(timerKey{0, i}, node.Time(2*i))
		}
		x.cancel(timerKey{0, 3})
		for {
			if _, ok := x.pop(100); !ok {
				return
			}
		}
	}
	work()
	if n := testing.AllocsPerRun(100, work); n > 0 {
		t.Errorf("timers allocate %v times", n)
	}
}

func TestClock(t *testing.T) {
	epoch, err := monotonic()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClock(epoch)
	if err != nil {
		t.Fatal(err)
	}
	if now := c.now(); now < 0 || now > patience {
		t.Errorf("%v since just now", now)
	}
	for _, test := range []struct {
		t    node.Time
		ppm  int64
		want node.Time
	}{
		{0, 100, 0},
		{node.Second, 0, node.Second},
		{node.Second, 100, node.Second + 100*node.Microsecond},
		{node.Second, -100, node.Second - 100*node.Microsecond},
		{node.Second, 1_000_000, 2 * node.Second},
		{1<<62 - 1, -999_999, 4611686018427},
		{1, 999_999, 1},
	} {
		if got := stretch(test.t, test.ppm); got < test.want-1 || got > test.want+1 {
			t.Errorf("stretch(%d, %d): %d, expected %d", test.t, test.ppm, got, test.want)
		}
	}
	for _, ppm := range []int64{-999_999, -500, 0, 1, 500, 1_000_000} {
		c := clock{ppm: ppm}
		for _, d := range []node.Time{0, 1, 999, node.Millisecond, 20 * node.Second} {
			real := node.Time(c.wait(d))
			if got := stretch(real, ppm); got < d-1 || got > d+d/1000+3 {
				t.Errorf("%d ppm: in %v the clock advances %v, expected %v", ppm, real, got, d)
			}
		}
	}
}

// TestWrongClock starts a process whose clock is far off, and runs twice too fast.
func TestWrongClock(t *testing.T) {
	cfg := testConfig(t, 2, testApp{Machine: "clock"})
	cfg.Clocks = []ClockError{{}, {Offset: node.Second * 1000, DriftPPM: 1_000_000}}
	u := newCaller(t, cfg)
	before := u.c.Now()
	right := node.Time(u.call(1, verbNow, 0, 0, nil).Epoch)
	wrong := node.Time(u.call(2, verbNow, 0, 0, nil).Epoch)
	after := u.c.Now()
	if right < before || right > after {
		t.Errorf("host 1 shows %v, expected between %v and %v", right, before, after)
	}
	if low, high := 1000*node.Second+2*before, 1000*node.Second+2*after; wrong < low || wrong > high {
		t.Errorf("host 2 shows %v, expected between %v and %v", wrong, low, high)
	}
	before = u.c.Now()
	const wait = 60 * node.Millisecond
	u.call(2, verbTimer, int64(wait), 0, nil)
	if d := u.c.Now() - before; d < wait/2-1 {
		t.Errorf("a timer of %v on a clock twice too fast took %v", wait, d)
	}
}

func TestQueue(t *testing.T) {
	q := newQueue[int](3, 100)
	var b batch[int]
	if q.tryTake(&b) {
		t.Error("took something out of nothing")
	}
	q.put(1, []byte("one"))
	q.put(2, nil)
	q.put(3, []byte("three"))
	q.put(4, nil) // put knows no bound
	full := make(chan bool)
	go func() { full <- q.putBounded(5, []byte("five")) }()
	if !q.take(&b) || len(b.list) < 4 || string(b.data(0)) != "one" || string(b.data(2)) != "three" {
		t.Errorf("took %+v", b)
	}
	if !<-full {
		t.Error("putBounded failed")
	}
	if len(b.list) == 4 && (!q.take(&b) || string(b.data(0)) != "five") {
		t.Errorf("took %+v", b)
	}
	q.put(6, make([]byte, 100))
	go func() { full <- q.putBounded(7, nil) }()
	q.close()
	if <-full {
		t.Error("putBounded into a closed queue went well")
	}
	q.put(8, nil)
	if q.take(&b) {
		t.Error("took from a closed queue")
	}
}

// TestQueueKeepsOrder puts from several goroutines; the order of each must hold.
func TestQueueKeepsOrder(t *testing.T) {
	const writers, each = 4, 5000
	q := newQueue[[2]int](64, 1<<20)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				q.putBounded([2]int{w, i}, fmt.Append(nil, i))
			}
		})
	}
	var next [writers]int
	var b batch[[2]int]
	for n := 0; n < writers*each; {
		if !q.take(&b) {
			t.Fatal("closed")
		}
		for i, e := range b.list {
			w, k := e.val[0], e.val[1]
			if k != next[w] || string(b.data(i)) != fmt.Sprint(k) {
				t.Fatalf("writer %d: %d with %q, expected %d", w, k, b.data(i), next[w])
			}
			next[w]++
		}
		n += len(b.list)
	}
	wg.Wait()
}

func TestOutbox(t *testing.T) {
	o := newOutbox(2*frameHead + 10)
	if !o.put(1, nil, make([]byte, 10)) || !o.put(2, nil, nil) || o.put(3, nil, nil) {
		t.Error("the limit is not kept")
	}
	var b strings.Builder
	go func() {
		if err := o.drain(&b); err != nil {
			t.Error(err)
		}
	}()
	o.flushed(time.Duration(patience))
	if o.put(1, nil, nil) {
		t.Error("a closed box takes frames")
	}
	r := newFrameReader(strings.NewReader(b.String()))
	for want := frameType(1); want <= 2; want++ {
		if typ, _, err := r.next(); typ != want || err != nil {
			t.Errorf("frame %d, %v; expected %d", typ, err, want)
		}
	}
}

func TestDiskCode(t *testing.T) {
	for err, want := range map[error]node.Code{
		nil:         node.OK,
		unix.ENOSPC: node.NoSpace,
		unix.EDQUOT: node.NoSpace,
		unix.EIO:    node.IOError,
		&fs.PathError{Op: "write", Err: unix.ENOSPC}: node.NoSpace,
		fs.ErrClosed: node.IOError,
	} {
		if got := diskCode(err); got != want {
			t.Errorf("%v: %v, expected %v", err, got, want)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	for _, id := range []uint64{0, 1, 1 << 40, ^uint64(0)} {
		if got, err := parseSegment(SegmentName(id)); got != id || err != nil {
			t.Errorf("%d became %d, %v", id, got, err)
		}
	}
	for _, name := range []string{"", ".seg", "1.seg", "00000000000000000001",
		"+0000000000000000001.seg", "00000000000000000001.seg.tmp", "99999999999999999999.seg"} {
		if id, err := parseSegment(name); err == nil {
			t.Errorf("%q became %d", name, id)
		}
	}
}

func TestLoadNodeConfig(t *testing.T) {
	const good = `"host": 2, "hosts": 3, "data_dir": "d", "incarnation": 1`
	load := func(text string) (NodeConfig, string, error) {
		path := filepath.Join(t.TempDir(), "node.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, err := LoadNodeConfig(path)
		return cfg, path, err
	}
	cfg, _, err := load("{" + good + `, "app": {"x": [1]}}`)
	if err != nil || cfg.Name != "h2" || cfg.Listen != defaultListen ||
		string(cfg.App) != `{"x": [1]}` {
		t.Errorf("%+v, %v", cfg, err)
	}
	for text, want := range map[string]string{
		`{`:                                           "unexpected EOF",
		`{} {}`:                                       "follows",
		"{" + good + `, "hots": 1}`:                   "hots",
		"{" + good + `, "host": "2"}`:                 "host",
		"{" + good + `, "hosts": 0}`:                  "hosts: 0",
		"{" + good + `, "hosts": 1}`:                  "host: 2",
		"{" + good + `, "host": 0}`:                   "host: 0",
		"{" + good + `, "data_dir": ""}`:              "data_dir",
		"{" + good + `, "incarnation": 0}`:            "incarnation: 0",
		"{" + good + `, "unsynced": "maybe"}`:         `unsynced: "maybe"`,
		"{" + good + `, "clock_drift_ppm": -1000000}`: "clock_drift_ppm",
	} {
		if _, path, err := load(text); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, expected the file and %q", text, err, want)
		}
	}
	if _, err := LoadNodeConfig("/no/such/file"); err == nil {
		t.Error("a file that does not exist is no error")
	}
}

func TestGeometry(t *testing.T) {
	for _, g := range []node.Geometry{
		{}, {Sectors: 1}, {SectorSize: 512, Carry: 512}, {Sectors: 1, SectorSize: 512, Carry: 8},
		{Sectors: 1 << 60, SectorSize: 4096, Carry: 4096},
	} {
		if checkGeometry(g) == nil {
			t.Errorf("%+v is taken", g)
		}
	}
}
