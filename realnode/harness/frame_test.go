package harness

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
		typ  Type
		body []byte
	}
	var list []frame
	var b []byte
	for _, n := range []int{0, 1, 12, 13, 4095, readAhead, readAhead + 1, 300_000, MaxBody, 5} {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(random.Uint64())
		}
		f := frame{Type(random.Uint64()), body}
		list = append(list, f)
		cut := n / 3
		b = AppendFrame(b, f.typ, body[:cut], body[cut:])
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(b), "in pieces": iotest.HalfReader(bytes.NewReader(b)),
	} {
		fr := NewReader(r)
		for i, want := range list {
			typ, body, err := fr.Next()
			if err != nil || typ != want.typ || !bytes.Equal(body, want.body) {
				t.Fatalf("%s, frame %d: type %d, %d bytes, %v; expected type %d, %d bytes",
					name, i, typ, len(body), err, want.typ, len(want.body))
			}
		}
		if _, _, err := fr.Next(); err != io.EOF {
			t.Errorf("%s: at the end: %v, expected EOF", name, err)
		}
	}
}

// TestEveryFlippedBit changes one bit at a time: no change may go unnoticed.
func TestEveryFlippedBit(t *testing.T) {
	good := AppendFrame(nil, 3, []byte("head"), []byte("body"))
	for bit := range 8 * len(good) {
		b := bytes.Clone(good)
		b[bit/8] ^= 1 << (bit % 8)
		if _, _, err := NewReader(bytes.NewReader(b)).Next(); !errors.Is(err, ErrFrame) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	for n := 1; n < len(good); n++ {
		if _, _, err := NewReader(bytes.NewReader(good[:n])).Next(); !errors.Is(err, ErrFrame) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestLyingLength makes sure that a length costs no memory before the bytes are there.
func TestLyingLength(t *testing.T) {
	b := AppendFrame(nil, 1, nil, make([]byte, 100))
	binary.LittleEndian.PutUint32(b[4:], MaxBody)
	r := NewReader(bytes.NewReader(b))
	if _, _, err := r.Next(); !errors.Is(err, ErrFrame) {
		t.Error(err)
	}
	if cap(r.body) > 4*readAhead {
		t.Errorf("%d bytes were taken for a frame of 100", cap(r.body))
	}
}

func TestStreamErrorsPass(t *testing.T) {
	broken := errors.New("broken")
	b := AppendFrame(nil, 1, nil, make([]byte, 100))
	for _, n := range []int{0, 5, 50} {
		r := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
		if _, _, err := NewReader(r).Next(); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestFramesDoNotAllocate(t *testing.T) {
	body := make([]byte, 1000)
	var b []byte
	encode := func() {
		head := EncodeNumber(12)
		b = AppendFrame(b[:0], TypeControl, head[:], body)
	}
	encode()
	if n := testing.AllocsPerRun(100, encode); n > 0 {
		t.Errorf("encoding allocates %v times", n)
	}
	src := bytes.NewReader(nil)
	r := NewReader(src)
	decode := func() {
		src.Reset(b)
		if _, _, err := r.Next(); err != nil {
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
		r := NewReader(bytes.NewReader(b))
		for at := 0; ; {
			typ, body, err := r.Next()
			if err != nil {
				if err == io.EOF && at != len(b) {
					t.Fatalf("EOF at %d of %d bytes", at, len(b))
				}
				return
			}
			again := AppendFrame(nil, typ, body, nil)
			if !bytes.HasPrefix(b[at:], again) {
				t.Fatalf("the frame at %d was read as type %d with %d bytes", at, typ, len(body))
			}
			at += len(again)
			decodeAll(t, body)
		}
	})
}

func decodeAll(t *testing.T, b []byte) {
	if m, ev, body, err := DecodeRequest(b); err == nil {
		head := EncodeRequest(&node.Request{Machine: m, Op: ev.Op, Tag: ev.Tag, Sector: ev.Off, N: ev.N,
			Flags: ev.Seg})
		if !bytes.Equal(append(head[:], body...), b) {
			t.Fatalf("request %x changed", b)
		}
	}
	if o, body, err := DecodeReply(b); err == nil {
		if head := EncodeReply(o.Tag, o.Code, o.Epoch); !bytes.Equal(append(head[:], body...), b) {
			t.Fatalf("reply %x changed", b)
		}
	}
	if list, err := DecodePeers(b); err == nil {
		var again []byte
		for _, p := range list {
			again = AppendPeer(again, p)
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
	r := NewReader(src)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendFrame(buf[:0], TypeRequest, body[:8], body[8:])
		src.Reset(buf)
		if _, _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
