package replica

import (
	"encoding/binary"
	"fmt"

	"github.com/container-football/pitch/node"
)

// Guest is a host that uses a volume without having a replica.
type Guest struct {
	Host   node.ID
	Shared bool // it only reads, beside others
	Silent bool // nothing was heard of it for so long that others may take its place
}

// guestSize is the length of a guest's form: host, 4 bytes little endian, and flags.
const guestSize = 5

// AppendGuest appends the form of a guest to b.
func AppendGuest(b []byte, g Guest) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(g.Host))
	flags := byte(0)
	if g.Shared {
		flags |= 1
	}
	if g.Silent {
		flags |= 2
	}
	return append(b, flags)
}

// DecodeGuests reads the answer to [OpGuests].
func DecodeGuests(b []byte) ([]Guest, error) {
	if len(b)%guestSize != 0 {
		return nil, fmt.Errorf("guests: %d bytes are no multiple of %d", len(b), guestSize)
	}
	list := make([]Guest, 0, len(b)/guestSize)
	for ; len(b) > 0; b = b[guestSize:] {
		list = append(list, Guest{node.ID(binary.LittleEndian.Uint32(b)), b[4]&1 != 0, b[4]&2 != 0})
	}
	return list, nil
}
