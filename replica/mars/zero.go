package mars

import (
	"slices"
	"sort"

	"github.com/container-football/pitch/node"
)

// maxZeros bounds how many pending ranges of zeros a primary remembers. Then writers wait.
const maxZeros = 4096

// zeroRange says that sectors [first, end) are made zero by what stands at place at: a position in
// the stream, or a number within a window.
type zeroRange struct {
	first, end int64
	at         int64
	need       int64 // end of the frame
}

// zeroList holds the newest zero of each sector, ascending, without overlap. A range may be a whole
// volume: nothing here costs more than the number of ranges.
type zeroList []zeroRange

// find returns the index of the first range that ends behind a sector.
func (l zeroList) find(sector int64) int {
	return sort.Search(len(l), func(i int) bool { return l[i].end > sector })
}

// add puts a range in that is newer than all others: it takes their place where they overlap.
func (l zeroList) add(z zeroRange) zeroList {
	from := l.find(z.first)
	to := from
	var put [3]zeroRange
	n := 0
	if from < len(l) && l[from].first < z.first {
		left := l[from]
		left.end = z.first
		put[n] = left
		n++
	}
	put[n] = z
	n++
	for ; to < len(l) && l[to].first < z.end; to++ {
		if right := l[to]; right.end > z.end {
			right.first = z.end
			put[n] = right
			n++
		}
	}
	return slices.Replace(l, from, to, put[:n]...)
}

// cut takes the sectors [first, last) out.
func (l zeroList) cut(first, last int64) zeroList {
	if i := l.find(first); i == len(l) || l[i].first >= last {
		return l
	}
	l = l.add(zeroRange{first: first, end: last})
	return slices.Delete(l, l.find(first), l.find(first)+1)
}

// drop takes out what stands before a place.
func (l zeroList) drop(before int64) zeroList {
	return slices.DeleteFunc(l, func(z zeroRange) bool { return z.at < before })
}

// onZero is a user's wish that sectors read as zeros. It is logged and acknowledged like a write.
func (m *Machine) onZero(ev *node.Event) {
	if !m.serves(ev, m.inRange(ev)) {
		return
	}
	if m.hold(waiter{tag: ev.Tag, sector: ev.Off, zero: ev.N, sync: wantsSync(ev)}, nil) {
		return
	}
	m.zero(ev.Tag, ev.Off, ev.N, wantsSync(ev))
	m.logKick()
}

// zero puts one user's zero into the stream.
func (m *Machine) zero(tag node.Tag, sector, n int64, sync bool) {
	for cont := false; n > 0; cont = true {
		k := min(n, maxZero)
		start := m.stream.at.pos
		m.stream.zero(m.ver.epoch(), m.now, sector, k, cont)
		m.io.zeros = m.io.zeros.add(zeroRange{sector, sector + k, start, m.stream.at.pos})
		sector, n = sector+k, n-k
	}
	m.acceptWrite(tag, sync)
}

// overlayZeros puts pending zeros into a read, where no newer write stands. Newest says where the
// content that was found so far begins in the stream, for each sector.
func (m *Machine) overlayZeros(r *read, first int64, newest []int64) (hits int) {
	carry := int64(m.cfg.Geometry.Carry)
	end := first + int64(len(r.over))
	for i := m.io.zeros.find(first); i < len(m.io.zeros) && m.io.zeros[i].first < end; i++ {
		z := &m.io.zeros[i]
		for s := max(z.first, first); s < min(z.end, end); s++ {
			k := s - first
			if r.over[k] && newest[k] > z.at {
				continue
			}
			if !r.over[k] {
				hits++
			}
			clear(r.sectors(int(carry))[k*carry : (k+1)*carry])
			r.over[k] = true
			if m.ack() != AckSubmitted {
				r.need = max(r.need, z.need)
			}
		}
	}
	return hits
}
