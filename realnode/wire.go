package realnode

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

// The frames. All numbers are little endian.
const (
	// Between hosts.
	frameHello   frameType = iota + 1 // first: from u32, to u32, incarnation u64
	frameMessage                      // from machine u32, to machine u32, body

	// From the runner to a process.
	framePeers   // version u64, then for each host: id u32, length u16, address
	frameBoot    // nothing: the host may start
	frameRequest // see putRequest
	frameControl // number u64, command

	// From a process to the runner.
	frameReady       // listen address
	framePeersKnown  // version u64
	frameReply       // see putReply
	frameControlDone // number u64, error text; empty is success
	frameFatal       // why the process is about to end
)

const (
	helloHead   = 16
	messageHead = 8
	numberHead  = 8
	requestHead = 29
	replyHead   = 17
)

type hello struct {
	from, to    node.ID
	incarnation int64
}

func (h hello) encode() [helloHead]byte {
	var b [helloHead]byte
	binary.LittleEndian.PutUint32(b[0:], uint32(h.from))
	binary.LittleEndian.PutUint32(b[4:], uint32(h.to))
	binary.LittleEndian.PutUint64(b[8:], uint64(h.incarnation))
	return b
}

func decodeHello(b []byte) (hello, error) {
	if len(b) != helloHead {
		return hello{}, wrongLength("hello", len(b), helloHead)
	}
	return hello{
		from:        node.ID(binary.LittleEndian.Uint32(b[0:])),
		to:          node.ID(binary.LittleEndian.Uint32(b[4:])),
		incarnation: int64(binary.LittleEndian.Uint64(b[8:])),
	}, nil
}

func encodeMessage(from, to uint32) [messageHead]byte {
	var b [messageHead]byte
	binary.LittleEndian.PutUint32(b[0:], from)
	binary.LittleEndian.PutUint32(b[4:], to)
	return b
}

func decodeMessage(b []byte) (from, to uint32, body []byte, err error) {
	if len(b) < messageHead {
		return 0, 0, nil, wrongLength("message", len(b), messageHead)
	}
	return binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), b[messageHead:], nil
}

func encodeRequest(r *node.Request) [requestHead]byte {
	var b [requestHead]byte
	binary.LittleEndian.PutUint32(b[0:], r.Machine)
	b[4] = byte(r.Op)
	binary.LittleEndian.PutUint64(b[5:], uint64(r.Tag))
	binary.LittleEndian.PutUint64(b[13:], uint64(r.Sector))
	binary.LittleEndian.PutUint64(b[21:], uint64(r.N))
	return b
}

func decodeRequest(b []byte) (machine uint32, ev node.Event, body []byte, err error) {
	if len(b) < requestHead {
		return 0, ev, nil, wrongLength("request", len(b), requestHead)
	}
	ev = node.Event{
		Kind: node.KindRequest,
		Op:   node.Op(b[4]),
		Tag:  node.Tag(binary.LittleEndian.Uint64(b[5:])),
		Off:  int64(binary.LittleEndian.Uint64(b[13:])),
		N:    int64(binary.LittleEndian.Uint64(b[21:])),
	}
	return binary.LittleEndian.Uint32(b), ev, b[requestHead:], nil
}

func encodeReply(tag node.Tag, code node.Code, epoch uint64) [replyHead]byte {
	var b [replyHead]byte
	binary.LittleEndian.PutUint64(b[0:], uint64(tag))
	binary.LittleEndian.PutUint64(b[8:], epoch)
	b[16] = byte(code)
	return b
}

func decodeReply(b []byte) (o node.Observation, body []byte, err error) {
	if len(b) < replyHead {
		return o, nil, wrongLength("reply", len(b), replyHead)
	}
	o = node.Observation{
		Kind:  node.ObsReply,
		Tag:   node.Tag(binary.LittleEndian.Uint64(b[0:])),
		Epoch: binary.LittleEndian.Uint64(b[8:]),
		Code:  node.Code(b[16]),
	}
	return o, b[replyHead:], nil
}

// encodeNumber is the head of frames that begin with a number.
func encodeNumber(n uint64) [numberHead]byte {
	var b [numberHead]byte
	binary.LittleEndian.PutUint64(b[:], n)
	return b
}

func decodeNumber(b []byte) (n uint64, body []byte, err error) {
	if len(b) < numberHead {
		return 0, nil, wrongLength("numbered frame", len(b), numberHead)
	}
	return binary.LittleEndian.Uint64(b), b[numberHead:], nil
}

// peerAddr says where a host listens. An empty address is a host that is down.
type peerAddr struct {
	id   node.ID
	addr string
}

func appendPeer(b []byte, p peerAddr) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(p.id))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(p.addr)))
	return append(b, p.addr...)
}

func decodePeers(b []byte) ([]peerAddr, error) {
	var peers []peerAddr
	for len(b) > 0 {
		if len(b) < 6 {
			return nil, wrongLength("peer", len(b), 6)
		}
		id, n := binary.LittleEndian.Uint32(b), int(binary.LittleEndian.Uint16(b[4:]))
		if b = b[6:]; len(b) < n {
			return nil, wrongLength("peer address", len(b), n)
		}
		peers = append(peers, peerAddr{node.ID(id), string(b[:n])})
		b = b[n:]
	}
	return peers, nil
}

func wrongLength(what string, got, want int) error {
	return fmt.Errorf("%w: %s of %d bytes, expected %d", ErrFrame, what, got, want)
}
