package fleet

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/container-football/pitch/node"
)

// wide is a sum of products of a number and a time in ticks: 128 bits, exact.
type wide struct{ high, low uint64 }

func (w *wide) add(n int64, dt uint64) {
	high, low := bits.Mul64(uint64(n), dt)
	var carry uint64
	w.low, carry = bits.Add64(w.low, low, 0)
	w.high, _ = bits.Add64(w.high, high, carry)
}

func (w wide) minus(o wide) wide {
	low, borrow := bits.Sub64(w.low, o.low, 0)
	high, _ := bits.Sub64(w.high, o.high, borrow)
	return wide{high, low}
}

// hours is the sum with the time in hours.
func (w wide) hours() float64 {
	return (float64(float64(w.high)*(1<<64)) + float64(w.low)) / ticksPerHour
}

// totals is what has passed until now.
type totals struct {
	hosts    wide   // hosts that were down, times ticks
	volumes  wide   // LVs that were down, times ticks
	any      wide   // ticks with an LV down
	lost     wide   // pairs of an LV and a lost group that it needs, times ticks
	episodes uint64 // that began: from no LV down to some
}

func (t *totals) minus(o *totals) totals {
	return totals{t.hosts.minus(o.hosts), t.volumes.minus(o.volumes), t.any.minus(o.any),
		t.lost.minus(o.lost), t.episodes - o.episodes}
}

// record measures. The state that holds since now is passed to each method that lets time pass.
type record struct {
	now, end node.Time
	totals   totals
	sizes    []size // ascending by LVs

	least, most float64 // LVs that can be down, while any is

	batches []node.Time // when each of them ends
	ended   []totals    // as they were then

	// Episodes that follow upon each other within a gap are one clump: whatever made them come
	// together, clumps come independently.
	gap     node.Time
	clump   totals    // at its beginning; of no use while inClump is false
	inClump bool      // not over for long enough
	before  totals    // at the beginning of the episode
	began   node.Time // of the clump
	over    node.Time // when its last episode ended
	clumps  tally
	clumped node.Time // time that clumps took
	longest draws     // of the episodes, by each number alone
	outages outages
}

// size is for how long so many LVs were down.
type size struct {
	lvs   int64
	ticks wide
}

func newRecord(cfg *Config, x *index) record {
	w := record{end: ticks(cfg.Hours), least: float64(slices.Min(x.count)), most: float64(x.volumes)}
	// What happens in one batch must not matter in the next: each is ten outages long.
	n := node.Time(min(cfg.Batches, max(2, int(min(1e6, cfg.Hours/(10*cfg.slowest()))))))
	for b := range n {
		w.batches = append(w.batches, w.end/n*(b+1))
	}
	w.batches[n-1] = w.end
	w.gap = ticks(5 * cfg.slowest())
	return w
}

// begin sees the state at time 0.
func (w *record) begin(x *index) {
	if x.downVolumes > 0 {
		w.open()
	}
}

// advance lets time pass.
func (w *record) advance(to node.Time, x *index) {
	for len(w.ended) < len(w.batches) && w.batches[len(w.ended)] <= to {
		w.span(w.batches[len(w.ended)], x)
		w.ended = append(w.ended, w.totals)
	}
	w.span(to, x)
}

func (w *record) span(to node.Time, x *index) {
	dt := uint64(to - w.now)
	w.now = to
	w.totals.hosts.add(x.downHosts, dt)
	if x.downVolumes == 0 || dt == 0 {
		return
	}
	w.totals.volumes.add(x.downVolumes, dt)
	w.totals.any.add(1, dt)
	w.totals.lost.add(x.lostEntries, dt)
	i, found := slices.BinarySearchFunc(w.sizes, x.downVolumes,
		func(s size, lvs int64) int { return cmp.Compare(s.lvs, lvs) })
	if !found {
		w.sizes = slices.Insert(w.sizes, i, size{lvs: x.downVolumes})
	}
	w.sizes[i].ticks.add(1, dt)
}

// change sees what an event did to the LVs of which so many were down before.
func (w *record) change(was int64, x *index) {
	switch {
	case was == 0 && x.downVolumes > 0:
		if w.inClump && w.now-w.over > w.gap {
			w.close()
		}
		w.open()
		w.totals.episodes++
	case was > 0 && x.downVolumes == 0:
		w.over = w.now
		w.longest.raise(w.draws(w.totals.minus(&w.before)))
	}
}

// open begins an episode, and a clump if there is none.
func (w *record) open() {
	w.before = w.totals
	if !w.inClump {
		w.inClump, w.clump, w.began = true, w.totals, w.now
	}
}

func (w *record) close() {
	w.inClump = false
	w.clumped += w.over - w.began
	w.clumps.add(w.draws(w.totals.minus(&w.clump)))
}

// finish lets the rest of the time pass.
func (w *record) finish(x *index) {
	w.advance(w.end, x)
	if x.downVolumes > 0 {
		w.change(x.downVolumes, &index{})
	}
	if w.inClump {
		w.close()
	}
}

// outages are the times that hosts and domains were down for, each times the hosts that it took
// down: in host-hours.
type outages struct {
	n                int64
	squares, longest float64
}

func (w *record) outage(d node.Time, hosts int) {
	x := float64(d) / ticksPerHour * float64(hosts)
	w.outages.n++
	w.outages.squares += float64(x * x)
	w.outages.longest = max(w.outages.longest, x)
}
