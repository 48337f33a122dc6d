package explore

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/container-football/pitch/scenario"
)

// noisy is a scenario of many steps of which few matter.
func noisy(t *testing.T) *scenario.File {
	t.Helper()
	f, err := scenario.Parse("noisy.toml", []byte(`
schema = 1
name = "noisy"
seed = 5
[[host]]
name = "A"
[[host]]
name = "B"
[[host]]
name = "C"
[[resource]]
name = "r"
strategy = "mars"
size = "16MiB"
replicas = ["A", "B", "C"]
[[workload]]
name = "w"
on = "r"
kind = "stamp"
clients = 8
ops = 400
[random]
faults = ["drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow"]
rate = "30 per 400 ops"
[expect]
max_lost = { ops = 3 }
`))
	if err != nil {
		t.Fatal(err)
	}
	return f.Literal(5)
}

// needs says that a run fails if a crash of A follows a partition that B is in, with at least 3 operations.
func needs(_ context.Context, f *scenario.File) (bool, error) {
	cut := slices.IndexFunc(f.Steps, func(s scenario.Step) bool {
		return s.Do == scenario.DoPartition && slices.ContainsFunc(s.Between, func(g []string) bool {
			return slices.Contains(g, "B")
		})
	})
	if cut < 0 || f.Workloads[0].Ops < 3 {
		return false, nil
	}
	return slices.ContainsFunc(f.Steps[cut:], func(s scenario.Step) bool {
		return s.Do == scenario.DoCrash && s.Host == "A"
	}), nil
}

func TestWhatIsNotNeededIsLeftOut(t *testing.T) {
	f := noisy(t)
	if ok, _ := needs(t.Context(), f); !ok {
		t.Fatal("the schedule does not fail from the start: another seed is needed")
	}
	got, err := Shrink(t.Context(), f, Shrinking{Fails: needs})
	if err != nil {
		t.Fatal(err)
	}
	want := Size{Steps: 2, Ops: 3, Hosts: 2, Clients: 1}
	if s := SizeOf(got.File); s != want || !got.Done {
		t.Errorf("left are %+v, done %t, expected %+v", s, got.Done, want)
	}
	text, err := got.File.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d runs\n%s", got.Runs, text)
	again, err := Shrink(t.Context(), f, Shrinking{Fails: needs})
	if err != nil || !again.File.Equal(got.File) || again.Runs != got.Runs {
		t.Errorf("a second time it is another one: %v", err)
	}
}

func TestWhatDoesNotFailIsNotShrunk(t *testing.T) {
	never := func(context.Context, *scenario.File) (bool, error) { return false, nil }
	if _, err := Shrink(t.Context(), noisy(t), Shrinking{Fails: never}); !errors.Is(err, ErrPasses) {
		t.Errorf("got %v, expected %v", err, ErrPasses)
	}
}

func TestShrinkingThatIsInterruptedKeepsWhatItHas(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	runs := 0
	got, err := Shrink(ctx, noisy(t), Shrinking{Fails: func(ctx context.Context, f *scenario.File) (bool, error) {
		if runs++; runs == 20 {
			cancel()
		}
		return needs(ctx, f)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := needs(t.Context(), got.File); !ok || got.Done || got.Runs > 21 {
		t.Errorf("fails: %t, done: %t, %d runs; expected a failing one that is not done", ok, got.Done, got.Runs)
	}
}

func TestAHarnessThatFailsEndsTheShrinking(t *testing.T) {
	broken := errors.New("broken")
	first := true
	_, err := Shrink(t.Context(), noisy(t), Shrinking{Fails: func(context.Context, *scenario.File) (bool, error) {
		if first {
			first = false
			return true, nil
		}
		return false, broken
	}})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, expected %v", err, broken)
	}
}
