package nodetest

import (
	"slices"

	"github.com/container-football/pitch/node"
)

func zero(tag node.Tag, sector, n int64) command {
	return command{op: node.OpZero, tag: tag, off: sector, n: n}
}

func resize(n int64) command { return command{op: node.OpResize, tag: 903, n: n} }

func (u *user) sync(at node.Addr) {
	u.t.Helper()
	u.good(at, command{op: node.OpSync, tag: 904})
}

// fill is a run of n equal stamps.
func fill(stamp uint64, n int) []uint64 { return slices.Repeat([]uint64{stamp}, n) }

func tellZero(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.good(at, write(0, 1, 10, fill(5, 20)...))
	n := u.good(at, zero(1, 12, 3))[0]
	u.equal("completion", []int64{n.Off, n.N}, []int64{12, 3})
	want := append([]uint64{5, 5, 0, 0, 0}, fill(5, 15)...)
	u.equal("before a sync", u.sectorsOf(at, 0, 10, 20), want)
	u.sync(at)
	u.equal("after a sync", u.sectorsOf(at, 0, 10, 20), want)
	u.good(at, write(0, 1, 13, 6))
	u.equal("written again", u.sectorsOf(at, 0, 11, 5), []uint64{5, 0, 6, 0, 5})
	u.good(at, zero(1, 200, 10), zero(2, sectors-1, 1)) // nothing was ever written there
	u.equal("never written", u.sectorsOf(at, 0, 199, 12), fill(0, 12))
	u.good(at, write(1, 1, 20, 9))
	u.good(at, zero(1, 0, sectors))
	u.equal("all", u.sectorsOf(at, 0, 0, sectors), fill(0, sectors))
	u.equal("the other volume", u.sectorsOf(at, 1, 20, 1), []uint64{9})
}

// tellZeroKept zeroes parts of what was written before, all without a sync.
func tellZeroKept(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.settle(at)
	u.good(at, write(0, 1, 8, 2, 2, 2, 2))
	u.good(at, zero(1, 2, 3), zero(2, 9, 2))
	u.restart(at)
	u.equal("sectors", u.sectorsOf(at, 0, 0, 13), []uint64{1, 1, 0, 0, 0, 1, 1, 1, 2, 0, 0, 2, 0})
}

// tellZeroLost shows that only a sync makes zeros durable, and only those that had ended.
func tellZeroLost(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.settle(at)
	u.good(at, zero(1, 2, 3), write(0, 2, 20, 7))
	u.equal("before", u.sectorsOf(at, 0, 1, 5), []uint64{1, 0, 0, 0, 1})
	u.restart(at)
	u.equal("lost", u.sectorsOf(at, 0, 1, 5), fill(1, 5))
	u.good(at, zero(1, 0, 4))
	u.sync(at)
	// A zero over a zero that is durable, and a write over it, are lost without it.
	u.good(at, zero(1, 2, 6), write(0, 2, 0, 9))
	u.restart(at)
	u.equal("synced", u.sectorsOf(at, 0, 0, 10), append(fill(0, 4), fill(1, 6)...))
	u.good(at, zero(1, 4, 1), command{op: node.OpSync, tag: 2}) // in flight when the sync begins
	u.good(at, zero(1, 0, sectors))
	u.restart(at)
	got := u.sectorsOf(at, 0, 5, 5)
	u.equal("not covered", got, fill(1, 5))
	u.good(at, zero(1, 0, sectors))
	u.sync(at)
	u.restart(at)
	u.equal("the whole volume", u.sectorsOf(at, 0, 0, sectors), fill(0, sectors))
}

// tellZeroSome looks for zeros that survive and zeros that are lost, and makes sure that nothing
// else comes up.
func tellZeroSome(u *user) {
	at := addr(1, 0)
	u.forget(at)
	const each, rounds = 4, 4
	kept, lost := 0, 0
	for round := range rounds {
		stamp := uint64(round + 1)
		u.good(at, write(0, 1, 0, fill(stamp, sectors)...))
		u.sync(at)
		var list []command
		for i := range int64(sectors / each) {
			list = append(list, zero(node.Tag(i), i*each, each))
		}
		u.good(at, list...)
		u.restart(at)
		for i, x := range u.sectorsOf(at, 0, 0, sectors) {
			switch x {
			case 0:
				kept++
			case stamp:
				lost++
			default:
				u.t.Fatalf("round %d: sector %d holds %#x", round, i, x)
			}
		}
	}
	if kept == 0 || lost == 0 {
		u.t.Errorf("%d zeroed sectors survived, %d were lost: expected some of each", kept, lost)
	}
}

// runsOf asks for the map of a range and checks its form.
func (u *user) runsOf(at node.Addr, from, n int64) []node.Run {
	u.t.Helper()
	note := u.good(at, command{op: node.OpMap, tag: 905, off: from, n: n})[0]
	u.equal("range of the answer", []int64{note.Off, note.N}, []int64{from, n})
	runs, err := node.DecodeRuns(note.Data)
	u.must(err)
	for _, r := range runs {
		if r.First < from || r.First+r.N > from+n {
			u.t.Errorf("the map of %d sectors from %d has a run of %d from %d", n, from, r.N, r.First)
		}
	}
	return runs
}

func covers(runs []node.Run, sector int64) bool {
	return slices.ContainsFunc(runs, func(r node.Run) bool {
		return sector >= r.First && sector < r.First+r.N
	})
}

// mapIs checks that data is told where there is some, and nothing where there is none. Around data
// a map may be coarse.
func (u *user) mapIs(at node.Addr, when string, data, empty []node.Run) {
	u.t.Helper()
	runs := u.runsOf(at, 0, sectors)
	for _, part := range []struct {
		list []node.Run
		want bool
	}{{data, true}, {empty, false}} {
		for _, r := range part.list {
			for s := r.First; s < r.First+r.N; s++ {
				if covers(runs, s) != part.want {
					u.t.Fatalf("%s: sector %d holds data: %v, but the map says %v", when, s, part.want, runs)
				}
			}
		}
	}
}

func tellMap(u *user) {
	at := addr(1, 0)
	u.forget(at)
	u.equal("a new volume", u.runsOf(at, 0, sectors), []node.Run{})
	u.good(at, write(0, 1, 100, fill(3, 100)...), write(0, 2, 4, 1))
	data := []node.Run{{First: 4, N: 1}, {First: 100, N: 100}}
	u.mapIs(at, "written", data, nil)
	u.sync(at)
	u.mapIs(at, "synced", data, []node.Run{{First: 32, N: 50}, {First: 220, N: 36}})
	inside := u.runsOf(at, 120, 10)
	u.equal("a part", inside, []node.Run{{First: 120, N: 10}})
	u.good(at, zero(1, 120, 60))
	left := []node.Run{{First: 4, N: 1}, {First: 100, N: 20}, {First: 180, N: 20}}
	u.mapIs(at, "zeroed", left, nil)
	u.sync(at)
	u.mapIs(at, "zeroed and synced", left, []node.Run{{First: 140, N: 20}, {First: 220, N: 36}})
	u.good(at, write(0, 1, 150, 8))
	left = append(left, node.Run{First: 150, N: 1})
	u.mapIs(at, "written again", left, nil)
	u.sync(at)
	u.restart(at)
	u.mapIs(at, "restarted", left, []node.Run{{First: 32, N: 50}, {First: 220, N: 36}})
}

func tellResize(u *user) {
	at := addr(1, 0)
	u.forget(at)
	const more = sectors + 100
	beyond := command{op: node.OpRead, tag: 1, off: sectors, n: 1}
	u.settle(at)
	u.equal("beyond", u.run(at, beyond)[0].Code, node.Invalid)
	u.equal("completion", u.good(at, resize(more))[0].N, int64(more))
	u.equal("new sectors", u.sectorsOf(at, 0, sectors-1, 101), fill(0, 101))
	u.equal("beyond the new end", u.run(at, command{op: node.OpRead, tag: 1, off: more, n: 1})[0].Code,
		node.Invalid)
	u.restart(at) // without a sync: a change of size is durable by itself
	u.good(at, write(0, 1, more-2, 6, 7))
	u.equal("the last sectors", u.sectorsOf(at, 0, more-3, 3), []uint64{0, 6, 7})
	u.sync(at)
	u.restart(at)
	u.equal("synced", u.sectorsOf(at, 0, more-2, 2), []uint64{6, 7})
	d, err := u.w.Dump(1, 0)
	u.must(err)
	u.equal("dumps", len(d.Volumes[0])*sectors, len(d.Volumes[1])*more)
	u.equal("the other volume", u.run(at, command{op: node.OpRead, dev: 1, tag: 1, off: sectors,
		n: 1})[0].Code, node.Invalid)
	u.good(at, resize(more)) // as it is
	u.equal("same size", u.sectorsOf(at, 0, more-2, 2), []uint64{6, 7})
	u.good(at, resize(5))
	u.equal("cut off", u.run(at, command{op: node.OpRead, tag: 1, off: 5, n: 1})[0].Code, node.Invalid)
	u.good(at, resize(more))
	u.equal("dropped", u.sectorsOf(at, 0, 0, more), append(fill(1, 5), fill(0, more-5)...))
	u.restart(at)
	u.equal("dropped for good", u.sectorsOf(at, 0, 0, more), append(fill(1, 5), fill(0, more-5)...))
}
