package check

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// write and read are operations of client 0 on one sector.
func write(sector, id uint64, call, ret int64) Op {
	return Op{Kind: Write, Sector: sector, ID: id, Call: call, Return: ret}
}

func read(sector, id uint64, call, ret int64) Op {
	return Op{Sector: sector, ID: id, Call: call, Return: ret}
}

func in(epoch uint64, op Op) Op {
	op.Epoch = epoch
	return op
}

func unanswered(op Op) Op {
	op.Unknown, op.Return = true, 0
	return op
}

// expect compares a verdict, and looks for a text in the result.
func expect(t *testing.T, name string, got Result, want Verdict, text string) {
	t.Helper()
	if got.Verdict != want || !strings.Contains(got.String(), text) ||
		(got.Violation != nil) != (want == Violated) {
		t.Errorf("%s: got %v\nwant %v with %q", name, got, want, text)
	}
}

func TestDurable(t *testing.T) {
	h := History{
		write(0, 1, 0, 10), write(1, 1, 0, 10), write(0, 2, 20, 30),
		unanswered(write(0, 3, 40, 0)), read(0, 2, 50, 60),
	}
	expect(t, "all there", Durable(h, []Record{{1, 0, 2, 1}, {2, 0, 1, 2}}), OK, "")
	expect(t, "more", Durable(h, []Record{{1, 0, 2, 1}, {2, 0, 1, 2}, {3, 0, 1, 3}}), OK, "")
	expect(t, "wide", Durable(h, []Record{{1, 0, 1 << 31, 1}, {2, 0, 1, 2}}), OK, "")
	expect(t, "torn", Durable(h, []Record{{1, 0, 1, 1}, {2, 0, 1, 2}}), Violated,
		"wrote #1 to sector 1")
	expect(t, "empty", Durable(h, nil), Violated, "wrote #1 to sector 0")
	h[0].Resource = "lv2"
	expect(t, "mixed", Durable(h, nil), Unknown, "several resources")
	expect(t, "only", Durable(h.Only("lv2"), []Record{{1, 0, 1, 1}}), OK, "")
}

func TestDurableAgainstMap(t *testing.T) {
	var count [3]int
	for i := range 20_000 {
		r := rand.New(rand.NewPCG(11, uint64(i)))
		h := tinyHistory(r)
		log := make([]Record, r.IntN(8))
		in := make(map[[2]uint64]bool)
		for i := range log {
			log[i] = Record{uint64(i), r.Uint64N(2), uint32(r.IntN(3)), 1 + r.Uint64N(4)}
			for s := range uint64(log[i].N) {
				in[[2]uint64{log[i].Sector + s, log[i].ID}] = true
			}
		}
		want := OK
		for _, op := range h {
			if op.Kind == Write && !op.Unknown && !in[[2]uint64{op.Sector, op.ID}] {
				want = Violated
			}
		}
		got := Durable(h, log)
		if got.Verdict != want {
			t.Fatalf("case %d: %v, want %v\n%s%v", i, got, want, listing(h), log)
		}
		count[want]++
	}
	if count[OK] < 2000 || count[Violated] < 2000 {
		t.Error(count)
	}
}

func TestDurableImage(t *testing.T) {
	h := History{write(0, 1, 0, 10), write(0, 2, 20, 30), unanswered(write(0, 3, 25, 0))}
	expect(t, "last", DurableImage(h, []uint64{2}), OK, "")
	expect(t, "unanswered", DurableImage(h, []uint64{3}), OK, "")
	expect(t, "lost", DurableImage(h, []uint64{1}), Violated,
		"sector 0 is left with #1, but the later #2 had been there")
	expect(t, "all lost", DurableImage(h, []uint64{0}), Violated, "the initial content #0")
	expect(t, "foreign", DurableImage(h, []uint64{9}), Violated, "no client wrote #9")
	expect(t, "foreign elsewhere", DurableImage(h, []uint64{2, 9}), Violated, "to sector 1")
	expect(t, "small", DurableImage(h, nil), Unknown, "the image only 0")
}

// TestDurableImageAgainstReads says the same with a last read of each sector.
func TestDurableImageAgainstReads(t *testing.T) {
	var count [3]int
	for i := range 60_000 {
		r := rand.New(rand.NewPCG(12, uint64(i)))
		h, _ := randomHistory(r, i)
		if Linearizable(h, LinOptions{}).Verdict != OK {
			continue
		}
		image := make([]uint64, 3)
		reads := slices.Clone(h)
		for s := range image {
			if op := h[r.IntN(len(h))]; op.Sector == uint64(s) && !(op.Kind == Read && op.Unknown) {
				image[s] = op.ID
			} else if n := r.IntN(len(h)); h[n].Kind == Write && h[n].Sector == uint64(s) {
				image[s] = h[n].ID
			}
			reads = append(reads, read(uint64(s), image[s], maxTime, maxTime))
		}
		got, want := DurableImage(h, image), Linearizable(reads, LinOptions{})
		if got.Verdict != want.Verdict {
			t.Fatalf("case %d: %v, want %v\n%s%v", i, got, want, listing(h), image)
		}
		if got.Verdict == Violated && len(got.Violation.Ops) > 6 {
			t.Fatal(got)
		}
		count[got.Verdict]++
	}
	if count[OK] < 1000 || count[Violated] < 1000 {
		t.Error(count)
	}
}

func TestRPO(t *testing.T) {
	// Operation 3 covers two sectors; 4 was never acknowledged.
	h := History{
		write(0, 1, 0, 10), write(1, 2, 0, 20), write(2, 3, 20, 30), write(3, 3, 20, 30),
		unanswered(write(0, 4, 30, 0)), read(0, 4, 35, 38), write(1, 5, 35, 40),
		in(2, write(2, 6, 100, 110)),
	}
	oldLog := []Record{{1, 0, 1, 1}, {2, 1, 1, 2}, {3, 2, 2, 3}, {4, 0, 1, 4}, {5, 1, 1, 5}}
	newLog := []Record{{1, 0, 1, 1}, {2, 1, 1, 2}, {3, 2, 1, 6}}
	all := RPOBounds{MaxOps: 2, MaxBytes: 3 * 512, MaxAge: 20, SectorBytes: 512, Failover: 50}

	got, rep := RPO(h, oldLog, newLog, all)
	expect(t, "within bounds", got, OK, "")
	if rep.Fork != 2 || len(rep.Lost) != 3 || rep.LostOps != 2 || rep.LostBytes != 3*512 ||
		rep.LostFor != 20 || rep.First == nil || rep.First.ID != 3 {
		t.Errorf("%+v", rep)
	}
	for _, c := range []struct {
		name   string
		change func(*RPOBounds)
		want   string
	}{
		{"ops", func(b *RPOBounds) { b.MaxOps = 1 }, "lost 2 acknowledged operations, 1 are allowed"},
		{"bytes", func(b *RPOBounds) { b.MaxBytes-- }, "lost 1536 acknowledged bytes, 1535 are"},
		{"age", func(b *RPOBounds) { b.MaxAge-- }, "threw clients back by 20 ns, 19 ns are"},
		{"no moment", func(b *RPOBounds) { b.Failover = 0 }, "threw clients back by 80 ns"},
		{"zero", func(b *RPOBounds) { *b = RPOBounds{} }, "0 are allowed"},
	} {
		b := all
		c.change(&b)
		got, _ := RPO(h, oldLog, newLog, b)
		expect(t, c.name, got, Violated, c.want)
	}
	free := RPOBounds{MaxOps: -1, MaxBytes: -1, MaxAge: -1}
	got, _ = RPO(h, oldLog, newLog, free)
	expect(t, "no bounds", got, OK, "")
	got, rep = RPO(h[:7], oldLog, oldLog, RPOBounds{})
	expect(t, "nothing lost", got, OK, "")
	if rep.LostFor != 0 || rep.First != nil || rep.LostOps != 0 || rep.Fork != 5 {
		t.Errorf("%+v", rep)
	}
	got, _ = RPO(h, oldLog[:4], newLog, free)
	expect(t, "never logged", got, Violated, "the acknowledged #5 is in neither log")
	gap := append(slices.Clone(newLog), Record{4, 1, 1, 5})
	got, _ = RPO(h, oldLog, gap, free)
	expect(t, "gap", got, Violated, "#5 was kept although it is behind the fork")
	part := append(slices.Clone(newLog), Record{4, 3, 1, 3})
	got, _ = RPO(h, oldLog, part, free)
	expect(t, "half of a record", got, Violated, "#3 was kept")
	same := append(slices.Clone(newLog), Record{4, 4, 1, 3}, Record{5, 1, 1, 3})
	got, _ = RPO(h, oldLog, same, free)
	expect(t, "the same id on the sectors beside", got, OK, "")
}

// TestRPOAgainstSimulation lets a primary die at random and counts the loss by hand.
func TestRPOAgainstSimulation(t *testing.T) {
	for i := range 5_000 {
		r := rand.New(rand.NewPCG(13, uint64(i)))
		var h History
		var log []Record
		for n := range 1 + r.IntN(20) {
			sector, id, at := r.Uint64N(8), uint64(n+1), int64(10*n)
			rec := Record{uint64(n), sector, uint32(1 + r.IntN(3)), id}
			log = append(log, rec)
			for s := range uint64(rec.N) {
				op := write(sector+s, id, at, at+5)
				if r.IntN(4) == 0 {
					op = unanswered(op)
				}
				h = append(h, op)
			}
		}
		fork := r.IntN(len(log) + 1)
		newLog := append(slices.Clone(log[:fork]), Record{77, 0, 1, 1000})
		h = append(h, in(2, write(0, 1000, 1000, 1001)))
		ids, sectors, first := make(map[uint64]bool), int64(0), int64(maxTime)
		for _, op := range h {
			if op.Kind == Write && !op.Unknown && op.ID > uint64(fork) && op.ID < 1000 {
				ids[op.ID] = true
				sectors++
				first = min(first, op.Return)
			}
		}
		b := RPOBounds{MaxOps: len(ids), MaxBytes: 4096 * sectors, MaxAge: 500, Failover: 500}
		got, rep := RPO(h, log, newLog, b)
		if got.Verdict != OK || rep.LostOps != len(ids) || rep.LostBytes != 4096*sectors ||
			len(ids) > 0 && rep.LostFor != time.Duration(500-first) || rep.Fork != fork {
			t.Fatalf("case %d: %v, %+v, want %d lost", i, got, rep, len(ids))
		}
		if len(ids) > 0 {
			b.MaxOps--
			if got, _ := RPO(h, log, newLog, b); got.Verdict != Violated {
				t.Fatalf("case %d: %v", i, got)
			}
		}
	}
}

// acrossHistory is a forced failover: #1 survives, #2 is lost after it was read.
var (
	acrossHistory = History{
		in(1, write(0, 1, 0, 10)), in(1, write(0, 2, 20, 30)), in(1, read(0, 2, 40, 50)),
		in(2, read(0, 1, 100, 110)), in(2, write(0, 3, 120, 130)), in(2, read(0, 3, 140, 150)),
	}
	acrossFailover = Failover{
		OldLog:   []Record{{1, 0, 1, 1}, {2, 0, 1, 2}},
		NewLog:   []Record{{1, 0, 1, 1}, {2, 0, 1, 3}},
		OldEpoch: 1,
	}
)

func TestLinearizableAcross(t *testing.T) {
	h, f := acrossHistory, acrossFailover
	expect(t, "as a whole", Linearizable(h, LinOptions{}), Violated, "#1 is stale")
	expect(t, "across", LinearizableAcross(h, f, LinOptions{}), OK, "")
	old, surviving := Branches(h, f)
	if !slices.Equal(old, h[:3]) || len(surviving) != 4 || surviving[1] != h[3] {
		t.Error(old, surviving)
	}
	back := append(slices.Clone(h), in(2, read(0, 2, 200, 210)))
	expect(t, "back", LinearizableAcross(back, f, LinOptions{}), Violated, "the lost #2 came back")
	bad := append(slices.Clone(h), in(1, read(0, 1, 60, 70)))
	expect(t, "old branch", LinearizableAcross(bad, f, LinOptions{}), Violated, "(old branch)")
	late := append(slices.Clone(h), in(1, read(0, 1, 160, 170)))
	expect(t, "still serving", LinearizableAcross(late, f, LinOptions{}), Violated,
		"(surviving branch)")
	twice := append(slices.Clone(h), in(1, write(0, 2, 0, 1)))
	expect(t, "not unique", LinearizableAcross(twice, f, LinOptions{}), Unknown, "old branch: ")
	// Client 0 last spoke to the new primary, but it was the old one that wrote #4.
	moved := append(slices.Clone(h), in(2, unanswered(write(0, 4, 35, 0))), in(1, read(0, 4, 60, 70)))
	moves := f
	moves.OldLog = append(slices.Clone(f.OldLog), Record{3, 0, 1, 4})
	expect(t, "unanswered", LinearizableAcross(moved, moves, LinOptions{}), OK, "")
	mixed := slices.Clone(h)
	mixed[0].Resource = "lv2"
	expect(t, "mixed", LinearizableAcross(mixed, f, LinOptions{}), Unknown, "resources")
	kept := f
	kept.OldLog = append(slices.Clone(f.OldLog), Record{3, 0, 1, 1})
	expect(t, "sent twice", LinearizableAcross(h, kept, LinOptions{}), OK, "")
}

// TestLinearizableAcrossSimulation lets a primary die at random, and another one go on from a
// prefix of its log. That is in order; a read of something lost is not.
func TestLinearizableAcrossSimulation(t *testing.T) {
	returned := 0
	for i := range 10_000 {
		r := rand.New(rand.NewPCG(17, uint64(i)))
		f := Failover{OldEpoch: 1}
		var h History
		n, dies := 5+r.IntN(30), r.IntN(20)
		held := make([]uint64, 3)
		for k := range n {
			if k == dies {
				fork := r.IntN(len(f.OldLog) + 1)
				f.NewLog = slices.Clone(f.OldLog[:fork])
				held = after(f.OldLog, 3, fork)
			}
			at := int64(20 + 10*k) // when it takes effect
			op := in(1, read(r.Uint64N(3), 0, at-r.Int64N(20), at+r.Int64N(20)))
			if k >= dies {
				op.Epoch = 2
			}
			op.ID = held[op.Sector]
			if r.IntN(2) == 0 {
				op.Kind, op.ID = Write, uint64(k+1)
				held[op.Sector] = op.ID
				log := &f.OldLog
				if k >= dies {
					log = &f.NewLog
				}
				*log = append(*log, Record{uint64(k), op.Sector, 1, op.ID})
				if r.IntN(5) == 0 {
					op = unanswered(op)
				}
			}
			h = append(h, op)
		}
		if n <= dies {
			f.NewLog = slices.Clone(f.OldLog)
		}
		if got := LinearizableAcross(h, f, LinOptions{}); got.Verdict != OK {
			t.Fatalf("case %d: %v\n%s%+v", i, got, listing(h), f)
		}
		for k, lost := range f.lost(h) {
			if lost {
				back := append(h, in(2, read(h[k].Sector, h[k].ID, 900, 910)))
				expect(t, "back", LinearizableAcross(back, f, LinOptions{}), Violated, "came back")
				returned++
				break
			}
		}
	}
	if returned < 1000 {
		t.Error("only", returned)
	}
}
