package strict

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Write writes the struct that v is or points to as TOML with every key that counts, so that no
// later change of a default can change its meaning. It checks nothing: reading the text again gives
// an equal struct only if v keeps the rules of the format, and holds no values in fields that do
// not belong to its variants and no lists that are empty rather than nil.
func (f *Format) Write(v any) []byte {
	w := &writer{f: f}
	w.table("", reflect.Indirect(reflect.ValueOf(v)))
	return w.b.Bytes()
}

type writer struct {
	f *Format
	b bytes.Buffer
}

// table writes plain keys first and tables after them, as TOML demands.
func (w *writer) table(path string, rv reflect.Value) {
	u := w.f.Unions[rv.Type()]
	var keys []string
	if u != nil {
		if v := u.Find(fieldOf(rv, u.Decider).String()); v != nil {
			keys = u.Keys(v)
		}
	}
	belongs := func(key string) bool { return keys == nil || slices.Contains(keys, key) }
	each(rv, func(key string, fv reflect.Value, tag reflect.StructTag) {
		if w.isSection(fv.Type()) || !belongs(key) || w.absent(rv, u, fv, tag) {
			return
		}
		fmt.Fprintf(&w.b, "%s = %s\n", key, w.value(fv))
	})
	each(rv, func(key string, fv reflect.Value, tag reflect.StructTag) {
		if w.isSection(fv.Type()) && belongs(key) {
			w.section(Join(path, key), fv)
		}
	})
}

// isSection reports whether a value of type t is written under a header of its own.
func (w *writer) isSection(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return isTable(w.f, t) || isTables(w.f, t) || isFree(t)
}

// section writes one table, free table or list of tables, or nothing if there is none.
func (w *writer) section(path string, rv reflect.Value) {
	switch t := rv.Type(); {
	case isTables(w.f, t):
		for i := range rv.Len() {
			fmt.Fprintf(&w.b, "\n[[%s]]\n", path)
			w.table(path, rv.Index(i))
		}
	case t.Kind() == reflect.Pointer:
		if !rv.IsNil() {
			w.header(path)
			w.table(path, rv.Elem())
		}
	case isFree(t):
		if !rv.IsNil() {
			w.header(path)
			w.free(rv)
		}
	case !needsKeys(t) || !rv.IsZero():
		before := w.b.Len()
		w.header(path)
		start := w.b.Len()
		w.table(path, rv)
		if w.b.Len() == start { // nothing is in it that counts
			w.b.Truncate(before)
		}
	}
}

func (w *writer) header(path string) { fmt.Fprintf(&w.b, "\n[%s]\n", path) }

// free writes the keys of a free table in their order, which a map does not have.
func (w *writer) free(rv reflect.Value) {
	m := rv.Convert(reflect.TypeFor[map[string]any]()).Interface().(map[string]any)
	for _, k := range sortedKeys(m) {
		fmt.Fprintf(&w.b, "%s = %s\n", tomlKey(k), w.value(reflect.ValueOf(m[k])))
	}
}

// each visits the keys of a struct in the order of its fields.
func each(rv reflect.Value, visit func(string, reflect.Value, reflect.StructTag)) {
	t := rv.Type()
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "" {
			visit(key, rv.Field(i), t.Field(i).Tag)
		}
	}
}

func fieldOf(rv reflect.Value, key string) (found reflect.Value) {
	each(rv, func(k string, fv reflect.Value, _ reflect.StructTag) {
		if k == key {
			found = fv
		}
	})
	return found
}

// absent reports whether a field holds what a missing key means.
func (w *writer) absent(table reflect.Value, u *Union, fv reflect.Value,
	tag reflect.StructTag) bool {
	def := tag.Get("default")
	n, sentinel := w.f.Sentinels[def]
	switch {
	case u != nil && slices.Contains(u.OneOf, tag.Get("toml")):
		return tag.Get("toml") != present(table, u.OneOf)
	case isRequired(tag) && fv.Kind() != reflect.Pointer:
		return false
	case sentinel:
		return fv.CanInt() && fv.Int() == n || fv.CanFloat() && fv.Float() == float64(n)
	case def != "" && fv.Kind() != reflect.Slice:
		return false
	}
	return fv.IsZero()
}

// present returns which of the keys of Union.OneOf a table is written with. Zero may be a value of
// the last: a step at time 0 is one, and a step without a condition has a time.
func present(table reflect.Value, oneOf []string) string {
	for _, key := range oneOf {
		if !fieldOf(table, key).IsZero() {
			return key
		}
	}
	return oneOf[len(oneOf)-1]
}

// value prints what stands behind a key.
func (w *writer) value(rv reflect.Value) string {
	switch {
	case isText(w.f, rv.Type()):
		return tomlString(textOf(rv))
	case rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface:
		return w.value(rv.Elem())
	case rv.Kind() == reflect.String:
		return tomlString(rv.String())
	case rv.Kind() == reflect.Float64:
		return formatFloat(rv.Float())
	case rv.Kind() == reflect.Slice:
		parts := make([]string, rv.Len())
		for i := range parts {
			parts[i] = w.value(rv.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(rv.Interface())
}

// tomlKey prints a key, quoted if it must be.
func tomlKey(s string) string {
	if isBare(s) {
		return s
	}
	return tomlString(s)
}

// isBare reports whether TOML takes s as a key without quotes.
func isBare(s string) bool {
	for _, r := range s {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') &&
			(r < 'a' || r > 'z') {
			return false
		}
	}
	return s != ""
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
