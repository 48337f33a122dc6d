package mesh

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

// throughProxy returns two hosts; what the first sends to the second goes through a proxy.
func throughProxy(t *testing.T, secure bool, change ...func(*Config)) (a, b *host, p *proxy) {
	t.Helper()
	if secure {
		lab := newAuthority(t, "lab")
		lab.issue("alpha", ca.Options{})
		lab.issue("beta", ca.Options{})
		change = append([]func(*Config){withTLS(lab)}, change...)
	}
	a, b = newHost(t, 1, change...), newHost(t, 2, change...)
	p = newProxy(t, b.Addr().String())
	to := b.peerOf()
	to.Address = p.addr()
	a.know(to)
	b.know(a.peerOf())
	eventually(t, "connected", a.connectedTo(2))
	return a, b, p
}

// While connections break all the time, messages are lost, but none comes twice, out of order or
// damaged.
func TestBrokenConnectionsLoseButDoNotSpoil(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b, p := throughProxy(t, secure)
		var next [node.Classes]atomic.Uint32
		var came atomic.Int64
		b.handle(func(g got) {
			i := binary.LittleEndian.Uint32(g.body)
			if i < next[g.to].Load() || !bytes.Equal(g.body[4:], sized(int(i), 1)) {
				t.Errorf("class %d: message %d after %d", g.to, i, next[g.to].Load())
			}
			next[g.to].Store(i + 1)
			came.Add(1)
		})
		sent := uint32(0)
		burst := func(n int) {
			for range n {
				body := append(binary.LittleEndian.AppendUint32(nil, sent), sized(int(sent), 1)...)
				sent++
				for class := range node.Classes {
					a.Send(node.Addr{Host: 1}, node.Addr{Host: 2, Machine: uint32(class)}, class, body)
				}
			}
		}
		for range 15 {
			before := came.Load()
			burst(60)
			eventually(t, "progress", func() bool { burst(1); return came.Load() > before+20 })
			p.cut()
		}
		for class := range node.Classes {
			s := a.about(2).Classes[class]
			if s.Out.Messages+s.Lost.Messages+s.Queued.Messages < uint64(sent)*9/10 {
				t.Errorf("class %d: %d were sent, %+v", class, sent, s)
			}
		}
	})
}

// A flipped bit on the way ends the connection; the next one carries on.
func TestFlippedBitsOnTheWay(t *testing.T) {
	a, b, p := throughProxy(t, false)
	want := pattern(1, 5000)
	b.handle(func(g got) {
		if !bytes.Equal(g.body, want) {
			t.Errorf("%d bytes, damaged", len(g.body))
		}
	})
	for i := range 8 {
		var done atomic.Bool
		p.change(func() {
			p.spoil = func(_ int, data []byte) {
				if len(data) > 2000 && done.CompareAndSwap(false, true) {
					data[i*250] ^= 1 << i
				}
			}
		})
		before := a.about(2).Connections
		eventually(t, "a new connection", func() bool {
			a.say(2, node.ClassLog, want)
			return a.about(2).Connections > before
		})
	}
	eventually(t, "words about it", func() bool { return b.log.count("bad frame") > 0 })
	eventually(t, "words on the other side", func() bool { return a.log.count("bad frame") > 0 })
}

// A host that stops reading is given up; memory stays bounded, and all is well once it reads.
func TestStalledPeersAreGivenUp(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b, p := throughProxy(t, secure, func(c *Config) {
			c.Dead, c.Handshake = 150*time.Millisecond, 150*time.Millisecond
			c.Ping = 30 * time.Millisecond
		})
		b.handle(func(got) {})
		resume := p.stall()
		t.Cleanup(resume)
		body := make([]byte, 1<<20)
		for range 100 {
			a.say(2, node.ClassMove, body)
		}
		s := a.about(2).Classes[node.ClassMove]
		if s.Queued.Bytes > 16<<20 || s.Lost.Messages < 50 {
			t.Errorf("%+v", s)
		}
		eventually(t, "given up", func() bool {
			s := a.about(2)
			return strings.Contains(s.Error, "no sign of life") || strings.Contains(s.Error, "too long")
		})
		eventually(t, "what waits is lost", func() bool {
			return a.about(2).Classes[node.ClassMove].Queued.Messages == 0
		})
		p.cut()
		resume()
		eventually(t, "connected again", a.connectedTo(2))
		got1 := make(chan got, 1)
		b.handle(func(g got) {
			if g.to == 99 {
				got1 <- got{}
			}
		})
		eventually(t, "a message", func() bool {
			a.Send(node.Addr{Host: 1}, node.Addr{Host: 2, Machine: 99}, node.ClassLog, nil)
			select {
			case <-got1:
				return true
			default:
				return false
			}
		})
		b.handle(func(got) {})
	})
}

// A link may be slow for ever: as long as bytes get through, the connection stays.
func TestSlowLinksAreNotDead(t *testing.T) {
	a, b, p := throughProxy(t, false, func(c *Config) {
		c.Dead, c.Ping = time.Second, 50*time.Millisecond
	})
	var came atomic.Int64
	b.handle(func(g got) { came.Add(int64(len(g.body))) })
	p.change(func() { p.toll = 200 }) // 200 kB/s; what lies in the kernels takes longer than Dead
	before := a.about(2).Connections
	for range 5 {
		a.say(2, node.ClassMove, make([]byte, 100_000))
	}
	eventually(t, "all", func() bool { return came.Load() == 500_000 })
	if s := a.about(2); s.Connections != before {
		t.Errorf("%+v", s)
	}
}

func TestRoundTripTimesAreMeasured(t *testing.T) {
	a, _, p := throughProxy(t, true)
	p.change(func() { p.delay = 30 * time.Millisecond })
	eventually(t, "a round trip", func() bool {
		rtt := a.about(2).RoundTrip
		return rtt >= 30*time.Millisecond && rtt < 5*time.Second
	})
}

// What waits is for one life of a host: another address or another incarnation is another life.
func TestMessagesToAFormerLifeAreLost(t *testing.T) {
	goroutines(t)
	a := newHost(t, 1)
	lost := func(n uint64) func() bool {
		return func() bool { return a.about(2).Classes[node.ClassLog].Lost.Messages == n }
	}
	quiet, err := net.Listen("tcp", "127.0.0.1:0") // in the kernel, connections are made
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	a.know(Peer{ID: 2, Name: "beta", Address: quiet.Addr().String()})
	a.say(2, node.ClassLog, []byte("to the first life"))
	if s := a.about(2).Classes[node.ClassLog]; s.Queued.Messages != 1 || s.Lost.Messages != 0 {
		t.Errorf("%+v", s)
	}
	b := newHost(t, 2)
	b.know(a.peerOf())
	a.know(b.peerOf())
	eventually(t, "a loss", lost(1))
	eventually(t, "connected", a.connectedTo(2))
	a.say(2, node.ClassLog, []byte("to the second life"))
	if g := b.receive(); string(g.body) != "to the second life" {
		t.Errorf("%q", g.body)
	}
	// The third life has the same address.
	addr := b.Addr().String()
	b.Close()
	eventually(t, "disconnected", func() bool { return !a.about(2).Connected })
	c := newHost(t, 2, func(c *Config) { c.Listen, c.Self.Incarnation = addr, 2 })
	c.know(a.peerOf())
	eventually(t, "connected", func() bool {
		return a.about(2).Incarnation == 2 && a.about(2).Connected
	})
	a.say(2, node.ClassLog, []byte("to the third life"))
	if g := c.receive(); string(g.body) != "to the third life" {
		t.Errorf("%q", g.body)
	}
	// Nobody is there.
	c.Close()
	before := a.about(2).Classes[node.ClassLog].Lost.Messages
	eventually(t, "a loss", func() bool {
		a.say(2, node.ClassLog, []byte("to nobody"))
		return a.about(2).Classes[node.ClassLog].Lost.Messages > before
	})
	a.know(Peer{ID: 2, Name: "beta"})
	before = a.about(2).Classes[node.ClassLog].Lost.Messages
	a.say(2, node.ClassLog, []byte("to nobody"))
	eventually(t, "a loss", lost(before+1))
}

// A new life is known as soon as it calls, not only when it is called.
func TestANewLifeThatCallsMakesTheQueueEmpty(t *testing.T) {
	a := newHost(t, 1)
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	a.know(Peer{ID: 2, Name: "beta", Address: quiet.Addr().String()})
	for life := range int64(2) {
		b := newHost(t, 2, func(c *Config) { c.Self.Incarnation = life })
		b.know(a.peerOf())
		eventually(t, "accepted", func() bool { return a.about(2).Accepted })
		want := uint64(0)
		if life == 1 {
			want = 1
		}
		if s := a.about(2); s.Classes[1].Lost.Messages != want || s.Incarnation != life {
			t.Errorf("life %d: %+v", life, s)
		}
		a.say(2, node.ClassLog, []byte("x"))
		b.Close()
		eventually(t, "gone", func() bool { return !a.about(2).Accepted })
	}
}

// Changes to one peer leave the connections to others alone.
func TestPeersChangeLive(t *testing.T) {
	goroutines(t)
	a, b, c := newHost(t, 1), newHost(t, 2), newHost(t, 3)
	acquaint(a, b, c)
	connected := func() bool {
		return a.about(2).Connected && a.about(2).Accepted && a.about(3).Connected
	}
	eventually(t, "connected", connected)
	same := func(id node.ID) {
		t.Helper()
		if s := a.about(id); s.Connections != 2 || !s.Connected {
			t.Errorf("host %d: %+v", id, s)
		}
	}
	to := b.peerOf()
	to.Rate, to.Compress = 50<<20, Zstd
	a.know(to, c.peerOf())
	same(2)
	same(3)
	body := bytes.Repeat([]byte("compressible "), 10_000)
	before := a.about(2).WireOut
	a.say(2, node.ClassSync, body)
	if g := b.receive(); !bytes.Equal(g.body, body) {
		t.Error("it changed")
	}
	if n := a.about(2).WireOut - before; n > uint64(len(body)/2) {
		t.Errorf("%d bytes were sent", n)
	}
	// Another address: the same host, through a proxy.
	p := newProxy(t, b.Addr().String())
	to.Address = p.addr()
	a.know(to, c.peerOf())
	eventually(t, "connected", func() bool {
		s := a.about(2)
		return s.Connections == 4 && s.Connected
	})
	same(3)
	// One goes and comes back.
	s, err := a.Dial(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	a.know(c.peerOf())
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("the stream to a removed host goes on")
	}
	eventually(t, "refused", func() bool {
		return strings.Contains(b.about(1).Error, "host alpha (1) knows no host beta (2)")
	})
	same(3)
	acquaint(a, b, c)
	eventually(t, "connected", connected)
	b.say(1, node.ClassLog, []byte("again"))
	if g := a.receive(); string(g.body) != "again" {
		t.Errorf("%q", g.body)
	}
	same(3)
	// Another name is another host.
	a.know(Peer{ID: 2, Name: "other", Address: b.Addr().String()}, c.peerOf())
	eventually(t, "refused", func() bool {
		return strings.Contains(a.about(2).Error, "you wanted other")
	})
	same(3)
}

// rawHello shakes hands as a host that then does what it likes. It returns its sealer.
func rawHello(t *testing.T, to *host, kind purpose) (net.Conn, *sealer) {
	t.Helper()
	conn, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	b, err := readRecord(conn, recordWelcome)
	if err != nil {
		t.Fatal(err)
	}
	server, err := decodeWelcome(b)
	if err != nil {
		t.Fatal(err)
	}
	h := hello{party: party{versions: spoken, cluster: "lab", name: "alpha", id: 1, incarnation: 1},
		version: 1, wantID: to.id, wantName: names[to.id], purpose: kind, ping: time.Second}
	if _, err := conn.Write(recordOf(recordHello, h.encode())); err != nil {
		t.Fatal(err)
	}
	if b, err = readRecord(conn, recordVerdict); err != nil {
		t.Fatal(err)
	}
	if v, err := decodeVerdict(b); err != nil || v.code != 0 {
		t.Fatal(v, err)
	}
	salt, _ := salts(server, h)
	return conn, &sealer{salt: salt}
}

// A host that is let in and then misbehaves is thrown out, with a reason, and nothing of its
// nonsense is delivered.
func TestPeersThatMisbehave(t *testing.T) {
	goroutines(t)
	b := newHost(t, 2, func(c *Config) { c.Dead = time.Second })
	b.know(Peer{ID: 1, Name: "alpha"})
	message := func(s *sealer, class node.Class) []byte {
		body := make([]byte, messageHead+3)
		putMessageHead(body, 1, 2, 3)
		return s.forge(header{typ: frameMessage, class: class, flags: 3}, body)
	}
	for name, spoil := range map[string]func(s *sealer) []byte{
		"garbage":       func(*sealer) []byte { return bytes.Repeat([]byte("GET / HTTP/1.1\r\n"), 9) },
		"another lane":  func(s *sealer) []byte { return message(s, node.ClassControl) },
		"unknown class": func(s *sealer) []byte { return message(s, node.Classes) },
		"an answer": func(s *sealer) []byte {
			return s.appendFrame(nil, framePong, make([]byte, 8))
		},
		"a long ping": func(s *sealer) []byte {
			return s.appendFrame(nil, framePing, make([]byte, 9))
		},
		"a huge length":  func(s *sealer) []byte { b := message(s, 1); b[6] = 0xff; return b },
		"replay":         func(s *sealer) []byte { b := message(s, 1); return append(b, b...) },
		"nothing at all": func(*sealer) []byte { return []byte{0} },
	} {
		conn, s := rawHello(t, b, bulk)
		first := message(s, node.ClassLog)
		if _, err := conn.Write(append(first, spoil(s)...)); err != nil {
			t.Fatal(err)
		}
		if name == "nothing at all" { // half a frame, and then silence
			conn.(*net.TCPConn).CloseWrite()
		}
		said, _ := io.ReadAll(conn) // until it is closed
		if !bytes.Contains(said, []byte("bad frame")) {
			t.Errorf("%s: %q", name, said)
		}
		conn.Close()
		for n := len(b.mail); n > 0; n-- {
			if g := <-b.mail; len(g.body) != 3 {
				t.Errorf("%s: %+v", name, g)
			}
		}
		eventually(t, "gone", func() bool {
			b.peer(1).mu.Lock()
			defer b.peer(1).mu.Unlock()
			return b.peer(1).incoming[bulk] == nil
		})
	}
	// A flood of pings is answered or not, but held nowhere; who reads no answers is given up.
	conn, s := rawHello(t, b, control)
	defer conn.Close()
	flood := make([]byte, 0, 1<<20)
	for len(flood) < 1<<20-100 {
		flood = s.appendFrame(flood, framePing, make([]byte, 8))
	}
	for {
		if _, err := conn.Write(flood); err != nil {
			break
		}
		s2 := sealer{salt: s.salt, seq: s.seq}
		flood = flood[:0]
		for len(flood) < 1<<20-100 {
			flood = s2.appendFrame(flood, framePing, make([]byte, 8))
		}
		*s = s2
	}
}

// Who does not say who he is does not keep others out, however many come, and is not waited for.
func TestSlowAndSenselessGuests(t *testing.T) {
	goroutines(t)
	change := func(c *Config) { c.Handshake = 400 * time.Millisecond }
	b := newHost(t, 2, change)
	var guests []net.Conn
	defer func() {
		for _, g := range guests {
			g.Close()
		}
	}()
	for i := range mostGuests + 100 {
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		guests = append(guests, conn)
		switch i % 4 {
		case 1:
			fmt.Fprint(conn, "SSH-2.0-OpenSSH_9.2\r\n")
		case 2:
			conn.Write(recordOf(recordHello, someHello.encode())[:20]) // and no more
		case 3:
			conn.Write(pattern(i, 3000))
		}
	}
	b.room.mu.Lock()
	n := len(b.room.guests)
	b.room.mu.Unlock()
	if n > mostGuests {
		t.Errorf("%d guests", n)
	}
	a := newHost(t, 1)
	acquaint(a, b)
	a.say(2, node.ClassControl, []byte("through"))
	b.receive()
	for i, g := range guests {
		g.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, g); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("guest %d: %v", i, err)
		}
	}
	eventually(t, "an empty room", func() bool {
		b.room.mu.Lock()
		defer b.room.mu.Unlock()
		return len(b.room.guests) == 0
	})
}

// A message that is never completed costs no more than its class may.
func TestMemoryOfUnfinishedMessages(t *testing.T) {
	b := newHost(t, 2)
	b.know(Peer{ID: 1, Name: "alpha"})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conn, s := rawHello(t, b, bulk)
	defer conn.Close()
	body := make([]byte, messageHead+chunk)
	putMessageHead(body, 1, 2, MaxMessage)
	for class := node.ClassLog; class < node.Classes; class++ {
		b := s.forge(header{typ: frameMessage, class: class, flags: flagFirst}, body)
		for range MaxMessage/chunk - 2 {
			b = append(b, s.forge(header{typ: frameMessage, class: class}, body[:chunk])...)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	b.say(1, 0, nil) // lost
	runtime.ReadMemStats(&after)
	if d := int64(after.HeapAlloc) - int64(before.HeapAlloc); d > 64<<20 {
		t.Errorf("%d bytes", d)
	}
}

// A second connection of the same host takes the place of the first, whose messages come before.
func TestANewerConnectionReplacesTheOlder(t *testing.T) {
	b := newHost(t, 2)
	b.know(Peer{ID: 1, Name: "alpha"})
	first, _ := rawHello(t, b, bulk)
	defer first.Close()
	second, _ := rawHello(t, b, bulk)
	defer second.Close()
	if _, err := io.ReadAll(first); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	third, s := rawHello(t, b, control)
	defer third.Close()
	third.Write(s.appendFrame(nil, framePing, make([]byte, 8)))
	if _, err := io.ReadFull(third, make([]byte, frameHead+8)); err != nil {
		t.Error(err)
	}
}
