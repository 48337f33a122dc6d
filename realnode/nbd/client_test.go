package nbd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// serve runs s on a Unix socket for the length of the test and returns the socket.
func serve(t testing.TB, s *Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("Serve did not end")
		}
	})
	return path
}

func fixed(exports ...Export) func() []Export { return func() []Export { return exports } }

// client speaks the protocol in the plainest way, and believes nothing.
type client struct {
	t    testing.TB
	nc   net.Conn
	in   *bufio.Reader
	size uint64
	fl   uint16
}

func dial(t testing.TB, path string) *client {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(60 * time.Second))
	c := &client{t: t, nc: nc, in: bufio.NewReaderSize(nc, 1<<20)}
	return c
}

// hello dials and gets through the first exchange.
func hello(t testing.TB, path string, flags uint32) *client {
	t.Helper()
	c := dial(t, path)
	h := c.read(18)
	want := "NBDMAGICIHAVEOPT\x00\x03"
	if string(h) != want {
		t.Fatalf("server says %q, want %q", h, want)
	}
	c.write(binary.BigEndian.AppendUint32(nil, flags))
	return c
}

func (c *client) read(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(c.in, b); err != nil {
		c.t.Fatalf("reading %d bytes: %v", n, err)
	}
	return b
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("writing %d bytes: %v", len(b), err)
	}
}

// gone fails unless the server closes the connection without another byte.
func (c *client) gone() {
	c.t.Helper()
	b, err := io.ReadAll(c.in)
	var timeout net.Error
	if len(b) != 0 || errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("connection is not closed: %d bytes, %v", len(b), err)
	}
}

type optReply struct {
	kind uint32
	data []byte
}

// option sends one option and returns the replies up to the last one.
func (c *client) option(opt uint32, data []byte) []optReply {
	c.t.Helper()
	c.write(option(opt, data))
	var all []optReply
	for {
		h := c.read(20)
		if m := binary.BigEndian.Uint64(h); m != magicOptReply {
			c.t.Fatalf("reply to option %d with magic %#x", opt, m)
		}
		if o := binary.BigEndian.Uint32(h[8:]); o != opt {
			c.t.Fatalf("reply to option %d, asked for %d", o, opt)
		}
		r := optReply{kind: binary.BigEndian.Uint32(h[12:])}
		r.data = c.read(int(binary.BigEndian.Uint32(h[16:])))
		all = append(all, r)
		if r.kind == repAck || r.kind >= 1<<31 {
			return all
		}
	}
}

func last(all []optReply) uint32 { return all[len(all)-1].kind }

// connect goes all the way to the transmission phase of an export.
func connect(t testing.TB, path, name string, structured bool) *client {
	t.Helper()
	c := hello(t, path, fixedNewstyle|noZeroes)
	if structured {
		if k := last(c.option(optStructured, nil)); k != repAck {
			t.Fatalf("structured replies: %#x", k)
		}
		if k := last(c.option(optSetMetaContext, metaData(name, allocationName))); k != repAck {
			t.Fatalf("context: %#x", k)
		}
	}
	all := c.option(optGo, infoData(name))
	if last(all) != repAck {
		t.Fatalf("go: %#x", last(all))
	}
	c.size = binary.BigEndian.Uint64(all[0].data[2:])
	c.fl = binary.BigEndian.Uint16(all[0].data[10:])
	return c
}

// reply is one whole reply, put together.
type reply struct {
	cookie uint64
	errno  uint32
	data   []byte // of a read
	chunks []uint16
	states []uint32 // length and state in turn
}

// reply reads the next reply; read is the length of the data that a simple one brings. The data
// of a structured one starts at off.
func (c *client) reply(read int, off uint64) reply {
	c.t.Helper()
	m := binary.BigEndian.Uint32(c.read(4))
	if m == magicSimple {
		h := c.read(12)
		r := reply{errno: binary.BigEndian.Uint32(h), cookie: binary.BigEndian.Uint64(h[4:])}
		if r.errno == 0 {
			r.data = c.read(read)
		}
		return r
	}
	r := reply{data: bytes.Repeat([]byte{0xee}, read)}
	for {
		if m != magicStructured {
			c.t.Fatalf("reply with magic %#x", m)
		}
		h := c.read(16)
		flags, kind := binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
		r.cookie = binary.BigEndian.Uint64(h[4:])
		body := c.read(int(binary.BigEndian.Uint32(h[12:])))
		r.chunks = append(r.chunks, kind)
		switch kind {
		case chunkData:
			copy(r.data[binary.BigEndian.Uint64(body)-off:], body[8:])
		case chunkHole:
			from := binary.BigEndian.Uint64(body) - off
			clear(r.data[from : from+uint64(binary.BigEndian.Uint32(body[8:]))])
		case chunkError:
			r.errno = binary.BigEndian.Uint32(body)
		case chunkBlockStatus:
			for b := body[4:]; len(b) > 0; b = b[4:] {
				r.states = append(r.states, binary.BigEndian.Uint32(b))
			}
		}
		if flags&chunkDone != 0 {
			return r
		}
		m = binary.BigEndian.Uint32(c.read(4))
	}
}

// do sends one command and waits for its reply.
func (c *client) do(flags, kind uint16, off uint64, length uint32, data []byte) reply {
	c.t.Helper()
	c.write(command(flags, kind, off^0xabcdef, off, length, data))
	n := 0
	if kind == cmdRead {
		n = int(length)
	}
	r := c.reply(n, off)
	if r.cookie != off^0xabcdef {
		c.t.Fatalf("cookie %#x", r.cookie)
	}
	return r
}
