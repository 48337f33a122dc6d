package strict

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// Decode reads a file into the zero struct that v points to, and fills in defaults. Name stands in
// error messages.
//
// The error is an [*Error]: the text is no TOML, or too long. All that is wrong with the keys is a
// complaint in the document instead; as long as its Err is nil the struct is whole.
func (f *Format) Decode(name string, data []byte, v any) (*Document, error) {
	if len(data) > f.most() {
		return nil, &Error{File: name, Msg: fmt.Sprintf(
			"is larger than %d MiB, the most a %s may have", f.most()>>20, f.Name)}
	}
	root, at, err := readTOML(name, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{f: f, doc: &Document{name: name, at: at}}
	d.table("", root, reflect.ValueOf(v).Elem())
	return d.doc, nil
}

// decoder fills structs from plain TOML values.
type decoder struct {
	f   *Format
	doc *Document
}

// table fills the struct rv from the table m at path.
func (d *decoder) table(path string, m map[string]any, rv reflect.Value) {
	t := rv.Type()
	u := d.f.Unions[t]
	var v *Variant
	if u != nil {
		v = d.decide(path, m, u)
	}
	d.unknown(path, m, keysOf(t), u, v)
	for i := range t.NumField() {
		ft := t.Field(i)
		key := keyOf(ft)
		if key == "" {
			continue
		}
		at := Join(path, key)
		val, present := m[key]
		belongs := v == nil || slices.Contains(u.Keys(v), key)
		switch {
		case present && !belongs:
			d.doc.Key(at, "key %q does not belong to %s = %q; its keys are %s", key, u.Decider,
				v.Name, strings.Join(u.Keys(v), ", "))
		case present:
			d.value(at, val, rv.Field(i), ft.Tag)
		case isRequired(ft.Tag) || v != nil && slices.Contains(v.Required, key):
			d.lacks(path, ft, u, v)
		case belongs:
			d.setDefault(at, rv.Field(i), ft.Tag)
		}
	}
}

// decide finds the variant that the deciding key names. A missing one is left to the check of
// required keys, and one of a wrong type to the decoder of the key.
func (d *decoder) decide(path string, m map[string]any, u *Union) *Variant {
	word, ok := m[u.Decider].(string)
	if !ok {
		return nil
	}
	v := u.Find(word)
	if v == nil {
		d.doc.Value(Join(path, u.Decider), "%s: %s", u.Decider, NotOneOf(word, u.Names()))
	}
	return v
}

// unknown complains about the keys of m that no variant has. Those of another variant are left to
// the caller, which can say more.
func (d *decoder) unknown(path string, m map[string]any, known []string, u *Union, v *Variant) {
	if v != nil {
		known = u.Keys(v)
	}
	for _, k := range sortedKeys(m) {
		if slices.Contains(known, k) || u != nil && slices.Contains(u.allKeys(), k) {
			continue
		}
		hint := DidYouMean(k, known)
		if hint == "" {
			hint = "; its keys are " + strings.Join(known, ", ")
		}
		d.doc.Key(Join(path, k), "unknown key %s%s%s", Quote(k), inTable(path), hint)
	}
}

// sortedKeys makes the order of complaints the same in each run.
func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// lacks complains about a required key that is not there.
func (d *decoder) lacks(path string, ft reflect.StructField, u *Union, v *Variant) {
	key := ft.Tag.Get("toml")
	switch {
	case isTables(d.f, ft.Type):
		d.doc.Lacks(path, key, "needs at least one [[%s]]", Join(tableName(path), key))
	case v != nil && slices.Contains(v.Required, key):
		d.doc.Lacks(path, key, "missing key %q, which %s = %q needs", key, u.Decider, v.Name)
	default:
		d.doc.Lacks(path, key, "missing key %q%s", key, inTable(path))
	}
}

// setDefault sets a field whose key is not there.
func (d *decoder) setDefault(path string, rv reflect.Value, tag reflect.StructTag) {
	if isTable(d.f, rv.Type()) {
		// An absent table is an empty one, unless it needs keys: then it is left out as a whole.
		if !needsKeys(rv.Type()) {
			d.table(path, nil, rv)
		}
		return
	}
	def := tag.Get("default")
	if def == "" {
		return
	}
	if err := d.f.setText(rv, def); err != nil {
		panic(fmt.Sprintf("%s: default of %s: %v", d.f.Name, path, err))
	}
}

// value sets rv from the TOML value val and checks what the tags demand.
func (d *decoder) value(path string, val any, rv reflect.Value, tag reflect.StructTag) {
	key := tag.Get("toml")
	switch t := rv.Type(); {
	case t.Kind() == reflect.Pointer:
		to := reflect.New(t.Elem())
		d.value(path, val, to.Elem(), tag)
		rv.Set(to)
	case isTable(d.f, t):
		if m, ok := d.isTable(path, key, val); ok {
			d.table(path, m, rv)
		}
	case isTables(d.f, t):
		d.tables(path, key, val, rv)
	case isFree(t):
		d.free(path, key, val, rv, tag)
	case isList(d.f, t):
		d.list(path, key, val, rv, tag)
	default:
		d.single(path, key, val, rv, tag)
	}
}

// isTable complains unless val is a table.
func (d *decoder) isTable(path, key string, val any) (map[string]any, bool) {
	m, ok := val.(map[string]any)
	if !ok {
		d.doc.Value(path, "%s: expected a table, found %s", key, describe(val))
	}
	return m, ok
}

// tables fills a list of structs.
func (d *decoder) tables(path, key string, val any, rv reflect.Value) {
	list, ok := val.([]any)
	if !ok {
		d.doc.Key(path, "%s: expected [[%s]] in double brackets, found %s", key, key, describe(val))
		return
	}
	if len(list) == 0 {
		d.empty(path, key)
		return
	}
	out := reflect.MakeSlice(rv.Type(), len(list), len(list))
	for i, e := range list {
		at := Index(path, i)
		if m, ok := d.isTable(at, key, e); ok {
			d.table(at, m, out.Index(i))
		}
	}
	rv.Set(out)
}

func (d *decoder) empty(path, key string) {
	d.doc.Value(path, "%s: the list is empty; leave the key out instead", key)
}

// free fills a table whose keys are the file's own. Whether it holds the right ones is for the
// package of the format to say.
func (d *decoder) free(path, key string, val any, rv reflect.Value, tag reflect.StructTag) {
	m, ok := d.isTable(path, key, val)
	if !ok {
		return
	}
	out := make(map[string]any, len(m))
	for _, k := range sortedKeys(m) {
		entry := reflect.New(rv.Type().Elem()).Elem()
		if d.open(Join(path, k), labelOf(k), m[k], entry, tag, true) {
			out[k] = entry.Interface()
		}
	}
	rv.Set(reflect.ValueOf(out))
}

// labelOf names a free key in a message.
func labelOf(key string) string {
	if isBare(key) && len(key) <= 60 {
		return key
	}
	return Quote(key)
}

// list fills a list of single values or of lists.
func (d *decoder) list(path, key string, val any, rv reflect.Value, tag reflect.StructTag) {
	list, ok := val.([]any)
	if !ok {
		d.doc.Value(path, "%s: expected a list of %s in brackets, found %s", key,
			entriesOf(d.f, rv.Type()), describe(val))
		return
	}
	if len(list) == 0 {
		d.empty(path, key)
		return
	}
	elem := rv.Type().Elem()
	out := reflect.MakeSlice(rv.Type(), len(list), len(list))
	seen := map[any]bool{}
	for i, e := range list {
		at := Index(path, i)
		if isList(d.f, elem) {
			d.list(at, key, e, out.Index(i), tag)
			continue
		}
		if elem.Kind() == reflect.Interface && isString(e) != isString(list[0]) {
			d.doc.Value(at, "%s: expected %s like the first entry of the list, found %s", key,
				kindOf(list[0]), describe(e))
			continue
		}
		if !d.single(at, key, e, out.Index(i), tag) || !isUnique(d.f, elem) {
			continue
		}
		got := out.Index(i).Interface()
		if seen[got] {
			d.doc.Value(at, "%s: %s stands twice in the list", key, describeWhole(e))
		}
		seen[got] = true
	}
	rv.Set(out)
}

func isString(val any) bool {
	_, ok := val.(string)
	return ok
}

func kindOf(val any) string {
	if isString(val) {
		return "a string"
	}
	return "a number"
}

// describeWhole is describe without shortening.
func describeWhole(val any) string {
	if s, ok := val.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return describe(val)
}
