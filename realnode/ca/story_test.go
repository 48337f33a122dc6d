package ca

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/container-football/pitch/internal/durable"
)

func TestTwoHostsOfAClusterTalk(t *testing.T) {
	lab := newSite(t, "lab", newClock())
	a, b := lab.open("a"), lab.open("b")
	for _, allowed := range [][]string{nil, {"a"}, {"c", "a"}} {
		server := &side{c: b, cfg: b.Server(allowed...)}
		client := &side{c: a, cfg: a.Client("b")}
		meet(t, server, client)
		sees(t, "server", server.err)
		sees(t, "client", client.err)
		if server.peer != "a" || client.peer != "b" {
			t.Errorf("the server met %q, the client %q", server.peer, client.peer)
		}
	}
	if a.Host() != "a" || a.Cluster() != "lab" || a.Stale() != nil {
		t.Error(a.Host(), a.Cluster(), a.Stale())
	}
}

// refusal is a meeting that must fail, with what each side must see of it.
type refusal struct {
	name           string
	server, client *side
	onServer       []error
	onClient       []error
}

func TestStrangersAreRefused(t *testing.T) {
	now := newClock()
	lab, prod := newSite(t, "lab", now), newSite(t, "prod", now)
	twin := newSite(t, "lab", now) // another authority for a cluster of the same name
	a, b, p, w := lab.open("a"), lab.open("b"), prod.open("a"), twin.open("a")
	key := newKey(t)
	tmpl := *a.credentials().pair.Leaf
	tmpl.PublicKey = key.Public()
	self, err := x509.CreateCertificate(rand.Reader, &tmpl, &tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := openAuthority(lab.dir, now.opt())
	if err != nil {
		t.Fatal(err)
	}
	serverOnly := lab.forge("a", func(c *x509.Certificate, _ *authority) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	maker := lab.forge("a", func(c *x509.Certificate, _ *authority) {
		c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign
	})
	two := lab.forge("a", func(c *x509.Certificate, _ *authority) {
		c.URIs = append(c.URIs, identity{"lab", "b"}.uri())
	})
	old := careless(a)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	oldServer := b.Server()
	oldServer.MinVersion, oldServer.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	mute := a.Client("b")
	mute.GetClientCertificate = nil
	for _, r := range []refusal{
		{"a client of another cluster, who notices it", &side{c: b, cfg: b.Server()},
			&side{c: p, cfg: p.Client("b")}, []error{ErrRefused}, []error{ErrOtherCluster}},
		{"a client of another cluster, who does not care", &side{c: b, cfg: b.Server()},
			&side{c: p, cfg: careless(p)}, []error{ErrOtherCluster}, []error{ErrRefused}},
		{"an authority of the same name", &side{c: b, cfg: b.Server()},
			&side{c: w, cfg: careless(w)}, []error{ErrUnknownAuthority}, []error{ErrRefused}},
		{"a server whose authority only has the same name", &side{c: w, cfg: w.Server()},
			&side{c: b, cfg: b.Client("a")}, []error{ErrRefused}, []error{ErrUnknownAuthority}},
		{"a self-signed client", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: shows(self, key)},
			[]error{ErrUnknownAuthority}, []error{ErrRefused}},
		{"the authority itself", &side{c: b, cfg: b.Server()},
			&side{c: a, cfg: shows(root.cert.Raw, root.key)}, []error{ErrIdentity}, []error{ErrRefused}},
		{"a certificate for servers only", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: serverOnly},
			[]error{ErrIdentity}, []error{ErrRefused}},
		{"a host that may sign", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: maker},
			[]error{ErrIdentity}, []error{ErrRefused}},
		{"a certificate of two hosts", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: two},
			[]error{ErrIdentity}, []error{ErrRefused}},
		{"a server that is another host", &side{c: b, cfg: b.Server()},
			&side{c: a, cfg: a.Client("c")}, []error{ErrRefused}, []error{ErrOtherHost}},
		{"a client that is another host", &side{c: b, cfg: b.Server("c", "d")},
			&side{c: a, cfg: a.Client("b")}, []error{ErrOtherHost}, []error{ErrRefused}},
		{"a client without a certificate", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: mute},
			[]error{ErrNoCertificate}, []error{ErrRefused, ErrNoCertificate}},
		{"a client with TLS 1.2 only", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: old},
			[]error{ErrVersion}, []error{ErrRefused, ErrVersion}},
		{"a server with TLS 1.2 only", &side{c: b, cfg: oldServer}, &side{c: a, cfg: a.Client("b")},
			[]error{ErrVersion}, []error{ErrRefused, ErrVersion}},
	} {
		t.Run(r.name, func(t *testing.T) { r.check(t) })
	}
}

func (r *refusal) check(t *testing.T) {
	t.Helper()
	meet(t, r.server, r.client)
	sees(t, "server", r.server.err, r.onServer...)
	sees(t, "client", r.client.err, r.onClient...)
}

// A host that trusts two authorities, by mistake or while it moves, still belongs to one cluster.
func TestTrustInAnotherAuthorityDoesNotMixClusters(t *testing.T) {
	now := newClock()
	lab, prod := newSite(t, "lab", now), newSite(t, "prod", now)
	dir := lab.folder("b")
	maker, err := openAuthority(prod.dir, now.opt())
	if err != nil {
		t.Fatal(err)
	}
	free := *maker.cert // one that somebody has made without a name constraint
	free.PermittedURIDomains = nil
	der, err := x509.CreateCertificate(rand.Reader, &free, &free, maker.key.Public(),
		maker.key)
	if err != nil {
		t.Fatal(err)
	}
	both, err := os.ReadFile(filepath.Join(dir, authorityCert))
	if err != nil {
		t.Fatal(err)
	}
	both = append(append(both, certPEM(maker.cert.Raw)...), certPEM(der)...)
	if err := durable.Replace(filepath.Join(dir, authorityCert), both, 0o644); err != nil {
		t.Fatal(err)
	}
	b, p := lab.open("b"), prod.open("a")
	asLab := prod.forge("a", func(c *x509.Certificate, _ *authority) {
		c.URIs = []*url.URL{identity{"lab", "a"}.uri()}
	})
	for _, r := range []refusal{
		{"its hosts", &side{c: b, cfg: b.Server()}, &side{c: p, cfg: careless(p)},
			[]error{ErrOtherCluster}, []error{ErrRefused}},
		{"what it signs for ours", &side{c: b, cfg: b.Server()}, &side{c: p, cfg: asLab},
			[]error{ErrUnknownAuthority}, []error{ErrRefused}},
	} {
		t.Run(r.name, func(t *testing.T) { r.check(t) })
	}
	a := lab.open("a")
	server, client := &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")}
	meet(t, server, client)
	sees(t, "server", server.err)
	sees(t, "client", client.err)
}

func TestTimeIsKept(t *testing.T) {
	now := newClock()
	lab := newSite(t, "lab", now)
	now.advance(-skew) // the clock of the host is behind
	a := lab.open("a")
	now.advance(time.Second + skew + hostLife/2)
	b := lab.open("b") // lasts longer
	server, client := &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")}
	meet(t, server, client)
	sees(t, "server", server.err)
	sees(t, "client", client.err)

	now.advance(hostLife/2 + time.Hour)
	for _, r := range []refusal{
		{"an expired client", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")},
			[]error{ErrExpired}, []error{ErrRefused, ErrExpired}},
		{"an expired server", &side{c: a, cfg: a.Server()}, &side{c: b, cfg: b.Client("a")},
			[]error{ErrRefused, ErrExpired}, []error{ErrExpired}},
	} {
		t.Run(r.name, func(t *testing.T) { r.check(t) })
	}

	now.set(start.Add(time.Hour))
	lab.open("b") // whatever the time: a clock may be set after the start
	for _, r := range []refusal{
		{"a client of the future", &side{c: a, cfg: a.Server()}, &side{c: b, cfg: careless(b)},
			[]error{ErrNotYetValid}, []error{ErrRefused, ErrNotYetValid}},
		{"a server of the future", &side{c: b, cfg: b.Server()}, &side{c: a, cfg: a.Client("b")},
			[]error{ErrRefused, ErrNotYetValid}, []error{ErrNotYetValid}},
	} {
		t.Run(r.name, func(t *testing.T) { r.check(t) })
	}

	long := lab.forge("a", func(c *x509.Certificate, _ *authority) {
		c.NotAfter = start.Add(2 * authorityLife)
	})
	now.set(start.Add(authorityLife + day))
	r := refusal{server: &side{c: b, cfg: b.Server()}, client: &side{c: a, cfg: long},
		onServer: []error{ErrExpired}, onClient: []error{ErrRefused}}
	r.check(t)
	if err := Issue(lab.dir, "c", nil, t.TempDir(), now.opt()); !errors.Is(err, ErrExpired) {
		t.Errorf("an expired authority issues: %v", err)
	}
}
