package sim

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// modelAppend is one append as a dumb model knows it.
type modelAppend struct {
	off           int64
	data          []byte
	tag           node.Tag
	done, durable bool
}

func (a *modelAppend) end() int64 { return a.off + int64(len(a.data)) }

// logModel is what a log may hold: segments as lists of appends.
type logModel struct {
	segs  map[uint64][]modelAppend
	syncs map[node.Tag][]node.Tag // the appends that a sync covers
}

func (m *logModel) size(seg uint64) int64 {
	if list := m.segs[seg]; len(list) > 0 {
		return list[len(list)-1].end()
	}
	return 0
}

// TestLogAgainstAModel appends, reads, syncs, cuts, deletes and crashes at random.
func TestLogAgainstAModel(t *testing.T) {
	cfg := Config{Hosts: 1, BootTime: 1, Disk: Disk{Write: Latency{10, 2000}, Read: Latency{10, 50},
		Sync: Latency{100, 1000}, Bandwidth: 1 << 40}}
	holes, torn := 0, 0
	for seed := range seeds(t) {
		random := node.NewStream(seed, "log")
		cfg.Seed = seed
		r := newRig(t, cfg, node.Spec{Logs: 1})
		m := &logModel{segs: map[uint64][]modelAppend{}, syncs: map[node.Tag][]node.Tag{}}
		tag := node.Tag(0)
		for range 300 {
			tag++
			seg := random.Below(3) * 7
			_, exists := m.segs[seg]
			switch random.Below(10) {
			case 0, 1, 2, 3:
				a := modelAppend{off: m.size(seg), tag: tag}
				for range 1 + random.Below(30) {
					a.data = append(a.data, byte(1+random.Below(255)))
				}
				m.segs[seg] = append(m.segs[seg], a)
				r.on(1, func(out *node.Effects) { out.LogAppend(0, tag, seg, a.off, a.data, 100) })
			case 4:
				for _, a := range m.segs[seg] {
					if a.done {
						m.syncs[tag] = append(m.syncs[tag], a.tag)
					}
				}
				if exists {
					r.on(1, func(out *node.Effects) { out.LogSync(0, tag, seg) })
				}
			case 5:
				if exists {
					r.on(1, func(out *node.Effects) { out.LogRead(0, tag, seg, 0, 1<<30) })
					r.run(100 + node.Time(random.Below(500)))
				}
			case 6, 7:
				r.run(node.Time(random.Below(3000)))
			case 8:
				if exists && random.Chance(0.3) {
					m.cut(t, r, tag, seg, &random)
				}
			case 9:
				if random.Chance(0.8) {
					break
				}
				mode := []node.Unsynced{node.LoseSome, node.LoseAll, node.Keep}[random.Below(3)]
				h1, t1 := m.crash(t, r, seed, mode)
				holes, torn = holes+h1, torn+t1
			}
			m.observe(t, r.take(1), seed)
		}
	}
	if holes == 0 || torn == 0 {
		t.Errorf("%d holes and %d torn appends: the test shows nothing", holes, torn)
	}
}

func (m *logModel) observe(t *testing.T, list []seen, seed uint64) {
	t.Helper()
	for _, s := range list {
		if s.ev.Code != node.OK {
			t.Fatalf("seed %d: %v ended with %v", seed, s.ev.Op, s.ev.Code)
		}
		list := m.segs[s.ev.Seg]
		switch s.ev.Op {
		case node.OpLogAppend:
			for i := range list {
				list[i].done = list[i].done || list[i].tag == s.ev.Tag
			}
		case node.OpLogSync:
			for i := range list {
				list[i].durable = list[i].durable || slices.Contains(m.syncs[s.ev.Tag], list[i].tag)
			}
		case node.OpLogRead:
			if want := m.content(s.ev.Seg); !bytes.Equal(s.ev.Data, want) {
				t.Fatalf("seed %d: segment %d reads as\n%x, expected\n%x", seed, s.ev.Seg, s.ev.Data,
					want)
			}
		}
	}
}

func (m *logModel) content(seg uint64) (b []byte) {
	for _, a := range m.segs[seg] {
		b = append(b, a.data...)
	}
	return b
}

// cut shortens or deletes a segment, and waits until that is done.
func (m *logModel) cut(t *testing.T, r *rig, tag node.Tag, seg uint64, random *node.Stream) {
	t.Helper()
	size := int64(random.Below(uint64(m.size(seg) + 1)))
	whole := random.Chance(0.3)
	r.on(1, func(out *node.Effects) {
		if whole {
			out.LogDelete(0, tag, seg)
		} else {
			out.LogTruncate(0, tag, seg, size)
		}
	})
	for waited := 0; ; waited++ {
		list := r.take(1)
		m.observe(t, list, 0)
		if slices.ContainsFunc(list, func(s seen) bool { return s.ev.Tag == tag }) {
			break
		}
		if waited > 1000 {
			t.Fatal("a segment is never cut")
		}
		r.run(100)
	}
	if whole {
		delete(m.segs, seg)
		return
	}
	list := m.segs[seg]
	for len(list) > 0 && list[len(list)-1].off >= size {
		list = list[:len(list)-1]
	}
	if n := len(list); n > 0 {
		list[n-1].data = list[n-1].data[:min(int64(len(list[n-1].data)), size-list[n-1].off)]
	}
	m.segs[seg] = list
}

// crash holds what a crash has left against the model, and counts appends that are lost under
// later ones, and torn ones.
func (m *logModel) crash(t *testing.T, r *rig, seed uint64, mode node.Unsynced) (holes, torn int) {
	t.Helper()
	m.observe(t, r.take(1), seed)
	r.crash(1, mode)
	var ids []uint64
	for _, file := range r.dump(1).Logs[0] {
		ids = append(ids, file.ID)
		list, size := m.segs[file.ID], int64(len(file.Data))
		for _, a := range list {
			part := file.Data[min(a.off, size):min(a.end(), size)]
			n := 0 // how much of it survived
			for n < len(part) && part[n] == a.data[n] {
				n++
			}
			rest := part[n:]
			switch {
			case (a.durable || mode == node.Keep) && n < len(a.data):
				t.Fatalf("seed %d, %v: of %d bytes at %d of segment %d only %d have survived", seed,
					mode, len(a.data), a.off, file.ID, n)
			case !a.durable && mode == node.LoseAll && n > 0:
				t.Fatalf("seed %d: %d bytes at %d have survived unsynced", seed, n, a.off)
			case len(bytes.Trim(rest, "\x00")) > 0:
				t.Fatalf("seed %d: at %d, after %d bytes that have survived, is %x", seed, a.off, n, rest)
			case n == 0 && len(rest) == len(a.data):
				holes++
			case n > 0 && n < len(a.data):
				torn++
			}
		}
		if size > m.size(file.ID) {
			t.Fatalf("seed %d: segment %d has grown", seed, file.ID)
		}
		m.segs[file.ID] = nil
		if size > 0 {
			m.segs[file.ID] = []modelAppend{{data: file.Data, done: true, durable: true}}
		}
	}
	if want := slices.Sorted(maps.Keys(m.segs)); !slices.Equal(ids, want) {
		t.Fatalf("seed %d: there are segments %v, expected %v", seed, ids, want)
	}
	m.syncs = map[node.Tag][]node.Tag{}
	return holes, torn
}

func TestAFullLogTakesNothingUntilItIsCut(t *testing.T) {
	cfg := Config{Hosts: 1, Disk: Disk{LogBytes: 10_000}}
	r := newRig(t, cfg, node.Spec{Logs: 1})
	code := func(do func(out *node.Effects)) node.Code {
		t.Helper()
		r.on(1, do)
		r.run(node.Second)
		got := r.take(1)
		if len(got) != 1 {
			t.Fatalf("%d completions", len(got))
		}
		return got[0].ev.Code
	}
	// A hundred bytes carried, four thousand charged.
	add := func(seg uint64, off int64) node.Code {
		return code(func(out *node.Effects) { out.LogAppend(0, 1, seg, off, make([]byte, 100), 3900) })
	}
	expect := func(what string, got, want node.Code) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: %v, expected %v", what, got, want)
		}
	}
	expect("first", add(1, 0), node.OK)
	expect("second", add(1, 100), node.OK)
	expect("a third that does not fit", add(1, 200), node.NoSpace)
	expect("a segment that does not fit", add(2, 0), node.NoSpace)
	expect("cutting", code(func(out *node.Effects) { out.LogTruncate(0, 1, 1, 100) }), node.OK)
	expect("after the cut", add(1, 100), node.OK)
	expect("full again", add(1, 200), node.NoSpace)
	r.crash(1, node.LoseAll)
	expect("after a crash that has lost all", add(1, 0), node.OK)
	expect("elsewhere", add(2, 0), node.OK)
	expect("full a third time", add(2, 100), node.NoSpace)
	expect("deleting", code(func(out *node.Effects) { out.LogDelete(0, 1, 1) }), node.OK)
	expect("after deleting", add(2, 100), node.OK)
}

func TestRequestsThatMakeNoSenseToALogAreInvalid(t *testing.T) {
	r := newRig(t, Config{Hosts: 1}, node.Spec{Logs: 1})
	r.on(1, func(out *node.Effects) {
		out.LogAppend(0, 1, 5, 10, []byte("not at the end"), 0)
		out.LogRead(0, 2, 5, 0, 10)
		out.LogSync(0, 3, 5)
		out.LogTruncate(0, 4, 5, 0)
		out.LogDelete(0, 5, 5)
	})
	r.run(node.Second)
	got := r.take(1)
	for _, s := range got {
		if s.ev.Code != node.Invalid {
			t.Errorf("request %d ended with %v", s.ev.Tag, s.ev.Code)
		}
	}
	if len(got) != 5 {
		t.Errorf("%d of 5 requests have ended", len(got))
	}
}
