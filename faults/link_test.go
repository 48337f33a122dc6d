package faults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/faults"
	"github.com/container-football/pitch/node"
)

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nexpected\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestNothingLeavesBeforeTheFirstControl(t *testing.T) {
	w := wrap()
	w.send(2, "a")
	w.send(1, "own") // to another machine of the same host
	w.set(t, "")
	w.send(2, "b")
	expect(t, w.sent, "0ns: own to 1", "0ns: b to 2")
	if n := w.fired(); n != (faults.Count{Cut: 1}) {
		t.Errorf("%+v", n)
	}
}

func TestBadCommandChangesNothing(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 cut")
	if err := w.inner.Control([]byte("link 2 loss=2")); err == nil {
		t.Fatal("it was taken")
	}
	w.send(2, "a")
	w.send(3, "b")
	expect(t, w.sent, "0ns: b to 3")
}

func TestCutLetsNothingThroughAndOnlyThere(t *testing.T) {
	w := wrap()
	w.set(t, "link 0 cut\nlink 3")
	for to := node.ID(1); to <= 4; to++ {
		w.send(to, "a")
	}
	expect(t, w.sent, "0ns: a to 1", "0ns: a to 3")
	w.set(t, "")
	w.send(2, "b")
	expect(t, w.sent[2:], "0ns: b to 2")
	if n := w.fired(); n != (faults.Count{Cut: 2}) {
		t.Errorf("%+v", n)
	}
}

// Whatever is wrong with the link to itself, a host reaches itself.
func TestOwnHostIsOutOfReach(t *testing.T) {
	w := wrap()
	w.set(t, "link 0 cut loss=1\nlink 1 cut loss=1 delay=1s")
	w.send(1, "a")
	expect(t, w.sent, "0ns: a to 1")
}

func TestDelayKeepsTheOrder(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 delay=5ms")
	for i := range 4 {
		w.run(node.Time(i) * node.Millisecond)
		w.send(2, fmt.Sprint("m", i))
		w.send(2, fmt.Sprint("n", i))
	}
	w.send(3, "direct")
	w.run(node.Second)
	expect(t, w.sent, "3ms: direct to 3", "5ms: m0 to 2", "5ms: n0 to 2", "6ms: m1 to 2",
		"6ms: n1 to 2", "7ms: m2 to 2", "7ms: n2 to 2", "8ms: m3 to 2", "8ms: n3 to 2")
	if n := w.fired(); n != (faults.Count{Delayed: 8}) {
		t.Errorf("%+v", n)
	}
}

func TestReorderedMessageIsOvertaken(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 reorder=1")
	w.send(2, "late")
	w.set(t, "")
	w.run(node.Millisecond)
	w.send(2, "early")
	w.run(node.Second)
	expect(t, w.sent, "1ms: early to 2", "2ms: late to 2")
}

func TestDuplicateComesTwice(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 duplicate=1\nlink 3 duplicate=1 delay=1ms")
	w.send(2, "a")
	w.send(3, "b")
	w.run(node.Second)
	expect(t, w.sent, "0ns: a to 2", "0ns: a to 2", "1ms: b to 3", "1ms: b to 3")
}

// What does not get through has not been doubled, delayed or reordered.
func TestFaultsAreCountedWhenTheyTakeEffect(t *testing.T) {
	w := wrap()
	w.set(t, "link 2 loss=1 duplicate=1 reorder=1 delay=1s\nlink 3 cut duplicate=1 delay=1s")
	for range 10 {
		w.send(2, "a")
		w.send(3, "a")
	}
	if n := w.fired(); n != (faults.Count{Lost: 10, Cut: 10}) {
		t.Errorf("%+v", n)
	}
	w.set(t, "link 2 loss=0 duplicate=1 reorder=1 delay=1s")
	w.send(2, "b")
	want := faults.Count{Lost: 10, Cut: 10, Duplicated: 1, Delayed: 1, Reordered: 1}
	if n := w.fired(); n != want {
		t.Errorf("%+v", n)
	}
}

// fate sends n messages and returns which get through, and how often. The state is changed to
// the i-th of the texts before each part of the messages.
func fate(t *testing.T, n int, to node.ID, texts ...string) []string {
	t.Helper()
	w := wrap()
	for i := range n {
		if part := n / len(texts); i%part == 0 && i/part < len(texts) {
			w.set(t, texts[i/part])
		}
		w.send(to, fmt.Sprint(i))
	}
	w.run(w.now + 100*node.Second)
	return w.sent
}

// count is how many of the messages with numbers in [from, to) got through at least once.
func count(sent []string, from, to int) (n int) {
	for i := from; i < to; i++ {
		if slices.ContainsFunc(sent, func(s string) bool {
			return strings.Contains(s, fmt.Sprintf(": %d to ", i))
		}) {
			n++
		}
	}
	return n
}

func TestLossIsWhatWasAskedFor(t *testing.T) {
	got := count(fate(t, 2000, 2, "seed 5 start 1\nlink 2 loss=0.3"), 0, 2000)
	if got < 1330 || got > 1470 {
		t.Errorf("%d of 2000 messages got through, expected about 1400", got)
	}
}

func TestChangeOfOneFaultShiftsNoOtherDraw(t *testing.T) {
	tail := func(texts ...string) (late []string) {
		for _, s := range fate(t, 300, 2, texts...) {
			var i int
			var at string
			if _, err := fmt.Sscanf(strings.Replace(s, ": ", " ", 1), "%s %d", &at, &i); err != nil {
				t.Fatal(err)
			}
			if i >= 200 {
				late = append(late, s)
			}
		}
		return late
	}
	last := "seed 5 start 1\nlink 2 loss=0.3 duplicate=0.3"
	want := tail(last)
	if n := len(want); n < 60 || n > 140 {
		t.Fatalf("%d messages of the last 100 arrived: a poor test", n)
	}
	for _, first := range []string{"", "link 2 cut", "link 2 loss=0.9", "link 2 duplicate=0.9",
		"link 2 reorder=0.5", "link 3 loss=0.5", "link 0 loss=0.1\nlink 2"} {
		if first != "" {
			first = "seed 5 start 1\n" + first
		} else {
			first = "seed 5 start 1"
		}
		if got := tail(first, last, last); !slices.Equal(got, want) {
			t.Errorf("with %q in front, other messages are lost afterwards", first)
		}
	}
	// More loss loses more, and nothing else instead.
	some := fate(t, 300, 2, "seed 5 start 1\nlink 2 loss=0.2")
	more := fate(t, 300, 2, "seed 5 start 1\nlink 2 loss=0.4")
	for _, s := range more {
		if !slices.Contains(some, s) {
			t.Errorf("%q is lost only while less is lost", s)
		}
	}
	if len(more) >= len(some) {
		t.Error("more loss lost no more")
	}
}

func TestEachLinkStartAndSeedDrawsByItself(t *testing.T) {
	base := fate(t, 100, 2, "seed 5 start 1\nlink 0 loss=0.5")
	if again := fate(t, 100, 2, "seed 5 start 1\nlink 0 loss=0.5"); !slices.Equal(base, again) {
		t.Error("the same seed draws something else")
	}
	for _, text := range []string{"seed 5 start 2", "seed 6 start 1"} {
		if other := fate(t, 100, 2, text+"\nlink 0 loss=0.5"); slices.Equal(base, other) {
			t.Errorf("%s draws the same", text)
		}
	}
	to3 := fate(t, 100, 3, "seed 5 start 1\nlink 0 loss=0.5")
	for i := range to3 {
		to3[i] = strings.Replace(to3[i], "to 3", "to 2", 1)
	}
	if slices.Equal(base, to3) {
		t.Error("two links draw the same")
	}
}
