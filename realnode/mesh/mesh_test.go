package mesh

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

func TestMessagesArrive(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b := newPair(t, secure)
		for i, n := range []int{0, 1, 100, 4096, chunk - 1, chunk, chunk + 1, 3 * chunk, MaxMessage} {
			for class := range node.Classes {
				want := pattern(i, n)
				a.say(2, class, want)
				g := b.receive()
				if g.from != (node.Addr{Host: 1, Machine: 7}) || g.to != 9 || !bytes.Equal(g.body, want) {
					t.Fatalf("%d bytes of class %d: from %v to %d, %d bytes", n, class, g.from, g.to,
						len(g.body))
				}
			}
		}
		b.say(1, node.ClassLog, []byte("back"))
		if g := a.receive(); string(g.body) != "back" || g.from.Host != 2 {
			t.Errorf("%+v", g)
		}
		eventually(t, "both lanes and a round trip", func() bool {
			s := a.about(2)
			return s.Connected && s.Accepted && s.RoundTrip > 0
		})
		// Whoever receives may know of a message before its sender has counted it.
		eventually(t, "all is counted", func() bool {
			for _, c := range a.about(2).Classes {
				if c.Out.Messages != 9 {
					return false
				}
			}
			return true
		})
		s := a.about(2)
		if s.Version != 1 || s.Incarnation != 1 || s.Error != "" || s.Connections != 2 {
			t.Errorf("%+v", s)
		}
		for class, c := range s.Classes {
			if c.Lost.Messages != 0 || c.Queued != (Traffic{}) {
				t.Errorf("class %d: %+v", class, c)
			}
			if in := b.about(1).Classes[class].In; in != c.Out {
				t.Errorf("class %d: out %+v, in %+v", class, c.Out, in)
			}
		}
	})
}

// Each class keeps its order, and nothing is lost or twice, whatever the sizes and directions.
func TestThreeHostsKeepOrder(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		change := func(*Config) {}
		if secure {
			lab := newAuthority(t, "lab")
			for _, n := range names[1:4] {
				lab.issue(n, ca.Options{})
			}
			change = withTLS(lab)
		}
		hosts := []*host{newHost(t, 1, change), newHost(t, 2, change), newHost(t, 3, change)}
		const each = 200
		var left atomic.Int64
		left.Store(each * 6 * int64(node.Classes))
		for _, h := range hosts {
			var next [4][node.Classes]uint32
			h.handle(func(g got) {
				class := g.to
				i := binary.LittleEndian.Uint32(g.body)
				p := &next[g.from.Host][class]
				if i != atomic.LoadUint32(p) || !bytes.Equal(g.body[4:], sized(int(i), g.from.Host)) {
					t.Errorf("from %v, class %d: message %d, expected %d", g.from, class, i, *p)
				}
				atomic.AddUint32(p, 1)
				left.Add(-1)
			})
		}
		acquaint(hosts...)
		for _, h := range hosts { // what is sent before may be lost, on a machine that is too busy
			eventually(t, "connected", func() bool {
				s := h.Stats()
				return s[0].Connected && s[1].Connected
			})
		}
		for i := range each {
			for _, h := range hosts {
				body := append(binary.LittleEndian.AppendUint32(nil, uint32(i)), sized(i, h.id)...)
				for _, o := range hosts {
					for class := range node.Classes {
						if o != h {
							to := node.Addr{Host: o.id, Machine: uint32(class)}
							h.Send(node.Addr{Host: h.id}, to, class, body)
						}
					}
				}
			}
		}
		eventually(t, "all messages", func() bool { return left.Load() <= 0 })
	})
}

func sized(i int, id node.ID) []byte {
	n := i % 200
	if i%50 == 0 {
		n = 40_000 + 1000*i
	}
	return pattern(i+int(id), n)
}

func TestCompression(t *testing.T) {
	for _, codec := range []Compression{S2, Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			a, b := newPair(t, false)
			to := b.peerOf()
			to.Compress = codec
			a.know(to)
			eventually(t, "connected", a.connectedTo(2))
			before := a.about(2).WireOut
			text := bytes.Repeat([]byte("football is a simple game; "), 40_000)
			noise := pattern(1, 500_000)
			for i, body := range [][]byte{text, noise, []byte("short"), text[:1000]} {
				a.say(2, node.ClassSync, body)
				if g := b.receive(); !bytes.Equal(g.body, body) {
					t.Fatalf("message %d changed", i)
				}
			}
			wire := a.about(2).WireOut - before
			if most := uint64(len(noise) + len(text)/4); wire > most || wire < uint64(len(noise)) {
				t.Errorf("%d bytes on the wire, expected %d to %d", wire, len(noise), most)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b := newPair(t, secure)
		go func() {
			for {
				c, err := b.Streams().Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					p := c.(*Stream).Peer()
					fmt.Fprintf(c, "hello %s (%d): ", p.Name, p.ID)
					io.Copy(c, c)
				}()
			}
		}()
		for range 3 {
			c, err := a.Dial(t.Context(), 2)
			if err != nil {
				t.Fatal(err)
			}
			if p := c.(*Stream).Peer(); p.Name != "beta" {
				t.Errorf("%+v", p)
			}
			body := pattern(3, 1<<20)
			go func() {
				c.Write(body)
				c.(*Stream).CloseWrite()
			}()
			back, err := io.ReadAll(c)
			want := append([]byte("hello alpha (1): "), body...)
			if err != nil || !bytes.Equal(back, want) {
				t.Errorf("%d bytes, %v", len(back), err)
			}
			c.Close()
		}
		if _, err := a.Dial(t.Context(), 9); !errors.Is(err, ErrUnknownPeer) {
			t.Error(err)
		}
		to := b.peerOf()
		to.Address = ""
		a.know(to)
		if _, err := a.Dial(t.Context(), 2); !errors.Is(err, ErrDown) {
			t.Error(err)
		}
		b.Streams().Close()
		acquaint(a, b)
		if _, err := a.Dial(t.Context(), 2); !errors.Is(err, ErrBusy) || !errors.Is(err, ErrRefused) {
			t.Error(err)
		}
	})
}

// A stream that nobody accepts, one that is open and one that is being read end with the mesh.
func TestCloseEndsEverything(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b := newPair(t, secure)
		for range 3 {
			if _, err := a.Dial(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
		}
		s, err := b.Streams().Accept()
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() {
			_, err := s.Read(make([]byte, 1))
			ended <- err
		}()
		eventually(t, "connected", a.connectedTo(2))
		for range 100 {
			a.say(2, node.ClassMove, make([]byte, 100_000))
		}
		b.Close()
		if err := <-ended; err == nil {
			t.Error("a stream goes on")
		}
		a.Close()
		a.say(2, node.ClassMove, nil)
		if err := a.SetPeers(nil); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := a.Start(t.Context()); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if _, err := a.Streams().Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestTheContextEndsEverything(t *testing.T) {
	goroutines(t)
	cfg := quick(1)
	cfg.Deliver = func(node.Addr, uint32, []byte) {}
	m, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := m.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := m.SetPeers([]Peer{{ID: 2, Name: "beta", Address: "127.0.0.1:1"}}); err != nil {
		t.Fatal(err)
	}
	cancel()
	m.tasks.Wait()
	if _, err := net.Dial("tcp", m.Addr().String()); err == nil {
		t.Error("it still listens")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestWrongConfigurations(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"no number":            func(c *Config) { c.Self.ID = 0 },
		"no name":              func(c *Config) { c.Self.Name = "" },
		"printable":            func(c *Config) { c.Self.Cluster = "a b" },
		"nobody to deliver":    func(c *Config) { c.Deliver = nil },
		"neither certificates": func(c *Config) { c.Insecure = false },
		"loopback":             func(c *Config) { c.Listen = "0.0.0.0:0" },
		"loopback ":            func(c *Config) { c.Listen = ":0" },
		"at least":             func(c *Config) { c.Queue[1] = 1000 },
		"twice ping":           func(c *Config) { c.Dead = c.Ping },
		"missing port":         func(c *Config) { c.Listen = "127.0.0.1" },
	} {
		cfg := quick(1)
		cfg.Deliver = func(node.Addr, uint32, []byte) {}
		change(&cfg)
		_, err := Listen(cfg)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	a := newHost(t, 1)
	for want, list := range map[string][]Peer{
		"no number":   {{Name: "x"}},
		"its name is": {{ID: 2}},
		"a rate":      {{ID: 2, Name: "x", Rate: -1}},
		"compression": {{ID: 2, Name: "x", Compress: 9}},
		"twice":       {{ID: 2, Name: "x"}, {ID: 3, Name: "x"}},
		"there twice": {{ID: 2, Name: "x"}, {ID: 2, Name: "y"}},
		"is there":    {{ID: 2, Name: "alpha"}},
		"number is":   {{ID: 1, Name: "omega"}},
	} {
		if err := a.SetPeers(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	if n := len(a.Stats()); n != 0 {
		t.Errorf("%d peers", n)
	}
	a.say(5, node.ClassLog, nil)
	a.Send(node.Addr{}, node.Addr{Host: 2}, node.Classes, nil)
	if a.Strays() != 2 {
		t.Errorf("%d strays", a.Strays())
	}
}

func TestPlainStaysOnThisMachine(t *testing.T) {
	a := newHost(t, 1)
	a.know(Peer{ID: 2, Name: "beta", Address: "192.0.2.1:7000"})
	eventually(t, "an error", func() bool {
		return strings.Contains(a.about(2).Error, ErrInsecure.Error())
	})
	if _, err := a.Dial(t.Context(), 2); !errors.Is(err, ErrInsecure) {
		t.Error(err)
	}
}

// An algorithm that the kernel has is used; another one is only told.
func TestCongestionControl(t *testing.T) {
	a, b := newPair(t, false)
	for _, name := range []string{"reno", "no-such"} {
		to := b.peerOf()
		to.Congestion = name
		a.know() // a change takes effect with the next connection
		a.know(to)
		eventually(t, "connected", a.connectedTo(2))
		if n := a.log.count("set congestion control"); (n > 0) != (name == "no-such") {
			t.Errorf("%s: told %d times", name, n)
		}
	}
}

func TestIdleHostsGiveMemoryBack(t *testing.T) {
	a, b := newPair(t, true, func(c *Config) { c.Ping = 20 * time.Millisecond })
	a.say(2, node.ClassMove, make([]byte, MaxMessage))
	b.receive()
	b.peer(1).mu.Lock()
	in := b.peer(1).incoming[bulk]
	b.peer(1).mu.Unlock()
	eventually(t, "small buffers", func() bool { return in.held.Load() <= leastRead })
}
