package mesh

import (
	"errors"

	"github.com/container-football/pitch/realnode/ca"
)

// Recheck looks at the certificates of all connections, against the files as they are now, and
// closes those whose peer would not be let in any more: because it is revoked, has expired or is
// not signed by our authority. It returns how many these are.
//
// If the files themselves cannot be read, nothing is closed: nobody gets in then, but a cluster
// must not fall apart while somebody copies a file.
func (m *Mesh) Recheck() int {
	if m.cfg.TLS == nil {
		return 0
	}
	n := 0
	for _, l := range m.links.list(func(*link) bool { return true }) {
		err := m.verify(l)
		switch {
		case err == nil:
		case lasting(err):
			l.end(err)
			n++
		default:
			m.news.bad(m.cfg.Log, err, "certificates cannot be checked")
		}
	}
	return n
}

func (m *Mesh) verify(l *link) error {
	cfg := m.cfg.TLS.Server(l.remote.name)
	if l.outgoing {
		cfg = m.cfg.TLS.Client(l.remote.name)
	}
	return cfg.VerifyConnection(l.tls.ConnectionState())
}

// lasting says whether an error is about the certificate of the peer, and not about our files.
func lasting(err error) bool {
	for _, e := range []error{ca.ErrRevoked, ca.ErrExpired, ca.ErrUnknownAuthority,
		ca.ErrOtherCluster, ca.ErrIdentity, ca.ErrOtherHost} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
