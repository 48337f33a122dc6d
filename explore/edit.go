package explore

import (
	"slices"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// edit makes a scenario smaller or plainer, and says whether it has changed anything.
type edit func(f *scenario.File) bool

// clone copies all that edits change.
func clone(f *scenario.File) *scenario.File {
	c := *f
	c.Hosts = slices.Clone(f.Hosts)
	c.Resources = slices.Clone(f.Resources)
	for i := range c.Resources {
		r := &c.Resources[i]
		r.Replicas, r.Joiners, r.Remote = slices.Clone(r.Replicas), slices.Clone(r.Joiners), slices.Clone(r.Remote)
	}
	c.Workloads = slices.Clone(f.Workloads)
	c.Steps = slices.Clone(f.Steps)
	for i := range c.Steps {
		s := &c.Steps[i]
		s.When.Terms = slices.Clone(s.When.Terms)
		s.Between = slices.Clone(s.Between)
		for k := range s.Between {
			s.Between[k] = slices.Clone(s.Between[k])
		}
	}
	c.Expect.MustFire = slices.Clone(f.Expect.MustFire)
	return &c
}

// loosen takes back what a scenario expects of its own course: with other faults, or fewer of them, service
// may stall, more may be lost, and steps may not come to happen. What the strategy promises stays.
func loosen(f *scenario.File) {
	e := &f.Expect
	e.MustFire, e.MaxStall, e.MaxUnknown = nil, 0, scenario.Unbounded
	e.MaxLost = scenario.MaxLost{Ops: scenario.Unbounded, Bytes: scenario.Unbounded, Seconds: scenario.Unbounded}
	e.Checks = without(slices.Clone(e.Checks), func(c string) bool { return c == "rpo" }) // it needs a bound
}

// prune leaves out what refers to something that is not there any more.
func prune(f *scenario.File) {
	has := func(kind, name string) bool {
		switch kind {
		case scenario.RefHost:
			return f.HostID(name) != 0
		case scenario.RefResource:
			return slices.ContainsFunc(f.Resources, func(r scenario.Resource) bool { return r.Name == name })
		case scenario.RefWorkload:
			return slices.ContainsFunc(f.Workloads, func(w scenario.Workload) bool { return w.Name == name })
		case scenario.RefStep:
			return slices.ContainsFunc(f.Steps, func(s scenario.Step) bool { return s.Name == name })
		}
		return true
	}
	f.Steps = slices.DeleteFunc(f.Steps, func(s scenario.Step) bool {
		return s.Host != "" && !has(scenario.RefHost, s.Host) ||
			s.Resource != "" && !has(scenario.RefResource, s.Resource) ||
			s.Workload != "" && !has(scenario.RefWorkload, s.Workload)
	})
	f.Steps = slices.DeleteFunc(f.Steps, func(s scenario.Step) bool {
		whole := s.Do == scenario.DoHeal && len(s.Between) == 0
		return usesLinks(s.Do) && !whole && len(s.Between) < 2
	})
	for i := range f.Steps {
		terms := &f.Steps[i].When.Terms
		*terms = slices.DeleteFunc(*terms, func(t scenario.Term) bool {
			for _, ref := range t.Refs() {
				if !has(ref.Kind, ref.Name) {
					return true
				}
			}
			return false
		})
	}
}

func usesLinks(verb string) bool {
	return verb == scenario.DoPartition || verb == scenario.DoLink || verb == scenario.DoHeal
}

// dropHost leaves out a host and all that it has a part in.
func dropHost(f *scenario.File, name string) bool {
	n := len(f.Hosts)
	f.Hosts = slices.DeleteFunc(f.Hosts, func(h scenario.Host) bool { return h.Name == name })
	is := func(s string) bool { return s == name }
	for i := range f.Resources {
		r := &f.Resources[i]
		r.Replicas = slices.DeleteFunc(r.Replicas, is)
		r.Joiners, r.Remote = without(r.Joiners, is), without(r.Remote, is)
		if r.Witness == name {
			r.Witness = ""
		}
	}
	for i := range f.Workloads {
		if w := &f.Workloads[i]; w.Host == name {
			w.Host = ""
		}
	}
	for i := range f.Steps {
		s := &f.Steps[i]
		for k := range s.Between {
			s.Between[k] = slices.DeleteFunc(s.Between[k], is)
		}
		s.Between = slices.DeleteFunc(s.Between, func(g []string) bool { return len(g) == 0 })
		if len(s.Between) < 2 && s.Do == scenario.DoHeal && s.Between != nil {
			s.Do, s.Between = scenario.DoWait, nil
		}
	}
	return len(f.Hosts) < n && len(f.Hosts) > 0
}

// without is s without some; an empty list is nil, as the format wants it.
func without(s []string, is func(string) bool) []string {
	if s = slices.DeleteFunc(s, is); len(s) == 0 {
		return nil
	}
	return s
}

func dropResource(f *scenario.File, name string) bool {
	n := len(f.Resources)
	f.Resources = slices.DeleteFunc(f.Resources, func(r scenario.Resource) bool { return r.Name == name })
	f.Workloads = slices.DeleteFunc(f.Workloads, func(w scenario.Workload) bool { return w.On == name })
	return len(f.Resources) < n && len(f.Resources) > 0 && len(f.Workloads) > 0
}

// withOps gives a workload n operations.
func withOps(f *scenario.File, i, n int, late bool) bool {
	w := &f.Workloads[i]
	old := w.Ops
	w.Ops, w.Clients = n, min(w.Clients, n)
	for k := range f.Steps {
		for t := range f.Steps[k].When.Terms {
			term := &f.Steps[k].When.Terms[t]
			if term.Fn != scenario.FnAcked || !slices.Contains(term.Args, w.Name) {
				continue
			}
			if !late {
				term.Int = term.Int * int64(n) / int64(old)
			}
			term.Int = min(term.Int, int64(n))
		}
	}
	return true
}

// onWorkload makes edits of one workload, plainest first.
func onWorkload(i int, edits []func(w *scenario.Workload) bool) (list []edit) {
	for _, e := range edits {
		list = append(list, func(f *scenario.File) bool {
			w := &f.Workloads[i]
			return w.Kind == scenario.KindStamp && e(w)
		})
	}
	return list
}

// set is an edit of one value.
func set[T comparable](p *T, to T) bool {
	changed := *p != to
	*p = to
	return changed
}

// plainWorkload: of each group the first that does is taken.
var plainWorkload = [][]func(w *scenario.Workload) bool{
	{func(w *scenario.Workload) bool { return set(&w.Clients, 1) },
		func(w *scenario.Workload) bool { return w.Clients > 2 && set(&w.Clients, 2) },
		func(w *scenario.Workload) bool { return w.Clients > 3 && set(&w.Clients, w.Clients/2) }},
	{func(w *scenario.Workload) bool { return set(&w.Write, 1) }},
	{func(w *scenario.Workload) bool { return set(&w.OpSectors, 1) }},
	{func(w *scenario.Workload) bool { return set(&w.Sectors, 1) },
		func(w *scenario.Workload) bool { return (w.Sectors == 0 || w.Sectors > 2) && set(&w.Sectors, 2) },
		func(w *scenario.Workload) bool { return w.Sectors > 3 && set(&w.Sectors, w.Sectors/2) }},
	{func(w *scenario.Workload) bool { return set(&w.Hot, 0) }},
	{func(w *scenario.Workload) bool { return set(&w.FlushEvery, 0) }},
	{func(w *scenario.Workload) bool { return set(&w.Think, 0) }},
	{func(w *scenario.Workload) bool { return set(&w.Host, "") }},
}

// plainStep makes a step plainer: what it does lasts to the end, or is shorter; it is all or nothing; it waits for
// less.
var plainStep = []func(f *scenario.File, s *scenario.Step) bool{
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.For, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.RestartAfter, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return rounded(&s.For) },
	func(_ *scenario.File, s *scenario.Step) bool { return rounded(&s.RestartAfter) },
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.Loss, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.Duplicate, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.Reorder, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.Delay, 0) },
	func(_ *scenario.File, s *scenario.Step) bool { return rounded(&s.Delay) },
	func(_ *scenario.File, s *scenario.Step) bool {
		return s.Do == scenario.DoCrash && set(&s.Unsynced, "keep")
	},
	func(_ *scenario.File, s *scenario.Step) bool {
		return s.Do == scenario.DoCrash && s.Unsynced != "keep" && set(&s.Unsynced, "lose-all")
	},
	func(_ *scenario.File, s *scenario.Step) bool { return set(&s.Force, false) },
	func(_ *scenario.File, s *scenario.Step) bool { return shorterWhen(s, 1) },
	func(_ *scenario.File, s *scenario.Step) bool { return earlier(s, func(int64) int64 { return 1 }) },
	func(_ *scenario.File, s *scenario.Step) bool { return earlier(s, func(n int64) int64 { return n / 2 }) },
	func(_ *scenario.File, s *scenario.Step) bool { return earlier(s, func(n int64) int64 { return n - 1 }) },
}

// rounded makes a time one that people would have chosen: one figure, and not above what it was.
func rounded(d *scenario.Duration) bool {
	unit := scenario.Duration(1)
	for unit*10 <= *d {
		unit *= 10
	}
	return set(d, *d/unit*unit)
}

// shorterWhen leaves out all of a condition but its first terms.
func shorterWhen(s *scenario.Step, n int) bool {
	if len(s.When.Terms) <= n {
		return false
	}
	s.When.Terms = s.When.Terms[:n]
	return true
}

// earlier has a step wait for fewer operations.
func earlier(s *scenario.Step, than func(int64) int64) (changed bool) {
	for i := range s.When.Terms {
		if t := &s.When.Terms[i]; t.Fn == scenario.FnAcked && t.Int > 1 {
			changed = set(&t.Int, max(1, than(t.Int))) || changed
		}
	}
	return changed
}

// plainFile makes the surroundings plainer.
var plainFile = []edit{
	func(f *scenario.File) bool { return set(&f.Network.Loss, 0) },
	func(f *scenario.File) bool { return set(&f.Network.Duplicate, 0) },
	func(f *scenario.File) bool { return set(&f.Network.Reorder, 0) },
	func(f *scenario.File) bool { return set(&f.Network.Jitter, 0) },
	func(f *scenario.File) bool { return set(&f.Disk.Capacity, 0) },
	func(f *scenario.File) bool {
		return eachHost(f, func(h *scenario.Host) bool { return set(&h.ClockOffset, 0) })
	},
	func(f *scenario.File) bool {
		return eachHost(f, func(h *scenario.Host) bool { return set(&h.ClockDriftPPM, 0) })
	},
	func(f *scenario.File) bool {
		return eachHost(f, func(h *scenario.Host) bool { return set(&h.SyncLimit, 0) })
	},
	func(f *scenario.File) bool {
		return eachResource(f, func(r *scenario.Resource) bool { return set(&r.Throttle, 0) })
	},
	func(f *scenario.File) bool {
		return eachResource(f, func(r *scenario.Resource) bool { return set(&r.CompressLog, "none") })
	},
	func(f *scenario.File) bool {
		return eachResource(f, func(r *scenario.Resource) bool { return set(&r.LogLimit, 0) })
	},
	func(f *scenario.File) bool {
		return eachResource(f, func(r *scenario.Resource) bool { return set(&r.Lease, 0) })
	},
}

func eachHost(f *scenario.File, e func(*scenario.Host) bool) (changed bool) {
	for i := range f.Hosts {
		changed = e(&f.Hosts[i]) || changed
	}
	return changed
}

func eachResource(f *scenario.File, e func(*scenario.Resource) bool) (changed bool) {
	for i := range f.Resources {
		changed = e(&f.Resources[i]) || changed
	}
	return changed
}

// draw is a number from 0 up to n.
func draw(r *node.Stream, n int) int { return int(r.Below(uint64(n))) }
