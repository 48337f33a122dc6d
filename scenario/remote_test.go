package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/container-football/pitch/node"
)

// remote begins a scenario with two replicas, a host without one, and a workload there, on a network
// that loses, doubles and reorders.
const remote = `schema = 1
name = "remote"
time_limit = "10m"
[[host]]
name = "A"
clock_offset = "1s"
[[host]]
name = "B"
[[host]]
name = "P"
[[host]]
name = "Q"
[[resource]]
name = "lv0"
strategy = "mars"
size = "4MiB"
replicas = ["A", "B"]
remote = ["P", "Q"]
ack = "%s"
[network]
loss = 0.03
duplicate = 0.05
reorder = 0.05
[[workload]]
name = "w"
on = "lv0"
kind = "stamp"
host = "P"
clients = 6
ops = 1200
sectors = 24
op_sectors = 4
flush_every = 10
`

// handovers moves the role at each hundredth operation.
func handovers(b *strings.Builder) {
	for i := range 10 {
		fmt.Fprintf(b, "[[step]]\nname = \"move-%d\"\nwhen = \"acked(w) >= %d\"\ndo = \"primary\"\n"+
			"resource = \"lv0\"\nhost = %q\n", i, 100*(i+1), []string{"B", "A"}[i%2])
	}
}

// A resend that comes after a newer write of the same sectors would be seen: the sectors are few, and
// every message may be lost, doubled or late.
func TestARemoteUserFeelsNoHandover(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		var b strings.Builder
		fmt.Fprintf(&b, remote, "durable")
		handovers(&b)
		b.WriteString("[expect]\nmax_lost = { ops = 0 }\nmax_unknown = 0\nmax_stall = \"4s\"\n" +
			"must_fire = [\"move-0\", \"move-9\"]\n")
		passes(t, ran(t, parsed(t, b.String()), seed))
	}
}

// Primaries crash, and what they have acknowledged to a remote user stays, though the resource asks
// for less: nobody could tell the user's cache. The user's host crashes too, and nothing that it has
// left behind disturbs its next life.
func TestARemoteUserAmongCrashes(t *testing.T) {
	for _, ack := range []string{"durable", "submitted"} {
		for seed := uint64(1); seed <= 12; seed++ {
			var b strings.Builder
			fmt.Fprintf(&b, remote, ack)
			handovers(&b)
			for i := range 9 {
				fmt.Fprintf(&b, "[[step]]\nwhen = \"acked(w) >= %d\"\ndo = \"crash\"\nhost = %q\n"+
					"unsynced = \"lose-some\"\nrestart_after = \"%dms\"\n", 70+130*i,
					[]string{"A", "P", "B"}[(i+int(seed))%3], 20+node.Hash(seed, uint64(i))%400)
			}
			b.WriteString("[expect]\nmax_lost = { ops = 0 }\nmust_fire = [\"crash\"]\n")
			res := ran(t, parsed(t, b.String()), seed)
			passes(t, res)
			if res.Counts.Unknown > 40 {
				t.Errorf("%d operations of %d clients and few crashes have no answer",
					res.Counts.Unknown, 6)
			}
		}
	}
}

// After a failover by force the volume may have gone back. The user hears of it, and only who opens
// it anew goes on.
func TestARemoteUserDoesNotSurviveAFailoverByForce(t *testing.T) {
	const forced = `
[[step]]
name = "cut"
when = "acked(w) >= 300"
do = "partition"
between = [["A"], ["B", "P", "Q"]]
[[step]]
name = "force"
when = "fired(cut)"
do = "primary"
force = true
resource = "lv0"
host = "B"
`
	var b strings.Builder
	fmt.Fprintf(&b, remote, "durable")
	res := ran(t, parsed(t, b.String()+forced), 1)
	passes(t, res)
	if res.Counts.Acked > 350 || res.Counts.Unknown < 800 {
		t.Errorf("%d operations acknowledged, %d failed: the user went on, on content that it does not know",
			res.Counts.Acked, res.Counts.Unknown)
	}
	longer := strings.Replace(b.String(), "ops = 1200", "ops = 4000\nthink = \"5ms\"", 1)
	res = ran(t, parsed(t, longer+forced+`
[[step]]
name = "umount"
when = "primary(lv0) == B and time() >= 4s"
do = "close"
resource = "lv0"
host = "P"
[[step]]
name = "mount"
when = "fired(umount)"
do = "open"
resource = "lv0"
host = "P"
[[step]]
name = "on"
when = "fired(mount) and acked(w) >= 1500"
do = "wait"
[expect]
must_fire = ["on"]
`), 1)
	passes(t, res)
}

// Q takes over while P works. P's users hear an error, and nothing of P comes through any more.
func TestWhoeverIsReplacedByForceIsFenced(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		var b strings.Builder
		fmt.Fprintf(&b, remote, "durable")
		handovers(&b)
		res := ran(t, parsed(t, b.String()+`
[[step]]
name = "second"
when = "acked(w) >= 550"
do = "open"
resource = "lv0"
host = "Q"
[[step]]
name = "take-over"
when = "acked(w) >= 650"
do = "open"
force = true
resource = "lv0"
host = "Q"
[[step]]
name = "end"
when = "fired(take-over) and time() >= 20s"
do = "stop"
workload = "w"
`), seed)
		passes(t, res)
		if strings.Contains(told(res), "second take-over") || res.Counts.Acked > 1000 {
			t.Errorf("%s, %d acknowledged", told(res), res.Counts.Acked)
		}
	}
}

// Who uses the volume at the primary itself keeps the role there.
func TestALocalUserKeepsThePrimary(t *testing.T) {
	f := loaded(t, "../scenarios/local-user-keeps-primary.toml")
	res := ran(t, f, f.Seed)
	passes(t, res)
	expectTold(t, res, "mount umount to-B")
}
