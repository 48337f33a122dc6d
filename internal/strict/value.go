package strict

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
)

// single sets rv from a value that is neither a list nor a table, and reports whether all is well
// with it. Label names it in messages.
func (d *decoder) single(path, label string, val any, rv reflect.Value,
	tag reflect.StructTag) bool {
	switch {
	case isText(d.f, rv.Type()):
		return d.text(path, label, val, rv) && d.check(path, label, rv, tag)
	case rv.Kind() == reflect.Interface:
		return d.open(path, label, val, rv, tag, false)
	}
	return d.scalar(path, label, val, rv) && d.check(path, label, rv, tag)
}

// open sets rv from a value whose type is up to the file: a number, a string or, where a table
// holds it, a boolean.
func (d *decoder) open(path, label string, val any, rv reflect.Value, tag reflect.StructTag,
	bools bool) bool {
	var t reflect.Type
	switch n := val.(type) {
	case string:
		t = reflect.TypeFor[string]()
	case float64:
		t = reflect.TypeFor[float64]()
	case int64:
		t = reflect.TypeFor[float64]()
		// Where a field is a float64 a rounded number is as good as any. Here the number may be a
		// count or a seed, and another one than the file says must not go unnoticed.
		if n < -1<<53 || n > 1<<53 {
			d.doc.Value(path, "%s: expected a whole number of at most 2^53 (%d), found %d", label,
				int64(1<<53), n)
			return false
		}
	case bool:
		t = reflect.TypeFor[bool]()
	}
	if t == nil || t.Kind() == reflect.Bool && !bools {
		want := "a number or a string in quotes"
		if bools {
			want = "a number, a string in quotes, or true or false"
		}
		d.doc.Value(path, "%s: expected %s, found %s", label, want, describe(val))
		return false
	}
	got := reflect.New(t).Elem()
	if !d.single(path, label, val, got, tag) {
		return false
	}
	rv.Set(got)
	return true
}

// text sets rv of a type in Format.Texts.
func (d *decoder) text(path, label string, val any, rv reflect.Value) bool {
	form := d.f.Texts[rv.Type()]
	s, ok := val.(string)
	if !ok {
		d.doc.Value(path, "%s: expected %s in quotes, found %s", label, form.What, describe(val))
		return false
	}
	err := rv.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	if err == nil {
		return true
	}
	if form.Offset != nil {
		if offset, ok := form.Offset(err); ok {
			d.doc.inValue(path, offset, "%s: %v", label, err)
			return false
		}
	}
	d.doc.Value(path, "%s: %v", label, err)
	return false
}

// scalar sets rv of one of Go's own types.
func (d *decoder) scalar(path, label string, val any, rv reflect.Value) bool {
	wrong := func(want string) bool {
		d.doc.Value(path, "%s: expected %s, found %s", label, want, describe(val))
		return false
	}
	switch rv.Kind() {
	case reflect.String:
		s, ok := val.(string)
		if !ok {
			return wrong("a string in quotes")
		}
		rv.SetString(s)
	case reflect.Bool:
		b, ok := val.(bool)
		if !ok {
			return wrong("true or false")
		}
		rv.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, ok := val.(int64)
		if !ok {
			return wrong("a whole number")
		}
		if rv.OverflowInt(n) {
			return wrong("a smaller number")
		}
		rv.SetInt(n)
	case reflect.Uint64:
		n, ok := val.(int64)
		if !ok || n < 0 {
			return wrong("a whole number from 0 to 9223372036854775807")
		}
		rv.SetUint(uint64(n))
	case reflect.Float64:
		switch n := val.(type) {
		case float64:
			rv.SetFloat(n + 0) // -0 becomes 0, which prints alike everywhere
		case int64:
			rv.SetFloat(float64(n))
		default:
			return wrong("a number")
		}
	default:
		panic(fmt.Sprintf("%s: no decoder for %s", d.f.Name, rv.Type()))
	}
	return true
}

// check holds a value that was read against enumeration, pattern and range, as far as its type
// has them, and reports whether it keeps them.
func (d *decoder) check(path, label string, rv reflect.Value, tag reflect.StructTag) bool {
	sound := true
	wrong := func(want, got string) {
		d.doc.Value(path, "%s: expected %s, found %s", label, want, got)
		sound = false
	}
	if rv.Kind() == reflect.String || isText(d.f, rv.Type()) {
		got := textOf(rv)
		if words := d.f.Enums[tag.Get("enum")]; words != nil && !slices.Contains(words, got) {
			d.doc.Value(path, "%s: %s", label, NotOneOf(got, words))
			sound = false
		}
		if p, ok := d.f.Patterns[tag.Get("pattern")]; ok && !p.Form.MatchString(got) {
			wrong(p.What, Quote(got))
		}
	}
	lo, hi := tag.Get("min"), tag.Get("max")
	switch {
	case !d.f.inRange(rv, lo, hi):
		want := "at least " + lo
		switch {
		case lo == hi:
			want = lo
		case lo == "":
			want = "at most " + hi
		case hi != "":
			want = lo + " to " + hi
		}
		wrong(want, textOf(rv))
	case rv.CanFloat() && !finite(rv.Float()):
		wrong("a finite number", formatFloat(rv.Float()))
	}
	return sound
}

func (f *Format) inRange(rv reflect.Value, lo, hi string) bool {
	for i, bound := range []string{lo, hi} {
		if bound == "" || !rv.CanInt() && !rv.CanUint() && !rv.CanFloat() {
			continue
		}
		b := reflect.New(rv.Type()).Elem()
		if err := f.setText(b, bound); err != nil {
			panic(fmt.Sprintf("%s: bound %q of %s: %v", f.Name, bound, rv.Type(), err))
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
		case rv.CanUint():
			if small.Uint() > large.Uint() {
				return false
			}
		default:
			if small.Float() > large.Float() || !finite(rv.Float()) {
				return false
			}
		}
	}
	return true
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
