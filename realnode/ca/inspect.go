package ca

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Info is what a certificate says, for people.
type Info struct {
	Host        string   // empty: the authority
	Cluster     string   //
	Addresses   []string // DNS names and IP addresses, without the name of the host
	Serial      string   // 32 hexadecimal digits
	NotBefore   time.Time
	NotAfter    time.Time
	Fingerprint string // SHA-256 of the certificate, 64 hexadecimal digits
}

// Inspect reads the certificate in a file. It tells what stands there and checks no signature.
func Inspect(path string) (Info, error) {
	cert, err := load(path, false, parseCert)
	if err != nil {
		return Info{}, err
	}
	id, ok := identityOf(cert)
	if !ok {
		return Info{}, &Error{path, ErrIdentity, "it is not one of ours"}
	}
	info := Info{Host: id.host, Cluster: id.cluster, Serial: serialText(cert),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
		Fingerprint: fmt.Sprintf("%x", sha256.Sum256(cert.Raw))}
	info.Addresses = slices.DeleteFunc(slices.Clone(cert.DNSNames),
		func(name string) bool { return name == id.host })
	for _, ip := range cert.IPAddresses {
		info.Addresses = append(info.Addresses, ip.String())
	}
	return info, nil
}

// checkTime says since when or until when a certificate is not good, and what to do.
func checkTime(object string, cert *x509.Certificate, now time.Time, remedy string) error {
	switch {
	case now.Before(cert.NotBefore):
		return &Error{object, ErrNotYetValid, fmt.Sprintf("it begins at %s, in %s; set the clock, "+
			"which says %s", stamp(cert.NotBefore), cert.NotBefore.Sub(now).Round(time.Second),
			stamp(now))}
	case now.After(cert.NotAfter):
		return &Error{object, ErrExpired, fmt.Sprintf("it ended at %s, %s ago; %s",
			stamp(cert.NotAfter), now.Sub(cert.NotAfter).Round(time.Second), remedy)}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
