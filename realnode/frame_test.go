package realnode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/container-football/pitch/node"
)

func TestFramesRoundTrip(t *testing.T) {
	random := node.NewStream(1, "frames")
	type frame struct {
		typ  frameType
		body []byte
	}
	var list []frame
	var b []byte
	for _, n := range []int{0, 1, 12, 13, 4095, readAhead, readAhead + 1, 300_000, maxBody, 5} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(random.Uint64())
		}
		f := frame{frameType(random.Uint64()), body}
		list = append(list, f)
		cut := n / 3
		b = appendFrame(b, f.typ, body[:cut], body[cut:])
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(b), "in pieces": iotest.HalfReader(bytes.NewReader(b)),
	} {
		fr := newFrameReader(r)
		for i, want := range list {
			typ, body, err := fr.next()
			if err != nil || typ != want.typ || !bytes.Equal(body, want.body) {
				t.Fatalf("%s, frame %d: type %d, %d bytes, %v; expected type %d, %d bytes",
					name, i, typ, len(body), err, want.typ, len(want.body))
			}
		}
		if _, _, err := fr.next(); err != io.EOF {
			t.Errorf("%s: at the end: %v, expected EOF", name, err)
		}
	}
}

// TestEveryFlippedBit changes one bit at a time: no change may go unnoticed.
func TestEveryFlippedBit(t *testing.T) {
	good := appendFrame(nil, 3, []byte("head"), []byte("body"))
	for bit := range 8 * len(good) {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		if _, _, err := newFrameReader(bytes.NewReader(b)).next(); !errors.Is(err, ErrFrame) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, _, err := newFrameReader(bytes.NewReader(good[:n])).next(); !errors.Is(err, ErrFrame) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestLyingLength makes sure that a length costs no memory before the bytes are there.
func TestLyingLength(t *testing.T) {
	b := appendFrame(nil, 1, nil, make([]byte, 100))
	binary.LittleEndian.PutUint32(b[4:], maxBody)
	r := newFrameReader(bytes.NewReader(b))
	if _, _, err := r.next(); !errors.Is(err, ErrFrame) {
		t.Error(err)
	}
	if cap(r.body) > 4*readAhead {
		t.Errorf("%d bytes were taken for a frame of 100", cap(r.body))
	}
}

func TestStreamErrorsPass(t *testing.T) {
	broken := errors.New("broken")
	b := appendFrame(nil, 1, nil, make([]byte, 100))
	for _, n := range []int{0, 5, 50} {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, _, err := newFrameReader(r).next(); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestFramesDoNotAllocate(t *testing.T) {
	body := make([]byte, 1000)
	var b []byte
	encode := func() {
		head := encodeMessage(1, 2)
		b = appendFrame(b[:0], frameMessage, head[:], body)
	}
	encode()
	if n := testing.AllocsPerRun(100, encode); n > 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	src := bytes.NewReader(nil)
	r := newFrameReader(src)
	decode := func() {
		src.Reset(b)
		if _, _, err := r.next(); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if n := testing.AllocsPerRun(100, decode); n > 0 {
		t.Errorf("decoding allocates %v times", n)
	}
}

// FuzzFrame feeds arbitrary bytes to the decoder, and to the decoders of bodies behind it. What
// can be decoded must encode to the same bytes. Seeds are in testdata.
func FuzzFrame(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newFrameReader(bytes.NewReader(b))
		for at := 0; ; {
			typ, body, err := r.next()
			if err != nil {
				if err == io.EOF && at != len(b) {
					t.Fatalf("EOF at %d of %d bytes", at, len(b))
				}
				return
			}
			again := appendFrame(nil, typ, body, nil)
			if !bytes.HasPrefix(b[at:], again) {
				t.Fatalf("the frame at %d was read as type %d with %d bytes", at, typ, len(body))
			}
			at += len(again)
			decodeAll(t, body)
		}
	})
}

func decodeAll(t *testing.T, b []byte) {
	if h, err := decodeHello(b); err == nil {
		if again := h.encode(); !bytes.Equal(again[:], b) {
			t.Fatalf("hello %x became %x", b, again)
		}
	}
	if from, to, body, err := decodeMessage(b); err == nil {
		if head := encodeMessage(from, to); !bytes.Equal(append(head[:], body...), b) {
			t.Fatalf("message %x changed", b)
		}
	}
	if m, ev, body, err := decodeRequest(b); err == nil {
		head := encodeRequest(&node.Request{Machine: m, Op: ev.Op, Tag: ev.Tag, Sector: ev.Off, N: ev.N})
		if !bytes.Equal(append(head[:], body...), b) {
			t.Fatalf("request %x changed", b)
		}
	}
	if o, body, err := decodeReply(b); err == nil {
		if head := encodeReply(o.Tag, o.Code, o.Epoch); !bytes.Equal(append(head[:], body...), b) {
			t.Fatalf("reply %x changed", b)
		}
	}
	if list, err := decodePeers(b); err == nil {
		var again []byte
		for _, p := range list {
			again = appendPeer(again, p)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("peers %x became %x", b, again)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	body := make([]byte, 4096)
	var buf []byte
	src := bytes.NewReader(nil)
	r := newFrameReader(src)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		buf = appendFrame(buf[:0], frameMessage, body[:8], body[8:])
		src.Reset(buf)
		if _, _, err := r.next(); err != nil {
			b.Fatal(err)
		}
	}
}
