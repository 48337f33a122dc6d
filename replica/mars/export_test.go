package mars

import "encoding/binary"

// InMemory is how many bytes of log a replica holds in memory, for tests of its bounds.
func (m *Machine) InMemory() int { return len(m.stream.buf) }

// KeepForPeers is shown to tests that have to write more than stays in memory.
const KeepForPeers = keepForPeers

// Defect is the sentence that says why a replica is defective.
func (m *Machine) Defect() string { return m.change.defect }

// Content says whether msg carries what users have written: log, or sectors of a copy.
func Content(msg []byte) bool {
	m, _, err := decodeMessage(msg)
	return err == nil && (m.kind == msgData || m.kind == msgCopied)
}

// CopiedSectors is how many sectors the content of a copy has, or -1 if msg is none.
func CopiedSectors(msg []byte, carry int) int {
	m, body, err := decodeMessage(msg)
	if err != nil || m.kind != msgCopied {
		return -1
	}
	n := 0
	for body = body[copyHead:]; len(body) > 0; {
		k := int(binary.LittleEndian.Uint32(body[4:]))
		n += k
		body = body[8+k*carry:]
	}
	return n
}
