package sim

import (
	"maps"
	"slices"
	"testing"

	"github.com/container-football/pitch/node"
)

// TestTimersAgainstATable moves timers to later and earlier times, cancels them and lets them
// fire, and holds what happens against a table of when each is due.
func TestTimersAgainstATable(t *testing.T) {
	for seed := range seeds(t) {
		random := node.NewStream(seed, "timers")
		r := newRig(t, Config{Hosts: 1}, node.Spec{})
		due := map[node.Tag]node.Time{}
		for range 200 {
			now := r.Now()
			r.on(1, func(out *node.Effects) {
				for range 1 + random.Below(3) {
					tag := node.Tag(random.Below(6))
					if random.Chance(0.25) {
						out.CancelTimer(tag)
						delete(due, tag)
						continue
					}
					after := node.Time(random.Below(100)) - 5
					out.SetTimer(tag, after)
					due[tag] = now + max(after, 0)
				}
			})
			end := now + node.Time(random.Below(60))
			r.run(end - now)
			for _, s := range r.take(1) {
				if at, ok := due[s.ev.Tag]; !ok || at != s.at {
					t.Fatalf("seed %d: timer %d fired at %d; set are %v", seed, s.ev.Tag, s.at, due)
				}
				delete(due, s.ev.Tag)
			}
			for tag, at := range due {
				if at <= end {
					t.Fatalf("seed %d: timer %d was due at %d, but has not fired by %d", seed, tag,
						at, end)
				}
			}
		}
	}
}

func TestRearmingATimerMakesNoNewEntries(t *testing.T) {
	r := newRig(t, Config{Hosts: 1}, node.Spec{})
	r.on(1, func(out *node.Effects) { out.SetTimer(1, node.Millisecond) })
	before := r.queue.Len()
	for range 1000 {
		r.run(node.Microsecond / 2)
		r.on(1, func(out *node.Effects) { out.SetTimer(1, node.Millisecond) })
	}
	if n := r.queue.Len(); n != before {
		t.Errorf("there were %d entries, and after a thousand moves there are %d", before, n)
	}
	last := r.Now()
	r.run(node.Second)
	if got := r.take(1); len(got) != 1 || got[0].at != last+node.Millisecond {
		t.Errorf("it fired %d times: %+v", len(got), got)
	}
}

func TestTagsThatAreNeverUsedAgainTakeNoSpace(t *testing.T) {
	r := newRig(t, Config{Hosts: 1}, node.Spec{})
	for tag := range node.Tag(1000) {
		r.on(1, func(out *node.Effects) {
			out.SetTimer(tag, 10)
			out.SetTimer(tag+1<<32, 20)
			out.CancelTimer(tag + 1<<32)
		})
		r.run(100)
	}
	if n := len(r.take(1)); n != 1000 {
		t.Errorf("%d of 1000 timers fired", n)
	}
	if n := len(r.hosts[0].timers); n > 4 {
		t.Errorf("%d places are kept for two timers at a time", n)
	}
}

func TestTimersOfAnEarlierLifeDoNotFire(t *testing.T) {
	r := newRig(t, Config{Hosts: 1, BootTime: 10}, node.Spec{})
	r.on(1, func(out *node.Effects) {
		for tag := range node.Tag(5) {
			out.SetTimer(tag, 1000)
		}
	})
	r.crash(1, node.Keep)
	r.on(1, func(out *node.Effects) { out.SetTimer(3, 5000) })
	set := r.Now()
	r.run(node.Second)
	got := map[node.Tag]node.Time{}
	for _, s := range r.take(1) {
		got[s.ev.Tag] = s.at - set
	}
	if want := map[node.Tag]node.Time{3: 5000}; !maps.Equal(got, want) {
		t.Errorf("fired %v, expected %v (tags %v)", got, want, slices.Sorted(maps.Keys(got)))
	}
}
