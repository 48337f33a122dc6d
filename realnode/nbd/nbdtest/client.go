// Package nbdtest is a client of the network block device protocol for tests: the plainest one
// that can keep several requests under way, and that believes nothing.
package nbdtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
)

// FUA is the flag of a request whose change is to be durable before the reply.
const FUA = 1

const (
	cmdRead = iota
	cmdWrite
	cmdDisc
	cmdFlush
	cmdTrim
)

// Client is one connection to one export. Its methods may be called from several goroutines.
type Client struct {
	Size int64

	nc net.Conn

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]*call
	err     error // why the connection has ended
}

type call struct {
	into []byte
	done chan error
}

// ErrNoExport is returned where there is no export of this name.
var ErrNoExport = errors.New("no such export")

// Connect gets through the handshake with the server at a Unix socket.
func Connect(socket, export string) (*Client, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	c := &Client{nc: nc, waiting: make(map[uint64]*call)}
	in := bufio.NewReader(nc)
	if err := c.handshake(in, export); err != nil {
		nc.Close()
		return nil, err
	}
	go c.replies(in)
	return c, nil
}

func (c *Client) handshake(in *bufio.Reader, export string) error {
	greeting := make([]byte, 18)
	if _, err := io.ReadFull(in, greeting); err != nil {
		return err
	}
	if string(greeting) != "NBDMAGICIHAVEOPT\x00\x03" {
		return fmt.Errorf("the server greets with %q", greeting)
	}
	be := binary.BigEndian
	b := be.AppendUint32(nil, 3)
	b = append(b, "IHAVEOPT"...)
	b = be.AppendUint32(b, 7) // GO
	b = be.AppendUint32(b, uint32(4+len(export)+2))
	b = be.AppendUint32(b, uint32(len(export)))
	b = append(b, export...)
	b = be.AppendUint16(b, 0)
	if _, err := c.nc.Write(b); err != nil {
		return err
	}
	for {
		head := make([]byte, 20)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		data := make([]byte, be.Uint32(head[16:]))
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		switch kind := be.Uint32(head[12:]); {
		case kind == 1: // ACK
			return nil
		case kind == 3 && be.Uint16(data) == 0: // INFO_EXPORT
			c.Size = int64(be.Uint64(data[2:]))
		case kind >= 1<<31:
			return fmt.Errorf("%w: %q, reply %#x", ErrNoExport, export, kind)
		}
	}
}

// replies takes replies off the socket until it ends.
func (c *Client) replies(in *bufio.Reader) {
	var err error
	for err == nil {
		err = c.reply(in)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for id, w := range c.waiting {
		delete(c.waiting, id)
		w.done <- err
	}
}

func (c *Client) reply(in *bufio.Reader) error {
	var head [16]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return err
	}
	if m := binary.BigEndian.Uint32(head[:]); m != 0x67446698 {
		return fmt.Errorf("reply with magic %#x", m)
	}
	id := binary.BigEndian.Uint64(head[8:])
	c.mu.Lock()
	w := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if w == nil {
		return fmt.Errorf("reply to %d, which nobody has asked", id)
	}
	var result error
	if errno := binary.BigEndian.Uint32(head[4:]); errno != 0 {
		result = syscall.Errno(errno)
	} else if _, err := io.ReadFull(in, w.into); err != nil {
		w.done <- err
		return err
	}
	w.done <- result
	return nil
}

// start sends a request. The channel gives its end.
func (c *Client) start(kind, flags uint16, off int64, n int, data, into []byte) <-chan error {
	done := make(chan error, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		done <- c.err
		return done
	}
	c.next++
	c.waiting[c.next] = &call{into, done}
	be := binary.BigEndian
	b := be.AppendUint32(make([]byte, 0, 28+len(data)), 0x25609513)
	b = be.AppendUint16(b, flags)
	b = be.AppendUint16(b, kind)
	b = be.AppendUint64(b, c.next)
	b = be.AppendUint64(b, uint64(off))
	b = be.AppendUint32(b, uint32(n))
	if _, err := c.nc.Write(append(b, data...)); err != nil {
		delete(c.waiting, c.next)
		done <- err
	}
	return done
}

// StartWrite begins a write; the channel gives its end.
func (c *Client) StartWrite(p []byte, off int64, flags uint16) <-chan error {
	return c.start(cmdWrite, flags, off, len(p), p, nil)
}

// Write writes p.
func (c *Client) Write(p []byte, off int64, flags uint16) error {
	return <-c.StartWrite(p, off, flags)
}

// Read fills p.
func (c *Client) Read(p []byte, off int64) error {
	return <-c.start(cmdRead, 0, off, len(p), nil, p)
}

// Flush makes durable what has been acknowledged.
func (c *Client) Flush() error { return <-c.start(cmdFlush, 0, 0, 0, nil, nil) }

// Trim gives up content.
func (c *Client) Trim(off int64, n int) error { return <-c.start(cmdTrim, 0, off, n, nil, nil) }

// Close lets the server know, and ends the connection.
func (c *Client) Close() error {
	c.start(cmdDisc, 0, 0, 0, nil, nil)
	return c.nc.Close()
}
