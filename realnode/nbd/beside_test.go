package nbd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var be = binary.BigEndian

// shuffled is a device that carries requests out side by side: each takes effect when it begins,
// and ends later, out of order, on another goroutine.
type shuffled struct {
	*memory
	workers int
	refuse  func(r *Request) error // asked by Start
	fails   func(r *Request) error // asked before a request takes effect

	open  atomic.Int64 // requests under way
	fuas  atomic.Int64
	large atomic.Int64  // reads of more than a block
	held  chan struct{} // if not nil, nothing ends before it is closed
}

type shuffledSession struct {
	d    *shuffled
	to   Finisher
	mu   sync.Mutex
	rng  *rand.Rand
	list []ending // what is to end
	busy int      // goroutines that take from list
}

type ending struct {
	id   uint64
	data []byte
	err  error
}

var (
	_ Device  = (*shuffled)(nil)
	_ Starter = (*shuffled)(nil)
)

func newShuffled(size int64) *shuffled { return &shuffled{memory: newMemory(size), workers: 4} }

// Session implements Starter.
func (d *shuffled) Session(to Finisher) Session {
	return &shuffledSession{d: d, to: to, rng: rand.New(rand.NewPCG(5, 6))}
}

// Start implements Session.
func (s *shuffledSession) Start(r *Request) error {
	d := s.d
	if d.refuse != nil {
		if err := d.refuse(r); err != nil {
			return err
		}
	}
	d.open.Add(1)
	e := ending{id: r.ID}
	if d.fails != nil {
		e.err = d.fails(r)
	}
	if e.err == nil {
		e.data, e.err = d.effect(r)
	}
	s.mu.Lock()
	s.list = append(s.list, e)
	begin := s.busy < d.workers
	if begin {
		s.busy++
	}
	s.mu.Unlock()
	if begin {
		go s.work()
	}
	return nil
}

func (d *shuffled) effect(r *Request) ([]byte, error) {
	if r.Durable {
		d.fuas.Add(1)
	}
	switch r.Kind {
	case RequestRead:
		if r.N > 4096 {
			d.large.Add(1)
		}
		p := make([]byte, r.N)
		return p, d.ReadAt(p, r.Off)
	case RequestWrite:
		return nil, d.WriteAt(r.Data, r.Off)
	case RequestFlush:
		return nil, d.Flush()
	case RequestTrim:
		return nil, d.Trim(r.Off, r.N)
	}
	return nil, d.Zero(r.Off, r.N, r.MayPunch)
}

// work ends what is to end, in any order.
func (s *shuffledSession) work() {
	if s.d.held != nil {
		<-s.d.held
	}
	for {
		s.mu.Lock()
		if len(s.list) == 0 {
			s.busy--
			s.mu.Unlock()
			s.to.Flush()
			return
		}
		i := s.rng.IntN(len(s.list))
		e := s.list[i]
		s.list = slices.Delete(s.list, i, i+1)
		s.mu.Unlock()
		s.d.open.Add(-1)
		s.to.Finish(e.id, e.data, e.err)
		clear(e.data) // it was valid during the call alone
	}
}

// await waits until a condition holds that nobody tells.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// Many requests are under way at once, on ranges of their own; replies come in any order, and each
// says what the model says.
func TestRequestsSideBySideFitTheModel(t *testing.T) {
	for _, structured := range []bool{false, true} {
		const area, areas = 4 << 20, 12
		d := newShuffled(area * areas)
		path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
		c := connect(t, path, "a", structured)
		model := make([]byte, area*areas)
		rng := rand.New(rand.NewPCG(7, 8))
		type expected struct {
			read []byte // nil: no read
			off  uint64
		}
		for round := range 20 {
			var batch []byte
			want := make(map[uint64]expected)
			for i := range uint64(areas) {
				n := []int{1, 511, 4096, 32 << 10, 65535, 256<<10 + 1, 1 << 20, 1<<20 + 1,
					3<<20 + 17}[rng.IntN(9)]
				off := int(i)*area + rng.IntN(area-n)
				part := model[off : off+n]
				cookie := uint64(round)<<32 | i
				e := expected{off: uint64(off)}
				flags := uint16(rng.IntN(2)) * cmdFUA
				switch rng.IntN(5) {
				case 0, 1:
					for k := range part {
						part[k] = byte(round + int(i) + k)
					}
					batch = append(batch, command(flags, cmdWrite, cookie, e.off, uint32(n), part)...)
				case 2:
					clear(part)
					batch = append(batch, command(flags, cmdTrim, cookie, e.off, uint32(n), nil)...)
				default:
					if structured && rng.IntN(3) == 0 {
						flags |= cmdDF
					}
					e.read = bytes.Clone(part)
					batch = append(batch, command(flags, cmdRead, cookie, e.off, uint32(n), nil)...)
				}
				want[cookie] = e
			}
			go func() { _, _ = c.nc.Write(batch) }() // replies are read meanwhile
			if structured {
				gather(t, c, len(want), func(cookie uint64) (uint64, []byte) {
					return want[cookie].off, want[cookie].read
				})
				continue
			}
			for range areas {
				head := c.read(16)
				cookie := be.Uint64(head[8:])
				e, ok := want[cookie]
				if !ok || be.Uint32(head) != magicSimple || be.Uint32(head[4:]) != 0 {
					t.Fatalf("round %d: reply %x", round, head)
				}
				delete(want, cookie)
				if !bytes.Equal(c.read(len(e.read)), e.read) {
					t.Fatalf("round %d: read of %d at %d differs", round, len(e.read), e.off)
				}
			}
		}
		held := make([]byte, len(model))
		if err := d.ReadAt(held, 0); err != nil || !bytes.Equal(held, model) {
			t.Error("the device holds something else than the model")
		}
		if d.fuas.Load() == 0 {
			t.Error("FUA never reached the device")
		}
	}
}

// gather takes n replies whose chunks may come in turns, and holds each against what is wanted.
func gather(t *testing.T, c *client, n int, want func(cookie uint64) (uint64, []byte)) {
	t.Helper()
	parts := make(map[uint64][]byte)
	for n > 0 {
		magic := be.Uint32(c.read(4))
		if magic == magicSimple {
			head := c.read(12)
			if _, read := want(be.Uint64(head[4:])); be.Uint32(head) != 0 || read != nil {
				t.Fatalf("simple reply %x", head)
			}
			n--
			continue
		}
		if magic != magicStructured {
			t.Fatalf("reply with magic %#x", magic)
		}
		head := c.read(16)
		flags, kind, cookie := be.Uint16(head), be.Uint16(head[2:]), be.Uint64(head[4:])
		body := c.read(int(be.Uint32(head[12:])))
		off, read := want(cookie)
		if kind != chunkData {
			t.Fatalf("chunk of kind %#x", kind)
		}
		if parts[cookie] == nil {
			parts[cookie] = make([]byte, len(read))
		}
		copy(parts[cookie][be.Uint64(body)-off:], body[8:])
		if flags&chunkDone != 0 {
			n--
			if !bytes.Equal(parts[cookie], read) {
				t.Fatalf("read of %d at %d differs", len(read), off)
			}
		}
	}
}

// One part of a request fails, or is not even begun. The client hears of it once, and the next
// request finds the connection in order.
func TestOnePartOfManyFails(t *testing.T) {
	for _, structured := range []bool{false, true} {
		d := newShuffled(8 << 20)
		d.fails = func(r *Request) error {
			if r.Off == 2<<20 {
				return syscall.ENOSPC
			}
			return nil
		}
		path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
		c := connect(t, path, "a", structured)
		data := bytes.Repeat([]byte{7}, 5<<20)
		for range 20 {
			if r := c.do(0, cmdWrite, 0, 5<<20, data); r.errno != errnoNoSpace {
				t.Fatalf("write: %+v", r.errno)
			}
			if r := c.do(0, cmdRead, 0, 5<<20, nil); r.errno != errnoNoSpace {
				t.Fatalf("read: %+v", r.errno)
			}
			if structured {
				if r := c.do(cmdDF, cmdRead, 0, 5<<20, nil); r.errno != errnoNoSpace {
					t.Fatalf("read in one piece: %+v", r.errno)
				}
			}
			if r := c.do(0, cmdRead, 3<<20, 2<<20, nil); r.errno != 0 || !bytes.Equal(r.data, data[:2<<20]) {
				t.Fatalf("what is behind: %d", r.errno)
			}
		}
	}
	d := newShuffled(8 << 20)
	d.refuse = func(r *Request) error {
		if r.Off >= 1<<20 {
			return syscall.ESHUTDOWN
		}
		return nil
	}
	c := connect(t, serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})}), "a", true)
	for _, kind := range []uint16{cmdRead, cmdWriteZeroes, cmdTrim} {
		if r := c.do(0, kind, 1<<20, 3<<20, nil); r.errno != errnoShutdown {
			t.Errorf("command %d that is not begun: %d", kind, r.errno)
		}
	}
	if r := c.do(cmdFUA, cmdWrite, 0, 3<<20, make([]byte, 3<<20)); r.errno != errnoShutdown {
		t.Errorf("write that is begun in part: %d", r.errno)
	}
	if r := c.do(0, cmdFlush, 0, 0, nil); r.errno != 0 {
		t.Errorf("flush: %d", r.errno)
	}
}

// A client asks for more and more, and takes no reply. The device goes on for others, the memory
// that waits for this one is bounded, and when it reads at last, all is there.
func TestClientThatDoesNotReadIsNotWaitedFor(t *testing.T) {
	for _, n := range []uint32{16 << 10, 32 << 10, 1 << 20} {
		d := newShuffled(1 << 20)
		path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d, MultiConn: true})})
		slow, other := connect(t, path, "a", false), connect(t, path, "a", false)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		replies := int(128<<20/n) + 10
		written := make(chan struct{})
		go func() {
			defer close(written)
			for i := range replies {
				if _, err := slow.nc.Write(command(0, cmdRead, uint64(i), 0, n, nil)); err != nil {
					return
				}
			}
		}()
		// The server takes what it may, and then no more.
		for last := int64(0); ; {
			for range 50 {
				if r := other.do(0, cmdRead, 0, 4096, nil); r.errno != 0 {
					t.Fatalf("another client: %d", r.errno)
				}
			}
			now := d.large.Load()
			if now > 0 && now == last && d.open.Load() == 0 {
				break
			}
			last = now
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 60<<20 {
			t.Errorf("reads of %d: %d MiB wait for a client that does not take them", n, used>>20)
		}
		seen := make([]bool, replies)
		for range replies {
			r := slow.reply(int(n), 0)
			if r.errno != 0 || seen[r.cookie] {
				t.Fatalf("reply to %d: error %d, seen before: %v", r.cookie, r.errno, seen[r.cookie])
			}
			seen[r.cookie] = true
		}
		<-written
	}
}

// A client leaves with requests under way. Its connection ends when they have, not before, and
// nothing is told to anybody who has gone.
func TestClientLeavesWithRequestsUnderWay(t *testing.T) {
	d := newShuffled(4 << 20)
	d.held = make(chan struct{})
	s := &Server{Exports: fixed(Export{Name: "a", Device: d})}
	c := connect(t, serve(t, s), "a", true)
	for i := range uint64(10) {
		c.write(command(0, cmdRead, i, 0, 2<<20, nil))
	}
	c.write(command(0, cmdWrite, 99, 0, 3<<20, make([]byte, 1<<20+5000))) // the rest never comes
	await(t, "requests", func() bool { return d.open.Load() == 21 })
	_ = c.nc.Close()
	if conns(s) != 1 {
		t.Fatal("the connection has ended before its requests")
	}
	close(d.held)
	await(t, "the end of the connection", func() bool { return conns(s) == 0 })
	if n := d.open.Load(); n != 0 {
		t.Errorf("%d requests are open", n)
	}
}

func conns(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// An export is withdrawn with requests under way: they end, their replies arrive, and only then
// Withdraw returns.
func TestWithdrawWaitsForRequestsUnderWay(t *testing.T) {
	d := newShuffled(4 << 20)
	d.held = make(chan struct{})
	var gone atomic.Bool
	s := &Server{Exports: func() []Export {
		if gone.Load() {
			return nil
		}
		return []Export{{Name: "a", Device: d}}
	}}
	c := connect(t, serve(t, s), "a", false)
	for i := range uint64(10) {
		c.write(command(0, cmdWrite, i, i*4096, 4096, bytes.Repeat([]byte{9}, 4096)))
	}
	await(t, "requests", func() bool { return d.open.Load() == 10 })
	gone.Store(true)
	ended := make(chan error, 1)
	go func() { ended <- s.Withdraw(context.Background(), "a") }()
	early, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Withdraw(early, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Withdraw with requests under way: %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("Withdraw has returned with requests under way: %v", err)
	default:
	}
	close(d.held)
	for range 10 {
		if r := c.reply(0, 0); r.errno != 0 {
			t.Errorf("reply to %d: %d", r.cookie, r.errno)
		}
	}
	c.gone()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A withdrawn export whose client takes no replies is not held up for longer than the grace.
func TestWithdrawFromAClientThatDoesNotRead(t *testing.T) {
	d := newShuffled(4 << 20)
	s := &Server{Exports: fixed(Export{Name: "a", Device: d}), StopGrace: 50 * time.Millisecond}
	c := connect(t, serve(t, s), "a", false)
	go func() {
		for i := range uint64(200) {
			if _, err := c.nc.Write(command(0, cmdRead, i, 0, 1<<20, nil)); err != nil {
				return
			}
		}
	}()
	// So many replies exceed what may gather; whether a further request slips in before they have
	// gathered, is chance.
	await(t, "a full socket", func() bool { return d.large.Load() >= maxGathered/pieceSize })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Withdraw(ctx, "a"); err != nil {
		t.Error(err)
	}
	if n := d.large.Load(); n > 100 {
		t.Errorf("%d requests of a client that does not read were carried out", n)
	}
}

// Requests that need no device, and those that are refused, are answered in between.
func TestWhatNeedsNoDevice(t *testing.T) {
	for _, structured := range []bool{false, true} {
		d := newShuffled(1 << 20)
		c := connect(t, serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})}), "a", structured)
		for _, kind := range []uint16{cmdRead, cmdWrite, cmdTrim, cmdWriteZeroes, cmdCache} {
			if r := c.do(0, kind, 0, 0, nil); r.errno != 0 || len(r.data) != 0 {
				t.Errorf("command %d of no bytes: %+v", kind, r)
			}
		}
		if r := c.do(0, cmdWrite, 1<<20, 4096, make([]byte, 4096)); r.errno != errnoNoSpace {
			t.Errorf("write beyond the end: %d", r.errno)
		}
		if r := c.do(0, cmdRead, 1<<20, 4096, nil); r.errno != errnoInvalid {
			t.Errorf("read beyond the end: %d", r.errno)
		}
		if r := c.do(0, cmdFlush, 0, 0, nil); r.errno != 0 || d.flushes.Load() != 1 {
			t.Errorf("flush: %+v, the device has seen %d", r, d.flushes.Load())
		}
		c.write(command(0, cmdDisc, 0, 0, 0, nil))
		c.gone()
	}
}

// Programs that others wrote find the same on a device that answers out of order.
func TestClientsOfOthersWithRequestsSideBySide(t *testing.T) {
	serveOne := func() string {
		d := newShuffled(64 << 20)
		return "nbd+unix:///vol?socket=" + serve(t, &Server{Exports: fixed(Export{Name: "vol",
			Device: d, MultiConn: true})})
	}
	t.Run("qemu-io", func(t *testing.T) {
		need(t, "qemu-io")
		out := tool(t, "qemu-io", "-f", "raw", serveOne(),
			"-c", "write -P 17 4096 1M", "-c", "write -f -P 18 3M 64k", "-c", "read -P 17 4096 1M",
			"-c", "read -P 18 3M 64k", "-c", "write -z 8192 64k", "-c", "read -P 0 8192 64k",
			"-c", "discard 16M 8M", "-c", "aio_write -P 21 32M 4M", "-c", "aio_write -P 22 40M 8M",
			"-c", "aio_flush", "-c", "read -P 21 32M 4M", "-c", "read -P 22 40M 8M", "-c", "flush")
		says(t, out, "wrote 1048576/1048576 bytes", "read 8388608/8388608")
	})
	t.Run("fio", func(t *testing.T) {
		need(t, "fio")
		says(t, tool(t, "fio", "--name=v", "--ioengine=nbd", "--uri="+serveOne(), "--verify=crc32c",
			"--verify_fatal=1", "--do_verify=1", "--rw=randwrite", "--bsrange=512-1m",
			"--bs_unaligned=0", "--iodepth=16", "--size=48m"), "err= 0")
	})
}
