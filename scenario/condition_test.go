package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// fakeEnv answers from tables whose keys look like the question, "lag(r, A)".
type fakeEnv struct {
	ints  map[string]int64
	bools map[string]bool
	names map[string]string
	asked []string
}

var errFake = errors.New("no such thing now")

func ask[T any](e *fakeEnv, m map[string]T, fn string, args []string) (T, error) {
	q := fn + "(" + strings.Join(args, ", ") + ")"
	e.asked = append(e.asked, q)
	v, ok := m[q]
	if !ok {
		return v, errFake
	}
	return v, nil
}

func (e *fakeEnv) Int(fn string, args []string) (int64, error) { return ask(e, e.ints, fn, args) }
func (e *fakeEnv) Bool(fn string, args []string) (bool, error) { return ask(e, e.bools, fn, args) }
func (e *fakeEnv) Name(fn string, args []string) (string, error) {
	return ask(e, e.names, fn, args)
}

var _ Env = (*fakeEnv)(nil)

func TestConditionPrintsItself(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"acked(w1) >= 100", ""},
		{"  acked ( w1 )>=100 and\tup(A)", "acked(w1) >= 100 and up(A)"},
		{"done(w-1.x_y)", ""},
		{"down(and) and up(and)", ""},
		{"primary(lv3) == B and primary(r) != A", ""},
		{"lag(lv3, B) < 65536", "lag(lv3, B) < 64KiB"},
		{"fetched(lv3,B) > 0", "fetched(lv3, B) > 0B"},
		{"time() >= 1.5s and healed()", "time() >= 1500ms and healed()"},
		{"fired(cut) and uptodate(lv3, B)", ""},
		{"cut_off(lv3,B) and consistent(lv3, B) and member(lv3, B) and orphan(lv3, B)",
			"cut_off(lv3, B) and consistent(lv3, B) and member(lv3, B) and orphan(lv3, B)"},
		{"to_copy(lv3, B) > 4096 and size(lv3, B) == 4MiB", "to_copy(lv3, B) > 4KiB and size(lv3, B) == 4MiB"},
		{"deleted(lv3, B) >= 64KiB and copied(lv3, B) <= 1MiB", ""},
	} {
		if c.out == "" {
			c.out = c.in
		}
		got, err := ParseCondition(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got.String() != c.out {
			t.Errorf("%s: printed %s, want %s", c.in, got, c.out)
		}
		again, err := ParseCondition(got.String())
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("%s: reads back as %v, %v", got, again, err)
		}
	}
}

func TestConditionEval(t *testing.T) {
	env := &fakeEnv{
		ints:  map[string]int64{"acked(w)": 10, "lag(r, B)": 0, "time()": 5e9},
		bools: map[string]bool{"up(A)": true, "down(A)": false, "healed()": true},
		names: map[string]string{"primary(r)": "A"},
	}
	for text, want := range map[string]bool{
		"acked(w) >= 10": true, "acked(w) > 10": false, "acked(w) <= 10": true,
		"acked(w) < 10": false, "acked(w) == 10": true, "acked(w) != 10": false,
		"lag(r, B) == 0": true, "time() >= 5s": true, "time() > 5s": false,
		"up(A)": true, "down(A)": false, "up(A) and healed()": true,
		"primary(r) == A": true, "primary(r) == B": false, "primary(r) != B": true,
		"up(A) and down(A)": false, "down(A) and acked(nobody) > 1": false,
	} {
		c, err := ParseCondition(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Eval(env); err != nil || got != want {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	if ok, err := (Condition{}).Eval(env); !ok || err != nil {
		t.Errorf("the empty condition: %v, %v", ok, err)
	}
	for _, text := range []string{"acked(x) == 0", "primary(x) != A", "up(x)"} {
		c, _ := ParseCondition("up(A) and " + text)
		ok, err := c.Eval(env)
		want := fmt.Sprintf("condition %q: no such thing now", text)
		if ok || !errors.Is(err, errFake) || err.Error() != want {
			t.Errorf("%s: got %v, %v", text, ok, err)
		}
	}
}

func TestConditionStopsEarly(t *testing.T) {
	env := &fakeEnv{bools: map[string]bool{"up(A)": false}}
	c, _ := ParseCondition("up(A) and up(B) and healed()")
	if ok, err := c.Eval(env); ok || err != nil || len(env.asked) != 1 {
		t.Errorf("got %v, %v after %v", ok, err, env.asked)
	}
}
