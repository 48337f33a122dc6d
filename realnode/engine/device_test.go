package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/disk"
)

// One machine's disk hangs. Another machine goes on, and so does the loop of the first one.
func TestSlowDeviceHoldsUpNobodyElse(t *testing.T) {
	release := make(chan struct{})
	slow := disk.Faulty(disk.MemoryVolume(shape), disk.Faults{
		Before: func(*disk.Request) (int64, error) {
			<-release
			return 0, nil
		}})
	e := newEngine(t, Config{})
	one, _ := run(t, e, 1, opener(slow))
	two, _ := run(t, e, 2, nil)
	u := newUser()
	one.Submit(u, Request{Op: node.OpWrite, Data: make([]byte, 4096)})
	for range 10 {
		for _, r := range []Request{{Op: node.OpWrite, Data: make([]byte, 4096)},
			{Op: node.OpRead, N: 1}, {Op: node.OpSync}} {
			if a := ask(t, two, r); a.code != node.OK {
				t.Errorf("%v: %+v", r.Op, a)
			}
		}
		if a := ask(t, one, Request{Op: verbEcho, N: 1}); a.epoch != 1 {
			t.Errorf("%+v", a)
		}
	}
	// Its log is a device of its own.
	if a := ask(t, one, Request{Op: node.OpLogAppend, Data: []byte("record")}); a.code != node.OK {
		t.Errorf("append beside a volume that hangs: %+v", a)
	}
	close(release)
	if a := u.await(t, 1)[0]; a.code != node.OK {
		t.Errorf("%+v", a)
	}
}

// lines is a log handler that keeps messages.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf(" %v", a)
		return true
	})
	l.list = append(l.list, text)
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l *lines) WithGroup(string) slog.Handler { return l }

// A device fails again and again. The machine gets a code each time, the log gets a line for each
// error once a minute, and Troubles knows the latest.
func TestFailuresOfADeviceAreToldOnce(t *testing.T) {
	var mu sync.Mutex
	var fail error
	bad := disk.Faulty(disk.MemoryVolume(shape), disk.Faults{
		Before: func(*disk.Request) (int64, error) {
			mu.Lock()
			defer mu.Unlock()
			return 0, fail
		},
		Sync: func(_, _ uint64) error {
			mu.Lock()
			defer mu.Unlock()
			return fail
		}})
	log := &lines{}
	unit, _ := run(t, newEngine(t, Config{Log: slog.New(log)}), 7, opener(bad))
	if list := unit.Troubles(); len(list) != 0 {
		t.Errorf("troubles before anything has failed: %+v", list)
	}
	told := 0
	expect := func(err error, code node.Code, times uint64, full bool, lines int) {
		t.Helper()
		mu.Lock()
		fail = err
		mu.Unlock()
		for _, r := range []Request{{Op: node.OpWrite, Data: make([]byte, 4096)},
			{Op: node.OpRead, N: 1}, {Op: node.OpSync}} {
			if a := ask(t, unit, r); a.code != code {
				t.Errorf("%v after %v: %+v, expected %v", r.Op, err, a, code)
			}
		}
		list := unit.Troubles()
		if len(list) != 1 || list[0].Text != err.Error() || list[0].Times != times ||
			list[0].Full != full || time.Since(list[0].Last) > time.Minute {
			t.Errorf("troubles %+v", list)
		}
		told += lines
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.list) != told {
			t.Errorf("%d lines in the log, expected %d: %q", len(log.list), told, log.list)
		}
	}
	expect(errors.New("scratched"), node.IOError, 3, false, 1)
	expect(errors.New("scratched"), node.IOError, 6, false, 0)
	expect(fmt.Errorf("write: %w", unix.ENOSPC), node.NoSpace, 9, true, 1)
	unit.volumes[0].trouble.told = time.Now().Add(-tellTroubleAgain)
	expect(fmt.Errorf("write: %w", unix.ENOSPC), node.NoSpace, 12, true, 1)

	// What makes no sense is the machine's fault, not the device's.
	mu.Lock()
	fail = nil
	mu.Unlock()
	if a := ask(t, unit, Request{Op: node.OpRead, Off: 1 << 40, N: 1}); a.code != node.Invalid {
		t.Errorf("read beyond the end: %+v", a)
	}
	if list := unit.Troubles(); list[0].Times != 12 {
		t.Errorf("troubles %+v", list)
	}
}

// into is a volume that reads into the memory that it is offered, as files do.
type into struct {
	disk.Device
	mu   sync.Mutex
	used map[*byte]int // how often each piece of memory was read into
}

func (v *into) Do(r *disk.Request) ([]byte, error) {
	b, err := v.Device.Do(r)
	if err != nil || r.Op != node.OpRead || len(r.Into) < len(b) {
		return b, err
	}
	v.mu.Lock()
	v.used[&r.Into[0]]++
	v.mu.Unlock()
	n := copy(r.Into, b)
	return r.Into[:n], nil
}

func pattern(first, n int64, version uint64) []byte {
	b := make([]byte, n*4096)
	for i := range n {
		for at := i * 4096; at < (i+1)*4096; at += 16 {
			binary.LittleEndian.PutUint64(b[at:], uint64(first+i))
			binary.LittleEndian.PutUint64(b[at+8:], version)
		}
	}
	return b
}

// checker is a user who looks at what was read while it may, and no longer.
type checker struct {
	mu    sync.Mutex
	wrong []string
	left  int
	done  chan struct{}
}

func (c *checker) Reply(tag node.Tag, code node.Code, _ uint64, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, n := int64(tag>>16), int64(tag&0xffff)
	if n > 0 && (code != node.OK || !bytes.Equal(data, pattern(first, n, 1))) {
		c.wrong = append(c.wrong, fmt.Sprintf("%d sectors from %d: %v, %d bytes", n, first, code,
			len(data)))
	}
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

func (c *checker) Flush() {}

// Large reads travel in the memory that they were read into, which is used again. Content is right,
// whatever else goes on, and reads of one machine do not touch those of another.
func TestLargeReadsTravelInLentMemory(t *testing.T) {
	e := newEngine(t, Config{})
	devices := []*into{}
	var all sync.WaitGroup
	for number := range uint32(3) {
		v := &into{Device: disk.MemoryVolume(shape), used: make(map[*byte]int)}
		devices = append(devices, v)
		unit, _ := run(t, e, number, opener(v))
		for at := int64(0); at < int64(shape.Sectors); at += 256 {
			if a := ask(t, unit, Request{Op: node.OpWrite, Off: at, N: 256,
				Data: pattern(at, 256, 1)}); a.code != node.OK {
				t.Fatal(a)
			}
		}
		for reader := range 2 {
			all.Go(func() {
				random := node.NewStream(uint64(number), fmt.Sprint("reader ", reader))
				const reads = 300
				c := &checker{left: reads, done: make(chan struct{})}
				for range reads {
					n := 1 + int64(random.Below(64))
					if random.Below(20) == 0 {
						n = 256
					}
					first := int64(random.Below(uint64(int64(shape.Sectors) - n)))
					unit.Submit(c, Request{Op: node.OpRead, Tag: node.Tag(first<<16 | n), Off: first, N: n})
				}
				select {
				case <-c.done:
				case <-time.After(patience):
					t.Error("reads do not end")
				}
				c.mu.Lock()
				defer c.mu.Unlock()
				if len(c.wrong) > 0 {
					t.Errorf("wrong answers: %q", c.wrong)
				}
			})
		}
	}
	all.Wait()
	for _, v := range devices {
		if len(v.used) == 0 {
			t.Error("nothing was read into lent memory")
		}
	}
	// Memory that is too large to be kept, and a device that does not take what it is offered.
	unit, _ := run(t, e, 9, nil)
	if a := ask(t, unit, Request{Op: node.OpRead, N: int64(shape.Sectors)}); len(a.data) != 4<<20 {
		t.Errorf("%v, %d bytes", a.code, len(a.data))
	}
	if a := ask(t, unit, Request{Op: node.OpRead, Off: 1 << 40, N: 100}); a.code != node.Invalid {
		t.Errorf("%+v", a)
	}
}

// floored is an opener that lets a test see the floor.
func floored(d disk.Device, floor *func() uint64) Opener {
	return func(f func() uint64) (disk.Device, error) {
		*floor = f
		return d, nil
	}
}

// Syncs that come while one runs are carried out together, behind it. What comes after a sync does
// not wait for it. Each sync covers the writes whose ends the machine had seen when it asked.
func TestSyncsGather(t *testing.T) {
	type call struct{ upto uint64 }
	calls, release := make(chan call), make(chan error)
	d := disk.Faulty(disk.MemoryVolume(shape), disk.Faults{Sync: func(_, upto uint64) error {
		calls <- call{upto}
		return <-release
	}})
	var floor func() uint64
	unit, _ := run(t, newEngine(t, Config{}), 7, floored(d, &floor))
	write := func() {
		t.Helper()
		if a := ask(t, unit, Request{Op: node.OpWrite, Data: make([]byte, 4096)}); a.code != node.OK {
			t.Fatal(a)
		}
	}
	if n := floor(); n != 0 {
		t.Errorf("floor %d before the first write", n)
	}
	write()
	if n := floor(); n != 1 {
		t.Errorf("floor %d after a write", n)
	}
	first, others := newUser(), newUser()
	unit.Submit(first, Request{Op: node.OpSync})
	if c := <-calls; c.upto != 1 {
		t.Errorf("the first sync covers %d writes", c.upto)
	}
	if n := floor(); n != 0 {
		t.Errorf("floor %d while a sync runs", n)
	}
	const gathered = 20
	for i := range node.Tag(gathered) {
		write()
		unit.Submit(others, Request{Op: node.OpSync, Tag: i})
	}
	write() // so the syncs have come as far as the device
	release <- nil
	if c := <-calls; c.upto != 1+gathered {
		t.Errorf("the gathered sync covers %d writes", c.upto)
	}
	if a := first.await(t, 1)[0]; a.code != node.OK {
		t.Errorf("%+v", a)
	}
	release <- errors.New("lost")
	for _, a := range others.await(t, gathered) {
		if a.code != node.IOError {
			t.Errorf("sync that shares a failure: %+v", a)
		}
	}
	if n := floor(); n != gathered+2 {
		t.Errorf("floor %d after %d writes", n, gathered+2)
	}
	if list := unit.Troubles(); len(list) != 1 || list[0].Times != 1 {
		t.Errorf("one failure of the device is told as %+v", list)
	}
}

// Syncs of different segments of a log do not become one, and one that makes no sense is refused.
func TestSyncsOfSegments(t *testing.T) {
	var mu sync.Mutex
	var seen []uint64
	log := disk.Faulty(disk.MemoryLog(), disk.Faults{Sync: func(seg, _ uint64) error {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, seg)
		return nil
	}})
	e := newEngine(t, Config{})
	p := &puppet{}
	unit, err := e.Add(Machine{Number: 1, Logs: []Opener{opener(log)},
		Spec: node.Spec{New: func() node.Machine { return p }, Logs: 1}})
	if err != nil {
		t.Fatal(err)
	}
	unit.Boot(1, 1)
	if a := ask(t, unit, Request{Op: node.OpLogAppend, Data: []byte("record")}); a.code != node.OK {
		t.Errorf("%+v", a)
	}
	if a := ask(t, unit, Request{Op: node.OpLogSync, N: 1}); a.code != node.OK {
		t.Errorf("%+v", a)
	}
	if a := ask(t, unit, Request{Op: node.OpLogSync, N: 2}); a.code != node.Invalid {
		t.Errorf("sync of a segment that is not there: %+v", a)
	}
	if !slices.Equal(seen, []uint64{1}) {
		t.Errorf("synced %v", seen)
	}
}

// remembering is a volume whose content is in memory. It notes calls that meet.
type remembering struct {
	disk.Device
	busy        atomic.Int32
	cached, met atomic.Int32
}

func (d *remembering) Do(r *disk.Request) ([]byte, error) {
	defer d.enter()()
	return d.Device.Do(r)
}

// ReadCached implements disk.CachedReader.
func (d *remembering) ReadCached(r *disk.Request) ([]byte, bool) {
	defer d.enter()()
	d.cached.Add(1)
	b, err := d.Device.Do(r)
	return b, err == nil
}

func (d *remembering) enter() (leave func()) {
	if d.busy.Add(1) > 1 {
		d.met.Add(1)
	}
	return func() { d.busy.Add(-1) }
}

// Small reads whose content is in memory do not go to the worker. They come behind the writes before
// them all the same, and never meet what the worker does.
func TestSmallReadsFromMemoryKeepTheirPlace(t *testing.T) {
	v := &remembering{Device: disk.MemoryVolume(shape)}
	unit, _ := run(t, newEngine(t, Config{}), 7, opener(v))
	var all sync.WaitGroup
	for client := range int64(4) {
		all.Go(func() {
			for round := range 300 {
				u := newUser()
				data := pattern(client, 1, uint64(round))
				unit.Submit(u, Request{Op: node.OpWrite, Tag: 1, Off: client, N: 1, Data: data})
				unit.Submit(u, Request{Op: node.OpRead, Tag: 2, Off: client, N: 1})
				for _, a := range u.await(t, 2) {
					if a.tag == 2 && a.data != string(data) {
						t.Errorf("client %d, round %d: another content is read", client, round)
					}
				}
				if a := ask(t, unit, Request{Op: node.OpRead, Off: client, N: 1}); a.data != string(data) {
					t.Errorf("client %d, round %d: another content is read later", client, round)
				}
			}
		})
	}
	all.Wait()
	if v.cached.Load() == 0 || v.met.Load() > 0 {
		t.Errorf("%d reads from memory, %d calls met", v.cached.Load(), v.met.Load())
	}
}
