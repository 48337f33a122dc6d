package scenario_test

import (
	"strings"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

func TestAHostJoinsIsCopiedAndLeaves(t *testing.T) {
	joins := strings.Replace(pair, `replicas = ["A", "B"]`, `replicas = ["A"]
joiners = ["B"]`, 1)
	res := ran(t, parsed(t, joins+`
[[step]]
name = "not-yet"
when = "acked(w) >= 50 and size(lv0, B) == 4MiB"
do = "wait"
[[step]]
name = "B-joins"
when = "fired(not-yet)"
do = "join"
resource = "lv0"
host = "B"
[[step]]
name = "copied"
when = "fired(B-joins) and member(lv0, B) and uptodate(lv0, B) and consistent(lv0, B)"
do = "wait"
[[step]]
name = "B-leaves"
when = "fired(copied) and acked(w) >= 200"
do = "leave"
resource = "lv0"
host = "B"
`), 1)
	passes(t, res)
	expectTold(t, res, "not-yet B-joins copied B-leaves")
}

func TestWhoNeverJoinsPromisesNothing(t *testing.T) {
	alone := strings.Replace(pair, `replicas = ["A", "B"]`, `replicas = ["A"]
joiners = ["B"]`, 1)
	passes(t, ran(t, parsed(t, alone), 1))
}

func TestAHeldCopyIsNoFailureToConverge(t *testing.T) {
	res := ran(t, parsed(t, pair+`
[[step]]
name = "hold"
when = "acked(w) >= 100"
do = "pause-sync"
resource = "lv0"
host = "B"
[[step]]
name = "give-up"
when = "fired(hold)"
do = "invalidate"
resource = "lv0"
host = "B"
full = true
[[step]]
name = "held"
when = "done(w) and to_copy(lv0, B) > 0"
do = "wait"
`), 1)
	passes(t, res)
	expectTold(t, res, "hold give-up held")
	if got := res.Fired[1].Text; got != "invalidate all of lv0 on B" {
		t.Error(got)
	}
}

func TestAVerbThatIsRefusedSaysWhy(t *testing.T) {
	res := ran(t, parsed(t, strings.Replace(pair, "name = \"pair\"", "name = \"pair\"\ntime_limit = \"2s\"", 1)+`
[[step]]
name = "of-a-primary"
when = "acked(w) >= 100"
do = "invalidate"
resource = "lv0"
host = "A"
`), 1)
	if res.Outcome != scenario.Unknown || !strings.Contains(res.Reason, "is not a secondary") {
		t.Errorf("%v: %s", res.Outcome, res.Reason)
	}
}

// gaveIn is a split brain in which users stay on both sides; B has won, and A gives in.
const gaveIn = `schema = 1
name = "gave-in"
[[host]]
name = "A"
[[host]]
name = "B"
[[resource]]
name = "lv0"
strategy = "mars"
size = "256KiB"
replicas = ["A", "B"]
[[workload]]
name = "a"
on = "lv0"
kind = "stamp"
ops = 500
think = "1ms"
host = "A"
[[workload]]
name = "b"
on = "lv0"
kind = "stamp"
ops = 300
think = "1ms"
host = "B"
[[step]]
name = "cut"
when = "acked(a) >= 100"
do = "partition"
between = [["A"], ["B"]]
[[step]]
name = "failover"
when = "acked(a) >= 150"
do = "primary"
resource = "lv0"
host = "B"
force = true
[[step]]
name = "both"
when = "acked(a) >= 300 and acked(b) >= 100"
do = "heal"
[[step]]
name = "over"
when = "fired(both) and cut_off(lv0, A)"
do = "stop"
workload = "a"
[[step]]
name = "give-in"
when = "fired(over) and acked(b) >= 200"
do = "invalidate"
resource = "lv0"
host = "A"
[[step]]
name = "alike"
when = "fired(give-in) and uptodate(lv0, A)"
do = "wait"
[expect]
must_fire = ["alike"]
`

func TestTheBranchThatWasGivenUpCountsAsLost(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		res := ran(t, parsed(t, gaveIn), seed)
		passes(t, res)
		if len(res.Losses) != 1 || res.Losses[0].Ops < 20 {
			t.Fatalf("seed %d: losses %+v", seed, res.Losses)
		}
	}
}

func TestALossBeyondTheBoundIsFoundThoughTheBranchWasGivenUp(t *testing.T) {
	f := parsed(t, strings.Replace(gaveIn, "[expect]", "[expect]\nmax_lost = { ops = 0 }", 1))
	res := ran(t, f, 1)
	if res.Outcome != scenario.Violated || !strings.HasPrefix(res.Reason, "rpo: ") {
		t.Errorf("%v: %s", res.Outcome, res.Reason)
	}
}

func TestClientsThatStayDoNotFollowThePrimary(t *testing.T) {
	res := ran(t, parsed(t, gaveIn), 1)
	for i := range res.History {
		op := &res.History[i]
		if op.Client != scenario.FinalReader && op.Kind == check.Write && op.Client < 2048 &&
			(op.Client < 1024) != (op.Host == "A") {
			t.Fatalf("client %d was served by %s", op.Client, op.Host)
		}
	}
}
