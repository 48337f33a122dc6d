package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/catalog"
	"github.com/container-football/pitch/sim"
)

// rig is hosts with a catalog each, in the simulator.
type rig struct {
	*sim.Sim
	t        testing.TB
	n        int
	tag      node.Tag
	states   []faults.State // by host
	up       []bool
	messages []int64 // that arrived, by host
	bytes    []int64
	answers  map[node.Tag]node.Observation
}

type setup struct {
	hosts int
	seed  uint64
	cfg   catalog.Config
	clock func(id node.ID) (node.Time, int64)
	plain bool // without a fault layer
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, n: s.hosts, states: make([]faults.State, s.hosts+1), up: make([]bool, s.hosts+1),
		messages: make([]int64, s.hosts+1), bytes: make([]int64, s.hosts+1),
		answers: make(map[node.Tag]node.Observation)}
	cfg := sim.Config{Hosts: s.hosts, Seed: s.seed, Clock: s.clock,
		Specs: func(node.ID) []node.Spec { return []node.Spec{catalog.Spec(s.cfg)} },
		Trace: func(_ node.Time, to node.Addr, ev *node.Event) {
			if ev.Kind == node.KindMessage {
				r.messages[to.Host]++
				r.bytes[to.Host] += int64(len(ev.Data))
			}
		}}
	if !s.plain {
		cfg.Wrap = faults.Wrap
	}
	var err error
	if r.Sim, err = sim.New(cfg); err == nil {
		err = r.StartAll()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.run(100 * node.Millisecond)
	return r
}

// control sets what is wrong with all hosts that are up.
func (r *rig) control() {
	for id := 1; id <= r.n; id++ {
		if r.up[id] {
			_ = r.Control(node.ID(id), []byte(r.states[id].String())) // rigs without faults have none
		}
	}
}

// links makes all links like this one.
func (r *rig) links(l faults.Link) {
	for id := 1; id <= r.n; id++ {
		r.states[id].Links = nil
		if l != (faults.Link{}) {
			r.states[id].Links = []faults.Link{l}
		}
	}
	r.control()
}

// split cuts the links between two sets of hosts, in both directions.
func (r *rig) split(left ...node.ID) {
	for id := 1; id <= r.n; id++ {
		r.states[id].Links = nil
		for to := 1; to <= r.n; to++ {
			if slices.Contains(left, node.ID(id)) != slices.Contains(left, node.ID(to)) {
				r.states[id].Links = append(r.states[id].Links, faults.Link{To: node.ID(to), Cut: true})
			}
		}
	}
	r.control()
}

// run lets so much time pass.
func (r *rig) run(d node.Time) {
	for end := r.Now() + d; ; {
		o, ok := r.Next(end)
		if !ok {
			return
		}
		switch o.Kind {
		case node.ObsUp:
			r.up[o.Host] = true
			_ = r.Control(o.Host, []byte(r.states[o.Host].String()))
		case node.ObsDown:
			r.up[o.Host] = false
		case node.ObsReply:
			o.Data = slices.Clone(o.Data)
			r.answers[o.Tag] = o
		}
	}
}

func (r *rig) crash(id node.ID, mode node.Unsynced) {
	r.t.Helper()
	if err := r.Crash(id, mode); err != nil {
		r.t.Fatal(err)
	}
	r.run(0)
}

func (r *rig) start(id node.ID) {
	r.t.Helper()
	if err := r.Start(id); err != nil {
		r.t.Fatal(err)
	}
	r.run(50 * node.Millisecond)
}

// submit asks a host, and does not wait.
func (r *rig) submit(id node.ID, op node.Op, n int64, req catalog.Request) node.Tag {
	r.tag++
	r.Submit(node.Request{Host: id, Op: op, Tag: r.tag, N: n, Data: req.Encode()})
	return r.tag
}

// ask asks a host, and waits for the answer.
func (r *rig) ask(id node.ID, op node.Op, n int64, req catalog.Request) node.Observation {
	r.t.Helper()
	tag := r.submit(id, op, n, req)
	for end := r.Now() + 40*node.Second; r.Now() < end; {
		r.run(node.Millisecond)
		if o, ok := r.answers[tag]; ok {
			return o
		}
	}
	r.t.Fatalf("host %d does not answer op %d of %v", id, op-node.OpVerb, req)
	return node.Observation{}
}

// must asks, and is content with OK alone.
func (r *rig) must(id node.ID, op node.Op, n int64, req catalog.Request) []byte {
	r.t.Helper()
	o := r.ask(id, op, n, req)
	if o.Code != node.OK {
		r.t.Fatalf("host %d: op %d of %v: %v %s", id, op-node.OpVerb, req, o.Code, o.Data)
	}
	return o.Data
}

// refused asks, and wants a refusal that says why.
func (r *rig) refused(id node.ID, op node.Op, n int64, req catalog.Request, why string) {
	r.t.Helper()
	o := r.ask(id, op, n, req)
	if o.Code != node.Refused || !strings.Contains(string(o.Data), why) {
		r.t.Fatalf("host %d: op %d of %v: %v %q, expected a refusal with %q", id, op-node.OpVerb, req,
			o.Code, o.Data, why)
	}
}

func uuid(b byte) (u catalog.UUID) {
	u[0] = b
	return u
}

// cluster makes hosts from first to last a cluster.
func (r *rig) cluster(u byte, first, last node.ID) {
	r.t.Helper()
	r.must(first, catalog.OpCreateCluster, 0, catalog.Request{Scope: catalog.Cluster(uuid(u)),
		Value: "address of the first host"})
	var tags []node.Tag
	for id := first + 1; id <= last; id++ {
		tags = append(tags, r.submit(id, catalog.OpJoinCluster, int64(first), catalog.Request{
			Value: fmt.Sprintf("address of host %d", id)}))
	}
	r.until(60*node.Second, "all joined", func() bool {
		return !slices.ContainsFunc(tags, func(tag node.Tag) bool {
			o, ok := r.answers[tag]
			return !ok || o.Code != node.OK
		})
	})
	r.until(100*node.Second, "all know all", func() bool {
		for id := first; id <= last; id++ {
			if len(r.report(id).Hosts) < int(last-first)+1 {
				return false
			}
		}
		return true
	})
}

// resource makes a resource with these members, of which the first makes it.
func (r *rig) resource(name string, members ...node.ID) {
	r.t.Helper()
	for _, id := range members {
		r.must(members[0], catalog.OpMember, int64(id), catalog.Request{Scope: catalog.Resource(name)})
	}
}

func (r *rig) set(id node.ID, scope, key, value string) {
	r.t.Helper()
	r.must(id, catalog.OpSet, 0, catalog.Request{Scope: scope, Key: key, Value: value})
}

func (r *rig) report(id node.ID) catalog.Report {
	r.t.Helper()
	p, err := catalog.DecodeReport(r.must(id, catalog.OpReport, 0, catalog.Request{}))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rig) list(id node.ID, scope, prefix string) catalog.Listing {
	r.t.Helper()
	l, err := catalog.DecodeListing(r.must(id, catalog.OpList, 0,
		catalog.Request{Scope: scope, Key: prefix}))
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// get is the value of a key, or "(none)".
func (r *rig) get(id node.ID, scope, key string) string {
	r.t.Helper()
	for _, e := range r.list(id, scope, key).Entries {
		if e.Key == key {
			return e.Value
		}
	}
	return "(none)"
}

// until runs until something holds, and returns how long it took.
func (r *rig) until(limit node.Time, what string, holds func() bool) node.Time {
	r.t.Helper()
	begin := r.Now()
	for step := 10 * node.Millisecond; !holds(); r.run(step) {
		if r.Now() > begin+limit {
			for id := 1; id <= min(r.n, 8); id++ {
				if r.up[id] {
					r.t.Logf("host %d: %v", id, r.Machine(node.ID(id), 0))
				}
			}
			r.t.Fatalf("not within %v: %s", limit, what)
		}
	}
	return r.Now() - begin
}

// same says whether hosts have the same live keys in a scope.
func (r *rig) same(scope string, hosts ...node.ID) bool {
	r.t.Helper()
	first := r.list(hosts[0], scope, "").Entries
	for _, id := range hosts[1:] {
		if !slices.Equal(first, r.list(id, scope, "").Entries) {
			return false
		}
	}
	return true
}
