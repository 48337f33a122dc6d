package mesh

import (
	"errors"
	"fmt"
	"io"
)

// Sizes of the memory into which a connection reads, in bytes.
const (
	leastRead = 4 << 10   // while little comes
	mostRead  = 256 << 10 // a power of two times the least; a frame fits in
)

// frame is one that has come. Its body is valid until the next one is read.
type frame struct {
	header
	body []byte
}

// frameReader takes frames off a connection. Its memory grows while the connection is busy, and
// shrink gives it back.
type frameReader struct {
	src  io.Reader
	seal sealer
	buf  []byte
	r, w int  // what was read and not used yet is buf[r:w]
	full bool // the last read left no room
	got  int  // bytes since the last shrink
	err  error

	unpacked []byte
}

func newFrameReader(src io.Reader, salt uint32) *frameReader {
	return &frameReader{src: src, seal: sealer{salt: salt}}
}

// next returns the next frame that is known here. The error is io.EOF where the stream ends
// between two frames, wraps [ErrFrame] where the bytes are wrong, and is the stream's own
// otherwise. Nothing can be read after an error.
func (f *frameReader) next() (frame, error) {
	for f.err == nil {
		var fr frame
		if fr, f.err = f.one(); f.err != nil {
			break
		}
		switch {
		case fr.typ >= frameMessage && fr.typ <= frameBye:
			fr.body, f.err = f.unpack(fr)
			return fr, f.err
		case fr.flags&flagIgnorable == 0:
			f.err = fmt.Errorf("%w: type %d is unknown, and not to be ignored", ErrFrame, fr.typ)
		}
	}
	return frame{}, f.err
}

// one returns the next frame as it came.
func (f *frameReader) one() (frame, error) {
	if err := f.need(frameHead); err != nil {
		return frame{}, err
	}
	h, err := f.seal.open(f.buf[f.r : f.r+frameHead])
	if err != nil {
		return frame{}, err
	}
	if err := f.need(frameHead + h.length); err != nil {
		return frame{}, err
	}
	head := f.buf[f.r : f.r+frameHead]
	body := f.buf[f.r+frameHead : f.r+frameHead+h.length]
	if err := checkBody(head, body); err != nil {
		return frame{}, err
	}
	f.r += frameHead + h.length
	return frame{h, body}, nil
}

// need reads until at least n bytes of a frame are there.
func (f *frameReader) need(n int) error {
	for f.w-f.r < n {
		f.makeRoom(n)
		k, err := f.src.Read(f.buf[f.w:])
		f.w += k
		f.got += k
		f.full = f.w == len(f.buf)
		if k > 0 || err == nil {
			continue // an error comes again
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if f.w == f.r {
			return io.EOF
		}
		return fmt.Errorf("%w: the stream ends inside a frame", ErrFrame)
	}
	return nil
}

// makeRoom sees to it that n bytes fit behind r, and that there is some room to read into. The
// length n has been checked, so a lie costs no more than the largest frame does.
func (f *frameReader) makeRoom(n int) {
	size := max(len(f.buf), leastRead)
	if f.full {
		size *= 2 // there may have been more to read than fitted
	}
	for size < n {
		size *= 2
	}
	if size = min(size, mostRead); size > len(f.buf) {
		bigger := make([]byte, size)
		f.w = copy(bigger, f.buf[f.r:f.w])
		f.buf, f.r = bigger, 0
		return
	}
	if f.r > 0 && (f.r+n > size || f.w-f.r <= size/8) {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
}

// unpack undoes the compression of a frame and checks what is the same for all frames.
func (f *frameReader) unpack(fr frame) ([]byte, error) {
	if fr.flags&^flagsKnown != 0 {
		return nil, fmt.Errorf("%w: flags %#02x of type %d", ErrFrame, fr.flags, fr.typ)
	}
	if fr.codec == None {
		return fr.body, nil
	}
	if f.unpacked == nil {
		f.unpacked = make([]byte, 0, maxBody)
	}
	b, err := fr.codec.Unpack(f.unpacked, fr.body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return b, nil
}

// shrink gives memory back if little has come since it was called last.
func (f *frameReader) shrink() (idle bool) {
	idle = f.got <= leastRead/2
	f.got = 0
	if idle && f.r == f.w && len(f.buf) > leastRead {
		f.buf, f.r, f.w, f.full = nil, 0, 0, false
	}
	if idle {
		f.unpacked = nil
	}
	return idle
}

// held is how much memory f has, in bytes.
func (f *frameReader) held() int { return len(f.buf) + cap(f.unpacked) }
