package strict

import (
	"cmp"
	"fmt"
	"slices"
)

// A Document knows where everything in a file stands, and collects what is wrong with it. Paths
// look like "resource[0].size"; see [Join] and [Index]. A path that the file does not hold stands
// for the nearest thing that encloses it.
type Document struct {
	name  string
	at    *index
	found []*Error
	// missing are kept apart: a key that is missing is most often one that is misspelt further
	// down, and then the misspelling is what to show.
	missing []*Error
}

// Has reports whether the file itself holds the key at path, as opposed to a default.
func (d *Document) Has(path string) bool { return d.at.has(path) }

// Line returns the line on which the key or the table header of path stands, from 1.
func (d *Document) Line(path string) int { return d.at.key(path).line }

// Key complains about a key or a table, at its name.
func (d *Document) Key(path, format string, args ...any) {
	d.found = append(d.found, d.complaint(d.at.key(path), path, format, args...))
}

// Value complains about what a key is set to, or an entry of a list.
func (d *Document) Value(path, format string, args ...any) {
	d.found = append(d.found, d.complaint(d.at.value(path), path, format, args...))
}

// inValue is Value for a place so many characters into a string.
func (d *Document) inValue(path string, offset int, format string, args ...any) {
	p := d.at.value(path)
	if p.plain {
		p.column += 1 + offset
	}
	d.found = append(d.found, d.complaint(p, path, format, args...))
}

// Lacks complains about the table at path, for want of a key. Such a complaint is shown only if
// there is no other.
func (d *Document) Lacks(path, key, format string, args ...any) {
	d.missing = append(d.missing, d.complaint(d.at.key(path), Join(path, key), format, args...))
}

func (d *Document) complaint(p place, path, format string, args ...any) *Error {
	return &Error{File: d.name, Line: p.line, Column: p.column, Field: path,
		Msg: fmt.Sprintf(format, args...)}
}

// Err returns the earliest complaint in the file, or else the earliest missing key, as an
// [*Error]; or nil if all is well. Decoding goes field by field and checks of one kind after those
// of another, so the first in the file is only known at the end.
func (d *Document) Err() error {
	for _, list := range [][]*Error{d.found, d.missing} {
		if len(list) > 0 {
			return slices.MinFunc(list, func(a, b *Error) int {
				return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
			})
		}
	}
	return nil
}
