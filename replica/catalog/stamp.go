package catalog

import (
	"fmt"

	"github.com/container-football/pitch/node"
)

// Stamp orders all values of a key. It is a Lamport time that follows the clock: the larger one of
// the host's clock and 1 ns after the newest stamp that it has seen. Hosts break ties.
type Stamp struct {
	Time node.Time
	Host node.ID
}

// Before says whether s is older than t.
func (s Stamp) Before(t Stamp) bool {
	return s.Time < t.Time || s.Time == t.Time && s.Host < t.Host
}

func (s Stamp) String() string { return fmt.Sprintf("%v@%d", s.Time, s.Host) }

// later is the later one of two stamps.
func later(s, t Stamp) Stamp {
	if s.Before(t) {
		return t
	}
	return s
}

// tick makes a stamp that is newer than all that this host has seen.
func (m *Machine) tick() Stamp {
	m.last = max(m.now, m.last+1)
	return Stamp{m.last, m.self.Host}
}

// ahead is how far a stamp lies before the clock of this host, beyond what is tolerated: positive
// only for a stamp that must not be taken.
func (m *Machine) ahead(s Stamp) node.Time { return s.Time - m.now - m.cfg.MaxAhead }
