package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/container-football/pitch/node"
)

// expand returns f with the seed of the run and with every random fault as a step of its own. The
// schedule is made before the run, from a stream of its own: it is data, and the result can be
// run again, edited, or made smaller, without the seed.
func expand(f *File, seed uint64) *File {
	out := *f
	out.Seed = seed
	out.Steps = slices.Clone(f.Steps)
	if len(f.Random.Faults) == 0 || len(f.Workloads) == 0 {
		return &out
	}
	g := generator{f: f, random: node.NewStream(seed, "fault schedule"), load: &f.Workloads[0]}
	g.last = int64(g.load.Ops)
	if g.last == 0 {
		g.last = 1000 // a trace of unknown length
	}
	if f.Random.Until.Event == "heal" {
		g.last = g.healAt()
	}
	rate := f.Random.Rate
	n := int(g.last) * rate.Faults / rate.Ops
	first := 0 // a schedule may have been made literal before: no name may stand twice
	for i := range f.Steps {
		if IsRandom(&f.Steps[i]) {
			first = len(f.Steps)
		}
	}
	for i := range n {
		out.Steps = append(out.Steps, g.fault(first+i, "")...)
	}
	out.Random = Random{}
	out.Expect.MustFire = slices.Clone(f.Expect.MustFire)
	for i, name := range out.Expect.MustFire {
		scripted := slices.ContainsFunc(f.Steps, func(s Step) bool { return s.Do == name })
		if slices.Contains(f.Random.Faults, name) && !scripted {
			out.Steps, out.Expect.MustFire[i] = g.atLeastOne(out.Steps, name)
		}
	}
	return &out
}

// randomPrefix begins the names of generated steps.
const randomPrefix = "random-"

type generator struct {
	f      *File
	random node.Stream
	load   *Workload
	last   int64 // operation before which faults begin
}

// healAt is the number of operations at which the first step that heals everything is due.
func (g *generator) healAt() int64 {
	for i := range g.f.Steps {
		s := &g.f.Steps[i]
		if s.Do != DoHeal || len(s.Between) > 0 {
			continue
		}
		for _, t := range s.When.Terms {
			if t.Fn == FnAcked {
				return min(g.last, t.Int)
			}
		}
	}
	return g.last
}

// atLeastOne makes sure that there is a generated fault of a kind, and returns its name. Where no
// such fault is possible it is a step that never fires.
func (g *generator) atLeastOne(steps []Step, kind string) ([]Step, string) {
	for i := range steps {
		var n int
		if _, err := fmt.Sscanf(steps[i].Name, randomPrefix+kind+"-%d", &n); err == nil {
			return steps, steps[i].Name
		}
	}
	one := g.fault(len(steps), kind)
	if one == nil {
		one = []Step{{Name: fmt.Sprintf(randomPrefix+"%s-%d", kind, len(steps)+1), Do: DoWait,
			When: g.at(math.MaxInt64)}}
	}
	return append(steps, one...), one[0].Name
}

// fault draws one fault, of any kind if none is given, which ends by itself within half a second.
// It always draws the same number of words, so that one fault does not shift the next.
func (g *generator) fault(i int, kind string) []Step {
	drawn := g.f.Random.Faults[g.random.Below(uint64(len(g.f.Random.Faults)))]
	if kind == "" {
		kind = drawn
	}
	begin := int64(g.random.Below(uint64(max(1, g.last*9/10)))) + 1
	length := int64(g.random.Below(1000))
	victim := g.f.Hosts[g.random.Below(uint64(len(g.f.Hosts)))].Name
	size := float64(g.random.Below(1000)+1) / 1000
	s := Step{Name: fmt.Sprintf(randomPrefix+"%s-%d", kind, i+1), When: g.at(begin),
		For: 10e6 + Duration(length*500e6/1000)}
	if at := g.f.Random.Until.At; g.f.Random.Until.Event == "" && at > 0 {
		s.When, s.At = Condition{}, at/1000*Duration(begin*1000/g.last)
	}
	switch kind {
	case "drop", "delay", "duplicate", "reorder", "partition":
		if s.Between = g.between(victim); s.Between == nil {
			return nil // a host alone has no links
		}
		s.Do = DoLink
		switch kind {
		case "drop":
			s.Loss = size / 2
		case "delay":
			s.Delay = Duration(size * 20e6)
		case "duplicate":
			s.Duplicate = size / 2
		case "reorder":
			s.Reorder = size / 2
		case "partition":
			s.Do = DoPartition
		}
	case "pause":
		s.Do, s.Host = DoPause, victim
	case "crash", "torn-write":
		s.Do, s.Host, s.Unsynced = DoCrash, victim, "lose-some"
		s.RestartAfter, s.For = s.For, 0
	case "disk-slow":
		s.Do, s.Host, s.Slow = DoDisk, victim, 1+size*20
	}
	return []Step{s}
}

func (g *generator) at(ops int64) Condition {
	return Condition{Terms: []Term{{Fn: FnAcked, Args: []string{g.load.Name}, Op: ">=", Int: ops}}}
}

func (g *generator) between(victim string) [][]string {
	var others []string
	for i := range g.f.Hosts {
		if name := g.f.Hosts[i].Name; name != victim {
			others = append(others, name)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return [][]string{{victim}, others}
}

// FaultKinds returns the kinds of random faults.
func FaultKinds() []string { return slices.Clone(enums["faults"]) }

// IsRandom says whether a step was made from a random fault.
func IsRandom(s *Step) bool { return strings.HasPrefix(s.Name, randomPrefix) }
