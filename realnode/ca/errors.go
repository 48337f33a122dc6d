package ca

import "errors"

// What is wrong with files and arguments.
var (
	// ErrName is returned for a name of a cluster or host, an address or a serial number that is
	// none, and for a life that is not positive.
	ErrName = errors.New("bad value")
	// ErrExists is returned where something would have to be overwritten.
	ErrExists = errors.New("exists already")
	// ErrMissing is returned for a file that is not there, or no file.
	ErrMissing = errors.New("missing")
	// ErrDamaged is returned for a file that does not hold what it should, or not all of it.
	ErrDamaged = errors.New("damaged")
	// ErrKeyMode is returned for a key that others than its owner may read or write.
	ErrKeyMode = errors.New("open to others")
	// ErrKeyMismatch is returned for a key that does not belong to its certificate.
	ErrKeyMismatch = errors.New("key and certificate do not belong together")
)

// Why a certificate is refused.
var (
	// ErrExpired is returned after the last moment of a certificate.
	ErrExpired = errors.New("expired")
	// ErrNotYetValid is returned before the first moment of a certificate.
	ErrNotYetValid = errors.New("not yet valid")
	// ErrOtherCluster is returned for a certificate that says it is of another cluster.
	ErrOtherCluster = errors.New("of another cluster")
	// ErrOtherHost is returned for a good certificate of a host that was not meant.
	ErrOtherHost = errors.New("another host")
	// ErrRevoked is returned for a certificate whose serial number is in the list.
	ErrRevoked = errors.New("revoked")
	// ErrUnknownAuthority is returned for a certificate that our authority did not sign.
	ErrUnknownAuthority = errors.New("not signed by our authority")
	// ErrIdentity is returned for a certificate that names no host of any cluster, or is not
	// meant for this use.
	ErrIdentity = errors.New("not the certificate of a host")
	// ErrNoCertificate is returned when one side shows none.
	ErrNoCertificate = errors.New("no certificate shown")
	// ErrVersion is returned when the peer does not speak TLS 1.3.
	ErrVersion = errors.New("no common version of TLS")
	// ErrRefused is returned when it is the peer who has ended the handshake. TLS tells little
	// of why; the peer's log tells all.
	ErrRefused = errors.New("refused by the peer")
)

// Error is an error about one object, which the user can mend.
type Error struct {
	Object string // file, folder, or whose certificate it is
	Err    error  // one of the above
	Detail string // values, and what to do; may be empty
}

func (e *Error) Error() string {
	s := e.Object + ": " + e.Err.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
