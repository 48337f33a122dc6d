package disk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-football/pitch/node"
)

// powerCut plays a drive that may, at the moment the power fails, have written any of the 512-byte
// sectors of the one write that is under way: all earlier ones were durable.
type powerCut struct {
	t      *testing.T
	random *node.Stream
	dir    string
	image  []byte // of the one segment's file
	writes []diskWrite
	data   []byte // of the segment
	l      Device
}

type diskWrite struct {
	off  int64
	data []byte
}

func (p *powerCut) path() string { return filepath.Join(p.dir, SegmentName(1)) }

func (p *powerCut) open() {
	var err error
	p.l, err = OpenLog(p.dir, LogOptions{Buffered: true, Fill: 32 << 10,
		watch: func(_ *os.File, b []byte, off int64) {
			p.writes = append(p.writes, diskWrite{off, bytes.Clone(b)})
		}})
	must(p.t, err)
}

// change asks for something, and returns what it adds and what may be there if it is cut short.
func (p *powerCut) change() (fits func(got []byte) bool) {
	before := p.data
	if p.random.Below(5) == 0 {
		size := p.random.Below(uint64(len(before)) + 1)
		if p.random.Below(2) == 0 {
			size = max(size, uint64(max(0, len(before)-5000)))
		}
		do(p.t, p.l, Request{Op: node.OpLogTrunc, Seg: 1, N: int64(size)})
		p.data = before[:size:size]
		return func(got []byte) bool { return bytes.Equal(got, before) || bytes.Equal(got, p.data) }
	}
	sizes := []uint64{64, 600, 4160, 9000, 70_000}
	size := sizes[p.random.Below(5)]
	if p.random.Below(50) == 0 {
		size = 2 * bulk // it makes the file longer itself, and so may what comes behind it
	}
	data := noise(p.random, 1+int(p.random.Below(size)))
	do(p.t, p.l, Request{Op: node.OpLogAppend, Seg: 1, Off: int64(len(before)), Data: data})
	p.data = append(before[:len(before):len(before)], data...)
	return func(got []byte) bool { return len(got) >= len(before) && bytes.HasPrefix(p.data, got) }
}

// apply writes some sectors of w into the image.
func (p *powerCut) apply(w diskWrite, some func(sector int) bool) {
	if need := w.off + int64(len(w.data)); need > int64(len(p.image)) {
		p.image = append(p.image, make([]byte, need-int64(len(p.image)))...)
	}
	for i := 0; i < len(w.data); i += 512 {
		if some(i / 512) {
			copy(p.image[w.off+int64(i):], w.data[i:i+512])
		}
	}
}

func all(int) bool { return true }

// tear draws which sectors were written.
func (p *powerCut) tear(n int) func(int) bool {
	at := int(p.random.Below(uint64(n)))
	switch p.random.Below(6) {
	case 0:
		return func(i int) bool { return i < at }
	case 1:
		return func(i int) bool { return i > at }
	case 2:
		return func(i int) bool { return i != at }
	case 3:
		return func(i int) bool { return i == at }
	case 4:
		return func(i int) bool { return i/8 != at/8 }
	}
	return func(int) bool { return p.random.Below(2) == 0 }
}

func TestPowerCut(t *testing.T) {
	for chain := range 60 {
		p := &powerCut{t: t, random: random(fmt.Sprint("cut ", chain)), dir: fastDir(t)}
		p.open()
		do(t, p.l, Request{Op: node.OpLogAppend, Seg: 1})
		if chain%2 == 0 { // a file with the blocks of an earlier life
			do(t, p.l, Request{Op: node.OpLogAppend, Seg: 1, Data: noise(p.random, 150_000)})
			do(t, p.l, Request{Op: node.OpLogDelete, Seg: 1})
			do(t, p.l, Request{Op: node.OpLogAppend, Seg: 1})
		}
		p.image = read(t, p.path())
		for range 30 {
			for range p.random.Below(3) {
				p.writes = nil
				p.change()
				for _, w := range p.writes {
					p.apply(w, all)
				}
			}
			p.crash()
		}
		p.l.Close()
	}
}

func read(t *testing.T, path string) []byte {
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func write(t *testing.T, path string, b []byte) {
	must(t, os.WriteFile(path, b, 0o644))
}

// crash cuts a change short at one of its writes, and opens the log again.
func (p *powerCut) crash() {
	p.t.Helper()
	p.writes = nil
	fits := p.change()
	must(p.t, p.l.Close())
	if len(p.writes) > 0 {
		last := int(p.random.Below(uint64(len(p.writes))))
		for _, w := range p.writes[:last] {
			p.apply(w, all)
		}
		w := p.writes[last]
		p.apply(w, p.tear(len(w.data)/512))
	}
	write(p.t, p.path(), p.image)
	p.open()
	got := bytes.Clone(do(p.t, p.l, Request{Op: node.OpLogRead, Seg: 1, N: 1 << 40}))
	if !fits(got) {
		p.t.Fatalf("%d bytes are there of %d, same up to %d", len(got), len(p.data),
			difference(got, p.data))
	}
	outside, err := ReadSegment(p.path())
	if err != nil || !bytes.Equal(outside, got) {
		p.t.Fatalf("from outside: %d bytes, %v; expected %d", len(outside), err, len(got))
	}
	p.data = got
}

// flipped is a segment whose bits are flipped.
type flipped struct {
	name    string
	make    func(t *testing.T, l Device) (data []byte)
	last    int // bytes of the last append: they may be lost as in a torn write
	damaged int
}

// TestFlippedBits flips bits in the file of a segment: whatever is read is what was durable, or it
// is an error. Only the last append before a kill cannot be told from a torn one.
func TestFlippedBits(t *testing.T) {
	add := func(t *testing.T, l Device, data []byte, sizes ...int) []byte {
		for _, n := range sizes {
			more := noise(random("flip"), n)
			do(t, l, Request{Op: node.OpLogAppend, Seg: 1, Off: int64(len(data)), Data: more})
			data = append(data, more...)
		}
		return data
	}
	list := []flipped{
		{name: "small", last: 64, make: func(t *testing.T, l Device) []byte {
			return add(t, l, nil, 64, 64, 64)
		}},
		{name: "mixed", last: 10_000, make: func(t *testing.T, l Device) []byte {
			return add(t, l, nil, 64, 4160, 4160, 64, 10_000)
		}},
		{name: "full", last: payloadSize, make: func(t *testing.T, l Device) []byte {
			return add(t, l, nil, payloadSize, payloadSize)
		}},
		{name: "cut", last: 100, make: func(t *testing.T, l Device) []byte {
			data := add(t, l, nil, 9000, 9000)
			do(t, l, Request{Op: node.OpLogTrunc, Seg: 1, N: 5000})
			return add(t, l, data[:5000], 100, 100)
		}},
		{name: "just cut", make: func(t *testing.T, l Device) []byte {
			data := add(t, l, nil, 9000, 9000)
			do(t, l, Request{Op: node.OpLogTrunc, Seg: 1, N: 5000})
			return data[:5000]
		}},
		{name: "recycled", last: 4160, make: func(t *testing.T, l Device) []byte {
			add(t, l, nil, 12_000)
			do(t, l, Request{Op: node.OpLogDelete, Seg: 1})
			return add(t, l, nil, 64, 4160)
		}},
	}
	for i := range list {
		t.Run(list[i].name+"/killed", func(t *testing.T) { list[i].run(t, false) })
		t.Run(list[i].name+"/closed", func(t *testing.T) { list[i].run(t, true) })
	}
}

func (f flipped) run(t *testing.T, closed bool) {
	dir := fastDir(t)
	l, err := OpenLog(dir, LogOptions{Buffered: true})
	must(t, err)
	want := bytes.Clone(f.make(t, l))
	if closed {
		f.last = 0
		must(t, l.Close())
	} else {
		defer l.Close() // a kill
	}
	path := filepath.Join(dir, SegmentName(1))
	image := read(t, path)
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	defer file.Close()
	r := random("bits")
	used := (len(want)/payloadSize + 2) * blockSize
	for at := 0; at < len(image); at += 1 + int(r.Below(8)) {
		if at > used {
			at += 777 // nothing but zeros and old blocks
		}
		if at >= len(image) {
			break
		}
		where := fmt.Sprintf("byte %d of block %d", at%blockSize, at/blockSize)
		was := image[at]
		image[at] ^= 1 << r.Below(8)
		outside, err := scan(path, bytes.NewReader(image), int64(len(image)))
		f.compare(t, where+", from outside", outside, want, err)
		_, err = file.WriteAt(image[at:at+1], int64(at))
		must(t, err)
		f.check(t, dir, where, want)
		image[at] = was
		_, err = file.WriteAt(image[at:at+1], int64(at))
		must(t, err)
	}
	if f.damaged == 0 {
		t.Error("no flip was found")
	}
}

func (f *flipped) check(t *testing.T, dir, where string, want []byte) {
	t.Helper()
	l, err := OpenLog(dir, LogOptions{Buffered: true})
	if err != nil {
		f.compare(t, where+", open", nil, want, err)
		return
	}
	defer l.Close()
	for _, s := range l.(*fileLog).segs {
		s.number = s.head.floor // closing writes nothing
	}
	r := Request{Op: node.OpLogRead, Seg: 1, N: 1 << 40}
	got, err := l.Do(&r)
	f.compare(t, where, got, want, err)
}

func (f *flipped) compare(t *testing.T, where string, got, want []byte, err error) {
	t.Helper()
	if isDamage(err) {
		f.damaged++
		return
	}
	must(t, err)
	if !bytes.HasPrefix(want, got) || len(got) < len(want)-f.last {
		t.Fatalf("%s: %d bytes are read, same up to %d; durable are %d", where, len(got),
			difference(got, want), len(want))
	}
}
