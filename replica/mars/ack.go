package mars

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Ack says when a write is acknowledged. The zero value is what the log on the primary's own disk
// can promise.
type Ack uint8

// The settings, named for what an acknowledged write has survived.
const (
	// AckDurable: the log record is synced. Nothing that was acknowledged is lost at a crash of
	// this host.
	AckDurable Ack = iota
	// AckLogged: the log record was handed to the disk but not synced. A power failure loses
	// what was acknowledged since the last flush; the crash of a process alone does not.
	AckLogged
	// AckSubmitted: the write is in memory. Any crash loses what was acknowledged since the last
	// flush.
	AckSubmitted
	// AckRemote: the record is synced here and on one more member. The loss of one of the two loses
	// nothing, if the other one takes over. While no other member can be reached, writers wait.
	AckRemote
	// AckQuorum: the record is synced on a majority of the members, this one among them. Writers wait
	// while there is none.
	AckQuorum
	ackEnd
)

var ackNames = [...]string{"durable", "logged", "submitted", "remote", "quorum"}

func (a Ack) String() string {
	if a < ackEnd {
		return ackNames[a]
	}
	return fmt.Sprintf("ack(%d)", uint8(a))
}

// ParseAck reads the name of a setting.
func ParseAck(s string) (Ack, error) {
	if i := slices.Index(ackNames[:], s); i >= 0 {
		return Ack(i), nil
	}
	last := len(ackNames) - 1
	return 0, fmt.Errorf("ack %q, expected %s or %s", s,
		strings.Join(ackNames[:last], ", "), ackNames[last])
}

// ack is the setting in force: that of the configuration, until a primary has been told another one.
func (m *Machine) ack() Ack {
	if m.group.ack != 0 {
		return m.group.ack - 1
	}
	return m.cfg.Ack
}

// sure is up to where the log will survive what the setting promises. What is behind is neither
// flushed nor shown to readers: a crash could still take it back.
func (m *Machine) sure() int64 {
	others := 0 // that have to have it, too
	switch m.ack() {
	case AckRemote:
		others = 1
	case AckQuorum:
		others = len(m.group.members) / 2
	}
	if others == 0 || m.role != replica.RolePrimary {
		return m.durable.pos
	}
	var few [8]int64
	held := few[:0]
	for i := range m.peers {
		if p := &m.peers[i]; p.known {
			held = append(held, p.durable)
		}
	}
	if len(held) < others {
		return 0
	}
	slices.Sort(held)
	return min(m.durable.pos, held[len(held)-others])
}

// onSetAck changes the setting, for all members.
func (m *Machine) onSetAck(ev *node.Event) {
	a, err := ParseAck(string(ev.Data))
	switch {
	case err != nil:
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(), []byte(err.Error()))
		return
	case m.role != replica.RolePrimary || m.change.draining:
		m.out.Reply(ev.Tag, node.NotPrimary, m.ver.epoch(), []byte(askPrimary))
		return
	}
	if a != m.ack() {
		g := m.nextGroup()
		g.ack = a + 1
		m.group = g
		m.save()
		m.surer()
	}
	m.verbs = append(m.verbs, verb{tag: ev.Tag, gen: m.meta.want})
	m.answerVerbs()
}

// surer is called when more may be sure than before, for another reason than the own log.
func (m *Machine) surer() {
	m.ackWaiting()
	m.applyKick()
}

// ackWaiting answers what waited for more to be sure than there was, as far as it is now.
func (m *Machine) ackWaiting() {
	sure := m.sure()
	m.answer(&m.io.writes, sure)
	m.answer(&m.io.flushes, sure)
	if m.io.live == 0 {
		return
	}
	for i := range m.io.reads {
		m.finishRead(&m.io.reads[i])
	}
}
