package scenario

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// The struct tags that describe a key of the format:
//
//	toml     its name; "-" is no key
//	req      "yes" if the key must be there (a union may require more)
//	default  the value if it is not there; else the zero value
//	min max  the inclusive range, in the text form of the type
//	enum     a name in enums; of a list: what each entry may be
//	pattern  a name in patterns

// patterns are the forms of names, with how to describe them in a message.
var patterns = map[string]struct {
	re   *regexp.Regexp
	what string
}{
	"name": {regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`),
		"1 to 64 letters, digits, underscores, dots and hyphens"},
	"slug": {regexp.MustCompile(`^[a-z0-9-]{1,128}$`),
		"1 to 128 lower-case letters, digits and hyphens"},
}

// enums are the closed sets of words.
var enums = map[string][]string{
	"worlds":   {"sim", "local"},
	"sectors":  {"512B", "4KiB"},
	"unsynced": {"keep", "lose-all", "lose-some"},
	"faults": {"drop", "delay", "duplicate", "reorder", "partition", "pause", "crash", "disk-slow",
		"torn-write"},
	"verdicts": {"ok", "violated"},
	"checks": {"linearizable", "prefix", "durable", "rpo", "lineage", "converges",
		"one-primary"},
}

// unbounded is the default that stands for Unbounded in types whose text has no such value.
const unbounded = "unbounded"

// setText sets rv from the text of a tag.
func setText(rv reflect.Value, s string) error {
	if s == unbounded {
		if rv.CanFloat() {
			rv.SetFloat(Unbounded)
		} else {
			rv.SetInt(Unbounded)
		}
		return nil
	}
	if isText(rv) {
		return rv.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch rv.Kind() {
	case reflect.String:
		rv.SetString(s)
	case reflect.Slice:
		rv.Set(reflect.ValueOf(strings.Fields(s)))
	case reflect.Bool:
		rv.SetBool(s == "true")
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
	default:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return err
		}
		rv.SetInt(n)
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

// textForms are the types that a file holds as strings with a form of their own.
var textForms = map[reflect.Type]struct{ what, pattern string }{
	reflect.TypeFor[Duration](): {`a duration such as "200us"`,
		`^-?([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+$`},
	reflect.TypeFor[Bytes](): {`a size such as "64MiB"`,
		`^[0-9]+(\.[0-9]+)?([KMGT]iB|[kMGT]?B)$`},
	reflect.TypeFor[Rate](): {`a rate in bits such as "1Gbit/s"`,
		`^[0-9]+(\.[0-9]+)?[kMGT]?bit/s$`},
	reflect.TypeFor[ByteRate](): {`a rate in bytes such as "200MiB/s"`,
		`^[0-9]+(\.[0-9]+)?([KMGT]iB|[kMGT]?B)/s$`},
	reflect.TypeFor[FaultRate](): {`a rate such as "1 per 500 ops"`,
		`^ *[0-9]+ +per +[0-9]+ +ops *$`},
	reflect.TypeFor[Until](): {`"heal", "end" or a duration such as "5s"`,
		`^(heal|end|([0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns))+)$`},
	reflect.TypeFor[Condition](): {`a condition such as "acked(w1) >= 100"`, `\(`},
}

func isText(rv reflect.Value) bool {
	_, ok := textForms[rv.Type()]
	return ok
}

// isTables reports whether t is written as [[name]].
func isTables(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}
