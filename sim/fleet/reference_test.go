package fleet

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// The reference knows no queue, no counters and no batches. It writes down when each host and each
// domain is down, and then looks, between any two moments at which something changed, at every
// host, every group and every LV.
type reference struct {
	cfg   *Config
	spans [][][2]node.Time // by host, then by domain level by level: when it was down
	down  []node.Time      // by class: for how long
}

func newReference(cfg *Config) *reference {
	f := &reference{cfg: cfg}
	end := ticks(cfg.Hours)
	level := func(number, count int, lifetime, repair Law) {
		up, back := lifetime.sampler(), repair.sampler()
		for i := range count {
			random := node.NewStream(node.Hash(node.Hash(cfg.Seed, uint64(number)), uint64(i)), "fleet")
			var spans [][2]node.Time
			isDown := random.Chance(repair.Mean / (lifetime.Mean + repair.Mean))
			at, first := node.Time(0), true
			for at <= end {
				law := &up
				if isDown {
					law = &back
				}
				d := law.whole
				if first {
					d = law.rest
				}
				next := at + d(&random)
				if isDown {
					spans = append(spans, [2]node.Time{at, min(next, end)})
				}
				at, isDown, first = next, !isDown, false
			}
			f.spans = append(f.spans, spans)
		}
	}
	level(0, cfg.Hosts, cfg.Lifetime, cfg.Repair)
	for i := range cfg.Domains {
		level(i+1, cfg.Domains[i].Count, cfg.Domains[i].Lifetime, cfg.Domains[i].Repair)
	}
	return f
}

func (f *reference) isDown(host int, at node.Time) bool {
	in := func(spans [][2]node.Time) bool {
		return slices.ContainsFunc(spans, func(s [2]node.Time) bool { return s[0] <= at && at < s[1] })
	}
	down, base := in(f.spans[host]), f.cfg.Hosts
	for _, d := range f.cfg.Domains {
		down = down || in(f.spans[base+int(d.Of[host])])
		base += d.Count
	}
	return down
}

// measure adds everything up.
func (f *reference) measure() (t totals, sizes map[int64]uint64) {
	moments := []node.Time{0, ticks(f.cfg.Hours)}
	for _, spans := range f.spans {
		for _, s := range spans {
			moments = append(moments, s[0], s[1])
		}
	}
	slices.Sort(moments)
	moments = slices.Compact(moments)
	sizes = map[int64]uint64{}
	f.down = make([]node.Time, len(f.cfg.Volumes))
	before := int64(-1)
	for i, at := range moments[:len(moments)-1] {
		dt := uint64(moments[i+1] - at)
		hosts, lvs, entries := f.look(at, node.Time(dt))
		t.hosts.add(hosts, dt)
		t.volumes.add(lvs, dt)
		t.lost.add(entries, dt)
		if lvs > 0 {
			t.any.add(1, dt)
			sizes[lvs] += dt
			if before == 0 {
				t.episodes++
			}
		}
		before = lvs
	}
	return t, sizes
}

// look counts what is down from a moment on, for as long as nothing changes.
func (f *reference) look(at, dt node.Time) (hosts, lvs, entries int64) {
	lost := make([]bool, len(f.cfg.Groups))
	for h := range f.cfg.Hosts {
		if f.isDown(h, at) {
			hosts++
		}
	}
	for g, group := range f.cfg.Groups {
		down := 0
		for _, h := range group.Members {
			if f.isDown(int(h), at) {
				down++
			}
		}
		lost[g] = down > group.Tolerate
	}
	for v, class := range f.cfg.Volumes {
		n := int64(0)
		for _, g := range class.Groups {
			if lost[g] {
				n++
			}
		}
		if entries += n * int64(class.Count); n > 0 {
			lvs += int64(class.Count)
			f.down[v] += dt
		}
	}
	return hosts, lvs, entries
}

var lifetimes = []Form{Exponential, Uniform, Weibull}

// anyConfig draws a small fleet of any kind.
func anyConfig(random *node.Stream) Config {
	below := func(n int) int { return int(random.Below(uint64(n))) }
	law := func(mean float64, form Form) Law {
		l := Law{Form: form, Mean: mean * (0.5 + unit(random))}
		if form == Weibull {
			l.Shape = 0.5 + 2*unit(random)
		}
		return l
	}
	c := Config{Seed: random.Uint64(), Hosts: 1 + below(8), Hours: 300,
		Lifetime: law(10, lifetimes[below(3)]), Repair: law(2, Form(below(3)))}
	for range below(3) {
		d := Domains{Count: 1 + below(3), Lifetime: law(50, lifetimes[below(3)]),
			Repair: law(3, Form(below(3)))}
		for range c.Hosts {
			d.Of = append(d.Of, int32(below(d.Count)))
		}
		c.Domains = append(c.Domains, d)
	}
	for range 1 + below(6) {
		members := numbers(0, c.Hosts)
		for i := range members {
			j := i + below(c.Hosts-i)
			members[i], members[j] = members[j], members[i]
		}
		members = members[:1+below(c.Hosts)]
		c.Groups = append(c.Groups, Group{Members: members, Tolerate: below(min(3, len(members)))})
	}
	for range 1 + below(5) {
		class := Class{Count: 1 + below(4)}
		for range 1 + below(3) {
			class.Groups = append(class.Groups, int32(below(len(c.Groups)))) // the same one twice, too
		}
		c.Volumes = append(c.Volumes, class)
	}
	return c
}

func TestASecondImplementationMeasuresTheSameToTheLastTick(t *testing.T) {
	random := node.NewStream(1, "fleets")
	episodes := uint64(0)
	for i := range 150 {
		cfg := anyConfig(&random)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			ref := newReference(&cfg)
			want, sizes := ref.measure()
			cfg.setDefaults()
			r := newRun(&cfg)
			if err := r.until(context.Background(), nil); err != nil {
				t.Fatal(err)
			}
			if r.rec.totals != want {
				t.Errorf("%+v\nexpected %+v", r.rec.totals, want)
			}
			for _, s := range r.rec.sizes {
				if s.ticks != (wide{low: sizes[s.lvs]}) {
					t.Errorf("%d LVs were down for %v, expected %d", s.lvs, s.ticks, sizes[s.lvs])
				}
			}
			if len(r.rec.sizes) != len(sizes) {
				t.Errorf("%d sizes, expected %d", len(r.rec.sizes), len(sizes))
			}
			for v, down := range ref.down {
				if got := r.x.downUntil(v, r.rec.end); got != down {
					t.Errorf("class %d was down for %d ticks, expected %d", v, got, down)
				}
			}
			episodes += want.episodes
		})
	}
	if episodes < 1000 {
		t.Errorf("only %d episodes were compared", episodes)
	}
}
