package laws

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// check reads a snippet as a file of a folder and returns what is wrong with it.
func check(t *testing.T, folder, src string) []violation {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, folder+"/x.go", "package x\n"+src, 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{},
		Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	cfg := types.Config{Importer: known{importer.ForCompiler(fset, "source", nil)}}
	if _, err := cfg.Check(folder, fset, []*ast.File{f}, info); err != nil {
		t.Fatal(err)
	}
	return append(imports(fset, folder, f), code(fset, f, info)...)
}

// known imports the few packages that snippets use; all others are empty.
type known struct{ types.Importer }

func (k known) Import(path string) (*types.Package, error) {
	switch path {
	case "time", "maps", "slices", "reflect":
		return k.Importer.Import(path)
	}
	p := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
	p.MarkComplete()
	return p, nil
}

func TestEveryLawFindsItsViolation(t *testing.T) {
	for _, c := range []struct {
		folder, src string
		line        int
		want        string
	}{
		{"sim", `import _ "net"`, 2, "sim imports net"},
		{"sim", `import _ "net/http"`, 2, "sim imports net/http"},
		{"node", `import _ "os"`, 2, "node imports os"},
		{"faults", `import _ "os/exec"`, 2, "faults imports os/exec"},
		{"replica/mars", `import _ "sync"`, 2, "replica/mars imports sync"},
		{"replica", `import _ "sync/atomic"`, 2, "replica imports sync/atomic"},
		{"football", `import _ "math/rand"`, 2, "football imports math/rand"},
		{"football", `import _ "math/rand/v2"`, 2, "football imports math/rand/v2"},
		{"football/plan", `import _ "crypto/rand"`, 2, "imports crypto/rand"},
		{"node/nodetest", `import _ "runtime/debug"`, 2, "imports runtime/debug"},

		{"sim", `import "time"; var x = time.Now()`, 2, "uses time.Now"},
		{"sim", `import w "time"; var x = w.Since`, 2, "uses time.Since"},
		{"sim", `import . "time"; func f() { Sleep(1) }`, 2, "uses time.Sleep"},
		{"sim", "import \"time\"\nfunc f() {\n _ = time.After(1) }", 4, "uses time.After"},
		{"sim", `import "time"; var x *time.Timer`, 2, "uses time.Timer"},
		{"sim", `import "time"; type t = time.Time`, 2, "uses time.Time"},
		{"sim", `import "time"; var x = time.Local`, 2, "uses time.Local"},
		{"sim", `func f() { go f() }`, 2, "goroutine"},
		{"sim", `func f() { select {} }`, 2, "selects"},
		{"sim", `var c chan int`, 2, "has a channel"},
		{"sim", `func f(c chan<- int) { c <- 1 }`, 2, "sends on a channel"},
		{"sim", `func f[C ~chan int](c C) { <-c }`, 2, "receives from a channel"},
		{"sim", `type c chan int; func f(x c) { for range x {} }`, 2, "receives from a channel"},
		{"sim", `func f(m map[int]int) { for range m {} }`, 2, "ranges over a map"},
		{"sim", `type m map[int]int; func f(x m) { for k := range x { _ = k } }`, 2,
			"ranges over a map"},
		{"sim", `func f[M ~map[int]int](m M) { for range m {} }`, 2, "ranges over a map"},
		{"sim", `type a interface{ map[int]int }; type b interface { a }; func f[M b](m M) {
			_ = func() { for range m {} } }`, 3, "ranges over a map"},
		{"sim", `func f[M interface{ map[int]int }](m M) { for range m {} }`, 2, "ranges over a map"},
		{"sim", `import "maps"; func f(m map[int]int) { for range maps.Keys(m) {} }`, 2,
			"uses maps.Keys unsorted"},
		{"sim", `import ("maps"; "slices"); func f(m map[int]int) { slices.Collect(maps.Values(m)) }`,
			2, "uses maps.Values unsorted"},
		{"sim", `import "reflect"; func f(v reflect.Value) { v.MapKeys() }`, 2, "MapKeys"},

		{"sim", ours("replica"), 2, "sim imports replica: it may import node"},
		{"sim", ours("replica/mars"), 2, "sim imports replica/mars"},
		{"sim", ours("faults"), 2, "sim imports faults"},
		{"realnode", ours("replica/drbd"), 2, "realnode imports replica/drbd"},
		{"replica/mars", ours("sim"), 2, "replica/mars imports sim"},
		{"replica/mars", ours("realnode"), 2, "replica/mars imports realnode"},
		{"replica/mars", ours("replica/drbd"), 2, "replica/mars imports replica/drbd"},
		{"replica", ours("replica/mars"), 2, "replica imports replica/mars"},
		{"football", ours("replica/mars"), 2, "football imports replica/mars"},
		{"node", ours("model"), 2, "node imports model: it may import nothing of ours"},
		{"node", ours("node/nodetest"), 2, "node imports node/nodetest"},
		{"model", ours("node"), 2, "model imports node: it may import nothing of ours"},
		{"faults", ours("replica"), 2, "faults imports replica"},
		{"check", ours("scenario"), 2, "check imports scenario"},
		{"scenario", ours("sim"), 2, "scenario imports sim"},
		{"scenario/iolog", ours("reports"), 2, "scenario/iolog imports reports"},
		{"reports", ours("replica/mars"), 2, "reports imports replica/mars"},
		{"reports", ours("cmd/pitch"), 2, "reports imports cmd/pitch"},
		{"nobody", ours("node"), 2, "has no row"},
	} {
		found := check(t, c.folder, c.src)
		ok := false
		for _, v := range found {
			ok = ok || strings.Contains(v.text, c.want) && v.pos.Line == c.line &&
				v.pos.Filename == c.folder+"/x.go"
		}
		if !ok {
			t.Errorf("in %s nothing says %q in line %d of\n%s\nfound: %v", c.folder, c.want, c.line,
				c.src, found)
		}
	}
}

func ours(folder string) string { return `import _ "` + module + "/" + folder + `"` }

func TestWhatIsAllowedBreaksNoLaw(t *testing.T) {
	for folder, src := range map[string]string{
		"sim": ours("node") + `
import ("time"; "maps"; "slices"; _ "math/bits"; _ "fmt"; _ "cmp")
const patience = 3 * time.Second
var text = time.Duration(7).Round(time.Millisecond).String()
func f(m map[string]int) (time.Duration, error) {
	for range slices.Sorted(maps.Keys(m)) {}
	for range 10 {}
	for range func(yield func() bool) {} {}
	for range [3]int{} {}
	for range "text" {}
	delete(m, "x")
	clear(m)
	return time.ParseDuration(text)
}`,
		"node/nodetest":  ours("node") + "\n" + `import _ "testing"`,
		"replica/mars":   ours("replica") + "\n" + ours("node") + "\n" + ours("replica/mars/log"),
		"football/rules": ours("football") + "\n" + ours("replica") + "\n" + ours("model/markov"),
		"model":          ours("model/markov"),
		"scenario":       ours("scenario/iolog") + "\n" + ours("replica/mars") + "\n" + ours("check"),
		"reports":        ours("scenario/iolog") + "\n" + ours("replica"),
		"cmd/pitch":      ours("sim") + "\n" + ours("replica/mars") + "\n" + ours("internal/x"),
	} {
		for _, v := range check(t, folder, src) {
			t.Error(v)
		}
	}
}
