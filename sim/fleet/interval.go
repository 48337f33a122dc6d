package fleet

import "math"

// spread makes intervals.
//
// A sum over time of which something is added in many independent cases, each by its own amount,
// is a compound Poisson variable. Its variance is estimated by the sum of the squares of what was
// added, and its distribution is as skewed as a Gamma distribution of that mean and variance. The
// upper end counts one more case as large as any, the one that has not happened yet. That is the
// interval of Fay and Feuer (Statistics in Medicine 16, 1997); for cases that are all alike it is
// the exact one of a Poisson variable (Garwood 1936), and without any case -ln(α/2) of them.
//
// Cases are clumps of episodes, as long as they take little of the time, and are few. Otherwise
// the spread of batches of time gives the variance, enlarged for what is not known about it by
// Student's distribution. (With few cases in each batch, the spread of the batches would be a
// worse measure than that of the cases themselves.)
type spread struct {
	level, hours float64
	clumps       tally
	batches      tally
	hosts        tally // batches of host-hours, at index 0
	longest      draws // single episodes
	unseen       draws
	busy         bool
	clustered    float64 // factor of all variances: see Law.clustered
}

// byBatches says which of both is believed.
func (s *spread) byBatches() bool { return s.busy || s.clumps.n >= 10*s.batches.n }

// share is the interval of the mean over time, and over n things, of sum i of all.
func (s *spread) share(i int, all draws, n float64) Estimate {
	variance, one := s.clumps.squares[i], s.one(&s.clumps, i)
	if s.byBatches() {
		variance, one = s.fromBatches(&s.batches, i), s.one(&s.batches, i)
	}
	e := s.sum(all[i], variance, max(one, s.unseen[i]))
	if math.IsInf(n, 1) {
		return e.over(s.hours, n)
	}
	return e.over(float64(s.hours*n), 1)
}

// one is what the next case may add. It may be as large as any clump was. Of many cases in each
// batch the next one is no surprise, but an episode that outweighs the others of its batch may
// well come again.
func (s *spread) one(t *tally, i int) float64 {
	if t == &s.clumps {
		return t.most[i]
	}
	return min(t.excess(i), s.longest[i])
}

// fromBatches is the variance of the sum of all batches.
func (s *spread) fromBatches(t *tally, i int) float64 {
	n := float64(t.n)
	return t.around(i) * n / (n - 1) * s.wider(n-1)
}

// wider is by how much a variance that rests on so many degrees of freedom is enlarged.
func (s *spread) wider(df float64) float64 {
	tail := 1 - (1-s.level)/2
	ratio := studentQuantile(df, tail) / normalQuantile(tail)
	return ratio * ratio
}

// sum is the interval of a sum of this variance, to which the next case would add that much.
func (s *spread) sum(y, variance, one float64) Estimate {
	variance = float64(variance * s.clustered)
	tail := (1 - s.level) / 2
	e := Estimate{Value: y}
	if y > 0 {
		v := max(variance, float64(one*one)) // it rests on one case at least
		e.Low = gammaQuantile(y/v*y, tail) * v / y
	}
	variance += float64(one * one)
	e.High = gammaQuantile((y+one)/variance*(y+one), 1-tail) * variance / (y + one)
	return e
}

// over divides by what the sum is counted over; no mean is more than most.
func (e Estimate) over(n, most float64) Estimate {
	return Estimate{min(most, e.Value/n), min(most, e.Low/n), min(most, e.High/n)}
}

// ofHosts is the interval of the share of the time that hosts are down. The cases are outages.
func (s *spread) ofHosts(y float64, seen outages, unseen, hosts float64) Estimate {
	variance, one := seen.squares, seen.longest
	if seen.n >= 10*s.hosts.n {
		variance, one = s.fromBatches(&s.hosts, 0), min(s.hosts.excess(0), seen.longest)
	}
	return s.sum(y, variance, max(one, unseen)).over(float64(s.hours*hosts), 1)
}

// size is the interval of how many LVs are down while any is, between the least and the most that
// can be. It is a ratio of two sums, with a variance by the delta method. What is skewed like a sum
// is the part by which it exceeds the least, or falls short of the most.
func (s *spread) size(all draws, least, most float64) Estimate {
	if all[ofAny] == 0 {
		return Estimate{0, least, most}
	}
	hours := all[ofAny]
	ratio := all[ofVolumes] / hours
	t := &s.clumps
	if s.byBatches() {
		t = &s.batches
	}
	switch {
	case least == most:
		return Estimate{least, least, least} // there is no other size
	case t.n < 2:
		return Estimate{ratio, least, most}
	}
	n := float64(t.n)
	variance := t.aroundRatio(ratio) * n / (n - 1) * s.wider(n-1)
	cases := max(n, all[ofEpisodes])
	if ratio <= (least+most)/2 {
		one := max(s.one(t, ofAbove), (min(most, 2*least)-least)*hours/cases)
		e := s.sum(all[ofAbove], variance, one)
		return Estimate{ratio, min(ratio, least+e.Low/hours), min(most, least+e.High/hours)}
	}
	one := max(s.one(t, ofBelow), (most-max(least, most/2))*hours/cases)
	e := s.sum(all[ofBelow], variance, one)
	return Estimate{ratio, max(least, most-e.High/hours), max(ratio, most-e.Low/hours)}
}
