package fleet

import (
	"math"

	"github.com/container-football/pitch/node"
)

// A Result is what was measured.
type Result struct {
	Hours float64 // of virtual time
	Level float64 // of all intervals

	Hosts     Estimate // share of the time that a host is down, in the mean over all
	Volumes   Estimate // share of the time that an LV is down, in the mean over all
	Storage   Estimate // share of the storage that is on lost groups, in the mean over time
	Incident  Estimate // share of the time with an LV down
	Frequency Estimate // episodes that begin, per hour: from no LV down to some

	// Size is how many LVs are down, in the mean over the time with any. Its value is 0 if there
	// was none.
	Size  Estimate
	Sizes []SizeHours // ascending by LVs; only those that were seen

	Downtime float64 // of all LVs together, in LV-hours
	Classes  []ClassDown
	Events   int64 // failures and repairs of hosts and domains
	Episodes int64 // that began

	// Clumps are the episodes, but what followed upon each other within five repair times counts
	// once: on so many independent cases do the intervals rest.
	Clumps int64
	// ByBatches says that intervals are made from the spread of batches of time. Otherwise there
	// was too little to see in each of them, and they are made from the spread of the clumps.
	ByBatches bool
	Batches   int

	Digest uint64 // of every event and of what was measured
}

// An Estimate is a measured value with a confidence interval.
type Estimate struct{ Value, Low, High float64 }

// SizeHours is for how long exactly so many LVs were down.
type SizeHours struct {
	LVs   int64
	Hours float64
}

// ClassDown is how each LV of a class fared; in the order of Config.Volumes.
type ClassDown struct {
	Hours float64 // that it was down
	Times int64   // that it went down, or was down at the beginning
	Count int     // LVs of the class
}

func (r *run) result() Result {
	w := &r.rec
	s := r.spread()
	all := w.draws(w.totals)
	result := Result{Hours: s.hours, Level: s.level, Downtime: all[ofVolumes], Events: r.events,
		Episodes: int64(w.totals.episodes), Clumps: w.clumps.n, Batches: len(w.ended),
		ByBatches: s.byBatches(),
		Hosts:     s.ofHosts(w.totals.hosts.hours(), w.outages, r.unseenOutage(), float64(r.cfg.Hosts)),
		Volumes:   s.share(ofVolumes, all, float64(r.x.volumes)),
		Storage:   s.share(ofLost, all, float64(r.x.entries)),
		Incident:  s.share(ofAny, all, 1),
		Frequency: s.share(ofEpisodes, all, math.Inf(1)),
		Size:      s.size(all, w.least, w.most)}
	for _, b := range w.sizes {
		result.Sizes = append(result.Sizes, SizeHours{b.lvs, b.ticks.hours()})
	}
	for v, class := range r.cfg.Volumes {
		down := float64(r.x.downUntil(v, w.end)) / ticksPerHour
		result.Classes = append(result.Classes, ClassDown{down, r.x.times[v], class.Count})
	}
	result.Digest = r.hash()
	return result
}

// spread collects what intervals are made from.
func (r *run) spread() *spread {
	w := &r.rec
	s := &spread{level: r.cfg.Level, hours: float64(w.end) / ticksPerHour, clumps: w.clumps,
		longest: w.longest, unseen: r.unseen()}
	s.clustered = r.cfg.Lifetime.clustered()
	for i := range r.cfg.Domains {
		s.clustered = max(s.clustered, r.cfg.Domains[i].Lifetime.clustered())
	}
	s.busy = float64(w.clumped)/ticksPerHour > 0.1*s.hours
	last := totals{}
	for _, t := range w.ended {
		s.batches.add(w.draws(t.minus(&last)))
		s.hosts.add(draws{t.hosts.minus(last.hosts).hours()})
		last = t
	}
	for slot, e := range r.entities {
		if e.down {
			w.outage(w.end-e.since, r.size(int32(slot)))
		}
	}
	return s
}

// hash adds what was measured to the digest of the events.
func (r *run) hash() uint64 {
	t := &r.rec.totals
	h := r.digest
	for _, x := range []wide{t.hosts, t.volumes, t.any, t.lost} {
		h = node.Hash(node.Hash(h, x.high), x.low)
	}
	return node.Hash(node.Hash(h, t.episodes), uint64(r.events))
}
