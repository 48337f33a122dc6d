package mars

import (
	"fmt"

	"github.com/container-football/pitch/internal/squeeze"
)

// packer packs the bodies of writes, if that makes them smaller, so that less has to be written to the
// logs of all members and sent to them: the primary does it once, and the record stays so. Whoever
// needs the sectors unpacks them, which costs little against reading them from where they lie.
type packer struct {
	codec  squeeze.Codec
	packed []byte
	// open is the record that was unpacked last: reads that follow one another are often of the same.
	open mark
	data []byte
}

// pack packs f. Its body is valid until the next call.
func (p *packer) pack(f *frame) {
	packed, smaller := p.codec.Pack(p.packed[:0], f.body)
	p.packed = packed
	if smaller {
		f.body, f.codec = packed, p.codec
	}
}

// content returns what a write in the stream has written, until the next call or change of the stream.
func (m *Machine) content(r *ref) ([]byte, error) {
	body := m.stream.bytes(r.start+headerSize, r.pos)
	p := &m.packer
	switch {
	case r.codec == squeeze.None:
		return body, nil
	case p.open == r.mark:
		return p.data, nil
	}
	p.open = mark{}
	data, err := unpack(r.codec, p.data[:0], body, int(r.sectors)*int(m.cfg.Geometry.Carry))
	if err != nil {
		return nil, err
	}
	p.open, p.data = r.mark, data
	return data, nil
}

// unpack appends the sectors of a write to dst, which may get other memory. It fails for size bytes that
// are not what a writer has packed, although their checksum is right.
func unpack(codec squeeze.Codec, dst, body []byte, size int) ([]byte, error) {
	at := len(dst)
	dst = room(dst, size)[:at+size]
	got, err := codec.Unpack(dst[at:at+size:at+size], body)
	if err == nil && len(got) != size {
		err = fmt.Errorf("%w: %d bytes, expected %d", squeeze.ErrPacked, len(got), size)
	}
	return dst, err
}
