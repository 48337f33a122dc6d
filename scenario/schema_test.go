package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/tools/txtar"
)

// TestDescriptionsCoverKeys holds the table of descriptions to the keys of the structs.
func TestDescriptionsCoverKeys(t *testing.T) {
	var keys []string
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		for i := range typ.NumField() {
			ft := typ.Field(i)
			key := ft.Tag.Get("toml")
			if key == "-" {
				continue
			}
			at := pathKey(path, key)
			keys = append(keys, at)
			if isTables(ft.Type) {
				walk(at, ft.Type.Elem())
			} else if isTable(reflect.New(ft.Type).Elem()) {
				walk(at, ft.Type)
			}
		}
	}
	walk("", reflect.TypeFor[File]())
	for _, k := range keys {
		if descriptions[k] == "" {
			t.Errorf("%s is not described", k)
		}
	}
	for k := range descriptions {
		if !slices.Contains(keys, k) {
			t.Errorf("%s is described but does not exist", k)
		}
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

// TestTagsResolve catches a tag that names no enumeration or pattern.
func TestTagsResolve(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[File](), reflect.TypeFor[Host](),
		reflect.TypeFor[Resource](), reflect.TypeFor[Workload](), reflect.TypeFor[Network](),
		reflect.TypeFor[Disk](), reflect.TypeFor[Step](), reflect.TypeFor[Random](),
		reflect.TypeFor[Expect](), reflect.TypeFor[MaxLost]()} {
		for i := range typ.NumField() {
			tag := typ.Field(i).Tag
			if e := tag.Get("enum"); e != "" && enums[e] == nil {
				t.Errorf("%s.%s: no enum %q", typ, typ.Field(i).Name, e)
			}
			if p := tag.Get("pattern"); p != "" && patterns[p].re == nil {
				t.Errorf("%s.%s: no pattern %q", typ, typ.Field(i).Name, p)
			}
		}
	}
}

// TestSchema checks scenarios against the schema with a small validator of its own.
func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Schema(); string(again) != string(text) {
		t.Error("the schema is not the same twice")
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for _, path := range shipped(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := conforms(s, plain(t, data)); err != nil {
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
		if conforms(s, plain(t, []byte(in))) == nil {
			t.Errorf("the schema accepts %s: %s", ar.Files[i].Name, msg)
		}
	}
}

// plain reads TOML into the values that JSON has.
func plain(t *testing.T, data []byte) any {
	t.Helper()
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil // NaN, which JSON has not and no schema accepts as a table
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// conforms knows just those keywords of JSON Schema that Schema uses.
func conforms(s map[string]any, v any) error {
	for k := range s {
		if !slices.Contains([]string{"$schema", "title", "description", "default", "type", "enum",
			"const", "pattern", "minimum", "maximum", "items", "minItems", "uniqueItems",
			"properties", "required", "additionalProperties", "propertyNames", "allOf", "oneOf",
			"if", "then"}, k) {
			return fmt.Errorf("the validator does not know %q", k)
		}
	}
	if v == nil || !hasType(s["type"], v) {
		return fmt.Errorf("%v is not %v", v, s["type"])
	}
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Errorf("%v is not in %v", v, list)
	}
	if c, ok := s["const"]; ok && c != v {
		return fmt.Errorf("%v is not %v", v, c)
	}
	if err := conformsCombined(s, v); err != nil {
		return err
	}
	switch x := v.(type) {
	case string:
		if p, ok := s["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(x) {
			return fmt.Errorf("%q does not match %s", x, p)
		}
	case float64:
		lo, isLo := s["minimum"].(float64)
		hi, isHi := s["maximum"].(float64)
		if isLo && x < lo || isHi && x > hi {
			return fmt.Errorf("%v is out of range", x)
		}
	case []any:
		return conformsList(s, x)
	case map[string]any:
		return conformsTable(s, x)
	}
	return nil
}

func hasType(typ, v any) bool {
	switch x := v.(type) {
	case string:
		return typ == nil || typ == "string"
	case bool:
		return typ == nil || typ == "boolean"
	case float64:
		return typ == nil || typ == "number" || typ == "integer" && x == float64(int64(x))
	case []any:
		return typ == nil || typ == "array"
	}
	return typ == nil || typ == "object"
}

func conformsCombined(s map[string]any, v any) error {
	if all, ok := s["allOf"].([]any); ok {
		for _, e := range all {
			if err := conforms(e.(map[string]any), v); err != nil {
				return err
			}
		}
	}
	if one, ok := s["oneOf"].([]any); ok {
		n := 0
		for _, e := range one {
			if conforms(e.(map[string]any), v) == nil {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%v conforms to %d of %v", v, n, one)
		}
	}
	if cond, ok := s["if"].(map[string]any); ok && conforms(cond, v) == nil {
		return conforms(s["then"].(map[string]any), v)
	}
	return nil
}

func conformsList(s map[string]any, list []any) error {
	if n, ok := s["minItems"].(float64); ok && len(list) < int(n) {
		return fmt.Errorf("%v is too short", list)
	}
	for i, e := range list {
		if items, ok := s["items"].(map[string]any); ok {
			if err := conforms(items, e); err != nil {
				return err
			}
		}
		if s["uniqueItems"] == true && slices.Contains(list[:i], e) {
			return fmt.Errorf("%v stands twice", e)
		}
	}
	return nil
}

func conformsTable(s map[string]any, table map[string]any) error {
	if req, ok := s["required"].([]any); ok {
		for _, r := range req {
			if _, ok := table[r.(string)]; !ok {
				return fmt.Errorf("no %v", r)
			}
		}
	}
	props, _ := s["properties"].(map[string]any)
	for k, v := range table {
		if names, ok := s["propertyNames"].(map[string]any); ok {
			if err := conforms(names, k); err != nil {
				return err
			}
		}
		p, ok := props[k].(map[string]any)
		if !ok {
			if s["additionalProperties"] == false {
				return fmt.Errorf("%s does not exist", k)
			}
			continue
		}
		if err := conforms(p, v); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}
