package scenario_test

import (
	"strings"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/scenario"
)

// Two forced failovers in a row: A is cut off and left, then B is. What A and B lost is on two
// branches, of which the primary C has neither.
const leftTwice = `schema = 1
name = "left-twice"
[[host]]
name = "A"
[[host]]
name = "B"
[[host]]
name = "C"
[[resource]]
name = "lv0"
strategy = "mars"
size = "4MiB"
replicas = ["A", "B", "C"]
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
clients = 4
ops = 900
think = "1ms"
[[step]]
when = "acked(w) >= 150"
do = "partition"
between = [["A"], ["B", "C"]]
[[step]]
name = "first"
when = "acked(w) >= 300"
do = "primary"
resource = "lv0"
host = "B"
force = true
[[step]]
when = "fired(first) and acked(w) >= 450"
do = "partition"
between = [["A"], ["B"], ["C"]]
[[step]]
name = "second"
when = "fired(first) and acked(w) >= 600"
do = "primary"
resource = "lv0"
host = "C"
force = true
[expect]
must_fire = ["first", "second"]
`

func TestWhatLeftOnTwoBranchesIsNotJudgedAsOne(t *testing.T) {
	f := parsed(t, leftTwice)
	for seed := uint64(1); seed <= 5; seed++ {
		res := ran(t, f, seed)
		if res.Outcome != scenario.Unknown || !strings.Contains(res.Reason, "different branches") {
			t.Errorf("seed %d: %v: %s", seed, res.Outcome, res.Reason)
		}
		for _, c := range res.Checks {
			if c.Verdict == check.Violated {
				t.Errorf("seed %d: %v", seed, c)
			}
		}
	}
}
