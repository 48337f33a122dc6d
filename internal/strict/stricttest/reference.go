package stricttest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

type schemaOf struct {
	Type        string
	Description string
	Default     any
	Enum        []any
	Minimum     *float64
	Maximum     *float64
	Pattern     string
	Required    []string
	Properties  map[string]schemaOf
	Items       *schemaOf
	AllOf       []struct {
		If struct {
			Properties map[string]struct{ Const string }
		}
	}
}

// Reference makes the tables of a reference page from a JSON Schema: the keys of the top level, then
// a section for each table in order, with what is in more below it. So the page cannot fall behind.
func Reference(schema []byte, order []string, more map[string]string) (string, error) {
	var root schemaOf
	if err := json.Unmarshal(schema, &root); err != nil {
		return "", err
	}
	var b strings.Builder
	writeTable(&b, order, root)
	for _, name := range order {
		p, ok := root.Properties[name]
		if !ok {
			return "", fmt.Errorf("the schema has no table %q", name)
		}
		left, right := "[", "]"
		if p.Items != nil {
			p = schemaOf{Description: p.Description, Properties: p.Items.Properties,
				Required: p.Items.Required}
			left, right = "[[", "]]"
		}
		fmt.Fprintf(&b, "\n## `%s%s%s`\n\n%s\n\n", left, name, right, p.Description)
		writeTable(&b, nil, p)
		if text := more[name]; text != "" {
			b.WriteString("\n" + text)
		}
	}
	return b.String(), nil
}

func writeTable(b *strings.Builder, tables []string, s schemaOf) {
	b.WriteString("| key | what it may be | meaning |\n|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[key]
		if slices.Contains(tables, key) {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", key, kindOf(p, slices.Contains(s.Required, key)), p.Description)
	}
}

func kindOf(p schemaOf, required bool) string {
	var parts []string
	list := ""
	if p.Type == "array" && p.Items != nil {
		list, p = "list of ", schemaOf{Type: p.Items.Type, Enum: p.Items.Enum, Default: p.Default}
	}
	switch {
	case p.Enum != nil:
		words := []string{}
		for _, w := range p.Enum {
			words = append(words, fmt.Sprintf("`%v`", w))
		}
		parts = append(parts, list+strings.Join(words, ", "))
	case p.Type == "object":
		parts = append(parts, "table")
	case p.Type != "":
		parts = append(parts, list+map[string]string{"string": "text", "integer": "whole number",
			"number": "number", "array": "list of numbers or words", "boolean": "true or false"}[p.Type])
	default:
		parts = append(parts, list+"numbers or words")
	}
	switch {
	case p.Minimum != nil && p.Maximum != nil && *p.Minimum == *p.Maximum:
		parts = append(parts, fmt.Sprintf("%g", *p.Minimum))
	case p.Minimum != nil && p.Maximum != nil:
		parts = append(parts, fmt.Sprintf("%g to %g", *p.Minimum, *p.Maximum))
	case p.Minimum != nil:
		parts = append(parts, fmt.Sprintf("at least %g", *p.Minimum))
	}
	if required {
		parts = append(parts, "required")
	}
	if p.Default != nil {
		text, _ := json.Marshal(p.Default) // it came from JSON
		parts = append(parts, "default `"+string(text)+"`")
	}
	return strings.Join(parts, "; ")
}
