package mars

import (
	"github.com/container-football/pitch/node"
)

// maxCommit bounds what one group commit appends, in bytes.
const maxCommit = 4 << 20

// logger makes the stream durable: one append and one sync at a time, each for everything that
// has come meanwhile (group commit).
type logger struct {
	busy   bool
	failed bool // the last append or sync failed; the segment has to be cut first
	full   bool // because there was no space
	target mark // what the commit under way makes durable
	seg    uint64
	off    int64 // where in the segment the commit begins
}

// logKick starts a commit if there is something to commit and none is under way.
func (m *Machine) logKick() {
	l := &m.logger
	if l.busy || m.durable.pos == m.stream.at.pos || m.restarting ||
		m.emergency.full >= emergencyTicks || m.emergency.on && (m.emergency.until == 0 ||
		m.durable.pos < m.emergency.until) {
		return
	}
	from := m.durable.pos
	seg, segEnd := m.stream.segmentAt(from)
	to := m.stream.at.pos
	if segEnd > 0 {
		to = segEnd
	}
	l.busy, l.seg, l.off = true, seg.Nr, from-seg.Start
	if l.failed {
		m.out.LogTruncate(devLog, tagLogRepair, l.seg, l.off)
		return
	}
	end, extra := m.stream.chunk(from, to, maxCommit)
	l.target = m.stream.mark(end)
	m.out.LogAppend(devLog, tagLogAppend, l.seg, l.off, m.stream.bytes(from, end), extra)
}

func (m *Machine) logAppended(ev *node.Event) {
	m.logger.full = ev.Code == node.NoSpace
	if ev.Code != node.OK {
		m.logFailed()
		if m.logger.full && m.copy.staging() && !m.restarting {
			m.giveUpStaging() // the log from the base on has no room beside the own one
		}
		return
	}
	if m.ack() == AckLogged {
		m.answer(&m.io.writes, m.logger.target.pos)
	}
	m.out.LogSync(devLog, tagLogSync, m.logger.seg)
}

func (m *Machine) logSynced(ev *node.Event) {
	if ev.Code != node.OK {
		m.logFailed()
		return
	}
	m.logger.busy = false
	m.durable = m.logger.target
	if m.emergency.on {
		m.emergencyOver()
	}
	m.committed()
	m.logKick()
}

// logFailed leaves the rest to the next tick: writers wait until the log takes records again. A
// failed sync says nothing about what is on disk, so everything since the last good one is
// written again.
func (m *Machine) logFailed() {
	m.logger.busy, m.logger.failed = false, true
	if m.emergency.on {
		m.emergencyGoesOn()
	}
}

func (m *Machine) logRepaired(ev *node.Event) {
	m.logger.busy = false
	// A segment that does not exist yet has nothing to be cut.
	m.logger.failed = ev.Code != node.OK && !(ev.Code == node.Invalid && m.logger.off == 0)
	if !m.logger.failed {
		m.logKick()
	}
}

// committed is called when more of the log has become durable.
func (m *Machine) committed() {
	m.ackWaiting()
	m.stageCommitted()
	m.applyKick()
	m.trim() // replay may be off: then this is the only place that bounds the memory
	for i := range m.peers {
		if p := &m.peers[i]; p.base != 0 {
			m.tellBase(p)
		} else {
			m.serve(p)
		}
	}
	m.fetchCommitted()
	m.progress()
}
