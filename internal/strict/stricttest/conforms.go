// Package stricttest helps to test a format that package strict reads.
package stricttest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// Conforms returns an error that says where a TOML document breaks a JSON Schema, or nil if it
// does not. It knows just those keywords that strict.Format.Schema uses, and refuses others; so it
// also tells when a schema has become one that a simple reader does not understand.
func Conforms(schema, doc []byte) error {
	var s map[string]any
	if err := json.Unmarshal(schema, &s); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	v, err := plain(doc)
	if err != nil {
		return err
	}
	return conforms(s, v)
}

// plain reads TOML into the values that JSON has.
func plain(data []byte) (any, error) {
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err // NaN, which JSON has not
	}
	var out any
	err = json.Unmarshal(text, &out)
	return out, err
}

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
			p, ok = s["additionalProperties"].(map[string]any)
		}
		if !ok && s["additionalProperties"] == false {
			return fmt.Errorf("%s does not exist", k)
		}
		if err := conforms(p, v); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
	}
	return nil
}
