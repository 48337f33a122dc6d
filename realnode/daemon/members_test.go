package daemon

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/lab"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/realnode/mesh"
)

// A host joins a resource and leaves it again; the primary knows of both.
func TestJoinAndLeave(t *testing.T) {
	list := together(t, "alpha", "beta")
	alpha, beta := list[0], list[1]
	alpha.create("lv1")
	const lv1 = "/v1/resources/lv1"
	v := beta.do("POST", lv1+"/join", Join{})
	if v.Host != "beta" || v.Role != "Secondary" || v.Primary != "alpha" || v.Size != 1<<20 {
		t.Errorf("%+v", v)
	}
	text, err := os.ReadFile(ResourceDir(beta.cfg.Host.Data, "lv1") + "/" + definitionName)
	if err != nil || !strings.Contains(string(text), `members = ["alpha", "beta"]`) ||
		!strings.Contains(string(text), "joins = true") {
		t.Errorf("definition of a member: %v\n%s", err, text)
	}
	members := func(want ...string) {
		t.Helper()
		if v := alpha.do("GET", lv1, nil); !slices.Equal(v.Members, want) {
			t.Errorf("members %v, expected %v", v.Members, want)
		}
	}
	members("alpha", "beta")
	beta.refused(409, "already here", "POST", lv1+"/join", Join{})
	alpha.refused(409, "other members", "DELETE", lv1, nil)
	r := alpha.refused(409, "this host is primary", "POST", lv1+"/leave", Leave{})
	if !strings.Contains(r.Failure.Hint, "pitch vol primary lv1") {
		t.Errorf("hint %q", r.Failure.Hint)
	}

	beta.do("POST", lv1+"/leave", Leave{})
	members("alpha")
	beta.refused(404, "no replica", "GET", lv1, nil)
	beta.do("POST", lv1+"/join", Join{From: "alpha"})
	members("alpha", "beta")

	// The primary throws out a host that is gone. The host forgets the resource by itself, later.
	if err := beta.stop(); err != nil {
		t.Fatal(err)
	}
	alpha.do("POST", lv1+"/leave", Leave{Host: "beta"})
	members("alpha")
	alpha.do("DELETE", lv1, nil)
	beta = start(t, beta.cfg, nil)
	beta.refused(404, "no replica", "POST", lv1+"/leave", Leave{})
	beta.do("POST", lv1+"/leave", Leave{Force: true})
	beta.refused(404, "no replica", "GET", lv1, nil)
	beta.refused(404, "host alpha: alpha has no replica", "POST", lv1+"/join", Join{})
}

// A host cannot make its replica after the primary has made it a member. It is none then, or the
// primary would wait for it for ever.
func TestJoinThatFailsAtTheEnd(t *testing.T) {
	list := together(t, "alpha", "beta")
	alpha, beta := list[0], list[1]
	alpha.create("lv1")
	inTheWay := ResourceDir(beta.cfg.Host.Data, ".new-lv1")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	beta.refused(500, "file exists", "POST", "/v1/resources/lv1/join", Join{})
	if v := alpha.do("GET", "/v1/resources/lv1", nil); !slices.Equal(v.Members, []string{"alpha"}) {
		t.Errorf("members %v", v.Members)
	}
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	beta.do("POST", "/v1/resources/lv1/join", Join{})
}

// Without a primary nobody can join, and members that name each other are not asked for ever.
func TestJoinWithoutAPrimary(t *testing.T) {
	list := together(t, "alpha", "beta", "gamma")
	alpha, beta, gamma := list[0], list[1], list[2]
	alpha.create("lv1")
	const lv1 = "/v1/resources/lv1"
	beta.do("POST", lv1+"/join", Join{})
	alpha.do("POST", lv1+"/verb", Verb{Verb: "secondary"})
	r := gamma.refused(409, "has no primary now", "POST", lv1+"/join", Join{From: "alpha"})
	if !strings.Contains(r.Failure.Hint, "make one of its members primary") {
		t.Errorf("hint %q", r.Failure.Hint)
	}
	alpha.do("POST", lv1+"/verb", Verb{Verb: "pause-replay"}) // it takes beta for the primary
	gamma.refused(409, "do not agree on a primary", "POST", lv1+"/join", Join{From: "alpha"})
	gamma.refused(409, "do not agree on a primary", "POST", lv1+"/join", Join{})
	gamma.refused(400, `"delta" is no [[peer]]`, "POST", lv1+"/join", Join{From: "delta"})
	if entries, err := os.ReadDir(gamma.cfg.Host.Data + "/" + resourcesName); err != nil || len(entries) != 0 {
		t.Errorf("a join that was refused has left %v, %v", entries, err)
	}
	beta.do("POST", lv1+"/verb", Verb{Verb: "primary"})
	gamma.do("POST", lv1+"/join", Join{From: "alpha"}) // alpha knows whom to ask
	if v := beta.do("GET", lv1, nil); !slices.Contains(v.Members, "gamma") {
		t.Errorf("members %v", v.Members)
	}
}

// The last member is no longer primary. There is nobody whom it could ask to let it go.
func TestLastMemberLeaves(t *testing.T) {
	d := alone(t)
	d.create("lv1")
	d.do("POST", "/v1/resources/lv1/verb", Verb{Verb: "secondary"})
	d.refused(409, "no other member to ask (with --force", "POST", "/v1/resources/lv1/leave", Leave{})
	d.do("POST", "/v1/resources/lv1/leave", Leave{Force: true})
	d.refused(404, "no replica", "GET", "/v1/resources/lv1", nil)
}

// bareMesh is all that there is of a host: nobody answers what it is asked.
func bareMesh(t testing.TB, cfg *Config) *mesh.Mesh {
	t.Helper()
	m, err := mesh.Listen(mesh.Config{Self: mesh.Self{ID: node.ID(cfg.Host.ID), Name: cfg.Host.Name,
		Cluster: cfg.Cluster, Incarnation: 9}, Listen: cfg.Host.Listen, Insecure: true,
		Log: slog.New(slog.DiscardHandler), Deliver: func(node.Addr, uint32, []byte) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if err := m.SetPeers(cfg.meshPeers()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	return m
}

// Whoever reaches the part for other daemons can speak for himself alone, whatever he says.
func TestPeersSpeakForThemselves(t *testing.T) {
	dir, ports := t.TempDir(), lab.FreePorts(t, 3)
	names := []string{"alpha", "beta", "gamma"}
	alpha := start(t, configOf(t, dir, 0, names, ports), nil)
	alpha.create("lv1")
	m := bareMesh(t, configOf(t, dir, 1, names, ports))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return m.Dial(ctx, 1) }}}
	ask := func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, "http://alpha"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	const path = "/v1/peer/resources/lv1"
	for _, c := range []struct{ method, path string }{{"POST", "/v1/resources"}, {"GET", "/v1/host"},
		{"DELETE", "/v1/resources/lv1"}, {"POST", "/v1/reload"}, {"GET", "/debug/pprof/"}} {
		if status, text := ask(c.method, c.path, "{}"); status != http.StatusNotFound {
			t.Errorf("%s %s by a peer: %d %s", c.method, c.path, status, text)
		}
	}
	described := func(status int, text string) (v Described) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &v); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s: %v", status, text, err)
		}
		return v
	}
	if v := described(ask("GET", path, "")); !v.Serving || v.Primary != "alpha" || v.Sectors != 256 ||
		v.Definition.Name != "lv1" {
		t.Errorf("%+v", v)
	}
	other := `{"host":"gamma","id":3}`
	if v := described(ask("POST", path+"/members", other)); !slices.Equal(v.Members, []string{"alpha", "beta"}) {
		t.Errorf("beta has made members %v", v.Members)
	}
	if v := described(ask("DELETE", path+"/members?host=alpha", other)); !slices.Equal(v.Members, []string{"alpha"}) {
		t.Errorf("beta has left members %v", v.Members)
	}
	if status, text := ask("GET", "/v1/peer/resources/none", ""); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
	// Nobody is behind a request that has not come over the mesh.
	d := &Daemon{}
	if _, err := d.peerAddMember(&resource{def: &Definition{}}, &http.Request{}); err == nil ||
		!strings.Contains(err.Error(), "nobody is known") {
		t.Errorf("%v", err)
	}
}
