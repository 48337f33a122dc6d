package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Schema returns a JSON Schema (draft 2020-12) of the format, for editors. It knows every key,
// its type, range, default and meaning, and which keys go with which verb and kind; references
// between tables are beyond it and only [Parse] checks them.
func Schema() ([]byte, error) {
	s := tableSchema("", reflect.TypeFor[File]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "pitch scenario"
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("scenario schema: %w", err)
	}
	return append(out, '\n'), nil
}

type schema = map[string]any

func tableSchema(path string, t reflect.Type) schema {
	props, required := schema{}, []string{}
	for i := range t.NumField() {
		ft := t.Field(i)
		key := ft.Tag.Get("toml")
		if key == "-" {
			continue
		}
		at := pathKey(path, key)
		p := keySchema(at, ft.Type, ft.Tag)
		p["description"] = descriptions[at]
		props[key] = p
		if ft.Tag.Get("req") == "yes" {
			required = append(required, key)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	if u := unionOf(t); u != nil {
		s["properties"].(schema)[u.decider] = deciderSchema(u, descriptions[pathKey(path, u.decider)])
		s["allOf"] = variantSchemas(u)
	}
	if t == reflect.TypeFor[Step]() {
		s["oneOf"] = []schema{{"required": []string{"when"}}, {"required": []string{"at"}}}
	}
	return s
}

// keySchema describes the value of one key.
func keySchema(path string, t reflect.Type, tag reflect.StructTag) schema {
	if form, ok := textForms[t]; ok {
		s := schema{"type": "string", "pattern": form.pattern}
		restrict(s, tag)
		withDefault(s, t, tag)
		return s
	}
	s := schema{}
	switch t.Kind() {
	case reflect.Struct:
		return tableSchema(path, t)
	case reflect.Slice:
		s["type"], s["minItems"] = "array", 1
		if isTables(t) {
			s["items"] = tableSchema(path, t.Elem())
			return s
		}
		s["items"] = keySchema(path, t.Elem(), tag)
		if t.Elem().Kind() == reflect.Slice {
			s["minItems"] = 2
		} else {
			s["uniqueItems"] = true
			delete(s["items"].(schema), "default")
		}
	case reflect.String:
		s["type"] = "string"
		restrict(s, tag)
	case reflect.Bool:
		s["type"] = "boolean"
	case reflect.Float64:
		s["type"] = "number"
		bounds(s, tag)
	default:
		s["type"] = "integer"
		bounds(s, tag)
		if t.Kind() == reflect.Uint64 {
			s["minimum"] = 0
		}
	}
	withDefault(s, t, tag)
	return s
}

func restrict(s schema, tag reflect.StructTag) {
	if words := enums[tag.Get("enum")]; words != nil {
		s["enum"] = words
		delete(s, "pattern")
	}
	if p, ok := patterns[tag.Get("pattern")]; ok {
		s["pattern"] = p.re.String()
	}
}

func bounds(s schema, tag reflect.StructTag) {
	if v, err := strconv.ParseFloat(tag.Get("min"), 64); err == nil {
		s["minimum"] = v
	}
	if v, err := strconv.ParseFloat(tag.Get("max"), 64); err == nil {
		s["maximum"] = v
	}
}

// withDefault shows the default in the form in which a file would hold it.
func withDefault(s schema, t reflect.Type, tag reflect.StructTag) {
	def := tag.Get("default")
	if def == "" || def == unbounded {
		return
	}
	v := reflect.New(t).Elem()
	if t.Kind() == reflect.String && !isText(v) {
		s["default"] = def
		return
	}
	if err := setText(v, def); err != nil {
		panic(fmt.Sprintf("scenario: default %q of %s: %v", def, t, err))
	}
	if isText(v) {
		s["default"] = textOf(v)
		return
	}
	s["default"] = v.Interface()
}

// deciderSchema lists the variants with what each means, so that an editor can show it.
func deciderSchema(u *union, description string) schema {
	var each []schema
	for _, v := range u.variants {
		each = append(each, schema{"const": v.name, "description": v.doc})
	}
	return schema{"description": description, "type": "string", "oneOf": each}
}

// variantSchemas ties the keys of a union to its deciding key.
func variantSchemas(u *union) []schema {
	var out []schema
	for i := range u.variants {
		v := &u.variants[i]
		then := schema{"propertyNames": schema{"enum": u.keys(v)}}
		if len(v.required) > 0 {
			then["required"] = v.required
		}
		out = append(out, schema{
			"if": schema{"properties": schema{u.decider: schema{"const": v.name}},
				"required": []string{u.decider}},
			"then": then,
		})
	}
	return out
}
