package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/container-football/pitch/scenario/iolog"
)

// shipped returns the scenarios that come with the project.
func shipped(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../scenarios/*.toml")
	soak, serr := filepath.Glob("../scenarios/soak/*.toml")
	suite, merr := filepath.Glob("../scenarios/mars-suite/*.toml")
	beyond, berr := filepath.Glob("../scenarios/beyond-mars/*.toml")
	common, cerr := filepath.Glob("../scenarios/common/*.toml")
	paths = slices.Concat(paths, soak, suite, beyond, common)
	err = errors.Join(err, serr, merr, berr, cerr)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return paths
}

func TestShippedScenarios(t *testing.T) {
	for _, path := range shipped(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if name := strings.TrimSuffix(f.Name, "-"+f.Variant); name+".toml" != filepath.Base(path) {
				t.Errorf("is named %q", f.Name)
			}
			if f.Description == "" {
				t.Error("has no description")
			}
			if _, err := f.Marshal(); err != nil {
				t.Error(err)
			}
			for _, w := range f.Workloads {
				soak := filepath.Base(filepath.Dir(path)) == "soak" // nobody runs these by the way
				if w.Ops > 2000 && !soak {
					t.Errorf("%s: %d ops take too long in the local world", w.Name, w.Ops)
				}
				if w.Kind == KindIOLog {
					checkTrace(t, f, w)
				}
			}
		})
	}
}

// checkTrace reads a trace and fits it onto the resource of its workload.
func checkTrace(t *testing.T, f *File, w Workload) {
	t.Helper()
	r, err := os.Open(f.Resolve(w.File))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	trace, err := iolog.Parse(w.File, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range f.Resources {
		if res.Name != w.On {
			continue
		}
		ops, err := trace.Sectors(int64(res.Sector), int64(res.Size))
		if err != nil || len(ops) < 100 {
			t.Errorf("%d operations, %v", len(ops), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, path := range shipped(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(minimal))
	f.Add([]byte(minimal + `
[network]
loss = 1e-9
[[step]]
at = "1.5s"
do = "link"
between = [["A"], ["A"]]
[expect]
max_lost = { seconds = 0.1, bytes = "1kB" }
`))
	f.Add([]byte("schema = 1\nname = 'x'\nhost = [{name = \"A\"}]\n'' = 1\na.b.c = [[{}]]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.toml", data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 {
				t.Fatalf("no position: %v", err)
			}
			return
		}
		text, err := file.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again.toml", text)
		if err != nil || !file.Equal(again) {
			t.Fatalf("%v: became\n%s", err, text)
		}
	})
}

func FuzzCondition(f *testing.F) {
	f.Add("acked(w1) >= 100 and up(A) and lag(r, B) < 64KiB")
	f.Add("primary(r) != B and time() > 1m30s and fired(x)")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			return
		}
		again, err := ParseCondition(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q prints %q, which reads as %q, %v", text, c, again, err)
		}
	})
}
