package scenario

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Marshal writes f as TOML with every key that counts, so that no later change of a default can
// change its meaning. Parsing the text gives a File equal to f; an f for which that cannot be,
// because it breaks a rule of the format, is an error, and its position is one in the text that
// would have been written.
func (f *File) Marshal() ([]byte, error) {
	text := f.text()
	var o Options
	for _, r := range f.Resources {
		o.Strategies = append(o.Strategies, r.Strategy)
	}
	g, err := o.Parse(f.Name+".toml (as written)", text)
	if err != nil {
		return nil, fmt.Errorf("scenario cannot be written: %w", err)
	}
	if !f.Equal(g) {
		return nil, fmt.Errorf("scenario %q cannot be written: it has values in fields that do not "+
			"belong to its steps or workloads, or lists that are empty rather than nil", f.Name)
	}
	return text, nil
}

func (f *File) text() []byte {
	var b bytes.Buffer
	writeTable(&b, "", reflect.ValueOf(f).Elem(), nil)
	return b.Bytes()
}

// writeTable writes plain keys first and tables after them, as TOML demands.
func writeTable(b *bytes.Buffer, path string, rv reflect.Value, u *union) {
	var keys []string
	if u != nil {
		if v := u.find(fieldOf(rv, u.decider).String()); v != nil {
			keys = u.keys(v)
		}
	}
	each(rv, func(key string, fv reflect.Value, ft reflect.StructField) {
		if isTables(ft.Type) || isTable(fv) {
			return
		}
		if keys != nil && !slices.Contains(keys, key) || absent(rv, fv, ft) {
			return
		}
		fmt.Fprintf(b, "%s = %s\n", key, tomlValue(fv))
	})
	each(rv, func(key string, fv reflect.Value, ft reflect.StructField) {
		at := pathKey(path, key)
		switch {
		case isTables(ft.Type):
			for i := range fv.Len() {
				fmt.Fprintf(b, "\n[[%s]]\n", at)
				writeTable(b, at, fv.Index(i), unionOf(ft.Type.Elem()))
			}
		case isTable(fv) && !(needsKeys(ft.Type) && fv.IsZero()):
			var body bytes.Buffer
			writeTable(&body, at, fv, nil)
			if body.Len() > 0 {
				fmt.Fprintf(b, "\n[%s]\n%s", at, body.Bytes())
			}
		}
	})
}

// each visits the keys of a struct in the order of its fields.
func each(rv reflect.Value, visit func(string, reflect.Value, reflect.StructField)) {
	t := rv.Type()
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("toml"); key != "-" {
			visit(key, rv.Field(i), t.Field(i))
		}
	}
}

func fieldOf(rv reflect.Value, key string) (found reflect.Value) {
	each(rv, func(k string, fv reflect.Value, _ reflect.StructField) {
		if k == key {
			found = fv
		}
	})
	return found
}

func isTable(rv reflect.Value) bool { return rv.Kind() == reflect.Struct && !isText(rv) }

// absent reports whether a field holds what a missing key means.
func absent(parent, fv reflect.Value, ft reflect.StructField) bool {
	tag := ft.Tag
	switch {
	case ft.Name == "At" && parent.Type() == reflect.TypeFor[Step]():
		// Time 0 is a time; only a condition makes it absent.
		return len(parent.Interface().(Step).When.Terms) > 0
	case tag.Get("req") == "yes":
		return false
	case tag.Get("default") == unbounded:
		return fv.CanInt() && fv.Int() == Unbounded || fv.CanFloat() && fv.Float() == Unbounded
	case tag.Get("default") != "" && fv.Kind() != reflect.Slice:
		return false
	}
	return fv.IsZero()
}

func tomlValue(rv reflect.Value) string {
	switch {
	case isText(rv):
		return tomlString(textOf(rv))
	case rv.Kind() == reflect.String:
		return tomlString(rv.String())
	case rv.Kind() == reflect.Float64:
		return formatFloat(rv.Float())
	case rv.Kind() == reflect.Slice:
		parts := make([]string, rv.Len())
		for i := range parts {
			parts[i] = tomlValue(rv.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(rv.Interface())
}

// formatFloat prints the shortest text that reads back as the same number and is a TOML float.
func formatFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	s = strings.ToLower(strings.TrimPrefix(s, "+")) // NaN and Inf are lower case in TOML
	if !strings.ContainsAny(s, ".en") {
		s += ".0"
	}
	return s
}

// tomlString prints a basic string with the escapes that TOML knows.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
