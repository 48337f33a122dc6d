package ca

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

const scheme = "pitch"

// identity is what the URI in a certificate says: pitch://CLUSTER/host/HOST, or
// pitch://CLUSTER/authority.
type identity struct {
	cluster string
	host    string // empty: the authority
}

func (id identity) String() string {
	if id.host == "" {
		return "the authority of cluster " + id.cluster
	}
	return "host " + id.host + " of cluster " + id.cluster
}

func (id identity) uri() *url.URL {
	u := &url.URL{Scheme: scheme, Host: id.cluster, Path: "/authority"}
	if id.host != "" {
		u.Path = "/host/" + id.host
	}
	return u
}

// identityOf reads the URI of a certificate. There must be exactly one, written exactly as we
// write it: of two that differ somebody else might believe the other one.
func identityOf(cert *x509.Certificate) (identity, bool) {
	if len(cert.URIs) != 1 {
		return identity{}, false
	}
	u := cert.URIs[0]
	id := identity{cluster: u.Host}
	if host, ok := strings.CutPrefix(u.Path, "/host/"); ok {
		id.host = host
		if checkHost(host) != nil {
			return identity{}, false
		}
	}
	if checkCluster(id.cluster) != nil || u.String() != id.uri().String() {
		return identity{}, false
	}
	return id, true
}

// A cluster is one label, without dots: a name constraint holds for all that lies below a domain,
// so that the authority of "lab" could otherwise sign for "x.lab".
var (
	clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dnsName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?` +
		`(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

func checkCluster(name string) error {
	if !clusterName.MatchString(name) {
		return &Error{fmt.Sprintf("cluster %q", name), ErrName, "expected a lower case letter, then " +
			"up to 62 lower case letters, digits or hyphens, such as lab or site-2"}
	}
	return nil
}

func checkHost(name string) error {
	_, err := netip.ParseAddr(name)
	if len(name) > 63 || !dnsName.MatchString(name) || err == nil {
		return &Error{fmt.Sprintf("host %q", name), ErrName, "expected up to 63 letters, digits, " +
			"hyphens and dots, such as a or db-1.site-2, and no address"}
	}
	return nil
}

// splitAddresses sorts addresses into IP addresses and DNS names.
func splitAddresses(addrs []string) (ips []netip.Addr, names []string, err error) {
	for _, a := range addrs {
		if ip, err := netip.ParseAddr(a); err == nil && ip.Zone() == "" {
			ips = append(ips, ip)
		} else if len(a) <= 253 && dnsName.MatchString(a) {
			names = append(names, a)
		} else {
			return nil, nil, &Error{fmt.Sprintf("address %q", a), ErrName,
				"expected an IP address or a DNS name, without a port"}
		}
	}
	return ips, names, nil
}
