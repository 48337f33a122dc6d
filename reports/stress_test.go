package reports

import (
	"fmt"
	"os"
	"testing"

	"github.com/container-football/pitch/check"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/scenario"
)

func TestStress(t *testing.T) {
	res := simulate(t, "forced-failover")
	res.Scenario = "a<b>&\"'\x1b[31m\x00-very-long-scenario-name-that-does-not-end-and-does-not-end-and-never-will-end-even-then"
	res.Outcome = scenario.Violated
	res.Verdict = check.Violated
	res.Reason = "linearizable: sector 17 of lv3: client 3 read #12 is stale, #14 had replaced it, and much more text that goes on and on and on until the end of it"
	res.Replay.Description = "Wörld \u202e evil <script>alert(1)</script>"
	for i := range res.Replay.Hosts {
		res.Replay.Hosts[i].Name += "-very-long-host-name-indeed"
	}
	for i := range 60 {
		res.Fired = append(res.Fired, scenario.Fired{At: node.Time(i*i) * node.Millisecond / 10, Step: -1, Verb: "drop", Text: fmt.Sprintf("link %d\n<&> of something very long that will not fit into the column of the legend at all", i)})
	}
	for _, f := range []string{"png", "svg", "pdf"} {
		o, _ := os.Create("/tmp/look/stress." + f)
		if err := Timeline(o, res, TimelineOptions{Format: f, Width: 600}); err != nil {
			t.Fatal(err)
		}
		o.Close()
	}
	res = simulate(t, "three-hosts")
	res.History, res.Fired, res.Replay = nil, nil, nil
	o, _ := os.Create("/tmp/look/bare.png")
	if err := Timeline(o, res, TimelineOptions{Format: "png"}); err != nil {
		t.Fatal(err)
	}
	res.Samples = res.Samples[:1]
	if err := Timeline(o, res, TimelineOptions{Format: "svg"}); err != nil {
		t.Fatal(err)
	}
}

func TestPageLook(t *testing.T) {
	res := simulate(t, "forced-failover")
	res.Outcome = scenario.Violated
	res.Verdict = check.Violated
	res.Reason = "linearizable: sector 17 of lv3: client 3's read of #12 is stale, #14 had replaced it"
	res.Checks[0] = check.Linearizable(check.History{
		{Client: 1, Kind: check.Write, Resource: "lv3", Sector: 17, ID: 12, Call: 10e6, Return: 11e6, Host: "A", Epoch: 1},
		{Client: 2, Kind: check.Write, Resource: "lv3", Sector: 17, ID: 14, Call: 12e6, Return: 13e6, Host: "A", Epoch: 1},
		{Client: 3, Kind: check.Read, Resource: "lv3", Sector: 17, ID: 12, Call: 14e6, Return: 15e6, Host: "B", Epoch: 2},
	}, check.LinOptions{})
	o, _ := os.Create("/tmp/look/page.html")
	if err := HTML(o, res, HTMLOptions{Links: []Link{{"operations on the sector of the violation, drawn", "violation.html"}}}); err != nil {
		t.Fatal(err)
	}
	Details(os.Stdout, res)
	Summary(os.Stdout, []*scenario.Result{res, simulate(t, "three-hosts"), simulate(t, "planned-handover")})
	Total(os.Stdout, []*scenario.Result{res}, 1)
	JUnit(os.Stdout, []Suite{{Cases: []Case{{Scenario: res.Scenario, World: res.World, First: 1, Last: 9, Results: []*scenario.Result{res}}}}})
	WriteJSON(os.Stdout, []*scenario.Result{res})
}
