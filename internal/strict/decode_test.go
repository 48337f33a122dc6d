package strict_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-football/pitch/internal/strict"
)

// TestComplaints says where each complaint stands and how it reads. What comes before a bar is put
// at the top of a sound file, and what comes after it at its end.
func TestComplaints(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// Keys.
		{"nam = 1", `1:1: unknown key "nam" at the top level; did you mean "name"?`},
		{`"" = 1`, `1:1: unknown key "" at the top level; its keys are name, seed,`},
		{"own = 1", `1:1: unknown key "own" at the top level; its keys are name,`},
		{"|[case]\nname = 'x'", "3:1: case: expected [[case]] in double brackets, found a table"},
		{"|[[case]]\n", `3:1: missing key "name" in [[case]]`},
		{"|[design]\n", `3:1: missing key "kind" in [design]`},
		{"|[design]\nkind = 'red'\npoint = 1", `5:1: unknown key "point" in [design]; did you mean`},
		{"|[group]\n", "3:1: needs at least one [[group.member]]"},
		{"|[[group.member]]\n", `3:1: missing key "name" in [[group.member]]`},
		{"case = [{name = 'a'}, {}]", `1:23: missing key "name" in [[case]]`},
		{"case = [{name = 'a'}, 1]", "1:23: case: expected a table, found 1"},
		{"case = [{name = 'a', weight = -1}]", "1:31: weight: expected at least 0, found -1"},
		{"|[[shape]]\nkind = 'dot'\nat='0m'\nside = 1",
			`6:1: key "side" does not belong to kind = "dot"; its keys are kind, at, after, more`},
		{"|[[shape]]\nkind = 'square'\nat='0m'",
			`3:1: missing key "side", which kind = "square" needs`},
		{"|[[shape]]\nkind = 'ring'", `4:8: kind: expected "square" or "dot", found "ring"`},
		{"|[[shape]]\nkind = 1", `4:8: kind: expected a string in quotes, found 1`},

		// Single values, and those behind pointers.
		{"seed = -1", "1:8: seed: expected a whole number from 0 to 9223372036854775807, found -1"},
		{"seed = 0", "1:8: seed: expected 1 to 99, found 0"},
		{"seed = 100", "1:8: seed: expected 1 to 99, found 100"},
		{"count = 1.0", "1:9: count: expected a whole number, found 1.0"},
		{"fast = 'yes'", `1:8: fast: expected true or false, found "yes"`},
		{"share = inf", "1:9: share: expected a finite number, found inf"},
		{"share = 1979-05-27", "1:9: share: expected a number, found a date or time"},
		{"limit = nan", "1:9: limit: expected at least 0, found NaN"},
		{"ratio = 'x'", `1:9: ratio: expected a number, found "x"`},
		{"ratio = 1.5", "1:9: ratio: expected 0 to 1, found 1.5"},
		{"size = 3", `1:8: size: expected a length such as "3m" in quotes, found 3`},
		{"size = '0m'", "1:8: size: expected 1m to 9m, found 0m"},
		{"size = '12ä'", "1:12: size: expected metres"},
		{`size = "\u0031m\u0020"`, "1:8: size: expected metres"}, // where in the text, is not clear
		{"step = '0m'", "1:8: step: expected at least 1m, found 0m"},
		{"design = 1", "1:10: design: expected a table, found 1"},
		{"look = []", "1:1: look: expected a table, found a list"},

		// Lists. Where a list itself stands the syntax tree does not tell, so its key must do.
		{"colours = 'red'", `1:11: colours: expected a list of strings in brackets, found "red"`},
		{"colours = []", "1:1: colours: the list is empty; leave the key out instead"},
		{"colours = ['red', 'grün']", `1:19: colours: expected "red", "green" or "blue", found "grün"`},
		{"colours = ['red', 'red']", `1:19: colours: "red" stands twice in the list`},
		{"weights = 1", "1:11: weights: expected a list of numbers in brackets, found 1"},
		{"weights = []", "1:1: weights: the list is empty; leave the key out instead"},
		{"weights = [1, 'x']", `1:15: weights: expected a number, found "x"`},
		{"weights = [1,\n -2]", "2:2: weights: expected at least 0, found -2"},
		{"weights = [inf]", "1:12: weights: expected at least 0, found +Inf"},
		{"grid = [[nan]]", "1:10: grid: expected a finite number, found nan"},
		{"grid = [1]", "1:9: grid: expected a list of numbers in brackets, found 1"},
		{"grid = 1", "1:8: grid: expected a list of lists of numbers in brackets, found 1"},
		{"grid = [[]]", "1:1: grid: the list is empty; leave the key out instead"},
		{"lengths = ['1m', '1']", "1:20: lengths: expected metres"},

		// Open lists.
		{"values = 1", "1:10: values: expected a list of numbers or strings in brackets, found 1"},
		{"values = []", "1:1: values: the list is empty; leave the key out instead"},
		{"values = [1, 'a']",
			`1:14: values: expected a number like the first entry of the list, found "a"`},
		{"values = ['a', 2]",
			"1:16: values: expected a string like the first entry of the list, found 2"},
		{"values = [true]", "1:11: values: expected a number or a string in quotes, found true"},
		{"values = [[1]]", "1:1: values: expected a number or a string in quotes, found a list"},
		{"values = [1, 2, 1.0]", "1:17: values: 1.0 stands twice in the list"},
		{"values = ['a', 'b', 'a']", `1:21: values: "a" stands twice in the list`},
		{"values = [1, 101]", "1:14: values: expected 1 to 100, found 101"},
		{"values = ['A']", `1:11: values: expected lower-case letters, found "A"`},

		// Tables with free keys.
		{"params = 1", "1:10: params: expected a table, found 1"},
		{"|[params]\nn = [1]",
			"4:1: n: expected a number, a string in quotes, or true or false, found a list"},
		{"|[params]\nn.m = 1",
			"4:1: n: expected a number, a string in quotes, or true or false, found a table"},
		{"|[params]\nn = 1979-05-27",
			"4:5: n: expected a number, a string in quotes, or true or false, found a date or time"},
		{"|[params]\nn = -inf", "4:5: n: expected at most 1000, found -Inf"},
		{"|[params]\nn = 1001", "4:5: n: expected at most 1000, found 1001"},
		{"|[params]\nn = 'rot'", `4:5: n: expected "red", "green" or "blue", found "rot"`},
		{"|[params]\n'a b' = []", `4:1: "a b": expected a number, a string in quotes, or`},
		{"|[params]\nn = -9007199254740993", "4:5: n: expected a whole number of at most 2^53 " +
			"(9007199254740992), found -9007199254740993"},
		{"|[[case]]\nname = 'x'\n[case.params]\nn = nan",
			"6:5: n: expected a finite number, found nan"},

		// What is missing comes last.
		{"|[[shape]]\nkind = 'dot'\n[[case]]\nnames = 'x'", `6:1: unknown key "names" in [[case]]`},
		{"|[[shape]]\nkind = 'dot'\n[[case]]\n", `5:1: missing key "name" in [[case]]`},
		{"|[[shape]]\nkind = 'dot'\n[[case]]\nname = 'x'", "3:1: a shape has either at or after"},
		{"seed = 1\nseed = 2", "2:1: key seed is already defined"},
		{"seed = ", "1:8: "},
	} {
		top, end, both := strings.Cut(c.text, "|")
		if both {
			top += "# a comment"
		}
		_, err := parse(top + "\nname = 'x'\n" + end)
		if err == nil || !strings.HasPrefix(err.Error(), "t.toml:"+c.want) {
			t.Errorf("%s\ngot  %v\nwant t.toml:%s", c.text, err, c.want)
		}
	}
}

func TestAColumnIsThatOfACharacterNotOfAByte(t *testing.T) {
	_, err := parse("\"ü")
	if err == nil || err.Error() != "t.toml:1:2: unterminated basic string" {
		t.Error(err)
	}
}

func TestTheTopOfAnEmptyFileLacksKeys(t *testing.T) {
	_, err := parse("")
	var e *strict.Error
	if !errors.As(err, &e) || e.Line != 1 || e.Column != 1 || e.Field != "name" {
		t.Errorf("%#v", err)
	}
}

func TestLinesAndPresence(t *testing.T) {
	p := &plan{}
	doc, err := format.Decode("t.toml", []byte(full), p)
	if err != nil || doc.Err() != nil {
		t.Fatal(err, doc.Err())
	}
	for path, line := range map[string]int{"name": 1, "values[1]": 13, "case": 15, "case[1]": 15,
		"case[1].nothing": 15, "params": 17, "params.on": 21, "params.": 23, "group": 31,
		"group.member[0].name": 32, "shape[1].more": 42, "nothing": 1, "": 1} {
		if got := doc.Line(path); got != line {
			t.Errorf("%q is on line %d, not %d", path, got, line)
		}
	}
	for path, want := range map[string]bool{"name": true, "params.n": true, "case[0].params.n": true,
		"case[1].params": false, "design.points": false, "design": true, "x": false} {
		if doc.Has(path) != want {
			t.Errorf("%q: has is %v", path, !want)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	var e *strict.Error
	if _, err := format.ReadFile(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) ||
		!errors.As(err, &e) || e.Line != 0 {
		t.Errorf("%#v", err)
	}
	if _, err := format.ReadFile(dir); err == nil {
		t.Error("a folder was read")
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte("# "+strings.Repeat("x", 3<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := format.ReadFile(large)
	if err != nil || len(data) != 1<<20+1 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	_, err = format.Decode(large, data, &plan{})
	if want := large + ": is larger than 1 MiB, the most a plan may have"; err == nil ||
		err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestErrorsStayOneLine(t *testing.T) {
	e := &strict.Error{File: "a\nb", Line: 1, Column: 2, Msg: "c\r\nd\re"}
	if e.Error() != "a b:1:2: c d e" {
		t.Errorf("%q", e.Error())
	}
}
