package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestLinearizableAgainstPorcupine compares the two checkers on 110,000 histories, and makes
// sure that each sort of history gives each verdict often, where it can.
func TestLinearizableAgainstPorcupine(t *testing.T) {
	n := 110_000
	if testing.Short() {
		n = 10_000
	}
	count := make(map[string]int)
	for i := range n {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		h, sort := randomHistory(r, i)
		got := Linearizable(h, LinOptions{})
		want := LinearizablePorcupine(h, 0)
		if got.Verdict != want.Verdict {
			t.Fatalf("history %d (%s): %v, but porcupine says %v\n%s",
				i, sort, got, want, listing(h))
		}
		checkShape(t, h, got)
		count[fmt.Sprintf("%s: %v", sort, got.Verdict)]++
	}
	least := map[string]int{
		"tiny: ok": n / 10, "tiny: violated": n / 10,
		"closed loop: ok": n / 5, "closed loop: violated": 0,
		"corrupted: ok": n / 50, "corrupted: violated": n / 20,
		"stale: ok": n / 50, "stale: violated": n / 20,
	}
	for k, want := range least {
		if count[k] < want {
			t.Errorf("%s: %d histories, want at least %d", k, count[k], want)
		}
	}
	if count["closed loop: violated"] != 0 {
		t.Error("a history that is linearizable by construction was refused")
	}
	t.Log(count)
}

// checkShape makes sure that a counterexample is one by itself: its operations alone violate
// the rule, according to porcupine too, unless they say that a write never was.
func checkShape(t *testing.T, h History, r Result) {
	t.Helper()
	if r.Verdict != Violated {
		return
	}
	ops := r.Violation.Ops
	if len(ops) == 0 || len(ops) > 6 {
		t.Fatalf("%d operations in %v\n%s", len(ops), r, listing(h))
	}
	if LinearizablePorcupine(ops, 0).Verdict != Violated {
		t.Fatalf("the counterexample is none: %v\n%s", r, listing(h))
	}
}

// TestLinearizableDeadline compares deadlines with a search over all choices: each write
// without an answer either never happened or returned by its deadline.
func TestLinearizableDeadline(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	var count [3]int
	differs := 0
	for i := range n {
		r := rand.New(rand.NewPCG(2, uint64(i)))
		h, sort := randomHistory(r, i)
		crashes := []int64{r.Int64N(60), r.Int64N(20), r.Int64N(200)}
		got := Linearizable(h, LinOptions{CrashTimes: crashes})
		want := strictBruteForce(h, crashes)
		if got.Verdict != want {
			t.Fatalf("history %d (%s), crashes %v: %v, want %v\n%s",
				i, sort, crashes, got, want, listing(h))
		}
		count[got.Verdict]++
		if Linearizable(h, LinOptions{}).Verdict != want {
			differs++
		}
	}
	if count[OK] < n/4 || count[Violated] < n/10 || differs < n/1000 {
		t.Errorf("%d ok, %d violated, %d differ without crashes",
			count[OK], count[Violated], differs)
	}
}

func strictBruteForce(h History, crashes []int64) Verdict {
	slices.Sort(crashes)
	var open []int
	for i := range h {
		if h[i].Kind == Write && h[i].Unknown {
			open = append(open, i)
		}
	}
	for choice := range 1 << len(open) {
		var trial History
		for i := range h {
			op := h[i]
			if n := slices.Index(open, i); n >= 0 {
				if choice&(1<<n) == 0 {
					continue
				}
				for _, at := range crashes {
					if at >= op.Call {
						op.Unknown, op.Return = false, at
						break
					}
				}
			}
			trial = append(trial, op)
		}
		if LinearizablePorcupine(trial, 0).Verdict == OK {
			return OK
		}
	}
	return Violated
}

func TestLinearizableHugeIDs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	h := closedLoop(r, loop{clients: 8, ops: 5000, sectors: 4, unknown: 0.01, idStep: 1 << 51})
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if got := Linearizable(h, LinOptions{}); got.Verdict != OK {
				b.Fatal(got)
			}
		}
	}).AllocedBytesPerOp()
	if bytes > 100*int64(len(h)) {
		t.Errorf("%d bytes for %d operations", bytes, len(h))
	}
}

func TestLinearizableCannotJudge(t *testing.T) {
	w := Op{Kind: Write, ID: 1, Call: 1, Return: 2}
	zero := Op{Kind: Write, Call: 1, Return: 2}
	back := Op{Kind: Write, ID: 1, Call: 3, Return: 2}
	for _, h := range []History{{w, w}, {zero}, {back}} {
		got := Linearizable(h, LinOptions{})
		if got.Verdict != Unknown || got.Note == "" || got.Violation != nil {
			t.Errorf("%v: %v", h, got)
		}
	}
	other := w
	other.Resource = "lv2"
	if got := Linearizable(History{w, other}, LinOptions{}); got.Verdict != OK {
		t.Errorf("the same id on two resources: %v", got)
	}
}

func TestLinearizablePorcupineTimeout(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	h := closedLoop(r, loop{clients: 32, ops: 3000, sectors: 1, idStep: 1})
	got := LinearizablePorcupine(h, 1)
	if got.Verdict != Unknown || got.Note == "" {
		t.Error(got)
	}
}

func listing(h History) (s string) {
	for _, op := range h {
		s += op.String() + "\n"
	}
	return s
}
