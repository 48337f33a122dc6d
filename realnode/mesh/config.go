package mesh

import (
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/ca"
)

// MaxMessage is the size of the largest message, in bytes. A larger one is lost.
const MaxMessage = 4 << 20

// Self is this host.
type Self struct {
	ID          node.ID // not 0
	Name        string  // the one in its certificate
	Cluster     string  // the one in its certificate
	Incarnation int64   // of this life; another number is another life
}

// Peer is another host, as this one is to know it.
type Peer struct {
	ID       node.ID
	Name     string      // the one in its certificate
	Address  string      // host and port; empty: not known, it is taken to be down
	Rate     int64       // bytes a second that are sent to it at most; 0: no limit
	Compress Compression // of what is sent to it, if it can read that
	// Congestion is the algorithm of TCP towards it, such as cubic or bbr; empty: the system's. One
	// that the kernel does not have is reported, and the system's is used. A change takes effect
	// with the next connection.
	Congestion string
}

// Config is what [Listen] needs.
type Config struct {
	Self   Self
	Listen string // TCP address; port 0: any
	// TLS proves who the hosts are. It may only be nil if Insecure is set.
	TLS *ca.Config
	// Insecure is for tests and for hosts that are processes of one machine: plain TCP, where
	// everybody is whom he claims to be. Only loopback addresses are listened on, dialed and
	// accepted.
	Insecure bool
	// Queue is how many bytes may wait for one peer, by class; what is more is lost. It may take
	// twice as much memory. 0: 16 MiB. At least 5 MiB, so that the largest message fits.
	Queue [node.Classes]int64
	// Deliver takes a message that has come. It is called from several goroutines, one for each
	// connection. Body is valid during the call. While it blocks, nothing more comes over this
	// connection, and for longer than Dead its peer may take us for dead. Not nil.
	Deliver func(from node.Addr, to uint32, body []byte)
	// Log takes what an operator should know. nil: slog.Default().
	Log *slog.Logger

	// Ping is how often a connection is tried. 0: 5 s.
	Ping time.Duration
	// Dead is after how long without an answer, or without progress in sending, a connection is
	// given up. 0: 15 s. At least twice Ping.
	Dead time.Duration
	// Handshake is how long it may take until both sides know each other. 0: 10 s.
	Handshake time.Duration
	// MaxAge is when a connection is made anew, so that files that have changed are honoured even
	// if nobody notices; streams are closed then. 0: 24 h.
	MaxAge time.Duration
	// Recheck is how often the certificates of standing connections are checked again, as
	// [Mesh.Recheck] does. 0: each minute. Negative: never.
	Recheck time.Duration

	versions versions // 0: all that this package speaks; tests pretend to be older or newer
}

const (
	defaultQueue     = 16 << 20
	leastQueue       = 5 << 20
	defaultPing      = 5 * time.Second
	defaultDead      = 15 * time.Second
	defaultHandshake = 10 * time.Second
	defaultMaxAge    = 24 * time.Hour
	defaultRecheck   = time.Minute
)

// complete fills in defaults and says what is wrong.
func (c *Config) complete() error {
	for i := range c.Queue {
		c.Queue[i] = or(c.Queue[i], defaultQueue)
		if c.Queue[i] < leastQueue {
			return c.wrong("a queue of %d bytes, expected at least %d", c.Queue[i], leastQueue)
		}
	}
	c.Ping, c.Dead = or(c.Ping, defaultPing), or(c.Dead, defaultDead)
	c.Handshake = or(c.Handshake, defaultHandshake)
	c.MaxAge, c.Recheck = or(c.MaxAge, defaultMaxAge), or(c.Recheck, defaultRecheck)
	c.versions = or(c.versions, spoken)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case c.Self.ID == 0:
		return c.wrong("this host has no number")
	case c.Self.Name == "" || c.Self.Cluster == "":
		return c.wrong("this host or its cluster has no name")
	case !printable(c.Self.Name) || !printable(c.Self.Cluster):
		return c.wrong("name %q of cluster %q: expected up to %d printable characters without "+
			"spaces", c.Self.Name, c.Self.Cluster, maxName)
	case c.Deliver == nil:
		return c.wrong("nobody to deliver to")
	case c.Ping < 0 || c.Handshake < 0 || c.MaxAge < 0 || c.Dead < 2*c.Ping:
		return c.wrong("ping %v, dead %v, handshake %v, max age %v: expected none negative, and "+
			"dead at least twice ping", c.Ping, c.Dead, c.Handshake, c.MaxAge)
	}
	return c.checkTLS()
}

func (c *Config) checkTLS() error {
	switch {
	case c.TLS == nil && !c.Insecure:
		return c.wrong("neither certificates nor Insecure")
	case c.TLS == nil:
		return checkLoopback("listen", c.Listen)
	case c.Insecure:
		return c.wrong("both certificates and Insecure")
	case c.TLS.Host() != c.Self.Name || c.TLS.Cluster() != c.Self.Cluster:
		return c.wrong("the certificate is of host %s of cluster %s, and this is %s of %s",
			c.TLS.Host(), c.TLS.Cluster(), c.Self.Name, c.Self.Cluster)
	}
	return nil
}

func (c *Config) wrong(format string, args ...any) error {
	return &Error{Op: "configure", Peer: c.Self.Name, Err: fmt.Errorf(format, args...)}
}

// checkLoopback is for plain TCP: its address must say in figures that it is a loopback one, as
// names may change their meaning.
func checkLoopback(op, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &Error{Op: op, Peer: address, Err: err}
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return &Error{Op: op, Peer: address, Err: ErrInsecure}
}

func (p *Peer) check() error {
	wrong := func(format string, args ...any) error {
		return &Error{Op: "set peers", Peer: hostText(p.Name, p.ID), Err: fmt.Errorf(format, args...)}
	}
	switch {
	case p.ID == 0:
		return wrong("it has no number")
	case !printable(p.Name):
		return wrong("its name is %q, expected 1 to %d printable characters without spaces",
			p.Name, maxName)
	case p.Rate < 0 || p.Rate > math.MaxInt64/2:
		return wrong("a rate of %d bytes a second", p.Rate)
	case !p.Compress.Known():
		return wrong("compression %d", uint8(p.Compress))
	}
	return nil
}

func or[T comparable](value, usual T) T {
	var zero T
	if value == zero {
		return usual
	}
	return value
}

// hostText is how errors call a host: beta (2).
func hostText(name string, id node.ID) string { return fmt.Sprintf("%s (%d)", name, id) }
