package mesh

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

// A refusal has the same words on both sides: in the statistics and the log of the one, in the log
// of the other.
func TestRefusalsSayWhyOnBothSides(t *testing.T) {
	lab := newAuthority(t, "lab")
	for _, n := range names[1:] {
		lab.issue(n, ca.Options{})
	}
	for _, r := range []struct {
		name   string
		client func(*Config) // of alpha
		server func(*Config) // of beta, who knows alpha and gamma
		want   Peer          // whom alpha believes to find at beta's address
		err    error
		text   string
		inTLS  error // what comes first with certificates; nil: the same
	}{
		{name: "an older client", client: func(c *Config) { c.versions = versions{1, 2} },
			server: func(c *Config) { c.versions = versions{3, 5} }, err: ErrVersion,
			text: "no common version: host beta (2) speaks 3 to 5, host alpha (1) speaks 1 to 2"},
		{name: "a newer client", client: func(c *Config) { c.versions = versions{7, 9} },
			err:  ErrVersion,
			text: "no common version: host beta (2) speaks 1 to 1, host alpha (1) speaks 7 to 9"},
		{name: "another host", want: Peer{ID: 3, Name: "gamma"}, err: ErrWrongHost,
			text: "this is host beta (2), you wanted gamma (3)", inTLS: ca.ErrOtherHost},
		{name: "another number", want: Peer{ID: 3, Name: "beta"}, err: ErrWrongHost,
			text: "this is host beta (2), you wanted beta (3)"},
		{name: "a number of somebody else", client: func(c *Config) { c.Self.ID = 3 }, err: ErrIdentity,
			text: "you say you are host alpha (3), but host 3 is gamma"},
		{name: "an unknown one", client: func(c *Config) { c.Self.ID = 4 }, err: ErrUnknownPeer,
			text: "host beta (2) knows no host alpha (4)"},
	} {
		forBoth(t, func(t *testing.T, secure bool) {
			t.Log(r.name)
			goroutines(t)
			var change []func(*Config)
			if secure {
				change = append(change, withTLS(lab))
			}
			a := newHost(t, 1, append(change, or2(r.client))...)
			b := newHost(t, 2, append(change, or2(r.server))...)
			b.know(Peer{ID: 1, Name: "alpha"}, Peer{ID: 3, Name: "gamma"})
			to := r.want
			if to.ID == 0 {
				to = Peer{ID: 2, Name: "beta"}
			}
			to.Address = b.Addr().String()
			a.know(to)
			want, text := r.err, r.text
			if secure && r.inTLS != nil {
				want, text = r.inTLS, r.inTLS.Error()
			}
			eventually(t, text, func() bool { return strings.Contains(a.about(to.ID).Error, text) })
			_, err := a.Dial(t.Context(), to.ID)
			if !errors.Is(err, want) || want == r.err && !errors.Is(err, ErrRefused) {
				t.Errorf("dial: %v, expected %q", err, want)
			}
			if s := a.about(to.ID); s.Connected || s.Dials == 0 {
				t.Errorf("%+v", s)
			}
			if !secure || r.inTLS == nil {
				eventually(t, "the server's log", func() bool { return b.log.count(text) > 0 })
			} else {
				eventually(t, "the server's log", func() bool {
					return b.log.count("refused by the peer") > 0
				})
			}
			eventually(t, "more attempts", func() bool { return a.about(to.ID).Dials >= 6 })
			if n := a.log.count(text); n != 1 { // for both lanes
				t.Errorf("%q was logged %d times", text, n)
			}
			a.say(to.ID, node.ClassLog, []byte("x"))
			eventually(t, "a loss", func() bool {
				return a.about(to.ID).Classes[node.ClassLog].Lost.Messages == 1
			})
		})
	}
}

func or2(change func(*Config)) func(*Config) {
	if change == nil {
		return func(*Config) {}
	}
	return change
}

func TestOtherClusterIsRefused(t *testing.T) {
	a := newHost(t, 1, func(c *Config) { c.Self.Cluster = "prod" })
	b := newHost(t, 2)
	acquaint(a, b)
	text := "host beta (2) is of cluster lab, host alpha (1) of cluster prod"
	eventually(t, text, func() bool { return strings.Contains(a.about(2).Error, text) })
	eventually(t, text, func() bool { return b.log.count(text) > 0 })
	if _, err := a.Dial(t.Context(), 2); !errors.Is(err, ErrCluster) {
		t.Error(err)
	}
}

func TestFutureVersionsMeetInTheMiddle(t *testing.T) {
	a, b := newHost(t, 1, func(c *Config) { c.versions = versions{1, 4} }),
		newHost(t, 2, func(c *Config) { c.versions = versions{2, 9} })
	acquaint(a, b)
	for _, h := range []*host{a, b} {
		other := 3 - h.id
		eventually(t, "connected", h.connectedTo(other))
		if v := h.about(other).Version; v != 4 {
			t.Errorf("%s speaks version %d", names[h.id], v)
		}
	}
}

// With certificates, a host that lies about itself is found out.
func TestFalseNamesAreRefused(t *testing.T) {
	lab := newAuthority(t, "lab")
	for _, n := range names[1:4] {
		lab.issue(n, ca.Options{})
	}
	b := newHost(t, 2, withTLS(lab))
	b.know(Peer{ID: 1, Name: "alpha"}, Peer{ID: 3, Name: "gamma"})
	m := &Mesh{cfg: quick(3), listener: b.listener}
	m.cfg.TLS = lab.open("alpha")
	if err := m.cfg.TLS.Stale(); err != nil {
		t.Fatal(err)
	}
	m.cfg.Self.Name, m.cfg.versions = "gamma", spoken
	m.peers.Store(&map[node.ID]*peer{})
	_, err := m.connect(t.Context(), b.peerOf(), stream)
	text := "you say you are host gamma (3), but your certificate is of host alpha"
	if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), text) {
		t.Error(err)
	}
	eventually(t, text, func() bool { return b.log.count(text) > 0 })
}

func TestCertificates(t *testing.T) {
	lab, prod := newAuthority(t, "lab"), newAuthority(t, "prod")
	for _, n := range names[1:4] {
		lab.issue(n, ca.Options{})
	}
	prod.issue("alpha", ca.Options{})
	lab.issue("old", ca.Options{Life: time.Hour})
	later := func(c *Config) { // a host whose clock is two hours ahead
		cfg, err := ca.Open(ca.FilesIn(lab.folder("beta")),
			ca.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		c.Insecure, c.TLS = false, cfg
	}
	t.Run("expired", func(t *testing.T) {
		a := newHost(t, 1, func(c *Config) { c.Self.Name = "old" }, withTLS(lab))
		b := newHost(t, 2, later)
		b.know(Peer{ID: 1, Name: "old"})
		a.know(b.peerOf())
		eventually(t, "refused", func() bool {
			return strings.Contains(a.about(2).Error, ca.ErrRefused.Error())
		})
		eventually(t, "the server's log", func() bool { return b.log.count("expired") > 0 })
	})
	t.Run("of another cluster", func(t *testing.T) {
		a := newHost(t, 1, func(c *Config) { c.Self.Cluster = "prod" }, withTLS(prod))
		b := newHost(t, 2, withTLS(lab))
		acquaint(a, b)
		eventually(t, "refused", func() bool {
			return strings.Contains(a.about(2).Error, ca.ErrOtherCluster.Error()) &&
				strings.Contains(b.about(1).Error, ca.ErrOtherCluster.Error())
		})
		eventually(t, "the logs", func() bool {
			return a.log.count("of another cluster") > 0 && b.log.count("of another cluster") > 0
		})
	})
	t.Run("certificates and none", func(t *testing.T) {
		a := newHost(t, 1, func(c *Config) { c.Handshake = 100 * time.Millisecond })
		b := newHost(t, 2, withTLS(lab), func(c *Config) { c.Handshake = 100 * time.Millisecond })
		acquaint(a, b)
		eventually(t, "errors", func() bool { return a.about(2).Error != "" && b.about(1).Error != "" })
	})
	t.Run("another protocol", func(t *testing.T) {
		b := newHost(t, 2, withTLS(lab))
		b.know(Peer{ID: 1, Name: "alpha"})
		cfg := lab.open("alpha").Client("beta")
		conn, err := tls.Dial("tcp", b.Addr().String(), cfg)
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if err == nil {
			t.Error("it was let in")
		}
		eventually(t, "the log", func() bool { return b.log.count("not the protocol") > 0 })
	})
	t.Run("of another host", func(t *testing.T) {
		cfg := quick(1)
		cfg.Insecure, cfg.TLS = false, lab.open("gamma")
		cfg.Deliver = func(node.Addr, uint32, []byte) {}
		if _, err := Listen(cfg); err == nil || !strings.Contains(err.Error(), "gamma") {
			t.Error(err)
		}
	})
}

// A connection that stands when its peer is revoked ends with the next check, and is not made
// again.
func TestRevokedPeersAreCutOff(t *testing.T) {
	goroutines(t)
	lab := newAuthority(t, "lab")
	for _, n := range names[1:4] {
		lab.issue(n, ca.Options{})
	}
	a, b, c := newHost(t, 1, withTLS(lab)), newHost(t, 2, withTLS(lab)), newHost(t, 3, withTLS(lab))
	acquaint(a, b, c)
	eventually(t, "connected", func() bool {
		return b.about(1).Connected && b.about(1).Accepted && b.about(3).Connected &&
			b.about(3).Accepted && a.about(2).Connected
	})
	s, err := a.Dial(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if n := b.Recheck(); n != 0 {
		t.Fatalf("%d were closed for nothing", n)
	}
	list := ca.FilesIn(lab.folder("beta")).Revoked
	good, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if n := b.Recheck(); n != 0 || b.log.count("cannot be checked") == 0 {
		t.Errorf("%d were closed for want of a list", n)
	}
	if _, err := ca.Revoke(lab.dir, ca.FilesIn(lab.folder("alpha")).Cert, ca.Options{}); err != nil {
		t.Fatal(err)
	}
	revoked, err := os.ReadFile(filepath.Join(lab.dir, "revoked"))
	if err != nil || len(revoked) <= len(good) {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, revoked, 0o644); err != nil {
		t.Fatal(err)
	}
	if n := b.Recheck(); n != 5 { // two lanes each way, and a stream
		t.Errorf("%d were closed, expected 5", n)
	}
	if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("the stream goes on")
	}
	eventually(t, "both sides to know", func() bool {
		return strings.Contains(b.about(1).Error, ca.ErrRevoked.Error()) &&
			strings.Contains(a.about(2).Error, ca.ErrRefused.Error()) && !b.about(1).Accepted
	})
	c.say(2, node.ClassLog, []byte("still here"))
	if g := b.receive(); g.from.Host != 3 {
		t.Errorf("%+v", g)
	}
	if s := b.about(3); s.Connections != 2 {
		t.Errorf("%+v", s)
	}
}

// The check comes by itself.
func TestCertificatesAreCheckedOnceInAWhile(t *testing.T) {
	lab := newAuthority(t, "lab")
	lab.issue("alpha", ca.Options{})
	lab.issue("beta", ca.Options{Life: time.Hour})
	ahead := make(chan time.Duration, 1)
	ahead <- 0
	lab.now = func() time.Time {
		d := <-ahead
		ahead <- d
		return time.Now().Add(d)
	}
	a, b := newHost(t, 1, withTLS(lab), func(c *Config) { c.Recheck = 10 * time.Millisecond }),
		newHost(t, 2, withTLS(lab), func(c *Config) { c.Recheck = -1 })
	acquaint(a, b)
	eventually(t, "connected", a.connectedTo(2))
	<-ahead
	ahead <- 2 * time.Hour
	eventually(t, "cut off", func() bool {
		return strings.Contains(a.about(2).Error, ca.ErrExpired.Error())
	})
}

// A connection that is too old is made anew, and nothing is lost by that.
func TestOldConnectionsAreMadeAnew(t *testing.T) {
	forBoth(t, func(t *testing.T, secure bool) {
		goroutines(t)
		a, b := newPair(t, secure, func(c *Config) {
			if c.Self.ID == 1 { // the other one must not come first
				c.MaxAge = 100 * time.Millisecond
			}
		})
		eventually(t, "connected", a.connectedTo(2))
		for i := 0; a.about(2).Connections < 8; i++ {
			for class := range node.Classes {
				body := pattern(i, 1000+i%5*100_000)
				a.say(2, class, body)
				if g := b.receive(); !bytes.Equal(g.body, body) {
					t.Fatalf("message %d of class %d is another one", i, class)
				}
			}
		}
		for class, c := range a.about(2).Classes {
			if c.Lost.Messages != 0 {
				t.Errorf("class %d: %+v", class, c)
			}
		}
	})
}

// A host that no longer may connect does not stay because it does not dial again.
func TestServersEndOldConnectionsToo(t *testing.T) {
	a, b := newHost(t, 1), newHost(t, 2, func(c *Config) { c.MaxAge = 50 * time.Millisecond })
	acquaint(a, b)
	eventually(t, "connected again", func() bool { return a.about(2).Connections >= 4 })
	if s, err := a.Dial(t.Context(), 2); err != nil {
		t.Error(err)
	} else if _, err := s.Read(make([]byte, 1)); err == nil {
		t.Error("the stream goes on")
	}
}

func TestDialHonoursItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := newHost(t, 1)
	a.know(Peer{ID: 2, Name: "beta", Address: l.Addr().String()})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.Dial(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
