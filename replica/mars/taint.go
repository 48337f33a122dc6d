package mars

import "slices"

// A primary that goes on without its log writes to its volume what a crash then leaves there, in any subset: writes
// that nobody was told of, and that no log has. Its readers may see them, as on a plain disk. But the other
// members never would: a log that went on from here would leave volumes that differ for good, and what was read here
// would be gone after the next handover.
//
// So nobody's log goes on from the history of such a volume. Before it becomes primary again its history makes a
// step that is in no log: whoever was level with it is an orphan now, and catches up by comparing everything. A
// secondary in this state copies the volume, once it knows that its own history has left nobody's branch.

// untaint lets the history go on behind a frame that no log will have. It is called until all of the log is on the
// volume, to stay.
func (m *Machine) untaint() {
	if m.restarting || m.state.applied != m.applied || m.meta.saved != m.meta.want {
		return
	}
	last := Segment{Epoch: m.ver.epoch(), Origin: m.self.Host}
	if all := slices.Concat(m.stream.gone, m.stream.segments); len(all) > 0 {
		last = all[len(all)-1]
	}
	from := m.stream.at.pos
	m.past = m.stream.past()
	m.stream.begin(last.Epoch, m.now, last.Origin, Hole)
	m.out.LogNote(devLog, tagLogNote, m.stream.newest, m.stream.bytes(from, m.stream.at.pos))
	m.stepping, m.state.tainted = true, false
	m.beginAnew(resync{}, m.stream.at)
}
