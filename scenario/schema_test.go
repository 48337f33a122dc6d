package scenario

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"

	"github.com/container-football/pitch/internal/strict/stricttest"
)

// TestFormat holds tags, variants and descriptions to the structs.
func TestFormat(t *testing.T) {
	if err := format.Check(&File{}); err != nil {
		t.Error(err)
	}
}

// TestReferenceCoversKeys holds the reference for readers to the same keys.
func TestReferenceCoversKeys(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	words := slices.Concat(Verbs(), functionNames())
	for path := range descriptions {
		words = append(words, path[strings.LastIndex(path, ".")+1:])
	}
	for _, list := range enums {
		words = append(words, list...)
	}
	for _, w := range words {
		if !regexp.MustCompile("`[^`]*\\b" + regexp.QuoteMeta(w) + "\\b[^`]*`").Match(text) {
			t.Errorf("the reference does not name %s", w)
		}
	}
}

// TestSchema checks scenarios against the schema with a small validator.
func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Schema(); string(again) != string(text) {
		t.Error("the schema is not the same twice")
	}
	for _, path := range shipped(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := stricttest.Conforms(text, data); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	// Of what Parse refuses, the schema must refuse all that needs no look at another table.
	ar, err := txtar.ParseFile("testdata/errors.txtar")
	if err != nil {
		t.Fatal(err)
	}
	local := regexp.MustCompile(`unknown key|missing key|does not belong|needs at least one|` +
		`expected (a|an|true|[0-9]+ to|at least [0-9]+,|"(ok|sim|part|stamp|drop|linear)) `)
	for i := 1; i+1 < len(ar.Files); i += 2 {
		msg := string(ar.Files[i+1].Data)
		in := build(t, string(ar.Files[0].Data), string(ar.Files[i].Data))
		var doc map[string]any
		// To JSON 1000.0 is a whole number, and the order of two numbers in a text is too much to
		// ask of a pattern.
		if !local.MatchString(msg) || strings.Contains(msg, "when:") ||
			slices.Contains([]string{"float-for-int", "random-rate-range"}, ar.Files[i].Name) ||
			toml.Unmarshal([]byte(in), &doc) != nil {
			continue
		}
		if stricttest.Conforms(text, []byte(in)) == nil {
			t.Errorf("the schema accepts %s: %s", ar.Files[i].Name, msg)
		}
	}
}
