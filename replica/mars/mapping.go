package mars

import (
	"slices"

	"github.com/container-football/pitch/node"
)

// mapping is a Map that waits for the volume.
type mapping struct {
	used   bool
	orphan bool // answered already; the slot waits for the volume alone
	held   bool // the volume has not been asked: it is being resized
	tag    node.Tag
	off, n int64
	runs   []node.Run // pending writes when it came
}

// onMap tells where there may be data. Writes that are pending when it comes are added to what the
// volume knows. Pending zeros take nothing away: there may be data until they are on the volume.
func (m *Machine) onMap(ev *node.Event) {
	if !m.serves(ev, m.inRange(ev)) {
		return
	}
	i := slices.IndexFunc(m.io.maps, func(q mapping) bool { return !q.used })
	if i < 0 {
		i = len(m.io.maps)
		m.io.maps = append(m.io.maps, mapping{})
	}
	m.io.maps[i] = mapping{used: true, held: m.resizing(), tag: ev.Tag, off: ev.Off, n: ev.N,
		runs: m.pendingRuns(ev.Off, ev.Off+ev.N)}
	m.io.liveMaps++
	if !m.io.maps[i].held {
		m.out.Map(devVolume, tagUserMap|node.Tag(i), ev.Off, ev.N)
	}
}

// pendingRuns lists the sectors in [first, end) that are written to in what is not applied yet.
func (m *Machine) pendingRuns(first, end int64) (runs []node.Run) {
	for i := m.stream.find(m.applied.pos); i < len(m.stream.refs); i++ {
		r := &m.stream.refs[i]
		from, to := max(r.sector, first), min(r.sector+int64(r.sectors), end)
		if r.kind == kindWrite && from < to {
			runs = append(runs, node.Run{First: from, N: to - from})
		}
	}
	return runs
}

func (m *Machine) userMap(ev *node.Event) {
	q := &m.io.maps[ev.Tag&^tagClass]
	runs, err := node.DecodeRuns(ev.Data)
	code := ev.Code
	if err != nil && code == node.OK {
		code = node.IOError // a volume that does not know what it holds
	}
	var data []byte
	if code == node.OK {
		data = node.AppendRuns(nil, union(append(runs, q.runs...))...)
	}
	m.endMap(q, code, data)
	m.resizeKick()
}

func (m *Machine) endMap(q *mapping, code node.Code, data []byte) {
	if !q.orphan && !m.park(q.tag, code, true, data) {
		m.out.Reply(q.tag, code, m.ver.epoch(), data)
	}
	*q = mapping{}
	m.io.liveMaps--
}

// dropMaps answers the maps under way when this replica stops being primary.
func (m *Machine) dropMaps() {
	for i := range m.io.maps {
		q := &m.io.maps[i]
		if !q.used || q.orphan {
			continue
		}
		if q.held {
			m.endMap(q, node.NotPrimary, nil)
			continue
		}
		m.out.Reply(q.tag, node.NotPrimary, m.ver.epoch(), nil)
		q.orphan = true
	}
}
