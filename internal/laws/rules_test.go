package laws

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/container-football/pitch"

// mayImport says, for each folder, which folders of ours its code may import besides its own.
// A name stands for the folder alone, a name with "/..." for all below it as well. A folder that
// holds others is meant with all of them, unless they stand here themselves.
var mayImport = map[string][]string{
	"node":          {},
	"node/nodetest": {"node"},
	"replica":       {"node", "replica", "internal/squeeze"},
	"football":      {"node", "replica", "model/..."},
	"model":         {},
	"faults":        {"node"},
	"sim":           {"node"},
	"realnode":      {"node", "realnode/daemon", "internal/durable"},
	"realnode/mesh": {"node", "realnode/ca", "internal/squeeze"},
	// The daemon knows the verbs that all strategies share, and files; it knows no strategy.
	"realnode/daemon": {"node", "replica", "realnode/...", "internal/strict", "internal/units",
		"internal/durable", "internal/squeeze"},
	"check": {"node"},
	"scenario": {"node", "replica/...", "football/...", "faults/...", "check/...",
		"model/...", "internal/strict", "internal/units", "internal/squeeze"},
	"reports":  {"model/...", "check/...", "scenario/...", "study", "node", "replica"},
	"study":    {"model/...", "internal/strict", "internal/durable"},
	"explore":  {"node", "check", "scenario"},
	"cmd":      {"..."},
	"internal": {},
}

// pure are the folders whose code is a function of its inputs: no clock, no randomness, no
// scheduler and no operating system.
var pure = []string{"node", "replica", "football", "faults", "sim"}

// impure are the packages that pure code must not import, nor what is below them.
var impure = []string{"crypto/rand", "math/rand", "net", "os", "runtime", "sync", "syscall",
	"testing/synctest", "unsafe", "golang.org/x/sys", "golang.org/x/sync", "golang.org/x/net"}

// violation is one place where a law is broken.
type violation struct {
	pos  token.Position
	text string
}

func (v violation) String() string {
	return fmt.Sprintf("%s:%d: %s", v.pos.Filename, v.pos.Line, v.text)
}

// within says whether a folder is another one or lies below it.
func within(folder, top string) bool { return folder == top || strings.HasPrefix(folder, top+"/") }

// row returns the entry of mayImport that is about a folder: the longest one that it lies within.
func row(folder string) (string, bool) {
	best, found := "", false
	for top := range mayImport {
		if within(folder, top) && len(top) > len(best) {
			best, found = top, true
		}
	}
	return best, found
}

func allows(list []string, folder string) bool {
	return slices.ContainsFunc(list, func(item string) bool {
		top, below := strings.CutSuffix(item, "...")
		top = strings.TrimSuffix(top, "/")
		return item == folder || below && (top == "" || within(folder, top))
	})
}

// imports checks the imports of one file of a folder.
func imports(fset *token.FileSet, folder string, f *ast.File) []violation {
	var out []violation
	add := func(spec *ast.ImportSpec, format string, args ...any) {
		out = append(out, violation{fset.Position(spec.Pos()), fmt.Sprintf(format, args...)})
	}
	isPure := slices.ContainsFunc(pure, func(top string) bool { return within(folder, top) })
	top, known := row(folder)
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			add(spec, "import of %s: %v", spec.Path.Value, err)
			continue
		}
		if isPure && slices.ContainsFunc(impure, func(bad string) bool { return within(p, bad) }) {
			add(spec, "%s imports %s: its code must not depend on anything but its inputs", folder, p)
		}
		if !within(p, module) {
			continue
		}
		to := strings.TrimPrefix(strings.TrimPrefix(p, module), "/")
		switch {
		case !known:
			add(spec, "%s imports %s, but the table of the architecture has no row for it", folder, to)
		case allows(mayImport[top], to):
		case folder != "replica" && within(to, folder) && mine(to, top): // what lies below it
		case top != "replica" && within(to, top) && mine(to, top):
			// Folders of one row may import each other; only strategies may not.
		default:
			add(spec, "%s imports %s: it may import %s", folder, to, list(mayImport[top]))
		}
	}
	return out
}

// mine says whether a folder below top has no row of its own.
func mine(folder, top string) bool {
	r, _ := row(folder)
	return r == top
}

func list(folders []string) string {
	if len(folders) == 0 {
		return "nothing of ours"
	}
	return strings.Join(folders, ", ")
}

// code checks one file of a pure folder, beyond its imports.
func code(fset *token.FileSet, f *ast.File, info *types.Info) []violation {
	var out []violation
	add := func(n ast.Node, format string, args ...any) {
		out = append(out, violation{fset.Position(n.Pos()), fmt.Sprintf(format, args...)})
	}
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n, "starts a goroutine: the order of its steps is not ours")
		case *ast.SelectStmt:
			add(n, "selects: which case is taken is not ours")
		case *ast.SendStmt:
			add(n, "sends on a channel")
		case *ast.ChanType:
			add(n, "has a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				add(n, "receives from a channel")
			}
		case *ast.RangeStmt:
			switch core(info.TypeOf(n.X)).(type) {
			case *types.Map:
				add(n, "ranges over a map: the order is another one in each run")
			case *types.Chan:
				add(n, "receives from a channel")
			}
		case *ast.Ident:
			if why := use(info.Uses[n], stack, info); why != "" {
				add(n, "%s", why)
			}
		}
		stack = append(stack, n)
		return true
	})
	return out
}

// core is what a law has to know of a type: what it is underneath, or, for a type parameter, the
// map or channel that its constraint may stand for.
func core(t types.Type) types.Type {
	if t == nil {
		return nil
	}
	if p, ok := types.Unalias(t).(*types.TypeParam); ok {
		return constraint(p.Constraint().Underlying())
	}
	return t.Underlying()
}

func constraint(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Map, *types.Chan:
		return t
	case *types.Union:
		for term := range t.Terms() {
			if found := constraint(term.Type().Underlying()); found != nil {
				return found
			}
		}
	case *types.Interface:
		for e := range t.EmbeddedTypes() {
			if u, ok := e.(*types.Union); ok {
				e = u
			} else {
				e = e.Underlying()
			}
			if found := constraint(e); found != nil {
				return found
			}
		}
	}
	return nil
}

// use says what is wrong with the use of something that another package declares, or "".
func use(obj types.Object, stack []ast.Node, info *types.Info) string {
	if obj == nil || obj.Pkg() == nil {
		return ""
	}
	switch obj.Pkg().Path() {
	case "time":
		if !timeless(obj) {
			return "uses time." + obj.Name() + ": only durations are known here, not the time"
		}
	case "maps":
		switch obj.Name() {
		case "All", "Keys", "Values":
			if !sorted(stack, info) {
				return "uses maps." + obj.Name() + " unsorted: the order is another one in each run"
			}
		}
	case "reflect":
		switch obj.Name() {
		case "MapRange", "MapKeys", "Select":
			return "uses reflect's " + obj.Name() + ": the order is another one in each run"
		}
	}
	return ""
}

// timeless says whether something of package time is about durations alone: a constant, the type
// Duration and its methods, ParseDuration.
func timeless(obj types.Object) bool {
	switch obj := obj.(type) {
	case *types.Const:
		return true
	case *types.TypeName:
		return obj.Name() == "Duration"
	case *types.Func:
		if recv := obj.Signature().Recv(); recv != nil {
			named, ok := recv.Type().(*types.Named)
			return ok && named.Obj().Name() == "Duration"
		}
		return obj.Name() == "ParseDuration"
	}
	return false
}

// sorted says whether the innermost calls around are slices.Sorted(maps.Keys(m)) or the like.
func sorted(stack []ast.Node, info *types.Info) bool {
	calls := 0
	for i := len(stack) - 1; i >= 0 && calls < 2; i-- {
		call, ok := stack[i].(*ast.CallExpr)
		if !ok {
			continue
		}
		if calls++; calls < 2 {
			continue // the call of maps.Keys itself
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			obj := info.Uses[sel.Sel]
			return obj != nil && obj.Pkg() != nil && obj.Pkg().Path() == "slices" &&
				strings.HasPrefix(obj.Name(), "Sorted")
		}
	}
	return false
}

// folderOf is the folder of a package of ours.
func folderOf(pkgPath string) string {
	return path.Clean(strings.TrimPrefix(strings.TrimPrefix(pkgPath, module), "/"))
}
