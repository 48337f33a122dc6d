package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// Two users ask at the same time, under the same tags. Each gets its own answers, in the order in
// which it has asked.
func TestUsersGetTheirOwnAnswersInOrder(t *testing.T) {
	unit, _ := run(t, newEngine(t, Config{}), 7, nil)
	const requests = 2000
	users := []*user{newUser(), newUser(), newUser()}
	var all sync.WaitGroup
	for who, user := range users {
		all.Go(func() {
			for i := range requests {
				if !unit.Submit(user, Request{Op: verbEcho, Tag: node.Tag(i % 7), N: int64(i),
					Data: fmt.Appendf(nil, "%d/%d", who, i)}) {
					t.Error("not taken")
				}
			}
		})
	}
	all.Wait()
	for who, user := range users {
		for i, got := range user.await(t, requests) {
			want := said{node.Tag(i % 7), node.OK, uint64(i), fmt.Sprintf("%d/%d", who, i)}
			if got != want {
				t.Fatalf("user %d: answer %d is %+v, expected %+v", who, i, got, want)
			}
		}
	}
}

// A machine answers twice. The second answer belongs to nobody, even when somebody else's request
// has taken the place of the first one.
func TestSecondAnswerReachesNobody(t *testing.T) {
	unit, _ := run(t, newEngine(t, Config{}), 7, nil)
	u := newUser()
	for i := range node.Tag(100) {
		unit.Submit(u, Request{Op: verbTwice, Tag: 2 * i})
		unit.Submit(u, Request{Op: verbEcho, Tag: 2*i + 1, N: 1})
	}
	got := u.await(t, 200)
	if ask(t, unit, Request{Op: verbEcho}); len(u.await(t, 200)) != 200 {
		t.Fatalf("%d answers to 200 requests", len(u.await(t, 200)))
	}
	for i, a := range got {
		if a.tag != node.Tag(i) || a.epoch != 1 {
			t.Fatalf("answer %d is %+v", i, a)
		}
	}
}

// unknownOnce fails unless each of n tags from 0 on was answered once, with node.Unknown.
func unknownOnce(t *testing.T, got []said, n int) {
	t.Helper()
	seen := make(map[node.Tag]int)
	for _, a := range got {
		seen[a.tag]++
		if a.code != node.Unknown {
			t.Errorf("answer %+v, expected unknown", a)
		}
	}
	if len(seen) != n || len(got) != n {
		t.Errorf("%d answers to %d of %d requests", len(got), len(seen), n)
	}
}

// gone fails unless a unit takes nothing any more.
func gone(t *testing.T, u *Unit) {
	t.Helper()
	if u.Submit(newUser(), Request{Op: verbEcho}) {
		t.Error("a stopped unit takes a request")
	}
	if err := u.Control(nil)(); !errors.Is(err, ErrStopped) {
		t.Errorf("command to a stopped unit: %v", err)
	}
	if err := u.Stop(); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

// A stop finds requests that the machine holds, that wait in the inbox, and that a device is busy
// with. Each is answered once, with node.Unknown.
func TestStopAnswersWhatIsOpen(t *testing.T) {
	busy, release := make(chan struct{}), make(chan struct{})
	slow := disk.Faulty(disk.MemoryVolume(shape), disk.Faults{
		Before: func(*disk.Request) (int64, error) {
			close(busy)
			<-release
			return 0, nil
		}})
	e := newEngine(t, Config{})
	unit, p := run(t, e, 7, opener(slow))
	u := newUser()
	next := node.Tag(0)
	submit := func(op node.Op, n int) {
		for range n {
			if !unit.Submit(u, Request{Op: op, Tag: next, N: 1}) {
				t.Fatal("not taken")
			}
			next++
		}
	}
	submit(verbKeep, 50)
	submit(node.OpRead, 1)
	<-busy
	blocked := newUser()
	go unit.Submit(blocked, Request{Op: verbBlock})
	<-p.in // from now on all stays in the inbox
	submit(verbEcho, 50)
	wait := unit.Control([]byte("too late"))

	stopped := make(chan error, 2)
	for range 2 {
		go func() { stopped <- unit.Stop() }()
	}
	await(t, "the inbox is closed", unit.inbox.Closed)
	close(p.gate)
	if a := blocked.await(t, 1)[0]; a.code != node.OK {
		t.Errorf("the request that was being carried out: %+v", a)
	}
	unknownOnce(t, u.await(t, int(next)), int(next))
	if err := wait(); !errors.Is(err, ErrStopped) {
		t.Errorf("command in the inbox: %v", err)
	}
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a device that is busy: %v", err)
	default:
	}
	close(release)
	for range 2 {
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
	gone(t, unit)
	unknownOnce(t, u.await(t, int(next)), int(next))
	if e.Unit(7) != nil || len(e.Units()) != 0 {
		t.Error("the engine still knows the unit")
	}
}

// A unit that was never booted has taken requests all the same.
func TestStopOfAUnitThatWasNeverBooted(t *testing.T) {
	unit, _ := add(t, newEngine(t, Config{}), 7, nil)
	u := newUser()
	for i := range node.Tag(100) {
		if !unit.Submit(u, Request{Op: verbEcho, Tag: i}) {
			t.Fatal("not taken")
		}
	}
	wait := unit.Control(nil)
	if err := unit.Stop(); err != nil {
		t.Error(err)
	}
	unknownOnce(t, u.await(t, 100), 100)
	if err := wait(); !errors.Is(err, ErrStopped) {
		t.Errorf("command: %v", err)
	}
	gone(t, unit)
}

// Users that hand in requests all the time meet a stop: whatever was taken is answered once.
func TestEveryRequestThatWasTakenIsAnswered(t *testing.T) {
	for range 20 {
		unit, _ := run(t, newEngine(t, Config{}), 7, nil)
		var all sync.WaitGroup
		users, taken := make([]*user, 4), make([]int, 4)
		for i := range users {
			users[i] = newUser()
			all.Go(func() {
				for unit.Submit(users[i], Request{Op: verbEcho, Tag: node.Tag(taken[i])}) {
					taken[i]++
				}
			})
		}
		users[0].await(t, 1)
		if err := unit.Stop(); err != nil {
			t.Error(err)
		}
		all.Wait()
		for i, u := range users {
			got := u.await(t, taken[i])
			if len(got) != taken[i] {
				t.Fatalf("%d answers to %d requests", len(got), taken[i])
			}
			for k, a := range got {
				if a.tag != node.Tag(k) {
					t.Fatalf("answer %d has tag %d", k, a.tag)
				}
			}
		}
	}
}

// recorder is a fault layer that writes down its commands.
type recorder struct {
	node.World
	mu  sync.Mutex
	log []string
}

func (r *recorder) Wake(node.Time, node.Tag) {}

func (r *recorder) Control(cmd []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, string(cmd))
	if strings.HasPrefix(string(cmd), "bad") {
		return fmt.Errorf("%s: no such command", cmd)
	}
	return nil
}

func TestCommandsAreCarriedOutInOrder(t *testing.T) {
	layer := &recorder{}
	e := newEngine(t, Config{Wrap: func(_ node.ID, w node.World,
		_ func(uint32, *node.Event)) node.Layer {
		layer.World = w
		return layer
	}})
	unit, _ := run(t, e, 7, nil)
	var waits []func() error
	for i := range 100 {
		waits = append(waits, unit.Control(fmt.Appendf(nil, "%s%d", []string{"good", "bad"}[i%2], i)))
	}
	for i, wait := range waits {
		if err := wait(); (err != nil) != (i%2 == 1) {
			t.Errorf("command %d: %v", i, err)
		}
	}
	for i, cmd := range layer.log {
		if want := fmt.Sprintf("%s%d", []string{"good", "bad"}[i%2], i); cmd != want {
			t.Fatalf("command %d is %q, expected %q", i, cmd, want)
		}
	}
	if a := ask(t, unit, Request{Op: verbEcho, Data: []byte("through")}); a.data != "through" {
		t.Errorf("%+v", a)
	}
	bare, _ := run(t, newEngine(t, Config{}), 7, nil)
	if err := bare.Control(nil)(); err == nil || errors.Is(err, ErrStopped) {
		t.Errorf("command without a layer: %v", err)
	}
}

// A machine cannot keep up. Messages of other hosts are lost and counted, users wait, and what the
// machine tells itself arrives.
func TestFullInbox(t *testing.T) {
	e := newEngine(t, Config{})
	unit, p := run(t, e, 7, nil)
	from := node.Addr{Host: 2, Machine: 7}
	u := newUser()
	go unit.Submit(u, Request{Op: verbBlock})
	<-p.in
	if !unit.Submit(u, Request{Op: verbSend, N: 1, Off: 7, Data: []byte("to myself")}) {
		t.Fatal("not taken")
	}
	for range inboxItems - 1 {
		e.Deliver(from, 7, []byte("x"))
	}
	if n := e.Lost(); n != 0 {
		t.Fatalf("%d messages are lost before the inbox is full", n)
	}
	for range 10 {
		e.Deliver(from, 7, []byte("y"))
	}
	e.Deliver(from, 8, nil) // there is none
	if n := e.Lost(); n != 11 {
		t.Errorf("%d messages are counted as lost, expected 11", n)
	}
	taken := make(chan bool, 1)
	go func() { taken <- unit.Submit(u, Request{Op: verbHeard}) }()
	select {
	case <-taken:
		t.Fatal("a user does not wait for a full inbox")
	case <-time.After(5 * time.Millisecond):
	}
	close(p.gate)
	if !<-taken {
		t.Fatal("a user who has waited is turned away")
	}
	u.await(t, 3)
	want := strings.Repeat("x", inboxItems-1) + "to myself"
	if heard := ask(t, unit, Request{Op: verbHeard}).data; heard != want {
		t.Errorf("the machine has heard %d bytes, expected %d", len(heard), len(want))
	}
}

// Bytes fill an inbox, too.
func TestInboxIsBoundedInBytes(t *testing.T) {
	e := newEngine(t, Config{})
	add(t, e, 7, nil)
	for range 20 {
		e.Deliver(node.Addr{Host: 2}, 7, make([]byte, 1<<20))
	}
	if n := e.Lost(); n != 4 {
		t.Errorf("of 20 MiB %d are lost, expected 4", n)
	}
}

// A user waits for a full inbox when the unit is stopped.
func TestStopLetsWaitingUsersGo(t *testing.T) {
	unit, _ := add(t, newEngine(t, Config{}), 7, nil)
	u := newUser()
	for range inboxItems {
		unit.Submit(u, Request{Op: verbKeep})
	}
	taken := make(chan bool)
	for range 3 {
		go func() { taken <- unit.Submit(u, Request{Op: verbKeep}) }()
	}
	if err := unit.Stop(); err != nil {
		t.Error(err)
	}
	for range 3 {
		if <-taken {
			t.Error("taken by a unit that has been stopped")
		}
	}
	if n := len(u.await(t, inboxItems)); n != inboxItems {
		t.Errorf("%d answers to %d requests", n, inboxItems)
	}
}

// Messages reach machines of the same host, and go out to other hosts.
func TestMessagesFindTheirWay(t *testing.T) {
	type sent struct {
		from, to node.Addr
		body     string
	}
	out := make(chan sent, 10)
	e := newEngine(t, Config{Send: func(from, to node.Addr, _ node.Class, body []byte) {
		out <- sent{from, to, string(body)}
	}})
	one, _ := run(t, e, 1, nil)
	two, _ := run(t, e, 2, nil)
	ask(t, one, Request{Op: verbSend, N: 1, Off: 2, Data: []byte("hello")})
	await(t, "a message", func() bool { return ask(t, two, Request{Op: verbHeard}).data == "hello" })
	ask(t, one, Request{Op: verbSend, N: 9, Off: 5, Data: []byte("away")})
	want := sent{node.Addr{Host: 1, Machine: 1}, node.Addr{Host: 9, Machine: 5}, "away"}
	if got := <-out; got != want {
		t.Errorf("sent %+v, expected %+v", got, want)
	}
}

// A timer is never early, the one that is set again counts, and a cancelled one does not fire.
func TestTimersOfAMachine(t *testing.T) {
	unit, _ := run(t, newEngine(t, Config{}), 7, nil)
	u := newUser()
	begin := time.Now()
	for i, ms := range []int64{600, 100, 400} {
		unit.Submit(u, Request{Op: verbTimer, Tag: node.Tag(i), N: ms * 1e6})
	}
	unit.Submit(u, Request{Op: verbNever, Tag: 3})
	unit.Submit(u, Request{Op: verbRestart, Tag: 4, N: 250e6})
	got := u.await(t, 4)
	if d := time.Since(begin); d < 600*time.Millisecond {
		t.Errorf("600 ms have passed after %v", d)
	}
	for i, want := range []node.Tag{1, 4, 2, 0} {
		if got[i].tag != want {
			t.Errorf("timers fire as %+v", got)
			break
		}
	}
	if err := unit.Stop(); err != nil {
		t.Error(err)
	}
	if got := u.await(t, 5); len(got) != 5 || got[4].tag != 3 || got[4].code != node.Unknown {
		t.Errorf("a cancelled timer: %+v", got)
	}
}

// Boot tells a machine who it is.
func TestBoot(t *testing.T) {
	unit, p := add(t, newEngine(t, Config{Host: 4}), 7, nil)
	unit.Boot(12, 99)
	ask(t, unit, Request{Op: verbEcho})
	if p.boot.From != (node.Addr{Host: 4, Machine: 7}) || p.boot.N != 12 ||
		p.boot.Seed != node.Hash(99, 7) || unit.Number() != 7 {
		t.Errorf("booted with %+v", p.boot)
	}
}

// closing is a device that counts how often it was closed.
type closing struct {
	disk.Device
	closed *int
	err    error
}

func (c closing) Close() error {
	*c.closed++
	return errors.Join(c.err, c.Device.Close())
}

// What cannot be added leaves no open device behind.
func TestMachineThatCannotBeAdded(t *testing.T) {
	e := newEngine(t, Config{})
	broken := errors.New("broken")
	closed := 0
	good := opener(closing{disk.MemoryVolume(shape), &closed, nil})
	bad := func(func() uint64) (disk.Device, error) { return nil, broken }
	spec := node.Spec{New: func() node.Machine { return &puppet{} },
		Volumes: []node.Geometry{shape, shape}}
	_, err := e.Add(Machine{Number: 1, Spec: spec, Volumes: []Opener{good, bad}})
	if !errors.Is(err, broken) || closed != 1 {
		t.Errorf("%v, and %d devices are closed", err, closed)
	}
	if _, err := e.Add(Machine{Number: 1, Spec: spec, Volumes: []Opener{good}}); err == nil {
		t.Error("a machine without its second volume was added")
	}
	if _, err := e.Add(Machine{Number: 1, Spec: spec, Volumes: []Opener{good, good}}); err != nil {
		t.Fatal(err)
	}
	_, err = e.Add(Machine{Number: 1, Spec: spec, Volumes: []Opener{good, good}})
	if !errors.Is(err, ErrTaken) || closed != 3 {
		t.Errorf("second machine of a number: %v, and %d devices are closed", err, closed)
	}
	if len(e.Units()) != 1 {
		t.Errorf("%d units", len(e.Units()))
	}
}

// A device that fails at its end is told by Stop, to all who stop.
func TestStopTellsWhatADeviceSays(t *testing.T) {
	lost := errors.New("lost at the end")
	closed := 0
	e := New(Config{Host: 1})
	unit, _ := run(t, e, 7, opener(closing{disk.MemoryVolume(shape), &closed, lost}))
	for range 2 {
		if err := unit.Stop(); !errors.Is(err, lost) || closed != 1 {
			t.Errorf("stop: %v, closed %d times", err, closed)
		}
	}
}

// A broken invariant is told and then ends the process, with the stack on standard error.
func TestPanicIsToldAndNotSurvived(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), panicVar+"=1")
	var told, stack strings.Builder
	cmd.Stdout, cmd.Stderr = &told, &stack
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("the process ends with %v", err)
	}
	if told.String() != "told: a broken invariant\n" {
		t.Errorf("told %q", told.String())
	}
	if s := stack.String(); !strings.Contains(s, "panic: a broken invariant") ||
		!strings.Contains(s, "(*puppet).request") {
		t.Errorf("standard error says\n%s", s)
	}
}
