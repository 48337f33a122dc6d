package remote

import (
	"bytes"
	"testing"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Bytes from the network may be anything: what decodes is what was encoded, and no machine fails on it.
func FuzzMessage(f *testing.F) {
	for k := kindOpen; k < kindEnd; k++ {
		var head [messageSize]byte
		m := message{kind: k, op: node.OpWrite, life: session{5, 3, 2}, seq: 1, floor: 1, off: 3, n: 1,
			nonce: nonce{5, 1}, stamp: stamp{3, 1}, holder: guest, prev: 2, prevHost: 1, served: 3}
		m.encode(&head)
		f.Add(append(head[:], 1, 2, 3, 4, 5, 6, 7, 8))
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := decode(data)
		if err == nil {
			var head [messageSize]byte
			m.encode(&head)
			if again, _, err := decode(head[:]); err != nil || again != m {
				t.Fatalf("%+v became %+v, %v", m, again, err)
			}
		}
		server, _ := serving(t, other)
		server.hear(guest, openOf(1))
		server.tick(tagTick, node.Second)
		server.granted(guest, openOf(1))
		user := client(t)
		user.grant(other, user.ask(1, replica.OpOpen, 0, 0), 3)
		user.ask(2, node.OpRead, 0, 1)
		for _, d := range []*desk{server, user} {
			for _, from := range []node.Addr{guest, other, stranger} {
				d.step(&node.Event{Kind: node.KindMessage, From: from, Data: bytes.Clone(data)})
				d.tick(tagTick, node.Second)
				d.tick(clientTick, node.Second)
			}
		}
	})
}
