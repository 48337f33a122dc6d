package nodetest

import (
	"encoding/binary"
	"errors"

	"github.com/container-football/pitch/node"
)

var errShort = errors.New("nodetest: text ends too early")

// reader takes numbers off a text. After the first failure it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.err, r.b = errShort, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) u8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func appendU64(b []byte, list ...uint64) []byte {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

func appendCommand(b []byte, c *command) []byte {
	b = append(b, byte(c.op), byte(c.dev))
	b = appendU64(b, uint64(c.tag), uint64(c.to.Host), uint64(c.to.Machine), c.seg, uint64(c.off),
		uint64(c.n), uint64(len(c.content)))
	return append(b, c.content...)
}

func decodeCommands(b []byte) ([]command, error) {
	var list []command
	r := reader{b: b}
	for len(r.b) > 0 {
		c := command{op: node.Op(r.u8()), dev: node.Dev(r.u8()), tag: node.Tag(r.u64())}
		c.to = node.Addr{Host: node.ID(r.u64()), Machine: uint32(r.u64())}
		c.seg, c.off, c.n = r.u64(), int64(r.u64()), int64(r.u64())
		c.content = r.bytes(int(r.u64()))
		list = append(list, c)
	}
	return list, r.err
}

func appendNote(b []byte, n *note) []byte {
	b = append(b, byte(n.Kind), byte(n.Op), byte(n.Dev), byte(n.Code))
	b = appendU64(b, uint64(n.Tag), uint64(n.From.Host), uint64(n.From.Machine), n.Seg,
		uint64(n.Off), uint64(n.N), n.Seed, n.step, uint64(n.now), uint64(len(n.Data)))
	return append(b, n.Data...)
}

func decodeNotes(b []byte) ([]note, error) {
	var list []note
	r := reader{b: b}
	for len(r.b) > 0 {
		var n note
		n.Kind, n.Op = node.Kind(r.u8()), node.Op(r.u8())
		n.Dev, n.Code = node.Dev(r.u8()), node.Code(r.u8())
		n.Tag = node.Tag(r.u64())
		n.From = node.Addr{Host: node.ID(r.u64()), Machine: uint32(r.u64())}
		n.Seg, n.Off, n.N, n.Seed = r.u64(), int64(r.u64()), int64(r.u64()), r.u64()
		n.step, n.now = r.u64(), node.Time(r.u64())
		n.Data = r.bytes(int(r.u64()))
		list = append(list, n)
	}
	return list, r.err
}
