package strict

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Schema returns a JSON Schema (draft 2020-12) for editors, of the format whose struct v is or
// points to. It knows every key, its type, range, default and meaning, and which keys go with
// which variant of a union; what the package of the format checks besides is beyond it, but for
// the least number of entries of a list in the tag items. Title names the format.
func (f *Format) Schema(title string, v any) ([]byte, error) {
	s := f.tableSchema("", structOf(v))
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = title
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s schema: %w", f.Name, err)
	}
	return append(out, '\n'), nil
}

type schema = map[string]any

func (f *Format) tableSchema(path string, t reflect.Type) schema {
	props, required := schema{}, []string{}
	for i := range t.NumField() {
		ft := t.Field(i)
		key := keyOf(ft)
		if key == "" {
			continue
		}
		at := Join(path, key)
		p := f.keySchema(at, ft.Type, ft.Tag)
		p["description"] = f.Descriptions[at]
		props[key] = p
		if isRequired(ft.Tag) {
			required = append(required, key)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if u := f.Unions[t]; u != nil {
		props[u.Decider] = deciderSchema(u, f.Descriptions[Join(path, u.Decider)])
		s["allOf"] = variantSchemas(u)
		if len(u.OneOf) > 0 {
			var one []schema
			for _, key := range u.OneOf {
				one = append(one, schema{"required": []string{key}})
			}
			s["oneOf"] = one
		}
	}
	return s
}

// keySchema describes the value of one key.
func (f *Format) keySchema(path string, t reflect.Type, tag reflect.StructTag) schema {
	var s schema
	switch {
	case t.Kind() == reflect.Pointer:
		return f.keySchema(path, t.Elem(), tag)
	case isTable(f, t):
		return f.tableSchema(path, t)
	case isTables(f, t):
		return schema{"type": "array", "minItems": 1, "items": f.tableSchema(path, t.Elem())}
	case isFree(t):
		return schema{"type": "object", "additionalProperties": schema{
			"oneOf": append(f.openSchemas(tag), schema{"type": "boolean"})}}
	case isList(f, t):
		s = f.listSchema(t, tag)
		if n, err := strconv.Atoi(tag.Get("items")); err == nil {
			s["minItems"] = n
		}
	default:
		s = f.singleSchema(t, tag)
	}
	f.withDefault(s, t, tag)
	return s
}

func (f *Format) listSchema(t reflect.Type, tag reflect.StructTag) schema {
	s := schema{"type": "array", "minItems": 1}
	elem := t.Elem()
	switch {
	case isList(f, elem):
		s["items"] = f.listSchema(elem, tag)
	case elem.Kind() == reflect.Interface:
		var one []schema
		for _, each := range f.openSchemas(tag) {
			one = append(one, schema{"items": each})
		}
		s["oneOf"] = one
	default:
		s["items"] = f.singleSchema(elem, tag)
	}
	if isUnique(f, elem) {
		s["uniqueItems"] = true
	}
	return s
}

// openSchemas describe the two types between which an open list or a free table lets a file
// choose.
func (f *Format) openSchemas(tag reflect.StructTag) []schema {
	return []schema{f.singleSchema(reflect.TypeFor[float64](), tag),
		f.singleSchema(reflect.TypeFor[string](), tag)}
}

// singleSchema describes a value that is neither a list nor a table.
func (f *Format) singleSchema(t reflect.Type, tag reflect.StructTag) schema {
	if isText(f, t) {
		s := schema{"type": "string", "pattern": f.Texts[t].Pattern}
		f.restrict(s, tag)
		return s
	}
	s := schema{}
	switch t.Kind() {
	case reflect.String:
		s["type"] = "string"
		f.restrict(s, tag)
	case reflect.Bool:
		s["type"] = "boolean"
	case reflect.Float64:
		s["type"] = "number"
		bounds(s, tag)
	default:
		s["type"] = "integer"
		if t.Kind() == reflect.Uint64 {
			s["minimum"] = 0
		}
		bounds(s, tag)
	}
	return s
}

// restrict adds what the tags say about strings.
func (f *Format) restrict(s schema, tag reflect.StructTag) {
	if words := f.Enums[tag.Get("enum")]; words != nil {
		s["enum"] = words
		delete(s, "pattern")
	}
	if p, ok := f.Patterns[tag.Get("pattern")]; ok {
		s["pattern"] = p.Form.String()
	}
}

// bounds adds what the tags say about numbers.
func bounds(s schema, tag reflect.StructTag) {
	if v, err := strconv.ParseFloat(tag.Get("min"), 64); err == nil {
		s["minimum"] = v
	}
	if v, err := strconv.ParseFloat(tag.Get("max"), 64); err == nil {
		s["maximum"] = v
	}
}

// withDefault shows the default in the form in which a file would hold it.
func (f *Format) withDefault(s schema, t reflect.Type, tag reflect.StructTag) {
	def := tag.Get("default")
	if _, sentinel := f.Sentinels[def]; def == "" || sentinel {
		return
	}
	v := reflect.New(t).Elem()
	if err := f.setText(v, def); err != nil {
		panic(fmt.Sprintf("%s: default %q of %s: %v", f.Name, def, t, err))
	}
	if isText(f, t) {
		s["default"] = textOf(v)
		return
	}
	s["default"] = v.Interface()
}

// deciderSchema lists the variants with what each means, so that an editor can show it.
func deciderSchema(u *Union, description string) schema {
	var each []schema
	for _, v := range u.Variants {
		each = append(each, schema{"const": v.Name, "description": v.Doc})
	}
	return schema{"description": description, "type": "string", "oneOf": each}
}

// variantSchemas ties the keys of a union to its deciding key.
func variantSchemas(u *Union) []schema {
	var out []schema
	for i := range u.Variants {
		v := &u.Variants[i]
		then := schema{"propertyNames": schema{"enum": u.Keys(v)}}
		if len(v.Required) > 0 {
			then["required"] = v.Required
		}
		out = append(out, schema{
			"if": schema{"properties": schema{u.Decider: schema{"const": v.Name}},
				"required": []string{u.Decider}},
			"then": then,
		})
	}
	return out
}
