package strict

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Check says what is wrong with the format itself, whose struct v is or points to: types that
// cannot be read, tags that mean nothing, variants with keys that do not exist, and keys without a
// description. It is for a test in the package of the format, since the methods that work on files
// take all this for granted.
func (f *Format) Check(v any) error {
	c := &checker{f: f, described: map[string]bool{}}
	c.table("", structOf(v))
	for path := range f.Descriptions {
		if !c.described[path] {
			c.wrong(path, "is described but does not exist")
		}
	}
	for t := range f.Texts {
		c.text(t)
	}
	slices.SortFunc(c.errs, func(a, b error) int { // maps have no order
		return strings.Compare(a.Error(), b.Error())
	})
	return errors.Join(c.errs...)
}

type checker struct {
	f         *Format
	described map[string]bool
	errs      []error
}

func (c *checker) wrong(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s %s: %s", c.f.Name, path, fmt.Sprintf(format, args...)))
}

func (c *checker) table(path string, t reflect.Type) {
	for i := range t.NumField() {
		ft := t.Field(i)
		if _, ok := ft.Tag.Lookup("toml"); ok != ft.IsExported() {
			c.wrong(path, "the field %s of %s needs a tag toml if and only if it is exported",
				ft.Name, t)
		}
		key := keyOf(ft)
		if key == "" {
			continue
		}
		at := Join(path, key)
		if c.described[at] {
			c.wrong(at, "is the key of two fields of %s", t)
		}
		c.described[at] = true
		if c.f.Descriptions[at] == "" {
			c.wrong(at, "is not described")
		}
		c.field(at, ft.Type, ft.Tag)
	}
	if u := c.f.Unions[t]; u != nil {
		c.union(path, t, u)
	}
}

// union holds the lists of keys to the fields.
func (c *checker) union(path string, t reflect.Type, u *Union) {
	keys, listed := keysOf(t), u.allKeys()
	for _, k := range listed {
		if !slices.Contains(keys, k) {
			c.wrong(path, "a variant has the key %q, which %s has not", k, t)
		}
	}
	for _, k := range keys {
		if !slices.Contains(listed, k) {
			c.wrong(path, "no variant has the key %q", k)
		}
	}
	for _, k := range u.OneOf {
		if !slices.Contains(u.Common, k) {
			c.wrong(path, "the key %q is not common to all variants", k)
		}
	}
	for i := range t.NumField() {
		ft := t.Field(i)
		if ft.Tag.Get("toml") == u.Decider &&
			(ft.Type.Kind() != reflect.String || !isRequired(ft.Tag)) {
			c.wrong(path, "the key %q decides, and must be a required string", u.Decider)
		}
	}
}

// field checks the type of a field, and then what its tags say against it.
func (c *checker) field(path string, t reflect.Type, tag reflect.StructTag) {
	if t.Kind() == reflect.Pointer {
		if def := tag.Get("default"); def != "" {
			c.wrong(path, "has a default, and so would never be nil")
		}
		t = t.Elem()
		if t.Kind() == reflect.Slice || isFree(t) {
			c.wrong(path, "a %s tells by itself whether the key is there", t)
			return
		}
	}
	switch {
	case isTable(c.f, t):
		c.table(path, t)
		c.none(path, tag, "default", "min", "max", "enum", "pattern", "items")
		return
	case isTables(c.f, t):
		c.table(path, t.Elem())
		c.none(path, tag, "default", "min", "max", "enum", "pattern", "items")
		return
	}
	if !c.f.supports(t) {
		c.wrong(path, "there is no decoder for %s", t)
		return
	}
	c.tags(path, t, tag)
}

// supports reports whether a key that is no table may have the type t.
func (f *Format) supports(t reflect.Type) bool {
	switch {
	case isText(f, t):
		return true
	case isFree(t):
		return t.ConvertibleTo(reflect.TypeFor[map[string]any]())
	case t.Kind() == reflect.Slice:
		e := t.Elem()
		return e == reflect.TypeFor[any]() || !isTable(f, e) && e.Kind() != reflect.Map && f.supports(e)
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return true
	}
	return false
}

// tags checks what a file says of single values: its own, those of a list, or those of a table
// with free keys.
func (c *checker) tags(path string, t reflect.Type, tag reflect.StructTag) {
	if def := tag.Get("default"); def != "" {
		c.parses(path, "default", t, def)
	}
	if n := tag.Get("items"); n != "" {
		if _, err := strconv.Atoi(n); err != nil || t.Kind() != reflect.Slice {
			c.wrong(path, "items: %q is no number of entries of a %s", n, t)
		}
	}
	if name := tag.Get("enum"); name != "" && c.f.Enums[name] == nil {
		c.wrong(path, "there is no enum %q", name)
	}
	if name := tag.Get("pattern"); name != "" && c.f.Patterns[name].Form == nil {
		c.wrong(path, "there is no pattern %q", name)
	}
	open := false
	for (t.Kind() == reflect.Slice || isFree(t)) && !isText(c.f, t) {
		t = t.Elem()
		if t.Kind() == reflect.Interface {
			t, open = reflect.TypeFor[float64](), true
		}
	}
	if !open && t.Kind() != reflect.String && !isText(c.f, t) {
		c.none(path, tag, "enum", "pattern")
	}
	if rv := reflect.New(t).Elem(); !rv.CanInt() && !rv.CanUint() && !rv.CanFloat() {
		c.none(path, tag, "min", "max")
		return
	}
	for _, name := range []string{"min", "max"} {
		if bound := tag.Get(name); bound != "" {
			c.parses(path, name, t, bound)
		}
	}
}

func (c *checker) parses(path, name string, t reflect.Type, text string) {
	if err := c.f.setText(reflect.New(t).Elem(), text); err != nil {
		c.wrong(path, "%s: %v", name, err)
	}
}

// none complains about tags that mean nothing to a type.
func (c *checker) none(path string, tag reflect.StructTag, names ...string) {
	for _, name := range names {
		if tag.Get(name) != "" {
			c.wrong(path, "the tag %s means nothing here", name)
		}
	}
}

func (c *checker) text(t reflect.Type) {
	if !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		!t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		c.wrong(t.String(), "has no MarshalText, or its pointer no UnmarshalText")
	}
}
