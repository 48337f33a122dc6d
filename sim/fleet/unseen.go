package fleet

// What has not been seen in a run may happen all the same, and upper ends of intervals must
// leave room for it. How often it happens is unknown, but not what it amounts to.

// expected is how often domains of a level fail in the run, but no more than once.
func (c *Config) expected(level int) float64 {
	d := &c.Domains[level]
	return min(1, c.Hours*float64(d.Count)/(d.Lifetime.Mean+d.Repair.Mean))
}

// slowest is the longest mean time that something is down for. Domains that will hardly ever fail
// count as little as that.
func (c *Config) slowest() float64 {
	mean := c.Repair.Mean
	for i := range c.Domains {
		mean = max(mean, c.Domains[i].Repair.Mean*c.expected(i))
	}
	return mean
}

// unseen is what an episode amounts to that has not been seen: the worst that one lost group or
// one failed domain does. A group is lost no longer than until the first of its failed members is
// back, and so for no longer than the slowest repair takes, in the mean.
func (r *run) unseen() draws {
	x := newIndex(r.cfg)
	slowest := r.cfg.slowest()
	worst := draws{ofAny: slowest, ofEpisodes: 1}
	see := func(hours float64) {
		worst.raise(draws{ofVolumes: float64(x.downVolumes) * hours,
			ofLost: float64(x.lostEntries) * hours})
	}
	for g := range int32(len(x.weight)) {
		x.lose(g)
		see(slowest)
		x.find(g)
	}
	domain := int32(0)
	for level := range r.cfg.Domains {
		hours := r.cfg.Domains[level].Repair.Mean * r.cfg.expected(level)
		for range r.cfg.Domains[level].Count {
			for _, host := range x.members(domain) {
				x.hold(host)
			}
			see(hours)
			for _, host := range x.members(domain) {
				x.release(host)
			}
			domain++
		}
	}
	return worst
}

// unseenOutage is the same in host-hours.
func (r *run) unseenOutage() float64 {
	worst, domain := r.cfg.Repair.Mean, int32(0)
	for level := range r.cfg.Domains {
		hours := r.cfg.Domains[level].Repair.Mean * r.cfg.expected(level)
		for range r.cfg.Domains[level].Count {
			worst = max(worst, hours*float64(len(r.x.members(domain))))
			domain++
		}
	}
	return worst
}
