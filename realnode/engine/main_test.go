package engine

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// patience is how long these tests wait for what must happen.
const patience = 20 * time.Second

// What a puppet can be asked for, besides reads, writes and syncs of its volume.
const (
	verbEcho    = node.OpVerb + iota // answers with Data
	verbKeep                         // is not answered
	verbTwice                        // is answered twice
	verbBlock                        // answers when its gate is open, and does nothing else meanwhile
	verbTimer                        // answers after N nanoseconds
	verbRestart                      // answers after N nanoseconds in spite of an earlier timer
	verbNever                        // sets a timer and cancels it
	verbSend                         // sends Data to machine Off of host N, and answers
	verbHeard                        // answers with all messages that came
	verbPanic                        // dies of it
)

// puppet is a machine that does what it is asked for.
type puppet struct {
	gate  chan struct{}
	in    chan struct{} // gets a token when verbBlock has begun
	heard []byte
	boot  node.Event
}

// Step implements node.Machine.
func (p *puppet) Step(_ node.Time, ev *node.Event, out *node.Effects) {
	switch ev.Kind {
	case node.KindBoot:
		p.boot = *ev
	case node.KindMessage:
		p.heard = append(p.heard, ev.Data...)
	case node.KindTimer:
		out.Reply(ev.Tag, node.OK, 0, nil)
	case node.KindDone:
		if len(ev.Data) > 0 {
			out.ReplyLent(ev.Tag, ev.Code, ev.Seg, ev.Data)
		} else {
			out.Reply(ev.Tag, ev.Code, ev.Seg, nil)
		}
	case node.KindRequest:
		p.request(ev, out)
	}
}

func (p *puppet) request(ev *node.Event, out *node.Effects) {
	switch ev.Op {
	case node.OpRead:
		out.Read(0, ev.Tag, ev.Off, ev.N)
	case node.OpWrite:
		out.WriteLent(0, ev.Tag, ev.Off, ev.Data)
	case node.OpSync:
		out.Sync(0, ev.Tag)
	case node.OpLogAppend:
		out.LogAppend(0, ev.Tag, 1, ev.Off, ev.Data, 0)
	case node.OpLogSync:
		out.LogSync(0, ev.Tag, uint64(ev.N))
	case verbEcho:
		out.Reply(ev.Tag, node.OK, uint64(ev.N), ev.Data)
	case verbTwice:
		out.Reply(ev.Tag, node.OK, 1, nil)
		out.Reply(ev.Tag, node.OK, 2, nil)
	case verbBlock:
		p.in <- struct{}{}
		<-p.gate
		out.Reply(ev.Tag, node.OK, 0, nil)
	case verbTimer:
		out.SetTimer(ev.Tag, node.Time(ev.N))
	case verbRestart:
		out.SetTimer(ev.Tag, node.Time(time.Hour))
		out.SetTimer(ev.Tag, node.Time(ev.N))
	case verbNever:
		out.SetTimer(ev.Tag, 0)
		out.CancelTimer(ev.Tag)
	case verbSend:
		out.Send(node.Addr{Host: node.ID(ev.N), Machine: uint32(ev.Off)}, node.ClassControl, nil,
			ev.Data, 0)
		out.Reply(ev.Tag, node.OK, 0, nil)
	case verbHeard:
		out.Reply(ev.Tag, node.OK, 0, p.heard)
	case verbPanic:
		panic("a broken invariant")
	}
}

// said is an answer that a user has got.
type said struct {
	tag   node.Tag
	code  node.Code
	epoch uint64
	data  string
}

// user takes answers.
type user struct {
	mu      sync.Mutex
	more    sync.Cond
	got     []said
	flushed int // so many answers had come at the latest flush
}

var _ Replier = (*user)(nil)

func newUser() *user {
	u := &user{}
	u.more.L = &u.mu
	return u
}

// Reply implements Replier.
func (u *user) Reply(tag node.Tag, code node.Code, epoch uint64, data []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, said{tag, code, epoch, string(data)})
}

// Flush implements Replier.
func (u *user) Flush() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.flushed = len(u.got)
	u.more.Broadcast()
}

// await returns all answers, of which there must be n at least, flushed.
func (u *user) await(t testing.TB, n int) []said {
	t.Helper()
	late := false
	defer time.AfterFunc(patience, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		late = true
		u.more.Broadcast()
	}).Stop()
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.flushed < n && !late {
		u.more.Wait()
	}
	if u.flushed < n {
		t.Fatalf("%d answers within %v, expected %d: %v", u.flushed, patience, n, u.got)
	}
	return slices.Clone(u.got)
}

// shape is that of the volumes of these tests.
var shape = node.Geometry{Sectors: 1024, SectorSize: 4096, Carry: 4096}

// newEngine makes an engine that ends with the test.
func newEngine(t testing.TB, cfg Config) *Engine {
	t.Helper()
	if cfg.Host == 0 {
		cfg.Host = 1
	}
	clock, err := NewClock(0)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Clock = clock
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := New(cfg)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func opener(d disk.Device) Opener {
	return func(func() uint64) (disk.Device, error) { return d, nil }
}

// add makes a puppet with a volume and a log. It does not run yet.
func add(t testing.TB, e *Engine, number uint32, volume Opener) (*Unit, *puppet) {
	t.Helper()
	p := &puppet{gate: make(chan struct{}), in: make(chan struct{}, 1)}
	if volume == nil {
		volume = opener(disk.MemoryVolume(shape))
	}
	u, err := e.Add(Machine{Number: number, Volumes: []Opener{volume},
		Logs: []Opener{opener(disk.MemoryLog())},
		Spec: node.Spec{New: func() node.Machine { return p }, Volumes: []node.Geometry{shape}, Logs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return u, p
}

// run is add with a boot.
func run(t testing.TB, e *Engine, number uint32, volume Opener) (*Unit, *puppet) {
	t.Helper()
	u, p := add(t, e, number, volume)
	u.Boot(1, 2)
	return u, p
}

// ask is one request of a user of its own, with its answer.
func ask(t testing.TB, u *Unit, r Request) said {
	t.Helper()
	user := newUser()
	if !u.Submit(user, r) {
		t.Fatalf("%v is not taken", r.Op)
	}
	return user.await(t, 1)[0]
}

// await waits until a condition holds that nobody tells.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

const panicVar = "PITCH_ENGINE_PANICS"

// TestMain lets the test binary be a process that dies of a broken machine, too.
func TestMain(m *testing.M) {
	if os.Getenv(panicVar) == "" {
		os.Exit(m.Run())
	}
	clock, err := NewClock(0)
	if err != nil {
		panic(err)
	}
	e := New(Config{Host: 1, Clock: clock, Broken: func(v any) { fmt.Println("told:", v) }})
	u, err := e.Add(Machine{Spec: node.Spec{New: func() node.Machine { return &puppet{} }}})
	if err != nil {
		panic(err)
	}
	u.Boot(1, 1)
	u.Submit(newUser(), Request{Op: verbPanic})
	select {}
}
