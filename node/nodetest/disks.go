package nodetest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/container-football/pitch/node"
)

// write is a command to write stamps, one a sector.
func write(dev node.Dev, tag node.Tag, sector int64, stamps ...uint64) command {
	return command{op: node.OpWrite, dev: dev, tag: tag, off: sector,
		content: appendU64(nil, stamps...)}
}

func appendTo(tag node.Tag, seg uint64, off int64, text string) command {
	return command{op: node.OpLogAppend, tag: tag, seg: seg, off: off, content: []byte(text)}
}

// sectorsOf reads sectors and returns their stamps.
func (u *user) sectorsOf(at node.Addr, dev node.Dev, from, n int64) []uint64 {
	u.t.Helper()
	data := u.good(at, command{op: node.OpRead, dev: dev, tag: 900, off: from, n: n})[0].Data
	return decodeStamps(data)
}

func decodeStamps(b []byte) []uint64 {
	var list []uint64
	for r := (reader{b: b}); len(r.b) > 0; {
		list = append(list, r.u64())
	}
	return list
}

// segment reads a whole segment; ok is false if there is none.
func (u *user) segment(at node.Addr, dev node.Dev, seg uint64) (data []byte, ok bool) {
	u.t.Helper()
	n := u.run(at, command{op: node.OpLogRead, dev: dev, tag: 901, seg: seg, n: 1 << 20})[0]
	if n.Code == node.Invalid {
		return nil, false
	}
	if n.Code != node.OK {
		u.t.Fatalf("segment %d: %v", seg, n.Code)
	}
	return n.Data, true
}

func (u *user) listing(at node.Addr, dev node.Dev) []node.Segment {
	u.t.Helper()
	n := u.good(at, command{op: node.OpLogList, dev: dev, tag: 902})[0]
	segs, err := node.DecodeSegments(n.Data)
	u.must(err)
	return segs
}

func (u *user) equal(what string, got, want any) {
	u.t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		u.t.Errorf("%s: %s, expected %s", what, g, w)
	}
}

func tellCompletions(u *user) {
	at := addr(1, 0)
	u.forget(at)
	var list []command
	tag := node.Tag(100)
	add := func(c command) {
		tag++
		c.tag = tag
		list = append(list, c)
	}
	for i := range int64(8) {
		dev := node.Dev(i % 2)
		seg := uint64(i/2 + 1)
		add(write(dev, 0, 10*i, 1, 2, 3))
		add(command{op: node.OpRead, dev: dev, off: 5 * i, n: 4})
		add(command{op: node.OpSync, dev: dev})
		add(command{op: node.OpZero, dev: dev, off: 100 + 10*i, n: 2})
		add(command{op: node.OpMap, dev: dev, off: 5 * i, n: 4})
		add(command{op: node.OpLogAppend, dev: dev, seg: seg, content: []byte("abc")})
		add(command{op: node.OpLogSync, dev: dev, seg: seg})
		add(command{op: node.OpLogRead, dev: dev, seg: seg, n: 3})
		add(command{op: node.OpLogList, dev: dev})
		add(command{op: node.OpLogTrunc, dev: dev, seg: seg, n: 2})
		add(command{op: node.OpRead, dev: dev, off: -1, n: 1})
		add(command{op: node.OpLogDelete, dev: dev, seg: 1 << 40})
	}
	step := u.do(at, list...)
	notes := u.take(at, len(list))
	notes = append(notes, u.rest(at)...)
	if len(notes) != len(list) {
		u.t.Errorf("%d completions of %d requests", len(notes), len(list))
	}
	open := make(map[node.Tag]command)
	for _, c := range list {
		open[c.tag] = c
	}
	for _, n := range notes {
		c, ok := open[n.Tag]
		if !ok || n.Kind != node.KindDone || n.Op != c.op || n.Dev != c.dev || n.Seg != c.seg {
			u.t.Errorf("%v %v, tag %d, device %d, segment %d; asked: %v", n.Kind, n.Op, n.Tag, n.Dev,
				n.Seg, ok)
		}
		if n.step <= step {
			u.t.Errorf("asked in step %d, ended in step %d", step, n.step)
		}
		delete(open, n.Tag)
	}
}

func tellVolume(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.equal("a new volume", u.sectorsOf(at, 0, 0, 3), []uint64{0, 0, 0})
	n := u.good(at, write(0, 1, 10, 5, 6, 7, 8))[0]
	u.equal("completion", []int64{n.Off, n.N}, []int64{10, 4})
	u.equal("unsynced", u.sectorsOf(at, 0, 9, 6), []uint64{0, 5, 6, 7, 8, 0})
	u.good(at, write(0, 1, 11, 60, 70))
	u.equal("overwritten", u.sectorsOf(at, 0, 10, 4), []uint64{5, 60, 70, 8})
	u.good(at, command{op: node.OpSync, tag: 1})
	u.good(at, write(0, 1, 13, 80, 90))
	u.equal("half synced", u.sectorsOf(at, 0, 10, 5), []uint64{5, 60, 70, 80, 90})
	u.good(at, write(0, 1, 0, 1), write(0, 2, sectors-1, 2))
	all := u.sectorsOf(at, 0, 0, sectors)
	if len(all) != sectors || all[0] != 1 || all[12] != 70 || all[sectors-1] != 2 {
		u.t.Errorf("the whole volume: %v", all)
	}
}

func tellVolumeBounds(u *user) {
	at := addr(1, 0)
	u.forget(at)
	for i, c := range []command{
		{op: node.OpRead, off: -1, n: 2},
		{op: node.OpRead, off: sectors, n: 1},
		{op: node.OpRead, off: sectors - 1, n: 2},
		{op: node.OpRead, off: 0, n: 1 << 62},
		{op: node.OpRead, off: 1 << 62, n: 1 << 62},
		{op: node.OpRead, off: 0, n: -1},
		{op: node.OpZero, off: -1, n: 2},
		{op: node.OpZero, off: sectors, n: 1},
		{op: node.OpZero, off: sectors - 1, n: 2},
		{op: node.OpZero, off: 0, n: 0},
		{op: node.OpZero, off: 1 << 62, n: 1 << 62},
		{op: node.OpMap, off: -1, n: 2},
		{op: node.OpMap, off: sectors - 1, n: 2},
		{op: node.OpMap, off: 0, n: 0},
		{op: node.OpMap, off: 1 << 62, n: 1 << 62},
		{op: node.OpResize, n: 0},
		{op: node.OpResize, n: -1},
		write(0, 0, -1, 1),
		write(0, 0, sectors, 1),
		write(0, 0, sectors-1, 1, 2),
	} {
		if n := u.run(at, c)[0]; n.Code != node.Invalid {
			u.t.Errorf("request %d, %v of %d from %d: %v", i, c.op, c.n, c.off, n.Code)
		}
	}
	u.equal("the last sector", u.sectorsOf(at, 0, sectors-1, 1), []uint64{0})
}

func tellLog(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.equal("a new log", u.listing(at, 0), []node.Segment{})
	u.good(at, appendTo(1, 7, 0, "hello "))
	u.good(at, appendTo(1, 7, 6, "wor"), appendTo(2, 7, 9, "ld"))
	read := func(off, n int64) string {
		return string(u.good(at, command{op: node.OpLogRead, tag: 3, seg: 7, off: off, n: n})[0].Data)
	}
	u.equal("all", read(0, 11), "hello world")
	u.equal("middle", read(4, 4), "o wo")
	u.equal("past the end", read(6, 100), "world")
	u.equal("at the end", read(11, 1), "")
	u.equal("far past the end", read(1<<40, 10), "")
	u.good(at, command{op: node.OpLogSync, tag: 1, seg: 7})
	u.good(at, appendTo(1, 7, 11, "!"))
	u.equal("half synced", read(0, 100), "hello world!")
	u.equal("listing", u.listing(at, 0), []node.Segment{{ID: 7, Size: 12}})
}

func tellLogRefuses(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.good(at, appendTo(1, 1, 0, "abc"))
	for i, c := range []command{
		appendTo(0, 1, 2, "x"),
		appendTo(0, 1, 4, "x"),
		appendTo(0, 1, -1, "x"),
		appendTo(0, 2, 1, "x"),
		{op: node.OpLogRead, seg: 2, n: 1},
		{op: node.OpLogRead, seg: 1, off: -1, n: 1},
		{op: node.OpLogSync, seg: 2},
		{op: node.OpLogTrunc, seg: 2},
		{op: node.OpLogTrunc, seg: 1, n: 4},
		{op: node.OpLogTrunc, seg: 1, n: -1},
		{op: node.OpLogDelete, seg: 2},
	} {
		if n := u.run(at, c)[0]; n.Code != node.Invalid {
			u.t.Errorf("request %d, %v of segment %d, %d from %d: %v", i, c.op, c.seg, c.n, c.off, n.Code)
		}
	}
	u.equal("listing", u.listing(at, 0), []node.Segment{{ID: 1, Size: 3}})
}

func tellSegments(u *user) {
	at := addr(1, 0)
	u.forget(at)
	big := ^uint64(0)
	u.good(at, appendTo(1, 30, 0, "thirty"), appendTo(2, big, 0, "big"), appendTo(3, 4, 0, "four"))
	u.equal("listing", u.listing(at, 0), []node.Segment{{ID: 4, Size: 4}, {ID: 30, Size: 6},
		{ID: big, Size: 3}})
	u.good(at, command{op: node.OpLogTrunc, tag: 1, seg: 30, n: 2})
	u.good(at, command{op: node.OpLogDelete, tag: 1, seg: 4},
		command{op: node.OpLogNote, tag: 2, seg: 4, content: []byte("what it will never hold")})
	u.equal("listing", u.listing(at, 0), []node.Segment{{ID: 30, Size: 2}, {ID: big, Size: 3}})
	u.good(at, appendTo(1, 30, 2, "is"), appendTo(2, 4, 0, "again"))
	a, _ := u.segment(at, 0, 30)
	b, _ := u.segment(at, 0, 4)
	u.equal("segments", []string{string(a), string(b)}, []string{"this", "again"})
	u.good(at, command{op: node.OpLogTrunc, tag: 1, seg: 30, n: 0})
	u.equal("listing", u.listing(at, 0), []node.Segment{{ID: 4, Size: 5}, {ID: 30, Size: 0},
		{ID: big, Size: 3}})
}

func tellDevices(u *user) {
	a, b := addr(1, 0), addr(1, 1)
	u.forget(a, b)
	u.good(a, write(0, 1, 0, 1), write(1, 2, 0, 2))
	u.good(b, write(0, 1, 0, 3))
	u.equal("volume 0", u.sectorsOf(a, 0, 0, 1), []uint64{1})
	u.equal("volume 1", u.sectorsOf(a, 1, 0, 1), []uint64{2})
	u.equal("volume of the other machine", u.sectorsOf(b, 0, 0, 1), []uint64{3})
	second := appendTo(2, 1, 0, "two")
	second.dev = 1
	u.good(a, appendTo(1, 1, 0, "one"), second)
	u.good(b, appendTo(1, 1, 0, "three"))
	x, _ := u.segment(a, 0, 1)
	y, _ := u.segment(a, 1, 1)
	z, _ := u.segment(b, 0, 1)
	u.equal("logs", fmt.Sprintf("%s %s %s", x, y, z), "one two three")
}

// settle writes sectors 0 to 9 with stamp 1, and "synced" into segment 1, durably.
func (u *user) settle(at node.Addr) {
	u.t.Helper()
	u.good(at, write(0, 1, 0, slices.Repeat([]uint64{1}, 10)...), appendTo(2, 1, 0, "synced"))
	u.good(at, command{op: node.OpSync, tag: 1}, command{op: node.OpLogSync, tag: 2, seg: 1})
}

func (u *user) restart(at node.Addr) {
	u.t.Helper()
	u.crash(at.Host)
	u.start(at.Host)
	u.forget(at)
}

func tellSynced(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.settle(at)
	for round := range 5 {
		u.restart(at)
		u.equal("sectors", u.sectorsOf(at, 0, 0, 10), slices.Repeat([]uint64{1}, 10))
		text, _ := u.segment(at, 0, 1)
		if !bytes.HasPrefix(text, []byte("synced")) {
			u.t.Errorf("round %d: the segment holds %q", round, text)
		}
		// Unsynced data beside it must not take it along.
		u.good(at, write(0, 1, 20, 2, 3, 4), appendTo(2, 1, int64(len(text)), "more"))
	}
}

func tellUnsyncedKept(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.good(at, write(0, 1, 5, 2, 3), appendTo(2, 1, 0, "ab"), appendTo(3, 1, 2, "cd"))
	u.restart(at)
	u.equal("sectors", u.sectorsOf(at, 0, 4, 4), []uint64{0, 2, 3, 0})
	text, _ := u.segment(at, 0, 1)
	u.equal("segment", string(text), "abcd")
}

func tellUnsyncedLost(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.settle(at)
	u.good(at, write(0, 1, 8, 2, 2, 2), appendTo(2, 1, 6, " not"), appendTo(3, 2, 0, "not"))
	u.equal("before", u.sectorsOf(at, 0, 7, 4), []uint64{1, 2, 2, 2})
	u.restart(at)
	u.equal("after", u.sectorsOf(at, 0, 7, 4), []uint64{1, 1, 1, 0})
	text, _ := u.segment(at, 0, 1)
	u.equal("segment 1", string(text), "synced")
	text, _ = u.segment(at, 0, 2)
	u.equal("segment 2, which may exist", string(text), "")
}

// tellUnsyncedSome looks for every kind of outcome in many small writes, and makes sure that
// nothing comes up that was not written.
func tellUnsyncedSome(u *user) {
	at := addr(1, 0)
	u.forget(at)
	const each = 4
	kept, lost, torn, logLost := 0, 0, 0, 0
	const rounds, writes, piece = 4, sectors / each, "0123456789abcdef"
	for round := range rounds {
		stamp := uint64(round + 1)
		var list []command
		for i := range int64(writes) {
			list = append(list, write(0, node.Tag(i), i*each, stamp, stamp, stamp, stamp),
				appendTo(node.Tag(i), uint64(round), i*int64(len(piece)), piece))
		}
		u.good(at, list...)
		u.restart(at)
		all := u.sectorsOf(at, 0, 0, sectors)
		for i := 0; i < sectors; i += each {
			n := 0
			for _, x := range all[i : i+each] {
				if x == stamp {
					n++
				} else if x > stamp {
					u.t.Fatalf("round %d: sector near %d holds %#x", round, i, x)
				}
			}
			switch n {
			case 0:
				lost++
			case each:
				kept++
			default:
				torn++
			}
		}
		text, _ := u.segment(at, 0, uint64(round))
		if len(text) < writes*len(piece) || bytes.IndexByte(text, 0) >= 0 {
			logLost++
		}
		for i, x := range text {
			if x != 0 && x != piece[i%len(piece)] {
				u.t.Fatalf("round %d: byte %d of the segment is %q", round, i, x)
			}
		}
	}
	if kept == 0 || lost == 0 || torn == 0 || logLost == 0 {
		u.t.Errorf("%d writes kept, %d lost, %d torn, %d of %d logs damaged: expected some of each",
			kept, lost, torn, logLost, rounds)
	}
}

func tellCovered(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.good(at, write(0, 1, 0, 1, 1), appendTo(2, 1, 0, "old"))
	// These are in flight when the sync begins.
	u.good(at, write(0, 3, 1, 2, 2), appendTo(4, 1, 3, "new"),
		command{op: node.OpSync, tag: 5}, command{op: node.OpLogSync, tag: 6, seg: 1})
	u.restart(at)
	u.equal("sectors", u.sectorsOf(at, 0, 0, 3), []uint64{1, 1, 0})
	text, _ := u.segment(at, 0, 1)
	u.equal("segment", string(text), "old")
}

func tellDurableCut(u *user) {
	at := addr(1, 0)
	u.forget(at)
	for seg := range uint64(4) {
		u.good(at, appendTo(1, seg, 0, "content"))
		u.good(at, command{op: node.OpLogSync, tag: 1, seg: seg})
	}
	u.good(at, command{op: node.OpLogTrunc, tag: 1, seg: 1, n: 3},
		command{op: node.OpLogDelete, tag: 2, seg: 2},
		command{op: node.OpLogTrunc, tag: 3, seg: 3, n: 0})
	u.good(at, appendTo(1, 1, 3, "unsynced"))
	u.restart(at)
	want := []node.Segment{{ID: 0, Size: 7}, {ID: 1, Size: 3}, {ID: 3, Size: 0}}
	u.equal("listing", u.listing(at, 0), want)
	u.good(at, appendTo(1, 1, 3, "tinue"))
	text, _ := u.segment(at, 0, 1)
	u.equal("segment", string(text), "continue")
}

func tellDump(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.settle(at)
	check := func(when string) {
		u.t.Helper()
		d, err := u.w.Dump(1, 0)
		u.must(err)
		if len(d.Volumes) != 2 || len(d.Logs) != 2 {
			u.t.Fatalf("%s: %d volumes and %d logs, expected 2 and 2", when, len(d.Volumes), len(d.Logs))
		}
		carry := len(d.Volumes[0]) / sectors
		if carry < stampSize || len(d.Volumes[0])%sectors != 0 {
			u.t.Fatalf("%s: a volume of %d bytes", when, len(d.Volumes[0]))
		}
		stamps := decodeStamps(stampsOf(d.Volumes[0], carry))
		u.equal(when+": sectors", stamps[:11], append(slices.Repeat([]uint64{1}, 10), 0))
		if f := d.Logs[0]; len(f) != 1 || f[0].ID != 1 || string(f[0].Data) != "synced" {
			u.t.Errorf("%s: log %+v", when, f)
		}
	}
	check("live")
	u.good(at, write(0, 1, 3, 9))
	u.crash(1)
	check("dead")
	u.start(1)
	check("again live")
}
