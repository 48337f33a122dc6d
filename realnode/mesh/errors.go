package mesh

import (
	"errors"
	"net"
	"os"

	"github.com/container-football/pitch/realnode/ca"
)

// Why hosts do not talk to each other.
var (
	// ErrVersion is returned when the two sides share no version of the protocol.
	ErrVersion = errors.New("no common version")
	// ErrCluster is returned when the two sides belong to different clusters.
	ErrCluster = errors.New("another cluster")
	// ErrWrongHost is returned when a host is not the one that was meant.
	ErrWrongHost = errors.New("another host")
	// ErrIdentity is returned when a host is not the one that it claims to be.
	ErrIdentity = errors.New("false identity")
	// ErrUnknownPeer is returned when a host is not one of those that SetPeers has named.
	ErrUnknownPeer = errors.New("unknown host")
	// ErrBusy is returned when a host has no room for one more connection.
	ErrBusy = errors.New("too many connections")
	// ErrRefused is what all refusals of the other side are, whatever else they are.
	ErrRefused = errors.New("refused by the other host")
)

// What else can go wrong.
var (
	// ErrFrame is returned for bytes that are not what the protocol says.
	ErrFrame = errors.New("bad frame")
	// ErrDead is returned for a connection over which nothing has come or gone for too long.
	ErrDead = errors.New("no sign of life")
	// ErrDown is returned by Dial for a host whose address is not known.
	ErrDown = errors.New("no address")
	// ErrInsecure is returned where plain TCP would leave this machine.
	ErrInsecure = errors.New("plain TCP is for loopback addresses only")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("closed")
	// ErrReplaced ends a connection in whose place there is a newer one.
	ErrReplaced = errors.New("replaced by a newer connection")
	// ErrRemoved ends a connection whose peer has been taken out of the list, or got another
	// name or address.
	ErrRemoved = errors.New("the peer was removed or changed")
	// ErrAge ends a connection that has become too old.
	ErrAge = errors.New("too old")
)

// Error is an error about one peer.
type Error struct {
	Op   string // what was tried: dial, accept, read, write, …
	Peer string // the host, or its address as long as one does not know who it is
	Err  error
}

func (e *Error) Error() string { return e.Op + " " + e.Peer + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Refusal is the reason why one side does not let the other in, in words for both.
type Refusal struct {
	Err    error  // one of the above
	Text   string // names both sides and the values that do not fit
	Remote bool   // the other side has refused us
}

func (r *Refusal) Error() string {
	if r.Remote {
		return "refused by the other host: " + r.Text
	}
	return r.Text
}

func (r *Refusal) Unwrap() []error {
	if r.Remote {
		return []error{ErrRefused, r.Err}
	}
	return []error{r.Err}
}

// refusals are the reasons that have a number on the wire, which is the index.
var refusals = [...]error{nil, ErrVersion, ErrCluster, ErrWrongHost, ErrIdentity, ErrUnknownPeer,
	ErrBusy, ErrFrame}

func refusalCode(err error) uint8 {
	for i, r := range refusals {
		if i > 0 && errors.Is(err, r) {
			return uint8(i)
		}
	}
	return uint8(len(refusals)) // a reader takes it for one that it does not know
}

func refusalOf(code uint8, text string) *Refusal {
	r := &Refusal{Err: ErrRefused, Text: text, Remote: true}
	if code > 0 && int(code) < len(refusals) {
		r.Err = refusals[code]
	}
	return r
}

// reason is an error's text without what differs in each attempt: port numbers of our own, and
// times. Two errors with the same reason are the same news.
func reason(err error) string {
	var of *ca.Error
	if errors.As(err, &of) {
		return of.Object + ": " + of.Err.Error()
	}
	return text(err)
}

// text is what people are told.
func text(err error) string {
	var op *net.OpError
	var own *Error
	if errors.As(err, &own) {
		return own.Op + " " + own.Peer + ": " + text(own.Err)
	}
	if errors.As(err, &op) {
		var call *os.SyscallError
		if errors.As(op.Err, &call) {
			return op.Op + ": " + call.Err.Error()
		}
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
