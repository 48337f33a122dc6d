package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Options are the same for all of the package.
type Options struct {
	// Life is how long a new certificate is good. Default: 10 years for an authority, whose end
	// ends all others, and 1 year for a host. That of a host never outlives its authority.
	Life time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

const (
	day           = 24 * time.Hour
	authorityLife = 3652 * day
	hostLife      = 365 * day
	// skew is how far the clock of a host may be behind that of the authority for a certificate
	// to be good at once.
	skew = 5 * time.Minute
	// longest is as far as certificates can tell the time: the year 9999, from some time on.
	longest = 200 * 365 * day
)

// The files in the folder of an authority.
const (
	authorityCert = "ca.crt"
	authorityKey  = "ca.key"
	revokedList   = "revoked"
)

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

func (o Options) life(usual time.Duration) (time.Duration, error) {
	switch {
	case o.Life == 0:
		return usual, nil
	case o.Life < 0 || o.Life > longest:
		return 0, &Error{"life of " + o.Life.String(), ErrName,
			"expected more than nothing and at most 200 years"}
	}
	return o.Life, nil
}

// Create makes the authority of a cluster in a folder, which must be new or empty: ca.key, which
// never leaves it, ca.crt, which every host has, and an empty list of revoked serial numbers.
func Create(dir, cluster string, opt Options) error {
	if err := checkCluster(cluster); err != nil {
		return err
	}
	life, err := opt.life(authorityLife)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	now := opt.now()
	tmpl := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{cluster}, CommonName: "pitch authority"},
		URIs:         []*url.URL{identity{cluster: cluster}.uri()},
		NotBefore:    now.Add(-skew), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		MaxPathLenZero: true,
		// Whoever trusts the authorities of two clusters still cannot be told by one of them who
		// is a host of the other, even by a tool that knows nothing of us.
		PermittedURIDomains: []string{cluster}, PermittedDNSDomainsCritical: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := keyPEM(key)
	if err != nil {
		return err
	}
	return newFolder(dir, []file{
		{authorityKey, secret, 0o600},
		{authorityCert, certPEM(der), 0o644},
		{revokedList, []byte(revokedHead), 0o644},
	})
}

// newSerial draws 128 bits: nobody can guess the next one, and none comes twice.
func newSerial() (*big.Int, error) {
	for {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
		if err != nil || n.Sign() > 0 { // zero is not allowed
			return n, err
		}
	}
}

// authority is one that can sign.
type authority struct {
	dir  string
	id   identity
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// openAuthority reads the folder of an authority and checks that it can sign now.
func openAuthority(dir string, opt Options) (*authority, error) {
	path := filepath.Join(dir, authorityCert)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{dir, ErrMissing,
			"no authority is here; `pitch ca create " + dir + " --cluster NAME` makes one"}
	}
	cert, err := load(path, false, parseCert)
	if err != nil {
		return nil, err
	}
	id, err := checkAuthority(path, cert)
	if err != nil {
		return nil, err
	}
	if err := checkTime(path, cert, opt.now(), "create another authority"); err != nil {
		return nil, err
	}
	keyPath := filepath.Join(dir, authorityKey)
	key, err := load(keyPath, true, parseKey)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, &Error{keyPath, ErrKeyMismatch, "the certificate is " + path}
	}
	return &authority{dir, id, cert, key}, nil
}

// checkAuthority says whose authority a certificate is, if it is one and has signed itself.
func checkAuthority(path string, cert *x509.Certificate) (identity, error) {
	id, ok := identityOf(cert)
	if !ok || id.host != "" || !cert.IsCA {
		return id, &Error{path, ErrDamaged, "it is not the certificate of an authority"}
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		return id, &Error{path, ErrDamaged, "its signature is wrong; copy it anew"}
	}
	return id, nil
}
