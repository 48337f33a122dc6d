package disk

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/node"
)

func FuzzHeader(f *testing.F) {
	var b [blockSize]byte
	h := header{seg: 7, stamp: 8, cut: 9, floor: 10}
	h.encode(b[:])
	f.Add(b[:64])
	f.Add(b[:10])
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decodeHeader(data)
		if err != nil {
			return
		}
		var again [blockSize]byte
		h.encode(again[:])
		if !bytes.Equal(again[:40], data[:40]) {
			t.Errorf("%x becomes %x", data[:headerSize], again[:headerSize])
		}
	})
}

func FuzzTrailer(f *testing.F) {
	var b [blockSize]byte
	t := trailer{crc: 1, prevCRC: 2, stamp: 3, number: 4, used: 5, prev: 4, back: 1}
	t.encode(b[:], 3)
	f.Add(b[payloadSize:], int64(3))
	f.Fuzz(func(t *testing.T, data []byte, i int64) {
		var block, again [blockSize]byte
		copy(block[payloadSize:], data)
		got, ok, err := decodeTrailer(block[:], i)
		if err != nil || !ok {
			return
		}
		if n, err := got.whole(block[:payloadSize]); n > got.used || err == nil && n < got.prev {
			t.Errorf("%d bytes of %+v", n, got)
		}
		got.encode(again[:], i)
		if !bytes.Equal(again[payloadSize:], block[payloadSize:]) {
			t.Errorf("%x becomes %x", block[payloadSize:], again[payloadSize:])
		}
	})
}

// FuzzSegment reads a file with anything in it. What valid is shows what the checksums of blocks
// would be, so that the input gets past them.
func FuzzSegment(f *testing.F) {
	f.Add([]byte("payload"), uint64(1), uint64(0), uint16(3), uint16(1), true)
	f.Add([]byte{}, uint64(9), uint64(2), uint16(5000), uint16(0), false)
	f.Fuzz(func(t *testing.T, data []byte, number, floor uint64, used, back uint16, valid bool) {
		image := make([]byte, 6*blockSize)
		h := header{seg: 1, stamp: 5, cut: int64(floor % 9000), floor: floor}
		h.encode(image)
		for i := int64(1); i < 6; i++ {
			b := image[i*blockSize : (i+1)*blockSize]
			copy(b, data[min(len(data), int(i)):])
			w := trailer{stamp: 5, number: number + uint64(i), used: int(used), back: int64(back) % i}
			w.crc = checksum(b[:min(int(used), payloadSize)])
			if valid || i%2 == 1 {
				w.encode(b, i)
			}
		}
		got, err := scan("file", bytes.NewReader(image), int64(len(image)))
		if err != nil && !isDamage(err) || len(got) > 5*payloadSize {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		buf := borrow()
		defer buf.giveBack()
		s := source{path: "file", file: bytes.NewReader(image), buf: buf.b}
		must(t, s.readHeader(int64(len(image))))
		if e, quick := s.findEnd(); quick == nil && err == nil && e.size != int64(len(got)) {
			t.Errorf("the quick look finds %d bytes, the long one %d", e.size, len(got))
		}
	})
}

// FuzzVolatile compares a volatile stack with memory, request by request.
func FuzzVolatile(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, script []byte) {
		g := node.Geometry{Sectors: 16, SectorSize: 512, Carry: 512}
		plain, tested := MemoryVolume(g), VolatileVolume(MemoryVolume(g), Cache{})
		for seq := uint64(1); len(script) >= 3; seq++ {
			r := Request{Off: int64(script[1]) % 17, N: int64(script[2]) % 17, Seq: seq}
			switch script[0] % 5 {
			case 0:
				r.Op, r.Data = node.OpWrite, bytes.Repeat(script[:1], int(r.N)*512)
			case 1:
				r.Op = node.OpZero
			case 2:
				r.Op = node.OpRead
			case 3:
				must(t, tested.Sync(0, seq-uint64(script[1])%(seq+1)))
				r.Op = node.OpRead
			case 4:
				r.Op, r.N = node.OpResize, 1+r.N
			}
			script = script[3:]
			want, wantErr := plain.Do(&r)
			got, err := tested.Do(&r)
			if CodeOf(err) != CodeOf(wantErr) || !bytes.Equal(got, want) {
				t.Fatalf("%v %d %d: %v, expected %v; equal: %v", r.Op, r.Off, r.N, err, wantErr,
					bytes.Equal(got, want))
			}
		}
	})
}
