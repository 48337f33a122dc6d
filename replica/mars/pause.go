package mars

import "github.com/container-football/pitch/replica"

// While records are applied, a crash may leave parts of them on the volume. The next boot applies them
// again and nobody sees it, unless replay is paused: then the volume would be no prefix of the history
// until replay goes on. So a pause ends behind the last record of which a part may be on the volume, and
// only what says that all of these are there to stay (state.still) lets a boot stop where it is.

// paused says whether nothing new is applied. A primary applies what it writes all the same.
func (m *Machine) paused() bool { return !m.state.replayOn && m.role == replica.RoleSecondary }

// resting says whether a pause has taken hold: nothing is to be applied. A volume that is being copied is no
// prefix anyway.
func (m *Machine) resting() bool { return m.paused() && (m.copy.on || m.whole()) }

// whole says whether the volume holds, durably, all records of which it may hold a part.
func (m *Machine) whole() bool { return m.applier.touched <= m.state.applied.pos }

// pausing says whether the disks do not yet say that a pause has taken hold.
func (m *Machine) pausing() bool { return m.paused() && !m.copy.on && !m.meta.still }

// stir makes the disks say that parts of more records may be on the volume from now on; false: not yet.
func (m *Machine) stir() bool {
	if !m.meta.still {
		return true
	}
	if m.meta.saved == m.meta.want {
		m.save()
	} else {
		m.metaKick()
	}
	return false
}
