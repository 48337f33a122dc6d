package harness

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

// The frames. All numbers are little endian.
const (
	// From the runner to a process.
	TypePeers   Type = iota + 1 // version u64, then for each host: id u32, length u16, address
	TypeBoot                    // nothing: the host may start
	TypeRequest                 // see EncodeRequest
	TypeControl                 // number u64, command

	// From a process to the runner.
	TypeReady       // listen address
	TypePeersKnown  // version u64
	TypeReply       // see EncodeReply
	TypeControlDone // number u64, error text; empty is success
	TypeFatal       // why the process is about to end
)

// Sizes of what stands before the data of a frame, in bytes.
const (
	NumberHead  = 8
	RequestHead = 37
	ReplyHead   = 17
)

// EncodeRequest is the head of a request; its data follows.
func EncodeRequest(r *node.Request) [RequestHead]byte {
	var b [RequestHead]byte
	binary.LittleEndian.PutUint32(b[0:], r.Machine)
	b[4] = byte(r.Op)
	binary.LittleEndian.PutUint64(b[5:], uint64(r.Tag))
	binary.LittleEndian.PutUint64(b[13:], uint64(r.Sector))
	binary.LittleEndian.PutUint64(b[21:], uint64(r.N))
	binary.LittleEndian.PutUint64(b[29:], r.Flags)
	return b
}

// DecodeRequest is the inverse of [EncodeRequest].
func DecodeRequest(b []byte) (machine uint32, ev node.Event, body []byte, err error) {
	if len(b) < RequestHead {
		return 0, ev, nil, wrongLength("request", len(b), RequestHead)
	}
	ev = node.Event{
		Kind: node.KindRequest,
		Op:   node.Op(b[4]),
		Tag:  node.Tag(binary.LittleEndian.Uint64(b[5:])),
		Off:  int64(binary.LittleEndian.Uint64(b[13:])),
		N:    int64(binary.LittleEndian.Uint64(b[21:])),
		Seg:  binary.LittleEndian.Uint64(b[29:]),
	}
	return binary.LittleEndian.Uint32(b), ev, b[RequestHead:], nil
}

// EncodeReply is the head of a reply; its data follows.
func EncodeReply(tag node.Tag, code node.Code, epoch uint64) [ReplyHead]byte {
	var b [ReplyHead]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(tag))
	binary.LittleEndian.PutUint64(b[8:], epoch)
	b[16] = byte(code)
	return b
}

// DecodeReply is the inverse of [EncodeReply].
func DecodeReply(b []byte) (o node.Observation, body []byte, err error) {
	if len(b) < ReplyHead {
		return o, nil, wrongLength("reply", len(b), ReplyHead)
	}
	o = node.Observation{
		Kind:  node.ObsReply,
		Tag:   node.Tag(binary.LittleEndian.Uint64(b[0:])),
		Epoch: binary.LittleEndian.Uint64(b[8:]),
		Code:  node.Code(b[16]),
	}
	return o, b[ReplyHead:], nil
}

// EncodeNumber is the head of frames that begin with a number.
func EncodeNumber(n uint64) [NumberHead]byte {
	var b [NumberHead]byte
	binary.LittleEndian.PutUint64(b[:], n)
	return b
}

// DecodeNumber takes the number off the front of a body.
func DecodeNumber(b []byte) (n uint64, body []byte, err error) {
	if len(b) < NumberHead {
		return 0, nil, wrongLength("numbered frame", len(b), NumberHead)
	}
	return binary.LittleEndian.Uint64(b), b[NumberHead:], nil
}

// PeerAddr says where a host listens. An empty address is a host that is down.
type PeerAddr struct {
	ID   node.ID
	Addr string
}

// AppendPeer appends the form of p that [DecodePeers] reads.
func AppendPeer(b []byte, p PeerAddr) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(p.ID))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.Addr)))
	return append(b, p.Addr...)
}

// DecodePeers reads a list of addresses.
func DecodePeers(b []byte) ([]PeerAddr, error) {
	var peers []PeerAddr
	for len(b) > 0 {
		if len(b) < 6 {
			return nil, wrongLength("peer", len(b), 6)
		}
		id, n := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint16(b[4:]))
		if b = b[6:]; len(b) < n {
			return nil, wrongLength("peer address", len(b), n)
		}
		peers = append(peers, PeerAddr{node.ID(id), string(b[:n])})
		b = b[n:]
	}
	return peers, nil
}

func wrongLength(what string, got, want int) error {
	return fmt.Errorf("%w: %s of %d bytes, expected %d", ErrFrame, what, got, want)
}
