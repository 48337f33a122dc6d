package check

import (
	"encoding/json"
	"math"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct{ a, b, want Verdict }{
		{OK, OK, OK}, {OK, Unknown, Unknown}, {Unknown, OK, Unknown}, {Unknown, Unknown, Unknown},
		{Violated, OK, Violated}, {OK, Violated, Violated}, {Unknown, Violated, Violated},
	} {
		if got := Worst(c.a, c.b); got != c.want {
			t.Errorf("Worst(%v, %v) = %v", c.a, c.b, got)
		}
	}
	text, err := json.Marshal([]Verdict{OK, Violated, Unknown})
	if err != nil || string(text) != `["ok","violated","unknown"]` {
		t.Error(string(text), err)
	}
	var back []Verdict
	if err := json.Unmarshal(text, &back); err != nil || back[0] != OK || back[1] != Violated {
		t.Error(back, err)
	}
	if json.Unmarshal([]byte(`"fine"`), &back[0]) == nil {
		t.Error("there is no such verdict")
	}
	if _, err := json.Marshal(Verdict(9)); err == nil {
		t.Error("there is no ninth verdict")
	}
	if (Result{}).Verdict != Unknown {
		t.Error("a check that never ran has passed")
	}
}

func TestNanos(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 137: "137 ns", 1000: "1 µs", 1234: "1.234 µs", 1_234_000: "1.234 ms",
		1_000_001: "1.000001 ms", 62_500_000_000: "62.5 s", -1500: "-1.5 µs",
		math.MaxInt64: "9223372036.854775807 s", math.MinInt64: "-9223372036.854775808 s",
	} {
		if got := nanos(ns); got != want {
			t.Errorf("%d: %q, want %q", ns, got, want)
		}
	}
}

func TestOpString(t *testing.T) {
	for _, c := range []struct {
		op   Op
		want string
	}{
		{Op{Client: 3, Kind: Write, Sector: 7, ID: 42, Call: 137, Return: 195},
			"client 3 wrote #42 to sector 7 (137 ns … 195 ns)"},
		{Op{Kind: Write, Sector: 7, ID: 42, Call: 1234000, Unknown: true},
			"client 0 tried to write #42 to sector 7 (1.234 ms …, outcome unknown)"},
		{Op{Sector: 7, Resource: "lv3", Host: "A", Epoch: 2, Return: 5},
			"client 0 read the initial content #0 from sector 7 of lv3 at A in epoch 2 (0 ns … 5 ns)"},
		{Op{Sector: 7, Unknown: true},
			"client 0 tried to read sector 7 (0 ns …, outcome unknown)"},
	} {
		if got := c.op.String(); got != c.want {
			t.Errorf("got %s\nwant %s", got, c.want)
		}
	}
}
