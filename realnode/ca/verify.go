package ca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

const renewal = "renew it with `pitch ca renew`, or set the clock if that is wrong"

// verify judges what the peer has shown, on either side.
func (c *Config) verify(s tls.ConnectionState, use x509.ExtKeyUsage, hosts []string) error {
	if s.Version < tls.VersionTLS13 { // whatever was done to the configuration
		return &Error{"the peer", ErrVersion, "only TLS 1.3 is spoken here"}
	}
	if len(s.PeerCertificates) == 0 {
		return noCertificate()
	}
	if err := c.refresh(); err != nil {
		return err
	}
	c.mu.Lock()
	own, revoked := c.own, c.revoked // neither is changed once it is here
	c.mu.Unlock()
	leaf := s.PeerCertificates[0]
	root, err := own.chain("the peer", leaf, use)
	if err != nil {
		return err
	}
	id, _ := identityOf(leaf)
	who := id.String()
	if err := checkTime(who, leaf, c.now(), renewal); err != nil {
		return err
	}
	err = checkTime("the authority that has signed for "+who, root, c.now(), "make another one")
	if err != nil {
		return err
	}
	if serial := serialText(leaf); revoked[serial] {
		return &Error{who, ErrRevoked, "serial number " + serial + " is in " + c.files.Revoked}
	}
	if len(hosts) > 0 && !slices.Contains(hosts, id.host) {
		return &Error{who, ErrOtherHost, "expected host " + strings.Join(hosts, " or ")}
	}
	return nil
}

func noCertificate() error {
	return &Error{"the peer", ErrNoCertificate,
		"each host must show one, as `pitch ca issue` makes it"}
}

// chain returns the authority that has signed the certificate of a host of our cluster. It does
// not look at the time, so that a stranger is called one even if late.
func (o *credentials) chain(object string, leaf *x509.Certificate, use x509.ExtKeyUsage) (
	*x509.Certificate, error) {
	id, ok := identityOf(leaf)
	if !ok || id.host == "" || leaf.IsCA {
		return nil, &Error{object, ErrIdentity, "`pitch ca issue` makes one"}
	}
	if id.cluster != o.id.cluster {
		return nil, &Error{object, ErrOtherCluster, fmt.Sprintf("it says it is %v, ours is %s", id,
			o.id.cluster)}
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: o.authorities, CurrentTime: leaf.NotBefore,
		KeyUsages: []x509.ExtKeyUsage{use}})
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage {
		return nil, &Error{object, ErrIdentity, fmt.Sprintf("that of %v is not for this use", id)}
	}
	if err != nil {
		return nil, &Error{object, ErrUnknownAuthority, fmt.Sprintf("it says it is %v: %v", id, err)}
	}
	for _, chain := range chains {
		root := chain[len(chain)-1]
		if by, ok := identityOf(root); ok && by.cluster == id.cluster {
			return root, nil
		}
	}
	return nil, &Error{object, ErrUnknownAuthority, fmt.Sprintf("it says it is %v, but the "+
		"authority of another cluster has signed it", id)}
}

// Peer says who the peer of a connection is. It must be one of [Config.Server] or
// [Config.Client], which have checked it, after its handshake.
func Peer(s tls.ConnectionState) (host string, err error) {
	if !s.HandshakeComplete || len(s.PeerCertificates) == 0 {
		return "", noCertificate()
	}
	id, ok := identityOf(s.PeerCertificates[0])
	if !ok || id.host == "" {
		return "", &Error{"the peer", ErrIdentity, ""}
	}
	return id.host, nil
}

// Handshake runs the handshake of a connection and explains its error. In TLS 1.3 a client is done
// before the server has looked at the client's certificate: that the server refuses it comes as
// the error of the first read, which is for [Config.Explain], too.
func (c *Config) Handshake(ctx context.Context, conn *tls.Conn) error {
	return c.Explain(conn.HandshakeContext(ctx))
}

// What the standard library says in words only. A test holds it to them.
const (
	textNoCertificate = "tls: client didn't provide a certificate"
	textVersion       = "tls: client offered only unsupported versions"
)

// alerts are what a peer can tell of why it refuses, by the numbers of RFC 8446, section 6.
var alerts = []struct {
	alert tls.AlertError
	err   error
}{
	{44, ErrRevoked}, {45, ErrExpired}, {48, ErrUnknownAuthority}, {70, ErrVersion},
	{116, ErrNoCertificate},
}

// Explain gives errors of a connection the names of this package; others it returns as they are.
// If the peer has refused us, the error is ErrRefused, and besides it what the peer has told or
// what we can see ourselves: that our own certificate is not good at this time, or is revoked.
func (c *Config) Explain(err error) error {
	var op *net.OpError
	var known *Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.As(err, &op) && op.Op == "remote error":
		return c.refused(op.Err)
	case strings.Contains(err.Error(), textNoCertificate):
		return noCertificate()
	case strings.Contains(err.Error(), textVersion):
		return &Error{"the peer", ErrVersion, "only TLS 1.3 is spoken here"}
	}
	return err
}

func (c *Config) refused(alert error) error {
	why := ErrRefused
	for _, a := range alerts {
		// The type of an alert is not exported, only another one with the same text.
		if alert.Error() == a.alert.Error() {
			why = join(ErrRefused, a.err)
		}
	}
	c.mu.Lock()
	own, revoked := c.own, c.revoked
	c.mu.Unlock()
	said := fmt.Sprintf("it said %q", alert.Error())
	detail := said + "; its log says why"
	if err := checkTime(c.files.Cert, own.pair.Leaf, c.now(), renewal); err != nil {
		why, detail = join(ErrRefused, err), said
	} else if s := serialText(own.pair.Leaf); revoked[s] {
		why = join(ErrRefused, &Error{c.files.Cert, ErrRevoked, "serial number " + s})
		detail = said
	}
	return &Error{own.id.String(), why, detail}
}

// join is errors.Join in one line.
func join(a, b error) error { return fmt.Errorf("%w: %w", a, b) }
