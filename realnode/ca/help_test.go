package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/durable"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is one that stands still until a test sets it.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.set(start)
	return c
}

func (c *clock) set(t time.Time)         { c.nanos.Store(t.UnixNano()) }
func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }
func (c *clock) opt() Options            { return Options{Now: c.now} }

// site is the authority of a cluster, and what it has issued.
type site struct {
	t     *testing.T
	dir   string
	clock *clock
}

func newSite(t *testing.T, cluster string, c *clock) *site {
	t.Helper()
	s := &site{t, filepath.Join(t.TempDir(), cluster), c}
	if err := Create(s.dir, cluster, c.opt()); err != nil {
		t.Fatal(err)
	}
	return s
}

// folder is where the files of a host are; it is issued if there is none.
func (s *site) folder(host string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, "hosts", host)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := Issue(s.dir, host, []string{"127.0.0.1", host + ".example.org"}, dir,
		s.clock.opt()); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

func (s *site) open(host string) *Config {
	s.t.Helper()
	c, err := Open(FilesIn(s.folder(host)), s.clock.opt())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// forge signs with the authority's key whatever a test wants to see refused. It starts from the
// certificate of a host.
func (s *site) forge(host string, change func(*x509.Certificate, *authority)) *tls.Config {
	s.t.Helper()
	a, err := openAuthority(s.dir, s.clock.opt())
	if err != nil {
		s.t.Fatal(err)
	}
	cert := *s.open(host).credentials().pair.Leaf
	change(&cert, a)
	key := newKey(s.t)
	der, err := x509.CreateCertificate(rand.Reader, &cert, a.cert, key.Public(), a.key)
	if err != nil {
		s.t.Fatal(err)
	}
	return shows(der, key)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// shows is a client that checks nothing and shows one certificate.
func shows(der []byte, key *ecdsa.PrivateKey) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// careless is the client of a host that believes any server.
func careless(c *Config) *tls.Config {
	cfg := c.Client("anybody")
	cfg.VerifyConnection = nil
	return cfg
}

// side is one end of a connection, and how it went.
type side struct {
	c    *Config // explains errors
	cfg  *tls.Config
	peer string
	err  error
}

// meet lets two sides shake hands and the server send one byte: only that tells the client that
// it was let in.
func meet(t *testing.T, server, client *side) {
	t.Helper()
	a, b := net.Pipe()
	meetOn(t, a, b, server, client)
}

// meetOn is meet on the two ends of a connection.
func meetOn(t *testing.T, a, b net.Conn, server, client *side) {
	t.Helper()
	for _, conn := range []net.Conn{a, b} {
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer a.Close()
		server.run(t, tls.Server(a, server.cfg), func(conn *tls.Conn) error {
			_, err := conn.Write([]byte{42})
			return err
		})
	}()
	client.run(t, tls.Client(b, client.cfg), func(conn *tls.Conn) error {
		_, err := io.ReadFull(conn, make([]byte, 1))
		return err
	})
	b.Close()
	<-done
}

func (s *side) run(t *testing.T, conn *tls.Conn, then func(*tls.Conn) error) {
	s.err = s.c.Handshake(t.Context(), conn)
	if s.err == nil {
		s.err = s.c.Explain(then(conn))
	}
	if s.err == nil {
		s.peer, s.err = Peer(conn.ConnectionState())
	}
}

// sees checks an error against all that it must be.
func sees(t *testing.T, who string, err error, want ...error) {
	t.Helper()
	t.Logf("%s sees: %v", who, err)
	if len(want) == 0 && err != nil {
		t.Errorf("%s: %v", who, err)
	}
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%s sees %v, expected %q", who, err, w)
		}
	}
	var e *Error
	if len(want) > 0 && !errors.As(err, &e) {
		t.Errorf("%s sees %#v, expected an *Error", who, err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = durable.Replace(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
