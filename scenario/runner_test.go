package scenario_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

// pair begins a scenario with two hosts, a resource and a workload.
const pair = `schema = 1
name = "pair"
[[host]]
name = "A"
[[host]]
name = "B"
[[resource]]
name = "lv0"
strategy = "mars"
size = "4MiB"
replicas = ["A", "B"]
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
ops = 400
think = "1ms"
`

func parsed(t *testing.T, text string) *scenario.File {
	t.Helper()
	f, err := scenario.Options{Strategies: scenario.Strategies()}.Parse(
		filepath.Join(t.TempDir(), "test.toml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func ran(t *testing.T, f *scenario.File, seed uint64) *scenario.Result {
	t.Helper()
	res, err := scenario.Run(context.Background(), f,
		scenario.RunOptions{World: simulated(), Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// told is what fired, by name or, without one, by verb, in order.
func told(res *scenario.Result) string {
	var list []string
	for _, f := range res.Fired {
		if f.Name != "" {
			list = append(list, f.Name)
		} else {
			list = append(list, f.Verb)
		}
	}
	return strings.Join(list, " ")
}

func passes(t *testing.T, res *scenario.Result) {
	t.Helper()
	if res.Outcome != scenario.Passed {
		t.Errorf("%v: %s\n%v", res.Outcome, res.Reason, res.Fired)
	}
}

func expectTold(t *testing.T, res *scenario.Result, want string) {
	t.Helper()
	if got := told(res); got != want {
		t.Errorf("what fired: %s\nexpected:   %s", got, want)
	}
}

func TestAConditionThatHoldsForLongFiresOnce(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "always"
when = "time() >= 0s"
do = "wait"
[[step]]
name = "at-once"
at = "0s"
do = "wait"
[[step]]
name = "later"
when = "acked(w) >= 100 and fired(always)"
do = "wait"
[[step]]
name = "last"
when = "done(w)"
do = "wait"
`), 1)
	passes(t, res)
	expectTold(t, res, "at-once always later last")
}

func TestWhatHasATimeEndsByItself(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "cut"
when = "acked(w) >= 50"
do = "partition"
between = [["A"], ["B"]]
for = "70ms"
[[step]]
name = "whole"
when = "fired(cut) and healed()"
do = "wait"
[[step]]
name = "sleep"
when = "fired(whole)"
do = "pause"
host = "B"
for = "40ms"
[[step]]
name = "fall"
when = "fired(whole) and acked(w) >= 250"
do = "crash"
host = "B"
restart_after = "90ms"
`), 1)
	passes(t, res)
	expectTold(t, res, "cut whole sleep resume fall restart")
	for i, want := range []node.Time{0, 70 * node.Millisecond, 0, 40 * node.Millisecond, 0,
		90 * node.Millisecond} {
		if i == 0 || want == 0 {
			continue
		}
		if d := res.Fired[i].At - res.Fired[i-1].At; d != want {
			t.Errorf("%s ended after %v, expected %v", res.Fired[i-1].Name, d, want)
		}
	}
}

func TestAPauseThatACrashHasEndedDoesNotEndTheNextOne(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "nap"
when = "acked(w) >= 50"
do = "pause"
host = "B"
for = "100ms"
[[step]]
name = "fall"
when = "fired(nap)"
do = "crash"
host = "B"
restart_after = "10ms"
[[step]]
name = "sleep"
when = "fired(fall) and up(B)"
do = "pause"
host = "B"
for = "200ms"
`), 1)
	passes(t, res)
	expectTold(t, res, "nap fall restart sleep resume")
	if d := res.Fired[4].At - res.Fired[3].At; d != 200*node.Millisecond {
		t.Errorf("the second pause lasted %v, expected 200 ms", d)
	}
}

func TestACrashOfAHostThatIsDownWaitsUntilItIsUp(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "first"
when = "acked(w) >= 50"
do = "crash"
host = "B"
restart_after = "100ms"
[[step]]
name = "second"
when = "acked(w) >= 51"
do = "crash"
host = "B"
restart_after = "100ms"
[[step]]
name = "sleep"
when = "acked(w) >= 52"
do = "pause"
host = "B"
for = "10ms"
[expect]
must_fire = ["first", "second", "sleep"]
`), 1)
	passes(t, res)
	expectTold(t, res, "first restart second restart sleep resume")
}

func TestARestartOfAHostThatIsUpWaitsAndSaysSoInTheEnd(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "needless"
when = "acked(w) >= 50"
do = "restart"
host = "B"
[expect]
must_fire = ["needless"]
`), 1)
	if res.Outcome == scenario.Passed || !strings.Contains(res.Reason, "the host is not down") {
		t.Errorf("%v: %s", res.Outcome, res.Reason)
	}
}

func TestOutcomes(t *testing.T) {
	// What is acknowledged behind the cut is lost by force.
	forced := strings.Replace(pair, "write = 0.5", "", 1) + `
[[step]]
when = "acked(w) >= 50"
do = "partition"
between = [["A"], ["B"]]
[[step]]
when = "acked(w) >= 150"
do = "crash"
host = "A"
[[step]]
name = "let-go"
when = "down(A)"
do = "disconnect"
resource = "lv0"
host = "B"
[[step]]
when = "fired(let-go)"
do = "primary"
resource = "lv0"
host = "B"
force = true
`
	for _, c := range []struct {
		name, text string
		want       scenario.Outcome
		verdict    check.Verdict
		reason     string
	}{
		{"nothing happens", pair, scenario.Passed, check.OK, ""},
		{"what must fire does not", pair + `
[[step]]
name = "never"
when = "acked(w) >= 401"
do = "wait"
[expect]
must_fire = ["never"]
`, scenario.Vacuous, check.OK, "never did not happen"},
		{"nothing is acknowledged", strings.Replace(pair, "ops = 400", "ops = 1", 1) + `
[[step]]
at = "0s"
do = "stop"
workload = "w"
`, scenario.Vacuous, check.OK, "no operation was acknowledged"},
		{"time runs out", "time_limit = \"100ms\"\n" + pair, scenario.Unknown, check.OK,
			"the time limit of 100ms was reached: workload w has"},
		{"a loss within the bounds", forced + "[expect]\nmax_lost = { ops = 150 }\n", scenario.Passed,
			check.OK, ""},
		{"a loss beyond the bounds", forced + "[expect]\nmax_lost = { ops = 0 }\n", scenario.Violated,
			check.Violated, "rpo: "},
		{"the same, expected", forced + "[expect]\nmax_lost = { ops = 0 }\nverdict = \"violated\"\n",
			scenario.Passed, check.Violated, ""},
		{"a violation that does not come", pair + "[expect]\nverdict = \"violated\"\n",
			scenario.Violated, check.OK, "a violation was expected, but every check holds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := ran(t, parsed(t, c.text), 1)
			if res.Outcome != c.want || res.Verdict != c.verdict {
				t.Errorf("%v, verdict %v, expected %v, %v", res.Outcome, res.Verdict, c.want, c.verdict)
			}
			if !strings.HasPrefix(res.Reason, c.reason) || (c.reason == "") != (res.Reason == "") {
				t.Errorf("reason %q, expected %q", res.Reason, c.reason)
			}
		})
	}
}

// traitor is a world in which a host ends though nobody asked for it.
type traitor struct {
	scenario.World
	at   node.Time
	done bool
}

func (w *traitor) Next(deadline node.Time) (node.Observation, bool) {
	if !w.done && w.Now() >= w.at {
		w.done = true
		return node.Observation{Kind: node.ObsDown, Host: 2, At: w.Now(), Note: "it caught fire"}, true
	}
	return w.World.Next(deadline)
}

func TestAHostThatEndsByItselfIsAFailureOfTheHarness(t *testing.T) {
	for _, at := range []node.Time{0, 100 * node.Millisecond} { // in the start-up, and later
		k := simulated()
		open := k.Open
		k.Open = func(ctx context.Context, s scenario.Setup) (scenario.World, error) {
			w, err := open(ctx, s)
			return &traitor{World: w, at: at}, err
		}
		_, err := scenario.Run(context.Background(), parsed(t, pair),
			scenario.RunOptions{World: k, Seed: 1})
		if err == nil || !strings.Contains(err.Error(), "host B ended by itself: it caught fire") {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

func TestAnInterruptedRunIsNoResult(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	res, err := scenario.Run(ctx, parsed(t, pair), scenario.RunOptions{World: simulated()})
	if res != nil || err == nil {
		t.Errorf("%v, %v", res, err)
	}
}

func TestAReplayWithEveryChoiceALiteralIsTheSameRun(t *testing.T) {
	f := parsed(t, pair+`
[random]
faults = ["drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow"]
rate = "1 per 40 ops"
`)
	for seed := range uint64(20) {
		first := ran(t, f, seed)
		text, err := first.Replay.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again := ran(t, parsed(t, string(text)), first.Replay.Seed)
		if first.Digest != again.Digest || len(first.Digest) != 16 || told(first) != told(again) {
			t.Errorf("seed %d: digests %s and %s\n%s\n%s", seed, first.Digest, again.Digest,
				told(first), told(again))
		}
		if len(first.Fired) < 5 {
			t.Errorf("seed %d: only %d faults fired", seed, len(first.Fired))
		}
	}
}

// handover moves the primary role under a load of many clients, some of which are then refused.
const handover = `
[[step]]
name = "to-B"
when = "acked(w) >= 100"
do = "primary"
resource = "lv0"
host = "B"
[[step]]
name = "to-A"
when = "fired(to-B) and acked(w) >= 250"
do = "primary"
resource = "lv0"
host = "A"
[expect]
must_fire = ["to-B", "to-A"]
`

func TestRefusedOperationsAreTriedAgainUnderNewIdsAndLeaveNoTrace(t *testing.T) {
	many := strings.Replace(pair, "ops = 400", "ops = 400\nclients = 16\nwrite = 1.0", 1)
	refused := 0
	for seed := range uint64(10) {
		res := ran(t, parsed(t, many+handover), seed)
		passes(t, res)
		refused += res.Counts.Refused
		if res.Counts.Acked+res.Counts.Unknown != 400 {
			t.Errorf("seed %d: %+v", seed, res.Counts)
		}
		ids, highest := map[uint64]bool{}, uint64(0)
		for _, op := range res.History {
			if op.Kind == check.Write {
				ids[op.ID] = true
				highest = max(highest, op.ID)
			}
		}
		// Every operation has an id of its own, and every refusal has used one up.
		if len(ids) != 400 || highest != uint64(400+res.Counts.Refused) {
			t.Errorf("seed %d: %d ids up to %d, with %d refusals", seed, len(ids), highest,
				res.Counts.Refused)
		}
	}
	if refused == 0 {
		t.Error("nothing was ever refused: the test shows nothing")
	}
}

func TestEveryWriteHasAStampOfItsOwn(t *testing.T) {
	text := strings.Replace(pair, "ops = 400", "ops = 400\nclients = 8\nop_sectors = 4", 1) +
		strings.NewReplacer(`name = "w"`, `name = "w2"`).Replace(pair[strings.Index(pair, "[[work"):]) +
		"[random]\nfaults = [\"crash\", \"pause\"]\nrate = \"1 per 50 ops\"\n"
	for seed := range uint64(10) {
		res := ran(t, parsed(t, text), seed)
		passes(t, res)
		type call struct {
			client int
			at     int64
		}
		owner := map[uint64]call{}
		for _, op := range res.History {
			if op.Kind != check.Write {
				continue
			}
			c := call{op.Client, op.Call}
			if old, ok := owner[op.ID]; ok && old != c {
				t.Fatalf("seed %d: stamp %d is of %v and of %v", seed, op.ID, old, c)
			}
			owner[op.ID] = c
		}
		if len(owner) < 200 {
			t.Errorf("seed %d: only %d writes", seed, len(owner))
		}
	}
}

func TestATraceWithTrimsAndLargeOperationsRunsInPieces(t *testing.T) {
	f := parsed(t, `schema = 1
name = "trace"
[[host]]
name = "A"
[[host]]
name = "B"
[[resource]]
name = "lv0"
strategy = "mars"
size = "16MiB"
replicas = ["A", "B"]
[[workload]]
name = "w"
on = "lv0"
kind = "iolog"
file = "big.iolog"
`)
	const mib = 1 << 20
	lines := []string{"fio version 2 iolog", "disk add", "disk open"}
	for _, op := range []string{
		fmt.Sprintf("write 0 %d", 2*mib+4096), // three pieces
		fmt.Sprintf("trim 0 %d", 8*mib),
		"sync 0 0",
		fmt.Sprintf("write %d %d", 5*mib+512, 512), // less than a sector
		fmt.Sprintf("read %d %d", mib, 4*mib),      // four pieces
		"datasync 0 0",
	} {
		lines = append(lines, "disk "+op)
	}
	trace := strings.Join(append(lines, "disk close"), "\n") + "\n"
	if err := os.WriteFile(f.Resolve("big.iolog"), []byte(trace), 0o644); err != nil {
		t.Fatal(err)
	}
	res := ran(t, f, 1)
	passes(t, res)
	c := res.Counts
	if c.Writes != 4 || c.Reads != 4 || c.Acked != 10 {
		t.Errorf("%+v, expected 4 writes, 4 reads and 2 syncs", c)
	}
	written, read := map[uint64]uint64{}, map[uint64]uint64{}
	for _, op := range res.History {
		switch {
		case op.Kind == check.Write:
			written[op.Sector] = op.ID
		case op.Client == 0:
			read[op.Sector] = op.ID
		}
	}
	if len(written) != 512+1+1 || written[512] == 0 || written[5*256] == 0 || written[513] != 0 {
		t.Errorf("%d sectors were written", len(written))
	}
	if len(read) != 1024 {
		t.Errorf("%d sectors were read", len(read))
	}
	for sector, id := range read {
		if id != written[sector] { // a trim takes nothing away
			t.Errorf("sector %d reads as %d, but %d was written", sector, id, written[sector])
		}
	}
}
