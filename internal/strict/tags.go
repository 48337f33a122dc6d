package strict

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// What kind of key a field is. Every type of a field is exactly one of a text, a table, tables, a
// free table, a list, a pointer to one of these, or a scalar.

func isText(f *Format, t reflect.Type) bool {
	_, ok := f.Texts[t]
	return ok
}

// isTable reports whether t is written as [name] with keys of its own.
func isTable(f *Format, t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !isText(f, t)
}

// isTables reports whether t is written as [[name]].
func isTables(f *Format, t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !isText(f, t) && isTable(f, t.Elem())
}

// isFree reports whether t is written as [name] with the file's own keys.
func isFree(t reflect.Type) bool {
	return t.Kind() == reflect.Map
}

// isList reports whether t is written in brackets.
func isList(f *Format, t reflect.Type) bool {
	return t.Kind() == reflect.Slice && !isText(f, t) && !isTables(f, t)
}

// isUnique reports whether a list must not hold an entry of type t twice. Strings are names, and
// an open list is one of things to choose from; but two measured numbers may well be equal.
func isUnique(f *Format, t reflect.Type) bool {
	return !isText(f, t) && (t.Kind() == reflect.String || t.Kind() == reflect.Interface)
}

// entriesOf names the entries of a list of type t in a message.
func entriesOf(f *Format, t reflect.Type) string {
	switch e := t.Elem(); {
	case isList(f, e):
		return "lists of " + entriesOf(f, e)
	case isText(f, e) || e.Kind() == reflect.String:
		return "strings"
	case e.Kind() == reflect.Interface:
		return "numbers or strings"
	case e.Kind() == reflect.Bool:
		return "booleans"
	}
	return "numbers"
}

func isRequired(tag reflect.StructTag) bool { return tag.Get("req") == "yes" }

// needsKeys reports whether a table of type t cannot be empty.
func needsKeys(t reflect.Type) bool {
	for i := range t.NumField() {
		if isRequired(t.Field(i).Tag) {
			return true
		}
	}
	return false
}

// keyOf returns the key of a field, or "" for a field that is none: one that is not exported is the
// package's own.
func keyOf(ft reflect.StructField) string {
	if key := ft.Tag.Get("toml"); key != "-" && ft.IsExported() {
		return key
	}
	return ""
}

// keysOf lists the keys of a table in the order of its fields.
func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "" {
			out = append(out, key)
		}
	}
	return out
}

// structOf returns the type of the struct that v is or points to.
func structOf(v any) reflect.Type { return reflect.Indirect(reflect.ValueOf(v)).Type() }

// setText sets rv from the text of a tag.
func (f *Format) setText(rv reflect.Value, s string) error {
	if n, ok := f.Sentinels[s]; ok && (rv.CanInt() || rv.CanFloat()) {
		if rv.CanFloat() {
			rv.SetFloat(float64(n))
		} else {
			rv.SetInt(n)
		}
		return nil
	}
	if isText(f, rv.Type()) {
		return rv.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch rv.Kind() {
	case reflect.String:
		rv.SetString(s)
	case reflect.Slice:
		words := strings.Fields(s)
		rv.Set(reflect.MakeSlice(rv.Type(), len(words), len(words)))
		for i, w := range words {
			if err := f.setText(rv.Index(i), w); err != nil {
				return err
			}
		}
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return err
		}
		rv.SetBool(b)
	case reflect.Float64:
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		rv.SetFloat(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return err
		}
		rv.SetUint(n)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return err
		}
		rv.SetInt(n)
	default:
		return fmt.Errorf("a tag cannot hold a %s", rv.Type())
	}
	return nil
}

// textOf prints a value as a file would hold it, without quotes.
func textOf(rv reflect.Value) string {
	if m, ok := rv.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return fmt.Sprint(rv.Interface())
}
