package engine

import (
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// TestTimers compares the heap with a list that is searched.
func TestTimers(t *testing.T) {
	type entry struct {
		key timerKey
		at  node.Time
		seq int
	}
	random := node.NewStream(7, "timers")
	var heap timers
	var list []entry
	remove := func(key timerKey) {
		list = slices.DeleteFunc(list, func(e entry) bool { return e.key == key })
	}
	now := node.Time(0)
	for i := range 20_000 {
		key := timerKey{uint32(random.Below(3)), node.Tag(random.Below(20))}
		switch random.Below(4) {
		case 0, 1:
			at := now + node.Time(random.Below(50))
			heap.arm(key, at)
			remove(key)
			list = append(list, entry{key, at, i})
		case 2:
			heap.cancel(key)
			remove(key)
		case 3:
			now += node.Time(random.Below(10))
			slices.SortFunc(list, func(a, b entry) int {
				if a.at != b.at {
					return int(a.at - b.at)
				}
				return a.seq - b.seq
			})
			for {
				if at, ok := heap.next(); ok != (len(list) > 0) || ok && at != list[0].at {
					t.Fatalf("step %d: next is %v, %v; expected %+v", i, at, ok, list)
				}
				key, ok := heap.pop(now)
				if due := len(list) > 0 && list[0].at <= now; ok != due || ok && key != list[0].key {
					t.Fatalf("step %d: %v fires at %v: %v; expected %+v", i, key, now, ok, list)
				}
				if !ok {
					break
				}
				list = list[1:]
			}
		}
	}
}

func TestTimersDoNotAllocate(t *testing.T) {
	var x timers
	work := func() {
		for i := range node.Tag(10) {
			x.arm(timerKey{0, i}, node.Time(i))
			x.arm(timerKey{0, i}, node.Time(2*i))
		}
		x.cancel(timerKey{0, 3})
		for {
			if _, ok := x.pop(100); !ok {
				return
			}
		}
	}
	work()
	if n := testing.AllocsPerRun(100, work); n > 0 {
		t.Errorf("timers allocate %v times", n)
	}
}
