package ca

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/internal/durable"
)

// A URI that is not written as we write it is no identity: others might read it otherwise.
func TestIdentities(t *testing.T) {
	for text, want := range map[string]identity{
		"pitch://lab/host/a":         {"lab", "a"},
		"pitch://lab/host/A-1.b":     {"lab", "A-1.b"},
		"pitch://lab/authority":      {"lab", ""},
		"http://lab/host/a":          {},
		"pitch://me@lab/host/a":      {},
		"pitch://lab:7000/host/a":    {},
		"pitch://lab/host/a?as=b":    {},
		"pitch://lab/host/a#b":       {},
		"pitch://lab/host/%61":       {},
		"pitch://lab/host/":          {},
		"pitch://lab/host/a/":        {},
		"pitch://lab/host/a/host/b":  {},
		"pitch://lab/host/..":        {},
		"pitch://lab/authority/":     {},
		"pitch://lab":                {},
		"pitch:///host/a":            {},
		"pitch:lab/host/a":           {},
		"pitch://LAB/host/a":         {},
		"pitch://lab.prod/host/a":    {},
		"pitch://lab/host/127.0.0.1": {},
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := identityOf(&x509.Certificate{URIs: []*url.URL{u}})
		if ok != (want != identity{}) || ok && got != want {
			t.Errorf("%s: %+v %v", text, got, ok)
		}
	}
	if _, ok := identityOf(&x509.Certificate{}); ok {
		t.Error("an identity out of nothing")
	}
	if _, err := Peer(tls.ConnectionState{}); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("before a handshake: %v", err)
	}
}

// What others than us rely on stands in the certificate of the authority.
func TestTheAuthorityIsConstrained(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	root, err := load(filepath.Join(lab.dir, authorityCert), false, parseCert)
	if err != nil {
		t.Fatal(err)
	}
	if len(root.PermittedURIDomains) != 1 || root.PermittedURIDomains[0] != "lab" ||
		!root.PermittedDNSDomainsCritical {
		t.Error("name constraint:", root.PermittedURIDomains)
	}
	if root.MaxPathLen != 0 || !root.MaxPathLenZero || root.KeyUsage != x509.KeyUsageCertSign {
		t.Error("it can make other authorities, or more")
	}
	other := newSite(t, "lab", lab.clock)
	if err := replaceKey(lab.dir, other.dir); err != nil {
		t.Fatal(err)
	}
	err = Issue(lab.dir, "a", nil, filepath.Join(t.TempDir(), "a"), lab.clock.opt())
	sees(t, "who issues with another's key", err, ErrKeyMismatch)
}

func replaceKey(dir, from string) error {
	data, err := readFile(filepath.Join(from, authorityKey), true)
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(dir, authorityKey), data, 0o600)
}

// A caller who allows an older version by mistake is stopped.
func TestTheVersionIsCheckedTwice(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	a, b := lab.open("a"), lab.open("b")
	old := func(cfg *tls.Config) *tls.Config {
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		return cfg
	}
	r := refusal{server: &side{c: b, cfg: old(b.Server())},
		client:   &side{c: a, cfg: old(a.Client("b"))},
		onServer: []error{ErrRefused}, onClient: []error{ErrVersion}}
	r.check(t)

	// TLS 1.2 has both sides write at a time, which a pipe does not carry.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	x, y := dial(t, l)
	server, client := &side{c: b, cfg: old(b.Server())}, &side{c: a, cfg: old(careless(a))}
	meetOn(t, x, y, server, client)
	sees(t, "server", server.err, ErrVersion)
	if client.err == nil {
		t.Error("the client was let in")
	}
}
