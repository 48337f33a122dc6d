package place_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/container-football/pitch/model/place"
)

// listed is a pool and, as a second, dumb implementation of it, the list of its sets.
type listed struct {
	name string
	pool place.Pool
	sets [][]int
	// lost says whether a set is lost, by the ranks of its failed members.
	lost func(failed []int) bool
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// subsets lists the choices of k of n numbers for which keep is true.
func subsets(n, k int, keep func(set []int) bool) [][]int {
	var out [][]int
	for state := range 1 << n {
		if bits.OnesCount(uint(state)) != k {
			continue
		}
		var set []int
		for i := range n {
			if state>>i&1 == 1 {
				set = append(set, i)
			}
		}
		if keep(set) {
			out = append(out, set)
		}
	}
	return out
}

func all([]int) bool { return true }

// orders lists all choices of k of n numbers in any order.
func orders(n, k int) [][]int {
	if k == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, rest := range orders(n, k-1) {
	next:
		for i := range n {
			for _, j := range rest {
				if i == j {
					continue next
				}
			}
			out = append(out, append(append([]int(nil), rest...), i))
		}
	}
	return out
}

func setsOf(s *place.Sets) [][]int {
	var out [][]int
	for set := range s.Each {
		var members []int
		for _, m := range set {
			members = append(members, int(m))
		}
		out = append(out, members)
	}
	return out
}

// more says whether more than so many members failed.
func more(tolerate int) func([]int) bool {
	return func(failed []int) bool { return len(failed) > tolerate }
}

// beyond says what a locally repairable code cannot repair: it tries to repair one failure in each
// local group, and then needs a global parity for each other failure.
func beyond(l place.LRC) func([]int) bool {
	return func(failed []int) bool {
		perGroup := l.Data/l.Groups + 1
		repaired := make([]bool, l.Groups)
		need := 0
		for _, m := range failed {
			if g := m / perGroup; g < l.Groups && !repaired[g] {
				repaired[g] = true
				continue
			}
			need++
		}
		return need > l.Global
	}
}

func pools(t *testing.T) []listed {
	sets := must[*place.Sets](t)
	windows := func(n, r, w int) [][]int {
		var out [][]int
		for first := range n {
			for _, others := range subsets(w, r-1, all) {
				set := []int{first}
				for _, d := range others {
					set = append(set, (first+1+d)%n)
				}
				out = append(out, set)
			}
		}
		return out
	}
	apart := func(n, r, g int) [][]int {
		return subsets(n, r, func(set []int) bool {
			seen := map[int]bool{}
			for _, i := range set {
				seen[i%g] = true
			}
			return len(seen) == r
		})
	}
	small := place.LRC{Data: 4, Groups: 2, Global: 1}
	tiny := place.LRC{Data: 2, Groups: 1, Global: 1}
	out := []listed{
		{"a pair", place.AllSubsets(2, place.Replicas(2)), [][]int{{0, 1}}, more(1)},
		{"RS(3,2)", place.AllSubsets(5, place.ReedSolomon(3, 2)), [][]int{{0, 1, 2, 3, 4}}, more(2)},
		{"any 3 of 7", place.AllSubsets(7, place.Replicas(3)), subsets(7, 3, all), more(2)},
		{"RS(2,1) on 7", place.AllSubsets(7, place.ReedSolomon(2, 1)), subsets(7, 3, all), more(1)},
		{"one copy of 4", place.AllSubsets(4, place.Replicas(1)), subsets(4, 1, all), more(0)},
		{"LRC", place.AllSubsets(7, place.LocallyRepairable(small)), [][]int{{0, 1, 2, 3, 4, 5, 6}},
			beyond(small)},
		{"LRC on 6", place.AllSubsets(6, place.LocallyRepairable(tiny)), orders(6, 4), beyond(tiny)},
		{"ring, pairs", place.Ring(8, 2, 1), windows(8, 2, 1), more(1)},
		{"ring, triples", place.Ring(9, 3, 4), windows(9, 3, 4), more(2)},
		{"ring, tight", place.Ring(9, 4, 3), windows(9, 4, 3), more(3)},
		{"ring, no replicas", place.Ring(5, 1, 2), subsets(5, 1, all), more(0)},
		{"apart", place.AllApart(8, 2, 4), apart(8, 2, 4), more(1)},
		{"apart, triples", place.AllApart(9, 3, 3), apart(9, 3, 3), more(2)},
		{"apart, one domain", place.AllApart(6, 1, 2), apart(6, 1, 2), more(0)},
	}
	for name, s := range map[string]*place.Sets{
		"copysets": sets(place.Copysets(9, 3, 4, random(1))),
		"groups":   sets(place.Groups(8, place.ReedSolomon(2, 2), 7, random(2))),
		"stripes":  sets(place.Stripes(3, place.Replicas(2))),
		"tiered":   sets(place.Tiered(6, 3, 3, 4, random(3))),
		"twice": sets(place.Listed(4, place.Replicas(2),
			[][]int32{{0, 1}, {2, 3}, {0, 1}})),
	} {
		out = append(out, listed{name, s, setsOf(s), more(s.Code().Tolerate)})
	}
	return out
}

// look is what a probe should show.
func (l *listed) look(down []bool) (lost float64, worst int) {
	hits := 0
	for _, set := range l.sets {
		var failed []int
		for rank, node := range set {
			if down[node] {
				failed = append(failed, rank)
			}
		}
		if l.lost(failed) {
			hits++
		}
		worst = max(worst, len(failed))
	}
	return float64(hits) / float64(len(l.sets)), worst
}

// A probe is right about every state, by whatever way it came there.
func TestProbeKnowsWhatIsLost(t *testing.T) {
	for _, l := range pools(t) {
		t.Run(l.name, func(t *testing.T) {
			n, r := l.pool.Nodes(), random(4)
			probe, down := l.pool.Probe(), make([]bool, n)
			lostStates := 0
			check := func(how string) {
				t.Helper()
				lost, worst := l.look(down)
				if got := probe.Lost(); math.Abs(got-lost) > 1e-12 || (got == 0) != (lost == 0) {
					t.Fatalf("%s: %v: share %g lost, want %g", how, down, got, lost)
				}
				if got := probe.Worst(); got != worst {
					t.Fatalf("%s: %v: worst set lacks %d members, want %d", how, down, got, worst)
				}
				if lost > 0 {
					lostStates++
				}
			}
			for state := range 1 << n {
				probe.Reset()
				clear(down)
				for _, i := range r.Perm(n) {
					if state>>i&1 == 1 {
						probe.Fail(i)
						down[i] = true
					}
				}
				check("from new")
			}
			if lostStates == 0 {
				t.Error("no state loses anything")
			}
			for range 3000 { // a walk
				i := r.IntN(n)
				if down[i] {
					probe.Repair(i)
				} else {
					probe.Fail(i)
				}
				down[i] = !down[i]
				check("on a walk")
			}
		})
	}
}

// Two probes of a pool have nothing to do with each other.
func TestProbesAreIndependent(t *testing.T) {
	for _, l := range pools(t) {
		a, b := l.pool.Probe(), l.pool.Probe()
		for i := range l.pool.Nodes() {
			a.Fail(i)
		}
		if a.Lost() == 0 || b.Lost() != 0 || b.Worst() != 0 {
			t.Errorf("%s: %g and %g lost", l.name, a.Lost(), b.Lost())
		}
	}
}

// The law of a pool is the count of all choices of failed nodes.
func TestLawCountsChoices(t *testing.T) {
	laws := 0
	for _, l := range pools(t) {
		law, ok := l.pool.(place.Law)
		if !ok {
			continue
		}
		laws++
		n := l.pool.Nodes()
		hits, choices := make([]float64, n+1), make([]float64, n+1)
		var share = make([]float64, n+1)
		down := make([]bool, n)
		for state := range 1 << n {
			for i := range n {
				down[i] = state>>i&1 == 1
			}
			f := bits.OnesCount(uint(state))
			lost, _ := l.look(down)
			choices[f]++
			share[f] += lost
			if lost > 0 {
				hits[f]++
			}
		}
		for f := range n + 1 {
			p, ok := law.AnyLost(f)
			if want := hits[f] / choices[f]; !ok || math.Abs(p-want) > 1e-12 {
				t.Errorf("%s: P[any set lost | %d down] = %g, %v, want %g", l.name, f, p, ok, want)
			}
			// Every pool loses the same share, in the mean.
			if got, want := l.pool.Code().LostShare(n, f), share[f]/choices[f]; math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: share of %g lost with %d down, want %g", l.name, got, f, want)
			}
		}
	}
	if laws < 10 {
		t.Errorf("only %d pools have a law", laws)
	}
}

// The expectation of what is lost is the same for all placements of a code, the equal loss of all.
func TestExpectedStorageIsThatOfOneSet(t *testing.T) {
	const p = 0.13
	for _, l := range pools(t) {
		n := l.pool.Nodes()
		var sum float64
		down := make([]bool, n)
		for state := range 1 << n {
			q := 1.0
			for i := range n {
				down[i] = state>>i&1 == 1
				if down[i] {
					q *= p
				} else {
					q *= 1 - p
				}
			}
			lost, _ := l.look(down)
			sum += q * lost
		}
		if got := l.pool.Code().LostProbability(p); math.Abs(got-sum) > 1e-12 {
			t.Errorf("%s: %g, want %g", l.name, got, sum)
		}
	}
}

func TestShareOfPatternsThatLose(t *testing.T) {
	for _, l := range []place.LRC{{Data: 4, Groups: 2, Global: 1}, {Data: 6, Groups: 2, Global: 2},
		{Data: 6, Groups: 3, Global: 0}} {
		code := place.LocallyRepairable(l)
		lost, all := make([]float64, code.Width+1), make([]float64, code.Width+1)
		for state := range 1 << code.Width {
			var failed []int
			for i := range code.Width {
				if state>>i&1 == 1 {
					failed = append(failed, i)
				}
			}
			all[len(failed)]++
			if beyond(l)(failed) {
				lost[len(failed)]++
			}
		}
		for e := range all {
			if got, want := code.LossGiven(e), lost[e]/all[e]; math.Abs(got-want) > 1e-12 {
				t.Errorf("%v: %g of the patterns of %d lose, want %g", code, got, e, want)
			}
		}
		if lost[code.Tolerate] > 0 || lost[code.Tolerate+1] == 0 {
			t.Errorf("%v does not tolerate %d exactly", code, code.Tolerate)
		}
	}
}

func TestCodes(t *testing.T) {
	for _, c := range []struct {
		code     place.Code
		name     string
		overhead float64
	}{
		{place.Replicas(3), "3 replicas", 3},
		{place.ReedSolomon(10, 4), "RS(10,4)", 1.4},
		{place.LocallyRepairable(place.LRC{Data: 12, Groups: 2, Global: 2}), "LRC(12,2,2)", 16.0 / 12},
	} {
		if got := c.code.String(); got != c.name {
			t.Errorf("%s, want %s", got, c.name)
		}
		if got := c.code.Overhead(); math.Abs(got-c.overhead) > 1e-12 {
			t.Errorf("%s: overhead %g, want %g", c.name, got, c.overhead)
		}
	}
}

// With more sets than a float64 can count, no set lost is still exactly none.
func TestHugeWindowsForgetNothing(t *testing.T) {
	probe, r := place.Ring(400, 40, 120).Probe(), random(5)
	for range 4 {
		order := r.Perm(400)
		for _, i := range order {
			probe.Fail(i)
		}
		if got := probe.Lost(); math.Abs(got-1) > 1e-9 {
			t.Fatalf("all nodes are down and %g lost", got)
		}
		for at, i := range r.Perm(400) {
			probe.Repair(i)
			if (probe.Lost() > 0) != (probe.Worst() >= 40) {
				t.Fatalf("%d repaired: share %g lost, worst set lacks %d of 40", at+1, probe.Lost(),
					probe.Worst())
			}
		}
	}
}
