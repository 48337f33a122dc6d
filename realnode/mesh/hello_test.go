package mesh

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

var (
	someParty = party{versions: versions{1, 3}, cluster: "lab", name: "alpha", id: 7, incarnation: -5,
		nonce: 1 << 63, features: ours}
	someHello = hello{party: someParty, version: 2, wantID: 9, wantName: "beta", purpose: bulk,
		ping: 5 * time.Second}
	someVerdict = verdict{3, "no"}
)

func TestHandshakeRecords(t *testing.T) {
	future := []byte("what a later version says besides")
	if p, err := decodeWelcome(append(someParty.encode(), future...)); p != someParty || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if h, err := decodeHello(append(someHello.encode(), future...)); h != someHello || err != nil {
		t.Errorf("%+v, %v", h, err)
	}
	v, err := decodeVerdict(append(someVerdict.encode(), future...))
	if v != someVerdict || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
	for n := range len(someHello.encode()) {
		if _, err := decodeHello(someHello.encode()[:n]); !errors.Is(err, ErrFrame) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	good := recordOf(recordHello, someHello.encode())
	for bit := range 8 * len(good) {
		b := append(bytes.Clone(good), make([]byte, maxRecord)...)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := readRecord(bytes.NewReader(b), recordHello); !errors.Is(err, ErrFrame) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	for n := range len(good) {
		if _, err := readRecord(bytes.NewReader(good[:n]), recordHello); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
	}
	// What follows a record stays where it is: it belongs to whoever gets the connection.
	r := bytes.NewReader(append(good, "rest"...))
	if _, err := readRecord(r, recordHello); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "rest" {
		t.Errorf("%q is left", rest)
	}
}

func TestNamesAndReasonsAreHarmless(t *testing.T) {
	for _, name := range []string{"", "a b", "a\x1b[2J", "ä", strings.Repeat("x", maxName+1)} {
		p := someParty
		p.name = name
		if _, err := decodeWelcome(p.encode()); !errors.Is(err, ErrFrame) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	v := verdict{1, "red\x1b[31m\nline" + strings.Repeat("x", 2*maxReason)}
	back, err := decodeVerdict(v.encode())
	if err != nil || len(back.reason) != maxReason ||
		!strings.HasPrefix(back.reason, "red?[31m?line") {
		t.Errorf("%q, %v", back.reason, err)
	}
}

func TestCommonVersion(t *testing.T) {
	for _, c := range []struct {
		a, b versions
		want uint16
	}{
		{versions{1, 1}, versions{1, 1}, 1}, {versions{1, 4}, versions{2, 9}, 4},
		{versions{3, 5}, versions{1, 2}, 0}, {versions{1, 2}, versions{3, 5}, 0},
		{versions{1, 9}, versions{3, 3}, 3}, {versions{1, 3}, versions{3, 5}, 3},
	} {
		if got, back := c.a.common(c.b), c.b.common(c.a); got != c.want || back != c.want {
			t.Errorf("%v and %v: %d, %d; expected %d", c.a, c.b, got, back, c.want)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add(recordOf(recordWelcome, someParty.encode()))
	f.Add(recordOf(recordHello, someHello.encode()))
	f.Add(recordOf(recordVerdict, someVerdict.encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		for kind := uint8(recordWelcome); kind <= recordVerdict; kind++ {
			body, err := readRecord(bytes.NewReader(b), kind)
			if err != nil {
				body = b // the decoders must bear anything
			}
			if p, err := decodeWelcome(body); err == nil && !bytes.HasPrefix(body, p.encode()) {
				t.Fatalf("welcome %x became %x", body, p.encode())
			}
			if h, err := decodeHello(body); err == nil && !bytes.HasPrefix(body, h.encode()) {
				t.Fatalf("hello %x became %x", body, h.encode())
			}
			if v, err := decodeVerdict(body); err == nil && len(v.encode()) > len(body) {
				t.Fatalf("verdict %x became %x", body, v.encode())
			}
		}
	})
}
