// Package strict is the machinery of a file format in TOML in which nothing is guessed: a key that
// is unknown, misspelt, missing, of a wrong type or out of range is an [*Error] with the line and
// the column where it stands, and mostly with what was meant.
//
// A format is a struct with tags and a [Format], which holds what tags are too short for.
// [Format.Decode] fills the struct from a file and returns a [Document]. With that the package of
// the format checks what one key alone cannot tell, such as references between tables: its
// complaints go through [Document.Key], [Document.Value] and [Document.Lacks], and
// [Document.Err] picks the one to show. [Format.Write] writes the struct back, and
// [Format.Schema] describes the format to editors. A test of the package should call
// [Format.Check], which holds tags, descriptions and types against each other.
//
// These are the tags of a field:
//
//	toml     the name of the key; "-" is no key
//	req      "yes" if the key must be there (a union may require more)
//	default  the value if it is not there, with spaces between the entries of a list; else zero
//	min max  the inclusive range of each number, in the text form of the type
//	enum     a name in Format.Enums: what each string may be
//	pattern  a name in Format.Patterns: the form of each string
//	items    the least number of entries of a list, else 1. Only the schema says so: to complain
//	         of fewer is left to the package of the format, which knows what they are for
//
// And these are its types:
//
//	string, bool, int, int64, uint64, float64   as they are called; numbers are finite
//	a type in Format.Texts                      a string with a form of its own
//	a list of any of these                      not empty; no string stands in it twice
//	a list of lists                             likewise
//	[]any                                       numbers (as float64) or strings, each once
//	a struct                                    [name]; one without required keys is never missing
//	a list of structs                           [[name]]
//	map[string]any                              [name] with free keys, each set to a number (as
//	                                            float64), a string or a boolean
//	a pointer to a single value or a struct     nil if the key is not there
//
// Inside, go-toml checks the syntax and builds plain values, an index remembers where each key and
// value stands, and a small decoder driven by the tags fills the struct. The same tags drive the
// writer and the schema, so the three cannot drift apart.
package strict
