package engine

import (
	"testing"

	"github.com/container-football/pitch/node"
)

func TestClock(t *testing.T) {
	epoch, err := Monotonic()
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClock(epoch)
	if err != nil {
		t.Fatal(err)
	}
	if now := c.Now(); now < 0 || now > node.Second*30 {
		t.Errorf("%v since just now", now)
	}
	for _, test := range []struct {
		t    node.Time
		ppm  int64
		want node.Time
	}{
		{0, 100, 0},
		{node.Second, 0, node.Second},
		{node.Second, 100, node.Second + 100*node.Microsecond},
		{node.Second, -100, node.Second - 100*node.Microsecond},
		{node.Second, 1_000_000, 2 * node.Second},
		{1<<62 - 1, -999_999, 4611686018427},
		{1, 999_999, 1},
	} {
		if got := stretch(test.t, test.ppm); got < test.want-1 || got > test.want+1 {
			t.Errorf("stretch(%d, %d): %d, expected %d", test.t, test.ppm, got, test.want)
		}
	}
	for _, ppm := range []int64{-999_999, -500, 0, 1, 500, 1_000_000} {
		c := Clock{PPM: ppm}
		for _, d := range []node.Time{0, 1, 999, node.Millisecond, 20 * node.Second} {
			real := node.Time(c.wait(d))
			if got := stretch(real, ppm); got < d-1 || got > d+d/1000+3 {
				t.Errorf("%d ppm: in %v the clock advances %v, expected %v", ppm, real, got, d)
			}
		}
	}
}
