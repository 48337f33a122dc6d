package remote

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// magic begins every message of this protocol. No message of a strategy may begin with it.
const magic = "PRS1"

// kind says what a message is. Every message may be lost, late or doubled.
type kind uint8

const (
	kindOpen      kind = iota + 1 // to all members: open a session, or go on with one
	kindGrant                     // here it is: life, stamp, n sectors; body: addresses of the members
	kindRefused                   // no: reason in op; body: why, for people
	kindElsewhere                 // I am not primary; body: addresses of the members
	kindRequest                   // op, off, n, seq, floor; body: what to write
	kindAnswer                    // code, served, seq; body: what was read
	kindGone                      // there is no such session
	kindPing                      // is it still there?
	kindPong                      // yes; n sectors
	kindClose                     // this session is not needed any more
	kindClosed                    // it has ended
	kindAsk                       // member to member: what is the newest stamp that you know?
	kindClaim                     // this one, and holder has it; nonce of an ask, or zero
	kindEnd
)

var kindNames = [...]string{"?", "open", "grant", "refused", "elsewhere", "request", "answer", "gone",
	"ping", "pong", "close", "closed", "ask", "claim"}

const (
	flagForce  = 1 << iota // open: whoever holds the volume
	flagShared             // open: read only, beside others
	flagResume             // open: the session goes on that was served under epoch prev at prevHost
)

// reason says why an open was refused.
type reason = node.Op

const (
	reasonInUse  reason = iota + 1 // somebody else holds it
	reasonFenced                   // somebody else has, or had, a newer stamp
	reasonLost                     // the history that the session was served from is not the primary's
)

// session names one session for ever: no other one has the same numbers at the same server.
type session struct {
	inc   uint64 // incarnation of the server
	epoch uint64 // of the primary
	num   uint64 // counted in the incarnation
}

// nonce tells the attempts of a client to open a session apart, and orders them.
type nonce struct {
	inc uint64 // incarnation of the client
	try uint64
}

func (a nonce) less(b nonce) bool { return a.inc < b.inc || a.inc == b.inc && a.try < b.try }

// stamp orders the holders of a volume: the newest one counts. It is given out at each open that does
// not go on with an earlier one. The zero stamp is that of nobody.
type stamp struct {
	epoch uint64 // of the primary that gave it out
	count uint64
}

func (a stamp) less(b stamp) bool {
	return a.epoch < b.epoch || a.epoch == b.epoch && a.count < b.count
}

// next is a stamp newer than a, given out by the primary of an epoch.
func (a stamp) next(epoch uint64) stamp {
	if a.epoch < epoch {
		return stamp{epoch, 1}
	}
	return stamp{a.epoch, a.count + 1}
}

// message is the fixed part of all messages. Fields that a kind does not use are zero.
type message struct {
	kind     kind
	flags    uint8
	code     node.Code
	op       node.Op
	life     session
	seq      uint64 // of the request in its session, from 1
	floor    uint64 // the client waits for nothing with a lower number
	off, n   int64  // sectors
	nonce    nonce
	stamp    stamp
	holder   node.Addr
	prev     uint64 // epoch
	prevHost node.ID
	served   uint64 // epoch
}

const (
	messageSize = 128
	// maxBody bounds what a request carries or reads, in bytes of the declared size: transports take no
	// messages of any size.
	maxBody = 2 << 20
	// window is how many requests of a session may be unanswered.
	window = 64
)

// ours says whether a message is one of this protocol.
func ours(b []byte) bool { return len(b) >= len(magic) && string(b[:len(magic)]) == magic }

func (m *message) encode(b *[messageSize]byte) {
	le := binary.LittleEndian
	copy(b[:], magic)
	b[4], b[5], b[6], b[7] = byte(m.kind), m.flags, byte(m.code), byte(m.op)
	for i, v := range [...]uint64{m.life.inc, m.life.epoch, m.life.num, m.seq, m.floor, uint64(m.off),
		uint64(m.n), m.nonce.inc, m.nonce.try, m.stamp.epoch, m.stamp.count} {
		le.PutUint64(b[8+8*i:], v)
	}
	le.PutUint32(b[96:], uint32(m.holder.Host))
	le.PutUint32(b[100:], m.holder.Machine)
	le.PutUint64(b[104:], m.prev)
	le.PutUint32(b[112:], uint32(m.prevHost))
	le.PutUint64(b[120:], m.served)
}

// decode is the inverse of encode. It takes any bytes.
func decode(b []byte) (message, []byte, error) {
	if len(b) < messageSize || !ours(b) {
		return message{}, nil, fmt.Errorf("remote: %d bytes are no message", len(b))
	}
	if b[4] == 0 || b[4] >= byte(kindEnd) {
		return message{}, nil, fmt.Errorf("remote: message kind %d, expected 1 to %d", b[4], kindEnd-1)
	}
	le := binary.LittleEndian
	u := func(i int) uint64 { return le.Uint64(b[8+8*i:]) }
	m := message{kind: kind(b[4]), flags: b[5], code: node.Code(b[6]), op: node.Op(b[7]),
		life: session{u(0), u(1), u(2)}, seq: u(3), floor: u(4), off: int64(u(5)), n: int64(u(6)),
		nonce: nonce{u(7), u(8)}, stamp: stamp{u(9), u(10)},
		holder: node.Addr{Host: node.ID(le.Uint32(b[96:])), Machine: le.Uint32(b[100:])},
		prev:   le.Uint64(b[104:]), prevHost: node.ID(le.Uint32(b[112:])), served: le.Uint64(b[120:])}
	if m.off < 0 || m.n < 0 {
		return message{}, nil, fmt.Errorf("remote: %s with a negative place", kindNames[m.kind])
	}
	return m, b[messageSize:], nil
}

// isChange says whether a request changes the volume.
func isChange(op node.Op) bool { return op == node.OpWrite || op == node.OpZero }

// permitted says whether a request of users may be forwarded: its op, and that neither it nor its
// answer is larger than messages may be.
func permitted(op node.Op, n int64, body int, g *node.Geometry) bool {
	switch op {
	case node.OpSync:
		return body == 0
	case node.OpZero, node.OpMap:
		return n > 0 && body == 0
	case node.OpRead:
		return n > 0 && n <= maxBody/int64(g.SectorSize) && body == 0
	case node.OpWrite:
		return n > 0 && n <= maxBody/int64(g.SectorSize) && int64(body) == n*int64(g.Carry)
	}
	return false
}

// extra is what content of n sectors is charged beyond the bytes that stand for it.
func extra(g *node.Geometry, n int64) int64 { return n * int64(g.SectorSize-g.Carry) }

// maxMembers bounds the addresses in a message.
const maxMembers = 64

func appendAddrs(b []byte, list []node.Addr) []byte {
	for _, a := range list[:min(len(list), maxMembers)] {
		b = replica.AppendAddr(b, a)
	}
	return b
}

// eachAddr calls f for each address in b, up to the first bytes that are none.
func eachAddr(b []byte, f func(node.Addr)) {
	for i := 0; i < maxMembers && len(b) >= 8; i++ {
		a, err := replica.DecodeAddr(b[:8])
		if err != nil {
			return
		}
		f(a)
		b = b[8:]
	}
}
