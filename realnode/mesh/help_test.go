package mesh

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

var names = []string{"", "alpha", "beta", "gamma", "delta"}

// authority makes certificates of one cluster for a test.
type authority struct {
	t       testing.TB
	dir     string
	cluster string
	now     func() time.Time
}

func newAuthority(t testing.TB, cluster string) *authority {
	t.Helper()
	a := &authority{t: t, dir: filepath.Join(t.TempDir(), cluster), cluster: cluster, now: time.Now}
	if err := ca.Create(a.dir, cluster, ca.Options{}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) folder(host string) string { return filepath.Join(a.dir, "hosts", host) }

// issue makes the folder of a host.
func (a *authority) issue(host string, opt ca.Options) string {
	a.t.Helper()
	dir := a.folder(host)
	if err := ca.Issue(a.dir, host, nil, dir, opt); err != nil {
		a.t.Fatal(err)
	}
	return dir
}

func (a *authority) open(host string) *ca.Config {
	a.t.Helper()
	opt := ca.Options{Now: func() time.Time { return a.now() }}
	cfg, err := ca.Open(ca.FilesIn(a.folder(host)), opt)
	if err != nil {
		a.t.Fatal(err)
	}
	return cfg
}

// got is a message that was delivered.
type got struct {
	from node.Addr
	to   uint32
	body []byte
}

// host is a mesh under test.
type host struct {
	*Mesh
	t    testing.TB
	id   node.ID
	log  *logBook
	mail chan got

	handler atomic.Pointer[func(got)] // instead of mail; body is valid during the call
}

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) count(what string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), what)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// quick are short times, so that tests need not wait. Only those that are about death set its own:
// on a busy machine, a second without a sign of life happens.
func quick(id node.ID) Config {
	return Config{Self: Self{ID: id, Name: names[id], Cluster: "lab", Incarnation: 1},
		Listen: "127.0.0.1:0", Insecure: true, Ping: 50 * time.Millisecond, Dead: 10 * time.Second,
		Handshake: 20 * time.Second}
}

// newHost listens and starts. Change may alter the configuration.
func newHost(t testing.TB, id node.ID, change ...func(*Config)) *host {
	t.Helper()
	h := &host{t: t, id: id, log: &logBook{}, mail: make(chan got, 100_000)}
	cfg := quick(id)
	cfg.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Deliver = h.deliver
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if h.Mesh, err = Listen(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		if t.Failed() {
			t.Logf("%s logged:\n%v", names[id], h.log)
		}
	})
	if err := h.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) deliver(from node.Addr, to uint32, body []byte) {
	if f := h.handler.Load(); f != nil {
		(*f)(got{from, to, body})
		return
	}
	h.mail <- got{from, to, bytes.Clone(body)}
}

func (h *host) handle(f func(got)) { h.handler.Store(&f) }

// withTLS gives a host its certificate.
func withTLS(a *authority) func(*Config) {
	return func(c *Config) { c.Insecure, c.TLS = false, a.open(c.Self.Name) }
}

// peerOf is how another host is told about h.
func (h *host) peerOf() Peer {
	return Peer{ID: h.id, Name: names[h.id], Address: h.Addr().String()}
}

// know tells h about peers.
func (h *host) know(peers ...Peer) {
	h.t.Helper()
	if err := h.SetPeers(peers); err != nil {
		h.t.Fatal(err)
	}
}

// acquaint makes all hosts peers of each other. None dials before all know who may call.
func acquaint(hosts ...*host) {
	for _, dial := range []bool{false, true} {
		for _, h := range hosts {
			h.t.Helper()
			var peers []Peer
			for _, o := range hosts {
				p := o.peerOf()
				if s := h.about(o.id); !dial && s.Name == "" {
					p.Address = ""
				}
				peers = append(peers, p)
			}
			h.know(peers...)
		}
	}
}

// newPair returns two hosts that know each other, in TLS or not.
func newPair(t testing.TB, secure bool, change ...func(*Config)) (a, b *host) {
	t.Helper()
	if secure {
		lab := newAuthority(t, "lab")
		lab.issue("alpha", ca.Options{})
		lab.issue("beta", ca.Options{})
		change = append([]func(*Config){withTLS(lab)}, change...)
	}
	a, b = newHost(t, 1, change...), newHost(t, 2, change...)
	acquaint(a, b)
	return a, b
}

// eventually waits until ok holds. There is nothing to wait on but what a user can see, too.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// receive takes the next message.
func (h *host) receive() got {
	h.t.Helper()
	select {
	case g := <-h.mail:
		return g
	case <-time.After(patience):
		h.t.Fatalf("%s got nothing; stats %+v", names[h.id], h.Stats())
		panic("unreachable")
	}
}

// say sends a message from machine 7 to machine 9.
func (h *host) say(to node.ID, class node.Class, body []byte) {
	h.Send(node.Addr{Host: h.id, Machine: 7}, node.Addr{Host: to, Machine: 9}, class, body)
}

// about is what h knows of a peer.
func (h *host) about(id node.ID) PeerStats {
	for _, s := range h.Stats() {
		if s.ID == id {
			return s
		}
	}
	return PeerStats{}
}

func (h *host) connectedTo(id node.ID) func() bool {
	return func() bool { return h.about(id).Connected }
}

// pattern makes a body that can be recognised.
func pattern(seed, n int) []byte {
	b := make([]byte, n)
	x := uint64(seed)*0x9e3779b97f4a7c15 + 1
	for i := 0; i < n; i += 8 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], x)
		copy(b[i:], w[:])
	}
	return b
}

// goroutines checks at the end that none of ours are left.
func goroutines(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		end := time.Now().Add(patience)
		for {
			n, text := ourGoroutines()
			if n == 0 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d goroutines are left:\n%s", n, text)
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// ourGoroutines are those that run code of this package, without tests.
func ourGoroutines() (n int, text string) {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	for _, g := range strings.Split(string(b), "\n\n") {
		if strings.Contains(g, "realnode/mesh.") && !strings.Contains(g, "mesh.Test") &&
			!strings.Contains(g, "testing.tRunner") && !strings.Contains(g, "_test.go") {
			n++
			text += g + "\n\n"
		}
	}
	return n, text
}

func forBoth(t *testing.T, test func(t *testing.T, secure bool)) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) { test(t, secure) })
	}
}
