package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// Name names a schedule of a scenario: the seed that it was drawn from, and the changes made to it since.
type Name []uint64

// String is the name as in 17 or 17.3.9.
func (n Name) String() string {
	parts := make([]string, len(n))
	for i, v := range n {
		parts[i] = strconv.FormatUint(v, 10)
	}
	return strings.Join(parts, ".")
}

// ParseName is the inverse of String.
func ParseName(text string) (Name, error) {
	var n Name
	for _, part := range strings.Split(text, ".") {
		v, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return nil, fmt.Errorf("expected a seed such as 17, or a seed and changes such as 17.3.9, found %q", text)
		}
		n = append(n, v)
	}
	return n, nil
}

// maxFaults is how many random faults a schedule begins with at the most.
const maxFaults = 30

// Schedule makes the schedule of that name. It has no random faults left: each is a step. Without a name it is
// the scenario as it is.
func Schedule(f *scenario.File, name Name) *scenario.File {
	if len(name) == 0 {
		return f.Literal(f.Seed)
	}
	out := swarm(f, name[0]).Literal(name[0])
	for i := range name[1:] {
		out = change(f, out, name[:i+2])
	}
	loosen(out)
	return out
}

// swarm asks for a random subset of the faults that f survives, at a random rate. Runs in which some kinds of faults
// are missing get to states that others hide: see Groce et al., Swarm Testing, ISSTA 2012.
func swarm(f *scenario.File, seed uint64) *scenario.File {
	r := node.NewStream(seed, "swarm of "+f.Name)
	out := clone(f)
	out.Random = scenario.Random{Until: f.Random.Until, Rate: scenario.FaultRate{Ops: operations(f)}}
	if f.Random.Until == (scenario.Until{}) {
		out.Random.Until.Event = "end"
	}
	for _, kind := range Kinds(f) {
		if r.Chance(0.5) {
			out.Random.Faults = append(out.Random.Faults, kind)
		}
	}
	// From one to many, and as often between one and two as between fifteen and thirty.
	for n := 1; n < maxFaults && r.Chance(0.85); n += 1 + n/4 {
		out.Random.Rate.Faults = n
	}
	out.Random.Rate.Faults = max(1, min(out.Random.Rate.Faults, out.Random.Rate.Ops))
	return out
}

func operations(f *scenario.File) int {
	if len(f.Workloads) == 0 || f.Workloads[0].Ops == 0 {
		return 1000 // a trace of unknown length
	}
	return f.Workloads[0].Ops
}

// Kinds are the random faults that f has to survive: all, but no crash if it acknowledges what a
// crash may take.
func Kinds(f *scenario.File) []string {
	kinds := scenario.FaultKinds()
	if !f.SurvivesCrash() {
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "crash" || k == "torn-write" })
	}
	return kinds
}

// change makes one or a few changes to a schedule.
func change(f, old *scenario.File, name Name) *scenario.File {
	out := clone(old)
	seed := name[0]
	for _, v := range name[1:] {
		seed = node.Hash(seed, v)
	}
	r := node.NewStream(seed, "change of "+f.Name)
	for n := 1 + draw(&r, 3); n > 0; n-- {
		var random []int // the scenario's own steps stay as they are
		for i := range out.Steps {
			if scenario.IsRandom(&out.Steps[i]) {
				random = append(random, i)
			}
		}
		if len(random) == 0 || r.Chance(0.25) {
			add(f, out, r.Uint64())
			continue
		}
		i := random[draw(&r, len(random))]
		switch s := &out.Steps[i]; draw(&r, 4) {
		case 0:
			out.Steps = slices.Delete(out.Steps, i, i+1)
		case 1: // somewhere else
			shift(s, int64(draw(&r, operations(f))))
		case 2: // close to where it is
			for k := range s.When.Terms {
				shift(s, max(0, s.When.Terms[k].Int+int64(draw(&r, 21))-10))
			}
		case 3:
			factor := []scenario.Duration{1, 2, 8, 32}[draw(&r, 4)]
			s.For, s.RestartAfter = scaled(s.For, factor), scaled(s.RestartAfter, factor)
		}
	}
	return out
}

func shift(s *scenario.Step, to int64) {
	for k := range s.When.Terms {
		if s.When.Terms[k].Fn == scenario.FnAcked {
			s.When.Terms[k].Int = to
		}
	}
}

// scaled is a quarter of a time, times a factor: shorter or longer.
func scaled(d, factor scenario.Duration) scenario.Duration {
	if d == 0 {
		return 0
	}
	return min(max(1, d/4*factor), scenario.Duration(2*node.Second))
}

// add draws one more fault.
func add(f, out *scenario.File, seed uint64) {
	one := swarm(f, seed)
	one.Random.Rate.Faults = 1
	for _, s := range one.Literal(seed).Steps[len(f.Steps):] {
		for n := len(out.Steps); ; n++ {
			name := fmt.Sprintf("%s-%d", strings.TrimRight(s.Name, "-0123456789"), n)
			if !slices.ContainsFunc(out.Steps, func(o scenario.Step) bool { return o.Name == name }) {
				s.Name = name
				break
			}
		}
		out.Steps = append(out.Steps, s)
	}
}
