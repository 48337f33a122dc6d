package nbd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// conn is one connection of a client. Its goroutine owns everything but what is marked.
type conn struct {
	server *Server
	raw    net.Conn // the socket, on which deadlines are set by any goroutine
	nc     net.Conn // the socket, or TLS over it
	done   chan struct{}

	claimed bool   // under the server's lock
	name    string // under the server's lock, when claimed

	// stopping and idle decide together how a connection ends: stop sets the one and reads the
	// other, the connection's goroutine does it the other way round, so one of them notices.
	stopping atomic.Bool
	idle     atomic.Bool // nothing of a request is being carried out

	tls        bool
	noZeroes   bool // no padding behind the reply to EXPORT_NAME
	structured bool
	context    string // export for which base:allocation was chosen
	hasContext bool

	export  Export
	mapper  Mapper // nil if the device is none
	in      *bufio.Reader
	out     output
	commits committer
	extents []Extent // reused by every request

	readFailed bool // the reply to the present READ was closed by an error
}

// errBreach is wrapped by the errors that end a connection whose client broke the rules.
var errBreach = errors.New("protocol breach")

func breach(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errBreach}, args...)...)
}

// errLeft says that the client ended the connection as it should.
var errLeft = errors.New("client left")

// serve runs the connection from handshake to end.
func (c *conn) serve() {
	defer close(c.done)
	defer c.server.forget(c)
	log := c.server.log().With("remote", c.raw.RemoteAddr())
	err := c.handshake()
	if err == nil {
		log.Debug("connected", "export", c.export.Name, "tls", c.tls)
		err = c.transmit()
	}
	_ = c.nc.Close()
	switch {
	case errors.Is(err, errBreach):
		log.Warn("connection cut off", "export", c.export.Name, "error", err)
	case err == nil, errors.Is(err, errLeft), errors.Is(err, io.EOF):
		log.Debug("disconnected", "export", c.export.Name)
	case errors.Is(err, os.ErrDeadlineExceeded) && c.stopping.Load():
		log.Debug("connection ended", "export", c.export.Name)
	default:
		log.Info("connection lost", "export", c.export.Name, "error", err)
	}
}

// stop makes the connection end after the request that is being carried out. It may be called by
// any goroutine, more than once.
func (c *conn) stop() {
	c.stopping.Store(true)
	now := time.Now()
	end := now.Add(or(c.server.StopGrace, 5*time.Second))
	_ = c.raw.SetWriteDeadline(end)
	if c.idle.Load() {
		end = now
	}
	_ = c.raw.SetReadDeadline(end)
}

// transmit carries out requests until the connection ends. Replies that were earned are sent.
func (c *conn) transmit() error {
	size := max(or(c.server.BufferSize, defaultBuffer), leastBuffer)
	c.in = bufio.NewReaderSize(c.nc, size)
	c.out = output{w: c.nc, buf: make([]byte, 0, size)}
	if o, ok := c.export.Device.(Opener); ok {
		if err := o.Open(); err != nil {
			return err
		}
		defer o.Close()
	}
	c.mapper, _ = c.export.Device.(Mapper)
	if d, ok := c.export.Device.(Starter); ok {
		return c.transmitSideBySide(d)
	}
	c.commits.start(c.export.Device, &c.out)
	err := c.requests(c.handle)
	c.commits.finish()
	return errors.Join(err, c.out.flush())
}

// requests takes requests off the socket until the connection ends.
func (c *conn) requests(handle func(*request) error) error {
	for {
		c.idle.Store(true)
		if c.stopping.Load() {
			return nil
		}
		head, err := c.in.Peek(requestSize)
		if err != nil {
			return err
		}
		c.idle.Store(false)
		if got := binary.BigEndian.Uint32(head); got != magicRequest {
			return breach("request with magic %#x", got)
		}
		r := request{
			flags:  binary.BigEndian.Uint16(head[4:]),
			kind:   binary.BigEndian.Uint16(head[6:]),
			cookie: binary.BigEndian.Uint64(head[8:]),
			off:    binary.BigEndian.Uint64(head[16:]),
			length: binary.BigEndian.Uint32(head[24:]),
		}
		if _, err := c.in.Discard(requestSize); err != nil {
			return err
		}
		if err := handle(&r); err != nil {
			return err
		}
		if c.in.Buffered() < requestSize {
			if err := c.out.flush(); err != nil {
				return err
			}
		}
	}
}
