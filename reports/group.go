package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/container-football/pitch/scenario"
)

// block is the results of one scenario in one world.
type block struct {
	scenario, world string
	results         []*scenario.Result
}

// blocks groups results in the order in which a scenario and world first come up.
func blocks(results []*scenario.Result) []block {
	var out []block
	for _, res := range results {
		i := slices.IndexFunc(out, func(b block) bool {
			return b.scenario == res.Scenario && b.world == res.World
		})
		if i < 0 {
			i = len(out)
			out = append(out, block{scenario: res.Scenario, world: res.World})
		}
		out[i].results = append(out[i].results, res)
	}
	return out
}

// worst is the worst outcome of results; none is passed.
func worst(results []*scenario.Result) scenario.Outcome {
	o := scenario.Passed
	for _, res := range results {
		o = max(o, res.Outcome)
	}
	return o
}

// seeds names seeds in rising order, runs of them as a..b. After maxRanges ranges it says how
// many seeds are left.
func seeds(list []uint64) string {
	const maxRanges = 3
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	var parts []string
	for i := 0; i < len(list); {
		k := i
		for k+1 < len(list) && list[k+1] == list[k]+1 {
			k++
		}
		if len(parts) == maxRanges {
			return fmt.Sprintf("%s and %d more", strings.Join(parts, ","), len(list)-i)
		}
		parts = append(parts, seedRange(list[i], list[k]))
		i = k + 1
	}
	return strings.Join(parts, ",")
}

func seedRange(a, b uint64) string {
	if a == b {
		return fmt.Sprint(a)
	}
	return fmt.Sprintf("%d..%d", a, b)
}

func seedsOf(results []*scenario.Result) string {
	var list []uint64
	for _, res := range results {
		list = append(list, res.Seed)
	}
	return seeds(list)
}

// lostOps is how many acknowledged writes a run has lost, and false if nothing was failed over.
func lostOps(res *scenario.Result) (n int, failedOver bool) {
	for i := range res.Losses {
		n += res.Losses[i].Ops
	}
	return n, len(res.Losses) > 0
}

// Repeat is the command that repeats a run: the one that the result carries, or else one made
// from its scenario, world and seed.
func Repeat(res *scenario.Result) string {
	if res.Repeat != "" {
		return clean(res.Repeat)
	}
	file := res.File
	if file == "" {
		file = res.Scenario
	}
	return clean(fmt.Sprintf("pitch run %s --world %s --seed %d", quote(file), quote(res.World),
		res.Seed))
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("_-./:,+@%", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
