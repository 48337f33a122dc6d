package nbd

import (
	"context"
	"encoding/binary"
	"testing"
	"time"
)

// Each of these clients is cut off, and somebody else does not notice.
func TestHostileClients(t *testing.T) {
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: newMemory(1 << 20)})})
	victim := connect(t, path, "a", true)
	huge := func(opt uint32) []byte {
		b := option(opt, nil)
		binary.BigEndian.PutUint32(b[12:], 1<<32-1)
		return b
	}
	badMagic := command(0, cmdRead, 1, 0, 512, nil)
	badMagic[3]++
	for _, h := range []struct {
		what string
		at   int // 0: instead of the client's flags, 1: as an option, 2: as a command
		data []byte
	}{
		{"unknown client flags", 0, []byte{0, 0, 0, 4}},
		{"HTTP", 0, []byte("GET / HTTP/1.1\r\n\r\n")},
		{"option with bad magic", 1, []byte("NBDMAGIC\x00\x00\x00\x07\x00\x00\x00\x00")},
		{"huge known option", 1, huge(optGo)},
		{"huge unknown option", 1, huge(99)},
		{"name with NUL", 1, option(optExportName, []byte("a\x00"))},
		{"long name", 1, option(optExportName, make([]byte, 5000))},
		{"command with bad magic", 2, badMagic},
		{"huge write", 2, command(0, cmdWrite, 1, 0, 1<<32-1, nil)},
		{"option after the handshake", 2, append(option(optList, nil), make([]byte, 28)...)},
		{"reply instead of a request", 2,
			append([]byte{0x67, 0x44, 0x66, 0x98}, make([]byte, 28)...)},
		{"commands after a disconnect", 2, append(command(0, cmdDisc, 0, 0, 0, nil),
			command(0, cmdRead, 1, 0, 512, nil)...)},
	} {
		var c *client
		switch h.at {
		case 0:
			c = dial(t, path)
			c.read(18)
		case 1:
			c = hello(t, path, fixedNewstyle)
		case 2:
			c = connect(t, path, "a", false)
		}
		c.write(h.data)
		t.Log(h.what)
		c.gone()
		if r := victim.do(0, cmdRead, 0, 4096, nil); r.errno != 0 {
			t.Fatalf("%s: somebody else's read fails: %d", h.what, r.errno)
		}
	}
}

// Half a handshake does not hold a connection for long.
func TestHandshakeTimeout(t *testing.T) {
	path := serve(t, &Server{HandshakeTimeout: 50 * time.Millisecond,
		Exports: fixed(Export{Name: "a", Device: newMemory(1 << 20)})})
	working := connect(t, path, "a", false)
	silent := dial(t, path)
	silent.read(18)
	half := hello(t, path, fixedNewstyle)
	half.write(option(optGo, infoData("a"))[:20])
	silent.gone()
	half.gone()
	if r := working.do(0, cmdRead, 0, 512, nil); r.errno != 0 {
		t.Errorf("the time limit holds after the handshake: %d", r.errno)
	}
}

// A request that never becomes whole holds up the end no longer than the grace.
func TestStopWithHalfARequest(t *testing.T) {
	s := &Server{StopGrace: 50 * time.Millisecond,
		Exports: fixed(Export{Name: "a", Device: newMemory(1 << 20)})}
	path := serve(t, s)
	c, d := connect(t, path, "a", false), connect(t, path, "a", false)
	c.write(command(0, cmdWrite, 1, 0, 1<<20, make([]byte, 100)))
	d.write(command(0, cmdWrite, 1, 0, 512, nil)[:5])
	time.Sleep(20 * time.Millisecond) // so that the server is in the midst of them
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	if err := s.Withdraw(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	c.gone()
	d.gone()
}

// Overlapping requests in flight are all answered, and the last write to a place is whole.
func TestOverlappingCommands(t *testing.T) {
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: newMemory(1 << 20)})})
	c := connect(t, path, "a", false)
	var all []byte
	for i := range uint64(100) {
		data := make([]byte, 4096)
		for j := range data {
			data[j] = byte(i)
		}
		// All have the same cookie, which is the client's own trouble.
		all = append(all, command(uint16(i%2), cmdWrite, 5, 512*(i%8), 4096, data)...)
	}
	c.write(all)
	for range 100 {
		if r := c.reply(0, 0); r.cookie != 5 || r.errno != 0 {
			t.Fatalf("%+v", r)
		}
	}
	r := c.do(0, cmdRead, 512*3, 4096, nil)
	for i, b := range r.data {
		if b != 99 {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}
