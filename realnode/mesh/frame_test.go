package mesh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/container-football/pitch/internal/squeeze"
	"github.com/container-football/pitch/node"
)

const testSalt = 0xfeedbeef

// sealed makes frames out of messages, as a session does.
func sealed(t testing.TB, piece int, codec Compression, bodies ...[]byte) []byte {
	t.Helper()
	q := queue{class: node.ClassLog, limit: 1 << 30}
	for _, b := range bodies {
		if !q.put(1, 2, b, piece) {
			t.Fatal("no room")
		}
	}
	s := session{seal: sealer{salt: testSalt}}
	for q.head != nil {
		run, spent, _ := q.pop(batchLimit)
		for len(run) > 0 {
			n := frameHead + headerOf(run).length
			s.packFrame(codec, run[:n])
			run = run[n:]
		}
		if spent != nil {
			spent.free()
		}
	}
	return s.packed
}

// opened reads frames until there is an error.
func opened(r io.Reader) (messages [][]byte, err error) {
	f := newFrameReader(r, testSalt)
	var parts assembler
	for {
		fr, err := f.next()
		if err != nil {
			return messages, err
		}
		if fr.typ != frameMessage || fr.class >= node.Classes {
			return messages, errors.New("not a message")
		}
		m, complete, err := parts.add(fr)
		if err != nil {
			return messages, err
		}
		if complete {
			messages = append(messages, bytes.Clone(m.body))
		}
	}
}

func TestFramesRoundTrip(t *testing.T) {
	var bodies [][]byte
	for i, n := range []int{0, 1, 11, 4095, 4096, squeeze.Least, 65_536, chunk, chunk + 1, 300_000,
		MaxMessage, 5} {
		bodies = append(bodies, pattern(i, n), bytes.Repeat([]byte("ball "), n/5))
	}
	for _, codec := range []Compression{None, S2, Zstd} {
		for _, piece := range []int{chunk, 5000} {
			b := sealed(t, piece, codec, bodies...)
			for name, r := range map[string]io.Reader{
				"whole": bytes.NewReader(b), "halves": iotest.HalfReader(bytes.NewReader(b)),
			} {
				list, err := opened(r)
				if err != io.EOF || len(list) != len(bodies) {
					t.Fatalf("%v, %d, %s: %d messages, %v", codec, piece, name, len(list), err)
				}
				for i := range list {
					if !bytes.Equal(list[i], bodies[i]) {
						t.Fatalf("%v, %d, %s: message %d is another one", codec, piece, name, i)
					}
				}
			}
		}
	}
}

// However a stream is changed, what is delivered is a beginning of what was sent, and then there is
// an error.
func TestNoChangeGoesUnnoticed(t *testing.T) {
	bodies := [][]byte{[]byte("first"), pattern(1, 700), nil, bytes.Repeat([]byte("x"), 300),
		[]byte("last")}
	for _, codec := range []Compression{None, S2, Zstd} {
		good := sealed(t, 256, codec, bodies...)
		frames := split(good)
		check := func(what string, at int, b []byte) {
			t.Helper()
			list, err := opened(bytes.NewReader(b))
			if !errors.Is(err, ErrFrame) {
				t.Fatalf("%v, %s at %d: %d messages, %v", codec, what, at, len(list), err)
			}
			for i := range list {
				if !bytes.Equal(list[i], bodies[i]) {
					t.Fatalf("%v, %s at %d: message %d is another one", codec, what, at, i)
				}
			}
		}
		for bit := range 8 * len(good) {
			b := bytes.Clone(good)
			b[bit/8] ^= 1 << (bit % 8)
			check("flip", bit, b)
		}
		ends := map[int]bool{0: true}
		for n, i := 0, 0; i < len(frames); i++ {
			n += len(frames[i])
			ends[n] = true
		}
		for n := range len(good) {
			if !ends[n] {
				check("cut", n, good[:n])
			}
		}
		for i := range frames {
			check("repetition", i, join(frames[:i+1], frames[i:]))
			if i+1 < len(frames) {
				check("loss", i, join(frames[:i], frames[i+1:]))
				check("exchange", i, join(frames[:i], frames[i+1:i+2], frames[i:i+1], frames[i+2:]))
			}
			for n := range len(frames[i]) {
				if n > 0 {
					check("hole", i, join(frames[:i], [][]byte{frames[i][n:]}, frames[i+1:]))
				}
			}
		}
		_, err := newFrameReader(bytes.NewReader(good), testSalt+1).next()
		if !errors.Is(err, ErrFrame) {
			t.Errorf("a frame of another connection: %v", err)
		}
	}
}

// split cuts a stream into its frames.
func split(b []byte) (frames [][]byte) {
	for len(b) > 0 {
		n := frameHead + headerOf(b).length
		frames = append(frames, b[:n])
		b = b[n:]
	}
	return frames
}

func join(lists ...[][]byte) (b []byte) {
	for _, l := range lists {
		for _, f := range l {
			b = append(b, f...)
		}
	}
	return b
}

// forge seals a frame of any kind.
func (s *sealer) forge(h header, body []byte) []byte {
	b := make([]byte, frameHead, frameHead+len(body))
	h.length = len(body)
	h.put(b)
	b = append(b, body...)
	s.seal(b)
	return b
}

func TestUnknownTypesAreIgnoredIfTheyMayBe(t *testing.T) {
	for _, ignorable := range []bool{true, false} {
		s := sealer{salt: testSalt}
		h := header{typ: 77, class: 99}
		if ignorable {
			h.flags = flagIgnorable | 1<<5
		}
		b := s.forge(h, []byte("from the future"))
		b = append(b, s.appendFrame(nil, framePing, make([]byte, 8))...)
		r := newFrameReader(bytes.NewReader(b), testSalt)
		f, err := r.next()
		if ignorable && (err != nil || f.typ != framePing) {
			t.Errorf("%+v, %v", f, err)
		}
		if !ignorable && !errors.Is(err, ErrFrame) {
			t.Errorf("%+v, %v", f, err)
		}
	}
}

// What a peer writes on purpose may be nonsense, too.
func TestNonsenseOfAPeerIsRefused(t *testing.T) {
	head := func(size uint32, rest int) []byte {
		b := make([]byte, messageHead+rest)
		binary.LittleEndian.PutUint32(b[8:], size)
		return b
	}
	first := header{typ: frameMessage, class: 1, flags: flagFirst}
	middle := header{typ: frameMessage, class: 1}
	last := header{typ: frameMessage, class: 1, flags: flagLast}
	whole := header{typ: frameMessage, class: 1, flags: flagFirst | flagLast}
	type piece struct {
		h    header
		body []byte
	}
	for name, list := range map[string][]piece{
		"short head":        {{whole, make([]byte, messageHead-1)}},
		"too long":          {{first, head(MaxMessage+1, 10)}},
		"longest":           {{first, head(1<<32-1, 10)}},
		"more than said":    {{whole, head(5, 6)}},
		"less than said":    {{whole, head(5, 4)}},
		"first is all":      {{first, head(5, 5)}},
		"no beginning":      {{middle, make([]byte, 3)}},
		"two beginnings":    {{first, head(50, 5)}, {first, head(50, 5)}},
		"empty middle":      {{first, head(50, 5)}, {middle, nil}},
		"overflow":          {{first, head(50, 5)}, {middle, make([]byte, 46)}},
		"too early an end":  {{first, head(50, 5)}, {last, make([]byte, 44)}},
		"no end":            {{first, head(50, 5)}, {middle, make([]byte, 45)}},
		"unknown flag":      {{header{typ: frameMessage, flags: 1<<4 | 3}, head(0, 0)}},
		"unknown codec":     {{header{typ: frameMessage, flags: 3, codec: 9}, head(0, 0)}},
		"no s2":             {{header{typ: frameMessage, flags: 3, codec: S2}, []byte("garbage")}},
		"no zstd":           {{header{typ: frameMessage, flags: 3, codec: Zstd}, []byte("garbage")}},
		"too much s2":       {{header{typ: frameMessage, flags: 3, codec: S2}, bomb(t, S2)}},
		"too much zstd":     {{header{typ: frameMessage, flags: 3, codec: Zstd}, bomb(t, Zstd)}},
		"compressed header": {{header{typ: frameMessage, flags: 3, codec: S2}, nil}},
	} {
		s := sealer{salt: testSalt}
		var b []byte
		for _, p := range list {
			b = append(b, s.forge(p.h, p.body)...)
		}
		if m, err := opened(bytes.NewReader(b)); !errors.Is(err, ErrFrame) || len(m) > 0 {
			t.Errorf("%s: %d messages, %v", name, len(m), err)
		}
	}
	huge := (&sealer{salt: testSalt}).forge(whole, nil)
	for _, n := range []uint32{maxBody + 1, 1 << 31, 1<<32 - 1} {
		binary.LittleEndian.PutUint32(huge[offLength:], n)
		s := sealer{salt: testSalt}
		binary.LittleEndian.PutUint32(huge[offHeadSum:], headSum(s.salt, huge))
		r := newFrameReader(bytes.NewReader(huge), testSalt)
		if _, err := r.next(); !errors.Is(err, ErrFrame) || r.held() > leastRead {
			t.Errorf("length %d: %v, %d bytes held", n, err, r.held())
		}
	}
}

// bomb is little that becomes more than fits into a frame.
func bomb(t *testing.T, c Compression) []byte {
	t.Helper()
	b, ok := c.Pack(nil, make([]byte, 16<<20))
	if !ok || len(b) > maxBody {
		t.Fatalf("%v: %d bytes", c, len(b))
	}
	return b
}

// A message whose size is a lie costs as much as what was really sent.
func TestLyingSizesCostNoMemory(t *testing.T) {
	s := sealer{salt: testSalt}
	body := make([]byte, messageHead+100)
	putMessageHead(body, 1, 2, MaxMessage)
	r := newFrameReader(bytes.NewReader(s.forge(
		header{typ: frameMessage, class: 1, flags: flagFirst}, body)), testSalt)
	f, err := r.next()
	if err != nil {
		t.Fatal(err)
	}
	var parts assembler
	if _, _, err := parts.add(f); err != nil || parts.held() > 4096 || r.held() > leastRead {
		t.Errorf("%v, %d and %d bytes are held", err, parts.held(), r.held())
	}
}

// The sequence begins again after 2^32 frames.
func TestSequenceWraps(t *testing.T) {
	s, r := sealer{salt: 1, seq: 1<<32 - 2}, newFrameReader(nil, 1)
	r.seal.seq = 1<<32 - 2
	var b []byte
	for range 4 {
		b = s.appendFrame(b, framePing, make([]byte, 8))
	}
	r.src = bytes.NewReader(b)
	for range 4 {
		if _, err := r.next(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	body := make([]byte, 1000)
	q := queue{class: 1, limit: 1 << 20}
	s := session{seal: sealer{salt: testSalt}}
	src := bytes.NewReader(nil)
	r := newFrameReader(src, testSalt)
	var parts assembler
	work := func() {
		q.put(1, 2, body, chunk)
		run, spent, m := q.pop(batchLimit)
		s.batch.add(1, run, spent, m)
		s.sealFrame(run)
		src.Reset(run)
		f, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := parts.add(f); !ok || err != nil {
			t.Fatal(ok, err)
		}
		s.batch.reset()
	}
	work()
	if n := testing.AllocsPerRun(1000, work); n >= 1 {
		t.Errorf("%v allocations a message", n)
	}
}

// FuzzFrames feeds arbitrary bytes to the reader. Whatever is accepted was sealed like this.
func FuzzFrames(f *testing.F) {
	f.Add(sealed(f, 256, None, []byte("one"), make([]byte, 600)), false)
	f.Add(sealed(f, 256, S2, bytes.Repeat([]byte("one"), 200)), true)
	f.Add(sealed(f, 256, Zstd, bytes.Repeat([]byte("one"), 200)), true)
	s := sealer{salt: testSalt}
	f.Add(s.appendFrame(s.appendFrame(nil, framePing, make([]byte, 8)), frameBye, []byte("x")), true)
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend {
			b = mended(b)
		}
		r := newFrameReader(bytes.NewReader(b), testSalt)
		s := sealer{salt: testSalt}
		var parts assembler
		for at := 0; ; {
			fr, err := r.one()
			if err != nil {
				if err == io.EOF && at != len(b) {
					t.Fatalf("EOF at %d of %d bytes", at, len(b))
				}
				return
			}
			again := s.forge(fr.header, fr.body)
			if !bytes.HasPrefix(b[at:], again) {
				t.Fatalf("the frame at %d was read as %+v", at, fr.header)
			}
			at += len(again)
			if fr.body, err = r.unpack(fr); err != nil || len(fr.body) > maxBody {
				if err == nil {
					t.Fatalf("a body of %d bytes", len(fr.body))
				}
				return
			}
			if fr.class < node.Classes {
				if m, ok, err := parts.add(fr); err == nil && ok && len(m.body) > MaxMessage {
					t.Fatalf("a message of %d bytes", len(m.body))
				}
			}
		}
	})
}

// mended corrects the sums and numbers of frames, so that the fuzzer gets behind them.
func mended(b []byte) []byte {
	b = bytes.Clone(b)
	s := sealer{salt: testSalt}
	for rest := b; len(rest) >= frameHead; {
		binary.LittleEndian.PutUint32(rest, frameMagic)
		n := headerOf(rest).length
		if n < 0 || n > len(rest)-frameHead {
			n = len(rest) - frameHead
			binary.LittleEndian.PutUint32(rest[offLength:], uint32(n))
		}
		s.seal(rest)
		rest = rest[frameHead+n:]
	}
	return b
}
