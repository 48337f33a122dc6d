package catalog_test

import (
	"fmt"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
	"github.com/container-football/pitch/replica/catalog"
)

// mayhem lets five hosts write and delete, while messages are lost, doubled and overtaken, hosts crash
// and are cut off, and shares come and go. Then all must agree, and nothing may have come back: the
// newest value that anybody was told to be durable, or a newer one, is there.
func mayhem(t *testing.T, seed uint64) uint64 {
	const hosts = 5
	r := newRig(t, setup{hosts: hosts, seed: seed, clock: func(id node.ID) (node.Time, int64) {
		word := node.Hash(seed, uint64(id))
		return node.Time(word % uint64(2*node.Second)), int64(word>>32%2000) - 1000
	}})
	r.cluster(1, 1, hosts)
	r.resource("db", 1, 2, 3)
	r.must(1, catalog.OpGuest, 4, catalog.Request{Scope: db})
	random := node.NewStream(seed, "mayhem")
	type ask struct {
		tag     node.Tag
		key     string
		deleted bool
		seq     int
		at      node.Time
	}
	var asks []ask
	for seq := range 150 {
		id := node.ID(1 + random.Below(hosts))
		switch word := random.Below(100); {
		case word < 55:
			key := fmt.Sprintf("key%d", random.Below(12))
			op := catalog.OpSet
			if random.Below(3) == 0 {
				op = catalog.OpDelete
			}
			if r.up[id] && id <= 3 {
				asks = append(asks, ask{r.submit(id, op, 0, catalog.Request{Scope: db, Key: key,
					Value: fmt.Sprint(seq)}), key, op == catalog.OpDelete, seq, r.Now()})
			}
		case word < 65 && r.up[id]:
			r.crash(id, node.Unsynced(random.Below(2)))
		case word < 75 && !r.up[id]:
			r.start(id)
		case word < 80:
			r.links(faults.Link{Loss: 0.3, Duplicate: 0.3, Reorder: 0.3})
		case word < 85:
			r.split(id)
		case word < 88:
			r.links(faults.Link{})
		case word < 92 && r.up[1]: // guests come and go
			r.submit(1, [...]node.Op{catalog.OpGuest, catalog.OpUnshare}[random.Below(2)],
				int64(4+random.Below(2)), catalog.Request{Scope: db})
		}
		r.run(node.Time(random.Below(3000)) * node.Millisecond)
	}
	r.links(faults.Link{})
	for id := node.ID(1); id <= hosts; id++ {
		if !r.up[id] {
			r.start(id)
		}
	}
	// A last word for some keys: that must be what is left.
	r.run(20 * node.Second)
	r.must(2, catalog.OpDelete, 0, catalog.Request{Scope: db, Key: "key0"})
	r.set(3, db, "key1", "last")
	r.must(1, catalog.OpGuest, 4, catalog.Request{Scope: db})
	r.must(1, catalog.OpGuest, 5, catalog.Request{Scope: db})
	r.until(60*node.Second, "the same everywhere, and all tombstones forgotten", func() bool {
		for id := node.ID(1); id <= hosts; id++ {
			if tombstones(r, id, db) > 0 {
				return false
			}
		}
		return r.same(db, 1, 2, 3, 4, 5) && r.same(catalog.Cluster(uuid(1)), 1, 2, 3, 4, 5)
	})
	if a, b := r.get(5, db, "key0"), r.get(5, db, "key1"); a != "(none)" || b != "last" {
		t.Errorf("seed %d: key0 = %s, key1 = %s", seed, a, b)
	}
	// What is there was written by somebody, and nothing that was acknowledged came clearly later: by
	// more than the clocks differ.
	for _, e := range r.list(1, db, "key").Entries {
		var from *ask
		for i := range asks {
			if a := &asks[i]; a.key == e.Key && !a.deleted && fmt.Sprint(a.seq) == e.Value {
				from = a
			}
		}
		if from == nil {
			if e.Value != "last" {
				t.Errorf("seed %d: nobody has written %+v", seed, e)
			}
			continue
		}
		for _, a := range asks {
			o, answered := r.answers[a.tag]
			if a.key == e.Key && a.at > from.at+4*node.Second && answered && o.Code == node.OK {
				t.Errorf("seed %d: %+v is left, and %+v was acknowledged later", seed, e, a)
			}
		}
	}
	return r.Digest()
}

func TestCatalogsConvergeUnderFaults(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		if mayhem(t, seed); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	for seed := range uint64(5) {
		if a, b := mayhem(t, seed), mayhem(t, seed); a != b {
			t.Errorf("seed %d: digests %x and %x", seed, a, b)
		}
	}
}

// What a host has told others, or its user, it still has after a crash, however often it crashes.
func TestNothingThatWasToldIsLostInACrash(t *testing.T) {
	for seed := range uint64(30) {
		r := newRig(t, setup{hosts: 2, seed: seed})
		r.cluster(1, 1, 2)
		r.resource("db", 1, 2)
		r.run(node.Second)
		for i := range 40 {
			want := fmt.Sprint(i)
			tag := r.submit(1, catalog.OpSet, 0, catalog.Request{Scope: db, Key: "k", Value: want})
			r.run(node.Time(seed*40+uint64(i)) * node.Microsecond) // crash at every point of it
			r.crash(1, node.Unsynced(i%2))
			r.start(1)
			if o, ok := r.answers[tag]; ok && o.Code == node.OK && r.get(1, db, "k") != want {
				t.Fatalf("seed %d: %q was acknowledged, and now it is %q", seed, want, r.get(1, db, "k"))
			}
			if other := r.get(2, db, "k"); other == want && r.get(1, db, "k") != want {
				t.Fatalf("seed %d: host 2 was told %q, and host 1 has %q", seed, want, r.get(1, db, "k"))
			}
		}
	}
}

// A full disk stops a catalog, and nothing else: it goes on where it was.
func TestAFullDiskIsWaitedFor(t *testing.T) {
	r := newRig(t, setup{hosts: 2, seed: 1})
	r.cluster(1, 1, 2)
	r.resource("db", 1, 2)
	r.run(node.Second)
	r.states[1].Disk = faults.Disk{Full: true}
	r.control()
	tag := r.submit(1, catalog.OpSet, 0, catalog.Request{Scope: db, Key: "k", Value: "v"})
	r.run(20 * node.Second)
	if _, ok := r.answers[tag]; ok || r.get(2, db, "k") != "(none)" {
		t.Error("told before it is durable")
	}
	r.states[1].Disk = faults.Disk{}
	r.control()
	r.until(10*node.Second, "it goes on", func() bool { return r.get(2, db, "k") == "v" })
	if o := r.answers[tag]; o.Code != node.OK {
		t.Errorf("answered with %v", o.Code)
	}
}

// The log does not grow without end.
func TestSegmentsAreRotated(t *testing.T) {
	r := newRig(t, setup{hosts: 1, seed: 1})
	r.cluster(1, 1, 1)
	r.resource("db", 1)
	big := string(make([]byte, 4000))
	for i := range 300 {
		r.set(1, db, fmt.Sprintf("key%d", i%5), big+fmt.Sprint(i))
	}
	d, err := r.Dump(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, f := range d.Logs[0] {
		size += len(f.Data)
	}
	if len(d.Logs[0]) > 2 || size > 600<<10 || d.Logs[0][0].ID < 3 {
		t.Errorf("%d segments with %d bytes, the first is %d", len(d.Logs[0]), size, d.Logs[0][0].ID)
	}
	r.crash(1, node.LoseAll)
	r.start(1)
	if got := r.get(1, db, "key4"); got != big+"299" {
		t.Errorf("after a crash it ends with %q", got[max(0, len(got)-5):])
	}
}
