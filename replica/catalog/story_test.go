package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica"
	"github.com/container-football/pitch/replica/catalog"
)

var db = catalog.Resource("db")

func TestMembersAndGuestsSeeWhatOthersSetAtOnce(t *testing.T) {
	r := newRig(t, setup{hosts: 5, seed: 1})
	r.cluster(1, 1, 5)
	r.resource("db", 1, 2, 3)
	r.must(2, catalog.OpGuest, 4, catalog.Request{Scope: db})
	r.run(node.Second)
	r.set(3, db, "primary", "three")
	r.run(10 * node.Millisecond)
	for id := node.ID(1); id <= 4; id++ {
		if got := r.get(id, db, "primary"); got != "three" {
			t.Errorf("host %d sees primary = %s", id, got)
		}
	}
	if l := r.list(5, db, ""); l.Changes != 0 {
		t.Errorf("a host that does not share the resource has %v", l)
	}
	r.refused(4, catalog.OpSet, 0, catalog.Request{Scope: db, Key: "primary"}, "does not write")
	r.refused(1, catalog.OpSet, 0, catalog.Request{Scope: db, Key: "share/9", Value: "member"}, "no key")
	r.refused(1, catalog.OpSet, 0, catalog.Request{Scope: catalog.Host(2), Key: "alive"}, "does not write")

	// What a host says of itself is for those that share a resource with it.
	r.set(1, catalog.Host(1), "alive", "yes")
	r.run(10 * node.Millisecond)
	a, b := r.get(4, catalog.Host(1), "alive"), r.get(5, catalog.Host(1), "alive")
	if a != "yes" || b != "(none)" {
		t.Errorf("a guest sees %s, a stranger sees %s", a, b)
	}

	r.must(1, catalog.OpUnshare, 4, catalog.Request{Scope: db})
	r.until(12*node.Second, "the guest has nothing left", func() bool {
		p := r.report(4)
		return !slices.Contains(p.Scopes, db) && !slices.Contains(p.Scopes, catalog.Host(1))
	})
}

func TestAWatchIsAnsweredWhenSomethingChanges(t *testing.T) {
	r := newRig(t, setup{hosts: 2, seed: 1})
	r.cluster(1, 1, 2)
	r.resource("db", 1, 2)
	r.run(10 * node.Second)
	seen := r.list(2, db, "").Changes
	tag := r.submit(2, catalog.OpWatch, int64(seen), catalog.Request{Scope: db, Key: "primary"})
	r.run(10 * node.Second)
	if _, ok := r.answers[tag]; ok {
		t.Fatal("answered though nothing has changed")
	}
	r.set(1, db, "primary", "one")
	r.run(10 * node.Millisecond)
	l, err := catalog.DecodeListing(r.answers[tag].Data)
	if err != nil || len(l.Entries) != 1 || l.Entries[0].Value != "one" || l.Changes == seen {
		t.Errorf("answer %+v, %v", l, err)
	}
}

func TestVerbsAreRefusedWithAReason(t *testing.T) {
	r := newRig(t, setup{hosts: 4, seed: 1})
	none := catalog.Request{}
	r.refused(1, catalog.OpLeaveCluster, 0, none, "in no cluster")
	r.refused(1, catalog.OpMember, 1, catalog.Request{Scope: db}, "in no cluster")
	r.refused(2, catalog.OpJoinCluster, 1, none, "is in no cluster")
	r.cluster(1, 1, 3)
	r.refused(1, catalog.OpCreateCluster, 0, catalog.Request{Scope: catalog.Cluster(uuid(2))}, "already")
	r.refused(1, catalog.OpMember, 4, catalog.Request{Scope: db}, "not in the cluster")
	r.resource("db", 1, 2)
	r.run(node.Second)
	r.refused(3, catalog.OpMember, 3, catalog.Request{Scope: db}, "has a resource of this name")
	r.refused(1, catalog.OpLeaveCluster, 2, none, "shares resource db")
	r.refused(3, catalog.OpLeaveCluster, 9, none, "host 9 is not in")
	r.must(1, catalog.OpGuest, 3, catalog.Request{Scope: db})
	r.must(1, catalog.OpUnshare, 2, catalog.Request{Scope: db})
	r.refused(1, catalog.OpUnshare, 1, catalog.Request{Scope: db}, "there are guests")
	r.refused(1, catalog.OpGuest, 1, catalog.Request{Scope: db}, "last member")
	r.refused(1, catalog.OpSet, 0, catalog.Request{Scope: "nonsense", Key: "k"}, "does not write")
	if o := r.ask(1, replica.OpStatus, 0, none); o.Code != node.Invalid {
		t.Errorf("a verb of replicas is answered with %v", o.Code)
	}
}

func TestAHostLeavesAndMayComeBack(t *testing.T) {
	r := newRig(t, setup{hosts: 3, seed: 1})
	r.cluster(1, 1, 3)
	r.must(3, catalog.OpLeaveCluster, 0, catalog.Request{})
	r.until(20*node.Second, "all know that it has left", func() bool {
		return r.report(3).Home == "" && len(r.report(1).Hosts) == 2 && len(r.report(2).Hosts) == 2
	})
	r.must(3, catalog.OpJoinCluster, 2, catalog.Request{Value: "back"})
	r.until(20*node.Second, "all know that it is back", func() bool {
		return len(r.report(3).Hosts) == 3 && len(r.report(1).Hosts) == 3
	})
	// One that burns is taken out by others, and learns it when it is seen again.
	r.crash(3, node.LoseAll)
	r.must(1, catalog.OpLeaveCluster, 3, catalog.Request{})
	r.run(60 * node.Second)
	r.start(3)
	r.until(20*node.Second, "it knows that it is out", func() bool { return r.report(3).Home == "" })
	if n := len(r.report(1).Hosts); n != 2 {
		t.Errorf("%d hosts", n)
	}
}

// The tombstone is long forgotten when the host comes back that has the key.
func TestADeletedKeyStaysDeletedAfterALongPartition(t *testing.T) {
	r := newRig(t, setup{hosts: 4, seed: 3})
	r.cluster(1, 1, 4)
	r.resource("db", 1, 2, 3)
	r.must(1, catalog.OpGuest, 4, catalog.Request{Scope: db})
	r.set(1, db, "old", "value")
	r.set(1, db, "kept", "value")
	r.run(node.Second)
	r.split(4) // a guest, for which nobody waits
	r.must(2, catalog.OpDelete, 0, catalog.Request{Scope: db, Key: "old"})
	r.run(100 * node.Second)
	for id := node.ID(1); id <= 3; id++ {
		if s := tombstones(r, id, db); s != 0 {
			t.Errorf("host %d still has %d tombstones", id, s)
		}
	}
	// A member is waited for.
	r.split(3)
	r.must(2, catalog.OpDelete, 0, catalog.Request{Scope: db, Key: "kept"})
	r.run(300 * node.Second)
	if tombstones(r, 1, db) == 0 || r.get(3, db, "kept") != "value" {
		t.Error("a tombstone is forgotten that a member has not seen")
	}
	for range 3 {
		r.crash(4, node.LoseSome)
		r.start(4)
	}
	r.links(faults.Link{})
	r.until(60*node.Second, "all have forgotten", func() bool {
		for id := node.ID(1); id <= 4; id++ {
			if tombstones(r, id, db) != 0 || r.get(id, db, "old") != "(none)" ||
				r.get(id, db, "kept") != "(none)" {
				return false
			}
		}
		return true
	})
}

// A host that was removed while it was away cannot bring back what it has, nor when it comes in again.
func TestARemovedMemberBringsNothingBack(t *testing.T) {
	r := newRig(t, setup{hosts: 4, seed: 4})
	r.cluster(1, 1, 4)
	r.resource("db", 1, 2, 3)
	r.set(3, db, "old", "value")
	r.run(12 * node.Second)
	r.split(3)
	r.set(3, db, "mine", "written alone") // lost, as it is removed
	r.must(1, catalog.OpUnshare, 3, catalog.Request{Scope: db})
	r.must(2, catalog.OpDelete, 0, catalog.Request{Scope: db, Key: "old"})
	r.until(100*node.Second, "forgotten", func() bool { return tombstones(r, 1, db) == 0 })
	r.must(1, catalog.OpMember, 3, catalog.Request{Scope: db})
	r.links(faults.Link{})
	r.until(60*node.Second, "the same everywhere", func() bool { return r.same(db, 1, 2, 3) })
	if got := r.get(1, db, "old"); got != "(none)" {
		t.Errorf("the deleted key has come back: %s", got)
	}
	r.set(3, db, "new", "value")
	r.run(node.Second)
	if got := r.get(1, db, "new"); got != "value" {
		t.Errorf("what it writes now is seen as %s", got)
	}
}

func TestAHostWithABrokenClockPoisonsNobody(t *testing.T) {
	broken := newRig(t, setup{hosts: 3, seed: 1, clock: func(id node.ID) (node.Time, int64) {
		if id == 3 {
			return 0, 900_000 // it gains nine tenths
		}
		return 0, 0
	}})
	broken.cluster(1, 1, 3)
	broken.resource("db", 1, 2, 3)
	broken.set(3, db, "who", "three")
	broken.run(400 * node.Second) // now it is six minutes ahead
	broken.set(3, db, "who", "from the future")
	broken.set(3, db, "also", "from the future")
	broken.run(20 * node.Second)
	if got := broken.get(1, db, "who"); got != "three" {
		t.Errorf("host 1 believes %q", got)
	}
	p := broken.report(1)
	if p.Refused.Count == 0 || p.Refused.Host != 3 || p.Refused.Ahead < 300*node.Second {
		t.Errorf("refused: %+v", p.Refused)
	}
	// The others go on, and their stamps do not follow.
	broken.set(1, db, "who", "one")
	broken.run(node.Second)
	if got := broken.get(2, db, "who"); got != "one" {
		t.Errorf("host 2 sees %q", got)
	}
	for _, e := range broken.list(2, db, "").Entries {
		if e.Stamp.Time > broken.Now()+300*node.Second {
			t.Errorf("%+v has been taken", e)
		}
	}
}

func TestClustersMerge(t *testing.T) {
	for name, merge := range map[string]func(r *rig){
		"from one side": func(r *rig) { r.must(1, catalog.OpMergeCluster, 5, catalog.Request{}) },
		"from both sides at once, by several": func(r *rig) {
			for _, v := range [][2]node.ID{{1, 5}, {6, 2}, {3, 7}, {5, 1}} {
				r.submit(v[0], catalog.OpMergeCluster, int64(v[1]), catalog.Request{})
			}
		},
		"twice": func(r *rig) {
			r.must(1, catalog.OpMergeCluster, 5, catalog.Request{})
			r.run(30 * node.Second)
			r.must(2, catalog.OpMergeCluster, 6, catalog.Request{})
			r.must(6, catalog.OpMergeCluster, 2, catalog.Request{})
		},
		"interrupted half-way": func(r *rig) {
			r.must(1, catalog.OpMergeCluster, 5, catalog.Request{})
			r.crash(1, node.LoseAll) // who merged
			r.crash(5, node.LoseSome)
			r.run(20 * node.Second)
			r.start(5)
			r.run(60 * node.Second)
			r.start(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, setup{hosts: 7, seed: 5})
			r.cluster(9, 1, 4)
			r.cluster(3, 5, 7)
			r.resource("a", 1, 2)
			r.resource("b", 5, 6)
			r.run(node.Second)
			merge(r)
			r.until(100*node.Second, "one cluster of seven hosts", func() bool {
				for id := node.ID(1); id <= 7; id++ {
					if p := r.report(id); len(p.Hosts) != 7 || p.Cluster != catalog.Cluster(uuid(3)) ||
						len(p.Merged) != 2 {
						return false
					}
				}
				return true
			})
			r.refused(7, catalog.OpMember, 7, catalog.Request{Scope: catalog.Resource("a")},
				"has a resource of this name")
			r.must(5, catalog.OpMember, 1, catalog.Request{Scope: catalog.Resource("b")}) // across
			r.run(node.Second)
			r.set(1, catalog.Resource("b"), "primary", "one")
			r.run(node.Second)
			if got := r.get(6, catalog.Resource("b"), "primary"); got != "one" {
				t.Errorf("host 6 sees %s", got)
			}
		})
	}
}

func TestAMergeIsRefusedWhereNamesAreNotDisjoint(t *testing.T) {
	r := newRig(t, setup{hosts: 4, seed: 5})
	r.cluster(1, 1, 2)
	r.cluster(2, 3, 4)
	r.resource("db", 1, 2)
	r.resource("db", 3)
	r.run(node.Second)
	r.refused(2, catalog.OpMergeCluster, 4, catalog.Request{}, "both clusters have resource db")
	r.run(30 * node.Second)
	for id := node.ID(1); id <= 4; id++ {
		if n := len(r.report(id).Hosts); n != 2 {
			t.Errorf("host %d knows %d hosts", id, n)
		}
	}
	r.split(1, 2)
	if o := r.ask(1, catalog.OpMergeCluster, 3, catalog.Request{}); o.Code != node.TimedOut {
		t.Errorf("a merge with a host that cannot be reached ends with %v", o.Code)
	}
}

func TestAClusterIsSplitWhereNothingIsShared(t *testing.T) {
	r := newRig(t, setup{hosts: 6, seed: 5})
	r.cluster(1, 1, 6)
	r.resource("a", 1, 2, 3)
	r.resource("b", 4, 5)
	r.resource("c", 6)
	r.run(node.Second)
	apart := catalog.Request{Scope: catalog.Cluster(uuid(7)), Value: catalog.Hosts(3, 4)}
	r.refused(1, catalog.OpSplitCluster, 0, apart, "shares one of")
	apart.Value = catalog.Hosts(1, 2, 3, 4, 5, 6)
	r.refused(1, catalog.OpSplitCluster, 0, apart, "not all")
	apart.Value = catalog.Hosts(4, 5)
	r.split(5) // one hears of it late
	r.must(1, catalog.OpSplitCluster, 0, apart)
	r.run(10 * node.Second)
	r.links(faults.Link{})
	r.until(60*node.Second, "two clusters", func() bool {
		for id := node.ID(1); id <= 6; id++ {
			want := []node.ID{1, 2, 3, 6}
			if id == 4 || id == 5 {
				want = []node.ID{4, 5}
			}
			if !slices.Equal(r.report(id).Hosts, want) {
				return false
			}
		}
		return true
	})
	if p := r.report(5); p.Home != apart.Scope {
		t.Errorf("host 5 is at home in %s", p.Home)
	}
	r.set(4, catalog.Resource("b"), "primary", "four") // what they share goes on
	r.run(node.Second)
	if got := r.get(5, catalog.Resource("b"), "primary"); got != "four" {
		t.Errorf("host 5 sees %s", got)
	}
	r.must(1, catalog.OpMergeCluster, 5, catalog.Request{}) // and back
	r.until(60*node.Second, "one cluster", func() bool {
		return len(r.report(4).Hosts) == 6 && len(r.report(6).Hosts) == 6
	})
}

func tombstones(r *rig, id node.ID, scope string) int {
	return r.Machine(id, 0).(*catalog.Machine).Tombstones(scope)
}

func TestTheMachineShowsItselfInTraces(t *testing.T) {
	r := newRig(t, setup{hosts: 1, seed: 1})
	r.cluster(1, 1, 1)
	if s := r.Machine(1, 0).(*catalog.Machine).String(); !strings.Contains(s, "host 1") {
		t.Error(s)
	}
}
