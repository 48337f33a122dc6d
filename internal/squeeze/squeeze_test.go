package squeeze

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestNames(t *testing.T) {
	for c := None; c < codecs; c++ {
		if back, err := Parse(c.String()); back != c || err != nil {
			t.Error(c, back, err)
		}
	}
	if _, err := Parse("lzma"); err == nil {
		t.Error("lzma is known")
	}
	if Codec(9).Known() {
		t.Error("codec 9 is known")
	}
}

func TestOnlyWhatBecomesSmallerIsPacked(t *testing.T) {
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	text := bytes.Repeat([]byte("pitch "), 1000)
	for _, c := range []Codec{S2, Zstd} {
		head := []byte("before")
		for name, b := range map[string][]byte{"noise": noise, "too little": text[:Least-1], "nothing": nil} {
			if got, ok := c.Pack(head, b); ok || string(got) != "before" {
				t.Errorf("%v: %s was packed", c, name)
			}
		}
		got, ok := c.Pack(head, text)
		if !ok || !bytes.HasPrefix(got, head) || len(got) > len(text)/10 {
			t.Fatalf("%v: %v, %d bytes", c, ok, len(got))
		}
		packed := got[len(head):]
		if n, err := c.Size(packed); n != len(text) || err != nil {
			t.Errorf("%v: size %d, %v", c, n, err)
		}
		room := make([]byte, len(text))
		if back, err := c.Unpack(room, packed); err != nil || !bytes.Equal(back, text) || &back[0] != &room[0] {
			t.Errorf("%v: unpacked to %d bytes, %v", c, len(back), err)
		}
		if _, err := c.Unpack(room[:0:len(text)-1], packed); !errors.Is(err, ErrPacked) {
			t.Errorf("%v: unpacked into too little room: %v", c, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	for _, c := range []Codec{S2, Zstd} {
		b, _ := c.Pack(nil, bytes.Repeat([]byte("pitch "), 1000))
		f.Add(uint8(c), b)
		f.Add(uint8(c), b[:len(b)/2])
	}
	f.Add(uint8(None), []byte("x"))
	f.Add(uint8(7), []byte("x"))
	f.Fuzz(func(t *testing.T, codec uint8, b []byte) {
		c := Codec(codec)
		behind := make([]byte, 6001)
		behind[6000] = 77
		got, err := c.Unpack(behind[:0:6000], b)
		if behind[6000] != 77 {
			t.Fatal("it has written beyond its room")
		}
		if err != nil && !errors.Is(err, ErrPacked) {
			t.Fatalf("an error of no class: %v", err)
		}
		if size, sized := c.Size(b); err == nil && sized == nil && size != len(got) {
			t.Fatalf("%d bytes, said to be %d", len(got), size)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	data := make([]byte, 4096) // half of it is noise, as fio's compressible data
	for i := range 2048 {
		data[i] = byte(rand.Uint32())
	}
	for _, c := range []Codec{S2, Zstd} {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var packed []byte
			for b.Loop() {
				packed, _ = c.Pack(packed[:0], data)
			}
			b.ReportMetric(float64(len(packed))/float64(len(data)), "ratio")
		})
		b.Run(c.String()+"-unpack", func(b *testing.B) {
			packed, _ := c.Pack(nil, data)
			room := make([]byte, len(data))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := c.Unpack(room, packed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
