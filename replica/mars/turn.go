package mars

import (
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
)

// Copies take a host's disk and network for themselves, so a host may let only some of its replicas
// copy at a time. Who decides is outside: a replica only says that it waits, and gives its turn back
// when it cannot use it.

// onSyncTurn takes what the host has decided, whatever the role: it holds for copies to come.
func (m *Machine) onSyncTurn(ev *node.Event) {
	if ev.N < replica.SyncFree || ev.N > replica.SyncGiven {
		m.out.Reply(ev.Tag, node.Invalid, m.ver.epoch(), []byte("a turn that there is not"))
		return
	}
	m.turn = ev.N
	m.endTurn()
	m.out.Reply(ev.Tag, node.OK, m.ver.epoch(), nil)
	m.copyKick()
}

// hungry says whether there is something to copy, and somebody to copy it from. A source that is silent
// must not keep others from copying from theirs.
func (m *Machine) hungry() bool {
	c := &m.copy
	if !c.on || !c.based || len(c.pending) == 0 || m.state.syncOff || m.restarting {
		return false
	}
	p := m.source()
	return p != nil && p.silent <= silence
}

// waits says whether a copy has to wait for its turn.
func (m *Machine) waits() bool { return m.turn == replica.SyncHeld && m.hungry() }

// endTurn gives a turn back that is of no use.
func (m *Machine) endTurn() {
	if m.turn == replica.SyncGiven && !m.hungry() {
		m.turn = replica.SyncHeld
	}
}
