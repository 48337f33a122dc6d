package mesh

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"github.com/container-football/pitch/node"
)

// The handshake is three records: the server's welcome, the client's hello and the server's
// verdict. They must be readable in every version, so their form never changes, but for what is
// appended: a reader ignores what it does not know. A record is, little endian:
//
//	magic u32 | kind u8 | length u16 | body | CRC-32C of all before u32
//
// A text in a body is its length u8 and its bytes; the reason of a verdict has a length u16.
const (
	helloMagic = 0x48734d70 // pMsH
	recordHead = 7
	maxRecord  = 1024 // bytes of body
	maxName    = 63   // bytes of the name of a host or cluster
	maxReason  = 512  // bytes
)

const (
	recordWelcome = iota + 1
	recordHello
	recordVerdict
)

// purpose is what a connection is for.
type purpose uint8

const (
	control purpose = iota + 1 // messages of node.ClassControl
	bulk                       // messages of the other classes
	stream                     // bytes between daemons
)

func (p purpose) String() string {
	switch p {
	case control:
		return "control"
	case bulk:
		return "bulk"
	case stream:
		return "stream"
	}
	return fmt.Sprintf("purpose(%d)", uint8(p))
}

// versions is a range of versions of the protocol of frames.
type versions struct{ min, max uint16 }

// spoken is what this package speaks.
var spoken = versions{1, 1}

func (v versions) String() string { return fmt.Sprintf("%d to %d", v.min, v.max) }

// common is the highest version in both ranges; 0 if there is none.
func (v versions) common(o versions) uint16 {
	if best := min(v.max, o.max); best >= max(v.min, o.min) {
		return best
	}
	return 0
}

// party is how one side presents itself.
type party struct {
	versions    versions
	cluster     string
	name        string
	id          node.ID
	incarnation int64
	nonce       uint64 // random, for the checksums of the frames
	features    uint32 // bit c: frames in Compression c can be read
}

func (p party) String() string { return hostText(p.name, p.id) }

func (p party) reads(c Compression) bool { return p.features&(1<<c) != 0 }

// ours are the features of this package.
const ours = 1<<None | 1<<S2 | 1<<Zstd

// hello is what the client answers to the party of the server.
type hello struct {
	party
	version  uint16 // chosen; 0: there is no common one
	wantID   node.ID
	wantName string
	purpose  purpose
	ping     time.Duration // how often it will ping
}

// verdict lets the client in if the code is 0.
type verdict struct {
	code   uint8
	reason string
}

// encoder appends to b.
type encoder struct{ b []byte }

func (e *encoder) u8(v uint8)   { e.b = append(e.b, v) }
func (e *encoder) u16(v uint16) { e.b = binary.LittleEndian.AppendUint16(e.b, v) }
func (e *encoder) u32(v uint32) { e.b = binary.LittleEndian.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) name(s string) {
	e.u8(uint8(len(s)))
	e.b = append(e.b, s...)
}

// decoder takes from b. Once something is wrong, all that follows is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || len(d.b) < n {
		d.bad, d.b = true, nil
		return make([]byte, n)
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u8() uint8   { return d.take(1)[0] }
func (d *decoder) u16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *decoder) u32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *decoder) name() string {
	s := string(d.take(int(d.u8())))
	d.bad = d.bad || !printable(s)
	return s
}

// printable holds for the names of hosts and clusters: they go into logs and terminals.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxName
}

func (e *encoder) party(p party) {
	e.u16(p.versions.min)
	e.u16(p.versions.max)
	e.name(p.cluster)
	e.name(p.name)
	e.u32(uint32(p.id))
	e.u64(uint64(p.incarnation))
	e.u64(p.nonce)
	e.u32(p.features)
}

func (d *decoder) party() party {
	p := party{versions: versions{d.u16(), d.u16()}, cluster: d.name(), name: d.name(),
		id: node.ID(d.u32()), incarnation: int64(d.u64()), nonce: d.u64(), features: d.u32()}
	d.bad = d.bad || p.versions.min == 0 || p.versions.max < p.versions.min || p.id == 0
	return p
}

func (p party) encode() []byte {
	var e encoder
	e.party(p)
	return e.b
}

func decodeWelcome(b []byte) (party, error) {
	d := decoder{b: b}
	p := d.party()
	return p, d.error("welcome")
}

func (h hello) encode() []byte {
	var e encoder
	e.party(h.party)
	e.u16(h.version)
	e.u32(uint32(h.wantID))
	e.name(h.wantName)
	e.u8(uint8(h.purpose))
	e.u32(uint32(h.ping.Milliseconds()))
	return e.b
}

func decodeHello(b []byte) (hello, error) {
	d := decoder{b: b}
	h := hello{party: d.party(), version: d.u16(), wantID: node.ID(d.u32()), wantName: d.name(),
		purpose: purpose(d.u8()), ping: time.Duration(d.u32()) * time.Millisecond}
	return h, d.error("hello")
}

func (v verdict) encode() []byte {
	var e encoder
	e.u8(v.code)
	reason := v.reason[:min(len(v.reason), maxReason)]
	e.u16(uint16(len(reason)))
	e.b = append(e.b, reason...)
	return e.b
}

func decodeVerdict(b []byte) (verdict, error) {
	d := decoder{b: b}
	v := verdict{code: d.u8()}
	n := int(d.u16())
	d.bad = d.bad || n > maxReason
	if !d.bad {
		v.reason = harmless(d.take(n))
	}
	return v, d.error("verdict")
}

// harmless replaces what must not go into a log or terminal.
func harmless(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
}

func (d *decoder) error(what string) error {
	if d.bad {
		return fmt.Errorf("%w: a %s that makes no sense", ErrFrame, what)
	}
	return nil
}

// recordOf is a record of the handshake.
func recordOf(kind uint8, body []byte) []byte {
	var e encoder
	e.u32(helloMagic)
	e.u8(kind)
	e.u16(uint16(len(body)))
	e.b = append(e.b, body...)
	e.u32(crc32.Checksum(e.b, castagnoli))
	return e.b
}

// readRecord reads a record of a kind, and nothing of what follows it.
func readRecord(r io.Reader, kind uint8) ([]byte, error) {
	b := make([]byte, recordHead, 256)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	d := decoder{b: b}
	magic, got, n := d.u32(), d.u8(), int(d.u16())
	switch {
	case magic != helloMagic:
		return nil, fmt.Errorf("%w: begins with %#08x, expected %#08x: not one of us", ErrFrame, magic,
			uint32(helloMagic))
	case got != kind:
		return nil, fmt.Errorf("%w: record %d of the handshake, expected %d", ErrFrame, got, kind)
	case n > maxRecord:
		return nil, fmt.Errorf("%w: record of %d bytes, at most %d are possible", ErrFrame, n,
			maxRecord)
	}
	b = append(b, make([]byte, n+4)...)
	if _, err := io.ReadFull(r, b[recordHead:]); err != nil {
		return nil, err
	}
	end := len(b) - 4
	want := binary.LittleEndian.Uint32(b[end:])
	if sum := crc32.Checksum(b[:end], castagnoli); sum != want {
		return nil, fmt.Errorf("%w: checksum of a record %#08x, expected %#08x", ErrFrame, sum, want)
	}
	return b[recordHead:end], nil
}

// salts are where the checksums of the frames from the client and from the server begin.
func salts(server party, client hello) (fromClient, fromServer uint32) {
	var e encoder
	e.u64(server.nonce)
	e.u64(client.nonce)
	e.u8(uint8(client.purpose))
	sum := crc32.Checksum(e.b, castagnoli)
	return sum, ^sum
}
