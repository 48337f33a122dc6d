package sim

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// modelWrite is one write as a dumb model knows it. Its sectors hold id*64, id*64+1, …, or zeros
// if the id is zero.
type modelWrite struct {
	id            uint64
	first, n      int64
	tag           node.Tag
	done, durable bool
}

func (w *modelWrite) holds(sector int64) (uint64, bool) {
	in := sector >= w.first && sector < w.first+w.n
	if w.id == 0 {
		return 0, in
	}
	return w.id*64 + uint64(sector-w.first), in
}

// volumeModel is what a volume may hold: the content at the last crash and all writes since, in
// the order in which they were asked for.
type volumeModel struct {
	base   []uint64
	writes []modelWrite
	syncs  map[node.Tag][]int // the writes that a sync covers
}

// now is what a read sees.
func (m *volumeModel) now(sector int64) uint64 {
	for i := len(m.writes) - 1; i >= 0; i-- {
		if v, ok := m.writes[i].holds(sector); ok {
			return v
		}
	}
	return m.base[sector]
}

// kept is what is certain to survive: the latest durable content.
func (m *volumeModel) kept(sector int64) (value uint64, from int) {
	for i := len(m.writes) - 1; i >= 0; i-- {
		if v, ok := m.writes[i].holds(sector); ok && m.writes[i].durable {
			return v, i
		}
	}
	return m.base[sector], -1
}

// mayHold says whether a sector may hold a value after a crash: the latest durable content, or
// that of a later write.
func (m *volumeModel) mayHold(sector int64, value uint64) bool {
	v, from := m.kept(sector)
	for _, w := range m.writes[from+1:] {
		if other, ok := w.holds(sector); ok && other == value {
			return true
		}
	}
	return v == value
}

func (m *volumeModel) completed(ev *node.Event) {
	for i := range m.writes {
		if (ev.Op == node.OpWrite || ev.Op == node.OpZero) && m.writes[i].tag == ev.Tag {
			m.writes[i].done = true
		}
	}
	if ev.Op == node.OpSync {
		for _, i := range m.syncs[ev.Tag] {
			m.writes[i].durable = true
		}
		delete(m.syncs, ev.Tag)
	}
}

// TestVolumeAgainstAModel writes, zeroes, reads, maps, syncs and crashes at random. The sectors lie
// on both sides of a page's end.
func TestVolumeAgainstAModel(t *testing.T) {
	const sectors = pageSectors + 40
	cfg := Config{Hosts: 1, BootTime: 1, Disk: Disk{Write: Latency{10, 2000}, Read: Latency{10, 50},
		Sync: Latency{100, 1000}, Bandwidth: 1 << 40}}
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: sectors, SectorSize: 512, Carry: 8}}}
	torn, late := 0, 0
	for seed := range seeds(t) {
		random := node.NewStream(seed, "volume")
		cfg.Seed = seed
		r := newRig(t, cfg, spec)
		m := &volumeModel{base: make([]uint64, sectors), syncs: map[node.Tag][]int{}}
		tag, id := node.Tag(0), uint64(0)
		for range 300 {
			tag++
			switch first := int64(pageSectors - 16 + random.Below(32)); random.Below(10) {
			case 0, 1, 2, 3:
				id++
				w := modelWrite{id: id, first: first, n: int64(1 + random.Below(20)), tag: tag}
				var data []byte
				for i := range w.n {
					v, _ := w.holds(first + i)
					data = append(data, numbered(v)...)
				}
				m.writes = append(m.writes, w)
				r.on(1, func(out *node.Effects) { out.Write(0, tag, first, data) })
			case 4:
				var covered []int
				for i := range m.writes {
					if m.writes[i].done {
						covered = append(covered, i)
					}
				}
				m.syncs[tag] = covered
				r.on(1, func(out *node.Effects) { out.Sync(0, tag) })
			case 5:
				r.on(1, func(out *node.Effects) { out.Read(0, tag, first, 10) })
				r.run(node.Time(random.Below(100)))
			case 6:
				r.run(node.Time(random.Below(3000)))
			case 7:
				if random.Chance(0.8) {
					break
				}
				mode := []node.Unsynced{node.LoseSome, node.LoseAll, node.Keep}[random.Below(3)]
				t1, l1 := m.crash(t, r, seed, mode)
				torn, late = torn+t1, late+l1
			case 8:
				w := modelWrite{first: first, n: int64(1 + random.Below(20)), tag: tag}
				if random.Chance(0.3) {
					w.first, w.n = 0, sectors-int64(random.Below(30)) // whole pages
				}
				m.writes = append(m.writes, w)
				r.on(1, func(out *node.Effects) { out.Zero(0, tag, w.first, w.n) })
			case 9:
				r.on(1, func(out *node.Effects) { out.Map(0, tag, first, 10) })
				r.run(node.Time(random.Below(100)))
			}
			m.observe(t, r.take(1), seed)
		}
		m.crash(t, r, seed, node.LoseSome)
	}
	if torn == 0 || late == 0 {
		t.Errorf("%d sectors lost a write and %d kept one that was not synced: the test shows nothing",
			torn, late)
	}
}

// observe takes completions into account. No write was asked for since they came.
func (m *volumeModel) observe(t *testing.T, list []seen, seed uint64) {
	t.Helper()
	for _, s := range list {
		if s.ev.Code != node.OK {
			t.Fatalf("seed %d: %v ended with %v", seed, s.ev.Op, s.ev.Code)
		}
		m.completed(&s.ev)
		if s.ev.Op == node.OpMap {
			m.mapped(t, &s.ev, seed)
		}
		for i := 0; s.ev.Op == node.OpRead && i < int(s.ev.N); i++ {
			sector := s.ev.Off + int64(i)
			if v := number(s.ev.Data[8*i:]); v != m.now(sector) {
				t.Fatalf("seed %d: sector %d reads as %d, expected %d", seed, sector, v, m.now(sector))
			}
		}
	}
}

// mapped holds the answer to a Map against the model: the simulator knows every sector.
func (m *volumeModel) mapped(t *testing.T, ev *node.Event, seed uint64) {
	t.Helper()
	runs, err := node.DecodeRuns(ev.Data)
	if err != nil {
		t.Fatal(err)
	}
	for s := ev.Off; s < ev.Off+ev.N; s++ {
		in := slices.ContainsFunc(runs, func(r node.Run) bool { return s >= r.First && s < r.First+r.N })
		if in != (m.now(s) != 0) {
			t.Fatalf("seed %d: sector %d holds %d, but the map says %v", seed, s, m.now(s), runs)
		}
	}
	for i := range runs[:max(0, len(runs)-1)] {
		if runs[i].First+runs[i].N == runs[i+1].First {
			t.Fatalf("seed %d: two runs that touch: %v", seed, runs)
		}
	}
}

// crash holds what a crash has left against the model, and counts the sectors that have lost
// something and those that have kept what was not synced.
func (m *volumeModel) crash(t *testing.T, r *rig, seed uint64,
	mode node.Unsynced) (lost, late int) {
	t.Helper()
	m.observe(t, r.take(1), seed)
	r.crash(1, mode)
	got := r.dump(1).Volumes[0]
	for s := range m.base {
		sector := int64(s)
		v := number(got[8*s:])
		kept, _ := m.kept(sector)
		switch {
		case mode == node.LoseAll && v != kept:
			t.Fatalf("seed %d: sector %d holds %d, but %d is the latest that was synced", seed,
				sector, v, kept)
		case mode == node.Keep && v != m.now(sector):
			t.Fatalf("seed %d: sector %d holds %d, but %d was written", seed, sector, v, m.now(sector))
		case !m.mayHold(sector, v):
			t.Fatalf("seed %d: sector %d holds %d, which is neither %d, the latest that was synced, "+
				"nor was it written later", seed, sector, v, kept)
		}
		if v != m.now(sector) {
			lost++
		}
		if v != kept {
			late++
		}
		m.base[s] = v
	}
	m.writes, m.syncs = nil, map[node.Tag][]int{}
	return lost, late
}

// TestASyncCoversOnlyWritesThatHaveCompleted is the law in one example: a write that is still
// under way when the sync begins is lost, though it completes before the sync does.
func TestASyncCoversOnlyWritesThatHaveCompleted(t *testing.T) {
	cfg := Config{Hosts: 1, Disk: Disk{Write: Latency{Base: 100}, Sync: Latency{Base: 1000}}}
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: 8, SectorSize: 512, Carry: 8}}}
	r := newRig(t, cfg, spec)
	r.on(1, func(out *node.Effects) { out.Write(0, 1, 0, numbered(1)) })
	r.run(10 * node.Microsecond)
	r.on(1, func(out *node.Effects) {
		out.Write(0, 2, 1, numbered(2))
		out.Sync(0, 3)
	})
	r.run(node.Millisecond)
	if n := len(r.take(1)); n != 3 {
		t.Fatalf("%d of 3 requests have completed", n)
	}
	r.crash(1, node.LoseAll)
	v := r.dump(1).Volumes[0]
	if a, b := number(v), number(v[8:]); a != 1 || b != 0 {
		t.Errorf("the sectors hold %d and %d, expected 1 and 0", a, b)
	}
}

func TestRequestsBeyondTheVolumeAreInvalid(t *testing.T) {
	spec := node.Spec{Volumes: []node.Geometry{{Sectors: 8, SectorSize: 512, Carry: 8}}}
	r := newRig(t, Config{Hosts: 1}, spec)
	r.on(1, func(out *node.Effects) {
		out.Read(0, 1, 8, 1)
		out.Read(0, 2, -1, 1)
		out.Read(0, 3, 0, 0)
		out.Read(0, 4, 1, 1<<62)
		out.Write(0, 5, 7, make([]byte, 16))
		out.Write(0, 6, 0, make([]byte, 7))
		out.Write(0, 7, 0, nil)
		out.Zero(0, 8, 7, 2)
		out.Zero(0, 9, 0, 0)
		out.Map(0, 10, 8, 1)
		out.Resize(0, 11, 0)
	})
	r.run(node.Second)
	got := r.take(1)
	for _, s := range got {
		if s.ev.Code != node.Invalid {
			t.Errorf("request %d ended with %v", s.ev.Tag, s.ev.Code)
		}
	}
	if len(got) != 11 {
		t.Errorf("%d of 11 requests have ended", len(got))
	}
}
