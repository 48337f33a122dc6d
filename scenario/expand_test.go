package scenario

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// faulty is a scenario with generated faults, which end with a heal.
func faulty(t *testing.T) *File {
	t.Helper()
	f, err := Parse("faulty.toml", []byte(`schema = 1
name = "faulty"
[[host]]
name = "A"
[[host]]
name = "B"
[[host]]
name = "C"
[[resource]]
name = "lv0"
strategy = "mars"
size = "1MiB"
replicas = ["A", "B"]
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
ops = 1000
[[step]]
name = "mend"
when = "acked(w) >= 600"
do = "heal"
[random]
faults = ["drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow",
  "torn-write"]
rate = "1 per 20 ops"
until = "heal"
[expect]
must_fire = ["pause", "mend"]
`))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheSeedAloneDecidesOnGeneratedFaults(t *testing.T) {
	f := faulty(t)
	first, again, other := expand(f, 3), expand(f, 3), expand(f, 4)
	if !first.Equal(again) {
		t.Error("the same seed gave other faults")
	}
	if first.Equal(other) || slices.EqualFunc(first.Steps, other.Steps, func(a, b Step) bool {
		return a.When.String() == b.When.String() && a.Do == b.Do && a.Host == b.Host
	}) {
		t.Error("another seed gave the same faults")
	}
	if len(f.Steps) != 1 || len(f.Random.Faults) == 0 || f.Expect.MustFire[0] != "pause" {
		t.Error("the scenario itself was changed")
	}
}

func TestGeneratedFaultsKeepTheirBounds(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(50) {
		f := expand(faulty(t), seed)
		if f.Seed != seed || len(f.Random.Faults) != 0 {
			t.Fatalf("seed %d: %+v", seed, f.Random)
		}
		// The heal and one fault in 20 operations; one more if no pause was among them.
		if n := len(f.Steps) - 1; n != 600/20 && (n != 600/20+1 || f.Steps[n].Do != DoPause) {
			t.Fatalf("seed %d: %d generated steps", seed, n)
		}
		for i, s := range f.Steps[1:] {
			number := strings.LastIndex(s.Name, "-")
			kinds[s.Name[len(randomPrefix):number]] = true
			if n := fmt.Sprintf("-%d", i+1); i < 600/20 && s.Name[number:] != n {
				t.Errorf("seed %d: fault %s is called %s", seed, n, s.Name)
			}
			at := s.When.Terms[0]
			if at.Fn != FnAcked || at.Int < 1 || at.Int > 540 {
				t.Errorf("seed %d: %s begins when %v", seed, s.Name, s.When)
			}
			if d := max(s.For, s.RestartAfter); d < 10e6 || d > 510e6 {
				t.Errorf("seed %d: %s lasts %v", seed, s.Name, d)
			}
		}
		text, err := f.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse("replay.toml", text); err != nil || !back.Equal(f) {
			t.Fatalf("seed %d: written and read again it is another one: %v", seed, err)
		}
	}
	if len(kinds) != 9 {
		t.Errorf("only %d kinds of faults: %v", len(kinds), kinds)
	}
}

func TestAKindOfFaultThatMustFireBecomesOneOfItsKind(t *testing.T) {
	f := expand(faulty(t), 1)
	name := f.Expect.MustFire[0]
	if !strings.HasPrefix(name, randomPrefix+"pause-") || f.Expect.MustFire[1] != "mend" {
		t.Errorf("must fire: %q", f.Expect.MustFire)
	}
	if !slices.ContainsFunc(f.Steps, func(s Step) bool { return s.Name == name && s.Do == DoPause }) {
		t.Errorf("there is no step %s", name)
	}
}

func TestAFaultThatIsNotPossibleNeverFires(t *testing.T) {
	f := faulty(t)
	f.Hosts, f.Resources[0].Replicas = f.Hosts[:1], []string{"A"}
	f.Expect.MustFire = []string{"partition"}
	x := expand(f, 1)
	text, err := x.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	last := x.Steps[len(x.Steps)-1]
	if last.Do != DoWait || last.Name != x.Expect.MustFire[0] {
		t.Errorf("%+v must fire, of which there is\n%s", x.Expect.MustFire, text)
	}
}

func TestOneFaultLessShiftsNoOther(t *testing.T) {
	// A host alone has no links: faults on them fall away, and the others stay as they were.
	f := faulty(t)
	f.Hosts = f.Hosts[:1]
	few := expand(f, 5).Steps
	all := expand(faulty(t), 5).Steps
	for _, s := range few {
		same := slices.ContainsFunc(all, func(o Step) bool {
			return o.Name == s.Name && o.When.String() == s.When.String() && o.For == s.For &&
				o.RestartAfter == s.RestartAfter && o.Slow == s.Slow
		})
		if !same {
			t.Errorf("%s is another one: %+v", s.Name, s)
		}
	}
	if len(few) < 5 || len(few) >= len(all) {
		t.Errorf("%d of %d steps", len(few), len(all))
	}
}
