package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// load reads packages, from the top folder of the module.
func load(t *testing.T, mode packages.LoadMode, patterns ...string) (*packages.Config,
	[]*packages.Package) {
	t.Helper()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cfg := &packages.Config{Mode: mode, Dir: top, Fset: token.NewFileSet(),
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			// Messages name files as one sees them from the top folder.
			if rel, err := filepath.Rel(top, name); err == nil && filepath.IsLocal(rel) {
				name = rel
			}
			return parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		}}
	pkgs, err := packages.Load(cfg, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		for _, e := range p.Errors {
			t.Fatalf("%s: %v", p.PkgPath, e)
		}
	}
	return cfg, pkgs
}

func TestEachFolderImportsOnlyWhatTheArchitectureAllows(t *testing.T) {
	cfg, pkgs := load(t, packages.NeedName|packages.NeedFiles, "./...")
	files := 0
	for _, p := range pkgs {
		folder := folderOf(p.PkgPath)
		if _, known := row(folder); !known && len(p.GoFiles) > 0 {
			t.Errorf("folder %s has no row in the table of the architecture", folder)
		}
		// Files for other systems count as well.
		for _, name := range append(slices.Clone(p.GoFiles), p.IgnoredFiles...) {
			if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			files++
			f, err := parser.ParseFile(cfg.Fset, name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range imports(cfg.Fset, folder, f) {
				if rel, err := filepath.Rel(cfg.Dir, v.pos.Filename); err == nil {
					v.pos.Filename = rel
				}
				t.Error(v)
			}
		}
	}
	if files < 50 {
		t.Errorf("only %d files were looked at", files)
	}
}

func TestPureFoldersAreFunctionsOfTheirInputs(t *testing.T) {
	var patterns []string
	for _, top := range pure {
		if found, err := filepath.Glob(filepath.Join("../..", top)); err == nil && found != nil {
			patterns = append(patterns, "./"+top+"/...")
		}
	}
	cfg, pkgs := load(t, packages.LoadSyntax, patterns...)
	seen := map[string]bool{}
	for _, p := range pkgs {
		seen[folderOf(p.PkgPath)] = true
		for _, f := range p.Syntax {
			for _, v := range code(cfg.Fset, f, p.TypesInfo) {
				t.Error(v)
			}
		}
	}
	for _, folder := range []string{"node", "node/nodetest", "replica", "replica/mars",
		"replica/catalog", "faults", "sim"} {
		if !seen[folder] {
			t.Errorf("folder %s was not looked at", folder)
		}
	}
}

// The modeler uses several cores, but only where results come back in order, and neither a clock
// nor the order of a map may be seen in an answer.
func TestTheModelerUsesCoresInOnePlaceOnly(t *testing.T) {
	const helper = "model/draw/parallel.go"
	cfg, pkgs := load(t, packages.LoadSyntax, "./model/...")
	files, seen := 0, false
	for _, p := range pkgs {
		for _, f := range p.Syntax {
			name := filepath.ToSlash(cfg.Fset.Position(f.Pos()).Filename)
			files++
			if name == helper {
				seen = true
				continue
			}
			for _, v := range code(cfg.Fset, f, p.TypesInfo) {
				if !strings.Contains(v.text, "time.Parse") { // reads dates of tables, no clock
					t.Error(v)
				}
			}
			for _, spec := range f.Imports {
				switch path, _ := strconv.Unquote(spec.Path.Value); path {
				case "sync", "sync/atomic", "runtime", "math/rand", "crypto/rand", "os", "net":
					t.Errorf("%v: %s is for %s alone", cfg.Fset.Position(spec.Pos()), path, helper)
				}
			}
		}
	}
	if files < 40 || !seen {
		t.Errorf("%d files were looked at, %s was found: %v", files, helper, seen)
	}
}
