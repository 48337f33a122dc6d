package mars

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

type msgKind uint8

// What replicas tell one another. Every message may be lost, late or doubled.
const (
	msgHello   msgKind = iota + 1 // who is primary, how far I am
	msgFetch                      // I have the log up to pos; send more, up to credit
	msgData                       // frames from pos on
	msgSplit                      // your log at pos is not mine; body: my lineage
	msgAsk                        // hand over to me
	msgGrant                      // take over at pos
	msgRevoke                     // do you still want to take over?
	msgRevoked                    // no
	msgInUse                      // I do not hand over: so many users hold the volume open
	msgBehind                     // my log does not reach back to where yours ends
	msgBase                       // begin your log here: body: one segment; credit: sectors of the volume
	msgMap                        // where do you hold data? pos: first sector, credit: how many
	msgMapped                     // here, up to credit
	msgCopy                       // send these sectors, where they are not what the digests of seq sectors each say
	msgCopied                     // here they are
	// A lease of credit ns, asked for at nonce on my clock. My newest epoch, seq, begins at pos; chain: my
	// incarnation (upper half), and who has opened that epoch (lower half).
	msgLease
	msgLeased  // so much is granted; flags: or why not; seq: to whom it is promised
	msgCatchUp // nobody has the log behind pos; body: my segment there; credit: sectors; nonce: failures
	msgSince   // begin your log here: body: one segment and what differs there, or nothing: I cannot tell
	msgEnd
)

var msgNames = [...]string{"?", "hello", "fetch", "data", "split", "ask", "grant", "revoke",
	"revoked", "in use", "behind", "base", "map", "mapped", "copy", "copied", "lease", "leased",
	"catch up", "since"}

const (
	flagReply   = 1 << iota // hello: answer with a hello
	flagRewind              // fetch: send again from pos on
	flagCut                 // hello: my history has left the designated branch
	flagBase                // fetch: I have no log; tell me where it is to begin
	flagKnown               // hello: your log is a prefix of mine
	flagCopying             // fetch: my volume is inconsistent; do not count on me
	flagHeld                // lease: a majority has granted it in this epoch before
	flagOffer               // hello: I have closed for you
)

// version orders what replicas believe about the designated primary: the highest wins. It is
// twice the epoch, plus one after the primary of that epoch has closed.
type version struct {
	v    uint64
	host node.ID // who is, or was, primary
}

func (v version) epoch() uint64 { return v.v / 2 }
func (v version) closed() bool  { return v.v%2 == 1 }

func (v version) older(w version) bool {
	return v.v < w.v || v.v == w.v && v.host < w.host
}

// message is the fixed part of all messages. Fields that a kind does not use are zero.
type message struct {
	kind  msgKind
	flags uint8
	ver   version
	mark  // fetch: what I have; data: where the body begins (pos); grant: the end
	// The sender's log: its durable (hello of a primary, data: committed) end, and what of it
	// is on its volume's disk.
	durable, applied int64
	durableSeq       uint64
	synced, oldest   int64  // what of it is on its volume to stay, and where its log begins
	floor            int64  // hello, data of a primary: nobody needs the log before
	gen              uint64 // of the sender's state that is durable: what an older one says is out of date
	credit           int64  // fetch: send no further than here; in use: how many users
	// Ask, grant, revoke, revoked, in use: which handover. Hello: the incarnation that asks, or asked.
	// Lease, leased: when it was asked for.
	nonce uint64
}

const messageSize = 112

func (m *message) encode(b *[messageSize]byte) {
	le := binary.LittleEndian
	b[0], b[1] = byte(m.kind), m.flags
	le.PutUint32(b[4:], uint32(m.ver.host))
	le.PutUint64(b[8:], m.ver.v)
	le.PutUint64(b[16:], uint64(m.pos))
	le.PutUint64(b[24:], m.seq)
	le.PutUint64(b[32:], m.chain)
	le.PutUint64(b[40:], uint64(m.durable))
	le.PutUint64(b[48:], uint64(m.applied))
	le.PutUint64(b[56:], m.durableSeq)
	le.PutUint64(b[64:], uint64(m.credit))
	le.PutUint64(b[72:], m.nonce)
	le.PutUint64(b[80:], uint64(m.synced))
	le.PutUint64(b[88:], uint64(m.oldest))
	le.PutUint64(b[96:], m.gen)
	le.PutUint64(b[104:], uint64(m.floor))
}

func decodeMessage(b []byte) (message, []byte, error) {
	if len(b) < messageSize {
		return message{}, nil, fmt.Errorf("message of %d bytes, expected at least %d", len(b),
			messageSize)
	}
	if b[0] == 0 || b[0] >= byte(msgEnd) {
		return message{}, nil, fmt.Errorf("message kind %d, expected 1 to %d", b[0], msgEnd-1)
	}
	le := binary.LittleEndian
	m := message{kind: msgKind(b[0]), flags: b[1],
		ver:     version{le.Uint64(b[8:]), node.ID(le.Uint32(b[4:]))},
		mark:    mark{int64(le.Uint64(b[16:])), le.Uint64(b[24:]), le.Uint64(b[32:])},
		durable: int64(le.Uint64(b[40:])), applied: int64(le.Uint64(b[48:])),
		durableSeq: le.Uint64(b[56:]), credit: int64(le.Uint64(b[64:])), nonce: le.Uint64(b[72:]),
		synced: int64(le.Uint64(b[80:])), oldest: int64(le.Uint64(b[88:])),
		gen: le.Uint64(b[96:]), floor: int64(le.Uint64(b[104:]))}
	if m.pos < 0 || m.durable < 0 || m.applied < 0 || m.credit < 0 || m.synced < 0 || m.oldest < 0 ||
		m.floor < 0 {
		return message{}, nil, fmt.Errorf("message %s with a negative position", msgNames[m.kind])
	}
	return m, b[messageSize:], nil
}

const segmentWire = 48

func encodeSegments(segs []Segment) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, segmentWire*len(segs))
	for _, s := range segs {
		b = le.AppendUint64(b, s.Nr)
		b = le.AppendUint64(b, s.Epoch)
		b = le.AppendUint32(b, uint32(s.Origin))
		b = le.AppendUint32(b, uint32(s.Reason))
		b = le.AppendUint64(b, uint64(s.Start))
		b = le.AppendUint64(b, s.Seq)
		b = le.AppendUint64(b, s.Chain)
	}
	return b
}

func decodeSegments(b []byte) ([]Segment, error) {
	if len(b)%segmentWire != 0 {
		return nil, fmt.Errorf("lineage of %d bytes, expected a multiple of %d", len(b), segmentWire)
	}
	le := binary.LittleEndian
	var segs []Segment
	for ; len(b) > 0; b = b[segmentWire:] {
		s := Segment{Nr: le.Uint64(b), Epoch: le.Uint64(b[8:]),
			Origin: node.ID(le.Uint32(b[16:])), Reason: Reason(le.Uint32(b[20:])),
			Start: int64(le.Uint64(b[24:])), Seq: le.Uint64(b[32:]), Chain: le.Uint64(b[40:])}
		if s.Start < 0 || len(segs) > 0 && segs[len(segs)-1].Start > s.Start {
			return nil, fmt.Errorf("lineage: segment %d starts before the one before it", s.Nr)
		}
		segs = append(segs, s)
	}
	return segs, nil
}
