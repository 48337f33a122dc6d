package nbd

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net"
	"testing"
	"time"
)

func TestListAndInfo(t *testing.T) {
	path := serve(t, &Server{Exports: fixed(
		Export{Name: "a", Description: "first", Device: newMemory(1 << 20)},
		Export{Name: "b", Device: newMemory(4096), ReadOnly: true, MultiConn: true, MinBlock: 512},
		Export{Name: "bad", Device: newMemory(1000), MinBlock: 512})})
	c := hello(t, path, fixedNewstyle|noZeroes)
	all := c.option(optList, nil)
	if len(all) != 3 || string(all[0].data) != "\x00\x00\x00\x01afirst" ||
		string(all[1].data) != "\x00\x00\x00\x01b" {
		t.Fatalf("list: %v", all)
	}
	all = c.option(optInfo, infoData("b", infoName, infoDescription, infoBlockSize))
	if len(all) != 4 || last(all) != repAck {
		t.Fatalf("info: %v", all)
	}
	want := uint16(flagHasFlags | flagReadOnly | flagSendFlush | flagSendFUA | flagMultiConn |
		flagSendCache)
	if f := binary.BigEndian.Uint16(all[0].data[10:]); f != want {
		t.Errorf("flags of a read-only export %#x, want %#x", f, want)
	}
	if want := []byte("\x00\x03\x00\x00\x02\x00\x00\x00\x10\x00\x02\x00\x00\x00"); !bytes.Equal(
		all[2].data, want) {
		t.Errorf("block sizes %x, want %x", all[2].data, want)
	}
	for _, o := range []struct {
		what string
		opt  uint32
		data []byte
		want uint32
	}{
		{"list with data", optList, []byte{1}, repErrInvalid},
		{"unknown export", optGo, infoData("x"), repErrUnknown},
		{"export that is not well-formed", optGo, infoData("bad"), repErrUnknown},
		{"no name, several exports", optGo, infoData(""), repErrUnknown},
		{"name longer than the option", optInfo, []byte{0, 0, 1, 0, 'a', 0, 0}, repErrInvalid},
		{"name length beyond all", optGo, []byte{255, 255, 255, 255, 0, 0}, repErrInvalid},
		{"items missing", optInfo, []byte{0, 0, 0, 1, 'a', 0, 9}, repErrInvalid},
		{"bytes left over", optInfo, append(infoData("a"), 0), repErrInvalid},
		{"NUL in a name", optInfo, infoData("a\x00"), repErrInvalid},
		{"structured with data", optStructured, []byte{1}, repErrInvalid},
		{"context before structured", optSetMetaContext, metaData("a", allocationName),
			repErrInvalid},
		{"TLS where there is none", optStartTLS, nil, repErrUnsup},
		{"withdrawn option", 4, nil, repErrUnsup},
		{"option of the future", 77, make([]byte, 1000), repErrUnsup},
		{"list contexts", optListMetaContext, metaData("a"), repAck},
		{"context of an unknown export", optListMetaContext, metaData("x"), repErrUnknown},
		{"query count beyond all", optListMetaContext,
			append(metaData("a")[:5], 255, 255, 255, 255), repErrInvalid},
		{"structured", optStructured, nil, repAck},
		{"context", optSetMetaContext, metaData("a", "x:y", "base:allocation"), repAck},
	} {
		if got := last(c.option(o.opt, o.data)); got != o.want {
			t.Errorf("%s: %#x, want %#x", o.what, got, o.want)
		}
	}
	if k := last(c.option(optAbort, nil)); k != repAck {
		t.Errorf("abort: %#x", k)
	}
	c.gone()
}

func TestOldClientsChooseByName(t *testing.T) {
	path := serve(t, &Server{Exports: fixed(Export{Name: "a", Device: newMemory(8192)})})
	for _, flags := range []uint32{fixedNewstyle, fixedNewstyle | noZeroes, 0} {
		c := hello(t, path, flags)
		c.write(option(optExportName, nil)) // the only export is the default
		b := c.read(10)
		if n := binary.BigEndian.Uint64(b); n != 8192 {
			t.Fatalf("size %d", n)
		}
		if flags&noZeroes == 0 && !bytes.Equal(c.read(124), make([]byte, 124)) {
			t.Fatal("padding is not zero")
		}
		if r := c.do(0, cmdRead, 0, 8192, nil); r.errno != 0 || len(r.data) != 8192 {
			t.Fatalf("read: %d", r.errno)
		}
	}
	c := hello(t, path, fixedNewstyle)
	c.write(option(optExportName, []byte("other")))
	c.gone()
}

// A client that does not ask for block sizes must not be surprised by large ones.
func TestLargeMinimumBlock(t *testing.T) {
	path := serve(t, &Server{Exports: fixed(
		Export{Name: "a", Device: newMemory(1 << 20), MinBlock: 4096})})
	c := hello(t, path, fixedNewstyle)
	all := c.option(optGo, infoData("a"))
	if last(all) != repErrBlockSize || len(all) != 3 {
		t.Fatalf("go without block sizes: %#x after %d", last(all), len(all))
	}
	if k := last(c.option(optGo, infoData("a", infoBlockSize))); k != repAck {
		t.Fatalf("go: %#x", k)
	}
	if r := c.do(0, cmdRead, 512, 512, nil); r.errno != errnoInvalid {
		t.Errorf("unaligned read: %d", r.errno)
	}
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"node"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:    time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestTLS(t *testing.T) {
	config, pool := certificate(t)
	path := serve(t, &Server{TLS: config, RequireTLS: true,
		Exports: fixed(Export{Name: "a", Device: newMemory(4 << 20)})})
	c := hello(t, path, fixedNewstyle|noZeroes)
	for _, opt := range []uint32{optList, optStructured, 77} {
		if k := last(c.option(opt, nil)); k != repErrTLSRequired {
			t.Errorf("option %d without TLS: %#x", opt, k)
		}
	}
	if k := last(c.option(optGo, infoData("a"))); k != repErrTLSRequired {
		t.Errorf("go without TLS: %#x", k)
	}
	if k := last(c.option(optStartTLS, nil)); k != repAck {
		t.Fatalf("TLS: %#x", k)
	}
	secure := tls.Client(c.nc, &tls.Config{RootCAs: pool, ServerName: "node"})
	c.nc = secure
	c.in.Reset(secure)
	if k := last(c.option(optStartTLS, nil)); k != repErrInvalid {
		t.Errorf("TLS twice: %#x", k)
	}
	if k := last(c.option(optGo, infoData("a"))); k != repAck {
		t.Fatalf("go: %#x", k)
	}
	data := bytes.Repeat([]byte("pitch"), 400_000)
	if r := c.do(cmdFUA, cmdWrite, 7, uint32(len(data)), data); r.errno != 0 {
		t.Fatalf("write: %d", r.errno)
	}
	if r := c.do(0, cmdRead, 7, uint32(len(data)), nil); !bytes.Equal(r.data, data) {
		t.Fatal("data differs")
	}

	c = hello(t, path, fixedNewstyle)
	c.write(option(optExportName, []byte("a")))
	c.gone()

	// What comes in the clear behind STARTTLS must not be taken for something protected.
	c = hello(t, path, fixedNewstyle)
	c.write(append(option(optStartTLS, nil), option(optGo, infoData("a"))...))
	if k := binary.BigEndian.Uint32(c.read(20)[12:]); k != repAck {
		t.Fatalf("TLS: %#x", k)
	}
	rest, _ := c.in.Peek(1)
	if len(rest) == 1 && rest[0] != 21 { // a TLS alert
		t.Errorf("answer in the clear begins with %#x", rest)
	}

	if err := (&Server{RequireTLS: true}).Serve(context.Background(), listen(t)); err != ErrNoTLS {
		t.Errorf("required without configuration: %v", err)
	}
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}
