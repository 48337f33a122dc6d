package strict

import (
	"reflect"
	"regexp"
	"slices"
)

// A Format is everything about a file format besides the struct that it is read into. It is not
// changed by its methods.
type Format struct {
	// Name is what one file is called in messages, such as "scenario".
	Name string
	// MaxMiB is how large a file may be, and with it the work on a hostile one; 0 means 1.
	MaxMiB int
	// Enums are the closed sets of words, by the name that the tag enum gives.
	Enums map[string][]string
	// Patterns are the forms of strings, by the name that the tag pattern gives.
	Patterns map[string]Pattern
	// Texts are the types that a file holds as strings with a form of their own. They implement
	// encoding.TextMarshaler, and their pointers encoding.TextUnmarshaler.
	Texts map[reflect.Type]TextForm
	// Unions are the tables whose keys depend on one of them.
	Unions map[reflect.Type]*Union
	// Sentinels are words for the tag default, with the number that they stand for. It is one that
	// no file can hold, so the schema shows no default then and the writer leaves the key out.
	Sentinels map[string]int64
	// Descriptions teach the format, one entry a key. The path is that of the key without indexes.
	Descriptions map[string]string
}

// A Pattern is the form of a string.
type Pattern struct {
	Form *regexp.Regexp
	// What describes the form in a message, after "expected".
	What string
}

// A TextForm is how values of a type look.
type TextForm struct {
	// What describes a value in a message, after "expected", such as `a size such as "64MiB"`.
	What string
	// Pattern is a regular expression for the schema; it may accept more than the type does.
	Pattern string
	// Offset returns how many characters stand before the place that an error of UnmarshalText is
	// about, and whether the error tells. It is nil for types whose errors never do.
	Offset func(error) (int, bool)
}

// A Union is a table whose keys depend on one of them, which is required.
type Union struct {
	// Decider is the key that the others depend on. It holds the name of a variant.
	Decider string
	// Common are the keys of all variants, with the decider.
	Common   []string
	Variants []Variant
	// OneOf are keys of which each table holds exactly one; nil if there are none. The schema says
	// so and the writer writes the first that is not zero, or else the last. To complain is left
	// to the package of the format, which knows what to call them.
	OneOf []string
}

// A Variant lists the keys that one value of a deciding key brings with it.
type Variant struct {
	Name               string
	Required, Optional []string
	// Doc says what the variant means, for the schema.
	Doc string
}

// Find returns the variant of that name, or nil.
func (u *Union) Find(name string) *Variant {
	for i := range u.Variants {
		if u.Variants[i].Name == name {
			return &u.Variants[i]
		}
	}
	return nil
}

// Names returns the names of the variants in their order.
func (u *Union) Names() []string {
	var out []string
	for _, v := range u.Variants {
		out = append(out, v.Name)
	}
	return out
}

// Keys lists what a table of variant v may hold.
func (u *Union) Keys(v *Variant) []string {
	return slices.Concat(u.Common, v.Required, v.Optional)
}

// allKeys lists the keys of all variants.
func (u *Union) allKeys() []string {
	out := slices.Clone(u.Common)
	for i := range u.Variants {
		out = append(out, u.Keys(&u.Variants[i])...)
	}
	return out
}
