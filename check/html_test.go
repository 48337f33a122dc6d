package check

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestWriteHTML(t *testing.T) {
	h := History{
		write(7, 101, 0, 10), write(7, 102, 20, 30), read(7, 101, 40, 50),
		write(8, 103, 0, 10), unanswered(read(7, 104, 0, 0)), unanswered(write(7, 105, 5, 0)),
	}
	var b bytes.Buffer
	r := Linearizable(h, LinOptions{})
	if err := WriteHTML(&b, h, r.Violation); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"write #101": true, "write #102": true, "read #101": true, "write #105 ?": true,
		"#103": false, "#104": false,
	} {
		if strings.Contains(b.String(), text) != want {
			t.Errorf("%q is on the page: %v, want %v", text, !want, want)
		}
	}
	for _, v := range []*Violation{nil, {}} {
		if err := WriteHTML(&b, h, v); !errors.Is(err, ErrNoRegister) {
			t.Error(err)
		}
	}
	if err := WriteHTML(failing{}, h, r.Violation); err == nil || errors.Is(err, ErrNoRegister) {
		t.Error(err)
	}
}

// TestNearest draws what is left of long histories: few operations, which are as wrong as all.
func TestNearest(t *testing.T) {
	drawn := 0
	for i := range 300 {
		r := rand.New(rand.NewPCG(16, uint64(i)))
		h := closedLoop(r, loop{clients: 4, ops: 1500, sectors: 2, unknown: 0.01, idStep: 1})
		corrupt(r, h)
		got := Linearizable(h, LinOptions{})
		if got.Verdict != Violated {
			continue
		}
		var ops []int32
		for n := range h {
			if h[n].Sector == got.Violation.Ops[0].Sector && !(h[n].Kind == Read && h[n].Unknown) {
				ops = append(ops, int32(n))
			}
		}
		var part History
		for _, n := range nearest(h, ops, got.Violation) {
			part = append(part, h[n])
		}
		if len(part) > 2*maxDrawn {
			t.Errorf("%d operations", len(part))
		}
		for _, op := range got.Violation.Ops {
			if !slices.Contains(part, op) {
				t.Errorf("%v is missing", op)
			}
		}
		if r := Linearizable(part, LinOptions{}); r.Verdict != Violated {
			t.Error(r)
		}
		drawn++
	}
	if drawn < 50 {
		t.Error("only", drawn)
	}
}
