package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/container-football/pitch/node"
)

// Bounds of what is taken from others, in bytes unless it says otherwise.
const (
	maxName    = 63        // name of a resource
	maxKey     = 255       // any key
	maxValue   = 128 << 10 // any value; what a host shares is the longest
	maxUser    = 4 << 10   // value that a user sets
	maxInfo    = 1 << 10   // what a host says of itself when it joins
	maxMessage = 1 << 20   // an offer of names; all others stay below 256 KiB
	maxShared  = 500       // resources a host
	maxSharers = 32        // hosts a resource
	maxScope   = 96        // the name of a scope: the prefix of a resource and its name fit
)

type msgKind uint8

const (
	msgRanges  msgKind = iota + 1 // digests of ranges of keys
	msgEntries                    // entries, maybe all of a range
	msgVoid                       // you do not share this
	msgJoin                       // make me a host of your cluster
	msgRefuse                     // no, and why
	msgAsk                        // tell me what stands in the way of a merge
	msgOffer                      // who we are, and a hash for each of our hosts and resources
	msgLink                       // we have merged with you: do the same
)

// Flags of a message.
const (
	flagShare    = 1 << iota // the sender's own share follows
	flagAnswer               // ranges: say what you have; entries: send back what I lack
	flagComplete             // entries: these are all from From to To
	flagRumor                // entries: pass on what is new to you
	flagsAll     = 1<<iota - 1
)

// message is any message. Which fields count depends on the kind.
//
// The form is kind u8, flags u8, then fields: numbers as varints, strings with their length in
// front. A message has no checksum: transports have one.
type message struct {
	kind  msgKind
	flags byte
	scope string
	floor Stamp
	share Entry // flagShare: the key is known from the sender
	from  string
	to    string
	sums  []sum    // msgRanges: they follow one another, the first one begins at from
	list  []Entry  // msgEntries; msgVoid: the receiver's share, if it is deleted
	text  string   // msgJoin: info; msgRefuse: why; msgLink: our cluster
	hash  []uint64 // msgOffer
	uuids []string // msgAsk, msgOffer: clusters, the own home first
}

// sum is the digest of the keys up to a key, which is excluded; empty: up to the end.
type sum struct {
	to string
	digest
}

func (msg *message) encode() []byte {
	b := []byte{byte(msg.kind), msg.flags}
	b = appendString(b, msg.scope)
	switch msg.kind {
	case msgRanges, msgEntries, msgVoid:
		b = appendStamp(b, msg.floor)
		if msg.flags&flagShare != 0 {
			b = appendEntry(b, &msg.share)
		}
	}
	switch msg.kind {
	case msgRanges:
		b = appendString(b, msg.from)
		b = binary.AppendUvarint(b, uint64(len(msg.sums)))
		for _, s := range msg.sums {
			b = appendString(b, s.to)
			b = binary.LittleEndian.AppendUint64(b, s.live)
			b = binary.LittleEndian.AppendUint64(b, s.dead)
		}
	case msgEntries, msgVoid:
		b = appendString(appendString(b, msg.from), msg.to)
		b = binary.AppendUvarint(b, uint64(len(msg.list)))
		for i := range msg.list {
			b = appendEntry(b, &msg.list[i])
		}
	case msgJoin, msgRefuse, msgLink:
		b = appendString(b, msg.text)
	case msgAsk, msgOffer:
		b = binary.AppendUvarint(b, uint64(len(msg.uuids)))
		for _, u := range msg.uuids {
			b = appendString(b, u)
		}
		b = binary.AppendUvarint(b, uint64(len(msg.hash)))
		for _, h := range msg.hash {
			b = binary.LittleEndian.AppendUint64(b, h)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStamp(b []byte, s Stamp) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.Time)), uint64(s.Host))
}

func appendEntry(b []byte, e *Entry) []byte {
	b = appendString(appendStamp(b, e.Stamp), e.Key)
	dead := byte(0)
	if e.Deleted {
		dead = 1
	}
	return appendString(append(b, dead), e.Value)
}

var errShort = errors.New("catalog: a message or record ends too early")

// reader takes fields from bytes. After the first error it gives zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 { // one form for each number
		r.fail(errShort)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many things follow that take at least size bytes each.
func (r *reader) count(size int) int {
	n := r.number()
	if n > uint64(len(r.b)/size) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(errShort)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) fixed() uint64 {
	if len(r.b) < 8 {
		r.fail(errShort)
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *reader) string(limit int) string {
	n := r.count(1)
	if n > limit {
		r.fail(fmt.Errorf("catalog: a string of %d bytes, at most %d are allowed", n, limit))
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) stamp() Stamp {
	t, h := r.number(), r.number()
	if t > 1<<62 || h > 1<<32-1 {
		r.fail(errors.New("catalog: a stamp out of range"))
		return Stamp{}
	}
	return Stamp{node.Time(t), node.ID(h)}
}

func (r *reader) entry() Entry {
	e := Entry{Stamp: r.stamp(), Key: r.string(maxKey)}
	dead := r.byte()
	e.Deleted, e.Value = dead == 1, r.string(maxValue)
	if dead > 1 || e.Key == "" {
		r.fail(errors.New("catalog: an entry without a key, or a bad flag"))
	}
	return e
}

// entries reads a list in ascending order of keys.
func (r *reader) entries() []Entry {
	n := r.count(5)
	list := make([]Entry, 0, n)
	for range n {
		e := r.entry()
		if k := len(list); k > 0 && list[k-1].Key >= e.Key {
			r.fail(errors.New("catalog: entries out of order"))
		}
		list = append(list, e)
	}
	return list
}

func (r *reader) end() error {
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("catalog: %d bytes too many", len(r.b))
	}
	return r.err
}

func decode(b []byte) (*message, error) {
	if len(b) > maxMessage {
		return nil, fmt.Errorf("catalog: a message of %d bytes, at most %d are allowed", len(b), maxMessage)
	}
	r := &reader{b: b}
	msg := &message{kind: msgKind(r.byte()), flags: r.byte(), scope: r.string(maxScope)}
	if msg.kind < msgRanges || msg.kind > msgLink || msg.flags&^flagsAll != 0 {
		r.fail(fmt.Errorf("catalog: message of kind %d with flags %#x", msg.kind, msg.flags))
	}
	switch msg.kind {
	case msgRanges, msgEntries, msgVoid:
		msg.floor = r.stamp()
		if msg.flags&flagShare != 0 {
			msg.share = r.entry()
		}
	}
	switch msg.kind {
	case msgRanges:
		r.ranges(msg)
	case msgEntries, msgVoid:
		msg.from, msg.to, msg.list = r.string(maxKey), r.string(maxKey), r.entries()
	case msgJoin, msgRefuse, msgLink:
		msg.text = r.string(maxInfo)
	case msgAsk, msgOffer:
		for range r.count(1) {
			msg.uuids = append(msg.uuids, r.string(maxScope))
		}
		for range r.count(8) {
			msg.hash = append(msg.hash, r.fixed())
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return msg, nil
}

// ranges reads digests: ascending, and nothing after the one that goes to the end.
func (r *reader) ranges(msg *message) {
	msg.from = r.string(maxKey)
	last := msg.from
	for i := range r.count(17) {
		s := sum{to: r.string(maxKey), digest: digest{live: r.fixed(), dead: r.fixed()}}
		if i > 0 && last == "" || s.to != "" && strings.Compare(s.to, last) <= 0 {
			r.fail(errors.New("catalog: ranges out of order"))
		}
		last = s.to
		msg.sums = append(msg.sums, s)
	}
}
