package mesh

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between two hosts and spoils what goes through.
type proxy struct {
	t  testing.TB
	l  net.Listener
	to string

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	gate   chan struct{}         // closed: bytes may pass
	delay  time.Duration         // of what goes there
	spoil  func(n int, b []byte) // changes what goes there; n bytes went before
	toll   int                   // bytes a millisecond; 0: no limit
	wg     sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, l: l, to: to, conns: map[net.Conn]struct{}{}, gate: always}
	p.wg.Go(p.run)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

func (p *proxy) run() {
	for {
		in, err := p.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		// Little is to lie here.
		in.(*net.TCPConn).SetReadBuffer(64 << 10)
		out.(*net.TCPConn).SetWriteBuffer(64 << 10)
		if p.add(in) && p.add(out) {
			p.wg.Go(func() { p.copy(out, in, true) })
			p.wg.Go(func() { p.copy(in, out, false) })
		}
	}
}

func (p *proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) copy(to, from net.Conn, there bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 16<<10)
	for sum := 0; ; {
		n, err := from.Read(buf)
		p.mu.Lock()
		gate, delay, spoil, toll := p.gate, p.delay, p.spoil, p.toll
		p.mu.Unlock()
		<-gate
		if there {
			time.Sleep(delay)
			if toll > 0 {
				time.Sleep(time.Duration(n) * time.Millisecond / time.Duration(toll))
			}
			if spoil != nil {
				spoil(sum, buf[:n])
			}
		}
		sum += n
		if _, werr := to.Write(buf[:n]); werr != nil || err != nil {
			if err == io.EOF {
				to.(*net.TCPConn).CloseWrite()
			}
			return
		}
	}
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

// change alters what happens to bytes from now on.
func (p *proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// stall lets nothing pass until the returned function is called.
func (p *proxy) stall() (resume func()) {
	gate := make(chan struct{})
	p.change(func() { p.gate = gate })
	return sync.OnceFunc(func() {
		p.change(func() { p.gate = always })
		close(gate)
	})
}

func (p *proxy) close() {
	p.l.Close()
	p.change(func() { p.closed = true })
	p.cut()
	p.wg.Wait()
}
