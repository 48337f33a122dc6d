package nodetest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
)

// Commands to the layer: one letter and a number of eight bytes.
const (
	layerDrop = 'd' // lose every n-th message; zero: none
	layerHold = 'h' // keep every message for n nanoseconds; zero: do not
)

func layerCommand(letter byte, n uint64) []byte {
	return binary.LittleEndian.AppendUint64([]byte{letter}, n)
}

// layer is a small fault layer: it shows that a world lets layers do their work.
type layer struct {
	node.World
	drop    uint64
	hold    node.Time
	sent    uint64
	tag     node.Tag
	held    []heldMessage
	deliver func(machine uint32, ev *node.Event)
}

type heldMessage struct {
	tag      node.Tag
	from, to node.Addr
	class    node.Class
	body     []byte
	cost     int64
}

var _ node.Layer = (*layer)(nil)

// Wrap is the fault layer of hosts where [Setup].Layer asks for one.
func Wrap(_ node.ID, w node.World, deliver func(machine uint32, ev *node.Event)) node.Layer {
	return &layer{World: w, deliver: deliver}
}

// Control implements node.Layer.
func (l *layer) Control(cmd []byte) error {
	if len(cmd) != 9 {
		return fmt.Errorf("nodetest: layer command of %d bytes, expected 9", len(cmd))
	}
	n := binary.LittleEndian.Uint64(cmd[1:])
	switch cmd[0] {
	case layerDrop:
		l.drop, l.sent = n, 0
	case layerHold:
		l.hold = node.Time(n)
	default:
		return fmt.Errorf("nodetest: layer command %q is unknown", cmd[0])
	}
	return nil
}

// Send implements node.Transport.
func (l *layer) Send(from, to node.Addr, class node.Class, body []byte, cost int64) {
	l.sent++
	if l.drop > 0 && l.sent%l.drop == 0 {
		return
	}
	if l.hold == 0 {
		l.World.Send(from, to, class, body, cost)
		return
	}
	l.tag++
	l.held = append(l.held, heldMessage{l.tag, from, to, class, slices.Clone(body), cost})
	l.World.SetTimer(node.LayerMachine, l.tag, l.hold)
}

// Wake implements node.Layer. A message to this host itself is delivered from here: that is what
// deliver is for. Others go on their way.
func (l *layer) Wake(_ node.Time, tag node.Tag) {
	for i, m := range l.held {
		if m.tag != tag {
			continue
		}
		l.held = slices.Delete(l.held, i, i+1)
		if m.from.Host == m.to.Host {
			l.deliver(m.to.Machine, &node.Event{Kind: node.KindMessage, From: m.from, Data: m.body})
		} else {
			l.World.Send(m.from, m.to, m.class, m.body, m.cost)
		}
		return
	}
}
