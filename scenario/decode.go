package scenario

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// decoder fills structs from plain TOML values.
type decoder struct{ c *complaints }

// table fills the struct rv from the table m at path.
func (d *decoder) table(path string, m map[string]any, rv reflect.Value, u *union) {
	t := rv.Type()
	var v *variant
	if u != nil {
		v = d.decide(path, m, u)
	}
	known := keysOf(t)
	d.unknown(path, m, known, u, v)
	for i := range t.NumField() {
		ft := t.Field(i)
		key := ft.Tag.Get("toml")
		if key == "-" {
			continue
		}
		at := pathKey(path, key)
		val, present := m[key]
		belongs := v == nil || slices.Contains(u.keys(v), key)
		switch {
		case present && !belongs:
			d.c.key(at, "key %q does not belong to %s = %q; its keys are %s", key, u.decider,
				v.name, strings.Join(u.keys(v), ", "))
		case present:
			d.value(at, val, rv.Field(i), ft.Tag)
		case ft.Tag.Get("req") == "yes" || v != nil && slices.Contains(v.required, key):
			d.missing(path, ft, u, v)
		case belongs:
			d.setDefault(at, rv.Field(i), ft.Tag)
		}
	}
}

// decide finds the variant that the deciding key names. A missing one is left to the check of
// required keys.
func (d *decoder) decide(path string, m map[string]any, u *union) *variant {
	val, present := m[u.decider]
	if !present {
		return nil
	}
	word, ok := val.(string)
	if !ok {
		return nil
	}
	v := u.find(word)
	if v == nil {
		at := pathKey(path, u.decider)
		d.c.value(at, "%s: %s", u.decider, notOneOf(word, u.names()))
	}
	return v
}

func (d *decoder) unknown(path string, m map[string]any, known []string, u *union, v *variant) {
	if v != nil {
		known = u.keys(v)
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if slices.Contains(known, k) || u != nil && slices.Contains(keysOfUnion(u), k) {
			continue
		}
		hint := didYouMean(k, known)
		if hint == "" {
			hint = "; its keys are " + strings.Join(known, ", ")
		}
		d.c.key(pathKey(path, k), "unknown key %s%s%s", quote(k), inTable(path), hint)
	}
}

// keysOfUnion lists the keys of all variants.
func keysOfUnion(u *union) []string {
	out := slices.Clone(u.common)
	for i := range u.variants {
		out = append(out, u.keys(&u.variants[i])...)
	}
	return out
}

func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("toml"); key != "-" {
			out = append(out, key)
		}
	}
	return out
}

func (d *decoder) missing(path string, ft reflect.StructField, u *union, v *variant) {
	key := ft.Tag.Get("toml")
	switch {
	case isTables(ft.Type):
		d.c.lacks(path, key, "needs at least one [[%s]]", pathKey(tableName(path), key))
	case v != nil && slices.Contains(v.required, key):
		d.c.lacks(path, key, "missing key %q, which %s = %q needs", key, u.decider, v.name)
	default:
		d.c.lacks(path, key, "missing key %q%s", key, inTable(path))
	}
}

func (d *decoder) setDefault(path string, rv reflect.Value, tag reflect.StructTag) {
	def := tag.Get("default")
	if rv.Kind() == reflect.Struct && !isText(rv) {
		// An absent table is an empty one, unless it needs keys: then it is left out as a whole.
		if !needsKeys(rv.Type()) {
			d.table(path, nil, rv, nil)
		}
		return
	}
	if def == "" {
		return
	}
	if err := setText(rv, def); err != nil {
		panic(fmt.Sprintf("scenario: default of %s: %v", path, err))
	}
}

func needsKeys(t reflect.Type) bool {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("req") == "yes" {
			return true
		}
	}
	return false
}

// value sets rv from the TOML value val and checks what the tags demand.
func (d *decoder) value(path string, val any, rv reflect.Value, tag reflect.StructTag) {
	key := tag.Get("toml")
	switch {
	case isText(rv):
		d.text(path, key, val, rv)
	case rv.Kind() == reflect.Struct:
		m, ok := val.(map[string]any)
		if !ok {
			d.c.value(path, "%s: expected a table, found %s", key, describe(val))
			return
		}
		d.table(path, m, rv, nil)
		return
	case isTables(rv.Type()):
		d.tables(path, key, val, rv)
		return
	case rv.Kind() == reflect.Slice:
		d.list(path, val, rv, tag)
		return
	default:
		d.scalar(path, key, val, rv)
	}
	d.check(path, rv, tag)
}

func (d *decoder) tables(path, key string, val any, rv reflect.Value) {
	list, ok := val.([]any)
	if !ok {
		d.c.key(path, "%s: expected [[%s]] in double brackets, found %s", key, key, describe(val))
		return
	}
	if len(list) == 0 {
		d.c.value(path, "%s: the list is empty; leave the key out instead", key)
		return
	}
	out := reflect.MakeSlice(rv.Type(), len(list), len(list))
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			d.c.value(pathIndex(path, i), "%s: expected a table, found %s", key, describe(e))
			continue
		}
		d.table(pathIndex(path, i), m, out.Index(i), unionOf(rv.Type().Elem()))
	}
	rv.Set(out)
}

func (d *decoder) list(path string, val any, rv reflect.Value, tag reflect.StructTag) {
	key := tag.Get("toml")
	list, ok := val.([]any)
	if !ok {
		what := "strings"
		if rv.Type().Elem().Kind() == reflect.Slice {
			what = "lists of strings"
		}
		d.c.value(path, "%s: expected a list of %s in brackets, found %s", key, what, describe(val))
		return
	}
	if len(list) == 0 {
		d.c.value(path, "%s: the list is empty; leave the key out instead", key)
		return
	}
	out := reflect.MakeSlice(rv.Type(), len(list), len(list))
	for i, e := range list {
		at := pathIndex(path, i)
		if out.Index(i).Kind() == reflect.Slice {
			d.list(at, e, out.Index(i), tag)
			continue
		}
		before := len(d.c.list)
		d.scalar(at, key, e, out.Index(i))
		if len(d.c.list) > before {
			continue
		}
		d.check(at, out.Index(i), tag)
		for j := range i {
			if out.Index(j).String() == out.Index(i).String() {
				d.c.value(at, "%s: %q stands twice in the list", key, out.Index(i).String())
				break
			}
		}
	}
	rv.Set(out)
}

func (d *decoder) text(path, key string, val any, rv reflect.Value) {
	s, ok := val.(string)
	if !ok {
		d.c.value(path, "%s: expected %s in quotes, found %s", key, textForms[rv.Type()].what,
			describe(val))
		return
	}
	err := rv.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	if err == nil {
		return
	}
	at := d.c.idx.value(path)
	var ce *ConditionError
	if errors.As(err, &ce) && at.plain {
		at.column += 1 + ce.Offset
	}
	d.c.at(at, path, "%s: %v", key, err)
}

func (d *decoder) scalar(path, key string, val any, rv reflect.Value) {
	wrong := func(what string) {
		d.c.value(path, "%s: expected %s, found %s", key, what, describe(val))
	}
	switch rv.Kind() {
	case reflect.String:
		s, ok := val.(string)
		if !ok {
			wrong("a string in quotes")
			return
		}
		rv.SetString(s)
	case reflect.Bool:
		b, ok := val.(bool)
		if !ok {
			wrong("true or false")
			return
		}
		rv.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, ok := val.(int64)
		if !ok {
			wrong("a whole number")
		} else if rv.OverflowInt(n) {
			wrong("a smaller number")
		} else {
			rv.SetInt(n)
		}
	case reflect.Uint64:
		n, ok := val.(int64)
		if !ok || n < 0 {
			wrong("a whole number from 0 to 9223372036854775807")
			return
		}
		rv.SetUint(uint64(n))
	case reflect.Float64:
		switch n := val.(type) {
		case float64:
			rv.SetFloat(n + 0) // -0 becomes 0, which prints alike everywhere
		case int64:
			rv.SetFloat(float64(n))
		default:
			wrong("a number")
		}
	default:
		panic(fmt.Sprintf("scenario: no decoder for %s", rv.Type()))
	}
}

// check holds a value that was read against range, enumeration and pattern.
func (d *decoder) check(path string, rv reflect.Value, tag reflect.StructTag) {
	key := tag.Get("toml")
	if words := enums[tag.Get("enum")]; words != nil {
		if got := textOf(rv); !slices.Contains(words, got) {
			d.c.value(path, "%s: %s", key, notOneOf(got, words))
		}
	}
	if p, ok := patterns[tag.Get("pattern")]; ok && !p.re.MatchString(rv.String()) {
		d.c.value(path, "%s: expected %s, found %s", key, p.what, quote(rv.String()))
	}
	lo, hi := tag.Get("min"), tag.Get("max")
	if !inRange(rv, lo, hi) {
		want := "at least " + lo
		if lo == hi {
			want = lo
		} else if hi != "" {
			want = lo + " to " + hi
		}
		d.c.value(path, "%s: expected %s, found %s", key, want, textOf(rv))
	}
}

func inRange(rv reflect.Value, lo, hi string) bool {
	for i, bound := range []string{lo, hi} {
		if bound == "" {
			continue
		}
		b := reflect.New(rv.Type()).Elem()
		if err := setText(b, bound); err != nil {
			panic(fmt.Sprintf("scenario: bound %q of %s: %v", bound, rv.Type(), err))
		}
		small, large := b, rv
		if i == 1 {
			small, large = rv, b
		}
		switch {
		case rv.CanInt():
			if small.Int() > large.Int() {
				return false
			}
		case rv.CanFloat():
			// Written so that NaN, which compares false with everything, is out of range.
			if !(small.Float() <= large.Float()) || math.IsInf(rv.Float(), 0) {
				return false
			}
		}
	}
	return true
}

func notOneOf(word string, words []string) string {
	return fmt.Sprintf("expected %s, found %s%s", orList(words), quote(word),
		didYouMean(word, words))
}

// describe names a TOML value in a message.
func describe(val any) string {
	switch v := val.(type) {
	case string:
		return quote(v)
	case bool, int64:
		return fmt.Sprint(v)
	case float64:
		return formatFloat(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

// tableName strips the indexes from a path.
func tableName(path string) string {
	return regexp.MustCompile(`\[[0-9]+\]`).ReplaceAllString(path, "")
}

// inTable names the table at path as a clause.
func inTable(path string) string {
	switch {
	case path == "":
		return " at the top level"
	case strings.HasSuffix(path, "]"):
		return " in [[" + tableName(path) + "]]"
	}
	return " in [" + path + "]"
}
