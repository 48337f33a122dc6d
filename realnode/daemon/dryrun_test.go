package daemon

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/container-football/pitch/replica"
)

// plans asks what would be done.
func (d *running) plans(want, method, path string, in any) {
	d.t.Helper()
	var p Planned
	if err := d.client.Do(context.Background(), method, path, in, &p); err != nil {
		d.t.Errorf("%s: %s %s: %v", d.cfg.Host.Name, method, path, err)
	} else if !strings.Contains(p.Would, want) {
		d.t.Errorf("%s: %s %s: %q, expected %q", d.cfg.Host.Name, method, path, p.Would, want)
	}
}

// A dry run says what would be done, refuses what would be refused, and changes nothing.
func TestDryRunsChangeNothing(t *testing.T) {
	list := together(t, "alpha", "beta")
	alpha, beta := list[0], list[1]
	const all, lv1 = "/v1/resources", "/v1/resources/lv1"
	dry := Dry{DryRun: true}
	create := Create{Dry: dry, Name: "lv1", Size: 1 << 20, Strategy: toys}
	alpha.plans("1MiB would be made, with alpha", "POST", all, create)
	alpha.refused(404, "no replica", "GET", lv1, nil)
	alpha.refused(400, "stands for all", "POST", all, Create{Dry: dry, Name: All, Size: 1 << 20})
	alpha.create("lv1")
	alpha.refused(409, "already here", "POST", all, create)

	beta.plans("alpha would make this host a member", "POST", lv1+"/join", Join{Dry: dry})
	beta.refused(404, "no replica", "GET", lv1, nil)
	beta.do("POST", lv1+"/join", Join{})
	beta.plans("alpha would end the membership", "POST", lv1+"/leave", Leave{Dry: dry})
	alpha.plans("the membership of beta would end", "POST", lv1+"/leave", Leave{Dry: dry, Host: "beta"})
	beta.refused(409, "that is alpha", "POST", lv1+"/leave", Leave{Dry: dry, Host: "alpha"})
	alpha.refused(409, "other members", "DELETE", lv1, Delete{dry})
	alpha.refused(409, "this host is primary", "POST", lv1+"/leave", Leave{Dry: dry})
	if v := alpha.do("GET", lv1, nil); len(v.Members) != 2 {
		t.Errorf("members %v", v.Members)
	}

	verb := func(d *running, name, want string) {
		t.Helper()
		d.plans(want, "POST", lv1+"/verb", Verb{Dry: dry, Verb: name})
	}
	verb(alpha, "primary", "nothing: this host is primary")
	verb(beta, "primary", "alpha would stop serving")
	c := alpha.open("lv1")
	// The status that others are told follows the client by a moment.
	await(t, "the user is counted", func() bool { return alpha.do("GET", lv1, nil).Open == 1 })
	beta.refused(409, "in use on host alpha by 1 users", "POST", lv1+"/verb", Verb{Dry: dry, Verb: "primary"})
	c.Close()
	alpha.do("POST", lv1+"/wait", Wait{For: "closed"})
	verb(beta, "primary", "nobody uses the volume on alpha now")
	verb(beta, "primary --force", "would become primary with what it has")
	verb(alpha, "log-rotate", "a new segment of the log")
	verb(alpha, "cron", "a new segment of the log")
	verb(beta, "cron", "nothing: that is the primary's")
	verb(alpha, "secondary", "nobody would be primary")
	verb(beta, "disconnect", "fetching would be switched off")
	verb(beta, "connect", "nothing: fetching is on already")
	verb(beta, "down", "fetching, replay would be switched off")
	verb(beta, "up", "copying would be switched on")
	verb(beta, "invalidate", "what differs from alpha would be copied")
	beta.refused(409, "that is alpha", "POST", lv1+"/verb", Verb{Dry: dry, Verb: "log-rotate"})
	alpha.refused(409, "not a secondary", "POST", lv1+"/verb", Verb{Dry: dry, Verb: "invalidate"})
	alpha.refused(400, "unknown", "POST", lv1+"/verb", Verb{Dry: dry, Verb: "promote"})
	alpha.plans("from 1MiB to 2MiB", "POST", lv1+"/resize", Resize{dry, 2 << 20})
	alpha.refused(409, "can only grow", "POST", lv1+"/resize", Resize{dry, 4 << 10})
	beta.refused(409, "that is alpha", "POST", lv1+"/resize", Resize{dry, 2 << 20})
	const ack, limit = lv1 + "/ack", lv1 + "/log-limit"
	alpha.plans(`as "quorum" says, instead of ""`, "POST", ack, SetAck{dry, "quorum"})
	beta.refused(409, "that is alpha", "POST", ack, SetAck{dry, "quorum"})
	alpha.plans("no more than 1GiB of log", "POST", limit, LogLimit{dry, 1 << 30})
	alpha.plans("nothing: that is the limit", "POST", limit, LogLimit{dry, 0})
	beta.refused(409, "that is alpha", "POST", limit, LogLimit{dry, 1 << 30})
	alpha.refused(409, "not attached", "POST", lv1+"/detach", Detach{dry})
	if v := alpha.do("GET", lv1, nil); v.Role != "Primary" || v.Size != 1<<20 || v.End != 0 || v.Ack != "" ||
		v.LogLimit != 0 {
		t.Errorf("%+v", v)
	}
	alpha.do("POST", ack, SetAck{Ack: "quorum"})
	alpha.do("POST", limit, LogLimit{Limit: 1 << 30})
	alpha.plans("nothing: it is quorum already", "POST", ack, SetAck{dry, "quorum"})
	alpha.plans("nothing: that is the limit", "POST", limit, LogLimit{dry, 1 << 30})
	alpha.plans("all log would be kept", "POST", limit, LogLimit{dry, 0})
	beta.do("POST", lv1+"/verb", Verb{Verb: "cron"})
	if v := alpha.do("POST", lv1+"/verb", Verb{Verb: "cron"}); v.End != 1 || v.Ack != "quorum" || v.LogLimit != 1<<30 {
		t.Errorf("%+v", v)
	}

	if err := alpha.stop(); err != nil {
		t.Fatal(err)
	}
	beta.refused(http.StatusBadGateway, "would not hand over", "POST", lv1+"/verb",
		Verb{Dry: dry, Verb: "primary"})
	beta.plans("would not learn of it", "POST", lv1+"/leave", Leave{Dry: dry, Force: true})
	beta.do("GET", lv1, nil)
}

// Whatever the replica would refuse, a dry run refuses in its words.
func TestDryRunKnowsWhatStandsInTheWay(t *testing.T) {
	d, r := &Daemon{cfg: &Config{}}, &resource{def: &Definition{Name: "lv1"}}
	secondary := replica.Status{Role: replica.RoleSecondary, FetchOn: true, ReplayOn: true}
	for want, change := range map[string]func(st *replica.Status){
		"replay is paused":   func(st *replica.Status) { st.ReplayOn = false },
		"is inconsistent":    func(st *replica.Status) { st.Inconsistent = true },
		"split brain":        func(st *replica.Status) { st.CutOff = true },
		"fetching is off":    func(st *replica.Status) { st.FetchOn = false },
		"by itself":          func(st *replica.Status) { st.Role = replica.RoleRecovering },
		"is defective: why":  func(st *replica.Status) { st.Role, st.Defect = replica.RoleDefective, "why" },
		"still reading":      func(st *replica.Status) { st.Role = replica.RoleBooting },
		"removed from":       func(st *replica.Status) { st.Role = replica.RoleLeft },
		"in use on host  by": func(st *replica.Status) { st.Role, st.Open = replica.RolePrimary, 3 },
	} {
		st := secondary
		change(&st)
		err := d.able(r, st)
		if err == nil && st.Role == replica.RolePrimary {
			_, err = d.wouldClose(r, nil, st)
		} else if err == nil {
			_, err = d.wouldHandOver(r, nil, st)
		}
		if err == nil || !strings.Contains(err.Error(), want) || statusOf(err) != http.StatusConflict {
			t.Errorf("%v, expected %q", err, want)
		}
	}
}
