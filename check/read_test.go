package check

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// plain is a line that is right, for errors on the second line.
const plain = `{"client":0,"op":"write","sector":7,"id":1,"call":137,"return":195}` + "\n"

func TestReadHistory(t *testing.T) {
	const text = plain +
		`{"client":1,"op":"read","resource":"lv3","sector":7,"id":0,"call":0,"return":null,` +
		`"host":"A","epoch":3}` + "\n" +
		` { "epoch" : 4 , "id":18446744073709551615, "op":"write", "sector":0, "client":2, ` +
		`"return":9223372036854775807, "call":1, "host":"\u00e9", "resource":"" }` + " \r\n"
	want := History{
		{Kind: Write, Sector: 7, ID: 1, Call: 137, Return: 195},
		{Client: 1, Resource: "lv3", Sector: 7, Unknown: true, Host: "A", Epoch: 3},
		{Client: 2, Kind: Write, ID: math.MaxUint64, Call: 1, Return: math.MaxInt64, Host: "é",
			Epoch: 4},
	}
	for _, r := range []io.Reader{
		strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)),
	} {
		got, err := ReadHistory(r, "h.jsonl")
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v\nwant %v", got, err, want)
		}
	}
	if h, err := ReadHistory(strings.NewReader(""), "h.jsonl"); len(h) != 0 || err != nil {
		t.Error("an empty file:", h, err)
	}
}

func TestReadHistoryErrors(t *testing.T) {
	// Each line follows plain; $ stands for the fields of a right one.
	const fields = `"client":0,"op":"read","sector":7,"id":1,"call":5,"return":9`
	for _, c := range []struct{ line, want string }{
		{`{"client":0,"op":"wirte","sector":7,"id":1,"call":5,"return":9}`,
			`field "op": expected "read" or "write", got "wirte"`},
		{`{"client":0,"op":"write","sector":7,"id":0,"call":5,"return":9}`,
			`field "id": expected the id of a write to be at least 1, got 0, the initial content`},
		{plain[:len(plain)-1], `field "id": expected an id that was not yet written to sector 7, ` +
			`got 1, which line 1 wrote`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":5,"return":4}`,
			`field "return": expected a time of at least 5, when it was called, got 4`},
		{`{"client":0,"op":"read","sector":-7,"id":1,"call":5,"return":9}`,
			`field "sector": expected an integer from 0 to 2^64-1, got -7`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":-5,"return":9}`,
			`field "call": expected a time of at least 0 ns, got -5`},
		{`{"client":-1,"op":"read","sector":7,"id":1,"call":5,"return":9}`,
			`field "client": expected an integer from 0 to 2147483647, got -1`},
		{`{"client":0,"op":"read","sector":"7","id":1,"call":5,"return":9}`,
			`field "sector": expected an integer from 0 to 2^64-1, got "7"`},
		{`{"client":0,"op":"read","sector":7,"id":1.5,"call":5,"return":9}`,
			`field "id": expected an integer from 0 to 2^64-1, got 1.5`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":1e3,"return":9}`,
			`field "call": expected an integer of 64 bits, got 1e3`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":5,"return":true}`,
			`field "return": expected an integer or null, got true`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":null,"return":9}`,
			`field "call": expected an integer, got null`},
		{`{"client":0,"op":["read"],"sector":7,"id":1,"call":5,"return":9}`,
			`field "op": expected "read" or "write", got an array`},
		{`{$,"host":{}}`, `field "host": expected a string, got an object`},
		{`{$,"Host":"A"}`, `field "Host": expected one of the fields of an operation, not this one`},
		{`{$,"id":1}`, `field "id": expected once, got twice`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":5}`,
			`field "return": expected a value, got none`},
		{`{$}{$}`, `expected one JSON object a line, got more`},
		{`{$`, `expected a whole JSON object, got the end of the line`},
		{``, `expected a JSON object, got the end of the line`},
		{`[]`, `expected a JSON object`},
		{"{$,\"host\":\"\xff\"}", `expected UTF-8`},
		{`{$,"host":"` + strings.Repeat("x", maxLine) + `"}`,
			`expected a line of at most 1048576 bytes`},
		{`{$,"epoch":18446744073709551616}`,
			`field "epoch": expected an integer from 0 to 2^64-1, got 18446744073709551616`},
		{`{"client":0,"op":"read","sector":7,"id":1,"call":5,"return":09}`,
			`expected a JSON object: invalid character '9' after object key:value pair`},
	} {
		line := strings.ReplaceAll(c.line, "$", fields)
		_, err := ReadHistory(strings.NewReader(plain+line+"\n"), "h.jsonl")
		var parse *ParseError
		if !errors.As(err, &parse) || parse.Line != 2 || parse.File != "h.jsonl" {
			t.Errorf("%.100s: error %v", line, err)
		} else if got := err.Error(); got != "h.jsonl:2: "+c.want {
			t.Errorf("%.100s:\n got %s\nwant h.jsonl:2: %s", line, got, c.want)
		}
	}
	_, err := ReadHistory(strings.NewReader(plain+plain[:40]), "h.jsonl")
	if err == nil || !strings.HasPrefix(err.Error(), "h.jsonl:2: expected a newline") {
		t.Error("cut off:", err)
	}
	broken := errors.New("the disk is gone")
	_, err = ReadHistory(io.MultiReader(strings.NewReader(plain), iotest.ErrReader(broken)), "h")
	if !errors.Is(err, broken) {
		t.Error("an error of the reader:", err)
	}
}

func TestLongestLine(t *testing.T) {
	rest := len(appendOp(nil, &Op{Host: "x"})) - 2 // without x and the newline
	h := History{{Host: strings.Repeat("x", maxLine-rest)}, {}}
	var b bytes.Buffer
	if err := WriteHistory(&b, h); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadHistory(&b, "h"); err != nil || !slices.Equal(got, h) {
		t.Error(err)
	}
	h[0].Host += "x"
	if err := WriteHistory(io.Discard, h); err == nil {
		t.Error("a line was written that is too long to be read")
	}
}

func TestWriteHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	hosts := []string{"", "A", "höst", "a\"b\\c\n<>&\u2028"}
	for range 200 {
		h := closedLoop(r, loop{clients: 3, ops: r.IntN(2000), sectors: 5, unknown: 0.1,
			idStep: 1 << r.IntN(50)})
		for i := range h {
			h[i].Resource, h[i].Host = hosts[r.IntN(4)], hosts[r.IntN(4)]
			h[i].Epoch = r.Uint64() >> r.IntN(65)
		}
		w := &wholeLines{t: t}
		if err := WriteHistory(w, h); err != nil {
			t.Fatal(err)
		}
		got, err := ReadHistory(&w.Buffer, "h")
		if err != nil || !slices.Equal(got, h) {
			t.Fatalf("%v: got\n%s\nwant\n%s", err, listing(got), listing(h))
		}
	}
}

// wholeLines fails the test if a write ends within a line.
type wholeLines struct {
	bytes.Buffer
	t *testing.T
}

func (w *wholeLines) Write(p []byte) (int, error) {
	if !bytes.HasSuffix(p, []byte("\n")) {
		w.t.Error("a write ends within a line")
	}
	return w.Buffer.Write(p)
}

func TestWriteHistoryRefuses(t *testing.T) {
	write := Op{Kind: Write, ID: 1}
	for _, h := range []History{
		{write, write}, {{Kind: Write}}, {{Client: -1}}, {{Call: -1}}, {{Call: 1}},
		{{Kind: 7}}, {{Host: "\xff"}}, {{Resource: "\xff"}},
	} {
		var b bytes.Buffer
		if err := WriteHistory(&b, h); err == nil || b.Len() != 0 {
			t.Errorf("%v: error %v, %d bytes written", h, err, b.Len())
		}
	}
	if err := WriteHistory(failing{}, History{write}); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// FuzzReadHistory makes sure that nothing panics, that the fast way agrees with the slow one,
// and that what was read can be written and read again.
func FuzzReadHistory(f *testing.F) {
	f.Add([]byte(plain))
	f.Fuzz(func(t *testing.T, text []byte) {
		for line := range bytes.Lines(text) {
			bothWays(t, bytes.TrimSuffix(line, []byte("\n")))
		}
		h, err := ReadHistory(bytes.NewReader(text), "h")
		if err != nil {
			var parse *ParseError
			if !errors.As(err, &parse) || parse.Msg == "" || h != nil {
				t.Fatalf("%v with %v", h, err)
			}
			return
		}
		var b bytes.Buffer
		if err := WriteHistory(&b, h); err != nil {
			t.Fatal(err)
		}
		again, err := ReadHistory(&b, "again")
		if err != nil || !slices.EqualFunc(h, again, sameMeaning) {
			t.Fatalf("%v: %v became %v", err, h, again)
		}
		Linearizable(h, LinOptions{})
	})
}

func bothWays(t *testing.T, line []byte) {
	p := parser{names: make(map[string]string)}
	var fast, slow Op
	if !p.fast(line, &fast) {
		return
	}
	if field, msg := p.slow(line, &slow); msg != "" || fast != slow {
		t.Fatalf("%q: the fast way gives %v, the slow one %v, %s %s", line, fast, slow, field, msg)
	}
}

func sameMeaning(a, b Op) bool { return a == b }

// TestReadHistorySpeed reads 300,000 lines, which takes about 0.1 s: the limit is wide, so that
// it only notices when lines in canonical form no longer go the fast way.
func TestReadHistorySpeed(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	h := closedLoop(r, loop{clients: 16, ops: 300_000, sectors: 1024, idStep: 1})
	var b bytes.Buffer
	if err := WriteHistory(&b, h); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got, err := ReadHistory(&b, "h")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("%d lines took %v", len(h), took)
	}
	if err != nil || !slices.Equal(got, h) {
		t.Error(err)
	}
}

func BenchmarkReadHistory(b *testing.B) {
	r := rand.New(rand.NewPCG(8, 0))
	h := closedLoop(r, loop{clients: 16, ops: 1_000_000, sectors: 1024, idStep: 1})
	var buf bytes.Buffer
	if err := WriteHistory(&buf, h); err != nil {
		b.Fatal(err)
	}
	text := buf.Bytes()
	for _, form := range []string{"canonical", "other"} {
		in := text
		if form == "other" {
			in = bytes.ReplaceAll(text, []byte(`,"op"`), []byte(`, "op"`))
		}
		b.Run("1M-lines/form="+form, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadHistory(bytes.NewReader(in), "h"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
