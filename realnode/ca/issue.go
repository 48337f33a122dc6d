package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/container-football/pitch/internal/durable"
)

// The files of a host besides ca.crt and the list of revoked ones.
const (
	hostCert = "node.crt"
	hostKey  = "node.key"
)

// Issue makes what a host needs, in a folder that must be new or empty: node.key, node.crt, ca.crt
// and the list of revoked serial numbers. The name is the host's identity; addresses, IP or DNS,
// stand in the certificate for tools of others alone.
func Issue(dir, host string, addrs []string, out string, opt Options) error {
	if err := checkHost(host); err != nil {
		return err
	}
	ips, names, err := splitAddresses(addrs)
	if err != nil {
		return err
	}
	if err := vacant(out); err != nil {
		return err
	}
	a, err := openAuthority(dir, opt)
	if err != nil {
		return err
	}
	list, err := readFile(filepath.Join(dir, revokedList), false)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		Subject:  pkix.Name{Organization: []string{a.id.cluster}, CommonName: host},
		URIs:     []*url.URL{identity{a.id.cluster, host}.uri()},
		DNSNames: append([]string{host}, names...),
	}
	for _, ip := range ips {
		tmpl.IPAddresses = append(tmpl.IPAddresses, net.IP(ip.Unmap().AsSlice()))
	}
	der, err := a.sign(tmpl, &key.PublicKey, opt)
	if err != nil {
		return err
	}
	secret, err := keyPEM(key)
	if err != nil {
		return err
	}
	return newFolder(out, []file{
		{hostKey, secret, 0o600},
		{hostCert, certPEM(der), 0o644},
		{authorityCert, certPEM(a.cert.Raw), 0o644},
		{revokedList, list, 0o644},
	})
}

// Renew makes a certificate like the one in a file, which this authority must have issued, but
// good from now on, and puts it into out, which may be the same file: it is replaced in one step.
// The key stays as it is, so it need not leave its host. A certificate that has expired can be
// renewed, a revoked one cannot.
func Renew(dir, path, out string, opt Options) error {
	a, err := openAuthority(dir, opt)
	if err != nil {
		return err
	}
	old, err := load(path, false, parseCert)
	if err != nil {
		return err
	}
	id, err := a.issued(path, old)
	if err != nil {
		return err
	}
	revoked, err := load(filepath.Join(dir, revokedList), false, parseRevoked)
	if err != nil {
		return err
	}
	if s := serialText(old); revoked[s] {
		return &Error{path, ErrRevoked, "its serial number is " + s + "; issue a new certificate"}
	}
	pub, ok := old.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return &Error{path, ErrIdentity, "it is not one of an ECDSA key"}
	}
	der, err := a.sign(&x509.Certificate{Subject: old.Subject, URIs: []*url.URL{id.uri()},
		DNSNames: old.DNSNames, IPAddresses: old.IPAddresses}, pub, opt)
	if err != nil {
		return err
	}
	return durable.Replace(out, certPEM(der), 0o644)
}

// sign completes a certificate and signs it.
func (a *authority) sign(t *x509.Certificate, pub *ecdsa.PublicKey, opt Options) ([]byte, error) {
	life, err := opt.life(hostLife)
	if err != nil {
		return nil, err
	}
	if t.SerialNumber, err = newSerial(); err != nil {
		return nil, err
	}
	now := opt.now()
	t.NotBefore = latest(now.Add(-skew), a.cert.NotBefore)
	t.NotAfter = now.Add(life)
	if t.NotAfter.After(a.cert.NotAfter) {
		t.NotAfter = a.cert.NotAfter
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	// Each host is now the server, now the client.
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.BasicConstraintsValid = true
	return x509.CreateCertificate(rand.Reader, t, a.cert, pub, a.key)
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// issued says whose certificate it is, if this authority has signed it.
func (a *authority) issued(path string, cert *x509.Certificate) (identity, error) {
	id, ok := identityOf(cert)
	switch {
	case !ok || id.host == "" || cert.IsCA:
		return id, &Error{path, ErrIdentity, "expected a file such as " + hostCert}
	case id.cluster != a.id.cluster:
		return id, &Error{path, ErrOtherCluster, "it is of " + id.cluster + ", and " + a.dir +
			" is the authority of " + a.id.cluster}
	case cert.CheckSignatureFrom(a.cert) != nil:
		return id, &Error{path, ErrUnknownAuthority, "the authority is " + a.dir}
	}
	return id, nil
}
