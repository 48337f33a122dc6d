package scenario

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewrite = flag.Bool("rewrite", false, "update the golden errors in testdata")

// TestErrors reads testdata/errors.txtar: pairs of a scenario, and the one line it is refused
// with. A scenario that begins with "+" is appended to base.toml, and one that begins with "-" is
// base.toml with the line that starts with the rest of its first line replaced by the others.
func TestErrors(t *testing.T) {
	const path = "testdata/errors.txtar"
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	base := string(ar.Files[0].Data)
	if _, err := Parse("base.toml", []byte(base)); err != nil {
		t.Fatalf("the base has to be sound: %v", err)
	}
	for i := 1; i+1 < len(ar.Files); i += 2 {
		in, want := ar.Files[i], &ar.Files[i+1]
		t.Run(in.Name, func(t *testing.T) {
			got := complaintOf(t, build(t, base, string(in.Data)))
			if *rewrite {
				want.Data = []byte(got + "\n")
			} else if got != strings.TrimSuffix(string(want.Data), "\n") {
				t.Errorf("got  %s\nwant %s", got, want.Data)
			}
		})
	}
	if *rewrite {
		if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func build(t *testing.T, base, edit string) string {
	t.Helper()
	first, rest, _ := strings.Cut(edit, "\n")
	switch {
	case first == "+":
		return base + rest
	case strings.HasPrefix(first, "-"):
		for line := range strings.Lines(base) {
			if strings.HasPrefix(line, first[1:]) {
				return strings.Replace(base, line, rest, 1)
			}
		}
		t.Fatalf("the base has no line %q", first[1:])
	}
	return edit
}

func complaintOf(t *testing.T, text string) string {
	t.Helper()
	f, err := Parse("t.toml", []byte(text))
	if err == nil {
		t.Fatalf("accepted:\n%s", f.text())
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not an *Error", err)
	}
	if strings.Contains(e.Error(), "\n") {
		t.Errorf("more than one line: %q", e.Error())
	}
	if e.Line < 1 || e.Column < 1 {
		t.Errorf("without a position: %v", e)
	}
	return err.Error()
}

func TestLoadMissing(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.toml"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	if !strings.HasSuffix(err.Error(), "none.toml: cannot be read: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

func TestStrategiesOfCaller(t *testing.T) {
	text := strings.Replace(minimal, `"mars"`, `"drdb"`, 1)
	o := Options{Strategies: []string{"mars", "drbd"}}
	_, err := o.Parse("t.toml", []byte(text))
	want := `t.toml:7:12: strategy: expected "mars" or "drbd", found "drdb"; did you mean "drbd"?`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := o.Parse("t.toml", []byte(strings.Replace(text, "drdb", "drbd", 1))); err != nil {
		t.Error(err)
	}
}

const minimal = `schema = 1
name = "t"
[[host]]
name = "A"
[[resource]]
name = "r"
strategy = "mars"
size = "64MiB"
replicas = ["A"]
`
