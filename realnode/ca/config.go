package ca

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Files are those of one host.
type Files struct {
	Authority string // certificates of the authority, also several while one replaces another
	Cert, Key string // of this host
	Revoked   string // list of serial numbers; must be there
}

// FilesIn are the files in a folder that [Issue] has made.
func FilesIn(dir string) Files {
	return Files{filepath.Join(dir, authorityCert), filepath.Join(dir, hostCert),
		filepath.Join(dir, hostKey), filepath.Join(dir, revokedList)}
}

// Config makes the TLS configurations of one host. Its methods may be called from everywhere.
type Config struct {
	files Files
	now   func() time.Time

	mu      sync.Mutex
	own     *credentials
	stamps  [3]fs.FileInfo // of the files that own was read from
	stale   error          // why own could not be replaced
	revoked map[string]bool
	listed  fs.FileInfo // of the file that revoked was read from
}

// credentials are what is needed to prove who we are and to check who others are.
type credentials struct {
	id          identity
	pair        *tls.Certificate
	authorities *x509.CertPool
}

// Open reads the files of a host and checks that they belong together. Whether they are good at
// this time is left to each handshake, as time goes on.
func Open(files Files, opt Options) (*Config, error) {
	c := &Config{files: files, now: opt.now}
	if err := c.refresh(); err != nil {
		return nil, err
	}
	return c, nil
}

// Host is the name in our own certificate.
func (c *Config) Host() string { return c.credentials().id.host }

// Cluster is the name of the cluster in our own certificate.
func (c *Config) Cluster() string { return c.credentials().id.cluster }

// NotAfter is when our own certificate ends, for a warning in time. Its authority may end earlier
// only if it was not [Issue] that made it.
func (c *Config) NotAfter() time.Time { return c.credentials().pair.Leaf.NotAfter }

// Stale says why new files of this host are not used but the former ones still are; nil if the
// files are in use. The list of revoked ones is never used stale: without it handshakes fail.
func (c *Config) Stale() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stale
}

func (c *Config) credentials() *credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.own
}

// Server is the configuration of the side that accepts, for hosts of our cluster: any, or only
// those that are named. A caller may add to it, such as protocols, but must not change the rest.
func (c *Config) Server(hosts ...string) *tls.Config {
	hosts = slices.Clone(hosts)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// The chain is checked in verify, against files that may have changed since.
		ClientAuth: tls.RequireAnyClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.certificate()
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			return c.verify(s, x509.ExtKeyUsageClientAuth, hosts)
		},
		// Each connection shows its certificate anew, or a ticket would outlive a revocation.
		SessionTicketsDisabled: true,
		Time:                   c.now,
	}
}

// Client is the configuration of the side that connects, to one host of our cluster.
func (c *Config) Client(host string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Not insecure: verify takes the place of the usual check, which is for DNS names.
		InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.certificate()
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			return c.verify(s, x509.ExtKeyUsageServerAuth, []string{host})
		},
		Time: c.now,
	}
}

// certificate is our own one. Each handshake begins with it, so here is where files are looked at.
func (c *Config) certificate() (*tls.Certificate, error) {
	if err := c.refresh(); err != nil {
		return nil, err
	}
	return c.credentials().pair, nil
}

// refresh reads the files again that have changed. Own files that are broken or do not belong
// together leave the former ones in use, as they may be about to be replaced one by one.
func (c *Config) refresh() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if infos, changed := changed(c.stamps, c.files); changed {
		own, err := c.files.read()
		switch {
		case c.own == nil && err != nil:
			return err
		case err == nil && c.own != nil && own.id != c.own.id:
			err = &Error{c.files.Cert, ErrOtherHost, fmt.Sprintf("it was of %v and is now of %v; "+
				"restart to become another", c.own.id, own.id)}
		case err == nil:
			c.own, c.stamps = own, infos
		}
		c.stale = err
	}
	info, err := os.Stat(c.files.Revoked)
	if err == nil && c.listed != nil && same(info, c.listed) {
		return nil
	}
	revoked, err := load(c.files.Revoked, false, parseRevoked)
	if err != nil {
		return err
	}
	c.revoked, c.listed = revoked, info
	return nil
}

// changed says whether a file is another one than before. The infos are taken before the files
// are read, so what changes meanwhile is noticed the next time.
func changed(old [3]fs.FileInfo, f Files) (infos [3]fs.FileInfo, changed bool) {
	for i, path := range []string{f.Authority, f.Cert, f.Key} {
		info, err := os.Stat(path)
		infos[i] = info
		if err != nil || old[i] == nil || !same(info, old[i]) {
			changed = true
		}
	}
	return infos, changed
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() &&
		a.Mode() == b.Mode()
}

// read reads all but the list.
func (f Files) read() (*credentials, error) {
	roots, err := load(f.Authority, false, parseCerts)
	if err != nil {
		return nil, err
	}
	own := &credentials{authorities: x509.NewCertPool()}
	for _, cert := range roots {
		if _, err := checkAuthority(f.Authority, cert); err != nil {
			return nil, err
		}
		own.authorities.AddCert(cert)
	}
	leaf, err := load(f.Cert, false, parseCert)
	if err != nil {
		return nil, err
	}
	key, err := load(f.Key, true, parseKey)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, &Error{f.Key, ErrKeyMismatch, "the certificate is " + f.Cert}
	}
	var ok bool
	if own.id, ok = identityOf(leaf); !ok {
		return nil, &Error{f.Cert, ErrIdentity, "it is not one of ours"}
	}
	if _, err := own.chain(f.Cert, leaf, x509.ExtKeyUsageServerAuth); err != nil {
		return nil, err
	}
	own.pair = &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	return own, nil
}
