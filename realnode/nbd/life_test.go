package nbd

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gate is a hurt function that holds calls of one kind until it is opened.
type gate struct {
	op      string
	entered chan struct{}
	open    chan struct{}
}

func newGate(op string) *gate {
	return &gate{op: op, entered: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) hurt(op string, _ int64) error {
	if op == g.op {
		g.entered <- struct{}{}
		<-g.open
	}
	return nil
}

// Requests that wait for durability share flushes, and reads overtake them.
func TestGroupCommit(t *testing.T) {
	d := newMemory(1 << 20)
	g := newGate("flush")
	d.hurt = g.hurt
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
	c := connect(t, path, "a", false)
	block := make([]byte, 4096)
	c.write(command(cmdFUA, cmdWrite, 1, 0, 4096, block))
	<-g.entered
	for i := range uint64(20) {
		c.write(command(cmdFUA, cmdWrite, 2+i, 4096*i, 4096, block))
	}
	c.write(command(0, cmdFlush, 50, 0, 0, nil))
	c.write(command(0, cmdRead, 99, 0, 4096, nil))
	if r := c.reply(4096, 0); r.cookie != 99 {
		t.Fatalf("reply to %d came first, not that to the read", r.cookie)
	}
	close(g.open)
	for range 22 {
		if r := c.reply(0, 0); r.errno != 0 {
			t.Fatalf("reply to %d: %d", r.cookie, r.errno)
		}
	}
	if n := d.flushes.Load(); n > maxFlushes+1 {
		t.Errorf("%d flushes for 22 requests", n)
	}
}

func TestFlushErrorReachesAll(t *testing.T) {
	d := newMemory(1 << 20)
	d.hurt = func(op string, _ int64) error {
		if op == "flush" {
			return errors.New("lost")
		}
		return nil
	}
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d})})
	c := connect(t, path, "a", true)
	for _, kind := range []uint16{cmdWrite, cmdTrim, cmdWriteZeroes} {
		var data []byte
		if kind == cmdWrite {
			data = make([]byte, 512)
		}
		if r := c.do(cmdFUA, kind, 0, 512, data); r.errno != errnoIO {
			t.Errorf("command %d: %d", kind, r.errno)
		}
	}
	if r := c.do(0, cmdFlush, 0, 0, nil); r.errno != errnoIO {
		t.Errorf("flush: %d", r.errno)
	}
}

// Withdraw waits for the request that is being carried out, answers it, and leaves others alone.
func TestWithdraw(t *testing.T) {
	d, other := newMemory(1<<20), newMemory(1<<20)
	g := newGate("write")
	d.hurt = g.hurt
	var gone atomic.Bool
	s := &Server{Exports: func() []Export {
		all := []Export{{Name: "b", Device: other}}
		if !gone.Load() {
			all = append(all, Export{Name: "a", Device: d})
		}
		return all
	}}
	path := serve(t, s)
	busy, idle := connect(t, path, "a", false), connect(t, path, "a", false)
	bystander := connect(t, path, "b", false)
	busy.write(command(cmdFUA, cmdWrite, 7, 0, 512, make([]byte, 512)))
	<-g.entered
	gone.Store(true)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Withdraw(short, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("withdrawn during a write: %v", err)
	}
	idle.gone()
	close(g.open)
	if err := s.Withdraw(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	if r := busy.reply(0, 0); r.cookie != 7 || r.errno != 0 {
		t.Errorf("write under way: %+v", r)
	}
	busy.gone()
	if r := bystander.do(0, cmdRead, 0, 512, nil); r.errno != 0 {
		t.Errorf("bystander: %d", r.errno)
	}
	late := hello(t, path, fixedNewstyle)
	if k := last(late.option(optGo, infoData("a"))); k != repErrUnknown {
		t.Errorf("withdrawn export: %#x", k)
	}
}

func TestGracefulStop(t *testing.T) {
	d := newMemory(1 << 20)
	g := newGate("flush")
	d.hurt = g.hurt
	s := &Server{Exports: fixed(Export{Name: "a", Device: d})}
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	go func() {
		_, _ = nc.Write(append(binary.BigEndian.AppendUint32(nil, fixedNewstyle|noZeroes),
			append(option(optExportName, []byte("a")), command(0, cmdFlush, 3, 0, 0, nil)...)...))
	}()
	<-g.entered
	cancel()
	select {
	case <-ended:
		t.Fatal("Serve ended during a flush")
	case <-time.After(50 * time.Millisecond):
	}
	close(g.open)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(nc)
	if err != nil || len(b) != 18+10+16 || binary.BigEndian.Uint64(b[len(b)-8:]) != 3 {
		t.Errorf("%d bytes, %v: the flush was not answered", len(b), err)
	}
}

func TestConnectionLimit(t *testing.T) {
	path := serve(t, &Server{MaxConns: 2,
		Exports: fixed(Export{Name: "a", Device: newMemory(4096)})})
	a, b := connect(t, path, "a", false), connect(t, path, "a", false)
	dial(t, path).gone()
	_ = b.nc.Close()
	for range 200 { // the server sees the end a little later
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadFull(nc, make([]byte, 18))
		_ = nc.Close()
		if err == nil {
			if r := a.do(0, cmdRead, 0, 4096, nil); r.errno != 0 {
				t.Errorf("read: %d", r.errno)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("a closed connection still counts")
}

// Many connections write and read back what is theirs, while one after the other is cut.
func TestManyConnections(t *testing.T) {
	d := newMemory(16 << 20)
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: d, MultiConn: true})})
	var all sync.WaitGroup
	for i := range uint64(16) {
		c := connect(t, path, "a", i%2 == 0)
		all.Go(func() {
			data := make([]byte, 64<<10)
			for j := range uint64(50) {
				for k := range data {
					data[k] = byte(i + j)
				}
				flags := uint16(j % 2)
				w := c.do(flags, cmdWrite, i<<20, uint32(len(data)), data)
				r := c.do(0, cmdRead, i<<20, uint32(len(data)), nil)
				if w.errno != 0 || r.errno != 0 || string(r.data) != string(data) {
					t.Errorf("connection %d: %d, %d", i, w.errno, r.errno)
					return
				}
			}
			if i%3 == 0 {
				c.write(command(0, cmdWrite, 1, i<<20, 1<<20, data)) // and leaves midway
			}
			_ = c.nc.Close()
		})
	}
	all.Wait()
}
